/* SPDX-License-Identifier: MIT */
/* Sorting keys of one or two bytes in place: how often does each value occur? */
#ifndef SMI_SORT_COUNT_H
#define SMI_SORT_COUNT_H

#include "sort/key.h"
#include <sharedmem/sort.h>

/* From so many 2-byte keys on it is the faster way. */
#define SMI_COUNT_WORTH 400000

/* `out` is the keys' memory. 0 or -ENOMEM. */
int smi_count_sort(const struct smi_keys *keys, size_t n, void *out,
		   const struct shared_sort_options *options);

#endif
