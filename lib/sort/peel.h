/* SPDX-License-Identifier: MIT */
/* Taking keys of a few frequent values out: they are counted, the others copied.
 * Included by each kernel after scan.h. */
#ifndef SMI_SORT_PEEL_H
#define SMI_SORT_PEEL_H

#include "sort/kernel.h"
#include "sort/scan.h"

/* left[j] counts the images that are none of frequent[0 ... j]. */
#define PEEL(j)                                                  \
	which = v64_differ(image, frequent##j, which);           \
	left##j += (size_t)__builtin_popcount(which);

INLINE void peel_keys(enum smi_kind kind, bool narrow, const struct smi_keys *keys, size_t lo,
		      size_t hi, const uint64_t *frequent, struct smi_peeled *peeled, void *rest)
{
	uint64_t minus_zero = smi_kind_mask(kind) ^ smi_kind_mask(kind) >> 1;
	v64 frequent0 = v64_set(frequent[0]), frequent1 = v64_set(frequent[1]);
	v64 frequent2 = v64_set(frequent[2]), frequent3 = v64_set(frequent[3]);
	v64 frequent4 = v64_set(frequent[4]), frequent5 = v64_set(frequent[5]);
	v64 frequent6 = v64_set(frequent[6]), frequent7 = v64_set(frequent[7]);
	size_t left0 = 0, left1 = 0, left2 = 0, left3 = 0, left4 = 0, left5 = 0, left6 = 0;
	size_t left7 = 0, i = lo, whole;
	bool zero = false;

	for (; i + V64_LANES <= hi; i += V64_LANES) {
		const void *p = smi_key_at(keys->base, kind, i);
		v64 image = v64_image(kind, keys->flip, p), kept;
		unsigned which = (1u << V64_LANES) - 1;
		size_t place = left7;

		PEEL(0) PEEL(1) PEEL(2) PEEL(3) PEEL(4) PEEL(5) PEEL(6) PEEL(7)
		kept = v64_gather_lanes(image, which);
		if (narrow)
			v64_store_narrow((uint32_t *)rest + place, kept);
		else
			v64_store((uint64_t *)rest + place, kept);
		if (smi_kind_float(kind))
			zero |= v64_any_equal(v64_bits(kind, p), v64_set(minus_zero));
	}
	whole = i - lo;
	*peeled = (struct smi_peeled){ { whole - left0, left0 - left1, left1 - left2, left2 - left3,
					 left3 - left4, left4 - left5, left5 - left6, left6 - left7 },
				       left7, zero };
	for (; i < hi; i++) {
		uint64_t image = smi_key_image(keys, i);
		int j = 0;

		while (j < SMI_FREQUENT && frequent[j] != image)
			j++;
		if (j < SMI_FREQUENT)
			peeled->count[j]++;
		else if (narrow)
			((uint32_t *)rest)[peeled->rest++] = (uint32_t)image;
		else
			((uint64_t *)rest)[peeled->rest++] = image;
		if (smi_kind_float(kind))
			peeled->minus_zero |=
				smi_key_load(smi_key_at(keys->base, kind, i), kind) == minus_zero;
	}
}

static void kernel_peel(const struct smi_keys *keys, size_t lo, size_t hi,
			const uint64_t *frequent, struct smi_peeled *peeled, uint64_t *rest)
{
	FOR_EACH_KIND(keys->kind, peel_keys, false, keys, lo, hi, frequent, peeled, rest)
}

static void kernel_peel_narrow(const struct smi_keys *keys, size_t lo, size_t hi,
			       const uint64_t *frequent, struct smi_peeled *peeled, uint32_t *rest)
{
	FOR_EACH_KIND(keys->kind, peel_keys, true, keys, lo, hi, frequent, peeled, rest)
}

#undef PEEL
#endif
