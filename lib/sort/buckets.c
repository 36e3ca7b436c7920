/* SPDX-License-Identifier: MIT */
/* Buckets too large for one thread are partitioned again by all; every other
 * one is sorted by whichever thread is free. */
#include "sort/buckets.h"

#include <stdatomic.h>

#include "sort/choose.h"
#include "sort/crew/cut.h"
#include "sort/range.h"
#include "sort/split.h"

/* Of fewer buckets the first-level cache holds the lines that are written, so they are more
 * only if, of keys that lie unevenly, they would be too large for one thread. */
enum { LEAST_LOG = 7, FEWER_LOG = 9, MOST_LOG = 10, UNEVEN = 6 };

/* Records of one partition, and where they stand in the whole. */
struct region {
	struct smi_job *job;
	struct smi_job *exact;      /* the same, of buckets in which equal prefixes are equal keys */
	const struct smi_tables *tables;
	char *records;
	size_t position, top;
	_Atomic size_t first, last; /* taken from the first bucket on, from the last one on */
};

/* The caller takes buckets from the first one on, helpers from the last: so each mostly
 * writes those of the keys that it has read before, in their parts. */
static size_t take_bucket(struct region *region, int rank)
{
	return rank == 0 ? atomic_fetch_add_explicit(&region->first, 1, memory_order_relaxed)
			 : region->top - atomic_fetch_add_explicit(&region->last, 1, memory_order_relaxed);
}

static void bucket_sort(struct smi_job *job, char *records, char *spare, size_t m,
			size_t position, int rank)
{
	smi_job_bucket(job, records, spare, m, position, job->counts + (size_t)rank * SMI_COUNTS);
}

static struct smi_job *job_of(const struct region *region, size_t bucket)
{
	const struct smi_plan *plan = &region->job->plan;
	bool sure = bucket >= plan->sure && bucket < plan->unsure;

	if (region->exact == region->job) /* below the first level, where buckets are others */
		return region->job;
	if (plan->pack.mapped && plan->pack.map.kind == SMI_MAP_SPLIT)
		sure = plan->pack.map.split->sure[bucket];
	return sure ? region->exact : region->job;
}

static void bucket_part(void *arg, size_t part, int rank)
{
	struct region *region = arg;
	size_t bucket = take_bucket(region, rank);
	struct smi_job *job = job_of(region, bucket);
	size_t begin = region->tables->start[bucket], m = region->tables->start[bucket + 1] - begin;

	(void)part;

	if (m > 0 && m <= job->large)
		bucket_sort(job, region->records + begin * job->width,
			    job->spare + (size_t)rank * job->large * job->width, m,
			    region->position + begin, rank);
}

static void sort_large(struct smi_job *job, char *records, char *second, size_t m,
		       size_t position, int level);

/* Sorts the buckets 0 ... top of a partition whose records are at `records`;
 * `second` has room for the large ones. */
static void sort_buckets(struct smi_job *job, struct smi_job *exact, int level, size_t top, char *records,
			 char *second, size_t position)
{
	struct region region = { job, exact, &job->tables[level], records, position, top, 0, 0 };
	const uint64_t *start = region.tables->start;

	for (size_t d = 0; d <= top; d++)
		if (start[d + 1] - start[d] > job->large)
			/* Below the first level both arrays keep each record at
			 * the place that its bucket has in the sink, which may
			 * be one of them. */
			sort_large(job_of(&region, d), records + start[d] * job->width,
				   second + (level ? start[d] * job->width : 0),
				   start[d + 1] - start[d], position + start[d], level + 1);
	smi_crew_each(&job->crew, top + 1, bucket_part, &region);
}

struct emission {
	const struct smi_job *job;
	const char *records;
	size_t m, position;
};

static void emit_part(void *arg, size_t part, int rank)
{
	struct emission *e = arg;
	const struct smi_job *job = e->job;
	size_t lo, hi;

	(void)rank;
	smi_cut(e->m, job->parts, part, &lo, &hi);
	if (job->width == 4)
		job->kernel->emit_narrow(&job->plan, (const uint32_t *)e->records + lo, hi - lo,
					 e->position + lo);
	else
		job->kernel->emit(&job->plan, (const uint64_t *)e->records + lo, hi - lo,
				  e->position + lo);
}

unsigned smi_buckets_width(const struct smi_job *job, size_t n)
{
	unsigned width = smi_bits((n - 1) / job->bucket);

	if (width > FEWER_LOG && n >> FEWER_LOG <= job->large / UNEVEN)
		return FEWER_LOG;
	return width < LEAST_LOG ? LEAST_LOG : width > MOST_LOG ? MOST_LOG : width;
}

/* A bucket that would keep one thread for too long. Its records are partitioned
 * to `second` and its sub-buckets sorted from there. */
static void sort_large(struct smi_job *job, char *records, char *second, size_t m,
		       size_t position, int level)
{
	unsigned index_bits = job->plan.pack.index_bits;
	struct smi_keys view = { records, job->width == 4 ? SMI_INT32 : SMI_INT64, false, 0 };
	struct smi_partition p = { .kernel = job->kernel, .keys = &view, .n = m,
				   .parts = job->parts, .narrow = job->width == 4, .out = second };
	struct emission emission = { job, records, m, position };
	struct smi_range range;
	bool alike;

	smi_range_of(&range, job->kernel, &job->crew, &view, m, job->parts);
	alike = range.min >> index_bits == range.max >> index_bits;
	if (alike && job->plan.exact) {
		smi_crew_each(&job->crew, job->parts, emit_part, &emission);
		return;
	}
	if (alike || level == SMI_LEVELS) {
		bucket_sort(job, records, second, m, position, 0);
		return;
	}
	p.tables = &job->tables[level];
	smi_map_choose_records(&p.map, &view, m, &range, index_bits, smi_buckets_width(job, m));
	smi_partition_count(&p, &job->crew);
	smi_partition_move(&p, &job->crew);
	sort_buckets(job, job, level, p.map.top, second, records, position);
}

void smi_buckets_sort(struct smi_job *job, size_t top)
{
	struct smi_job exact = *job;

	exact.plan.exact = true;
	sort_buckets(job, &exact, 0, top, job->records, job->second, 0);
}

void smi_buckets_sort_records(struct smi_job *job, char *records)
{
	if (job->n <= job->large)
		bucket_sort(job, records, job->spare, job->n, 0, 0);
	else
		sort_large(job, records, job->records, job->n, 0, 0);
}
