/* SPDX-License-Identifier: MIT */
/* Taking keys of a few frequent values out, for argsort: each key is marked by which of
 * them it has, they are counted, the others become records; then the frequent ones'
 * indices are written where they belong, by the marks alone (place*.h). Included by each
 * kernel after spread.h and both widths of mark.h. */
#ifndef SMI_SORT_PEEL_H
#define SMI_SORT_PEEL_H

#include "sort/kernel/kernel.h"
#include "sort/kernel/scan.h"
#include "sort/kernel/spread.h"

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

/* The records of those whose mark is `none`, side by side. Adds how many to `kept`. */
INLINE void peel_others(enum smi_kind kind, enum smi_map_kind how, const struct smi_keys *keys,
			const struct smi_pack *shared, size_t lo, size_t hi, const uint8_t *mark, size_t none,
			uint64_t *rest, size_t *kept)
{
	const struct smi_pack own = *shared, *pack = &own; /* no store can change it */
	v64 index = v64_add(v64_count(), v64_set(lo));
	size_t i = lo, n = *kept;

	for (; i + V64_LANES <= hi; i += V64_LANES) {
		v64 record = packed(kind, how, keys, pack, smi_key_at(keys->base, kind, i), index);
		v64_mask others = v64_equal(v64_bits(SMI_INT8, mark + i), v64_set(none));

		v64_store(rest + n, v64_gather_lanes(record, others));
		n += (unsigned)__builtin_popcount(v64_lanes(others));
		index = v64_add(index, v64_set(V64_LANES));
	}
	for (; i < hi; i++)
		if (mark[i] == none)
			rest[n++] = packed_at(kind, how, pack, keys, i);
	*kept = n;
}

static size_t peel_block(const struct smi_keys *keys, const struct smi_pack *pack, size_t lo, size_t hi,
			 const uint8_t *mark, size_t none, uint64_t *rest)
{
	size_t kept = 0;

	FOR_EACH_MAP(keys->kind, pack->map.kind, peel_others, keys, pack, lo, hi, mark, none, rest, &kept)
	return kept;
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

/* How many of so many keys will mostly have a value that is that of `count` of n: two and a
 * half standard deviations more than the mean. As many are written in any case, since to ask
 * how many there are costs more than a store too many. */
static inline size_t usual_number(size_t keys, size_t count, size_t n)
{
	double mean = n ? (double)keys * (double)count / (double)n : 0;
	size_t more = 0; /* counted up to 2.5 roots of the mean: sqrt() may want libm */

	while ((double)(more * more) < 6.25 * mean)
		more++;
	return (size_t)mean + more;
}

#endif
