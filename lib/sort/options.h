/* SPDX-License-Identifier: MIT */
/* The options of all sorting functions, checked and settled. */
#ifndef SMI_SORT_OPTIONS_H
#define SMI_SORT_OPTIONS_H

#include <sharedmem/sort.h>

/* 0 or -EINVAL. */
int smi_options_check(const struct shared_sort_options *options);

/* How many threads are wanted for work that pays for any. */
int smi_options_np(const struct shared_sort_options *options);

static inline bool smi_options_descending(const struct shared_sort_options *options)
{
	return options && options->descending;
}

#endif
