/* SPDX-License-Identifier: MIT */
/* Choosing by a sample how keys are spread over the buckets of a partition. */
#ifndef SMI_SORT_CHOOSE_H
#define SMI_SORT_CHOOSE_H

#include "sort/map.h"

/* Images of some keys, taken at random. */
#define SMI_MAP_SAMPLE 1024
struct smi_map_sample {
	uint64_t image[SMI_MAP_SAMPLE];
	size_t n;
};

void smi_map_sample_take(struct smi_map_sample *sample, size_t size, const struct smi_keys *keys, size_t n);

/* A map to at most 2^width buckets for n keys of this range, such that a
 * sample of the keys comes out most evenly: by the image's leading bits (even
 * in a float's logarithm), by a float's value, or by an integer's logarithm;
 * over the whole range, or, where a few keys lie far from all others, where these are.
 * The plan's prefixes become those that go with it: prefix.h. `split`, if it is not NULL, is for
 * a map by that, which may be chosen, and is used as long as this map. */
void smi_map_choose(struct smi_map *map, struct smi_plan *plan, size_t n,
		    const struct smi_range *range, unsigned width, struct smi_split *split);

/* The same where there are no digits, but one bucket: only prefixes are chosen. The map's kind. */
enum smi_map_kind smi_map_choose_prefix(struct smi_plan *plan, size_t n, const struct smi_range *range);

/* Whether, as a look at some of them tells, hardly any of the keys lie beyond a small part of
 * their range. */
bool smi_map_has_far(const struct smi_keys *keys, size_t n, const struct smi_range *range);

/* Whether a sample of the keys is spread evenly by leading bits. */
bool smi_map_is_even(const struct smi_keys *keys, size_t n);

/* A map for records whose prefix begins at bit index_bits, by leading bits or, where no prefix
 * is torn apart by it, as above. */
void smi_map_choose_records(struct smi_map *map, const struct smi_keys *records, size_t m,
			    const struct smi_range *range, unsigned index_bits, unsigned width);

/* Pairs of sampled keys that fall into one bucket, but for such as are equal to the last one
 * before: no map would take these apart. */
uint64_t smi_map_crowding(const struct smi_map *map, const struct smi_keys *keys,
			  const struct smi_map_sample *sample);

#endif
