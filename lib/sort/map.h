/* SPDX-License-Identifier: MIT */
/* Choosing how keys are spread over the buckets of the first partition. */
#ifndef SMI_SORT_MAP_H
#define SMI_SORT_MAP_H

#include "sort/kernel.h"

/* A map to at most 2^width buckets for n keys of this range, such that a
 * sample of the keys comes out most evenly: by the image's leading bits (even
 * in a float's logarithm), by a float's value, or by an integer's logarithm.
 * Where it is by value, the plan's prefixes of many doubles become so, too, if
 * that tells more of them apart. */
void smi_map_choose(struct smi_map *map, struct smi_plan *plan, size_t n,
		    const struct smi_range *range, unsigned width);

/* Whether a sample of the keys is spread evenly by leading bits. */
bool smi_map_is_even(const struct smi_keys *keys, size_t n);

/* The map by leading bits for records whose prefix begins at bit index_bits. */
void smi_map_shift(struct smi_map *map, const struct smi_range *range, unsigned index_bits,
		   unsigned width);

static inline unsigned smi_bits(uint64_t x)
{
	return x ? 64 - (unsigned)__builtin_clzll(x) : 0;
}

#endif
