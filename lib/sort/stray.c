/* SPDX-License-Identifier: MIT */
/* After Ernerfeldt, "Drop-Merge Sort" (2016), made stable: what breaks the order is
 * taken out and sorted by itself; what is left are stretches in order, and goes to the
 * sink stretch by stretch, the strays in between. Which of two keys is the stray, the
 * neighbours tell. */
#include "sort/stray.h"

#include "sort/count.h"
#include "sort/crew/scratch.h"
#include "sort/insert.h"
#include "sort/radix.h"

enum {
	FIRST_LOOK = 24,   /* keys, of which so many may be below the one before: */
	FIRST_MOST = 3,
	SECOND_LOOK = 256,
	SECOND_MOST = 10,
	COUNTED = 1 << 17, /* keys of two bytes */
	TAKES = 900        /* picoseconds a key by one thread */
};

struct straying {
	struct smi_sieve sieve;
	size_t parts;
	uint64_t *image;  /* [strays] */
	uint32_t *sorted; /* [strays]: which comes when */
	char *copy;       /* [n keys], where keys are sorted */
};

/* Whether at most so many of the first n keys are below the one before. */
static bool few_fall(const struct smi_job *job, size_t n, size_t most)
{
	size_t falls = 0;

	for (size_t i = 0; i < n && falls <= most; falls += i < n)
		i = job->kernel->rising(&job->plan.keys, i, n);
	return falls <= most;
}

/* Of many short keys that are sorted in place. */
static bool is_counting_faster(const struct smi_job *job)
{
	return smi_count_suits(job) && job->n > (smi_kind_size(job->plan.keys.kind) == 1 ? SMI_FEW : COUNTED);
}

/* Most inputs show on a few keys that they lie otherwise. */
static bool seems_worth_it(const struct smi_job *job)
{
	size_t second = job->n < SECOND_LOOK ? job->n : SECOND_LOOK;

	return !is_counting_faster(job) && few_fall(job, FIRST_LOOK, FIRST_MOST) && few_fall(job, second, SECOND_MOST);
}

static bool reserve(struct straying *s, struct smi_job *job)
{
	size_t most, copied = job->plan.sink == SMI_TO_KEY ? job->n * smi_kind_size(job->plan.keys.kind) : 0;
	struct smi_sieve *sieve = &s->sieve;
	char *p;

	s->parts = smi_job_parts(job->n, (size_t)job->crew.np);
	s->parts = s->parts < SMI_SIEVE_PARTS ? s->parts : SMI_SIEVE_PARTS;
	sieve->job = job;
	sieve->keys = &job->plan.keys;
	most = smi_sieve_most(job->n, s->parts);
	job->scratch = p = smi_scratch_take(most * (sizeof *sieve->stray + sizeof *s->image + sizeof *s->sorted) +
					    (most + s->parts + 1) * sizeof *sieve->stretch + copied);
	if (!p)
		return false;
	sieve->stray = (struct smi_stray *)p;
	p += most * sizeof *sieve->stray;
	sieve->stretch = (struct smi_stretch *)p;
	p += (most + s->parts + 1) * sizeof *sieve->stretch;
	s->image = (uint64_t *)p;
	p += most * sizeof *s->image;
	s->sorted = (uint32_t *)p;
	s->copy = p + most * sizeof *s->sorted;
	return true;
}

/* By their images: the keys themselves are far apart. */
static bool sort_strays(struct straying *s)
{
	const struct smi_sieve *sieve = &s->sieve;
	struct smi_job job = { .kernel = sieve->job->kernel, .crew = sieve->job->crew, .n = sieve->strays, .width = 8,
			       .plan = { .keys = { s->image, SMI_INT64, false, 0 }, .sink = SMI_TO_INDEX32,
					 .out = s->sorted } };
	int r;

	for (size_t i = 0; i < job.n; i++)
		s->image[i] = sieve->stray[i].image;
	r = job.n > 0 ? smi_radix_job(&job) : 0;
	smi_job_fini(&job);
	return r == 0;
}

int smi_stray_sort(struct smi_job *job)
{
	struct straying s;
	int r = 1;

	if (!seems_worth_it(job))
		return 1;
	smi_job_get_helpers(job, TAKES);
	if (!reserve(&s, job))
		return 1;
	if (smi_sieve_run(&s.sieve, s.parts) && sort_strays(&s)) {
		smi_insert(&s.sieve, s.sorted, s.copy, s.parts);
		r = 0;
	}
	smi_scratch_give(job->scratch);
	job->scratch = NULL;
	return r;
}
