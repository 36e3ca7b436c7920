/* SPDX-License-Identifier: MIT */
/* The maps of images to digits: what numbers make each kind (kernel.h) one to at most 2^width
 * buckets. */
#ifndef SMI_SORT_MAP_H
#define SMI_SORT_MAP_H

#include "sort/kernel/kernel.h"

/* By leading bits of the range; of records whose prefix begins at bit index_bits, which no digit
 * tears apart. */
void smi_map_shift(struct smi_map *map, const struct smi_range *range, unsigned index_bits,
		   unsigned width);

/* By leading bits where most keys lie, in `most`; a bucket of their own at either end, if there
 * can be any, is for those that lie outside. */
void smi_map_within(struct smi_map *map, const struct smi_range *range, const struct smi_range *most,
		    unsigned index_bits, unsigned width);

/* By logarithm over the range. */
void smi_map_log(struct smi_map *map, enum smi_kind kind, const struct smi_range *range, unsigned width);

/* By value for floats, from low to high or over the range; false when these are no such span in the
 * precision of the kernels. */
bool smi_map_linear(struct smi_map *map, const struct smi_keys *keys, double low, double high, unsigned width);
bool smi_map_values(struct smi_map *map, const struct smi_keys *keys, const struct smi_range *range, unsigned width);

/* What the kernels compute, of one key. */
uint64_t smi_map_digit(const struct smi_map *map, const struct smi_keys *keys, uint64_t image);

/* The number that a float's image stands for. */
static inline double smi_map_value(const struct smi_keys *keys, uint64_t image)
{
	uint64_t bits = smi_image_bits(keys->kind, keys->flip, image);
	uint32_t half = (uint32_t)bits;
	double x;
	float f;

	if (keys->kind == SMI_FLOAT64)
		return memcpy(&x, &bits, sizeof x), x;
	return memcpy(&f, &half, sizeof f), f;
}

#endif
