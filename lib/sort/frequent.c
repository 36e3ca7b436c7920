/* SPDX-License-Identifier: MIT */
#include "sort/frequent.h"

#include "sort/crew/cut.h"
#include "sort/few.h"
#include "sort/peeling.h"
#include "sort/radix.h"
#include "sort/sample.h"

/* Of so few keys so few others are sooner sorted by one thread, in one bucket. */
enum { FEW = 1 << 18, FEW_REST = 1 << 16 };

struct peeled_sort {
	struct smi_peeling peeling;
	size_t end[2 * SMI_FREQUENT];  /* where others below a frequent value end, and where
					  its keys end */
};

/* Sorts the rest, all of it in one array. */
static int sort_rest(const struct smi_peeling *p)
{
	struct smi_job *job = p->job;
	struct smi_job rest = { .kernel = job->kernel, .crew = job->crew, .width = job->width,
				.n = p->rest_n };
	int r = 0;

	if (job->n < FEW && rest.n < FEW_REST)
		rest.crew.np = 1;

	rest.plan.keys = (struct smi_keys){ p->rest, job->width == 4 ? SMI_INT32 : SMI_INT64,
					    false, 0 };
	rest.plan.sink = SMI_TO_KEY;
	rest.plan.out = p->rest;
	if (rest.n > 0)
		r = smi_radix_job(&rest);
	smi_job_fini(&rest);
	return r;
}

static uint64_t rest_image(const struct smi_peeling *p, size_t i)
{
	return p->job->width == 4 ? ((const uint32_t *)p->rest)[i] : ((const uint64_t *)p->rest)[i];
}

/* How many of the rest are below. */
static size_t count_below(const struct smi_peeling *p, uint64_t image)
{
	size_t lo = 0, hi = p->rest_n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (rest_image(p, mid) < image)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void find_places(struct peeled_sort *s)
{
	const struct smi_peeling *p = &s->peeling;
	size_t frequent = 0;

	for (size_t j = 0; j < p->frequent.n; j++) {
		s->end[2 * j] = frequent + count_below(p, p->frequent.image[j]);
		frequent += smi_peeling_count(p, j);
		s->end[2 * j + 1] = frequent + count_below(p, p->frequent.image[j]);
	}
}

/* Keys lo ... hi-1 of the result, of which `before` are frequent ones further
 * down. */
static void emit_rest(const struct smi_peeling *p, size_t lo, size_t hi, size_t before)
{
	const struct smi_job *job = p->job;

	if (job->width == 4)
		job->kernel->emit_narrow(&job->plan, (const uint32_t *)p->rest + (lo - before),
					 hi - lo, lo);
	else
		job->kernel->emit(&job->plan, (const uint64_t *)p->rest + (lo - before), hi - lo,
				  lo);
}

static void write_part(void *arg, size_t part, int rank)
{
	struct peeled_sort *s = arg;
	const struct smi_peeling *p = &s->peeling;
	const struct smi_keys *keys = &p->job->plan.keys;
	size_t lo, hi, before = 0, end;

	(void)rank;
	smi_cut(p->job->n, p->parts, part, &lo, &hi);
	for (size_t j = 0; j < p->frequent.n; j++) {
		end = s->end[2 * j] < hi ? s->end[2 * j] : hi;
		if (lo < end) {
			emit_rest(p, lo, end, before);
			lo = end;
		}
		before += s->end[2 * j + 1] - s->end[2 * j];
		end = s->end[2 * j + 1] < hi ? s->end[2 * j + 1] : hi;
		if (lo < end) {
			smi_few_fill(p->job->plan.out, keys->kind, lo, end,
				     smi_image_bits(keys->kind, keys->flip, p->frequent.image[j]));
			lo = end;
		}
	}
	if (lo < hi)
		emit_rest(p, lo, hi, before);
}

/* -0 and NaN among all keys. */
static int find_specials(const struct smi_peeling *p)
{
	struct smi_job *job = p->job;
	struct smi_range range = { .max = p->frequent.image[p->frequent.n - 1] };

	for (size_t part = 0; part < p->parts; part++)
		range.minus_zero |= p->peeled[part].minus_zero;
	if (p->rest_n && rest_image(p, p->rest_n - 1) > range.max)
		range.max = rest_image(p, p->rest_n - 1);
	return smi_specials_init(&job->specials, job->kernel, &job->crew, &job->plan.keys, job->n, &range);
}

unsigned smi_frequent_look(const struct smi_job *job, struct smi_frequent *frequent)
{
	static const struct smi_sample_wish wish = { .most = SMI_FREQUENT, .few = SMI_FREQUENT, .often = 2 };

	if (job->n < SMI_FREQUENT_WORTH || job->n > SIZE_MAX / 64)
		return 0;
	return smi_sample_frequent(frequent, &job->plan.keys, job->n, &wish);
}

int smi_frequent_sort(struct smi_job *job, const struct smi_frequent *frequent)
{
	struct peeled_sort s; /* KiB: what is not needed is not cleared */
	struct smi_peeling *p = &s.peeling;
	int r;

	p->job = job;
	p->frequent = *frequent;
	smi_job_get_helpers(job, SMI_LIGHT);
	if (!smi_peeling_run(p))
		return 1;
	r = sort_rest(p);
	if (r == 0)
		r = find_specials(p);
	if (r < 0)
		return r;
	find_places(&s);
	smi_crew_each(&job->crew, p->parts, write_part, &s);
	smi_specials_restore(&job->specials, &job->plan.keys, job->plan.out, job->n);
	return 0;
}
