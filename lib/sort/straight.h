/* SPDX-License-Identifier: MIT */
/* Keys that lie in order already, or in reverse. */
#ifndef SMI_SORT_STRAIGHT_H
#define SMI_SORT_STRAIGHT_H

#include "sort/job.h"

/* When the keys are in order, or in reverse order, writes the sink and returns
 * true. Keys are read until the order is broken: for most inputs a few. */
bool smi_straight(struct smi_job *job);

/* Part `part` of `parts` of 0 ... n-1, cut at multiples of 64. */
static inline void smi_cut(size_t n, size_t parts, size_t part, size_t *lo, size_t *hi)
{
	size_t size = (n / parts + 63) / 64 * 64;

	*lo = part * size < n ? part * size : n;
	*hi = part + 1 == parts || *lo + size > n ? n : *lo + size;
}

#endif
