/* SPDX-License-Identifier: MIT */
/* The range of the images of many keys, by all threads. */
#ifndef SMI_SORT_RANGE_H
#define SMI_SORT_RANGE_H

#include "sort/crew/crew.h"
#include "sort/kernel/kernel.h"

/* The range of n > 0 keys, in at most `parts` parts. */
void smi_range_of(struct smi_range *range, const struct smi_kernel *kernel,
		  const struct smi_crew *crew, const struct smi_keys *keys, size_t n,
		  size_t parts);

#endif
