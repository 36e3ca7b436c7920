/* SPDX-License-Identifier: MIT */
/* Taking keys of a few frequent values out: they are counted, the others become
 * records; then the frequent ones' indices are written where they belong.
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

INLINE size_t tally_sum(v64 count)
{
	uint64_t one[V64_LANES];
	size_t sum = 0;

	v64_store(one, count);
	for (size_t i = 0; i < V64_LANES; i++)
		sum += one[i];
	return sum;
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

INLINE void peel_keys(enum smi_kind kind, bool narrow, bool indexed, const size_t values,
		      const struct smi_keys *keys, const struct smi_pack *pack, size_t lo,
		      size_t hi, const struct smi_frequent *frequent, struct smi_peeled *peeled,
		      void *rest)
{
	uint64_t minus_zero = smi_kind_mask(kind) ^ smi_kind_mask(kind) >> 1;
	v64 index = v64_add(v64_count(), v64_set(lo));
	v64 common[SMI_FREQUENT], count[SMI_FREQUENT];
	size_t i = lo, kept = 0;
	bool zero = false;

	frequent_load(common, frequent, values);
	UNROLL
	for (size_t j = 0; j < values; j++)
		count[j] = v64_set(0);
	for (; i + V64_LANES <= hi; i += V64_LANES) {
		const void *p = smi_key_at(keys->base, kind, i);
		v64 image = v64_image(kind, keys->flip, p), record = image;
		v64_mask frequent_ones = v64_none();
		unsigned which;

		UNROLL
		for (size_t j = 0; j < values; j++) {
			v64_mask here = v64_equal(image, common[j]);

			count[j] = v64_tally(count[j], here);
			frequent_ones = v64_either(frequent_ones, here);
		}
		which = v64_lanes(frequent_ones) ^ ALL_LANES;
		if (indexed) {
			record = packed(pack, image, index);
			index = v64_add(index, v64_set(V64_LANES));
		}
		record = v64_gather_lanes(record, which);
		if (narrow)
			v64_store_narrow((uint32_t *)rest + kept, record);
		else
			v64_store((uint64_t *)rest + kept, record);
		kept += (unsigned)__builtin_popcount(which);
		if (smi_kind_float(kind) && !indexed)
			zero |= v64_any_equal(v64_bits(kind, p), v64_set(minus_zero));
	}
	UNROLL
	for (size_t j = 0; j < values; j++)
		if (j < frequent->n)
			peeled->count[j] = tally_sum(count[j]);
	for (; i < hi; i++) {
		size_t j = frequent_at(frequent, smi_key_image(keys, i));

		if (j < frequent->n)
			peeled->count[j]++;
		else
			put_record(narrow, rest, kept++, packed_at(pack, keys, i));
		if (smi_kind_float(kind))
			zero |= smi_key_load(smi_key_at(keys->base, kind, i), kind) == minus_zero;
	}
	peeled->rest = kept;
	peeled->minus_zero = zero;
}

static void kernel_peel(const struct smi_keys *keys, const struct smi_pack *pack, size_t lo,
			size_t hi, const struct smi_frequent *frequent, struct smi_peeled *peeled,
			uint64_t *rest)
{
	if (frequent->n <= TWO && pack->indexed)
		FOR_EACH_KIND(keys->kind, peel_keys, false, true, TWO, keys, pack, lo, hi,
			      frequent, peeled, rest)
	if (frequent->n <= TWO)
		FOR_EACH_KIND(keys->kind, peel_keys, false, false, TWO, keys, pack, lo, hi,
			      frequent, peeled, rest)
	if (pack->indexed)
		FOR_EACH_KIND(keys->kind, peel_keys, false, true, SMI_PLACED, keys, pack, lo, hi,
			      frequent, peeled, rest)
	FOR_EACH_KIND(keys->kind, peel_keys, false, false, SMI_FREQUENT, keys, pack, lo, hi,
		      frequent, peeled, rest)
}

static void kernel_peel_narrow(const struct smi_keys *keys, const struct smi_pack *pack, size_t lo,
			       size_t hi, const struct smi_frequent *frequent,
			       struct smi_peeled *peeled, uint32_t *rest)
{
	if (frequent->n <= TWO)
		FOR_EACH_KIND(keys->kind, peel_keys, true, false, TWO, keys, pack, lo, hi,
			      frequent, peeled, rest)
	FOR_EACH_KIND(keys->kind, peel_keys, true, false, SMI_FREQUENT, keys, pack, lo, hi,
		      frequent, peeled, rest)
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
