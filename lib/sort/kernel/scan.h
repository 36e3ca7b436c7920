/* SPDX-License-Identifier: MIT */
/* Reading all keys once: are they in order already, what is their range.
 * Included by each kernel after its lanes, both widths of look.h, and what has lie_until. */
#ifndef SMI_SORT_SCAN_H
#define SMI_SORT_SCAN_H

#include "sort/kernel/kernel.h"

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

/* In which bits the vector of keys from key i on differs from `one`. */
INLINE v64 unlike_from(enum smi_kind kind, const struct smi_keys *keys, size_t i, v64 one)
{
	return v64_xor(v64_bits(SMI_INT64, smi_key_at(keys->base, kind, i)), one);
}

/* The first key of lo ... hi-1 near which the bits are not those of key lo, or
 * near the end. */
INLINE size_t alike_until(enum smi_kind kind, const struct smi_keys *keys, size_t lo, size_t hi)
{
	enum { AT_ONCE = 8, VECTOR = V64_LANES * sizeof(uint64_t) };
	size_t size = smi_kind_size(kind), few = VECTOR / size, step = AT_ONCE * few;
	uint64_t one_each = UINT64_MAX / smi_kind_mask(kind);
	v64 one = v64_set(smi_key_load(smi_key_at(keys->base, kind, lo), kind) * one_each);
	size_t i = lo;

	if (hi - lo < few || v64_any_set(unlike_from(kind, keys, lo, one)))
		return lo;
	/* From here on vectors begin where none lies in two lines. */
	i += (VECTOR - (uintptr_t)smi_key_at(keys->base, kind, lo) % VECTOR) / size;
	for (; i + step <= hi; i += step) {
		v64 unlike = v64_set(0);

		UNROLL
		for (size_t k = 0; k < AT_ONCE; k++)
			unlike = v64_or(unlike, unlike_from(kind, keys, i + k * few, one));
		if (v64_any_set(unlike))
			break;
	}
	for (; i + few <= hi; i += few)
		if (v64_any_set(unlike_from(kind, keys, i, one)))
			return i;
	return v64_any_set(unlike_from(kind, keys, hi - few, one)) ? i : hi;
}

/* Has every key the image of the first one? Mostly their bits say so; floats of
 * different bits may be equal. */
INLINE bool all_equal(enum smi_kind kind, const struct smi_keys *keys, size_t lo, size_t hi)
{
	uint64_t first = smi_key_image(keys, lo);

	for (size_t i = alike_until(kind, keys, lo, hi); i < hi; i++)
		if (smi_key_image(keys, i) != first)
			return false;
	return true;
}

INLINE unsigned order_of(enum smi_kind kind, const struct smi_keys *keys, size_t lo, size_t hi)
{
	if (all_equal(kind, keys, lo, hi))
		return SMI_RISING | SMI_FALLING;
	if (lie_until(kind, SMI_RISING, keys, lo, hi) == hi)
		return SMI_RISING;
	if (lie_until(kind, SMI_STRICTLY_FALLING, keys, lo, hi) == hi)
		return SMI_FALLING | SMI_STRICTLY_FALLING;
	return lie_until(kind, SMI_FALLING, keys, lo, hi) == hi ? SMI_FALLING : 0;
}

static unsigned kernel_order(const struct smi_keys *keys, size_t lo, size_t hi)
{
	FOR_EACH_KIND(keys->kind, order_of, keys, lo, hi)
}

INLINE size_t rising_of(enum smi_kind kind, const struct smi_keys *keys, size_t lo, size_t hi)
{
	return lie_until(kind, SMI_RISING, keys, lo, hi);
}

static size_t kernel_rising(const struct smi_keys *keys, size_t lo, size_t hi)
{
	FOR_EACH_KIND(keys->kind, rising_of, keys, lo, hi)
}

INLINE size_t run_of(enum smi_kind kind, const struct smi_keys *keys, size_t lo, size_t hi,
		     bool *falling)
{
	size_t up = lie_until(kind, SMI_RISING, keys, lo, hi);
	size_t down = lie_until(kind, SMI_FALLING, keys, lo, hi);

	*falling = down > up;
	return *falling ? down : up;
}

static size_t kernel_run(const struct smi_keys *keys, size_t lo, size_t hi, bool *falling)
{
	FOR_EACH_KIND(keys->kind, run_of, keys, lo, hi, falling)
}

INLINE void range_of(enum smi_kind kind, const struct smi_keys *keys, size_t lo, size_t hi,
		     struct smi_range *range)
{
	if (smi_kind_size(kind) == 8)
		range_of64(kind, keys, lo, hi, range);
	else
		range_of32(kind, keys, lo, hi, range);
}

static void kernel_range(const struct smi_keys *keys, size_t lo, size_t hi,
			 struct smi_range *range)
{
	FOR_EACH_KIND(keys->kind, range_of, keys, lo, hi, range)
}

static void kernel_count_up(uint64_t *out, size_t n, uint64_t first, uint64_t step)
{
	uint64_t lanes[V64_LANES];
	size_t i = 0;
	v64 v, more = v64_set(step * V64_LANES);

	for (size_t j = 0; j < V64_LANES; j++)
		lanes[j] = first + j * step;
	for (v = v64_load(lanes); i + V64_LANES <= n; i += V64_LANES) {
		v64_store(out + i, v);
		v = v64_add(v, more);
	}
	for (; i < n; i++)
		out[i] = first + i * step;
}

static void kernel_count_up_narrow(uint32_t *out, size_t n, uint64_t first, uint64_t step)
{
	uint64_t lanes[V64_LANES];
	size_t i = 0;
	v64 v, more = v64_set(step * V64_LANES);

	for (size_t j = 0; j < V64_LANES; j++)
		lanes[j] = first + j * step;
	for (v = v64_load(lanes); i + V64_LANES <= n; i += V64_LANES) {
		v64_store_narrow(out + i, v);
		v = v64_add(v, more);
	}
	for (; i < n; i++)
		out[i] = (uint32_t)(first + i * step);
}

#endif
