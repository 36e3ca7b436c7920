/* SPDX-License-Identifier: MIT */
#include "sort/kernel/weave.h"

#include "sort/kernel/kernel.h"

#define INLINE static inline __attribute__((always_inline))

enum { AT_ONCE = 4 }; /* steps of a merge without a look at the ends */

INLINE size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many steps can be done before a run or the room ends. */
INLINE size_t steps(const struct smi_piece *p)
{
	return least(least(p->a_left, p->b_left), p->left);
}

/* The float's bits of an image: below 0 all bits were flipped, else the sign. */
INLINE uint32_t float32_of(uint32_t image, uint64_t flip)
{
	image ^= (uint32_t)flip;
	return image ^ (1u << 31 | ((image >> 31) - 1));
}

INLINE uint64_t float64_of(uint64_t image, uint64_t flip)
{
	image ^= flip;
	return image ^ (1ull << 63 | ((image >> 63) - 1));
}

/* The image of a float's bits, if it is neither -0 nor NaN. */
INLINE uint64_t image_of_float(uint64_t bits, uint64_t flip)
{
	return bits ^ (1ull << 63 | (0 - (bits >> 63))) ^ flip;
}

#define PLAIN(x, mask) (x)
#define RECORD_OF(x, mask) (x)
#define INDEX_OF(x, mask) ((x) & (mask))
#define KEY_OF(x, flip) ((x) ^ (flip))
#define IMAGE_OF(x, mask) (x).image
#define INTEGER_OF(x, flip) ((x) ^ (flip))
#define SECOND_OF(x, mask) (x).index

#define NAME narrow
#define RECORD uint32_t
#define OUT uint32_t
#define IMAGE PLAIN
#define RESULT RECORD_OF
#include "sort/kernel/strand.h"

#define NAME wide
#define RECORD uint64_t
#define OUT uint64_t
#define IMAGE PLAIN
#define RESULT RECORD_OF
#include "sort/kernel/strand.h"

#define NAME narrow_key
#define RECORD uint32_t
#define OUT uint32_t
#define IMAGE PLAIN
#define RESULT (uint32_t)KEY_OF
#include "sort/kernel/strand.h"

#define NAME narrow_float
#define RECORD uint32_t
#define OUT uint32_t
#define IMAGE PLAIN
#define RESULT float32_of
#include "sort/kernel/strand.h"

#define NAME wide_key
#define RECORD uint64_t
#define OUT uint64_t
#define IMAGE PLAIN
#define RESULT KEY_OF
#include "sort/kernel/strand.h"

#define NAME wide_float
#define RECORD uint64_t
#define OUT uint64_t
#define IMAGE PLAIN
#define RESULT float64_of
#include "sort/kernel/strand.h"

#define NAME wide_index
#define RECORD uint64_t
#define OUT uint64_t
#define IMAGE PLAIN
#define RESULT INDEX_OF
#include "sort/kernel/strand.h"

#define NAME wide_index32
#define RECORD uint64_t
#define OUT uint32_t
#define IMAGE PLAIN
#define RESULT (uint32_t)INDEX_OF
#include "sort/kernel/strand.h"

#define NAME raw
#define RECORD uint64_t
#define OUT uint64_t
#define IMAGE INTEGER_OF
#define RAW
#include "sort/kernel/strand.h"

#define NAME raw32
#define RECORD uint64_t
#define OUT uint32_t
#define IMAGE INTEGER_OF
#define RAW
#include "sort/kernel/strand.h"

#define NAME raw_float
#define RECORD uint64_t
#define OUT uint64_t
#define IMAGE image_of_float
#define RAW
#include "sort/kernel/strand.h"

#define NAME raw_float32
#define RECORD uint64_t
#define OUT uint32_t
#define IMAGE image_of_float
#define RAW
#include "sort/kernel/strand.h"

#define NAME pair
#define RECORD struct smi_pair
#define OUT struct smi_pair
#define IMAGE IMAGE_OF
#define RESULT RECORD_OF
#include "sort/kernel/strand.h"

#define NAME pair_index
#define RECORD struct smi_pair
#define OUT uint64_t
#define IMAGE IMAGE_OF
#define RESULT SECOND_OF
#include "sort/kernel/strand.h"

#define NAME pair_index32
#define RECORD struct smi_pair
#define OUT uint32_t
#define IMAGE IMAGE_OF
#define RESULT (uint32_t)SECOND_OF
#include "sort/kernel/strand.h"

void smi_weave(struct smi_piece piece[4], enum smi_weave form, uint64_t mask)
{
	const struct smi_kernel *kernel = smi_kernel();

	if (kernel->weave)
		kernel->weave(piece, form, mask);
	switch (form) {
	case SMI_NARROW:
		narrow_weave(piece, mask);
		break;
	case SMI_WIDE:
		wide_weave(piece, mask);
		break;
	case SMI_NARROW_KEY:
		narrow_key_weave(piece, mask);
		break;
	case SMI_NARROW_FLOAT:
		narrow_float_weave(piece, mask);
		break;
	case SMI_WIDE_KEY:
		wide_key_weave(piece, mask);
		break;
	case SMI_WIDE_FLOAT:
		wide_float_weave(piece, mask);
		break;
	case SMI_WIDE_INDEX64:
		wide_index_weave(piece, mask);
		break;
	case SMI_WIDE_INDEX32:
		wide_index32_weave(piece, mask);
		break;
	case SMI_RAW_INDEX64:
		raw_weave(piece, mask);
		break;
	case SMI_RAW_INDEX32:
		raw32_weave(piece, mask);
		break;
	case SMI_RAW_FLOAT_INDEX64:
		raw_float_weave(piece, mask);
		break;
	case SMI_RAW_FLOAT_INDEX32:
		raw_float32_weave(piece, mask);
		break;
	case SMI_PAIRS:
		pair_weave(piece, mask);
		break;
	case SMI_PAIRS_INDEX64:
		pair_index_weave(piece, mask);
		break;
	case SMI_PAIRS_INDEX32:
		pair_index32_weave(piece, mask);
		break;
	}
}
