/* SPDX-License-Identifier: MIT */
/* Taking keys of a few frequent values out, for argsort: each key is marked by which of
 * them it has, they are counted, the others become records; then the frequent ones'
 * indices are written where they belong, by the marks alone. Included by each kernel
 * after spread.h and both widths of mark.h. */
#ifndef SMI_SORT_PEEL_H
#define SMI_SORT_PEEL_H

#include "sort/kernel.h"
#include "sort/scan.h"
#include "sort/spread.h"

enum { PEEL_BLOCK = 1024 }; /* keys, whose marks stay in the nearest cache */

INLINE void mark_of(enum smi_kind kind, const struct smi_keys *keys, size_t lo, size_t hi,
		    const struct smi_frequent *frequent, uint8_t *mark)
{
	if (smi_kind_size(kind) == 8)
		mark_kind64(kind, keys, lo, hi, frequent, mark);
	else
		mark_kind32(kind, keys, lo, hi, frequent, mark);
}

static void mark_block(const struct smi_keys *keys, size_t lo, size_t hi,
		       const struct smi_frequent *frequent, uint8_t *mark)
{
	FOR_EACH_KIND(keys->kind, mark_of, keys, lo, hi, frequent, mark)
}

/* Adds up who has mark 0 ... values-1. How many, together. */
INLINE size_t count_marks(const uint8_t *mark, size_t lo, size_t hi, size_t values, size_t *count)
{
	size_t sum = 0, here, i;

	for (size_t j = 0; j < values; j++, sum += here) {
		here = 0;
		for (i = lo; i + BYTES <= hi; i += BYTES)
			here += bytes_equal(mark + i, (unsigned)j);
		for (; i < hi; i++)
			here += mark[i] == j;
		count[j] += here;
	}
	return sum;
}

/* The records of those whose mark is `none`, side by side. How many. */
INLINE size_t peel_others(enum smi_kind kind, const struct smi_keys *keys, const struct smi_pack *pack,
			  size_t lo, size_t hi, const uint8_t *mark, size_t none, uint64_t *rest)
{
	v64 index = v64_add(v64_count(), v64_set(lo));
	size_t i = lo, kept = 0;

	for (; i + V64_LANES <= hi; i += V64_LANES) {
		v64 image = v64_image(kind, keys->flip, smi_key_at(keys->base, kind, i));
		v64_mask others = v64_equal(v64_bits(SMI_INT8, mark + i), v64_set(none));

		v64_store(rest + kept, v64_gather_lanes(packed(pack, image, index), others));
		kept += (unsigned)__builtin_popcount(v64_lanes(others));
		index = v64_add(index, v64_set(V64_LANES));
	}
	for (; i < hi; i++)
		if (mark[i] == none)
			rest[kept++] = packed_at(pack, keys, i);
	return kept;
}

INLINE size_t peel_block(const struct smi_keys *keys, const struct smi_pack *pack, size_t lo, size_t hi,
			 const uint8_t *mark, size_t none, uint64_t *rest)
{
	FOR_EACH_KIND(keys->kind, peel_others, keys, pack, lo, hi, mark, none, rest)
}

static void kernel_peel(const struct smi_keys *keys, const struct smi_pack *pack, size_t lo, size_t hi,
			const struct smi_frequent *frequent, struct smi_peeled *peeled, uint8_t *mark,
			uint64_t *rest)
{
	size_t kept = 0, end;

	memset(peeled, 0, sizeof *peeled);
	for (; lo < hi; lo = end) {
		end = hi - lo < PEEL_BLOCK ? hi : lo + PEEL_BLOCK;
		mark_block(keys, lo, end, frequent, mark);
		if (count_marks(mark, lo, end, frequent->n, peeled->count) < end - lo)
			kept += peel_block(keys, pack, lo, end, mark, frequent->n, rest + kept);
	}
	peeled->rest = kept;
}

INLINE void put_index(bool narrow, void *out, size_t place, uint64_t index)
{
	if (narrow)
		((uint32_t *)out)[place] = (uint32_t)index;
	else
		((uint64_t *)out)[place] = index;
}

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
