/* SPDX-License-Identifier: MIT */
/* One partition: counting the keys of each bucket, and moving their records
 * there. Included by each kernel after its lanes and scan.h.
 *
 * Digits and records are computed by vectors into a small ring, far ahead of
 * the plain loop that counts or moves them: its loads then never wait for a
 * vector store that is queued behind stores to memory. */
#ifndef SMI_SORT_SPREAD_H
#define SMI_SORT_SPREAD_H

#include "sort/kernel.h"
#include "sort/scan.h"

#define UNROLL _Pragma("GCC unroll 8")

enum { AHEAD = 256, RING = 2 * AHEAD, LINE = 64 };

struct ring {
	uint64_t record[RING];
	uint32_t digit[RING];
} __attribute__((aligned(64)));

INLINE v64 digit_of(enum smi_kind kind, enum smi_map_kind how, const struct smi_map *map,
		    v64 image, const void *p)
{
	v64 digit;

	if (how == SMI_MAP_LINEAR)
		return v64_linear(kind, p, map->low, map->scale, map->top);
	digit = v64_sub(image, v64_set(map->base));
	if (how == SMI_MAP_LOG) {
		v64 one = v64_set(0x3ff0000000000000);

		digit = v64_sub(v64_max(v64_real_bits(digit), one), one);
	}
	return v64_min(v64_right(digit, map->shift), v64_set(map->top));
}

/* The same of one key. */
INLINE uint32_t digit_at(enum smi_kind kind, enum smi_map_kind how, const struct smi_keys *keys,
			 const struct smi_map *map, size_t i)
{
	unsigned char p[8 * V64_LANES] = { 0 };
	uint32_t digit[V64_LANES];

	memcpy(p, smi_key_at(keys->base, kind, i), smi_kind_size(kind));
	v64_store_narrow(digit, digit_of(kind, how, map, v64_image(kind, keys->flip, p), p));
	return digit[0];
}

/* Digits at even and odd places are counted apart, since a count that is
 * written must be waited for before it can be read. */
INLINE void count_keys(enum smi_kind kind, enum smi_map_kind how, const struct smi_keys *keys,
		       const struct smi_map *map, size_t lo, size_t hi, uint32_t *count)
{
	uint32_t digit[AHEAD] __attribute__((aligned(64))), odd[SMI_DIGITS];
	size_t i = lo;

	memset(odd, 0, (map->top + 1) * sizeof *odd);
	for (; i + AHEAD <= hi; i += AHEAD) {
		for (size_t j = 0; j < AHEAD; j += V64_LANES) {
			const void *p = smi_key_at(keys->base, kind, i + j);

			v64_store_narrow(digit + j, digit_of(kind, how, map,
							     v64_image(kind, keys->flip, p), p));
		}
		UNROLL
		for (size_t j = 0; j < AHEAD; j += 2) {
			count[digit[j]]++;
			odd[digit[j + 1]]++;
		}
	}
	for (; i < hi; i++)
		count[digit_at(kind, how, keys, map, i)]++;
	for (size_t d = 0; d <= map->top; d++)
		count[d] += odd[d];
}

INLINE v64 packed(const struct smi_pack *pack, v64 image, v64 index)
{
	v64 prefix = v64_right(v64_sub(image, v64_set(pack->base)), pack->drop);

	return v64_or(v64_left(prefix, pack->index_bits), index);
}

INLINE uint64_t packed_at(const struct smi_pack *pack, const struct smi_keys *keys, size_t i)
{
	uint64_t prefix = (smi_key_image(keys, i) - pack->base) >> pack->drop;

	return prefix << pack->index_bits | (pack->indexed ? i : 0);
}

/* Moves the ring's records from `at` on. The line behind each place is asked for:
 * no CPU foresees by itself where hundreds of streams of stores go on. */
INLINE void drain(bool narrow, const struct ring *ring, size_t at, uint64_t *next, void *out)
{
	at &= RING - 1;
	UNROLL
	for (size_t j = 0; j < V64_LANES; j++) {
		uint64_t position = next[ring->digit[at + j]]++;

		if (narrow) {
			uint32_t *to = (uint32_t *)out + position;

			*to = (uint32_t)ring->record[at + j];
			__builtin_prefetch((char *)to + LINE, 1);
		} else {
			uint64_t *to = (uint64_t *)out + position;

			*to = ring->record[at + j];
			__builtin_prefetch((char *)to + LINE, 1);
		}
	}
}

INLINE void move_keys(enum smi_kind kind, enum smi_map_kind how, bool narrow,
		      const struct smi_keys *keys, const struct smi_map *map,
		      const struct smi_pack *pack, size_t lo, size_t hi, uint64_t *next, void *out)
{
	struct ring ring;
	size_t n = (hi - lo) / V64_LANES * V64_LANES, filled = 0, i = 0;
	v64 step = v64_set(pack->indexed ? V64_LANES : 0);
	v64 index = pack->indexed ? v64_add(v64_count(), v64_set(lo)) : v64_set(0);

	while (i < n) {
		if (filled < n) {
			const void *p = smi_key_at(keys->base, kind, lo + filled);
			v64 image = v64_image(kind, keys->flip, p);
			size_t at = filled & (RING - 1);

			v64_store_narrow(ring.digit + at, digit_of(kind, how, map, image, p));
			v64_store(ring.record + at, packed(pack, image, index));
			index = v64_add(index, step);
			filled += V64_LANES;
			if (filled <= AHEAD)
				continue;
		}
		drain(narrow, &ring, i, next, out);
		i += V64_LANES;
	}
	for (i += lo; i < hi; i++) {
		uint64_t position = next[digit_at(kind, how, keys, map, i)]++;
		uint64_t record = packed_at(pack, keys, i);

		if (narrow)
			((uint32_t *)out)[position] = (uint32_t)record;
		else
			((uint64_t *)out)[position] = record;
	}
}

/* Kinds that only a shift is used for have no other loop. */
#define FOR_EACH_MAP(kind, how, function, ...)                                     \
	switch (kind) {                                                            \
	case SMI_INT8:                                                             \
		function(SMI_INT8, SMI_MAP_SHIFT, __VA_ARGS__);                    \
		break;                                                             \
	case SMI_INT16:                                                            \
		function(SMI_INT16, SMI_MAP_SHIFT, __VA_ARGS__);                   \
		break;                                                             \
	case SMI_INT32:                                                            \
		if (how == SMI_MAP_LOG)                                            \
			function(SMI_INT32, SMI_MAP_LOG, __VA_ARGS__);             \
		else                                                               \
			function(SMI_INT32, SMI_MAP_SHIFT, __VA_ARGS__);           \
		break;                                                             \
	case SMI_INT64:                                                            \
		if (how == SMI_MAP_LOG)                                            \
			function(SMI_INT64, SMI_MAP_LOG, __VA_ARGS__);             \
		else                                                               \
			function(SMI_INT64, SMI_MAP_SHIFT, __VA_ARGS__);           \
		break;                                                             \
	case SMI_FLOAT32:                                                          \
		if (how == SMI_MAP_LINEAR)                                         \
			function(SMI_FLOAT32, SMI_MAP_LINEAR, __VA_ARGS__);        \
		else                                                               \
			function(SMI_FLOAT32, SMI_MAP_SHIFT, __VA_ARGS__);         \
		break;                                                             \
	case SMI_FLOAT64:                                                          \
		if (how == SMI_MAP_LINEAR)                                         \
			function(SMI_FLOAT64, SMI_MAP_LINEAR, __VA_ARGS__);        \
		else                                                               \
			function(SMI_FLOAT64, SMI_MAP_SHIFT, __VA_ARGS__);         \
		break;                                                             \
	}

static void kernel_histogram(const struct smi_keys *keys, const struct smi_map *map, size_t lo,
			     size_t hi, uint32_t *count)
{
	FOR_EACH_MAP(keys->kind, map->kind, count_keys, keys, map, lo, hi, count)
}

static void kernel_scatter(const struct smi_keys *keys, const struct smi_map *map,
			   const struct smi_pack *pack, size_t lo, size_t hi, uint64_t *next,
			   uint64_t *out)
{
	FOR_EACH_MAP(keys->kind, map->kind, move_keys, false, keys, map, pack, lo, hi, next, out)
}

static void kernel_scatter_narrow(const struct smi_keys *keys, const struct smi_map *map,
				  const struct smi_pack *pack, size_t lo, size_t hi,
				  uint64_t *next, uint32_t *out)
{
	FOR_EACH_MAP(keys->kind, map->kind, move_keys, true, keys, map, pack, lo, hi, next, out)
}

INLINE void pack_keys(enum smi_kind kind, bool narrow, const struct smi_keys *keys,
		      const struct smi_pack *pack, size_t lo, size_t hi, void *records)
{
	v64 step = v64_set(pack->indexed ? V64_LANES : 0);
	v64 index = pack->indexed ? v64_add(v64_count(), v64_set(lo)) : v64_set(0);
	size_t i = lo;

	for (; i + V64_LANES <= hi; i += V64_LANES) {
		v64 image = v64_image(kind, keys->flip, smi_key_at(keys->base, kind, i));

		if (narrow)
			v64_store_narrow((uint32_t *)records + (i - lo), packed(pack, image, index));
		else
			v64_store((uint64_t *)records + (i - lo), packed(pack, image, index));
		index = v64_add(index, step);
	}
	for (; i < hi; i++)
		if (narrow)
			((uint32_t *)records)[i - lo] = (uint32_t)packed_at(pack, keys, i);
		else
			((uint64_t *)records)[i - lo] = packed_at(pack, keys, i);
}

static void kernel_pack(const struct smi_keys *keys, const struct smi_pack *pack, size_t lo,
			size_t hi, uint64_t *records)
{
	FOR_EACH_KIND(keys->kind, pack_keys, false, keys, pack, lo, hi, records)
}

static void kernel_pack_narrow(const struct smi_keys *keys, const struct smi_pack *pack,
			       size_t lo, size_t hi, uint32_t *records)
{
	FOR_EACH_KIND(keys->kind, pack_keys, true, keys, pack, lo, hi, records)
}

#endif
