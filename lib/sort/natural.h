/* SPDX-License-Identifier: MIT */
/* Elements that lie in a few runs already: sorted, reversed, lists one behind the other. */
#ifndef SMI_SORT_NATURAL_H
#define SMI_SORT_NATURAL_H

#include "sort/element.h"

/* As many runs are merged as they lie; none but the last may be shorter. */
enum { RUNS_MOST = 8, SHORTEST_RUN = 32 };

/* Runs in which the elements lie already; falling ones strictly. */
struct natural {
	size_t runs; /* 0: there are too many, or short ones */
	size_t bound[RUNS_MOST + 1];
	bool falls[RUNS_MOST];
};

/* Where the run ends that begins at `lo`. */
INLINE size_t end_of_run(struct form f, size_t lo, bool *falls)
{
	const char *x = f.m->elements + lo * f.width;
	size_t i = lo + 1;

	*falls = false;
	if (i < f.m->n)
		*falls = before(f, x + f.width, x);
	for (x += f.width, i++; i < f.m->n && before(f, x + f.width, x) == *falls; i++)
		x += f.width;
	return i < f.m->n ? i : f.m->n;
}

INLINE void find_runs(struct form f, struct natural *natural)
{
	size_t lo = 0, hi;

	natural->bound[0] = 0;
	for (natural->runs = 0; lo < f.m->n; lo = hi) {
		if (natural->runs < RUNS_MOST)
			hi = end_of_run(f, lo, &natural->falls[natural->runs]);
		if (natural->runs == RUNS_MOST || (hi < f.m->n && hi - lo < SHORTEST_RUN)) {
			natural->runs = 0;
			return;
		}
		natural->bound[++natural->runs] = hi;
	}
}

/* Exchanges elements lo ... hi-1, the first with the last. */
INLINE void reverse(struct form f, size_t lo, size_t hi)
{
	char *first = f.m->elements + lo * f.width, *last = f.m->elements + hi * f.width;

	for (size_t i = (hi - lo) / 2; i > 0; i--) {
		last -= f.width;
		move(f, f.m->spare, first);
		move(f, first, last);
		move(f, last, f.m->spare);
		first += f.width;
	}
}

#endif
