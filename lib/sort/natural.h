/* SPDX-License-Identifier: MIT */
/* Elements that lie in a few runs already: sorted, reversed, lists one behind the other. */
#ifndef SMI_SORT_NATURAL_H
#define SMI_SORT_NATURAL_H

#include "sort/element.h"

/* As many runs are merged as they lie; none but the last may be shorter. */
enum { RUNS_MOST = 8, SHORTEST_RUN = 32 };

enum lies { RISES, FALLS, FALLS_WITH_TIES };

struct natural {
	size_t runs; /* 0: there are too many, or short ones */
	size_t bound[RUNS_MOST + 1];
	enum lies lies[RUNS_MOST];
};

/* Where the run ends that begins at `lo`. Ties of what falls take a comparison more: few elements
 * have none. */
INLINE size_t end_of_run(struct form f, size_t lo, enum lies *lies)
{
	const char *first = f.m->elements + lo * f.width, *x = first + f.width;
	size_t i = lo + 1, n = f.m->n;
	bool few = n < 2 * SHORTEST_RUN;

	for (*lies = RISES; i < n && !before(f, x, x - f.width); i++)
		x += f.width;
	if (i == n || (i - lo > 1 && (few || before(f, first, x - f.width))))
		return i;
	/* All of them are equal, and now it falls. */
	*lies = i - lo > 1 ? FALLS_WITH_TIES : FALLS;
	for (i++, x += f.width; i < n; i++, x += f.width) {
		if (before(f, x, x - f.width))
			continue;
		if (few || before(f, x - f.width, x))
			break;
		*lies = FALLS_WITH_TIES;
	}
	return i;
}

INLINE void find_runs(struct form f, struct natural *natural)
{
	size_t lo = 0, hi;

	natural->bound[0] = 0;
	for (natural->runs = 0; lo < f.m->n; lo = hi) {
		if (natural->runs < RUNS_MOST)
			hi = end_of_run(f, lo, &natural->lies[natural->runs]);
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

/* Makes a run rise; equal elements stay as they stand. */
INLINE void straighten(struct form f, size_t lo, size_t hi, enum lies lies)
{
	const char *elements = f.m->elements;
	size_t next;

	if (lies != RISES)
		reverse(f, lo, hi);
	for (; lies == FALLS_WITH_TIES && lo < hi; lo = next) {
		for (next = lo + 1; next < hi; next++)
			if (before(f, elements + (next - 1) * f.width, elements + next * f.width))
				break;
		reverse(f, lo, next);
	}
}

#endif
