/* SPDX-License-Identifier: MIT */
/* Reading keys, a vector at a time: what is their range? Included once for each record
 * width; the narrow one takes keys of up to 4 bytes. */

#ifndef SMI_SORT_LOOK_H
#define SMI_SORT_LOOK_H

#include "sort/kernel/kernel.h"

#define UNROLL _Pragma("GCC unroll 8")

INLINE void range_add(struct smi_range *range, uint64_t image, uint64_t first)
{
	range->min = image < range->min ? image : range->min;
	range->max = image > range->max ? image : range->max;
	range->varying |= image ^ first;
}

#endif

/* The images of a vector of keys, biased. */
INLINE VEC N(biased_images)(enum smi_kind kind, const struct smi_keys *keys, size_t i)
{
	return V(bias)(V(image)(kind, keys->flip, smi_key_at(keys->base, kind, i)));
}

INLINE void N(range_of)(enum smi_kind kind, const struct smi_keys *keys, size_t lo, size_t hi,
			struct smi_range *range)
{
	uint64_t first = smi_key_image(keys, lo);
	uint64_t minus_zero = smi_kind_mask(kind) ^ smi_kind_mask(kind) >> 1;
	VEC one = V(bias)(V(set)((RECORD)first)), min[2] = { one, one }, max[2] = { one, one };
	VEC varying[2] = { V(set)(0), V(set)(0) };
	bool zero = false;
	size_t i = lo;

	for (; i + 2 * LANES <= hi; i += 2 * LANES) {
		UNROLL
		for (int j = 0; j < 2; j++) {
			VEC image = N(biased_images)(kind, keys, i + (size_t)j * LANES);

			min[j] = V(min)(min[j], image);
			max[j] = V(max)(max[j], image);
			varying[j] = V(or)(varying[j], V(xor)(image, one));
			if (smi_kind_float(kind))
				zero |= V(any_equal)(V(bits)(kind, smi_key_at(keys->base, kind, i + (size_t)j * LANES)),
						     V(set)((RECORD)minus_zero));
		}
	}
	range->min = V(lowest)(V(bias)(V(min)(min[0], min[1])));
	range->max = V(highest)(V(bias)(V(max)(max[0], max[1])));
	range->varying = V(union)(V(or)(varying[0], varying[1]));
	for (; i < hi; i++) {
		range_add(range, smi_key_image(keys, i), first);
		zero |= smi_key_load(smi_key_at(keys->base, kind, i), kind) == minus_zero;
	}
	range->minus_zero = zero && smi_kind_float(kind);
}
