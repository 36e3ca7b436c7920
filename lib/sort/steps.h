/* SPDX-License-Identifier: MIT */
/* What one thread does of a merge sort.
 *
 * Two runs are merged from both ends at once, and long ones as four pieces at once: eight chains
 * of comparisons that do not wait for each other, nor for each other's memory (the first is
 * the parity merge of van den Hoven's "quadsort", 2020). Each end goes its way as if it were
 * alone, so where `compare` is no order both may take the same element: then the runs are
 * copied as they stand. */
#ifndef SMI_SORT_STEPS_H
#define SMI_SORT_STEPS_H

#include "sort/element.h"

/* WORTH: elements whose merge is worth looking whether they lie in order, and cutting. */
enum { LEAF = 4, WORTH_A_LOOK = 16, WORTH_CUTS = 1024, PIECES = 4 };

/* How far ahead memory is asked for: so many indices, or bytes of elements. */
enum { INDICES_AHEAD = 8, BYTES_AHEAD = 256 };

/* A merge of two runs that lie one behind the other, or a piece of it. */
struct piece {
	size_t a, a_end, b, b_end;  /* elements of the source */
	size_t to;
};

/* What is left of two runs, and of the places for them. */
struct ends {
	const char *a, *a_end, *b, *b_end;
	char *to, *to_end;
};

INLINE size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

INLINE struct ends ends_of(struct form f, const char *from, char *to, const struct piece *p)
{
	size_t end = p->to + (p->a_end - p->a) + (p->b_end - p->b);

	return (struct ends){ from + p->a * f.width, from + p->a_end * f.width,
			      from + p->b * f.width, from + p->b_end * f.width,
			      to + p->to * f.width, to + end * f.width };
}

/* Elements of the shorter run; none where the ends have passed each other. */
INLINE size_t shorter(struct form f, const struct ends *e)
{
	return e->a >= e->a_end || e->b >= e->b_end ? 0 :
	       min((size_t)(e->a_end - e->a), (size_t)(e->b_end - e->b)) / f.width;
}

/* The first and the last element of what is left. */
INLINE void take_both(struct form f, struct ends *e, bool far)
{
	size_t ahead = f.indirect ? INDICES_AHEAD * f.width : BYTES_AHEAD;
	const char *a_last = e->a_end - f.width, *b_last = e->b_end - f.width;
	size_t b_first = mask_before(f, e->b, e->a), a_is_last = mask_before(f, b_last, a_last);
	const char *first = choose(b_first, e->b, e->a);
	const char *last = choose(a_is_last, a_last, b_last);

	if (far) {
		expect(f, first + ahead);
		expect(f, last - ahead);
	}
	move(f, e->to, first);
	e->to += f.width;
	e->a += f.width & ~b_first;
	e->b += f.width & b_first;
	e->to_end -= f.width;
	move(f, e->to_end, last);
	e->a_end -= f.width & a_is_last;
	e->b_end -= f.width & ~a_is_last;
}

/* How many of so many steps ask for memory ahead: as long as there are indices to read, and of
 * elements that are so large that it is worth it. */
INLINE size_t far_steps(struct form f, int count, size_t steps)
{
	if (f.indirect)
		return steps > INDICES_AHEAD ? steps - INDICES_AHEAD : 0;
	return count > 1 && (f.half > 0 || f.width == 8) ? steps : 0;
}

/* So many elements from both ends of `count` merges, of which no run is shorter. */
INLINE void take_ends(struct form f, struct ends *ends, int count, size_t steps)
{
	size_t far = far_steps(f, count, steps);
	struct ends e[PIECES];

	for (int k = 0; k < count; k++)
		e[k] = ends[k];
	for (size_t i = 0; i < far; i++)
		for (int k = 0; k < count; k++)
			take_both(f, &e[k], true);
	for (size_t i = far; i < steps; i++)
		for (int k = 0; k < count; k++)
			take_both(f, &e[k], false);
	for (int k = 0; k < count; k++)
		ends[k] = e[k];
}

INLINE void merge_at_once(struct form f, const char *from, char *to, const struct piece *pieces,
			  int count)
{
	struct ends e[PIECES];
	size_t steps;

	for (int k = 0; k < count; k++)
		e[k] = ends_of(f, from, to, &pieces[k]);
	for (;;) {
		steps = shorter(f, &e[0]);
		for (int k = 1; k < count; k++)
			steps = min(steps, shorter(f, &e[k]));
		if (steps == 0)
			break;
		take_ends(f, e, count, steps);
	}
	for (int k = 0; k < count; k++) {
		while ((steps = shorter(f, &e[k])) > 0)
			take_ends(f, &e[k], 1, steps);
		if (e[k].a > e[k].a_end || e[k].b > e[k].b_end)
			e[k] = ends_of(f, from, to, &pieces[k]);
		memcpy(e[k].to, e[k].a, (size_t)(e[k].a_end - e[k].a));
		memcpy(e[k].to + (e[k].a_end - e[k].a), e[k].b, (size_t)(e[k].b_end - e[k].b));
	}
}

/* How many elements of run a are among the first `length` of the merged piece `p`: at least
 * least_a, and so few that least_b of run b are among them. */
static size_t cut(const struct smi_merge *m, const char *from, const struct piece *p,
		  size_t length, size_t least_a, size_t least_b)
{
	size_t b_length = p->b_end - p->b, mid, less;
	size_t lo = length > b_length ? length - b_length : 0;
	size_t hi = min(p->a_end - p->a, length - least_b);

	lo = lo < least_a ? least_a : lo;
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		less = mask_before(form_of(m), from + (p->b + length - mid - 1) * m->width,
				   from + (p->a + mid) * m->width);
		hi = (hi & ~less) | (mid & less);
		lo = (lo & less) | ((mid + 1) & ~less);
	}
	return lo;
}

/* Cuts the merge of two runs into `count` pieces of equal length (Green, Odeh, Birk: "Merge
 * Path", 2014). */
static void cut_merge(const struct smi_merge *m, const char *from, const struct piece *whole,
		      struct piece *pieces, size_t count)
{
	size_t total = whole->a_end - whole->a + whole->b_end - whole->b, a = 0, b = 0;

	for (size_t i = 0; i < count; i++) {
		size_t length = i + 1 == count ? total : total / count * (i + 1);
		size_t next = cut(m, from, whole, length, a, b);

		pieces[i] = (struct piece){ whole->a + a, whole->a + next, whole->b + b,
					    whole->b + (length - next), whole->to + a + b };
		a = next;
		b = length - next;
	}
}

INLINE void merge_runs(struct form f, const char *from, char *to, const struct piece *p)
{
	struct piece pieces[PIECES];

	if (p->a_end - p->a + p->b_end - p->b < WORTH_CUTS) {
		merge_at_once(f, from, to, p, 1);
		return;
	}
	cut_merge(f.m, from, p, pieces, PIECES);
	merge_at_once(f, from, to, pieces, PIECES);
}

/* Two runs that lie in order, or all of the second one before the first: true if so. */
INLINE bool copy_straight(struct form f, const char *from, char *to, const struct piece *p)
{
	const char *a = from + p->a * f.width, *b = from + p->b * f.width;
	size_t a_size = (size_t)(b - a), b_size = (p->b_end - p->b) * f.width;

	to += p->to * f.width;
	if (!before(f, b, b - f.width)) {
		memcpy(to, a, a_size + b_size);
		return true;
	}
	if (!before(f, b + b_size - f.width, a))
		return false;
	memcpy(to, b, b_size);
	memcpy(to + b_size, a, a_size);
	return true;
}

/* The least of four is the first one of a pair, the greatest the last one of a pair. */
INLINE void sort_four(struct form f, const char *a, char *to)
{
	const char *b = a + f.width, *c = b + f.width, *d = c + f.width, *x, *y;
	size_t swap_ab = mask_before(f, b, a), swap_cd = mask_before(f, d, c), c_first, b_last;

	x = choose(swap_ab, b, a);
	b = choose(swap_ab, a, b);
	a = x;
	y = choose(swap_cd, d, c);
	d = choose(swap_cd, c, d);
	c = y;
	c_first = mask_before(f, c, a);
	b_last = mask_before(f, d, b);
	move(f, to, choose(c_first, c, a));
	move(f, to + 3 * f.width, choose(b_last, b, d));
	/* The two others, as they stand. */
	x = choose(c_first, a, choose(b_last, c, b));
	y = choose(b_last, d, choose(c_first, b, c));
	swap_ab = mask_before(f, y, x);
	move(f, to + f.width, choose(swap_ab, y, x));
	move(f, to + 2 * f.width, choose(swap_ab, x, y));
}

/* Inserts one element after the other. */
INLINE void sort_fewer(struct form f, const char *from, char *to, size_t n)
{
	size_t j;

	for (size_t i = 0; i < n; i++) {
		for (j = i; j > 0 && before(f, from + i * f.width, to + (j - 1) * f.width); j--)
			memcpy(to + j * f.width, to + (j - 1) * f.width, f.width);
		memcpy(to + j * f.width, from + i * f.width, f.width);
	}
}

/* Sorts the elements lo ... hi-1, to the spare or to where they are. */
INLINE void sort_runs(struct form f, size_t lo, size_t hi, bool into_spare,
		      void (*self)(const struct smi_merge *, size_t, size_t, bool))
{
	size_t n = hi - lo, mid = lo + (n / 2 + LEAF - 1) / LEAF * LEAF;
	char *elements = f.m->elements, *spare = f.m->spare;
	const char *from = into_spare ? elements : spare;
	char *to = into_spare ? spare : elements;
	struct piece whole = { lo, mid, mid, hi, lo };

	if (n <= LEAF) {
		if (n == LEAF)
			sort_four(f, elements + lo * f.width, spare + lo * f.width);
		else
			sort_fewer(f, elements + lo * f.width, spare + lo * f.width, n);
		if (!into_spare)
			memcpy(elements + lo * f.width, spare + lo * f.width, n * f.width);
		return;
	}
	self(f.m, lo, mid, !into_spare);
	self(f.m, mid, hi, !into_spare);
	if (n < WORTH_A_LOOK || !copy_straight(f, from, to, &whole))
		merge_runs(f, from, to, &whole);
}

#endif
