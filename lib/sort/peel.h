/* SPDX-License-Identifier: MIT */
/* Taking keys of a few frequent values out, for argsort: they are counted, the others
 * become records; then the frequent ones' indices are written where they belong.
 * Included by each kernel after spread.h. */
#ifndef SMI_SORT_PEEL_H
#define SMI_SORT_PEEL_H

#include "sort/kernel.h"
#include "sort/scan.h"
#include "sort/spread.h"

enum { ALL_LANES = (1 << V64_LANES) - 1, TWO = 2 };

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
	v64 common[SMI_PLACED], count[SMI_PLACED];
	size_t i = lo, kept = 0;

	frequent_load(common, frequent, values);
	UNROLL
	for (size_t j = 0; j < values; j++)
		count[j] = v64_set(0);
	for (; i + V64_LANES <= hi; i += V64_LANES) {
		v64 image = v64_image(kind, keys->flip, smi_key_at(keys->base, kind, i));
		v64_mask frequent_ones = v64_none();
		unsigned others;

		UNROLL
		for (size_t j = 0; j < values; j++) {
			v64_mask here = v64_equal(image, common[j]);

			count[j] = v64_tally(count[j], here);
			frequent_ones = v64_either(frequent_ones, here);
		}
		others = v64_lanes(frequent_ones) ^ ALL_LANES;
		v64_store(rest + kept, v64_gather_lanes(packed(pack, image, index), others));
		kept += (unsigned)__builtin_popcount(others);
		index = v64_add(index, v64_set(V64_LANES));
	}
	UNROLL
	for (size_t j = 0; j < values; j++)
		if (j < frequent->n)
			peeled->count[j] = tally_sum64(count[j]);
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

/* Writes the lanes of `index` that are asked for from `place` on, before `end`. A
 * whole vector is written where there is room: what it writes too much belongs
 * to the same image and is written again. */
INLINE void put_indices(bool narrow, void *out, size_t place, size_t end, v64 index, unsigned which)
{
	uint64_t some[V64_LANES];
	v64 first = v64_gather_lanes(index, which);

	if (__builtin_expect(place + V64_LANES > end, 0)) {
		if (which == 0)
			return;
		v64_store(some, first);
		for (int n = __builtin_popcount(which), k = 0; k < n; k++)
			put_record(narrow, out, place + (size_t)k, some[k]);
		return;
	}
	if (narrow)
		v64_store_narrow((uint32_t *)out + place, first);
	else
		v64_store((uint64_t *)out + place, first);
}

INLINE void place_keys(enum smi_kind kind, bool narrow, const size_t values,
		       const struct smi_keys *keys, size_t lo, size_t hi,
		       const struct smi_frequent *frequent, size_t *restrict next,
		       const size_t *restrict end, void *restrict out)
{
	v64 index = v64_add(v64_count(), v64_set(lo)), step = v64_set(V64_LANES);
	v64 common[SMI_PLACED];
	unsigned lanes[SMI_PLACED]; /* none for copies */
	size_t i = lo;

	frequent_load(common, frequent, values);
	UNROLL
	for (size_t j = 0; j < values; j++)
		lanes[j] = j < frequent->n ? ALL_LANES : 0;
	for (; i + V64_LANES <= hi; i += V64_LANES) {
		v64 image = v64_image(kind, keys->flip, smi_key_at(keys->base, kind, i));

		UNROLL
		for (size_t j = 0; j < values; j++) {
			unsigned here = v64_lanes(v64_equal(image, common[j])) & lanes[j];

			put_indices(narrow, out, next[j], end[j], index, here);
			next[j] += (unsigned)__builtin_popcount(here);
		}
		index = v64_add(index, step);
	}
	for (; i < hi; i++) {
		size_t j = frequent_at(frequent, smi_key_image(keys, i));

		if (j < frequent->n)
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
