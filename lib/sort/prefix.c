/* SPDX-License-Identifier: MIT */
#include "sort/prefix.h"

#include "sort/split.h"

/* Prefixes that are shared cost time where keys are many. Of so many an index takes 17 bits,
 * and a prefix fits a double's fraction. What is cut off shares one: that must be worth it.
 * Where two of five sampled keys share one, keys are worth searching among splitting images; of so
 * many that whole keys are no more near, one of four. */
enum { BY_VALUE_FROM = 1 << 17, MUCH_LESS = 2, SOONER_FROM = 1 << 20 };

/* Of buckets that have prefixes of their own these lie one behind the other. */
static uint64_t prefix_of(const struct smi_pack *pack, const struct smi_keys *keys, uint64_t image)
{
	const struct smi_split *split = pack->map.split;
	size_t bucket;

	if (pack->mapped && pack->map.kind == SMI_MAP_SPLIT) {
		bucket = smi_split_bucket(split, image);
		return bucket * (split->most + 1) + smi_split_prefix(split, bucket, image);
	}
	return pack->mapped ? smi_map_digit(&pack->map, keys, image) : (image - pack->base) >> pack->drop;
}

/* How many of the sampled keys, in rising order, stand for keys that share a prefix although
 * they differ: n keys lie between them as evenly as prefixes do. */
static double sharing(const struct smi_pack *pack, const struct smi_keys *keys,
		      const struct smi_map_sample *sample, size_t n)
{
	uint64_t prefix = prefix_of(pack, keys, sample->image[0]), before, apart;
	double between = (double)n / (double)sample->n, shared = 0;

	for (size_t i = 1; i < sample->n; i++) {
		before = prefix;
		prefix = prefix_of(pack, keys, sample->image[i]);
		apart = sample->image[i] - sample->image[i - 1];
		if (prefix - before < apart)
			shared += (double)(prefix - before) > between ? between / (double)(prefix - before) : 1;
	}
	return shared;
}

static void sample_sort(struct smi_map_sample *sample)
{
	enum { SLACK = 8 };
	struct smi_plan plan = { .keys.kind = SMI_INT64, .exact = true, .sink = SMI_TO_KEY, .out = sample->image };
	uint64_t records[SMI_MAP_SAMPLE + SLACK], spare[SMI_MAP_SAMPLE + SLACK];
	uint32_t counts[SMI_FEW_COUNTS];

	memcpy(records, sample->image, sample->n * sizeof *records);
	smi_kernel()->bucket(&plan, records, spare, sample->n, 0, counts);
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

/* By value over the whole range. */
static bool pack_by_value(struct smi_pack *pack, const struct smi_plan *plan, const struct smi_range *range,
			  unsigned width)
{
	*pack = plan->pack;
	pack->mapped = true;
	return smi_map_values(&pack->map, &plan->keys, range, width) && widen(pack, plan->room, &plan->keys);
}

/* As the digits are, and cut off as they are. */
static bool pack_by_map(struct smi_pack *pack, const struct smi_plan *plan, const struct smi_map *map)
{
	*pack = plan->pack;
	pack->mapped = true;
	pack->map = *map;
	return widen(pack, plan->room, &plan->keys);
}

/* The first digit by logarithm some of whose keys lose bits, if `drop` of a double's bits are lost. */
static size_t first_rounded(const struct smi_map *map, const struct smi_keys *keys, unsigned drop)
{
	enum { FRACTION = 52 };
	uint64_t rounded = drop <= FRACTION ? (uint64_t)2 << (FRACTION - drop) : 0;

	return map->last - map->base < rounded ? map->top + 1 : smi_map_digit(map, keys, map->base + rounded);
}

/* In which buckets do prefixes by the map tell all keys apart? */
static void find_sure(struct smi_plan *plan, const struct smi_map *map, const struct smi_range *range)
{
	const struct smi_pack *pack = &plan->pack;

	plan->sure = 1;
	if (map->kind == SMI_MAP_SHIFT && (range->varying & (((uint64_t)1 << pack->drop) - 1)) == 0)
		plan->unsure = map->top;
	if (map->kind == SMI_MAP_LOG)
		plan->unsure = first_rounded(map, &plan->keys, pack->map.shift);
}

/* Leading bits of the whole range: what prefixes are already. */
static bool is_whole(const struct smi_map *map, const struct smi_range *range)
{
	return map->kind == SMI_MAP_SHIFT && map->base == range->min && map->last == range->max;
}

/* By splitting images, if `shared` of the sampled keys' prefixes are so many that this is worth it. */
static void split_shared(struct smi_plan *plan, struct smi_map *map, size_t n, const struct smi_range *range,
			 struct smi_map_sample *sample, double shared, struct smi_split *split)
{
	struct smi_pack pack = plan->pack;

	if (shared < (double)sample->n * (n < SOONER_FROM ? 0.4 : 0.25))
		return;
	if (sample->n < SMI_MAP_SAMPLE) {
		shared *= SMI_MAP_SAMPLE / (double)sample->n;
		smi_map_sample_take(sample, SMI_MAP_SAMPLE, &plan->keys, n);
		sample_sort(sample);
	}
	smi_split_choose(split, sample, range, plan->room);
	pack.mapped = true;
	pack.map = (struct smi_map){ .kind = SMI_MAP_SPLIT, .top = SMI_SPLITS - 1, .split = split };
	if (sharing(&pack, &plan->keys, sample, n) > shared / MUCH_LESS)
		return;
	plan->pack = pack;
	*map = pack.map;
}

void smi_prefix_choose(struct smi_plan *plan, struct smi_map *map, size_t n, const struct smi_range *range,
		       unsigned width, struct smi_map_sample *sample, struct smi_split *split)
{
	const struct smi_keys *keys = &plan->keys;
	bool linear = map->kind == SMI_MAP_LINEAR;
	struct smi_pack pack;
	double least, shared;

	if (!split && (linear ? n < BY_VALUE_FROM : is_whole(map, range)))
		return;
	sample_sort(sample);
	least = sharing(&plan->pack, keys, sample, n);
	if (linear && n >= BY_VALUE_FROM && pack_by_value(&pack, plan, range, width)) {
		shared = sharing(&pack, keys, sample, n);
		if (shared <= least) {
			plan->pack = pack;
			least = shared;
		}
	}
	if (!is_whole(map, range) && pack_by_map(&pack, plan, map) &&
	    (shared = sharing(&pack, keys, sample, n)) < least / MUCH_LESS) {
		plan->pack = pack;
		find_sure(plan, map, range);
		least = shared;
	}
	if (split)
		split_shared(plan, map, n, range, sample, least, split);
}
