/* SPDX-License-Identifier: MIT */
#include "sort/map.h"

#include <float.h>

/* Prefixes that are shared cost time where keys are many. Of so many an index takes 17 bits,
 * and a prefix fits a double's fraction. */
enum { SAMPLE_MAX = 1024, BY_VALUE_FROM = 1 << 17, SHARING = 256 };

struct sample {
	uint64_t image[SAMPLE_MAX];
	size_t n;
};

static void sample_take(struct sample *sample, const struct smi_keys *keys, size_t n)
{
	uint64_t x = 0x9e3779b97f4a7c15;

	sample->n = n >= 1u << 20 ? 1024 : n >= 1u << 17 ? 512 : 256;
	for (size_t i = 0; i < sample->n; i++) {
		/* Steele, Vigna: "Computationally easy, spectrally good multipliers". */
		x = x * 0xd1342543de82ef95 + 1;
		sample->image[i] = smi_key_image(keys, (size_t)((double)(x >> 12) * 0x1p-52 * (double)n));
	}
}

static double value_of(const struct smi_keys *keys, uint64_t image)
{
	uint64_t bits = smi_image_bits(keys->kind, keys->flip, image);
	uint32_t half = (uint32_t)bits;
	double x;
	float f;

	if (keys->kind == SMI_FLOAT64)
		return memcpy(&x, &bits, sizeof x), x;
	return memcpy(&f, &half, sizeof f), f;
}

/* How far the bits of a real number, a float for keys of 4 bytes, are above those of 1. */
static uint64_t log_of(enum smi_kind kind, uint64_t u)
{
	uint64_t wide, one = 0x3ff0000000000000;
	double x = (double)u;
	uint32_t narrow;
	float f = (float)u;

	if (smi_kind_size(kind) == 4)
		return memcpy(&narrow, &f, sizeof f), narrow > 0x3f800000 ? narrow - 0x3f800000 : 0;
	return memcpy(&wide, &x, sizeof x), wide > one ? wide - one : 0;
}

/* The kernels' linear scale: (value - low) * scale, cut off to 0 ... top. */
static uint64_t scaled(double value, double low, double scale, uint64_t top)
{
	double x = (value - low) * scale;

	return !(x < (double)top) ? top : x > 0 ? (uint64_t)x : 0;
}

/* The kernels' maps, of one key. */
static uint32_t digit_of(const struct smi_map *map, const struct smi_keys *keys, uint64_t image)
{
	uint64_t digit = image - map->base;

	if (map->kind == SMI_MAP_LINEAR)
		return (uint32_t)scaled(value_of(keys, image), map->low, map->scale, map->top);
	if (map->kind == SMI_MAP_LOG)
		digit = log_of(keys->kind, digit);
	digit >>= map->shift;
	return digit < map->top ? (uint32_t)digit : map->top;
}

/* Pairs of sampled keys that fall into one bucket. */
static uint64_t crowding(const struct smi_map *map, const struct smi_keys *keys,
			 const struct sample *sample)
{
	uint16_t count[SMI_DIGITS] = { 0 };
	uint64_t pairs = 0;

	for (size_t i = 0; i < sample->n; i++)
		pairs += count[digit_of(map, keys, sample->image[i])]++;
	return pairs;
}

void smi_map_shift(struct smi_map *map, const struct smi_range *range, unsigned index_bits,
		   unsigned width)
{
	uint64_t base = range->min >> index_bits << index_bits;
	unsigned bits = smi_bits((range->max - base) >> index_bits);

	map->kind = SMI_MAP_SHIFT;
	map->base = base;
	map->shift = index_bits + (bits > width ? bits - width : 0);
	map->top = (uint32_t)((range->max - base) >> map->shift);
}

static void map_log(struct smi_map *map, enum smi_kind kind, const struct smi_range *range, unsigned width)
{
	uint64_t most = log_of(kind, range->max - range->min);
	unsigned bits = smi_bits(most);

	map->kind = SMI_MAP_LOG;
	map->base = range->min;
	map->shift = bits > width ? bits - width : 0;
	map->top = (uint32_t)(most >> map->shift);
}

/* Does this spread keys, in the precision of the kernels? */
static bool is_usable(const struct smi_map *map, enum smi_kind kind)
{
	double low = __builtin_fabs(map->low), scale = __builtin_fabs(map->scale);

	if (kind == SMI_FLOAT32)
		return low <= FLT_MAX && scale >= FLT_MIN && scale <= FLT_MAX;
	return __builtin_isfinite(low) && __builtin_isnormal(scale);
}

/* Linear from low to high. */
static void map_span(struct smi_map *map, const struct smi_keys *keys, double low, double high, unsigned width)
{
	map->kind = SMI_MAP_LINEAR;
	map->top = (1u << width) - 1;
	map->scale = (map->top + 1) / (high - low);
	map->low = low;
	if (keys->descending) {
		map->scale = -map->scale;
		map->low = high;
	}
}

/* Linear over the finite values of the sample and a little more on both sides;
 * false when there is no such span. */
static bool map_linear(struct smi_map *map, const struct smi_keys *keys,
		       const struct sample *sample, unsigned width)
{
	double low = 0, high = 0, x, span;
	bool any = false;

	for (size_t i = 0; i < sample->n; i++) {
		x = value_of(keys, sample->image[i]);
		if (!__builtin_isfinite(x))
			continue;
		low = !any || x < low ? x : low;
		high = !any || x > high ? x : high;
		any = true;
	}
	span = high - low;
	map_span(map, keys, low - span / 64, high + span / 64, width);
	return any && is_usable(map, keys->kind);
}

static uint64_t value_prefix(const struct smi_pack *pack, const struct smi_keys *keys, uint64_t image)
{
	return scaled(value_of(keys, image), pack->low, pack->scale, pack->top);
}

/* Sampled keys that differ, but share a prefix with the last one before of their bucket. */
static size_t sharing(const struct smi_pack *pack, const struct smi_map *whole, const struct smi_keys *keys,
		      const struct sample *sample)
{
	uint64_t last[SMI_DIGITS];
	bool any[SMI_DIGITS] = { false };
	size_t shared = 0;

	for (size_t i = 0; i < sample->n; i++) {
		uint64_t image = sample->image[i];
		uint32_t d = digit_of(whole, keys, image);

		if (any[d] && last[d] != image)
			shared += value_prefix(pack, keys, image) == value_prefix(pack, keys, last[d]);
		any[d] = true;
		last[d] = image;
	}
	return shared;
}

/* Lets records of doubles have prefixes by value, unless many sampled keys would share one or,
 * over the whole range, more than by leading bits would share a bucket. */
static void pack_by_value(struct smi_pack *pack, unsigned room, const struct smi_keys *keys,
			  const struct sample *sample, const struct smi_range *range, unsigned width,
			  uint64_t crowded)
{
	double first = value_of(keys, range->min), last = value_of(keys, range->max);
	struct smi_map whole = { 0 };

	map_span(&whole, keys, keys->descending ? last : first, keys->descending ? first : last, width);
	pack->low = whole.low;
	pack->scale = whole.scale * (double)((uint64_t)1 << (room - width));
	pack->top = ((uint64_t)1 << room) - 1;
	if (!__builtin_isfinite(pack->low) || !__builtin_isnormal(pack->scale) ||
	    crowding(&whole, keys, sample) > crowded || sharing(pack, &whole, keys, sample) > sample->n / SHARING)
		return;
	pack->by_value = true;
	pack->drop = 0;
}

bool smi_map_is_even(const struct smi_keys *keys, size_t n)
{
	enum { WIDTH = 6 };
	struct smi_range range = { UINT64_MAX, 0, 0, false };
	struct smi_map map;
	struct sample sample;
	uint64_t chance;

	sample_take(&sample, keys, n);
	for (size_t i = 0; i < sample.n; i++) {
		range.min = sample.image[i] < range.min ? sample.image[i] : range.min;
		range.max = sample.image[i] > range.max ? sample.image[i] : range.max;
	}
	smi_map_shift(&map, &range, 0, WIDTH);
	chance = (uint64_t)sample.n * sample.n / 2 / (map.top + 1);
	return crowding(&map, keys, &sample) < chance + chance / 3;
}

void smi_map_choose(struct smi_map *map, struct smi_plan *plan, size_t n,
		    const struct smi_range *range, unsigned width)
{
	const struct smi_keys *keys = &plan->keys;
	struct smi_map other = { 0 };
	struct sample sample;
	uint64_t here, there;

	*map = other;
	smi_map_shift(map, range, 0, width);
	if (map->shift == 0 || smi_kind_size(keys->kind) < 4)
		return;
	sample_take(&sample, keys, n);
	here = crowding(map, keys, &sample);
	if (smi_kind_float(keys->kind)) {
		if (!map_linear(&other, keys, &sample, width))
			return;
		there = crowding(&other, keys, &sample);
		if (there > here + here / 8)
			return;
		*map = other;
		if (!plan->exact && keys->kind == SMI_FLOAT64 && n >= BY_VALUE_FROM)
			pack_by_value(&plan->pack, plan->room, keys, &sample, range, width, here);
		return;
	}
	map_log(&other, keys->kind, range, width);
	there = crowding(&other, keys, &sample);
	if (there + there / 2 < here)
		*map = other;
}
