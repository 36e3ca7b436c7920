/* SPDX-License-Identifier: MIT */
/* Blocks are sorted by one thread each, unless the elements lie in a few runs already.
 * Then pairs of blocks, or runs, are merged round by round, every merge cut into pieces
 * that threads do apart.
 *
 * Answers of `compare` steer only which of two elements comes next and where
 * a merge is cut, within bounds that hold whatever it answers: each piece writes
 * each of its elements once, or is copied as it stands (steps.h). So a function
 * that is no order costs the order and nothing else. It runs in the caller's
 * arithmetic, which may trap: nothing here is computed in floats. */
#include "sort/merge.h"

#include <errno.h>
#include <stdlib.h>

#include "os/clock.h"
#include "sort/crew/crew.h"
#include "sort/kernel/key.h"
#include "sort/natural.h"
#include "sort/steps.h"

/* MOVING: ns that one element and step of a merge takes beside its comparison. */
enum { WORTH_AN_ESTIMATE = 256, SAMPLE = 8, MOVING = 2, PIECES_A_BLOCK = 2 };

struct merging {
	struct smi_merge m;
	const struct variant *variant;
	size_t block;         /* elements in a block */
	size_t share;         /* pieces of a round, about */
	bool to_spare;        /* where block sorts or this round leave their result */
	struct piece *pieces;
};

/* The widths worth a loop of their own, then all others. */
struct variant {
	void (*sort)(const struct smi_merge *m, size_t lo, size_t hi, bool into_spare);
	void (*merge)(const struct smi_merge *m, const char *from, char *to, const struct piece *p);
	void (*find)(const struct smi_merge *m, struct natural *natural);
	void (*straighten)(const struct smi_merge *m, size_t lo, size_t hi, enum lies lies);
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
	static void find_##name(const struct smi_merge *m, struct natural *natural)             \
	{                                                                                       \
		find_runs((struct form){ m, indirect, width, half }, natural);                  \
	}                                                                                       \
	static void straighten_##name(const struct smi_merge *m, size_t lo, size_t hi,          \
				      enum lies lies)                                           \
	{                                                                                       \
		straighten((struct form){ m, indirect, width, half }, lo, hi, lies);            \
	}                                                                                       \
	static const struct variant name = { sort_##name, merge_##name, find_##name,       \
						     straighten_##name };
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
	size_t lo = part * g->block, hi = min(lo + g->block, g->m.n);

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

/* Neighbouring runs are merged until one is left. Run i begins at bound[i], and ends before
 * bound[i + 1]. */
static void merge_rounds(struct merging *g, const struct smi_crew *crew, size_t *bound, size_t runs)
{
	const struct smi_merge *m = &g->m;
	size_t piece = g->share > 0 ? m->n / g->share + 1 : m->n;

	while (runs > 1) {
		const char *from = g->to_spare ? m->spare : m->elements;
		size_t count = 0;

		for (size_t i = 0; i < runs; i += 2) {
			size_t lo = bound[i], mid = bound[i + 1], hi = bound[min(i + 2, runs)];
			size_t pieces = (hi - lo + piece - 1) / piece;

			cut_merge(m, from, &(struct piece){ lo, mid, mid, hi, lo }, g->pieces + count, pieces);
			count += pieces;
			bound[i / 2] = lo;
		}
		runs = (runs + 1) / 2;
		bound[runs] = m->n;
		g->to_spare = !g->to_spare;
		smi_crew_each(crew, count, merge_part, g);
	}
}

/* The side where runs must lie so that the last round leaves the elements where they belong. */
static bool first_side(size_t runs)
{
	bool to_spare = false;

	for (; runs > 1; runs = (runs + 1) / 2)
		to_spare = !to_spare;
	return to_spare;
}

/* Room for a round of so many runs, each made in about PIECES_A_BLOCK pieces, and a thread. */
static int init_pieces(struct merging *g, size_t blocks, size_t runs)
{
	g->share = blocks > 1 ? PIECES_A_BLOCK * blocks : 0;
	g->pieces = malloc((g->share + runs) * sizeof *g->pieces);
	return g->pieces ? 0 : -ENOMEM;
}

/* As many as there are threads, or twice the power of two above: else some would have two, and
 * others one. */
static size_t blocks_for(size_t np)
{
	size_t blocks = 1;

	while (blocks < np)
		blocks *= 2;
	return blocks > np ? 2 * blocks : blocks;
}

static int sort_blocks(struct merging *g, const struct smi_crew *crew)
{
	const struct smi_merge *m = &g->m;
	size_t blocks = blocks_for((size_t)crew->np), runs;
	size_t *bound = malloc((blocks + 1) * sizeof *bound);

	g->block = (m->n + blocks - 1) / blocks;
	runs = (m->n + g->block - 1) / g->block;
	if (!bound || init_pieces(g, blocks, runs) < 0) {
		free(bound);
		return -ENOMEM;
	}
	for (size_t i = 0; i <= runs; i++)
		bound[i] = min(i * g->block, m->n);
	g->to_spare = first_side(runs);
	smi_crew_each(crew, runs, sort_block, g);
	merge_rounds(g, crew, bound, runs);
	free(g->pieces);
	free(bound);
	return 0;
}

static int merge_natural(struct merging *g, const struct smi_crew *crew, struct natural *natural)
{
	const struct smi_merge *m = &g->m;
	int r = natural->runs > 1 ? init_pieces(g, blocks_for((size_t)crew->np), natural->runs) : 0;

	if (r < 0)
		return r;
	for (size_t i = 0; i < natural->runs; i++)
		g->variant->straighten(m, natural->bound[i], natural->bound[i + 1], natural->lies[i]);
	g->to_spare = first_side(natural->runs);
	if (g->to_spare)
		memcpy(m->spare, m->elements, m->n * m->width);
	merge_rounds(g, crew, natural->bound, natural->runs);
	free(g->pieces);
	return 0;
}

/* What sorting takes one thread, in ns, if each element is compared so many times. Nobody knows
 * what a comparison takes, so some are made: in the second turn their items are in the cache, as
 * they mostly are later. */
static uint64_t estimate(const struct smi_merge *m, unsigned times)
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
	return __builtin_mul_overflow(m->n * times, least / SAMPLE + MOVING, &ns) ? SMI_CREW_MUCH : ns;
}

int smi_merge_sort(const struct smi_merge *m, int np)
{
	struct merging g = { .m = *m, .variant = variant(m) };
	struct smi_crew crew = { .np = 1 };
	struct natural natural;
	int r;

	if (m->n < 2)
		return 0;
	g.variant->find(m, &natural);
	if (np > 1 && natural.runs != 1 && m->n >= WORTH_AN_ESTIMATE)
		smi_crew_enter(&crew, np, estimate(m, smi_bits(natural.runs ? natural.runs : m->n)));
	r = natural.runs > 0 ? merge_natural(&g, &crew, &natural) : sort_blocks(&g, &crew);
	smi_crew_leave(&crew);
	return r;
}
