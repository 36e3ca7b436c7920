/* SPDX-License-Identifier: MIT */
/* Blocks are sorted by one thread each. Then pairs of blocks are merged round by
 * round, every merge cut into pieces that threads do apart.
 *
 * Answers of `compare` steer only which of two elements comes next and where
 * a merge is cut, within bounds that hold whatever it answers: each element is
 * moved exactly once a round. So a function that is no order costs the order
 * and nothing else. */
#include "sort/merge.h"

#include <errno.h>
#include <stdlib.h>

#include "os/clock.h"
#include "sort/crew/crew.h"
#include "sort/kernel/key.h"
#include "sort/steps.h"

/* MOVING: ns that one element and step of a merge takes beside its comparison. */
enum { WORTH_AN_ESTIMATE = 256, SAMPLE = 8, MOVING = 2, PIECES_A_BLOCK = 2 };

struct merging {
	struct smi_merge m;
	const struct variant *variant;
	size_t block;         /* elements in a block */
	bool to_spare;        /* where block sorts or this round leave their result */
	struct piece *pieces;
};

/* The widths worth a loop of their own, then all others. */
struct variant {
	void (*sort)(const struct smi_merge *m, size_t lo, size_t hi, bool into_spare);
	void (*merge)(const struct smi_merge *m, const char *from, char *to, const struct piece *p);
};

#define VARIANT(name, indirect, width, half)                                                    \
	static void sort_##name(const struct smi_merge *m, size_t lo, size_t hi, bool spare)    \
	{                                                                                       \
		sort_runs((struct form){ m, indirect, width, half }, lo, hi, spare, sort_##name); \
	}                                                                                       \
	static void merge_##name(const struct smi_merge *m, const char *from, char *to,         \
				 const struct piece *p)                                         \
	{                                                                                       \
		merge_runs((struct form){ m, indirect, width, half }, from, to, p);             \
	}                                                                                       \
	static const struct variant name = { sort_##name, merge_##name };
VARIANT(indices, true, sizeof(size_t), 0)
VARIANT(of_4, false, 4, 0)
VARIANT(of_8, false, 8, 0)
VARIANT(up_to_16, false, m->width, 8)
VARIANT(up_to_32, false, m->width, 16)
VARIANT(up_to_64, false, m->width, 32)
VARIANT(any, false, m->width, 0)

static const struct variant *variant(const struct smi_merge *m)
{
	return m->items       ? &indices :
	       m->width == 4  ? &of_4 :
	       m->width < 8   ? &any :
	       m->width == 8  ? &of_8 :
	       m->width <= 16 ? &up_to_16 :
	       m->width <= 32 ? &up_to_32 :
	       m->width <= 64 ? &up_to_64 :
				&any;
}

static void sort_block(void *arg, size_t part, int rank)
{
	const struct merging *g = arg;
	size_t lo = part * g->block, hi = lo + g->block < g->m.n ? lo + g->block : g->m.n;

	(void)rank;
	g->variant->sort(&g->m, lo, hi, g->to_spare);
}

static void merge_part(void *arg, size_t part, int rank)
{
	const struct merging *g = arg;
	const struct smi_merge *m = &g->m;

	(void)rank;
	g->variant->merge(m, g->to_spare ? m->elements : m->spare,
			  g->to_spare ? m->spare : m->elements, &g->pieces[part]);
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
		if (before(form_of(m), m->elements + i * m->width,
			   m->elements + (i - 1) * m->width))
			return false;
	return true;
}

/* What sorting takes one thread, in ns. Nobody knows what a comparison takes, so some are made:
 * in the second turn their items are in the cache, as they mostly are later. */
static uint64_t estimate(const struct smi_merge *m)
{
	size_t half = m->n / 2, apart = half / SAMPLE;
	uint64_t begin, took, least = UINT64_MAX, ns;

	for (int turn = 0; turn < 2; turn++) {
		begin = smi_now();
		for (size_t i = 0; i < SAMPLE * apart; i += apart)
			before(form_of(m), m->elements + (half + i) * m->width,
			       m->elements + i * m->width);
		took = smi_now() - begin;
		least = took < least ? took : least;
	}
	ns = m->n * smi_bits(m->n);
	return __builtin_mul_overflow(ns, least / SAMPLE + MOVING, &ns) ? SMI_CREW_MUCH : ns;
}

static int sort_blocks(const struct smi_merge *m, const struct smi_crew *crew)
{
	struct merging g = { .m = *m, .variant = variant(m) };
	size_t blocks = 1;

	while (blocks < (size_t)crew->np)
		blocks *= 2;
	if (blocks > (size_t)crew->np)
		blocks *= 2; /* else some threads would have two, and others one */
	g.block = (m->n + blocks - 1) / blocks;
	g.pieces = malloc(PIECES_A_BLOCK * blocks * sizeof *g.pieces);
	if (!g.pieces)
		return -ENOMEM;
	/* Each round changes sides, and the last one leaves the spare. */
	for (size_t run = g.block; run < m->n; run *= 2)
		g.to_spare = !g.to_spare;
	smi_crew_each(crew, (m->n + g.block - 1) / g.block, sort_block, &g);
	for (size_t run = g.block, pieces = 2 * PIECES_A_BLOCK; run < m->n; run *= 2, pieces *= 2) {
		g.to_spare = !g.to_spare;
		merge_round(&g, crew, run, pieces);
	}
	free(g.pieces);
	return 0;
}

int smi_merge_sort(const struct smi_merge *m, int np)
{
	struct smi_crew crew = { .np = 1 };
	int r;

	if (m->n < 2 || in_order(m))
		return 0;
	if (np > 1 && m->n >= WORTH_AN_ESTIMATE)
		smi_crew_enter(&crew, np, estimate(m));
	r = sort_blocks(m, &crew);
	smi_crew_leave(&crew);
	return r;
}
