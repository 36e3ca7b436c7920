/* SPDX-License-Identifier: MIT */
/* smi_kernel.place with what all instruction sets have: a vector of keys at a time, value by
 * value. Included after peel.h. */
#ifndef SMI_SORT_PLACE_H
#define SMI_SORT_PLACE_H

#include "sort/kernel/kernel.h"
#include "sort/kernel/peel.h"

/* Writes those lanes of `index` from `place` on, before `end`; answers where they end. A
 * whole vector is written where there is room: what it writes too much belongs
 * to the same value and is written again. */
INLINE size_t put_indices(bool narrow, void *out, size_t place, size_t end, v64 index, v64_mask which)
{
	size_t n = (unsigned)__builtin_popcount(v64_lanes(which));
	uint64_t some[V64_LANES];
	v64 first = v64_gather_lanes(index, which);

	if (__builtin_expect(place + V64_LANES > end, 0)) {
		v64_store(some, first);
		for (size_t k = 0; k < n; k++)
			put_index(narrow, out, place + k, some[k]);
	} else if (narrow) {
		v64_store_narrow((uint32_t *)out + place, first);
	} else {
		v64_store((uint64_t *)out + place, first);
	}
	return place + n;
}

INLINE void place_marks(bool narrow, const uint8_t *mark, size_t lo, size_t hi, const size_t values,
			size_t *restrict next, const size_t *restrict end, void *restrict out)
{
	v64 index = v64_add(v64_count(), v64_set(lo));
	size_t i = lo;

	for (; i + V64_LANES <= hi; i += V64_LANES) {
		v64 which = v64_bits(SMI_INT8, mark + i);

		UNROLL
		for (size_t j = 0; j < values; j++)
			next[j] = put_indices(narrow, out, next[j], end[j], index,
					      v64_equal(which, v64_set(j)));
		index = v64_add(index, v64_set(V64_LANES));
	}
	for (; i < hi; i++)
		if (mark[i] < values)
			put_index(narrow, out, next[mark[i]]++, i);
}

INLINE void place_few(bool narrow, const uint8_t *mark, size_t lo, size_t hi, size_t values, size_t *next,
		      const size_t *end, void *out)
{
	switch (values) {
	case 1:
		place_marks(narrow, mark, lo, hi, 1, next, end, out);
		break;
	case 2:
		place_marks(narrow, mark, lo, hi, 2, next, end, out);
		break;
	case 3:
		place_marks(narrow, mark, lo, hi, 3, next, end, out);
		break;
	default:
		place_marks(narrow, mark, lo, hi, SMI_PLACED_ANYWHERE, next, end, out);
	}
}

/* At most SMI_PLACED_ANYWHERE values. */
static void kernel_place(const uint8_t *mark, size_t lo, size_t hi, size_t values, size_t *next,
			 const size_t *end, uint64_t *out)
{
	place_few(false, mark, lo, hi, values, next, end, out);
}

static void kernel_place_narrow(const uint8_t *mark, size_t lo, size_t hi, size_t values, size_t *next,
				const size_t *end, uint32_t *out)
{
	place_few(true, mark, lo, hi, values, next, end, out);
}

#endif
