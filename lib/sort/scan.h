/* SPDX-License-Identifier: MIT */
/* Reading all keys once: are they in order already, what is their range.
 * Included by each kernel after its lanes. */
#ifndef SMI_SORT_SCAN_H
#define SMI_SORT_SCAN_H

#include "sort/kernel.h"

/* Calls `function(kind, ...)` with the kind as a constant. */
#define FOR_EACH_KIND(kind, function, ...)                          \
	switch (kind) {                                             \
	case SMI_INT8:                                              \
		return function(SMI_INT8, __VA_ARGS__);             \
	case SMI_INT16:                                             \
		return function(SMI_INT16, __VA_ARGS__);            \
	case SMI_INT32:                                             \
		return function(SMI_INT32, __VA_ARGS__);            \
	case SMI_INT64:                                             \
		return function(SMI_INT64, __VA_ARGS__);            \
	case SMI_FLOAT32:                                           \
		return function(SMI_FLOAT32, __VA_ARGS__);          \
	default:                                                    \
		return function(SMI_FLOAT64, __VA_ARGS__);          \
	}

INLINE unsigned order_of(enum smi_kind kind, const struct smi_keys *keys, size_t lo, size_t hi)
{
	unsigned r = SMI_RISING | SMI_FALLING | SMI_STRICTLY_FALLING;
	uint64_t flip = keys->flip, a, b;
	size_t i = lo;

	for (; i + V64_LANES < hi && r; i += V64_LANES) {
		v64 x = v64_image(kind, flip, smi_key_at(keys->base, kind, i));
		v64 y = v64_image(kind, flip, smi_key_at(keys->base, kind, i + 1));

		if (v64_any_less(y, x))
			r &= ~(unsigned)SMI_RISING;
		if (v64_any_less(x, y))
			r &= SMI_RISING;
		else if (v64_any_equal(x, y))
			r &= ~(unsigned)SMI_STRICTLY_FALLING;
	}
	for (; i + 1 < hi && r; i++) {
		a = smi_key_image(keys, i);
		b = smi_key_image(keys, i + 1);
		if (b < a)
			r &= ~(unsigned)SMI_RISING;
		if (a < b)
			r &= SMI_RISING;
		else if (a == b)
			r &= ~(unsigned)SMI_STRICTLY_FALLING;
	}
	return r;
}

static unsigned kernel_order(const struct smi_keys *keys, size_t lo, size_t hi)
{
	FOR_EACH_KIND(keys->kind, order_of, keys, lo, hi)
}

INLINE void range_add(struct smi_range *range, uint64_t image, uint64_t first)
{
	range->min = image < range->min ? image : range->min;
	range->max = image > range->max ? image : range->max;
	range->varying |= image ^ first;
}

INLINE void range_of(enum smi_kind kind, const struct smi_keys *keys, size_t lo, size_t hi,
		     struct smi_range *range)
{
	uint64_t first = smi_key_image(keys, lo);
	uint64_t minus_zero = smi_kind_mask(kind) ^ smi_kind_mask(kind) >> 1;
	v64 one = v64_set(first), min[2] = { one, one }, max[2] = { one, one };
	v64 varying[2] = { v64_set(0), v64_set(0) };
	bool zero = false;
	size_t i = lo;

	for (; i + 2 * V64_LANES <= hi; i += 2 * V64_LANES)
		for (int j = 0; j < 2; j++) {
			const void *p = smi_key_at(keys->base, kind, i + (size_t)j * V64_LANES);
			v64 image = v64_image(kind, keys->flip, p);

			min[j] = v64_min(min[j], image);
			max[j] = v64_max(max[j], image);
			varying[j] = v64_or(varying[j], v64_xor(image, one));
			if (smi_kind_float(kind))
				zero |= v64_any_equal(v64_bits(kind, p), v64_set(minus_zero));
		}
	range->min = v64_lowest(v64_min(min[0], min[1]));
	range->max = v64_highest(v64_max(max[0], max[1]));
	range->varying = v64_union(v64_or(varying[0], varying[1]));
	for (; i < hi; i++) {
		range_add(range, smi_key_image(keys, i), first);
		zero |= smi_key_load(smi_key_at(keys->base, kind, i), kind) == minus_zero;
	}
	range->minus_zero = zero && smi_kind_float(kind);
}

static void kernel_range(const struct smi_keys *keys, size_t lo, size_t hi,
			 struct smi_range *range)
{
	FOR_EACH_KIND(keys->kind, range_of, keys, lo, hi, range)
}

#endif
