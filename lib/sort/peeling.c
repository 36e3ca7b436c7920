/* SPDX-License-Identifier: MIT */
#include "sort/peeling.h"

#include "sort/crew/cut.h"
#include "sort/crew/scratch.h"
#include "sort/kernel/own.h"

enum {
	SLACK = 64,   /* bytes that the kernel may write too many */
	PART_LOG = 31 /* a part has fewer keys than 2^this */
};

/* Where a part's records begin before they lie side by side. */
static char *rest_of(const struct smi_peeling *p, size_t part)
{
	size_t lo, hi;

	smi_cut(p->job->n, p->parts, part, &lo, &hi);
	return p->rest + lo * p->job->width + part * SLACK;
}

static void peel_part(void *arg, size_t part, int rank)
{
	struct smi_peeling *p = arg;
	const struct smi_job *job = p->job;
	const struct smi_plan *plan = &job->plan;
	char *rest = rest_of(p, part);
	size_t lo, hi;

	(void)rank;
	smi_cut(job->n, p->parts, part, &lo, &hi);
	if (job->width == 4)
		job->kernel->cull_narrow(&plan->keys, lo, hi, &p->frequent, &p->peeled[part],
					 (uint32_t *)rest);
	else if (plan->sink == SMI_TO_KEY)
		job->kernel->cull(&plan->keys, lo, hi, &p->frequent, &p->peeled[part],
				  (uint64_t *)rest);
	else
		job->kernel->peel(&plan->keys, &plan->pack, lo, hi, &p->frequent,
				  &p->peeled[part], p->mark, (uint64_t *)rest);
}

bool smi_peeling_run(struct smi_peeling *p)
{
	struct smi_job *job = p->job;
	size_t least = (job->n >> PART_LOG) + 1, records;

	if (least > SMI_PEEL_PARTS)
		return false;
	p->parts = job->crew.np < SMI_PEEL_PARTS ? (size_t)job->crew.np : SMI_PEEL_PARTS;
	p->parts = p->parts > least ? p->parts : least;
	records = job->n * job->width + p->parts * SLACK;
	job->scratch = smi_scratch_take(records + (job->plan.sink == SMI_TO_KEY ? 0 : job->n));
	if (!job->scratch)
		return false;
	p->rest = job->scratch;
	p->mark = (uint8_t *)job->scratch + records;
	smi_crew_each(&job->crew, p->parts, peel_part, p);
	p->rest_n = p->peeled[0].rest;
	for (size_t part = 1; part < p->parts; part++) {
		memmove(p->rest + p->rest_n * job->width, rest_of(p, part),
			p->peeled[part].rest * job->width);
		smi_own(rest_of(p, part), p->peeled[part].rest * job->width);
		p->rest_n += p->peeled[part].rest;
	}
	return true;
}

size_t smi_peeling_count(const struct smi_peeling *p, size_t j)
{
	size_t count = 0;

	for (size_t part = 0; part < p->parts; part++)
		count += p->peeled[part].count[j];
	return count;
}
