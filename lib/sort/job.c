/* SPDX-License-Identifier: MIT */
#include "sort/job.h"

#include <errno.h>
#include <unistd.h>

#include "sort/crew/scratch.h"
#include "sort/map.h"
#include "sort/options.h"

enum {
	PART_LOG = 31, /* a part has fewer keys than 2^this */
	EACH = 4,      /* parts of a thread, at most */
	MANY = 16      /* threads: more have one part each, since there is a sum over all parts */
};

size_t smi_job_cache(void)
{
	long size = sysconf(_SC_LEVEL2_CACHE_SIZE);

	return size < 1 << 18 ? 1 << 18 : size > 1 << 22 ? 1 << 22 : (size_t)size;
}

void smi_job_get_helpers(struct smi_job *job, unsigned ps)
{
	smi_crew_enter(&job->crew, smi_options_np(job->options), job->n / 1000 * ps);
}

void smi_job_plan(struct smi_job *job)
{
	struct smi_plan *plan = &job->plan;
	unsigned bits = smi_bits(job->range.max - job->range.min), index_bits, room, needless = 0;

	index_bits = plan->sink == SMI_TO_KEY ? 0 : job->n > 2 ? smi_bits(job->n - 1) : 1;
	room = (plan->sink == SMI_TO_KEY ? 64 : job->kernel->record_bits) - index_bits;
	plan->room = room;
	plan->pack.base = job->range.min;
	/* Without bits that no key needs, digits settle sooner. */
	if (plan->sink != SMI_TO_KEY && job->range.varying)
		needless = (unsigned)__builtin_ctzll(job->range.varying);
	plan->pack.drop = bits > room + needless ? bits - room : needless;
	plan->pack.index_bits = index_bits;
	plan->pack.indexed = plan->sink != SMI_TO_KEY;
	plan->as_doubles = bits - plan->pack.drop + index_bits <= SMI_DOUBLES_BITS;
	plan->index_mask = ((uint64_t)1 << index_bits) - 1;
	plan->exact = (job->range.varying & (((uint64_t)1 << plan->pack.drop) - 1)) == 0;
}

size_t smi_job_parts(size_t n, size_t np)
{
	size_t each = n / np / SMI_PART, least = (n >> PART_LOG) + 1;

	each = np == 1 || np > MANY || each < 1 ? 1 : each < EACH ? each : EACH;
	return each * np > least ? each * np : least;
}

/* Sizes that depend on the machine and on how many threads there are. */
static void settle_sizes(struct smi_job *job)
{
	size_t cache = smi_job_cache() / 8, np = (size_t)job->crew.np, share = job->n / np;

	job->parts = smi_job_parts(job->n, np);
	job->bucket = cache / 32;
	job->large = np > 1 && share < cache ? share : cache;
	job->large = job->large < cache / 8 ? cache / 8 : job->large;
	job->large = job->large > job->n ? job->n : job->large;
}

int smi_job_reserve(struct smi_job *job)
{
	size_t np, tables, count, next, counts, spare;
	bool in_place = job->plan.sink == SMI_TO_INDEX64; /* the indices' own memory will do */
	char *p;

	if (job->n > SIZE_MAX / 64)
		return -ENOMEM;
	settle_sizes(job);
	np = (size_t)job->crew.np;
	tables = (sizeof *job->tables + 63) / 64 * 64 * SMI_LEVELS;
	count = job->parts * SMI_DIGITS * sizeof(uint32_t);
	next = job->parts * SMI_DIGITS * sizeof(uint64_t);
	counts = np * SMI_COUNTS * sizeof(uint32_t);
	spare = np * job->large * job->width;
	p = smi_scratch_take(tables + SMI_LEVELS * (count + next) + counts + spare +
			     (in_place ? 0 : job->n * job->width) + 64);
	if (!p)
		return -ENOMEM;
	job->scratch = p;
	job->tables = (struct smi_tables *)p;
	p += tables;
	for (int level = 0; level < SMI_LEVELS; level++) {
		job->tables[level].next = (uint64_t *)p;
		job->tables[level].count = (uint32_t *)(p + next);
		p += next + count;
	}
	job->counts = (uint32_t *)p;
	p += counts;
	job->spare = p;
	p += spare;
	job->records = in_place ? job->plan.out : p;
	return 0;
}

int smi_job_reserve_second(struct smi_job *job, size_t top)
{
	const uint64_t *start = job->tables[0].start;
	size_t most = 0;

	for (size_t d = 0; d <= top; d++)
		most = start[d + 1] - start[d] > most ? start[d + 1] - start[d] : most;
	if (most <= job->large)
		return 0;
	job->second = smi_scratch_take(most * job->width);
	return job->second ? 0 : -ENOMEM;
}

void smi_job_fini(struct smi_job *job)
{
	smi_specials_fini(&job->specials);
	smi_scratch_give(job->second);
	smi_scratch_give(job->digits);
	smi_scratch_give(job->scratch);
}
