/* SPDX-License-Identifier: MIT */
/* smi_kernel.place where bytes can be moved together (AVX-512 VBMI2): the indices of 64
 * keys that have one value at a time. */
#ifndef SMI_SORT_PLACE_AVX512_H
#define SMI_SORT_PLACE_AVX512_H

#include "sort/kernel/kernel.h"
#include "sort/kernel/peel.h"

#define BY_BYTES __attribute__((target("avx512vbmi2")))

enum { AT_ONCE = 8 }; /* indices */

/* The usual number of 64 keys, in whole stores. */
static size_t usual_of_64(size_t count, size_t n)
{
	size_t most = (usual_number(64, count, n) + AT_ONCE - 1) / AT_ONCE * AT_ONCE;

	return most < 64 ? most : 64;
}

/* The first `number` of these places in 64 keys, as indices. */
BY_BYTES INLINE void put_places(bool narrow, void *out, __m512i place, size_t number, uint64_t first)
{
	__m512i base = v64_set(first);

	for (size_t k = 0; k < number; k += AT_ONCE) {
		__m512i index = v64_add(base, _mm512_cvtepu8_epi64(_mm512_castsi512_si128(place)));

		if (narrow)
			v64_store_narrow((uint32_t *)out + k, index);
		else
			v64_store((uint64_t *)out + k, index);
		place = _mm512_alignr_epi64(place, place, 1);
	}
}

/* Of up to 64 keys, of which `valid` says which there are. */
BY_BYTES INLINE void place_64(bool narrow, __m512i mark, uint64_t valid, uint64_t first, size_t values,
			      const size_t *usual, size_t *restrict next, const size_t *restrict end,
			      void *restrict out)
{
	const __m512i places = _mm512_set_epi8(63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48,
					       47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32,
					       31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16,
					       15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);

	for (size_t j = 0; j < values; j++) {
		uint64_t which = _mm512_mask_cmpeq_epi8_mask(valid, mark, _mm512_set1_epi8((char)j));
		/* Onto a register that is there: a zeroing one waits for what it had before. */
		__m512i place = _mm512_mask_compress_epi8(places, which, places);
		size_t number = (unsigned)__builtin_popcountll(which), written = usual[j];
		char *to = (char *)out + next[j] * (narrow ? 4 : 8);

		if (__builtin_expect(number > written, 0))
			written = 64;
		if (__builtin_expect(next[j] + written > end[j], 0)) {
			uint64_t some[64];

			put_places(false, some, place, 64, first);
			for (size_t k = 0; k < number; k++)
				put_index(narrow, out, next[j] + k, some[k]);
		} else {
			put_places(narrow, to, place, written, first);
		}
		next[j] += number;
	}
}

BY_BYTES INLINE void place_by_bytes(bool narrow, const uint8_t *mark, size_t lo, size_t hi, size_t values,
				    size_t *next, const size_t *end, void *out)
{
	size_t usual[SMI_PLACED], i = lo;

	for (size_t j = 0; j < values; j++)
		usual[j] = usual_of_64(end[j] - next[j], hi - lo);
	for (; i + 64 <= hi; i += 64)
		place_64(narrow, _mm512_loadu_si512(mark + i), UINT64_MAX, i, values, usual, next, end, out);
	if (i < hi) {
		uint64_t valid = ((uint64_t)1 << (hi - i)) - 1;

		place_64(narrow, _mm512_maskz_loadu_epi8(valid, mark + i), valid, i, values, usual, next, end,
			 out);
	}
}

BY_BYTES static void kernel_place_by_bytes(const uint8_t *mark, size_t lo, size_t hi, size_t values,
					   size_t *next, const size_t *end, uint64_t *out)
{
	place_by_bytes(false, mark, lo, hi, values, next, end, out);
}

BY_BYTES static void kernel_place_narrow_by_bytes(const uint8_t *mark, size_t lo, size_t hi, size_t values,
						  size_t *next, const size_t *end, uint32_t *out)
{
	place_by_bytes(true, mark, lo, hi, values, next, end, out);
}

#endif
