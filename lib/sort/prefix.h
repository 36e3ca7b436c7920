/* SPDX-License-Identifier: MIT */
/* Choosing what records of doubles and 64-bit integers keep of their keys. */
#ifndef SMI_SORT_PREFIX_H
#define SMI_SORT_PREFIX_H

#include "sort/choose.h"

/* Leading bits of image - min tell few keys apart where most lie close together and some
 * far away. Where the digits' map, chosen for n keys by the sample, is another one, the
 * plan's prefixes become so, too, of doubles over the whole range if that will do, if they tell
 * more of them apart. Keys that the map cuts off share one; the first and the last bucket
 * are theirs. Where many keys would still share one, the map becomes one by `split`, if that is
 * not NULL. The sample is sorted. */
void smi_prefix_choose(struct smi_plan *plan, struct smi_map *map, size_t n, const struct smi_range *range,
		       unsigned width, struct smi_map_sample *sample, struct smi_split *split);

#endif
