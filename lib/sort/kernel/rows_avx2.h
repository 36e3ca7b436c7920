/* SPDX-License-Identifier: MIT */
/* What network.h, group.h and braid.h do with vectors, AVX2; see rows_avx512.h. */
#ifndef SMI_SORT_ROWS_H
#define SMI_SORT_ROWS_H

INLINE void v64_order(v64 *a, v64 *b)
{
	v64 swap = _mm256_cmpgt_epi64(*a, *b), low = choose(*a, *b, swap);

	*b = choose(*b, *a, swap);
	*a = low;
}

INLINE v64 v64_min_max(v64 a, v64 b, int bit)
{
	v64 upper = bit == 1 ? _mm256_set_epi64x(-1, 0, -1, 0) : _mm256_set_epi64x(-1, -1, 0, 0);

	/* Where the numbers are equal either will do. */
	return choose(a, b, v64_xor(_mm256_cmpgt_epi64(a, b), upper));
}

/* The same of numbers below 2^62, not biased: as doubles they lie in the same order, and are
 * compared with fewer instructions. */
#define AS_DOUBLES true

INLINE void double_order(v64 *a, v64 *b)
{
	__m256d x = _mm256_castsi256_pd(*a), y = _mm256_castsi256_pd(*b);

	*a = _mm256_castpd_si256(_mm256_min_pd(x, y));
	*b = _mm256_castpd_si256(_mm256_max_pd(x, y));
}

INLINE v64 double_min_max(v64 a, v64 b, int bit)
{
	__m256d x = _mm256_castsi256_pd(a), y = _mm256_castsi256_pd(b);
	__m256d low = _mm256_min_pd(x, y), high = _mm256_max_pd(x, y);

	return _mm256_castpd_si256(bit == 1 ? _mm256_blend_pd(low, high, 0xa) : _mm256_blend_pd(low, high, 0xc));
}

INLINE v64 v64_partner(v64 a, int x)
{
	switch (x) {
	case 1:
		return _mm256_shuffle_epi32(a, 0x4e);
	case 2:
		return _mm256_permute4x64_epi64(a, 0x4e);
	default:
		return _mm256_permute4x64_epi64(a, 0x1b);
	}
}

INLINE v64 double_partner(v64 a, int x) { return v64_partner(a, x); }

INLINE void v32_order(v32 *a, v32 *b)
{
	v32 low = _mm256_min_epu32(*a, *b);

	*b = _mm256_max_epu32(*a, *b);
	*a = low;
}

INLINE v32 v32_min_max(v32 a, v32 b, int bit)
{
	v32 low = _mm256_min_epu32(a, b), high = _mm256_max_epu32(a, b);

	switch (bit) {
	case 1:
		return _mm256_blend_epi32(low, high, 0xaa);
	case 2:
		return _mm256_blend_epi32(low, high, 0xcc);
	default:
		return _mm256_blend_epi32(low, high, 0xf0);
	}
}

INLINE v32 v32_partner(v32 a, int x)
{
	switch (x) {
	case 1:
		return _mm256_shuffle_epi32(a, 0xb1);
	case 2:
		return _mm256_shuffle_epi32(a, 0x4e);
	case 3:
		return _mm256_shuffle_epi32(a, 0x1b);
	case 4:
		return _mm256_permute4x64_epi64(a, 0x4e);
	default:
		return _mm256_permute4x64_epi64(_mm256_shuffle_epi32(a, 0x1b), 0x4e);
	}
}

/* All ones in the first n lanes. */
INLINE __m256i first64(long n)
{
	return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), v64_count());
}

INLINE __m256i first32(long n)
{
	int lanes = n < 0 ? 0 : n > 8 ? 8 : (int)n;

	return _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes),
				  _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0));
}

INLINE v64 v64_load_some(const uint64_t *p, long n, uint64_t others)
{
	v64 m = first64(n);

	return v64_or(_mm256_maskload_epi64((const long long *)p, m), _mm256_andnot_si256(m, v64_set(others)));
}

/* Stores through a mask take a dozen cycles and more on some CPUs, also where
 * nothing is to be stored: one a group at most. */
INLINE void v64_store_some(void *p, v64 v, long n)
{
	if (n >= 4)
		v64_store(p, v);
	else if (n > 0)
		_mm256_maskstore_epi64(p, first64(n), v);
}

INLINE void v64_store_some_narrow(void *p, v64 v, long n)
{
	if (n >= 4)
		_mm_storeu_si128(p, low_halves(v));
	else if (n > 0)
		_mm_maskstore_epi32(p, _mm256_castsi256_si128(first32(n)), low_halves(v));
}

INLINE v32 v32_load_some(const uint32_t *p, long n, uint32_t others)
{
	v32 m = first32(n);

	return v64_or(_mm256_maskload_epi32((const int *)p, m), _mm256_andnot_si256(m, v32_set(others)));
}

INLINE void v32_store_some(void *p, v32 v, long n)
{
	if (n >= 8)
		v32_store(p, v);
	else if (n > 0)
		_mm256_maskstore_epi32(p, first32(n), v);
}

INLINE void v32_store_some_narrow(void *p, v32 v, long n)
{
	v32 low = _mm256_and_si256(v, v32_set(0xffff));
	v32 packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, low), 0x08);
	uint16_t lanes[8];

	_mm_storeu_si128((__m128i *)lanes, _mm256_castsi256_si128(packed));
	if (n >= 8)
		memcpy(p, lanes, sizeof lanes);
	else if (n > 0)
		memcpy(p, lanes, (size_t)n * 2);
}

INLINE v64 v64_next(v64 a, v64 b)
{
	return _mm256_permute4x64_epi64(_mm256_blend_epi32(a, b, 0x03), 0x39);
}

INLINE unsigned v64_agree(v64 a, v64 b, v64 mask)
{
	v64 same = _mm256_cmpeq_epi64(v64_and(v64_xor(a, b), mask), _mm256_setzero_si256());

	return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(same));
}

/* A matrix of 4 x 4 numbers, rows and columns exchanged. */
INLINE void v64_transpose4(v64 r[4])
{
	v64 a = _mm256_unpacklo_epi64(r[0], r[1]), b = _mm256_unpackhi_epi64(r[0], r[1]);
	v64 c = _mm256_unpacklo_epi64(r[2], r[3]), d = _mm256_unpackhi_epi64(r[2], r[3]);

	r[0] = _mm256_permute2x128_si256(a, c, 0x20);
	r[1] = _mm256_permute2x128_si256(b, d, 0x20);
	r[2] = _mm256_permute2x128_si256(a, c, 0x31);
	r[3] = _mm256_permute2x128_si256(b, d, 0x31);
}

INLINE void v64_transpose8(v64 r[8])
{
	v64 a, b, c;

	v64_transpose4(r);
	v64_transpose4(r + 4);
	a = r[1], b = r[2], c = r[3];
	r[1] = r[4], r[2] = a, r[3] = r[5];
	r[4] = b, r[5] = r[6], r[6] = c;
}

INLINE void v64_transpose2(v64 r[2])
{
	v64 a = _mm256_unpacklo_epi64(r[0], r[1]), b = _mm256_unpackhi_epi64(r[0], r[1]);

	r[0] = _mm256_permute2x128_si256(a, b, 0x20);
	r[1] = _mm256_permute2x128_si256(a, b, 0x31);
}

INLINE void v32_transpose8(v32 r[8])
{
	/* Lanes 0 and 1 of each half, then 2 and 3. */
	v32 a = _mm256_unpacklo_epi32(r[0], r[1]), e = _mm256_unpackhi_epi32(r[0], r[1]);
	v32 b = _mm256_unpacklo_epi32(r[2], r[3]), f = _mm256_unpackhi_epi32(r[2], r[3]);
	v32 c = _mm256_unpacklo_epi32(r[4], r[5]), g = _mm256_unpackhi_epi32(r[4], r[5]);
	v32 d = _mm256_unpacklo_epi32(r[6], r[7]), h = _mm256_unpackhi_epi32(r[6], r[7]);
	/* Numbers 0 to 3 and 4 to 7 of lanes 0, 1, 2, 3 of each half. */
	v32 l0 = _mm256_unpacklo_epi64(a, b), h0 = _mm256_unpacklo_epi64(c, d);
	v32 l1 = _mm256_unpackhi_epi64(a, b), h1 = _mm256_unpackhi_epi64(c, d);
	v32 l2 = _mm256_unpacklo_epi64(e, f), h2 = _mm256_unpacklo_epi64(g, h);
	v32 l3 = _mm256_unpackhi_epi64(e, f), h3 = _mm256_unpackhi_epi64(g, h);

	r[0] = _mm256_permute2x128_si256(l0, h0, 0x20);
	r[1] = _mm256_permute2x128_si256(l1, h1, 0x20);
	r[2] = _mm256_permute2x128_si256(l2, h2, 0x20);
	r[3] = _mm256_permute2x128_si256(l3, h3, 0x20);
	r[4] = _mm256_permute2x128_si256(l0, h0, 0x31);
	r[5] = _mm256_permute2x128_si256(l1, h1, 0x31);
	r[6] = _mm256_permute2x128_si256(l2, h2, 0x31);
	r[7] = _mm256_permute2x128_si256(l3, h3, 0x31);
}

INLINE v32 v32_turned(v32 a, bool falling)
{
	static const uint32_t order[2][8] = { { 0, 1, 2, 3, 4, 5, 6, 7 }, { 7, 6, 5, 4, 3, 2, 1, 0 } };

	return _mm256_permutevar8x32_epi32(a, v32_load(order[falling]));
}

/* The first halves of a and b, and the second ones. */
INLINE void halves_of(__m256i a, __m256i b, __m256i *first, __m256i *second)
{
	*first = _mm256_permute2x128_si256(a, b, 0x20);
	*second = _mm256_permute2x128_si256(a, b, 0x31);
}

INLINE void v32_bitonic(v32 *low, v32 *high)
{
	v32 a, b;

	v32_order(low, high);
	halves_of(*low, *high, &a, &b);
	v32_order(&a, &b);
	*low = _mm256_unpacklo_epi64(a, b);
	*high = _mm256_unpackhi_epi64(a, b);
	v32_order(low, high);
	a = _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(*low), _mm256_castsi256_ps(*high), 0x88));
	b = _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(*low), _mm256_castsi256_ps(*high), 0xdd));
	v32_order(&a, &b);
	*low = _mm256_unpacklo_epi32(a, b);
	*high = _mm256_unpackhi_epi32(a, b);
	a = _mm256_unpacklo_epi64(*low, *high);
	b = _mm256_unpackhi_epi64(*low, *high);
	halves_of(a, b, low, high);
}

#endif
