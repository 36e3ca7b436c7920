/* SPDX-License-Identifier: MIT */
/* Plain C in the form that scan.h and spread.h ask for: vectors of one lane;
 * see lanes_avx512.h. */
#ifndef SMI_SORT_LANES_H
#define SMI_SORT_LANES_H

#include <stdint.h>

#include "sort/kernel/key.h"

#define INLINE static inline __attribute__((always_inline))

typedef uint64_t v64;
typedef uint32_t v32;
enum { V64_LANES = 1, V32_LANES = 1 };

INLINE v64 v64_set(uint64_t x) { return x; }
INLINE v64 v64_count(void) { return 0; }
INLINE v64 v64_load(const uint64_t *p) { return *p; }
INLINE void v64_store(uint64_t *p, v64 v) { *p = v; }
INLINE v64 v64_add(v64 a, v64 b) { return a + b; }
INLINE v64 v64_sub(v64 a, v64 b) { return a - b; }
INLINE v64 v64_and(v64 a, v64 b) { return a & b; }
INLINE v64 v64_or(v64 a, v64 b) { return a | b; }
INLINE v64 v64_xor(v64 a, v64 b) { return a ^ b; }
INLINE bool v64_any_set(v64 a) { return a != 0; }
INLINE v64 v64_left(v64 a, unsigned n) { return n < 64 ? a << n : 0; }
INLINE v64 v64_right(v64 a, unsigned n) { return n < 64 ? a >> n : 0; }
INLINE v64 v64_negative(v64 a) { return 0 - (a >> 63); }
INLINE v64 v64_bias(v64 a) { return a; }
INLINE v64 v64_min(v64 a, v64 b) { return a < b ? a : b; }
INLINE v64 v64_max(v64 a, v64 b) { return a > b ? a : b; }
INLINE v64 v64_keys_turned(v64 a, size_t size)
{
	const uint64_t odd_bytes = 0xff00ff00ff00ff00;

	if (size == 8)
		return a;
	if (size == 4)
		return a << 32 | a >> 32;
	a = __builtin_bswap64(a);
	return size == 1 ? a : (a & odd_bytes) >> 8 | (a & ~odd_bytes) << 8;
}

typedef unsigned v64_mask;

INLINE v64_mask v64_all(void) { return 1; }
INLINE v64_mask v64_equal(v64 a, v64 b) { return a == b; }
/* Written so that no compiler makes it a branch. */
INLINE v64_mask v64_unlike(v64_mask m, v64 a, v64 b) { return m - (m & (unsigned)(a == b)); }
INLINE unsigned v64_lanes(v64_mask m) { return m; }
INLINE v64 v64_tally(v64 count, v64_mask m) { return count + m; }
/* A lane that is not in the set may be anything. */
INLINE v64 v64_gather_lanes(v64 a, v64_mask m) { return (void)m, a; }
INLINE v64 v64_choose(v64 a, v64_mask m, v64 b) { return a ^ ((a ^ b) & (0 - (v64)m)); }
INLINE void v64_store_bytes(uint8_t *p, v64 v) { *p = (uint8_t)v; }
INLINE uint64_t v64_lowest(v64 a) { return a; }
INLINE uint64_t v64_highest(v64 a) { return a; }
INLINE uint64_t v64_union(v64 a) { return a; }

INLINE bool v64_any_equal(v64 a, v64 b) { return a == b; }
INLINE v32 v32_load(const uint32_t *p) { return *p; }
INLINE void v32_store(uint32_t *p, v32 v) { *p = v; }
INLINE v32 v32_set(uint32_t x) { return x; }
INLINE v32 v32_count(void) { return 0; }
INLINE v32 v32_add(v32 a, v32 b) { return a + b; }
INLINE v32 v32_sub(v32 a, v32 b) { return a - b; }
INLINE v32 v32_or(v32 a, v32 b) { return a | b; }
INLINE v32 v32_xor(v32 a, v32 b) { return a ^ b; }
INLINE v32 v32_right(v32 a, unsigned n) { return n < 32 ? a >> n : 0; }
INLINE v32 v32_negative(v32 a) { return 0 - (a >> 31); }
INLINE v32 v32_bias(v32 a) { return a; }
INLINE v32 v32_min(v32 a, v32 b) { return a < b ? a : b; }
INLINE v32 v32_max(v32 a, v32 b) { return a > b ? a : b; }
INLINE uint32_t v32_lowest(v32 a) { return a; }
INLINE uint32_t v32_highest(v32 a) { return a; }
INLINE uint32_t v32_union(v32 a) { return a; }
typedef unsigned v32_mask;

INLINE v32_mask v32_all(void) { return 1; }
INLINE v32_mask v32_equal(v32 a, v32 b) { return a == b; }
INLINE v32_mask v32_unlike(v32_mask m, v32 a, v32 b) { return m - (m & (unsigned)(a == b)); }
INLINE unsigned v32_lanes(v32_mask m) { return m; }
INLINE v32 v32_tally(v32 count, v32_mask m) { return count + m; }
INLINE v32 v32_gather_lanes(v32 a, v32_mask m) { return (void)m, a; }
INLINE v32 v32_choose(v32 a, v32_mask m, v32 b) { return a ^ ((a ^ b) & (0 - m)); }
INLINE void v32_store_bytes(uint8_t *p, v32 v) { *p = (uint8_t)v; }
enum { BYTES = 8 };

/* How many of 8 bytes are x: of those that are, the top bit is 0 whether or not the lower
 * seven carry into it (Warren, "Hacker's Delight", 6-1). */
INLINE unsigned bytes_equal(const uint8_t *p, unsigned x)
{
	const uint64_t ones = 0x0101010101010101, low = 0x7f * ones;
	uint64_t other;

	memcpy(&other, p, sizeof other);
	other ^= x * ones;
	other = ~(((other & low) + low) | other | low);
	return (unsigned)((other >> 7) * ones >> 56);
}

INLINE bool v32_any_equal(v32 a, v32 b) { return a == b; }
INLINE v32 v32_bits(enum smi_kind kind, const void *p) { return (v32)smi_key_load(p, kind); }
INLINE void v64_store_narrow(uint32_t *p, v64 v) { *p = (uint32_t)v; }
INLINE v64 v64_bits(enum smi_kind kind, const void *p) { return smi_key_load(p, kind); }

/* smi_image without branches, and without the floats' arithmetic: the caller's may take
 * subnormals for zeros, and cannot be set on all CPUs. All bits of -0 flipped are one less than those of +0. */
INLINE v32 v32_image(enum smi_kind kind, uint64_t flip, const void *p)
{
	const v32 sign = 1u << 31, infinity = 0x7f800000;
	v32 bits = (v32)smi_key_load(p, kind), negative = 0 - (bits >> 31), nan;

	if (kind != SMI_FLOAT32)
		return bits ^ (v32)flip;
	nan = 0 - (v32)((int32_t)(bits & ~sign) > (int32_t)infinity);
	bits = (bits ^ (negative | sign)) + (bits == sign);
	return (bits ^ (v32)flip) | nan;
}

INLINE v64 v64_image(enum smi_kind kind, uint64_t flip, const void *p)
{
	const v64 sign = 1ull << 63, infinity = 0x7ff0000000000000;
	v64 bits = smi_key_load(p, kind), negative = 0 - (bits >> 63), nan;

	if (kind == SMI_FLOAT32)
		return v32_image(kind, flip, p);
	if (kind != SMI_FLOAT64)
		return bits ^ flip;
	nan = 0 - (v64)((bits & ~sign) > infinity);
	bits = (bits ^ (negative | sign)) + (bits == sign);
	return (bits ^ flip) | nan;
}

INLINE v64 v64_linear(v64 value, double low, double scale, uint64_t top)
{
	double x;

	memcpy(&x, &value, sizeof x);
	x = (x - low) * scale;
	x = x < (double)top ? x : (double)top; /* NaN, too */
	return x > 0 ? (v64)(int64_t)x : 0;
}

INLINE v32 v32_linear(v32 value, float low, float scale, uint32_t top)
{
	float x;

	memcpy(&x, &value, sizeof x);
	x = (x - low) * scale;
	x = x < (float)top ? x : (float)top;
	return x > 0 ? (v32)(int32_t)x : 0;
}

INLINE v32 v32_real_bits(v32 a)
{
	float x = (float)a;

	return memcpy(&a, &x, sizeof a), a;
}

INLINE v64 v64_real_bits(v64 a)
{
	double x = (double)a;

	return memcpy(&a, &x, sizeof a), a;
}

#endif
