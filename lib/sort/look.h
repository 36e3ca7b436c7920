/* SPDX-License-Identifier: MIT */
/* Reading keys, a vector at a time: up to where do they lie in order, what is their
 * range. Included once for each record width; the narrow one takes keys of up to 4
 * bytes. */

#ifndef SMI_SORT_LOOK_H
#define SMI_SORT_LOOK_H

#include "sort/kernel.h"

#define UNROLL _Pragma("GCC unroll 8")

/* Does a pair of neighbours lie as `order` says? */
INLINE bool pair_lies(unsigned order, uint64_t x, uint64_t y)
{
	return order == SMI_RISING ? y >= x : order == SMI_FALLING ? y <= x : y < x;
}

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

#ifdef FLOATS_BELOW
/* A key up to which floats, none of which is NaN, lie to the one before as `order` says. */
INLINE size_t N(floats_lie_until)(enum smi_kind kind, unsigned order, const struct smi_keys *keys, size_t lo,
				  size_t hi)
{
	bool up = (order == SMI_RISING) != keys->descending;
	const char *low = smi_key_at(keys->base, kind, up ? 0 : 1), *high = smi_key_at(keys->base, kind, up ? 1 : 0);
	size_t size = smi_kind_size(kind), i = lo;

	for (; i + 2 * LANES < hi; i += 2 * LANES)
		if (!V(floats_below)(low + i * size, high + i * size, order == SMI_STRICTLY_FALLING) ||
		    !V(floats_below)(low + (i + LANES) * size, high + (i + LANES) * size,
				     order == SMI_STRICTLY_FALLING))
			break;
	return i;
}
#endif

/* The first key of lo+1 ... hi-1 that does not lie to the one before it as
 * `order` says, or hi. */
INLINE size_t N(lie_until)(enum smi_kind kind, unsigned order, const struct smi_keys *keys, size_t lo,
			   size_t hi)
{
	size_t i = lo;

#ifdef FLOATS_BELOW
	if (smi_kind_float(kind))
		i = N(floats_lie_until)(kind, order, keys, lo, hi);
#endif
	if (i + 3 * LANES <= hi) {
		VEC x = N(biased_images)(kind, keys, i);

		for (; i + 3 * LANES <= hi; i += 2 * LANES) {
			VEC z = N(biased_images)(kind, keys, i + LANES);
			VEC next = N(biased_images)(kind, keys, i + 2 * LANES);
			VEC y = V(shifted)(x, z), w = V(shifted)(z, next);

			if (order == SMI_RISING ? V(any_less)(y, x) || V(any_less)(w, z)
						: V(any_less)(x, y) || V(any_less)(z, w))
				break;
			if (order == SMI_STRICTLY_FALLING && (V(any_equal)(x, y) || V(any_equal)(z, w)))
				break;
			x = next;
		}
	}
	for (; i + 1 < hi; i++)
		if (!pair_lies(order, smi_key_image(keys, i), smi_key_image(keys, i + 1)))
			return i + 1;
	return hi;
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
