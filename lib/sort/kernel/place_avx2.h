/* SPDX-License-Identifier: MIT */
/* smi_kernel.place for AVX2: the indices of 32 keys that have one value at a time. Of a
 * rare value they are found one by one, of another one by eights, from a table. Included
 * after peel.h. */
#ifndef SMI_SORT_PLACE_AVX2_H
#define SMI_SORT_PLACE_AVX2_H

#include "sort/kernel/kernel.h"
#include "sort/kernel/peel.h"

enum {
	AT_ONCE = 32, /* keys */
	RARE = 6      /* as many as are found one by one */
};

/* The indices of `number` of a set of keys, or too many. */
INLINE void put_one_by_one(bool narrow, void *out, size_t place, uint32_t set, size_t number, uint64_t first)
{
	for (size_t k = 0; k < number; k++, set &= set - 1)
		put_index(narrow, out, place + k, first + _tzcnt_u32(set));
}

/* Those of the whole set; eight may be written too many. */
INLINE void put_by_eights(bool narrow, void *out, size_t place, uint32_t set, uint64_t first)
{
	for (size_t k = 0; k < AT_ONCE; k += 8, set >>= 8) {
		const uint8_t *places = (const uint8_t *)&places_of_set[set & 255];
		v64 base = v64_set(first + k);
		v64 low = v64_add(base, v64_bits(SMI_INT8, places)), high = v64_add(base, v64_bits(SMI_INT8, places + 4));

		if (narrow) {
			v64_store_narrow((uint32_t *)out + place, low);
			v64_store_narrow((uint32_t *)out + place + 4, high);
		} else {
			v64_store((uint64_t *)out + place, low);
			v64_store((uint64_t *)out + place + 4, high);
		}
		place += (unsigned)__builtin_popcount(set & 255);
	}
}

INLINE void place_by_sets(bool narrow, const uint8_t *mark, size_t lo, size_t hi, size_t values, size_t *next,
			  const size_t *end, void *out)
{
	size_t usual[SMI_PLACED], i = lo;

	for (size_t j = 0; j < values; j++)
		usual[j] = usual_number(AT_ONCE, end[j] - next[j], hi - lo);
	for (; i + AT_ONCE <= hi; i += AT_ONCE) {
		__m256i marks = _mm256_loadu_si256((const __m256i *)(mark + i));

		for (size_t j = 0; j < values; j++) {
			__m256i same = _mm256_cmpeq_epi8(marks, _mm256_set1_epi8((char)j));
			uint32_t set = (uint32_t)_mm256_movemask_epi8(same);
			size_t number = (unsigned)__builtin_popcount(set);

			if (__builtin_expect(next[j] + AT_ONCE > end[j], 0))
				put_one_by_one(narrow, out, next[j], set, number, i);
			else if (usual[j] > RARE)
				put_by_eights(narrow, out, next[j], set, i);
			else
				put_one_by_one(narrow, out, next[j], set,
					       __builtin_expect(number > usual[j], 0) ? number : usual[j], i);
			next[j] += number;
		}
	}
	for (; i < hi; i++)
		if (mark[i] < values)
			put_index(narrow, out, next[mark[i]]++, i);
}

static void kernel_place_by_sets(const uint8_t *mark, size_t lo, size_t hi, size_t values, size_t *next,
				 const size_t *end, uint64_t *out)
{
	place_by_sets(false, mark, lo, hi, values, next, end, out);
}

static void kernel_place_narrow_by_sets(const uint8_t *mark, size_t lo, size_t hi, size_t values, size_t *next,
					const size_t *end, uint32_t *out)
{
	place_by_sets(true, mark, lo, hi, values, next, end, out);
}

#endif
