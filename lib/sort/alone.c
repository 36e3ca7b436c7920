/* SPDX-License-Identifier: MIT */
#include "sort/alone.h"

#include <errno.h>

#include "sort/choose.h"
#include "sort/crew/scratch.h"

enum {
	SLACK = 64, /* bytes that the kernel may write too many */
	FAR = 8192  /* keys: of fewer all shared prefixes together cost less than a sample */
};

static void sort_all(struct smi_job *job, void *records, void *spare, uint32_t *counts)
{
	if (job->width == 4)
		job->kernel->pack_narrow(&job->plan.keys, &job->plan.pack, 0, job->n, records);
	else
		job->kernel->pack(&job->plan.keys, &job->plan.pack, 0, job->n, records);
	smi_job_bucket(job, records, spare, job->n, 0, counts);
}

/* Without NaNs the images lie closer together. */
static void sort_numbers(struct smi_job *job, void *records, void *spare, uint32_t *counts)
{
	struct smi_frequent nan = { .image = { smi_kind_mask(job->plan.keys.kind) }, .n = 1 };
	struct smi_peeled numbers;

	smi_job_keep_images(job);
	if (job->width == 4)
		job->kernel->cull_narrow(&job->plan.keys, 0, job->n, &nan, &numbers, records);
	else
		job->kernel->cull(&job->plan.keys, 0, job->n, &nan, &numbers, records);
	if (numbers.rest > 0)
		smi_job_bucket(job, records, spare, numbers.rest, 0, counts);
}

/* The same for argsort; NaNs keep their order behind the numbers. */
static void sort_numbers_apart(struct smi_job *job, uint64_t *records, void *spare, uint32_t *counts,
			       uint8_t *mark)
{
	struct smi_frequent nan = { .image = { smi_kind_mask(job->plan.keys.kind) }, .n = 1 };
	const size_t end = job->n;
	struct smi_peeled numbers;
	size_t next;

	job->kernel->peel(&job->plan.keys, &job->plan.pack, 0, job->n, &nan, &numbers, mark, records);
	next = numbers.rest;
	if (numbers.rest > 0)
		smi_job_bucket(job, records, spare, numbers.rest, 0, counts);
	if (job->plan.sink == SMI_TO_INDEX64)
		job->kernel->place(mark, 0, job->n, 1, &next, &end, job->plan.out);
	else
		job->kernel->place_narrow(mark, 0, job->n, 1, &next, &end, job->plan.out);
}

/* Both arrays have room for n records and SLACK, `counts` for what n keys can need, `mark`
 * for n where it is argsort. */
static int sort_with(struct smi_job *job, void *records, void *spare, uint32_t *counts, uint8_t *mark)
{
	bool in_place = job->plan.sink == SMI_TO_KEY, nan;
	int r = 0;

	job->kernel->range(&job->plan.keys, 0, job->n, &job->range);
	nan = smi_kind_float(job->plan.keys.kind) && job->range.max == smi_kind_mask(job->plan.keys.kind);
	smi_job_plan(job);
	/* Doubles' images are logarithms, and there is room for enough of them. */
	if (!job->plan.exact && job->plan.keys.kind == SMI_INT64 && job->n >= FAR &&
	    smi_map_has_far(&job->plan.keys, job->n, &job->range))
		smi_map_choose_prefix(&job->plan, job->n, &job->range);
	if (in_place)
		r = smi_specials_init(&job->specials, job->kernel, &job->crew, &job->plan.keys, job->n,
				      &job->range);
	if (r < 0)
		return r;
	if (!nan)
		sort_all(job, records, spare, counts);
	else if (in_place)
		sort_numbers(job, records, spare, counts);
	else
		sort_numbers_apart(job, records, spare, counts, mark);
	if (in_place)
		smi_specials_restore(&job->specials, &job->plan.keys, job->plan.out, job->n);
	return 0;
}

static int sort_on_stack(struct smi_job *job)
{
	uint64_t records[SMI_FEW + SLACK / 8], spare[SMI_FEW + SLACK / 8];
	uint32_t counts[SMI_FEW_COUNTS];
	uint8_t mark[SMI_FEW];

	return sort_with(job, records, spare, counts, mark);
}

int smi_alone_sort(struct smi_job *job)
{
	size_t size = (job->n * job->width + SLACK + 63) / 64 * 64;
	size_t marks = job->plan.sink == SMI_TO_KEY ? 0 : job->n;

	if (job->n <= SMI_FEW)
		return sort_on_stack(job);
	job->scratch = smi_scratch_take(2 * size + SMI_COUNTS * sizeof(uint32_t) + marks);
	if (!job->scratch)
		return -ENOMEM;
	return sort_with(job, job->scratch, job->scratch + size,
			 (uint32_t *)(job->scratch + 2 * size),
			 (uint8_t *)job->scratch + 2 * size + SMI_COUNTS * sizeof(uint32_t));
}
