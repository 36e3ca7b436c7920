/* SPDX-License-Identifier: MIT */
/* One partition: counting the keys of each bucket, and moving their records
 * there. Included by each kernel after its lanes and scan.h.
 *
 * Digits and records are computed by vectors into a small ring, far ahead of
 * the plain loop that counts or moves them: its loads then never wait for a
 * vector store that is queued behind stores to memory. */
#ifndef SMI_SORT_SPREAD_H
#define SMI_SORT_SPREAD_H

#include "sort/kernel/kernel.h"
#include "sort/kernel/own.h"
#include "sort/kernel/scan.h"

enum { AHEAD = 256, RING = 2 * AHEAD, SOON = 16 * SMI_LINE };

/* Keys that are looked at together: those of up to 4 bytes in one vector of 32-bit
 * lanes, longer ones in two vectors. */
enum { STEP = V32_LANES };

struct ring {
	uint64_t wide[RING];
	uint32_t narrow[RING];
	uint32_t digit[RING];
} __attribute__((aligned(64)));

/* How far images, cut off to the map's, are above its base. */
INLINE v64 above_base_wide(const struct smi_map *map, v64 image)
{
	v64 base = v64_bias(v64_set(map->base)), last = v64_bias(v64_set(map->last));

	return v64_sub(v64_min(v64_max(v64_bias(image), base), last), base);
}

INLINE v32 above_base_narrow(const struct smi_map *map, v32 image)
{
	v32 base = v32_bias(v32_set((uint32_t)map->base)), last = v32_bias(v32_set((uint32_t)map->last));

	return v32_sub(v32_min(v32_max(v32_bias(image), base), last), base);
}

INLINE v64 digit_wide(enum smi_kind kind, enum smi_map_kind how, const struct smi_map *map, uint64_t flip,
		      const void *p)
{
	v64 one = v64_set(0x3ff0000000000000), digit;

	if (how == SMI_MAP_LINEAR)
		return v64_linear(v64_bits(kind, p), map->low, map->scale, map->top);
	digit = above_base_wide(map, v64_image(kind, flip, p));
	if (how == SMI_MAP_LOG)
		digit = v64_sub(v64_max(v64_real_bits(digit), one), one);
	return v64_right(digit, map->shift);
}

INLINE v32 digit_narrow(enum smi_kind kind, enum smi_map_kind how, const struct smi_map *map, uint64_t flip,
			const void *p)
{
	v32 one = v32_set(0x3f800000), digit;

	if (how == SMI_MAP_LINEAR)
		return v32_linear(v32_bits(kind, p), (float)map->low, (float)map->scale, (uint32_t)map->top);
	digit = above_base_narrow(map, v32_image(kind, flip, p));
	if (how == SMI_MAP_LOG)
		digit = v32_sub(v32_max(v32_real_bits(digit), one), one);
	return v32_right(digit, map->shift);
}

/* Digits of STEP keys. */
INLINE void digits_of(enum smi_kind kind, enum smi_map_kind how, const struct smi_map *map, uint64_t flip,
		      const void *p, uint32_t *digit)
{
	if (smi_kind_size(kind) <= 4) {
		v32_store(digit, digit_narrow(kind, how, map, flip, p));
		return;
	}
	UNROLL
	for (size_t h = 0; h < STEP; h += V64_LANES)
		v64_store_narrow(digit + h, digit_wide(kind, how, map, flip, smi_key_at(p, kind, h)));
}

/* The same of one key. */
INLINE uint32_t digit_at(enum smi_kind kind, enum smi_map_kind how, const struct smi_keys *keys,
			 const struct smi_map *map, size_t i)
{
	unsigned char p[8 * STEP] = { 0 };
	uint32_t digit[STEP];

	memcpy(p, smi_key_at(keys->base, kind, i), smi_kind_size(kind));
	digits_of(kind, how, map, keys->flip, p, digit);
	return digit[0];
}

/* Digits at even and odd places are counted apart, since a count that is
 * written must be waited for before it can be read. */
INLINE void count_keys(enum smi_kind kind, enum smi_map_kind how, const struct smi_keys *keys,
		       const struct smi_map *shared, size_t lo, size_t hi, uint32_t *count)
{
	uint32_t digit[AHEAD] __attribute__((aligned(64))), odd[SMI_DIGITS];
	const struct smi_map own = *shared, *map = &own; /* no store can change it */
	size_t i = lo;

	memset(odd, 0, (map->top + 1) * sizeof *odd);
	for (; i + AHEAD <= hi; i += AHEAD) {
		for (size_t j = 0; j < AHEAD; j += STEP)
			digits_of(kind, how, map, keys->flip, smi_key_at(keys->base, kind, i + j), digit + j);
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

/* Records of the keys at p. */
INLINE v64 packed(enum smi_kind kind, enum smi_map_kind how, const struct smi_keys *keys,
		  const struct smi_pack *pack, const void *p, v64 index)
{
	v64 prefix;

	if (smi_kind_size(kind) == 8 && pack->mapped)
		prefix = digit_wide(kind, how, &pack->map, keys->flip, p);
	else
		prefix = v64_right(v64_sub(v64_image(kind, keys->flip, p), v64_set(pack->base)), pack->drop);
	return v64_or(v64_left(prefix, pack->index_bits), index);
}

/* The low half of the record: the image or the index. */
INLINE v32 packed_narrow(const struct smi_pack *pack, v32 image, v32 index)
{
	return v32_or(v32_right(v32_sub(image, v32_set((uint32_t)pack->base)), pack->drop), index);
}

/* The prefix that a map gives to one key. */
INLINE uint64_t mapped_at(enum smi_kind kind, enum smi_map_kind how, const struct smi_pack *pack,
			  const struct smi_keys *keys, size_t i)
{
	uint64_t p[V64_LANES] = { 0 }, prefix[V64_LANES];

	memcpy(p, smi_key_at(keys->base, kind, i), sizeof p[0]);
	v64_store(prefix, digit_wide(kind, how, &pack->map, keys->flip, p));
	return prefix[0];
}

INLINE uint64_t packed_at(enum smi_kind kind, enum smi_map_kind how, const struct smi_pack *pack,
			  const struct smi_keys *keys, size_t i)
{
	uint64_t prefix = smi_kind_size(kind) == 8 && pack->mapped ? mapped_at(kind, how, pack, keys, i) :
			  (smi_key_image(keys, i) - pack->base) >> pack->drop;

	return prefix << pack->index_bits | (pack->indexed ? i : 0);
}

/* Records of STEP keys from the i-th one on, to `to`. */
INLINE void pack_step(enum smi_kind kind, enum smi_map_kind how, bool narrow, const struct smi_keys *keys,
		      const struct smi_pack *pack, size_t i, void *to)
{
	const void *p = smi_key_at(keys->base, kind, i);
	v64 index, record;

	if (narrow && smi_kind_size(kind) <= 4) {
		v32 low = pack->indexed ? v32_add(v32_count(), v32_set((uint32_t)i)) : v32_set(0);

		v32_store(to, packed_narrow(pack, v32_image(kind, keys->flip, p), low));
		return;
	}
	UNROLL
	for (size_t h = 0; h < STEP; h += V64_LANES) {
		index = pack->indexed ? v64_add(v64_count(), v64_set(i + h)) : v64_set(0);
		record = packed(kind, how, keys, pack, smi_key_at(p, kind, h), index);
		if (narrow)
			v64_store_narrow((uint32_t *)to + h, record);
		else
			v64_store((uint64_t *)to + h, record);
	}
}

/* Puts a record at its place. The line behind it is asked for: no CPU foresees by itself where
 * hundreds of streams of stores go on. */
INLINE void put_record(bool narrow, void *out, uint64_t place, uint64_t record)
{
	char *to = (char *)out + place * (narrow ? sizeof(uint32_t) : sizeof(uint64_t));

	if (narrow)
		*(uint32_t *)to = (uint32_t)record;
	else
		*(uint64_t *)to = record;
	__builtin_prefetch(to + SMI_LINE, 1);
}

/* Moves STEP of the ring's records from `at` on. */
INLINE void drain(bool narrow, const struct ring *ring, size_t at, uint64_t *next, void *out)
{
	UNROLL
	for (size_t j = 0; j < STEP; j++) {
		uint64_t place = next[ring->digit[at + j]]++;

		put_record(narrow, out, place, narrow ? ring->narrow[at + j] : ring->wide[at + j]);
	}
}

/* Asks for the keys of a step to come: among so many streams of stores no CPU foresees them
 * in time. Not where a step is less than a line. */
INLINE void ask_for_keys(enum smi_kind kind, const void *p)
{
	for (size_t line = 0; line + SMI_LINE <= STEP * smi_kind_size(kind); line += SMI_LINE)
		__builtin_prefetch((const char *)p + SOON + line);
}

INLINE void move_keys(enum smi_kind kind, enum smi_map_kind how, bool narrow,
		      const struct smi_keys *shared_keys, const struct smi_map *shared_map,
		      const struct smi_pack *shared_pack, size_t lo, size_t hi, uint64_t *next, void *out)
{
	/* No store can change these. */
	const struct smi_keys own_keys = *shared_keys, *keys = &own_keys;
	const struct smi_map own_map = *shared_map, *map = &own_map;
	const struct smi_pack own_pack = *shared_pack, *pack = &own_pack;
	/* Without vectors the ring is a detour. */
	size_t n = STEP == 1 ? 0 : (hi - lo) / STEP * STEP, filled = 0, i = 0;
	struct ring ring;

	while (i < n) {
		if (filled < n) {
			const void *p = smi_key_at(keys->base, kind, lo + filled);
			size_t at = filled & (RING - 1);

			ask_for_keys(kind, p);
			digits_of(kind, how, map, keys->flip, p, ring.digit + at);
			pack_step(kind, how, narrow, keys, pack, lo + filled,
				  narrow ? (void *)(ring.narrow + at) : ring.wide + at);
			filled += STEP;
			if (filled <= AHEAD)
				continue;
		}
		drain(narrow, &ring, i & (RING - 1), next, out);
		i += STEP;
	}
	for (i += lo; i < hi; i++) {
		uint64_t place = next[digit_at(kind, how, keys, map, i)]++;

		put_record(narrow, out, place, packed_at(kind, how, pack, keys, i));
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

INLINE void pack_keys(enum smi_kind kind, enum smi_map_kind how, bool narrow, const struct smi_keys *keys,
		      const struct smi_pack *shared, size_t lo, size_t hi, void *records)
{
	const struct smi_pack own = *shared, *pack = &own; /* no store can change it */
	size_t size = narrow ? sizeof(uint32_t) : sizeof(uint64_t), i = lo;

	for (; i + STEP <= hi; i += STEP)
		pack_step(kind, how, narrow, keys, pack, i, (char *)records + (i - lo) * size);
	for (; i < hi; i++)
		if (narrow)
			((uint32_t *)records)[i - lo] = (uint32_t)packed_at(kind, how, pack, keys, i);
		else
			((uint64_t *)records)[i - lo] = packed_at(kind, how, pack, keys, i);
}

static void kernel_pack(const struct smi_keys *keys, const struct smi_pack *pack, size_t lo,
			size_t hi, uint64_t *records)
{
	FOR_EACH_MAP(keys->kind, pack->map.kind, pack_keys, false, keys, pack, lo, hi, records)
}

static void kernel_pack_narrow(const struct smi_keys *keys, const struct smi_pack *pack,
			       size_t lo, size_t hi, uint32_t *records)
{
	FOR_EACH_MAP(keys->kind, pack->map.kind, pack_keys, true, keys, pack, lo, hi, records)
}

#endif
