/* SPDX-License-Identifier: MIT */
#include "sort/map.h"

#include <float.h>

#include "sort/split.h"

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

/* (value - low) * scale, cut off to 0 ... top. */
static uint64_t scaled(double value, const struct smi_map *map)
{
	double x = (value - map->low) * map->scale;

	return !(x < (double)map->top) ? map->top : x > 0 ? (uint64_t)x : 0;
}

uint64_t smi_map_digit(const struct smi_map *map, const struct smi_keys *keys, uint64_t image)
{
	if (map->kind == SMI_MAP_LINEAR)
		return scaled(smi_map_value(keys, image), map);
	if (map->kind == SMI_MAP_SPLIT)
		return smi_split_bucket(map->split, image);
	image = image < map->base ? map->base : image > map->last ? map->last : image;
	if (map->kind == SMI_MAP_LOG)
		return log_of(keys->kind, image - map->base) >> map->shift;
	return (image - map->base) >> map->shift;
}

void smi_map_shift(struct smi_map *map, const struct smi_range *range, unsigned index_bits,
		   unsigned width)
{
	uint64_t base = range->min >> index_bits << index_bits;
	unsigned bits = smi_bits((range->max - base) >> index_bits);

	map->kind = SMI_MAP_SHIFT;
	map->base = base;
	map->last = range->max;
	map->shift = index_bits + (bits > width ? bits - width : 0);
	map->top = (range->max - base) >> map->shift;
}

void smi_map_log(struct smi_map *map, enum smi_kind kind, const struct smi_range *range, unsigned width)
{
	uint64_t most = log_of(kind, range->max - range->min);
	unsigned bits = smi_bits(most);

	map->kind = SMI_MAP_LOG;
	map->base = range->min;
	map->last = range->max;
	map->shift = bits > width ? bits - width : 0;
	map->top = most >> map->shift;
}

void smi_map_within(struct smi_map *map, const struct smi_range *range, const struct smi_range *most,
		    unsigned index_bits, unsigned width)
{
	uint64_t low = most->min >> index_bits << index_bits, span = most->max - low, step, above;
	unsigned bits = smi_bits(span >> index_bits);

	map->kind = SMI_MAP_SHIFT;
	map->shift = index_bits + (bits > width ? bits - width : 0);
	map->shift += (span >> map->shift) + 3 > (uint64_t)1 << width;
	step = (uint64_t)1 << map->shift;
	map->base = low > range->min && low - range->min > step ? low - step : range->min >> index_bits << index_bits;
	above = ((most->max - map->base) >> map->shift) + 1;
	map->last = (range->max - map->base) >> map->shift > above ? map->base + (above << map->shift) : range->max;
	map->top = (map->last - map->base) >> map->shift;
}

/* Does this spread keys, in the precision of the kernels? */
static bool is_usable(const struct smi_map *map, enum smi_kind kind)
{
	double low = __builtin_fabs(map->low), scale = __builtin_fabs(map->scale);

	if (kind == SMI_FLOAT32)
		return low <= FLT_MAX && scale >= FLT_MIN && scale <= FLT_MAX;
	return __builtin_isfinite(low) && __builtin_isnormal(scale);
}

bool smi_map_linear(struct smi_map *map, const struct smi_keys *keys, double low, double high, unsigned width)
{
	map->kind = SMI_MAP_LINEAR;
	map->top = ((uint64_t)1 << width) - 1;
	map->scale = (double)(map->top + 1) / (high - low);
	map->low = low;
	if (keys->descending) {
		map->scale = -map->scale;
		map->low = high;
	}
	return is_usable(map, keys->kind);
}

bool smi_map_values(struct smi_map *map, const struct smi_keys *keys, const struct smi_range *range, unsigned width)
{
	double first = smi_map_value(keys, range->min), last = smi_map_value(keys, range->max);

	return smi_map_linear(map, keys, keys->descending ? last : first, keys->descending ? first : last, width);
}
