/* SPDX-License-Identifier: MIT */
/* The sink gets the indices of the other keys first, sorted and side by side. They
 * then make room for those of each frequent value, which are written by the keys'
 * marks. */
#include "sort/apart.h"

#include "sort/buckets.h"
#include "sort/bytes.h"
#include "sort/choose.h"
#include "sort/crew/cut.h"
#include "sort/crew/scratch.h"
#include "sort/frequent.h"
#include "sort/peeling.h"
#include "sort/range.h"
#include "sort/sample.h"

enum {
	COVERED = 60,         /* percent of the keys that must have frequent values; */
	PLAINLY_COVERED = 90, /* without vectors */
	FAR = 1 << 17,        /* so many keys are worth a look whether some lie far from the others */
	SHORT = 700,          /* picoseconds that a key takes, of up to 4 bytes, */
	WIDE = 1200           /* of 8 */
};

struct parting {
	struct smi_peeling peeling;
	size_t begin[SMI_PLACED];   /* where the indices of a frequent value belong */
};

static size_t index_at(const struct smi_plan *plan, size_t i)
{
	return plan->sink == SMI_TO_INDEX64 ? ((const uint64_t *)plan->out)[i]
					    : ((const uint32_t *)plan->out)[i];
}

/* Some keys may lie far from the others, not least the frequent ones. Logarithms of all keys
 * would cost more than shared prefixes among the others. */
static void cut_far_off(struct smi_job *job)
{
	struct smi_plan cut_off = job->plan;

	if (smi_map_choose_prefix(&cut_off, job->n, &job->range) == SMI_MAP_SHIFT)
		job->plan = cut_off;
}

/* The prefix and index that a key has room for. Short keys need no look at their
 * range, nor do those of which hardly any become records. */
static void plan_records(struct smi_job *job, bool hardly_any)
{
	uint64_t mask = smi_kind_mask(job->plan.keys.kind);

	if (hardly_any || (mask <= UINT32_MAX && job->n <= UINT32_MAX))
		job->range = (struct smi_range){ 0, mask, mask, false };
	else
		smi_range_of(&job->range, job->kernel, &job->crew, &job->plan.keys, job->n,
			     (size_t)job->crew.np);
	smi_job_plan(job);
	if (!hardly_any && !job->plan.exact && job->plan.keys.kind == SMI_INT64 && job->n >= FAR)
		cut_far_off(job);
}

/* The indices of the rest go to the sink's first places. */
static int sort_rest(const struct smi_peeling *p)
{
	struct smi_job rest = *p->job;
	int r;

	if (p->rest_n == 0)
		return 0;
	rest.n = p->rest_n;
	rest.scratch = NULL; /* where the records are is not for it to give back */
	r = smi_job_reserve(&rest);
	if (r == 0)
		smi_buckets_sort_records(&rest, p->rest);
	smi_job_fini(&rest);
	return r;
}

/* How many of the rest are below. */
static size_t count_below(const struct smi_peeling *p, uint64_t image)
{
	const struct smi_plan *plan = &p->job->plan;
	size_t lo = 0, hi = p->rest_n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (smi_key_image(&plan->keys, index_at(plan, mid)) < image)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Moves the rest's indices to where they belong, from the last ones on. */
static void make_room(struct parting *s)
{
	const struct smi_peeling *p = &s->peeling;
	size_t width = p->job->plan.sink == SMI_TO_INDEX64 ? 8 : 4;
	size_t frequent = p->job->n - p->rest_n, end = p->rest_n, below;
	char *out = p->job->plan.out;

	for (size_t j = p->frequent.n; j-- > 0; end = below) {
		below = count_below(p, p->frequent.image[j]);
		memmove(out + (below + frequent) * width, out + below * width,
			(end - below) * width);
		frequent -= smi_peeling_count(p, j);
		s->begin[j] = below + frequent;
	}
}

static void place_part(void *arg, size_t part, int rank)
{
	struct parting *s = arg;
	const struct smi_peeling *p = &s->peeling;
	const struct smi_job *job = p->job;
	size_t next[SMI_PLACED] = { 0 }, end[SMI_PLACED] = { 0 }, lo, hi;

	(void)rank;
	for (size_t j = 0; j < p->frequent.n; j++) {
		next[j] = s->begin[j];
		for (size_t before = 0; before < part; before++)
			next[j] += p->peeled[before].count[j];
		end[j] = next[j] + p->peeled[part].count[j];
	}
	smi_cut(job->n, p->parts, part, &lo, &hi);
	if (job->plan.sink == SMI_TO_INDEX64)
		job->kernel->place(p->mark, lo, hi, p->frequent.n, next, end, job->plan.out);
	else
		job->kernel->place_narrow(p->mark, lo, hi, p->frequent.n, next, end, job->plan.out);
}

/* Of how many keys in a hundred the values are that are found; 0: it is not worth it. */
static unsigned look(const struct smi_job *job, struct smi_frequent *frequent)
{
	struct smi_sample_wish wish = { .most = job->kernel->placed, .few = 8, .beyond = 7, .often = 3 };
	unsigned covered;
	bool plainly = smi_job_lanes(job) == 1; /* then marks take as long as most sorts */

	if (plainly && smi_bytes_suit(job->plan.keys.kind, job->n, job->plan.sink))
		return 0;
	if (job->n < job->kernel->placed_from || wish.most < wish.few)
		wish.most = wish.few = SMI_PLACED_ANYWHERE;
	if (job->n < SMI_FREQUENT_WORTH || job->n > SIZE_MAX / 64)
		return 0;
	covered = smi_sample_frequent(frequent, &job->plan.keys, job->n, &wish);
	return covered < (plainly ? PLAINLY_COVERED : COVERED) ? 0 : covered;
}

int smi_apart_argsort(struct smi_job *job)
{
	struct parting s; /* KiB: what is not needed is not cleared */
	struct smi_peeling *p = &s.peeling;
	unsigned covered = look(job, &p->frequent);

	p->job = job;
	if (!covered)
		return 1;
	smi_job_get_helpers(job, smi_kind_size(job->plan.keys.kind) == 8 ? WIDE : SHORT);
	plan_records(job, covered == 100);
	if (!smi_peeling_run(p))
		return 1;
	if (sort_rest(p) < 0) {
		smi_scratch_give(job->scratch);
		job->scratch = NULL;
		return 1;
	}
	make_room(&s);
	smi_crew_each(&job->crew, p->parts, place_part, &s);
	return 0;
}
