/* SPDX-License-Identifier: MIT */
/* The parts of a step. */
#ifndef SMI_SORT_CUT_H
#define SMI_SORT_CUT_H

#include <stddef.h>

/* Part `part` of `parts` of 0 ... n-1, cut at multiples of 64. */
static inline void smi_cut(size_t n, size_t parts, size_t part, size_t *lo, size_t *hi)
{
	size_t size = (n / parts + 63) / 64 * 64;

	*lo = part * size < n ? part * size : n;
	*hi = part + 1 == parts || *lo + size > n ? n : *lo + size;
}

#endif
