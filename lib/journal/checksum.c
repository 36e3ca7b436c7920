/* SPDX-License-Identifier: MIT */
/* XXH64, written after Yann Collet's "xxHash fast digest algorithm" (version
 * 0.1.1, the description of XXH64), whose names the steps have. Numbers are read
 * as the machine has them: a journal does not leave its byte order. */
#include "journal/checksum.h"

#include <string.h>

#define PRIME1 0x9E3779B185EBCA87ull
#define PRIME2 0xC2B2AE3D27D4EB4Full
#define PRIME3 0x165667B19E3779F9ull
#define PRIME4 0x85EBCA77C2B2AE63ull
#define PRIME5 0x27D4EB2F165667C5ull

#define STRIPE 32

static inline uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline uint64_t read64(const unsigned char *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof x);
	return x;
}

static inline uint32_t read32(const unsigned char *p)
{
	uint32_t x;

	memcpy(&x, p, sizeof x);
	return x;
}

static inline uint64_t round_lane(uint64_t acc, uint64_t lane)
{
	return rotate(acc + lane * PRIME2, 31) * PRIME1;
}

static inline uint64_t merge(uint64_t acc, uint64_t lane)
{
	return (acc ^ round_lane(0, lane)) * PRIME1 + PRIME4;
}

/* Four lanes at once, as long as there are whole stripes; moves *p. */
static uint64_t stripes(const unsigned char **p, size_t count, uint64_t seed)
{
	uint64_t a = seed + PRIME1 + PRIME2, b = seed + PRIME2, c = seed, d = seed - PRIME1, acc;
	const unsigned char *at = *p;

	for (; count > 0; count--, at += STRIPE) {
		a = round_lane(a, read64(at));
		b = round_lane(b, read64(at + 8));
		c = round_lane(c, read64(at + 16));
		d = round_lane(d, read64(at + 24));
	}
	*p = at;
	acc = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
	return merge(merge(merge(merge(acc, a), b), c), d);
}

/* The bytes behind the last whole stripe. */
static uint64_t rest(const unsigned char *p, size_t size, uint64_t acc)
{
	for (; size >= 8; size -= 8, p += 8)
		acc = rotate(acc ^ round_lane(0, read64(p)), 27) * PRIME1 + PRIME4;
	if (size >= 4) {
		acc = rotate(acc ^ read32(p) * PRIME1, 23) * PRIME2 + PRIME3;
		size -= 4;
		p += 4;
	}
	for (; size > 0; size--, p++)
		acc = rotate(acc ^ *p * PRIME5, 11) * PRIME1;
	return acc;
}

static inline uint64_t avalanche(uint64_t acc)
{
	acc = (acc ^ acc >> 33) * PRIME2;
	acc = (acc ^ acc >> 29) * PRIME3;
	return acc ^ acc >> 32;
}

uint64_t smi_checksum(const void *bytes, size_t size, uint64_t seed)
{
	const unsigned char *p = bytes;
	uint64_t acc = size < STRIPE ? seed + PRIME5 : stripes(&p, size / STRIPE, seed);

	return avalanche(rest(p, size % STRIPE, acc + size));
}
