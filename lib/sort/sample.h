/* SPDX-License-Identifier: MIT */
/* What a sample of the keys says about frequent values. */
#ifndef SMI_SORT_SAMPLE_H
#define SMI_SORT_SAMPLE_H

#include "sort/kernel/kernel.h"

/* From so many keys on the sample is larger. */
#define SMI_SAMPLE_MORE (1 << 12)
#define SMI_SAMPLE_MOST (1 << 16)

/* Of a few sampled keys, do many have the value of another one? */
bool smi_sample_recurs(const struct smi_keys *keys, size_t n);

/* What is worth it: at most so many values; more than `few` only if those beyond are so
 * many in a hundred themselves; of more than the fewest keys sampled, a value so often. */
struct smi_sample_wish {
	size_t most, few;
	unsigned beyond, often;
};

/* Finds the images of values that seem to be those of many keys; of how many in a
 * hundred, taken together? 0: there are none. */
unsigned smi_sample_frequent(struct smi_frequent *frequent, const struct smi_keys *keys, size_t n,
			     const struct smi_sample_wish *wish);

#endif
