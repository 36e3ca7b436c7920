/* SPDX-License-Identifier: MIT */
/* Blocks are sorted by one thread each, top down. Then pairs of blocks are
 * merged round by round, every merge cut into pieces that threads do apart
 * (Green, Odeh, Birk: "Merge Path", 2014).
 *
 * Answers of `compare` steer only which of two elements comes next and where
 * a merge is cut, within bounds that hold whatever it answers: each element is
 * moved exactly once a round. So a function that is no order costs the order
 * and nothing else. */
#include "sort/merge.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FEW = 4, ALIGN_WORTH = 16 };

#define INLINE static inline __attribute__((always_inline))

/* A merge of two runs that lie one behind the other, or a piece of it. */
struct piece {
	size_t a, a_end, b, b_end;  /* elements of the source */
	size_t to;
};

struct merging {
	struct smi_merge m;
	size_t block;         /* elements in a block */
	bool to_spare;        /* where block sorts or this round leave their result */
	struct piece *pieces;
};

/* Must element y, which stands behind x, come before it? */
INLINE bool before(const struct smi_merge *m, bool indirect, const char *y, const char *x)
{
	size_t i, j;
	int r;

	if (indirect) {
		memcpy(&i, y, sizeof i);
		memcpy(&j, x, sizeof j);
		y = m->items + i * m->size;
		x = m->items + j * m->size;
	}
	r = m->compare(y, x, m->arg);
	return m->descending ? r > 0 : r < 0;
}

INLINE void merge_piece(const struct smi_merge *m, bool indirect, size_t width, const char *from,
			char *to, const struct piece *p)
{
	const char *a = from + p->a * width, *a_end = from + p->a_end * width;
	const char *b = from + p->b * width, *b_end = from + p->b_end * width;

	to += p->to * width;
	while (a < a_end && b < b_end) {
		if (before(m, indirect, b, a)) {
			memcpy(to, b, width);
			b += width;
		} else {
			memcpy(to, a, width);
			a += width;
		}
		to += width;
	}
	memcpy(to, a, (size_t)(a_end - a));
	memcpy(to + (a_end - a), b, (size_t)(b_end - b));
}

INLINE void insertion_sort(const struct smi_merge *m, bool indirect, size_t width, char *a,
			   size_t n, char *room)
{
	size_t j;

	for (size_t i = 1; i < n; i++) {
		memcpy(room, a + i * width, width);
		for (j = i; j > 0 && before(m, indirect, room, a + (j - 1) * width); j--)
			memcpy(a + j * width, a + (j - 1) * width, width);
		memcpy(a + j * width, room, width);
	}
}

/* Sorts elements of m->elements; `into_spare` says where the result goes. The
 * spare's own place serves as room for one element of an insertion. */
INLINE void sort_runs(const struct smi_merge *m, bool indirect, size_t width, size_t lo, size_t hi,
		      bool into_spare,
		      void (*self)(const struct smi_merge *, size_t, size_t, bool))
{
	size_t mid = lo + (hi - lo) / 2;
	const char *from = into_spare ? m->elements : m->spare;
	char *to = into_spare ? m->spare : m->elements;
	struct piece p = { lo, mid, mid, hi, lo };

	if (hi - lo <= FEW) {
		insertion_sort(m, indirect, width, m->elements + lo * width, hi - lo,
			       m->spare + lo * width);
		if (into_spare)
			memcpy(m->spare + lo * width, m->elements + lo * width, (hi - lo) * width);
		return;
	}
	self(m, lo, mid, !into_spare);
	self(m, mid, hi, !into_spare);
	if (hi - lo >= ALIGN_WORTH &&
	    !before(m, indirect, from + mid * width, from + (mid - 1) * width))
		memcpy(to + lo * width, from + lo * width, (hi - lo) * width);
	else
		merge_piece(m, indirect, width, from, to, &p);
}

/* The sizes worth a loop of their own, then all others. */
#define VARIANT(name, indirect, width)                                                          \
	static void sort_##name(const struct smi_merge *m, size_t lo, size_t hi, bool spare)    \
	{                                                                                       \
		sort_runs(m, indirect, width, lo, hi, spare, sort_##name);                      \
	}                                                                                       \
	static void merge_##name(const struct smi_merge *m, const char *from, char *to,         \
				 const struct piece *p)                                         \
	{                                                                                       \
		merge_piece(m, indirect, width, from, to, p);                                   \
	}
VARIANT(index, true, sizeof(size_t))
VARIANT(4, false, 4)
VARIANT(8, false, 8)
VARIANT(16, false, 16)
VARIANT(any, false, m->width)

static void sort_block(void *arg, size_t part, int rank)
{
	struct merging *g = arg;
	const struct smi_merge *m = &g->m;
	size_t lo = part * g->block, hi = lo + g->block < m->n ? lo + g->block : m->n;

	(void)rank;
	if (m->items)
		sort_index(m, lo, hi, g->to_spare);
	else if (m->width == 4)
		sort_4(m, lo, hi, g->to_spare);
	else if (m->width == 8)
		sort_8(m, lo, hi, g->to_spare);
	else if (m->width == 16)
		sort_16(m, lo, hi, g->to_spare);
	else
		sort_any(m, lo, hi, g->to_spare);
}

static void merge_part(void *arg, size_t part, int rank)
{
	struct merging *g = arg;
	const struct smi_merge *m = &g->m;
	const char *from = g->to_spare ? m->elements : m->spare;
	char *to = g->to_spare ? m->spare : m->elements;

	(void)rank;
	if (m->items)
		merge_index(m, from, to, &g->pieces[part]);
	else if (m->width == 4)
		merge_4(m, from, to, &g->pieces[part]);
	else if (m->width == 8)
		merge_8(m, from, to, &g->pieces[part]);
	else if (m->width == 16)
		merge_16(m, from, to, &g->pieces[part]);
	else
		merge_any(m, from, to, &g->pieces[part]);
}

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many elements of run a are among the first `length` of the merged piece
 * `p`: at least `least`, and leaving at least what keeps cuts in order. */
static size_t cut(const struct smi_merge *m, const char *from, const struct piece *p,
		  size_t length, size_t least_a, size_t least_b)
{
	size_t b_length = p->b_end - p->b, mid;
	size_t lo = length > b_length ? length - b_length : 0;
	size_t hi = min(p->a_end - p->a, length - least_b);

	lo = lo < least_a ? least_a : lo;
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (before(m, m->items != NULL, from + (p->b + length - mid - 1) * m->width,
			   from + (p->a + mid) * m->width))
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* Cuts the merge of two runs into `count` pieces of equal length. */
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

/* One round: runs of `run` elements become runs of twice as many, each made in
 * `pieces` pieces. */
static void merge_round(struct merging *g, const struct smi_crew *crew, size_t run, size_t pieces)
{
	const struct smi_merge *m = &g->m;
	const char *from = g->to_spare ? m->elements : m->spare;
	size_t count = 0;

	for (size_t lo = 0; lo < m->n; lo += 2 * run) {
		size_t mid = min(lo + run, m->n), hi = min(lo + 2 * run, m->n);
		struct piece whole = { lo, mid, mid, hi, lo };

		cut_merge(m, from, &whole, g->pieces + count, pieces);
		count += pieces;
	}
	smi_crew_each(crew, count, merge_part, g);
}

/* The elements up to the first one that must come before its neighbour. */
static bool in_order(const struct smi_merge *m)
{
	for (size_t i = 1; i < m->n; i++)
		if (before(m, m->items != NULL, m->elements + i * m->width,
			   m->elements + (i - 1) * m->width))
			return false;
	return true;
}

int smi_merge_sort(const struct smi_merge *m, const struct smi_crew *crew)
{
	struct merging g = { .m = *m };
	size_t blocks = 1;

	if (m->n < 2 || in_order(m))
		return 0;
	while (crew->np > 1 && blocks < 2 * (size_t)crew->np)
		blocks *= 2;
	g.block = (m->n + blocks - 1) / blocks;
	/* A run is made in as many pieces as it has blocks. */
	g.pieces = malloc(blocks * sizeof *g.pieces);
	if (!g.pieces)
		return -ENOMEM;
	/* Each round changes sides, and the last one leaves the spare. */
	for (size_t run = g.block; run < m->n; run *= 2)
		g.to_spare = !g.to_spare;
	smi_crew_each(crew, (m->n + g.block - 1) / g.block, sort_block, &g);
	for (size_t run = g.block, pieces = 2; run < m->n; run *= 2, pieces *= 2) {
		g.to_spare = !g.to_spare;
		merge_round(&g, crew, run, pieces);
	}
	free(g.pieces);
	return 0;
}
