/* SPDX-License-Identifier: MIT */
/* Elements that a function of the caller's compares: which of two comes first, and moving one.
 * Answers select addresses, and the compiler is kept from making jumps of them: of the answers
 * for keys in random order a processor guesses every other one wrong. */
#ifndef SMI_SORT_ELEMENT_H
#define SMI_SORT_ELEMENT_H

#include <string.h>

#include "sort/merge.h"

#define INLINE static inline __attribute__((always_inline))

/* What the loops are made for; they are faster where it is constant. */
struct form {
	const struct smi_merge *m;
	bool indirect;  /* elements are indices of items */
	size_t width;   /* of an element */
	size_t half;    /* two moves of so many bytes make one of `width`; 0: one does */
};

/* Any elements; for what takes no time. */
INLINE struct form form_of(const struct smi_merge *m)
{
	return (struct form){ m, m->items != NULL, m->width, 0 };
}

/* Must element y, which stands behind x, come before it? */
INLINE bool before(struct form f, const char *y, const char *x)
{
	size_t i, j;
	int r;

	if (f.indirect) {
		memcpy(&i, y, sizeof i);
		memcpy(&j, x, sizeof j);
		y = f.m->items + i * f.m->size;
		x = f.m->items + j * f.m->size;
	}
	r = f.m->compare(y, x, f.m->arg);
	return f.m->descending ? r > 0 : r < 0;
}

/* The same as all bits or none. */
INLINE size_t mask_before(struct form f, const char *y, const char *x)
{
	size_t mask = -(size_t)before(f, y, x);

	__asm__("" : "+r"(mask));
	return mask;
}

/* x where the mask is set, else y. */
INLINE const char *choose(size_t mask, const char *x, const char *y)
{
	return y + ((x - y) & (ptrdiff_t)mask);
}

INLINE void move(struct form f, char *to, const char *from)
{
	char low[32], high[32];

	if (f.half == 0) {
		memcpy(to, from, f.width);
		return;
	}
	memcpy(low, from, f.half);
	memcpy(high, from + f.width - f.half, f.half);
	memcpy(to, low, f.half);
	memcpy(to + f.width - f.half, high, f.half);
}

/* This element, or the item that it stands for, will be compared soon. */
INLINE void expect(struct form f, const char *element)
{
	size_t i;

	if (f.indirect) {
		memcpy(&i, element, sizeof i);
		element = f.m->items + i * f.m->size;
	}
	__builtin_prefetch(element);
}

#endif
