/* SPDX-License-Identifier: MIT */
/* The road of one sort: is there a short cut? - the range of the images - the map
 * to buckets - counts - records to their buckets - every bucket is sorted. */
#include "sort/radix.h"

#include <errno.h>

#include "sort/alone.h"
#include "sort/apart.h"
#include "sort/buckets.h"
#include "sort/bytes.h"
#include "sort/choose.h"
#include "sort/count.h"
#include "sort/crew/arithmetic.h"
#include "sort/crew/scratch.h"
#include "sort/few.h"
#include "sort/frequent.h"
#include "sort/join.h"
#include "sort/options.h"
#include "sort/range.h"
#include "sort/runs.h"
#include "sort/sample.h"
#include "sort/split.h"
#include "sort/straight.h"
#include "sort/stray.h"

/* Picoseconds a key: records of 32 bits, those of keys of up to 4 bytes, others. */
enum { NARROW = 900, SHORT = 2000, WIDE = 3000 };

/* Are the keys of so few values that a bucket can be a value? Then `map` is
 * the map, and indices go straight to where they belong. */
static bool digits_settle(const struct smi_job *job, struct smi_map *map)
{
	unsigned bits = smi_bits(job->range.max - job->range.min);
	unsigned fixed = job->range.varying ? (unsigned)__builtin_ctzll(job->range.varying) : bits;

	if (job->plan.sink == SMI_TO_KEY || bits > 63 || bits - fixed > 10)
		return false;
	smi_map_shift(map, &job->range, 0, bits - fixed);
	return map->top < SMI_DIGITS;
}

/* Many keys: all threads, several buckets. */
static int sort_many(struct smi_job *job)
{
	const struct smi_keys *keys = &job->plan.keys;
	struct smi_partition p = { .kernel = job->kernel, .keys = keys, .n = job->n };
	struct smi_split split;
	int r = smi_job_reserve(job);

	if (r < 0)
		return r;
	p.parts = job->parts;
	p.tables = job->tables;
	smi_range_of(&job->range, job->kernel, &job->crew, keys, job->n, job->parts);
	smi_job_plan(job);
	if (digits_settle(job, &p.map)) {
		smi_partition_count(&p, &job->crew);
		p.pack = (struct smi_pack){ .base = job->range.min, .drop = 63, .indexed = true };
		p.narrow = job->plan.sink == SMI_TO_INDEX32;
		p.out = job->plan.out;
		smi_partition_move(&p, &job->crew);
		return 0;
	}
	smi_map_choose(&p.map, &job->plan, job->n, &job->range, smi_buckets_width(job, job->n), &split);
	if (p.map.kind == SMI_MAP_SPLIT && !(split.digit = job->digits = smi_scratch_take(job->n)))
		return -ENOMEM;
	smi_partition_count(&p, &job->crew);
	r = smi_job_reserve_second(job, p.map.top);
	if (r == 0 && job->plan.sink == SMI_TO_KEY)
		r = smi_specials_init(&job->specials, job->kernel, &job->crew, keys, job->n, &job->range);
	if (r < 0)
		return r;
	p.pack = job->plan.pack;
	p.narrow = job->width == 4;
	p.out = job->records;
	smi_partition_move(&p, &job->crew);
	smi_buckets_sort(job, p.map.top);
	if (job->plan.sink == SMI_TO_KEY)
		smi_specials_restore(&job->specials, keys, job->plan.out, job->n);
	return 0;
}

/* Whether there is a falling run, and not only some keys that break a rising one. */
static bool falls(const struct smi_runs *runs)
{
	for (size_t i = 0; i < runs->count; i++)
		if (runs->falling[i] && runs->start[i + 1] - runs->start[i] > SMI_RUNS_FALL)
			return true;
	return false;
}

/* What keys that are sorted in place and lie in no order allow if they are of few
 * values, or in a few runs; 1: nothing. */
static int look_for_values(struct smi_job *job, const struct smi_runs *runs)
{
	const struct smi_plan *plan = &job->plan;
	struct smi_frequent frequent;
	unsigned covered = smi_frequent_look(job, &frequent);
	int r = 1;

	/* By vectors that is faster than a table of counts. */
	if ((covered >= SMI_FREQUENT_ALL || (covered > 0 && frequent.leading >= SMI_FREQUENT_LEAD)) &&
	    smi_job_lanes(job) > 1)
		r = smi_frequent_sort(job, &frequent);
	if (r <= 0)
		return r;
	smi_job_get_helpers(job, SMI_LIGHT);
	if (smi_few_sort(&job->crew, &plan->keys, job->n, plan->out))
		return 0;
	if (runs)
		return smi_join(job, runs);
	return covered >= SMI_FREQUENT_SOME ? smi_frequent_sort(job, &frequent) : 1;
}

/* What keys that lie in some order, or are of few values, allow; 1: nothing. */
static int look_for_short_cut(struct smi_job *job)
{
	const struct smi_plan *plan = &job->plan;
	bool is_byte = smi_kind_size(plan->keys.kind) == 1, found;
	struct smi_runs runs;

	if (smi_straight(job))
		return 0;
	if (job->n <= SMI_SHORT)
		return 1;
	if (is_byte && plan->sink == SMI_TO_KEY)
		return 1;
	found = smi_runs_find(&runs, job);
	/* That fall all along, but are not straight: they have many twins. */
	if (found && runs.count == 1 && smi_bytes_suit(plan->keys.kind, job->n, plan->sink))
		return 1;
	if (found && falls(&runs))
		return smi_join(job, &runs);
	if (smi_stray_sort(job) == 0)
		return 0;
	if (plan->sink == SMI_TO_KEY)
		return look_for_values(job, found ? &runs : NULL);
	if (smi_apart_argsort(job) == 0)
		return 0;
	return found ? smi_join(job, &runs) : 1;
}

/* One pass over what the cache holds, or half of it, is faster than two. There are two
 * arrays of records; where digits are not even, nor are sub-buckets: then vectors must be
 * the longer, and the cache must hold most. */
static bool is_near(const struct smi_job *job)
{
	size_t bytes = 2 * job->n * job->width, cache = smi_job_cache();

	return job->n <= SMI_SINGLE || (smi_job_lanes(job) >= 8 && bytes <= cache + cache / 2) ||
	       (bytes <= 2 * cache && smi_map_is_even(&job->plan.keys, job->n));
}

/* So few keys that one thread sorts them in one bucket. */
static bool is_few(const struct smi_job *job)
{
	if (smi_job_lanes(job) == 1)
		return job->n <= SMI_PLAIN || (job->n <= SMI_ALONE && smi_map_is_even(&job->plan.keys, job->n));
	return job->n <= SMI_ALONE || (job->crew.np == 1 && is_near(job));
}

/* Nor is one bucket enough if a few values crowd a part of it: to sort keys, these were taken
 * out before. */
static bool is_one_bucket(const struct smi_job *job)
{
	return is_few(job) && (job->n <= SMI_EVEN || job->plan.sink == SMI_TO_KEY ||
			       !smi_sample_recurs(&job->plan.keys, job->n));
}

int smi_radix_job(struct smi_job *job)
{
	if (smi_count_suits(job))
		return smi_count_sort(job);
	if (smi_bytes_suit(job->plan.keys.kind, job->n, job->plan.sink))
		return smi_bytes_sort(job);
	return is_one_bucket(job) ? smi_alone_sort(job) : sort_many(job);
}

/* Has helpers if sorting is worth them. */
static void share(struct smi_job *job)
{
	const struct smi_plan *plan = &job->plan;

	if (smi_count_suits(job))
		smi_job_get_helpers(job, smi_count_takes(job));
	else if (!smi_bytes_suit(plan->keys.kind, job->n, plan->sink) && job->n > SMI_ALONE * (8 / job->width))
		smi_job_get_helpers(job, job->width == 4 ? NARROW : smi_kind_size(plan->keys.kind) < 8 ? SHORT : WIDE);
}

int smi_radix(const struct smi_keys *keys, size_t n, enum smi_sink sink, void *out,
	      const struct shared_sort_options *options)
{
	struct smi_job job = { .kernel = smi_kernel(), .crew = { .np = 1 }, .n = n, .options = options,
			       .plan = { .keys = *keys, .sink = sink, .out = out } };
	uint64_t arithmetic = smi_arithmetic();
	int r;

	job.width = smi_job_width(sink, keys->kind);
	if (n == 0)
		return 0;
	smi_arithmetic_set(SMI_ARITHMETIC_USUAL);
	r = look_for_short_cut(&job);
	if (r > 0) {
		share(&job);
		r = smi_radix_job(&job);
	}
	smi_job_fini(&job);
	smi_crew_leave(&job.crew);
	smi_arithmetic_set(arithmetic);
	return r;
}
