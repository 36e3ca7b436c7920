/* SPDX-License-Identifier: MIT */
/* What an image does not tell about a float: the sign of a zero, the bits of a
 * NaN. They are put aside in input order before floats are sorted in place,
 * and written over the zeros and NaNs of the result. */
#ifndef SMI_SORT_SPECIALS_H
#define SMI_SORT_SPECIALS_H

#include "sort/crew/crew.h"
#include "sort/kernel/kernel.h"

struct smi_specials {
	uint64_t *nans;
	uint8_t *signs;  /* of zeros: 1 for -0 */
	size_t nan_count, zero_count;
};

/* Collects them; 0 or -ENOMEM. */
int smi_specials_init(struct smi_specials *specials, const struct smi_kernel *kernel,
		      const struct smi_crew *crew, const struct smi_keys *keys, size_t n,
		      const struct smi_range *range);
/* Writes them into the n sorted keys, of which NaNs may be missing at the end. */
void smi_specials_restore(const struct smi_specials *specials, const struct smi_keys *keys,
			  void *sorted, size_t n);
void smi_specials_fini(struct smi_specials *specials);

#endif
