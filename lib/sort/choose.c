/* SPDX-License-Identifier: MIT */
#include "sort/choose.h"

#include "sort/prefix.h"

/* Maps that cut keys off are looked for where another one is so many times more crowded than by
 * chance, and taken if they halve that. SKIPPED: values that may lie far away at either end. SPLIT:
 * so many crowded keys may be split by sampled images; MANY, whether crowded or not. */
enum { CROWDED = 4, SKIPPED = 4, SPLIT = 1 << 16, MANY = 1 << 17 };

static size_t sample_size(size_t n)
{
	return n >= 1u << 20 ? SMI_MAP_SAMPLE : n >= 1u << 17 ? 512 : 256;
}

void smi_map_sample_take(struct smi_map_sample *sample, size_t size, const struct smi_keys *keys, size_t n)
{
	uint64_t x = 0x9e3779b97f4a7c15;

	sample->n = size;
	for (size_t i = 0; i < sample->n; i++) {
		/* Steele, Vigna: "Computationally easy, spectrally good multipliers". */
		x = x * 0xd1342543de82ef95 + 1;
		sample->image[i] = smi_key_image(keys, (size_t)((double)(x >> 12) * 0x1p-52 * (double)n));
	}
}

uint64_t smi_map_crowding(const struct smi_map *map, const struct smi_keys *keys,
			  const struct smi_map_sample *sample)
{
	uint16_t count[SMI_DIGITS] = { 0 };
	uint64_t last[SMI_DIGITS], pairs = 0;

	for (size_t i = 0; i < sample->n; i++) {
		uint64_t image = sample->image[i], d = smi_map_digit(map, keys, image);

		if (count[d] && last[d] == image)
			continue;
		pairs += count[d]++;
		last[d] = image;
	}
	return pairs;
}

/* By value over the finite ones of the sample and a little more on both sides;
 * false when there is no such span. */
static bool map_sampled(struct smi_map *map, const struct smi_keys *keys,
		       const struct smi_map_sample *sample, unsigned width)
{
	double low = 0, high = 0, x, span;
	bool any = false;

	for (size_t i = 0; i < sample->n; i++) {
		x = smi_map_value(keys, sample->image[i]);
		if (!__builtin_isfinite(x))
			continue;
		low = !any || x < low ? x : low;
		high = !any || x > high ? x : high;
		any = true;
	}
	span = high - low;
	return any && smi_map_linear(map, keys, low - span / 64, high + span / 64, width);
}

/* The least sampled image, as its bits are flipped, but for `skipped` values that are less. */
static uint64_t edge_of(const struct smi_map_sample *sample, uint64_t flip, size_t skipped)
{
	uint64_t least[SKIPPED + 1];
	size_t n = 0, j;

	for (size_t i = 0; i < sample->n; i++) {
		uint64_t image = sample->image[i] ^ flip;

		if (n > skipped && image >= least[skipped])
			continue;
		for (j = 0; j < n && least[j] < image; j++)
			;
		if (j < n && least[j] == image)
			continue;
		n += n <= skipped;
		memmove(least + j + 1, least + j, (n - 1 - j) * sizeof *least);
		least[j] = image;
	}
	return least[n - 1] ^ flip;
}

/* Where sampled keys lie, and a little more on both sides, but for a few values at either end;
 * false: nowhere. */
static bool most_of(struct smi_range *most, const struct smi_map_sample *sample, const struct smi_range *range,
		    size_t skipped)
{
	uint64_t low = edge_of(sample, 0, skipped), high = edge_of(sample, UINT64_MAX, skipped), more;

	if (low >= high)
		return false;
	more = (high - low) / 16;
	most->min = low - range->min > more ? low - more : range->min;
	most->max = range->max - high > more ? high + more : range->max;
	return true;
}

/* Some keys may lie far from all others. `best` is what is found so far, and so crowded. How
 * crowded it is then. */
static uint64_t map_without_far(struct smi_map *best, uint64_t crowded, const struct smi_keys *keys,
				const struct smi_map_sample *sample, const struct smi_range *range,
				unsigned index_bits, unsigned width)
{
	static const size_t skipped[] = { 0, SKIPPED };
	bool is_float = smi_kind_float(keys->kind);
	struct smi_range most;
	uint64_t here;

	for (size_t i = 0; i < 2 && most_of(&most, sample, range, skipped[i]); i++)
		for (int other = 0; other < 2; other++) {
			struct smi_map map = { 0 };

			if (is_float ? other : !other)
				smi_map_within(&map, range, &most, index_bits, width);
			else if (index_bits > 0)
				continue;
			else if (!is_float)
				smi_map_log(&map, keys->kind, &(struct smi_range){ most.min, range->max, 0, false }, width);
			else if (!smi_map_values(&map, keys, &most, width))
				continue;
			here = smi_map_crowding(&map, keys, sample);
			if (here * 2 > crowded)
				continue;
			*best = map;
			crowded = here;
		}
	return crowded;
}

bool smi_map_has_far(const struct smi_keys *keys, size_t n, const struct smi_range *range)
{
	enum { LOOKS = 32, PART_LOG = 6 };
	struct smi_map_sample sample;

	smi_map_sample_take(&sample, LOOKS, keys, n);
	return edge_of(&sample, UINT64_MAX, 0) - edge_of(&sample, 0, 0) < (range->max - range->min) >> PART_LOG;
}

bool smi_map_is_even(const struct smi_keys *keys, size_t n)
{
	enum { WIDTH = 6 };
	struct smi_range range = { .min = 0 };
	struct smi_map map;
	struct smi_map_sample sample;
	uint64_t chance;

	smi_map_sample_take(&sample, sample_size(n), keys, n);
	range.min = edge_of(&sample, 0, 0);
	range.max = edge_of(&sample, UINT64_MAX, 0);
	smi_map_shift(&map, &range, 0, WIDTH);
	chance = (uint64_t)sample.n * sample.n / 2 / (map.top + 1);
	return smi_map_crowding(&map, keys, &sample) < chance + chance / 3;
}

/* How crowded 2^width buckets would be. */
static uint64_t chance_of(const struct smi_map_sample *sample, unsigned width)
{
	return ((uint64_t)sample->n * sample->n / 2 >> width) + 1;
}

/* The map that a sample of longer keys comes out most evenly by; how many times more crowded
 * than by chance. */
static uint64_t map_for(struct smi_map *map, const struct smi_keys *keys, const struct smi_map_sample *sample,
		    const struct smi_range *range, unsigned width)
{
	uint64_t chance = chance_of(sample, width);
	uint64_t here = smi_map_crowding(map, keys, sample), there;
	struct smi_map other = { 0 };

	if (smi_kind_float(keys->kind)) {
		there = map_sampled(&other, keys, sample, width) ? smi_map_crowding(&other, keys, sample) : UINT64_MAX;
		there -= there / 8;
	} else {
		smi_map_log(&other, keys->kind, range, width);
		there = smi_map_crowding(&other, keys, sample);
		there += there / 2 + 1; /* costs more: not where neither is crowded */
	}
	if (there <= here) {
		*map = other;
		here = there;
	}
	if (here > CROWDED * chance)
		here = map_without_far(map, here, keys, sample, range, 0, width);
	return here / chance;
}

void smi_map_choose(struct smi_map *map, struct smi_plan *plan, size_t n,
		    const struct smi_range *range, unsigned width, struct smi_split *split)
{
	const struct smi_keys *keys = &plan->keys;
	struct smi_map_sample sample;
	uint64_t crowded;

	*map = (struct smi_map){ 0 };
	smi_map_shift(map, range, 0, width);
	if (map->shift == 0 || smi_kind_size(keys->kind) < 4)
		return;
	smi_map_sample_take(&sample, sample_size(n), keys, n);
	crowded = map_for(map, keys, &sample, range, width);
	if (plan->exact || smi_kind_size(keys->kind) < 8)
		return;
	/* What is crowded within digits can be told by prefixes only: of many keys that is worth it. */
	smi_prefix_choose(plan, map, n, range, width, &sample,
			  n >= (crowded > CROWDED ? SPLIT : MANY) ? split : NULL);
}

void smi_map_choose_records(struct smi_map *map, const struct smi_keys *records, size_t m,
			    const struct smi_range *range, unsigned index_bits, unsigned width)
{
	struct smi_map_sample sample;
	uint64_t chance, here;

	*map = (struct smi_map){ 0 };
	smi_map_shift(map, range, index_bits, width);
	if (map->shift == index_bits)
		return;
	smi_map_sample_take(&sample, sample_size(m), records, m);
	chance = chance_of(&sample, width);
	here = smi_map_crowding(map, records, &sample);
	if (here > CROWDED * chance)
		map_without_far(map, here, records, &sample, range, index_bits, width);
}

enum smi_map_kind smi_map_choose_prefix(struct smi_plan *plan, size_t n, const struct smi_range *range)
{
	enum { WIDTH = 7 };
	struct smi_map map;

	smi_map_choose(&map, plan, n, range, WIDTH, NULL);
	return map.kind;
}
