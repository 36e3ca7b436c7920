/* SPDX-License-Identifier: MIT */
/* What a sample of the keys says about frequent values. */
#ifndef SMI_SORT_SAMPLE_H
#define SMI_SORT_SAMPLE_H

#include "sort/kernel.h"

/* From so many keys on the sample is larger. */
#define SMI_SAMPLE_MORE (1 << 12)
#define SMI_SAMPLE_MOST (1 << 16)

/* Of a few sampled keys, do many have the value of another one? */
bool smi_sample_recurs(const struct smi_keys *keys, size_t n);

/* Finds the images of `most` values or fewer that seem to be those of many keys; of
 * how many in a hundred, taken together? 0: there are none. More than `few` only if those
 * beyond are so many in a hundred themselves. */
unsigned smi_sample_frequent(struct smi_frequent *frequent, const struct smi_keys *keys, size_t n,
			     size_t most, size_t few, unsigned worth);

#endif
