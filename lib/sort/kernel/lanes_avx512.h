/* SPDX-License-Identifier: MIT */
/* Vectors of unsigned numbers, AVX-512: eight of 64 bits or sixteen of 32.
 * lanes_avx2.h has the same names with half as many lanes, lanes_portable.h
 * the ones that scan.h and spread.h need with one lane. */
#ifndef SMI_SORT_LANES_H
#define SMI_SORT_LANES_H

#include <immintrin.h>
#include <stdint.h>

#include "sort/kernel/key.h"

#define INLINE static inline __attribute__((always_inline))

typedef __m512i v64;
typedef __m512i v32;
enum { V64_LANES = 8, V32_LANES = 16 };

INLINE v64 v64_set(uint64_t x) { return _mm512_set1_epi64((long long)x); }
INLINE v64 v64_count(void) { return _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0); }
INLINE v64 v64_load(const uint64_t *p) { return _mm512_loadu_si512(p); }
INLINE void v64_store(uint64_t *p, v64 v) { _mm512_storeu_si512(p, v); }
INLINE v64 v64_add(v64 a, v64 b) { return _mm512_add_epi64(a, b); }
INLINE v64 v64_sub(v64 a, v64 b) { return _mm512_sub_epi64(a, b); }
INLINE v64 v64_and(v64 a, v64 b) { return _mm512_and_si512(a, b); }
INLINE v64 v64_or(v64 a, v64 b) { return _mm512_or_si512(a, b); }
INLINE v64 v64_xor(v64 a, v64 b) { return _mm512_xor_si512(a, b); }
INLINE bool v64_any_set(v64 a) { return _mm512_test_epi64_mask(a, a) != 0; }
INLINE v64 v64_left(v64 a, unsigned n) { return _mm512_sll_epi64(a, _mm_cvtsi32_si128((int)n)); }
INLINE v64 v64_right(v64 a, unsigned n) { return _mm512_srl_epi64(a, _mm_cvtsi32_si128((int)n)); }

/* min, max, any_less are of biased numbers, or of such below 2^63. To bias twice undoes it. */
INLINE v64 v64_bias(v64 a) { return a; }
INLINE v64 v64_min(v64 a, v64 b) { return _mm512_min_epu64(a, b); }
INLINE v64 v64_max(v64 a, v64 b) { return _mm512_max_epu64(a, b); }
INLINE uint64_t v64_lowest(v64 a) { return _mm512_reduce_min_epu64(a); }
INLINE uint64_t v64_highest(v64 a) { return _mm512_reduce_max_epu64(a); }
INLINE uint64_t v64_union(v64 a) { return (uint64_t)_mm512_reduce_or_epi64(a); }
INLINE bool v64_any_less(v64 a, v64 b) { return _mm512_cmplt_epu64_mask(a, b) != 0; }

/* Are the floats at p below those at q, or, if not `strictly`, equal to them? Never where one
 * is NaN. */
INLINE bool v64_floats_below(const void *p, const void *q, bool strictly)
{
	__m512d a = _mm512_loadu_pd(p), b = _mm512_loadu_pd(q);

	return (strictly ? _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ) : _mm512_cmp_pd_mask(a, b, _CMP_LE_OQ)) == 0xff;
}

INLINE bool v64_any_equal(v64 a, v64 b) { return _mm512_cmpeq_epi64_mask(a, b) != 0; }

/* All lanes but the first, then the first one of `next`. */
INLINE v64 v64_shifted(v64 a, v64 next) { return _mm512_alignr_epi64(next, a, 1); }

/* The keys of so many bytes that a vector has, in reverse order. */
INLINE v64 v64_keys_turned(v64 a, size_t size)
{
	__m512i bytes = _mm512_broadcast_i32x4(_mm_set_epi64x(0x0f0e0d0c0b0a0908, 0x0706050403020100));

	a = _mm512_shuffle_epi8(a, v64_xor(bytes, _mm512_set1_epi8((char)(16 - size))));
	return _mm512_shuffle_i64x2(a, a, 0x1b);
}

/* gcc 12, where no register is left for a mask, stores a byte and has popcnt read four. */
INLINE unsigned in_register(unsigned mask)
{
	__asm__("" : "+r"(mask));
	return mask;
}

/* A set of lanes. */
typedef __mmask8 v64_mask;

INLINE v64_mask v64_equal(v64 a, v64 b) { return _mm512_cmpeq_epi64_mask(a, b); }
INLINE v64_mask v64_all(void) { return 0xff; }
/* Those of the set in which a and b differ. */
INLINE v64_mask v64_unlike(v64_mask m, v64 a, v64 b) { return _mm512_mask_cmpneq_epi64_mask(m, a, b); }
INLINE unsigned v64_lanes(v64_mask m) { return in_register(m); }

/* Adds one to the lanes of the set. */
INLINE v64 v64_tally(v64 count, v64_mask m)
{
	return _mm512_mask_add_epi64(count, m, count, v64_set(1));
}

/* The lanes of the set move together to the first ones. */
INLINE v64 v64_gather_lanes(v64 a, v64_mask m) { return _mm512_maskz_compress_epi64(m, a); }

/* a; the lanes of the set from b. */
INLINE v64 v64_choose(v64 a, v64_mask m, v64 b) { return _mm512_mask_mov_epi64(a, m, b); }

/* Each lane's low half, or its lowest byte. */
INLINE void v64_store_bytes(uint8_t *p, v64 v)
{
	_mm_storel_epi64((__m128i *)p, _mm512_cvtepi64_epi8(v));
}

INLINE void v64_store_narrow(uint32_t *p, v64 v)
{
	_mm256_storeu_si256((__m256i *)p, _mm512_cvtepi64_epi32(v));
}

/* The bits of keys at p, each in a lane of its own. */
INLINE v64 v64_bits(enum smi_kind kind, const void *p)
{
	switch (smi_kind_size(kind)) {
	case 1:
		return _mm512_cvtepu8_epi64(_mm_loadl_epi64(p));
	case 2:
		return _mm512_cvtepu16_epi64(_mm_loadu_si128(p));
	case 4:
		return _mm512_cvtepu32_epi64(_mm256_loadu_si256(p));
	default:
		return _mm512_loadu_si512(p);
	}
}

/* Their images; see smi_image. */
INLINE v64 v64_image(enum smi_kind kind, uint64_t flip, const void *p)
{
	v64 bits = v64_bits(kind, p), sign;
	__mmask8 nan;

	if (kind == SMI_FLOAT64) {
		__m512d x = _mm512_castsi512_pd(bits);

		nan = _mm512_cmp_pd_mask(x, x, _CMP_UNORD_Q);
		bits = _mm512_castpd_si512(_mm512_add_pd(x, _mm512_setzero_pd()));
		sign = v64_or(_mm512_srai_epi64(bits, 63), v64_set(1ull << 63));
		return _mm512_mask_mov_epi64(v64_xor(v64_xor(bits, sign), v64_set(flip)), nan,
					     v64_set(UINT64_MAX));
	}
	if (kind == SMI_FLOAT32) {
		__m256 x = _mm256_loadu_ps(p);
		__m256i u, s;

		nan = _mm256_cmp_ps_mask(x, x, _CMP_UNORD_Q);
		u = _mm256_castps_si256(_mm256_add_ps(x, _mm256_setzero_ps()));
		s = _mm256_or_si256(_mm256_srai_epi32(u, 31), _mm256_set1_epi32(INT32_MIN));
		u = _mm256_xor_si256(_mm256_xor_si256(u, s), _mm256_set1_epi32((int)(uint32_t)flip));
		return _mm512_cvtepu32_epi64(
			_mm256_mask_mov_epi32(u, nan, _mm256_set1_epi32(-1)));
	}
	return v64_xor(bits, v64_set(flip));
}

/* (value - low) * scale of floats, cut off to 0 ... top < 2^52; NaN becomes top. */
INLINE v64 v64_linear(v64 value, double low, double scale, uint64_t top)
{
	__m512d x = _mm512_mul_pd(_mm512_sub_pd(_mm512_castsi512_pd(value), _mm512_set1_pd(low)),
				  _mm512_set1_pd(scale));

	/* Both take their second operand where one is NaN. */
	x = _mm512_min_pd(_mm512_max_pd(_mm512_setzero_pd(), x), _mm512_set1_pd((double)top));
	return _mm512_cvttpd_epu64(x);
}

INLINE v32 v32_linear(v32 value, float low, float scale, uint32_t top)
{
	__m512 x = _mm512_mul_ps(_mm512_sub_ps(_mm512_castsi512_ps(value), _mm512_set1_ps(low)),
				 _mm512_set1_ps(scale));

	x = _mm512_min_ps(_mm512_max_ps(_mm512_setzero_ps(), x), _mm512_set1_ps((float)top));
	return _mm512_cvttps_epi32(x);
}

/* All ones in the lanes whose top bit is set. */
INLINE v64 v64_negative(v64 a) { return _mm512_srai_epi64(a, 63); }
INLINE v32 v32_set(uint32_t x) { return _mm512_set1_epi32((int)x); }
INLINE v32 v32_count(void)
{
	return _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
}

INLINE v32 v32_load(const uint32_t *p) { return _mm512_loadu_si512(p); }
INLINE void v32_store(uint32_t *p, v32 v) { _mm512_storeu_si512(p, v); }
INLINE v32 v32_add(v32 a, v32 b) { return _mm512_add_epi32(a, b); }
INLINE v32 v32_sub(v32 a, v32 b) { return _mm512_sub_epi32(a, b); }
INLINE v32 v32_or(v32 a, v32 b) { return _mm512_or_si512(a, b); }
INLINE v32 v32_xor(v32 a, v32 b) { return _mm512_xor_si512(a, b); }
INLINE v32 v32_right(v32 a, unsigned n) { return _mm512_srl_epi32(a, _mm_cvtsi32_si128((int)n)); }
INLINE v32 v32_bias(v32 a) { return a; }
INLINE v32 v32_min(v32 a, v32 b) { return _mm512_min_epu32(a, b); }
INLINE v32 v32_max(v32 a, v32 b) { return _mm512_max_epu32(a, b); }
INLINE uint32_t v32_lowest(v32 a) { return _mm512_reduce_min_epu32(a); }
INLINE uint32_t v32_highest(v32 a) { return _mm512_reduce_max_epu32(a); }
INLINE v32 v32_negative(v32 a) { return _mm512_srai_epi32(a, 31); }

INLINE uint32_t v32_union(v32 a) { return (uint32_t)_mm512_reduce_or_epi32(a); }
INLINE bool v32_any_less(v32 a, v32 b) { return _mm512_cmplt_epu32_mask(a, b) != 0; }
INLINE bool v32_floats_below(const void *p, const void *q, bool strictly)
{
	__m512 a = _mm512_loadu_ps(p), b = _mm512_loadu_ps(q);

	return (strictly ? _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ) : _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ)) == 0xffff;
}

INLINE bool v32_any_equal(v32 a, v32 b) { return _mm512_cmpeq_epi32_mask(a, b) != 0; }

INLINE v32 v32_shifted(v32 a, v32 next) { return _mm512_alignr_epi32(next, a, 1); }

typedef __mmask16 v32_mask;

INLINE v32_mask v32_equal(v32 a, v32 b) { return _mm512_cmpeq_epi32_mask(a, b); }
INLINE v32_mask v32_all(void) { return 0xffff; }
/* Those of the set in which a and b differ. */
INLINE v32_mask v32_unlike(v32_mask m, v32 a, v32 b) { return _mm512_mask_cmpneq_epi32_mask(m, a, b); }
INLINE unsigned v32_lanes(v32_mask m) { return in_register(m); }

INLINE v32 v32_tally(v32 count, v32_mask m)
{
	return _mm512_mask_add_epi32(count, m, count, v32_set(1));
}

INLINE v32 v32_gather_lanes(v32 a, v32_mask m) { return _mm512_maskz_compress_epi32(m, a); }

INLINE v32 v32_choose(v32 a, v32_mask m, v32 b) { return _mm512_mask_mov_epi32(a, m, b); }
INLINE void v32_store_bytes(uint8_t *p, v32 v) { _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(v)); }

enum { BYTES = 64 };

/* How many of the BYTES bytes at p are x. */
INLINE unsigned bytes_equal(const uint8_t *p, unsigned x)
{
	__mmask64 same = _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(p), _mm512_set1_epi8((char)x));

	return (unsigned)__builtin_popcountll(same);
}

/* Keys of up to 4 bytes, as v64_bits and v64_image have them. */
INLINE v32 v32_bits(enum smi_kind kind, const void *p)
{
	switch (smi_kind_size(kind)) {
	case 1:
		return _mm512_cvtepu8_epi32(_mm_loadu_si128(p));
	case 2:
		return _mm512_cvtepu16_epi32(_mm256_loadu_si256(p));
	default:
		return _mm512_loadu_si512(p);
	}
}

INLINE v32 v32_image(enum smi_kind kind, uint64_t flip, const void *p)
{
	v32 bits = v32_bits(kind, p), sign;
	__mmask16 nan;
	__m512 x;

	if (kind != SMI_FLOAT32)
		return v32_xor(bits, v32_set((uint32_t)flip));
	x = _mm512_castsi512_ps(bits);
	nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
	bits = _mm512_castps_si512(_mm512_add_ps(x, _mm512_setzero_ps()));
	sign = v32_or(v32_negative(bits), v32_set(1u << 31));
	return _mm512_mask_mov_epi32(v32_xor(v32_xor(bits, sign), v32_set((uint32_t)flip)), nan,
				     v32_set(UINT32_MAX));
}

/* The bits of (float)a, and of (double)a. */
INLINE v32 v32_real_bits(v32 a) { return _mm512_castps_si512(_mm512_cvtepu32_ps(a)); }
INLINE v64 v64_real_bits(v64 a) { return _mm512_castpd_si512(_mm512_cvtepu64_pd(a)); }

#endif
