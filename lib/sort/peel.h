/* SPDX-License-Identifier: MIT */
/* Taking keys of a few frequent values out, for argsort: they are counted, the others
 * become records; then the frequent ones' indices are written where they belong.
 * Included by each kernel after spread.h. */
#ifndef SMI_SORT_PEEL_H
#define SMI_SORT_PEEL_H

#include "sort/kernel.h"
#include "sort/scan.h"
#include "sort/spread.h"

enum { TWO = 2 };

/* Frequent images as one vector each, `values` of them; those beyond the
 * last are copies of the first. */
INLINE void frequent_load(v64 *image, const struct smi_frequent *frequent, const size_t values)
{
	UNROLL
	for (size_t j = 0; j < values; j++)
		image[j] = v64_set(frequent->image[j < frequent->n ? j : 0]);
}

INLINE void put_record(bool narrow, void *rest, size_t place, uint64_t record)
{
	if (narrow)
		((uint32_t *)rest)[place] = (uint32_t)record;
	else
		((uint64_t *)rest)[place] = record;
}

/* Which of the frequent images this is, or their number. */
INLINE size_t frequent_at(const struct smi_frequent *frequent, uint64_t image)
{
	size_t j = 0;

	while (j < frequent->n && frequent->image[j] != image)
		j++;
	return j;
}

INLINE void peel_keys(enum smi_kind kind, const size_t values, const struct smi_keys *keys,
		      const struct smi_pack *pack, size_t lo, size_t hi,
		      const struct smi_frequent *frequent, struct smi_peeled *peeled, uint64_t *rest)
{
	v64 index = v64_add(v64_count(), v64_set(lo));
	v64 common[SMI_PLACED], left[SMI_PLACED]; /* of which none of the first j is left */
	size_t i = lo, kept = 0, before, after;

	frequent_load(common, frequent, values);
	UNROLL
	for (size_t j = 0; j < values; j++)
		left[j] = v64_set(0);
	for (; i + V64_LANES <= hi; i += V64_LANES) {
		v64 image = v64_image(kind, keys->flip, smi_key_at(keys->base, kind, i));
		v64_mask others = v64_all();

		UNROLL
		for (size_t j = 0; j < values; j++) {
			others = v64_unlike(others, image, common[j]);
			left[j] = v64_tally(left[j], others);
		}
		v64_store(rest + kept, v64_gather_lanes(packed(pack, image, index), others));
		kept += (unsigned)__builtin_popcount(v64_lanes(others));
		index = v64_add(index, v64_set(V64_LANES));
	}
	before = i - lo;
	UNROLL
	for (size_t j = 0; j < values; j++, before = after) {
		after = tally_sum64(left[j]);
		if (j < frequent->n)
			peeled->count[j] = before - after;
	}
	for (; i < hi; i++) {
		size_t j = frequent_at(frequent, smi_key_image(keys, i));

		if (j < frequent->n)
			peeled->count[j]++;
		else
			rest[kept++] = packed_at(pack, keys, i);
	}
	peeled->rest = kept;
	peeled->minus_zero = false;
}

static void kernel_peel(const struct smi_keys *keys, const struct smi_pack *pack, size_t lo,
			size_t hi, const struct smi_frequent *frequent, struct smi_peeled *peeled,
			uint64_t *rest)
{
	if (frequent->n <= TWO)
		FOR_EACH_KIND(keys->kind, peel_keys, TWO, keys, pack, lo, hi, frequent, peeled, rest)
	FOR_EACH_KIND(keys->kind, peel_keys, SMI_PLACED, keys, pack, lo, hi, frequent, peeled, rest)
}

/* Writes those lanes of `index` from `place` on, before `end`; answers where they end. A
 * whole vector is written where there is room: what it writes too much belongs
 * to the same image and is written again. */
INLINE size_t put_indices(bool narrow, void *out, size_t place, size_t end, v64 index, v64_mask which)
{
	size_t n = (unsigned)__builtin_popcount(v64_lanes(which));
	uint64_t some[V64_LANES];
	v64 first = v64_gather_lanes(index, which);

	if (__builtin_expect(place + V64_LANES > end, 0)) {
		v64_store(some, first);
		for (size_t k = 0; k < n; k++)
			put_record(narrow, out, place + k, some[k]);
	} else if (narrow) {
		v64_store_narrow((uint32_t *)out + place, first);
	} else {
		v64_store((uint64_t *)out + place, first);
	}
	return place + n;
}

INLINE void place_keys(enum smi_kind kind, bool narrow, const size_t values,
		       const struct smi_keys *keys, size_t lo, size_t hi,
		       const struct smi_frequent *frequent, size_t *restrict next,
		       const size_t *restrict end, void *restrict out)
{
	v64 index = v64_add(v64_count(), v64_set(lo)), step = v64_set(V64_LANES);
	v64 common[SMI_PLACED];
	const size_t n = frequent->n;
	size_t i = lo;

	frequent_load(common, frequent, values);
	for (; i + V64_LANES <= hi; i += V64_LANES) {
		v64 image = v64_image(kind, keys->flip, smi_key_at(keys->base, kind, i));

		UNROLL
		for (size_t j = 0; j < values; j++)
			if (j < n)
				next[j] = put_indices(narrow, out, next[j], end[j], index,
						      v64_equal(image, common[j]));
		index = v64_add(index, step);
	}
	for (; i < hi; i++) {
		size_t j = frequent_at(frequent, smi_key_image(keys, i));

		if (j < n)
			put_record(narrow, out, next[j]++, i);
	}
}

static void kernel_place(const struct smi_keys *keys, size_t lo, size_t hi,
			 const struct smi_frequent *frequent, size_t *next, const size_t *end,
			 uint64_t *out)
{
	if (frequent->n <= TWO)
		FOR_EACH_KIND(keys->kind, place_keys, false, TWO, keys, lo, hi, frequent, next, end, out)
	FOR_EACH_KIND(keys->kind, place_keys, false, SMI_PLACED, keys, lo, hi, frequent, next, end,
		      out)
}

static void kernel_place_narrow(const struct smi_keys *keys, size_t lo, size_t hi,
				const struct smi_frequent *frequent, size_t *next,
				const size_t *end, uint32_t *out)
{
	if (frequent->n <= TWO)
		FOR_EACH_KIND(keys->kind, place_keys, true, TWO, keys, lo, hi, frequent, next, end, out)
	FOR_EACH_KIND(keys->kind, place_keys, true, SMI_PLACED, keys, lo, hi, frequent, next, end,
		      out)
}

#endif
