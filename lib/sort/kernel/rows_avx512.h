/* SPDX-License-Identifier: MIT */
/* What network.h, group.h and braid.h do with vectors, AVX-512; rows_avx2.h has the
 * same names. Included after the lanes.
 *
 * min_max: lanes whose number has `bit` take the larger of a and b, others the
 * smaller. order: puts the smaller ones in *a, the larger in *b. partner: lane
 * l gets what lane l ^ x held. Numbers are biased, see the lanes. */
#ifndef SMI_SORT_ROWS_H
#define SMI_SORT_ROWS_H

INLINE void v64_order(v64 *a, v64 *b)
{
	v64 low = _mm512_min_epu64(*a, *b);

	*b = _mm512_max_epu64(*a, *b);
	*a = low;
}

INLINE v64 v64_min_max(v64 a, v64 b, int bit)
{
	__mmask8 upper = bit == 1 ? 0xaa : bit == 2 ? 0xcc : 0xf0;

	return _mm512_mask_max_epu64(_mm512_min_epu64(a, b), upper, a, b);
}

INLINE v64 v64_partner(v64 a, int x)
{
	switch (x) {
	case 1:
		return _mm512_shuffle_epi32(a, 0x4e);
	case 2:
		return _mm512_permutex_epi64(a, 0x4e);
	case 3:
		return _mm512_permutex_epi64(a, 0x1b);
	case 4:
		return _mm512_shuffle_i64x2(a, a, 0x4e);
	default:
		return _mm512_permutexvar_epi64(_mm512_set_epi64(0, 1, 2, 3, 4, 5, 6, 7), a);
	}
}

INLINE void v32_order(v32 *a, v32 *b)
{
	v32 low = _mm512_min_epu32(*a, *b);

	*b = _mm512_max_epu32(*a, *b);
	*a = low;
}

INLINE v32 v32_min_max(v32 a, v32 b, int bit)
{
	__mmask16 upper = bit == 1 ? 0xaaaa : bit == 2 ? 0xcccc : bit == 4 ? 0xf0f0 : 0xff00;

	return _mm512_mask_max_epu32(_mm512_min_epu32(a, b), upper, a, b);
}

INLINE v32 v32_partner(v32 a, int x)
{
	switch (x) {
	case 1:
		return _mm512_shuffle_epi32(a, 0xb1);
	case 2:
		return _mm512_shuffle_epi32(a, 0x4e);
	case 3:
		return _mm512_shuffle_epi32(a, 0x1b);
	case 4:
		return _mm512_permutex_epi64(a, 0x4e);
	case 7:
		return _mm512_permutex_epi64(_mm512_shuffle_epi32(a, 0x1b), 0x4e);
	case 8:
		return _mm512_shuffle_i64x2(a, a, 0x4e);
	default:
		return _mm512_permutexvar_epi32(_mm512_set_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
								 12, 13, 14, 15), a);
	}
}

/* Loads `n` numbers, all lanes when n is larger, the other lanes get `others`. */
INLINE v64 v64_load_some(const uint64_t *p, long n, uint64_t others)
{
	__mmask8 m = n >= 8 ? 0xff : n <= 0 ? 0 : (__mmask8)((1u << n) - 1);

	return _mm512_mask_loadu_epi64(v64_set(others), m, p);
}

INLINE void v64_store_some(void *p, v64 v, long n)
{
	_mm512_mask_storeu_epi64(p, n >= 8 ? 0xff : n <= 0 ? 0 : (__mmask8)((1u << n) - 1), v);
}

INLINE void v64_store_some_narrow(void *p, v64 v, long n)
{
	_mm256_mask_storeu_epi32(p, n >= 8 ? 0xff : n <= 0 ? 0 : (__mmask8)((1u << n) - 1),
				 _mm512_cvtepi64_epi32(v));
}

INLINE v32 v32_load_some(const uint32_t *p, long n, uint32_t others)
{
	__mmask16 m = n >= 16 ? 0xffff : n <= 0 ? 0 : (__mmask16)((1u << n) - 1);

	return _mm512_mask_loadu_epi32(v32_set(others), m, p);
}

INLINE void v32_store_some(void *p, v32 v, long n)
{
	_mm512_mask_storeu_epi32(p, n >= 16 ? 0xffff : n <= 0 ? 0 : (__mmask16)((1u << n) - 1), v);
}

/* The low halves. */
INLINE void v32_store_some_narrow(void *p, v32 v, long n)
{
	_mm512_mask_cvtepi32_storeu_epi16(
		p, n >= 16 ? 0xffff : n <= 0 ? 0 : (__mmask16)((1u << n) - 1), v);
}

/* a moved down by one lane, b's first lane comes in at the top. */
INLINE v64 v64_next(v64 a, v64 b) { return _mm512_alignr_epi64(b, a, 1); }

/* One bit for each lane in which a and b agree under mask. */
INLINE unsigned v64_agree(v64 a, v64 b, v64 mask)
{
	return _mm512_testn_epi64_mask(v64_xor(a, b), mask);
}

/* Eight vectors of which lane l holds numbers 8*l ... 8*l+7 of a sequence, one
 * in each vector, become the sequence. Rows j and j + 1 of 128-bit pieces are
 * swapped like a matrix of 4 x 4. */
INLINE void pieces_transpose(__m512i *a, __m512i *b, __m512i *c, __m512i *d)
{
	__m512i ab = _mm512_shuffle_i64x2(*a, *b, 0x44), cd = _mm512_shuffle_i64x2(*c, *d, 0x44);
	__m512i ef = _mm512_shuffle_i64x2(*a, *b, 0xee), gh = _mm512_shuffle_i64x2(*c, *d, 0xee);

	*a = _mm512_shuffle_i64x2(ab, cd, 0x88);
	*b = _mm512_shuffle_i64x2(ab, cd, 0xdd);
	*c = _mm512_shuffle_i64x2(ef, gh, 0x88);
	*d = _mm512_shuffle_i64x2(ef, gh, 0xdd);
}

INLINE void v64_transpose8(v64 r[8])
{
	v64 even0 = _mm512_unpacklo_epi64(r[0], r[1]), odd0 = _mm512_unpackhi_epi64(r[0], r[1]);
	v64 even1 = _mm512_unpacklo_epi64(r[2], r[3]), odd1 = _mm512_unpackhi_epi64(r[2], r[3]);
	v64 even2 = _mm512_unpacklo_epi64(r[4], r[5]), odd2 = _mm512_unpackhi_epi64(r[4], r[5]);
	v64 even3 = _mm512_unpacklo_epi64(r[6], r[7]), odd3 = _mm512_unpackhi_epi64(r[6], r[7]);

	pieces_transpose(&even0, &even1, &even2, &even3);
	pieces_transpose(&odd0, &odd1, &odd2, &odd3);
	r[0] = even0, r[2] = even1, r[4] = even2, r[6] = even3;
	r[1] = odd0, r[3] = odd1, r[5] = odd2, r[7] = odd3;
}

INLINE void v64_transpose4(v64 r[4])
{
	v64 a = _mm512_unpacklo_epi64(r[0], r[1]), b = _mm512_unpackhi_epi64(r[0], r[1]);
	v64 c = _mm512_unpacklo_epi64(r[2], r[3]), d = _mm512_unpackhi_epi64(r[2], r[3]);
	v64 low_even = _mm512_shuffle_i64x2(a, c, 0x44), high_even = _mm512_shuffle_i64x2(a, c, 0xee);
	v64 low_odd = _mm512_shuffle_i64x2(b, d, 0x44), high_odd = _mm512_shuffle_i64x2(b, d, 0xee);

	/* low_even: a0 a1 c0 c1; low_odd: b0 b1 d0 d1; wanted: a0 c0 b0 d0 */
	r[0] = _mm512_shuffle_i64x2(low_even, low_odd, 0x88);
	r[1] = _mm512_shuffle_i64x2(low_even, low_odd, 0xdd);
	r[2] = _mm512_shuffle_i64x2(high_even, high_odd, 0x88);
	r[3] = _mm512_shuffle_i64x2(high_even, high_odd, 0xdd);
}

INLINE void v64_transpose2(v64 r[2])
{
	v64 low = _mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0);
	v64 high = _mm512_set_epi64(15, 7, 14, 6, 13, 5, 12, 4);
	v64 a = _mm512_permutex2var_epi64(r[0], low, r[1]);

	r[1] = _mm512_permutex2var_epi64(r[0], high, r[1]);
	r[0] = a;
}

/* The same for sixteen lanes: lane l holds 8*l ... 8*l+7. Pairs of vectors
 * become 64-bit pairs, of which lane pairs (2p, 2p+1) are one output vector:
 * the even 32-bit lanes give its first half, the odd ones its second. */
INLINE void v32_transpose8(v32 r[8])
{
	/* Lanes 0 and 1 of each piece, then 2 and 3. */
	v32 a = _mm512_unpacklo_epi32(r[0], r[1]), e = _mm512_unpackhi_epi32(r[0], r[1]);
	v32 b = _mm512_unpacklo_epi32(r[2], r[3]), f = _mm512_unpackhi_epi32(r[2], r[3]);
	v32 c = _mm512_unpacklo_epi32(r[4], r[5]), g = _mm512_unpackhi_epi32(r[4], r[5]);
	v32 d = _mm512_unpacklo_epi32(r[6], r[7]), h = _mm512_unpackhi_epi32(r[6], r[7]);
	/* Numbers 0 to 3 and 4 to 7 of lanes 0, 1, 2, 3 of each piece. */
	v32 l0 = _mm512_unpacklo_epi64(a, b), h0 = _mm512_unpacklo_epi64(c, d);
	v32 l1 = _mm512_unpackhi_epi64(a, b), h1 = _mm512_unpackhi_epi64(c, d);
	v32 l2 = _mm512_unpacklo_epi64(e, f), h2 = _mm512_unpacklo_epi64(g, h);
	v32 l3 = _mm512_unpackhi_epi64(e, f), h3 = _mm512_unpackhi_epi64(g, h);

	pieces_transpose(&l0, &h0, &l1, &h1);
	pieces_transpose(&l2, &h2, &l3, &h3);
	r[0] = l0, r[2] = h0, r[4] = l1, r[6] = h1;
	r[1] = l2, r[3] = h2, r[5] = l3, r[7] = h3;
}

/* Numbers in reverse order, if they are falling. */
INLINE v64 v64_turned(v64 a, bool falling)
{
	static const uint64_t order[2][8] = { { 0, 1, 2, 3, 4, 5, 6, 7 }, { 7, 6, 5, 4, 3, 2, 1, 0 } };

	return _mm512_permutexvar_epi64(v64_load(order[falling]), a);
}

INLINE v32 v32_turned(v32 a, bool falling)
{
	static const uint32_t order[2][16] = { { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
					       { 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0 } };

	return _mm512_permutexvar_epi32(v32_load(order[falling]), a);
}

/* `low` rises, `high` falls; afterwards both rise, and no number of low is above one of
 * high. Each step halves what is in order among itself; both go through it at once. */
INLINE void v64_bitonic(v64 *low, v64 *high)
{
	v64 a, b;

	v64_order(low, high);
	a = _mm512_shuffle_i64x2(*low, *high, 0x44);
	b = _mm512_shuffle_i64x2(*low, *high, 0xee);
	v64_order(&a, &b);
	*low = _mm512_shuffle_i64x2(a, b, 0x88);
	*high = _mm512_shuffle_i64x2(a, b, 0xdd);
	v64_order(low, high);
	a = _mm512_unpacklo_epi64(*low, *high);
	b = _mm512_unpackhi_epi64(*low, *high);
	v64_order(&a, &b);
	*low = _mm512_permutex2var_epi64(a, _mm512_setr_epi64(0, 8, 1, 9, 4, 12, 5, 13), b);
	*high = _mm512_permutex2var_epi64(a, _mm512_setr_epi64(2, 10, 3, 11, 6, 14, 7, 15), b);
}

INLINE void v32_bitonic(v32 *low, v32 *high)
{
	v32 a, b;

	v32_order(low, high);
	a = _mm512_shuffle_i64x2(*low, *high, 0x44);
	b = _mm512_shuffle_i64x2(*low, *high, 0xee);
	v32_order(&a, &b);
	*low = _mm512_shuffle_i64x2(a, b, 0x88);
	*high = _mm512_shuffle_i64x2(a, b, 0xdd);
	v32_order(low, high);
	a = _mm512_unpacklo_epi64(*low, *high);
	b = _mm512_unpackhi_epi64(*low, *high);
	v32_order(&a, &b);
	*low = _mm512_castps_si512(_mm512_shuffle_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), 0x88));
	*high = _mm512_castps_si512(_mm512_shuffle_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), 0xdd));
	v32_order(low, high);
	a = *low;
	*low = _mm512_permutex2var_epi32(
		a, _mm512_setr_epi32(0, 16, 2, 18, 1, 17, 3, 19, 8, 24, 10, 26, 9, 25, 11, 27), *high);
	*high = _mm512_permutex2var_epi32(
		a, _mm512_setr_epi32(4, 20, 6, 22, 5, 21, 7, 23, 12, 28, 14, 30, 13, 29, 15, 31), *high);
}

#endif
