/* SPDX-License-Identifier: MIT */
/* Vectors of unsigned numbers, AVX2: four of 64 bits or eight of 32; see
 * lanes_avx512.h. There is no unsigned 64-bit comparison: numbers whose top bits
 * are flipped (bias) are compared as signed ones. */
#ifndef SMI_SORT_LANES_H
#define SMI_SORT_LANES_H

#include <immintrin.h>
#include <stdint.h>

#include "sort/kernel/key.h"

#define INLINE static inline __attribute__((always_inline))

typedef __m256i v64;
typedef __m256i v32;
enum { V64_LANES = 4, V32_LANES = 8 };

INLINE v64 v64_set(uint64_t x) { return _mm256_set1_epi64x((long long)x); }
INLINE v64 v64_count(void) { return _mm256_set_epi64x(3, 2, 1, 0); }
INLINE v64 v64_load(const uint64_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
INLINE void v64_store(uint64_t *p, v64 v) { _mm256_storeu_si256((__m256i *)p, v); }
INLINE v64 v64_add(v64 a, v64 b) { return _mm256_add_epi64(a, b); }
INLINE v64 v64_sub(v64 a, v64 b) { return _mm256_sub_epi64(a, b); }
INLINE v64 v64_and(v64 a, v64 b) { return _mm256_and_si256(a, b); }
INLINE v64 v64_or(v64 a, v64 b) { return _mm256_or_si256(a, b); }
INLINE v64 v64_xor(v64 a, v64 b) { return _mm256_xor_si256(a, b); }
INLINE bool v64_any_set(v64 a) { return !_mm256_testz_si256(a, a); }
INLINE v64 v64_left(v64 a, unsigned n) { return _mm256_sll_epi64(a, _mm_cvtsi32_si128((int)n)); }
INLINE v64 v64_right(v64 a, unsigned n) { return _mm256_srl_epi64(a, _mm_cvtsi32_si128((int)n)); }

INLINE v64 v64_bias(v64 a) { return v64_xor(a, v64_set(1ull << 63)); }
INLINE v64 choose(v64 a, v64 b, v64 take_b) { return _mm256_blendv_epi8(a, b, take_b); }
INLINE v64 v64_min(v64 a, v64 b) { return choose(a, b, _mm256_cmpgt_epi64(a, b)); }
INLINE v64 v64_max(v64 a, v64 b) { return choose(b, a, _mm256_cmpgt_epi64(a, b)); }
INLINE bool v64_any_less(v64 a, v64 b) { return v64_any_set(_mm256_cmpgt_epi64(b, a)); }

INLINE bool v64_floats_below(const void *p, const void *q, bool strictly)
{
	__m256d a = _mm256_loadu_pd(p), b = _mm256_loadu_pd(q);

	return _mm256_movemask_pd(strictly ? _mm256_cmp_pd(a, b, _CMP_LT_OQ) : _mm256_cmp_pd(a, b, _CMP_LE_OQ)) == 0xf;
}

INLINE bool v64_any_equal(v64 a, v64 b)
{
	v64 same = _mm256_cmpeq_epi64(a, b);

	return !_mm256_testz_si256(same, same);
}

/* All lanes but the first, then the first one of `next`. */
INLINE v64 v64_shifted(v64 a, v64 next)
{
	return _mm256_alignr_epi8(_mm256_permute2x128_si256(a, next, 0x21), a, 8);
}

/* The keys of so many bytes that a vector has, in reverse order. */
INLINE v64 v64_keys_turned(v64 a, size_t size)
{
	__m256i bytes = _mm256_broadcastsi128_si256(_mm_set_epi64x(0x0f0e0d0c0b0a0908, 0x0706050403020100));

	a = _mm256_shuffle_epi8(a, v64_xor(bytes, _mm256_set1_epi8((char)(16 - size))));
	return _mm256_permute4x64_epi64(a, 0x4e);
}

typedef v64 v64_mask;

INLINE v64_mask v64_all(void) { return v64_set(UINT64_MAX); }
INLINE v64_mask v64_equal(v64 a, v64 b) { return _mm256_cmpeq_epi64(a, b); }
INLINE v64_mask v64_unlike(v64_mask m, v64 a, v64 b) { return _mm256_andnot_si256(v64_equal(a, b), m); }
INLINE v64 v64_tally(v64 count, v64_mask m) { return v64_sub(count, m); }

INLINE unsigned v64_lanes(v64_mask m)
{
	return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(m));
}

INLINE v64 v64_gather_lanes(v64 a, v64_mask m)
{
	/* For each set of lanes the halves to take, four bits each. */
	static const uint32_t halves[16] = {
		0x76543210, 0x76543210, 0x76543232, 0x76543210, 0x76543254, 0x76545410, 0x76545432,
		0x76543210, 0x76543276, 0x76547610, 0x76547632, 0x76763210, 0x76547654, 0x76765410,
		0x76765432, 0x76543210 };
	__m256i shifts = _mm256_set_epi32(28, 24, 20, 16, 12, 8, 4, 0);

	return _mm256_permutevar8x32_epi32(a, _mm256_srlv_epi32(
		_mm256_set1_epi32((int)halves[v64_lanes(m)]), shifts));
}

INLINE uint64_t v64_lowest(v64 a)
{
	uint64_t x[4], low;

	v64_store(x, a);
	low = x[0];
	for (int i = 1; i < 4; i++)
		low = x[i] < low ? x[i] : low;
	return low;
}

INLINE uint64_t v64_highest(v64 a) { return ~v64_lowest(v64_xor(a, v64_set(UINT64_MAX))); }

INLINE uint64_t v64_union(v64 a)
{
	uint64_t x[4];

	v64_store(x, a);
	return x[0] | x[1] | x[2] | x[3];
}

INLINE __m128i low_halves(v64 v)
{
	v64 packed = _mm256_permutevar8x32_epi32(v, _mm256_set_epi32(7, 5, 3, 1, 6, 4, 2, 0));

	return _mm256_castsi256_si128(packed);
}

INLINE void v64_store_narrow(uint32_t *p, v64 v)
{
	_mm_storeu_si128((__m128i *)p, low_halves(v));
}

INLINE v64 v64_choose(v64 a, v64_mask m, v64 b) { return choose(a, b, m); }

INLINE void v64_store_bytes(uint8_t *p, v64 v)
{
	__m128i words = _mm_packus_epi32(low_halves(v), _mm_setzero_si128());

	_mm_storeu_si32(p, _mm_packus_epi16(words, words));
}

INLINE v64 v64_bits(enum smi_kind kind, const void *p)
{
	switch (smi_kind_size(kind)) {
	case 1:
		return _mm256_cvtepu8_epi64(_mm_loadu_si32(p));
	case 2:
		return _mm256_cvtepu16_epi64(_mm_loadl_epi64(p));
	case 4:
		return _mm256_cvtepu32_epi64(_mm_loadu_si128(p));
	default:
		return _mm256_loadu_si256(p);
	}
}

INLINE v64 v64_image(enum smi_kind kind, uint64_t flip, const void *p)
{
	v64 bits = v64_bits(kind, p);

	if (kind == SMI_FLOAT64) {
		__m256d x = _mm256_castsi256_pd(bits);
		v64 nan = _mm256_castpd_si256(_mm256_cmp_pd(x, x, _CMP_UNORD_Q)), sign;

		bits = _mm256_castpd_si256(_mm256_add_pd(x, _mm256_setzero_pd()));
		sign = _mm256_cmpgt_epi64(_mm256_setzero_si256(), bits);
		bits = v64_xor(bits, v64_or(sign, v64_set(1ull << 63)));
		return v64_or(v64_xor(bits, v64_set(flip)), nan);
	}
	if (kind == SMI_FLOAT32) {
		__m128 x = _mm_loadu_ps(p);
		__m128i nan = _mm_castps_si128(_mm_cmpunord_ps(x, x)), u, s;

		u = _mm_castps_si128(_mm_add_ps(x, _mm_setzero_ps()));
		s = _mm_or_si128(_mm_srai_epi32(u, 31), _mm_set1_epi32(INT32_MIN));
		u = _mm_xor_si128(_mm_xor_si128(u, s), _mm_set1_epi32((int)(uint32_t)flip));
		return _mm256_cvtepu32_epi64(_mm_or_si128(u, nan));
	}
	return v64_xor(bits, v64_set(flip));
}

INLINE v64 v64_linear(v64 value, double low, double scale, uint64_t top)
{
	const __m256d bias = _mm256_set1_pd(0x1p52); /* below it are a number's bits */
	__m256d x = _mm256_mul_pd(_mm256_sub_pd(_mm256_castsi256_pd(value), _mm256_set1_pd(low)),
				  _mm256_set1_pd(scale));

	/* Both take their second operand where one is NaN. */
	x = _mm256_min_pd(_mm256_max_pd(_mm256_setzero_pd(), x), _mm256_set1_pd((double)top));
	x = _mm256_add_pd(_mm256_floor_pd(x), bias);
	return _mm256_castpd_si256(_mm256_xor_pd(x, bias));
}

INLINE v32 v32_linear(v32 value, float low, float scale, uint32_t top)
{
	__m256 x = _mm256_mul_ps(_mm256_sub_ps(_mm256_castsi256_ps(value), _mm256_set1_ps(low)),
				 _mm256_set1_ps(scale));

	x = _mm256_min_ps(_mm256_max_ps(_mm256_setzero_ps(), x), _mm256_set1_ps((float)top));
	return _mm256_cvttps_epi32(x);
}

INLINE v64 v64_negative(v64 a) { return _mm256_cmpgt_epi64(_mm256_setzero_si256(), a); }
INLINE v32 v32_set(uint32_t x) { return _mm256_set1_epi32((int)x); }
INLINE v32 v32_count(void) { return _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0); }
INLINE v32 v32_load(const uint32_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
INLINE void v32_store(uint32_t *p, v32 v) { _mm256_storeu_si256((__m256i *)p, v); }
INLINE v32 v32_add(v32 a, v32 b) { return _mm256_add_epi32(a, b); }
INLINE v32 v32_sub(v32 a, v32 b) { return _mm256_sub_epi32(a, b); }
INLINE v32 v32_or(v32 a, v32 b) { return _mm256_or_si256(a, b); }
INLINE v32 v32_xor(v32 a, v32 b) { return _mm256_xor_si256(a, b); }
INLINE v32 v32_right(v32 a, unsigned n) { return _mm256_srl_epi32(a, _mm_cvtsi32_si128((int)n)); }
INLINE v32 v32_bias(v32 a) { return a; }
INLINE v32 v32_min(v32 a, v32 b) { return _mm256_min_epu32(a, b); }
INLINE v32 v32_max(v32 a, v32 b) { return _mm256_max_epu32(a, b); }
INLINE v32 v32_negative(v32 a) { return _mm256_srai_epi32(a, 31); }

INLINE uint32_t v32_lowest(v32 a)
{
	uint32_t x[8], low;

	v32_store(x, a);
	low = x[0];
	for (int i = 1; i < 8; i++)
		low = x[i] < low ? x[i] : low;
	return low;
}

INLINE uint32_t v32_highest(v32 a) { return ~v32_lowest(v32_xor(a, v32_set(UINT32_MAX))); }

INLINE uint32_t v32_union(v32 a)
{
	uint64_t both = v64_union(a);

	return (uint32_t)(both | both >> 32);
}

/* A lane is less where the lesser of both is not b's. */
INLINE bool v32_any_less(v32 a, v32 b)
{
	return _mm256_movemask_epi8(_mm256_cmpeq_epi32(v32_min(a, b), b)) != -1;
}

INLINE v32 v32_shifted(v32 a, v32 next)
{
	return _mm256_alignr_epi8(_mm256_permute2x128_si256(a, next, 0x21), a, 4);
}

typedef v32 v32_mask;

INLINE v32_mask v32_all(void) { return v32_set(UINT32_MAX); }
INLINE v32_mask v32_equal(v32 a, v32 b) { return _mm256_cmpeq_epi32(a, b); }
INLINE v32_mask v32_unlike(v32_mask m, v32 a, v32 b) { return _mm256_andnot_si256(v32_equal(a, b), m); }
INLINE v32 v32_tally(v32 count, v32_mask m) { return v32_sub(count, m); }

INLINE bool v32_floats_below(const void *p, const void *q, bool strictly)
{
	__m256 a = _mm256_loadu_ps(p), b = _mm256_loadu_ps(q);

	return _mm256_movemask_ps(strictly ? _mm256_cmp_ps(a, b, _CMP_LT_OQ) : _mm256_cmp_ps(a, b, _CMP_LE_OQ)) == 0xff;
}

INLINE bool v32_any_equal(v32 a, v32 b) { return !_mm256_testz_si256(v32_equal(a, b), v32_equal(a, b)); }

INLINE unsigned v32_lanes(v32_mask m)
{
	return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(m));
}

/* For each set of eight the places of those in it, a byte each. */
#define PLACE(set, i) \
	((uint64_t)((set) >> (i) & 1u) * (uint64_t)(i) << 8 * __builtin_popcount((set) & ((1u << (i)) - 1)))
#define SET1(set)                                                                                          \
	PLACE(set, 1) | PLACE(set, 2) | PLACE(set, 3) | PLACE(set, 4) | PLACE(set, 5) | PLACE(set, 6) | \
		PLACE(set, 7)
#define SET4(set) SET1(set), SET1((set) + 1), SET1((set) + 2), SET1((set) + 3)
#define SET16(set) SET4(set), SET4((set) + 4), SET4((set) + 8), SET4((set) + 12)
#define SET64(set) SET16(set), SET16((set) + 16), SET16((set) + 32), SET16((set) + 48)

static const uint64_t places_of_set[256] = { SET64(0u), SET64(64u), SET64(128u), SET64(192u) };

INLINE v32 v32_gather_lanes(v32 a, v32_mask m)
{
	const void *places = &places_of_set[v32_lanes(m)];

	return _mm256_permutevar8x32_epi32(a, _mm256_cvtepu8_epi32(_mm_loadl_epi64(places)));
}

INLINE v32 v32_choose(v32 a, v32_mask m, v32 b) { return choose(a, b, m); }

INLINE void v32_store_bytes(uint8_t *p, v32 v)
{
	__m128i words = _mm_packus_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

	_mm_storel_epi64((__m128i *)p, _mm_packus_epi16(words, words));
}

enum { BYTES = 32 };

INLINE unsigned bytes_equal(const uint8_t *p, unsigned x)
{
	__m256i same = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)p), _mm256_set1_epi8((char)x));

	return (unsigned)__builtin_popcount((unsigned)_mm256_movemask_epi8(same));
}

INLINE v32 v32_bits(enum smi_kind kind, const void *p)
{
	switch (smi_kind_size(kind)) {
	case 1:
		return _mm256_cvtepu8_epi32(_mm_loadl_epi64(p));
	case 2:
		return _mm256_cvtepu16_epi32(_mm_loadu_si128(p));
	default:
		return _mm256_loadu_si256(p);
	}
}

INLINE v32 v32_image(enum smi_kind kind, uint64_t flip, const void *p)
{
	v32 bits = v32_bits(kind, p), nan;
	__m256 x;

	if (kind != SMI_FLOAT32)
		return v32_xor(bits, v32_set((uint32_t)flip));
	x = _mm256_castsi256_ps(bits);
	nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
	bits = _mm256_castps_si256(_mm256_add_ps(x, _mm256_setzero_ps()));
	bits = v32_xor(bits, v32_or(v32_negative(bits), v32_set(1u << 31)));
	return v32_or(v32_xor(bits, v32_set((uint32_t)flip)), nan);
}

/* (float)a: both halves are exact, until the one rounding of the addition. */
INLINE v32 v32_real_bits(v32 a)
{
	__m256 high = _mm256_cvtepi32_ps(v32_right(a, 16));
	__m256 low = _mm256_cvtepi32_ps(_mm256_and_si256(a, v32_set(0xffff)));

	return _mm256_castps_si256(_mm256_add_ps(_mm256_mul_ps(high, _mm256_set1_ps(65536)), low));
}

/* (double)a: both halves as the low bits of doubles 2^84 and 2^52, exact until
 * the one rounding of the last addition. */
INLINE v64 v64_real_bits(v64 a)
{
	v64 high = v64_or(v64_right(a, 32), v64_set(0x4530000000000000));
	v64 low = _mm256_blend_epi32(a, v64_set(0x4330000000000000), 0xaa);
	__m256d offset = _mm256_set1_pd(0x1p84 + 0x1p52);

	return _mm256_castpd_si256(
		_mm256_add_pd(_mm256_sub_pd(_mm256_castsi256_pd(high), offset),
			      _mm256_castsi256_pd(low)));
}

#endif
