/* SPDX-License-Identifier: MIT */
/* The road of one sort: is it sorted already? - the range of the images - the
 * map to buckets - counts - records to their buckets - buckets too large for
 * one thread are partitioned again by all - every other one is sorted by
 * whichever thread is free. */
#include "sort/radix.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "sort/crew.h"
#include "sort/few.h"
#include "sort/map.h"
#include "sort/options.h"
#include "sort/partition.h"
#include "sort/scratch.h"
#include "sort/specials.h"
#include "sort/straight.h"

enum {
	LEVELS = 4,          /* partitions within partitions; below that one thread goes on */
	PART_LOG = 31,       /* a part has fewer keys than 2^this */
};

struct sort {
	const struct smi_kernel *kernel;
	struct smi_crew crew;
	struct smi_plan plan;
	struct smi_range range;
	struct smi_specials specials;
	size_t n, parts, width;     /* width: bytes of a record */
	size_t bucket, large;       /* records: wanted in a bucket, too many for one thread */
	char *scratch;
	struct smi_tables *tables;  /* [LEVELS] */
	uint32_t *counts;           /* [np][SMI_COUNTS] */
	char *spare;                /* [np][large records] */
	char *records;              /* [n records] */
	char *second;               /* [records of the largest bucket], if any is too large */
};

static size_t cache_bytes(void)
{
	long size = sysconf(_SC_LEVEL2_CACHE_SIZE);

	return size < 1 << 18 ? 1 << 18 : size > 1 << 22 ? 1 << 22 : (size_t)size;
}

/* ---- the range of the images ---- */

struct ranging {
	const struct smi_kernel *kernel;
	const struct smi_keys *keys;
	size_t n, parts;
	struct smi_range *part;
};

static void range_part(void *arg, size_t part, int rank)
{
	struct ranging *r = arg;
	size_t lo, hi;

	(void)rank;
	smi_cut(r->n, r->parts, part, &lo, &hi);
	r->part[part] = (struct smi_range){ UINT64_MAX, 0, 0, false };
	if (lo < hi)
		r->kernel->range(r->keys, lo, hi, &r->part[part]);
}

static void range_of(const struct sort *s, const struct smi_keys *keys, size_t n, size_t parts,
		     struct smi_range *range)
{
	struct smi_range each[64];
	struct ranging r = { s->kernel, keys, n, parts > 64 ? 64 : parts, each };
	uint64_t first = smi_key_image(keys, 0);
	size_t lo, hi;

	smi_crew_each(&s->crew, r.parts, range_part, &r);
	*range = (struct smi_range){ UINT64_MAX, 0, 0, false };
	for (size_t i = 0; i < r.parts; i++) {
		smi_cut(n, r.parts, i, &lo, &hi);
		if (lo >= hi)
			continue;
		range->min = each[i].min < range->min ? each[i].min : range->min;
		range->max = each[i].max > range->max ? each[i].max : range->max;
		range->varying |= each[i].varying | (smi_key_image(keys, lo) ^ first);
		range->minus_zero |= each[i].minus_zero;
	}
}

/* What a record is: as much of the key as there is room for beside the index. */
static void plan_records(struct sort *s)
{
	struct smi_plan *plan = &s->plan;
	unsigned bits = smi_bits(s->range.max - s->range.min), index_bits, room;

	index_bits = plan->sink == SMI_TO_KEY ? 0 : s->n > 2 ? smi_bits(s->n - 1) : 1;
	room = 64 - index_bits;
	plan->pack.base = s->range.min;
	plan->pack.drop = bits > room ? bits - room : 0;
	plan->pack.index_bits = index_bits;
	plan->pack.indexed = plan->sink != SMI_TO_KEY;
	plan->index_mask = ((uint64_t)1 << index_bits) - 1;
	plan->exact = (s->range.varying & (((uint64_t)1 << plan->pack.drop) - 1)) == 0;
}

/* ---- a few keys: one thread, one bucket ---- */

/* Both arrays have room for n records, `counts` for what n keys can need. */
static int sort_alone(struct sort *s, void *records, void *spare, uint32_t *counts)
{
	int r = 0;

	s->kernel->range(&s->plan.keys, 0, s->n, &s->range);
	plan_records(s);
	if (s->plan.sink == SMI_TO_KEY)
		r = smi_specials_init(&s->specials, &s->crew, &s->plan.keys, s->n, &s->range);
	if (r < 0)
		return r;
	if (s->width == 4) {
		s->kernel->pack_narrow(&s->plan.keys, &s->plan.pack, 0, s->n, records);
		s->kernel->bucket_narrow(&s->plan, records, spare, s->n, 0, counts);
	} else {
		s->kernel->pack(&s->plan.keys, &s->plan.pack, 0, s->n, records);
		s->kernel->bucket(&s->plan, records, spare, s->n, 0, counts);
	}
	if (s->plan.sink == SMI_TO_KEY)
		smi_specials_restore(&s->specials, &s->plan.keys, s->plan.out, s->n);
	return 0;
}

/* So few that the stack has room for all. */
static int sort_few(struct sort *s)
{
	uint64_t records[SMI_FEW], spare[SMI_FEW];
	uint32_t counts[SMI_FEW_COUNTS];

	return sort_alone(s, records, spare, counts);
}

static int sort_some(struct sort *s)
{
	size_t size = (s->n * s->width + 63) / 64 * 64;

	s->scratch = smi_scratch_take(2 * size + SMI_COUNTS * sizeof(uint32_t));
	if (!s->scratch)
		return -ENOMEM;
	return sort_alone(s, s->scratch, s->scratch + size, (uint32_t *)(s->scratch + 2 * size));
}

/* ---- buckets ---- */

/* Records of one partition, and where they stand in the whole. */
struct region {
	struct sort *sort;
	const struct smi_plan *plan;
	const struct smi_tables *tables;
	char *records;
	size_t position;
};

static void bucket_sort(const struct smi_plan *plan, struct sort *s, char *records, char *spare,
			size_t m, size_t position, int rank)
{
	uint32_t *counts = s->counts + (size_t)rank * SMI_COUNTS;

	if (s->width == 4)
		s->kernel->bucket_narrow(plan, (uint32_t *)records, (uint32_t *)spare, m, position,
					 counts);
	else
		s->kernel->bucket(plan, (uint64_t *)records, (uint64_t *)spare, m, position,
				  counts);
}

static void bucket_part(void *arg, size_t part, int rank)
{
	struct region *region = arg;
	struct sort *s = region->sort;
	size_t begin = region->tables->start[part], m = region->tables->start[part + 1] - begin;

	if (m > 0 && m <= s->large)
		bucket_sort(region->plan, s, region->records + begin * s->width,
			    s->spare + (size_t)rank * s->large * s->width, m,
			    region->position + begin, rank);
}

static void sort_large(struct sort *s, const struct smi_plan *plan, char *records, char *second,
		       size_t m, size_t position, int level);

/* Sorts the buckets 0 ... top of a partition whose records are at `records`;
 * `second` has room for the large ones. */
static void sort_buckets(struct sort *s, const struct smi_plan *plan, int level, size_t top,
			 char *records, char *second, size_t position)
{
	struct region region = { s, plan, &s->tables[level], records, position };
	const uint64_t *start = region.tables->start;

	for (size_t d = 0; d <= top; d++)
		if (start[d + 1] - start[d] > s->large)
			/* Below the first level both arrays keep each record at
			 * the place that its bucket has in the sink, which may
			 * be one of them. */
			sort_large(s, plan, records + start[d] * s->width,
				   second + (level ? start[d] * s->width : 0),
				   start[d + 1] - start[d], position + start[d], level + 1);
	smi_crew_each(&s->crew, top + 1, bucket_part, &region);
}

struct emission {
	struct sort *sort;
	const struct smi_plan *plan;
	const char *records;
	size_t m, position;
};

static void emit_part(void *arg, size_t part, int rank)
{
	struct emission *e = arg;
	struct sort *s = e->sort;
	size_t lo, hi;

	(void)rank;
	smi_cut(e->m, s->parts, part, &lo, &hi);
	if (s->width == 4)
		s->kernel->emit_narrow(e->plan, (const uint32_t *)e->records + lo, hi - lo,
				       e->position + lo);
	else
		s->kernel->emit(e->plan, (const uint64_t *)e->records + lo, hi - lo,
				e->position + lo);
}

static unsigned partition_width(const struct sort *s, size_t n)
{
	unsigned width = smi_bits((n - 1) / s->bucket);

	return width < 7 ? 7 : width > 10 ? 10 : width;
}

/* A bucket that would keep one thread for too long. Its records are partitioned
 * to `second` and its sub-buckets sorted from there. */
static void sort_large(struct sort *s, const struct smi_plan *plan, char *records, char *second,
		       size_t m, size_t position, int level)
{
	struct smi_keys view = { records, s->width == 4 ? SMI_INT32 : SMI_INT64, false, 0 };
	struct smi_partition p = { .kernel = s->kernel, .keys = &view, .n = m, .parts = s->parts,
				   .narrow = s->width == 4, .out = second };
	struct emission emission = { s, plan, records, m, position };
	struct smi_range range;

	range_of(s, &view, m, s->parts, &range);
	if (plan->exact && range.min >> plan->pack.index_bits == range.max >> plan->pack.index_bits) {
		smi_crew_each(&s->crew, s->parts, emit_part, &emission);
		return;
	}
	if (level == LEVELS || range.min >> plan->pack.index_bits == range.max >> plan->pack.index_bits) {
		bucket_sort(plan, s, records, second, m, position, 0);
		return;
	}
	p.tables = &s->tables[level];
	smi_map_shift(&p.map, &range, plan->pack.index_bits, partition_width(s, m));
	smi_partition_count(&p, &s->crew);
	smi_partition_move(&p, &s->crew);
	sort_buckets(s, plan, level, p.map.top, second, records, position);
}

/* ---- many keys ---- */

static int scratch_init(struct sort *s)
{
	size_t np = (size_t)s->crew.np, tables = (sizeof *s->tables + 63) / 64 * 64 * LEVELS;
	size_t count = s->parts * SMI_DIGITS * sizeof(uint32_t);
	size_t next = s->parts * SMI_DIGITS * sizeof(uint64_t);
	size_t counts = np * SMI_COUNTS * sizeof(uint32_t), spare = np * s->large * s->width;
	bool in_place = s->plan.sink == SMI_TO_INDEX64; /* the indices' own memory will do */
	char *p;

	if (s->n > SIZE_MAX / 64)
		return -ENOMEM;
	p = smi_scratch_take(tables + LEVELS * (count + next) + counts + spare +
			     (in_place ? 0 : s->n * s->width) + 64);
	if (!p)
		return -ENOMEM;
	s->scratch = p;
	s->tables = (struct smi_tables *)p;
	p += tables;
	for (int level = 0; level < LEVELS; level++) {
		s->tables[level].next = (uint64_t *)p;
		s->tables[level].count = (uint32_t *)(p + next);
		p += next + count;
	}
	s->counts = (uint32_t *)p;
	p += counts;
	s->spare = p;
	p += spare;
	s->records = in_place ? s->plan.out : p;
	return 0;
}

/* Memory for the largest bucket, if one thread is not to sort it. */
static int second_init(struct sort *s, size_t top)
{
	const uint64_t *start = s->tables[0].start;
	size_t most = 0;

	for (size_t d = 0; d <= top; d++)
		most = start[d + 1] - start[d] > most ? start[d + 1] - start[d] : most;
	if (most <= s->large)
		return 0;
	s->second = malloc(most * s->width);
	return s->second ? 0 : -ENOMEM;
}

/* Are the keys of so few values that a bucket can be a value? Then `map` is
 * the map, and indices go straight to where they belong. */
static bool digits_settle(const struct sort *s, struct smi_map *map)
{
	unsigned bits = smi_bits(s->range.max - s->range.min);
	unsigned fixed = s->range.varying ? (unsigned)__builtin_ctzll(s->range.varying) : bits;

	if (s->plan.sink == SMI_TO_KEY || bits > 63 || bits - fixed > 10)
		return false;
	smi_map_shift(map, &s->range, 0, bits - fixed);
	return map->top < SMI_DIGITS;
}

/* Sizes that depend on the machine and on how many threads there are. */
static void settle_sizes(struct sort *s)
{
	size_t cache = cache_bytes() / 8, share = s->n / (size_t)s->crew.np;

	s->parts = (size_t)s->crew.np > s->n >> PART_LOG ? (size_t)s->crew.np
							 : (s->n >> PART_LOG) + 1;
	s->bucket = cache / 64;
	s->large = s->crew.np > 1 && share < cache ? share : cache;
	s->large = s->large < cache / 8 ? cache / 8 : s->large;
	s->large = s->large > s->n ? s->n : s->large;
}

static int sort_many(struct sort *s)
{
	struct smi_partition p = { .kernel = s->kernel, .keys = &s->plan.keys, .n = s->n };
	int r;

	settle_sizes(s);
	r = scratch_init(s);
	if (r < 0)
		return r;
	p.parts = s->parts;
	p.tables = s->tables;
	range_of(s, &s->plan.keys, s->n, s->parts, &s->range);
	plan_records(s);
	if (digits_settle(s, &p.map)) {
		smi_partition_count(&p, &s->crew);
		p.pack = (struct smi_pack){ s->range.min, 63, 0, true };
		p.narrow = s->plan.sink == SMI_TO_INDEX32;
		p.out = s->plan.out;
		smi_partition_move(&p, &s->crew);
		return 0;
	}
	smi_map_choose(&p.map, &s->plan.keys, s->n, &s->range, partition_width(s, s->n));
	smi_partition_count(&p, &s->crew);
	r = second_init(s, p.map.top);
	if (r == 0 && s->plan.sink == SMI_TO_KEY)
		r = smi_specials_init(&s->specials, &s->crew, &s->plan.keys, s->n, &s->range);
	if (r < 0)
		return r;
	p.pack = s->plan.pack;
	p.narrow = s->width == 4;
	p.out = s->records;
	smi_partition_move(&p, &s->crew);
	sort_buckets(s, &s->plan, 0, p.map.top, s->records, s->second, 0);
	if (s->plan.sink == SMI_TO_KEY)
		smi_specials_restore(&s->specials, &s->plan.keys, s->plan.out, s->n);
	return 0;
}

int smi_radix(const struct smi_keys *keys, size_t n, enum smi_sink sink, void *out,
	      const struct shared_sort_options *options)
{
	struct sort s = { .kernel = smi_kernel(), .crew = { 1 }, .n = n,
			  .plan = { .keys = *keys, .sink = sink, .out = out } };
	int r;

	s.width = sink == SMI_TO_KEY && smi_kind_size(keys->kind) <= 4 ? 4 : 8;
	if (n == 0)
		return 0;
	if (n > SMI_ALONE)
		smi_crew_enter(&s.crew, smi_options_np(options));
	if (smi_straight(s.kernel, &s.crew, keys, n, sink, out) ||
	    (sink == SMI_TO_KEY && smi_few_sort(&s.crew, keys, n, out)))
		r = 0;
	else if (n <= SMI_FEW)
		r = sort_few(&s);
	else if (n <= (s.crew.np > 1 ? SMI_ALONE : SMI_SINGLE / s.width))
		r = sort_some(&s);
	else
		r = sort_many(&s);
	smi_specials_fini(&s.specials);
	free(s.second);
	smi_scratch_give(s.scratch);
	smi_crew_leave(&s.crew);
	return r;
}
