/* SPDX-License-Identifier: MIT */
/* Merging by vectors: smi_weave's way where records are plain numbers. A vector of the
 * largest records so far and the next one of the run that goes on lower become two sorted
 * ones, of which the lower one is written (Inoue, Moriyama, Komatsu, Nakatani: "AA-sort",
 * 2007; the networks are Batcher's bitonic ones). Included once for each record width.
 *
 * Four pieces at a time: the steps of one wait for each other. */

#ifndef SMI_SORT_BRAID_H
#define SMI_SORT_BRAID_H

#include "sort/kernel/weave.h"

/* What is written for records: themselves, or keys or indices that they stand for. */
INLINE v64 v64_result(enum smi_weave form, v64 image, uint64_t mask)
{
	v64 key = v64_xor(image, v64_set(mask));

	if (form == SMI_WIDE)
		return image;
	if (form == SMI_WIDE_INDEX64 || form == SMI_WIDE_INDEX32)
		return v64_and(image, v64_set(mask));
	if (form == SMI_WIDE_KEY)
		return key;
	/* As float64_of in weave.c. */
	return v64_xor(key, v64_or(v64_set(1ull << 63), v64_xor(v64_negative(key), v64_set(UINT64_MAX))));
}

INLINE v32 v32_result(enum smi_weave form, v32 image, uint64_t mask)
{
	v32 key = v32_xor(image, v32_set((uint32_t)mask));

	if (form == SMI_NARROW)
		return image;
	if (form == SMI_NARROW_KEY)
		return key;
	return v32_xor(key, v32_or(v32_set(1u << 31), v32_xor(v32_negative(key), v32_set(UINT32_MAX))));
}

INLINE void v32_write(enum smi_weave form, void *to, v32 v)
{
	(void)form;
	v32_store(to, v);
}

INLINE void v64_write(enum smi_weave form, void *to, v64 v)
{
	if (form == SMI_WIDE_INDEX32)
		v64_store_narrow(to, v);
	else
		v64_store(to, v);
}
#endif

struct N(braid) {
	const RECORD *a, *b; /* where both runs go on, b downwards */
	VEC greatest;        /* of those taken; they rise */
	char *to;
};

/* The next vector of the run that goes on lower; `falling`: as it comes from b. */
INLINE VEC N(braid_take)(struct N(braid) *s, bool falling)
{
	bool second = *s->b < *s->a;
	const RECORD *p = second ? s->b - (LANES - 1) : s->a;

	s->a += second ? 0 : LANES;
	s->b -= second ? LANES : 0;
	return V(bias)(V(turned)(V(load)(p), second != falling));
}

INLINE void N(braid_step)(struct N(braid) *s, enum smi_weave form, size_t width, bool down, uint64_t mask)
{
	VEC next = N(braid_take)(s, true), low = s->greatest;

	V(bitonic)(&low, &next);
	s->greatest = next;
	low = V(result)(form, V(bias)(low), mask);
	if (down) {
		s->to -= LANES * width;
		V(write)(form, s->to + width, V(turned)(low, true));
	} else {
		V(write)(form, s->to, low);
		s->to += LANES * width;
	}
}

/* Gives the vector of the greatest ones back to their runs, the greatest first. */
INLINE void N(braid_end)(struct N(braid) *s, struct smi_piece *p, size_t n)
{
	const RECORD *a = s->a, *a0 = p->a, *b = s->b, *b0 = p->b;

	for (size_t i = 0; i < LANES; i++) {
		bool second = a == a0 || (b < b0 && b[1] > a[-1]);

		a -= !second;
		b += second;
	}
	p->a_left -= (size_t)(a - a0);
	p->b_left -= (size_t)(b0 - b);
	p->left -= n * LANES;
	p->a = a;
	p->b = b;
	p->to = s->to;
}

/* How many vectors can be written without a look at the ends of runs. */
INLINE size_t N(braid_steps)(const struct smi_piece *p)
{
	size_t runs = (p->a_left < p->b_left ? p->a_left : p->b_left) / LANES, all = p->left / LANES;

	return runs == 0 ? 0 : runs - 1 < all ? runs - 1 : all;
}

INLINE void N(braid_four)(struct smi_piece *p, size_t n, enum smi_weave form, size_t width, bool down,
			  uint64_t mask)
{
	struct N(braid) s[4];

	UNROLL
	for (int k = 0; k < 4; k++) {
		s[k] = (struct N(braid)){ .a = p[k].a, .b = p[k].b, .to = p[k].to };
		s[k].greatest = N(braid_take)(&s[k], false);
	}
	for (size_t i = 0; i < n; i++) {
		UNROLL
		for (int k = 0; k < 4; k++)
			N(braid_step)(&s[k], form, width, down, mask);
	}
	UNROLL
	for (int k = 0; k < 4; k++)
		N(braid_end)(&s[k], p + k, n);
}

/* As far as that goes: what is left is less than some vectors, or one run's. */
INLINE void N(braid_all)(struct smi_piece *p, enum smi_weave form, size_t width, bool down, uint64_t mask)
{
	enum { WORTH = 4 };
	size_t n, here;

	do {
		n = SIZE_MAX;
		for (int k = 0; k < 4; k++) {
			here = N(braid_steps)(p + k);
			n = here < n ? here : n;
		}
		if (n >= WORTH)
			N(braid_four)(p, n, form, width, down, mask);
	} while (n >= WORTH);
}

#if RECORD_BITS == 64
#define BRAID(form) N(braid_way)(p, form, form == SMI_WIDE_INDEX32 ? 4 : 8, mask)
#else
#define BRAID(form) N(braid_way)(p, form, 4, mask)
#endif

INLINE void N(braid_way)(struct smi_piece *p, enum smi_weave form, size_t width, uint64_t mask)
{
	if (p->down)
		N(braid_all)(p, form, width, true, mask);
	else
		N(braid_all)(p, form, width, false, mask);
}

static void N(braid_form)(struct smi_piece *p, enum smi_weave form, uint64_t mask)
{
	switch (form) {
#if RECORD_BITS == 64
	case SMI_WIDE:
		BRAID(SMI_WIDE);
		break;
	case SMI_WIDE_KEY:
		BRAID(SMI_WIDE_KEY);
		break;
	case SMI_WIDE_FLOAT:
		BRAID(SMI_WIDE_FLOAT);
		break;
	case SMI_WIDE_INDEX64:
		BRAID(SMI_WIDE_INDEX64);
		break;
	case SMI_WIDE_INDEX32:
		BRAID(SMI_WIDE_INDEX32);
		break;
#else
	case SMI_NARROW:
		BRAID(SMI_NARROW);
		break;
	case SMI_NARROW_KEY:
		BRAID(SMI_NARROW_KEY);
		break;
	case SMI_NARROW_FLOAT:
		BRAID(SMI_NARROW_FLOAT);
		break;
#endif
	default:
		break;
	}
}
#undef BRAID
