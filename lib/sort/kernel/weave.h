/* SPDX-License-Identifier: MIT */
/* Merging runs of records, cut into pieces. Of two neighbouring runs the first
 * one rises and the second falls. */
#ifndef SMI_SORT_WEAVE_H
#define SMI_SORT_WEAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A record of keys that are wider than a record's prefix. */
struct smi_pair {
	uint64_t image, index;
};

/* Part of the merge of two runs: where both go on, b downwards, how many
 * records are left of them, up to their ends, and how many to write, which may
 * be fewer. */
struct smi_piece {
	const void *a, *b;
	size_t a_left, b_left, left;
	void *to;
	bool down;    /* written from its end downwards */
	const void *base; /* SMI_RAW_*: key 0 */
};

/* What is merged and what is written. */
enum smi_weave {
	SMI_NARROW,          /* 32-bit records */
	SMI_WIDE,            /* 64-bit records */
	SMI_NARROW_KEY,      /* 32-bit images, of which keys are made; integers */
	SMI_NARROW_FLOAT,
	SMI_WIDE_KEY,        /* the same of 64 bits */
	SMI_WIDE_FLOAT,
	SMI_WIDE_INDEX64,    /* of 64-bit records the index bits only, not downwards */
	SMI_WIDE_INDEX32,
	SMI_RAW_INDEX64,     /* of 8-byte keys themselves, where they stand; not downwards */
	SMI_RAW_INDEX32,
	SMI_RAW_FLOAT_INDEX64, /* no -0 and no NaN is among them */
	SMI_RAW_FLOAT_INDEX32,
	SMI_PAIRS,           /* of equal images those of a come first */
	SMI_PAIRS_INDEX64,
	SMI_PAIRS_INDEX32
};

/* Merges four pieces, which are written in the same direction. `mask` is that of
 * the index, or what was flipped in keys. */
void smi_weave(struct smi_piece piece[4], enum smi_weave form, uint64_t mask);

static inline uint64_t smi_weave_image(const void *records, size_t i, size_t width)
{
	return width == 4   ? ((const uint32_t *)records)[i]
	       : width == 8 ? ((const uint64_t *)records)[i]
			    : ((const struct smi_pair *)records)[i].image;
}

#endif
