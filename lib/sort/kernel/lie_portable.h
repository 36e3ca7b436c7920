/* SPDX-License-Identifier: MIT */
/* Up to where keys lie in order, in plain C: many neighbours are compared as signed numbers
 * of their own size, without a branch, which compilers make vectors of. */
#ifndef SMI_SORT_LIE_PORTABLE_H
#define SMI_SORT_LIE_PORTABLE_H

#include "sort/kernel/kernel.h"

enum { LIE_BLOCK = 32 }; /* pairs */

/* Do the numbers from p on rise, or fall? */
#define NUMBERS_LIE(bits)                                                                       \
	INLINE bool numbers_lie##bits(bool up, bool strictly, const char *p, uint64_t flip)     \
	{                                                                                       \
		int##bits##_t a, b, wrong = 0;                                                  \
                                                                                                \
		for (size_t k = 0; k < LIE_BLOCK; k++) {                                        \
			memcpy(&a, p + k * sizeof a, sizeof a);                                 \
			memcpy(&b, p + (k + 1) * sizeof b, sizeof b);                           \
			a ^= (int##bits##_t)flip;                                               \
			b ^= (int##bits##_t)flip;                                               \
			wrong |= (int##bits##_t)(up ? strictly ? a >= b : a > b                 \
						    : strictly ? a <= b : a < b);               \
		}                                                                               \
		return !wrong;                                                                  \
	}
NUMBERS_LIE(8)
NUMBERS_LIE(16)
NUMBERS_LIE(32)

/* How many of so many pairs do, before one does not: not all CPUs compare vectors of these. */
INLINE size_t longs_lie(bool up, bool strictly, const char *p, uint64_t flip, size_t pairs)
{
	int64_t a, b;

	memcpy(&a, p, sizeof a);
	a ^= (int64_t)flip;
	UNROLL
	for (size_t k = 0; k < pairs; k++, a = b) {
		memcpy(&b, p + (k + 1) * sizeof b, sizeof b);
		b ^= (int64_t)flip;
		if (up ? strictly ? a >= b : a > b : strictly ? a <= b : a < b)
			return k;
	}
	return pairs;
}

INLINE bool numbers_lie(unsigned size, bool up, bool strictly, const void *p, uint64_t flip)
{
	switch (size) {
	case 1:
		return numbers_lie8(up, strictly, p, flip);
	case 2:
		return numbers_lie16(up, strictly, p, flip);
	case 4:
		return numbers_lie32(up, strictly, p, flip);
	default:
		return longs_lie(up, strictly, p, flip, LIE_BLOCK) == LIE_BLOCK;
	}
}

/* Floats of one sign lie as their bits do, negative ones the other way round. If they do,
 * and none at the ends is NaN, none is. */
INLINE bool floats_lie(enum smi_kind kind, bool up, bool strictly, const void *p)
{
	const uint64_t mask = smi_kind_mask(kind), sign = mask ^ mask >> 1;
	const uint64_t infinity = kind == SMI_FLOAT32 ? 0x7f800000 : 0x7ff0000000000000;
	uint64_t first = smi_key_load(p, kind), last = smi_key_load(smi_key_at(p, kind, LIE_BLOCK), kind);

	if ((first ^ last) & sign || (first & ~sign) > infinity || (last & ~sign) > infinity)
		return false;
	return up == !(first & sign) ? numbers_lie(smi_kind_size(kind), true, strictly, p, 0)
				     : numbers_lie(smi_kind_size(kind), false, strictly, p, 0);
}

/* Do the pairs of neighbours from key i on surely lie as `order` says? */
INLINE bool block_lies(enum smi_kind kind, unsigned order, const struct smi_keys *keys, size_t i)
{
	const uint64_t mask = smi_kind_mask(kind), sign = mask ^ mask >> 1;
	const void *p = smi_key_at(keys->base, kind, i);
	const bool up = order == SMI_RISING, strictly = order == SMI_STRICTLY_FALLING;

	if (smi_kind_float(kind))
		return floats_lie(kind, up != keys->descending, strictly, p);
	return numbers_lie(smi_kind_size(kind), up, strictly, p, keys->flip ^ sign);
}

/* The first key of lo+1 ... hi-1 that does not lie to the one before it as
 * `order` says, or hi. */
INLINE size_t lie_until(enum smi_kind kind, unsigned order, const struct smi_keys *keys, size_t lo,
			size_t hi)
{
	size_t i = lo, end = lo + 1 < hi ? lo + 1 : lo;

	if (kind == SMI_INT64) {
		i += longs_lie(order == SMI_RISING, order == SMI_STRICTLY_FALLING, smi_key_at(keys->base, kind, lo),
			       keys->flip ^ 1ull << 63, hi - lo - 1);
		return i + 1 < hi ? i + 1 : hi;
	}
	for (;;) {
		for (; i < end; i++)
			if (!smi_pair_lies(order, smi_key_image(keys, i), smi_key_image(keys, i + 1)))
				return i + 1;
		while (i + LIE_BLOCK < hi && block_lies(kind, order, keys, i))
			i += LIE_BLOCK;
		if (i + 1 >= hi)
			return hi;
		end = i + LIE_BLOCK < hi ? i + LIE_BLOCK : hi - 1;
	}
}

#endif
