/* SPDX-License-Identifier: MIT */
#include "sort/alone.h"

#include <errno.h>

#include "sort/scratch.h"

/* Both arrays have room for n records, `counts` for what n keys can need. */
static int sort_with(struct smi_job *job, void *records, void *spare, uint32_t *counts)
{
	int r = 0;

	job->kernel->range(&job->plan.keys, 0, job->n, &job->range);
	smi_job_plan(job);
	if (job->plan.sink == SMI_TO_KEY)
		r = smi_specials_init(&job->specials, &job->crew, &job->plan.keys, job->n,
				      &job->range);
	if (r < 0)
		return r;
	if (job->width == 4) {
		job->kernel->pack_narrow(&job->plan.keys, &job->plan.pack, 0, job->n, records);
		job->kernel->bucket_narrow(&job->plan, records, spare, job->n, 0, counts);
	} else {
		job->kernel->pack(&job->plan.keys, &job->plan.pack, 0, job->n, records);
		job->kernel->bucket(&job->plan, records, spare, job->n, 0, counts);
	}
	if (job->plan.sink == SMI_TO_KEY)
		smi_specials_restore(&job->specials, &job->plan.keys, job->plan.out, job->n);
	return 0;
}

static int sort_on_stack(struct smi_job *job)
{
	uint64_t records[SMI_FEW], spare[SMI_FEW];
	uint32_t counts[SMI_FEW_COUNTS];

	return sort_with(job, records, spare, counts);
}

int smi_alone_sort(struct smi_job *job)
{
	size_t size = (job->n * job->width + 63) / 64 * 64;

	if (job->n <= SMI_FEW)
		return sort_on_stack(job);
	job->scratch = smi_scratch_take(2 * size + SMI_COUNTS * sizeof(uint32_t));
	if (!job->scratch)
		return -ENOMEM;
	return sort_with(job, job->scratch, job->scratch + size,
			 (uint32_t *)(job->scratch + 2 * size));
}
