/* SPDX-License-Identifier: MIT */
/* Zeros and NaNs among floats: how many, and what their bits are. Included by each
 * kernel after cull.h. */
#ifndef SMI_SORT_SPECIAL_H
#define SMI_SORT_SPECIAL_H

#include "sort/kernel/kernel.h"
#include "sort/kernel/scan.h"

INLINE void special_count(enum smi_kind kind, const struct smi_keys *keys, size_t lo, size_t hi,
			  size_t *nans, size_t *zeros)
{
	const uint64_t nan = smi_kind_mask(kind), zero = smi_image(kind, keys->flip, 0);
	v64 nan_count = v64_set(0), zero_count = v64_set(0);
	size_t i = lo;

	for (; i + V64_LANES <= hi; i += V64_LANES) {
		v64 image = v64_image(kind, keys->flip, smi_key_at(keys->base, kind, i));

		nan_count = v64_tally(nan_count, v64_equal(image, v64_set(nan)));
		zero_count = v64_tally(zero_count, v64_equal(image, v64_set(zero)));
	}
	*nans = tally_sum64(nan_count);
	*zeros = tally_sum64(zero_count);
	for (; i < hi; i++) {
		*nans += smi_key_image(keys, i) == nan;
		*zeros += smi_key_image(keys, i) == zero;
	}
}

static void kernel_special_count(const struct smi_keys *keys, size_t lo, size_t hi, size_t *nans,
				 size_t *zeros)
{
	if (keys->kind == SMI_FLOAT32)
		special_count(SMI_FLOAT32, keys, lo, hi, nans, zeros);
	else
		special_count(SMI_FLOAT64, keys, lo, hi, nans, zeros);
}

INLINE uint64_t lane_bits(enum smi_kind kind, const void *p, unsigned lanes)
{
	return smi_key_load(smi_key_at(p, kind, (size_t)__builtin_ctz(lanes)), kind);
}

/* NaNs are written by whole vectors as long as there is room for one. */
INLINE void special_collect(enum smi_kind kind, const struct smi_keys *keys, size_t lo, size_t hi,
			    uint64_t *nan, const uint64_t *end, uint8_t *sign)
{
	const uint64_t nan_image = smi_kind_mask(kind), zero_image = smi_image(kind, keys->flip, 0);
	size_t i = lo;

	for (; i + V64_LANES <= hi; i += V64_LANES) {
		const void *p = smi_key_at(keys->base, kind, i);
		v64 image = v64_image(kind, keys->flip, p);
		v64_mask is_nan = v64_equal(image, v64_set(nan_image));
		unsigned nans = v64_lanes(is_nan);
		unsigned zeros = v64_lanes(v64_equal(image, v64_set(zero_image)));

		if ((size_t)(end - nan) >= V64_LANES) {
			v64_store(nan, v64_gather_lanes(v64_bits(kind, p), is_nan));
			nan += (unsigned)__builtin_popcount(nans);
		} else {
			for (; nans; nans &= nans - 1)
				*nan++ = lane_bits(kind, p, nans);
		}
		for (; zeros; zeros &= zeros - 1)
			*sign++ = lane_bits(kind, p, zeros) != 0;
	}
	for (; i < hi; i++) {
		uint64_t bits = smi_key_load(smi_key_at(keys->base, kind, i), kind);
		uint64_t image = smi_image(kind, keys->flip, bits);

		if (image == nan_image)
			*nan++ = bits;
		else if (image == zero_image)
			*sign++ = bits != 0;
	}
}

static void kernel_special_collect(const struct smi_keys *keys, size_t lo, size_t hi, uint64_t *nan,
				   size_t nans, uint8_t *sign)
{
	if (keys->kind == SMI_FLOAT32)
		special_collect(SMI_FLOAT32, keys, lo, hi, nan, nan + nans, sign);
	else
		special_collect(SMI_FLOAT64, keys, lo, hi, nan, nan + nans, sign);
}

#endif
