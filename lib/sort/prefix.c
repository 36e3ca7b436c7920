/* SPDX-License-Identifier: MIT */
#include "sort/prefix.h"

/* Prefixes that are shared cost time where keys are many. Of so many an index takes 17 bits,
 * and a prefix fits a double's fraction. */
enum { BY_VALUE_FROM = 1 << 17, SHARING = 256 };

static uint64_t prefix_of(const struct smi_pack *pack, const struct smi_keys *keys, uint64_t image)
{
	return pack->mapped ? smi_map_digit(&pack->map, keys, image) : (image - pack->base) >> pack->drop;
}

/* Sampled keys that differ, but share a prefix with the last one before of their bucket. */
static size_t sharing(const struct smi_pack *pack, const struct smi_map *map, const struct smi_keys *keys,
		      const struct smi_map_sample *sample)
{
	uint64_t last[SMI_DIGITS];
	bool any[SMI_DIGITS] = { false };
	size_t shared = 0;

	for (size_t i = 0; i < sample->n; i++) {
		uint64_t image = sample->image[i], d = smi_map_digit(map, keys, image);

		if (any[d] && last[d] != image)
			shared += prefix_of(pack, keys, image) == prefix_of(pack, keys, last[d]);
		any[d] = true;
		last[d] = image;
	}
	return shared;
}

/* Makes digits by the pack's map as long as there is room for; false when they cannot be. */
static bool widen(struct smi_pack *pack, unsigned room, const struct smi_keys *keys)
{
	struct smi_map *map = &pack->map;
	unsigned bits;

	if (map->kind == SMI_MAP_LINEAR) {
		map->scale *= (double)((uint64_t)1 << (room - smi_bits(map->top)));
		map->top = ((uint64_t)1 << room) - 1;
		pack->drop = 0;
		return __builtin_isfinite(map->low) && __builtin_isnormal(map->scale);
	}
	map->shift = 0;
	bits = smi_bits(smi_map_digit(map, keys, map->last));
	map->shift = bits > room ? bits - room : 0;
	map->top = smi_map_digit(map, keys, map->last);
	pack->drop = map->kind == SMI_MAP_SHIFT ? map->shift : 0;
	return true;
}

/* Of doubles, by value over the whole range; false if many sampled keys would share a prefix
 * or, since some lie far away, more than by leading bits a bucket. */
static bool pack_by_value(struct smi_plan *plan, const struct smi_range *range, unsigned width,
			  const struct smi_map_sample *sample)
{
	const struct smi_keys *keys = &plan->keys;
	double first = smi_map_value(keys, range->min), last = smi_map_value(keys, range->max);
	struct smi_map whole = { 0 }, bits = { 0 };
	struct smi_pack valued = plan->pack;

	smi_map_shift(&bits, range, 0, width);
	smi_map_span(&whole, keys, keys->descending ? last : first, keys->descending ? first : last, width);
	valued.mapped = true;
	valued.map = whole;
	if (!widen(&valued, plan->room, keys) ||
	    smi_map_crowding(&whole, keys, sample) > smi_map_crowding(&bits, keys, sample) ||
	    sharing(&valued, &whole, keys, sample) > sample->n / SHARING)
		return false;
	plan->pack = valued;
	return true;
}

/* The first digit by logarithm some of whose keys lose bits, if `drop` of a double's bits are lost. */
static size_t first_rounded(const struct smi_map *map, const struct smi_keys *keys, unsigned drop)
{
	enum { FRACTION = 52 };
	uint64_t rounded = drop <= FRACTION ? (uint64_t)2 << (FRACTION - drop) : 0;

	return map->last - map->base < rounded ? map->top + 1 : smi_map_digit(map, keys, map->base + rounded);
}

/* As the digits are, and cut off as they are. Where these are leading bits, fewer are left out
 * than of the whole range; else that depends on the keys. */
static void pack_by_map(struct smi_plan *plan, const struct smi_map *map, const struct smi_range *range,
			const struct smi_map_sample *sample)
{
	const struct smi_keys *keys = &plan->keys;
	struct smi_pack mapped = plan->pack;

	mapped.mapped = true;
	mapped.map = *map;
	if (!widen(&mapped, plan->room, keys) ||
	    (map->kind != SMI_MAP_SHIFT && sharing(&mapped, map, keys, sample) > sharing(&plan->pack, map, keys, sample)))
		return;
	plan->pack = mapped;
	if (map->kind == SMI_MAP_SHIFT && (range->varying & (((uint64_t)1 << mapped.drop) - 1)) == 0)
		plan->unsure = map->top;
	if (map->kind == SMI_MAP_LOG)
		plan->unsure = first_rounded(map, keys, mapped.map.shift);
	plan->sure = 1;
}

void smi_prefix_choose(struct smi_plan *plan, const struct smi_map *map, size_t n, const struct smi_range *range,
		       unsigned width, const struct smi_map_sample *sample)
{
	bool linear = map->kind == SMI_MAP_LINEAR;

	if (linear && (n < BY_VALUE_FROM || pack_by_value(plan, range, width, sample)))
		return;
	if (map->kind != SMI_MAP_SHIFT || map->base != range->min || map->last != range->max)
		pack_by_map(plan, map, range, sample);
}
