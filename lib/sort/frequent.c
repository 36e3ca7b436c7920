/* SPDX-License-Identifier: MIT */
#include "sort/frequent.h"

#include "sort/few.h"
#include "sort/radix.h"
#include "sort/scratch.h"
#include "sort/straight.h"

enum {
	FIRST = 16, SAMPLE = 256, SLOTS = 512,
	PARTS = 64,
	SLACK = 64,          /* bytes that peel may write too many */
};

/* Of the first sampled keys so many must have a value that came before; of all,
 * so many make a value frequent, and so many must have frequent values. */
enum { RECURRED = FIRST / 4, OFTEN = SAMPLE / 64, COVERED = SAMPLE * 2 / 5 };

struct counted {
	uint64_t image;
	uint16_t count;
};

struct peeling {
	struct smi_job *job;
	size_t parts;
	uint64_t frequent[SMI_FREQUENT];   /* images in ascending order */
	struct smi_peeled peeled[PARTS];
	char *rest;                        /* n images and some slack for each part */
	size_t rest_n;
	size_t end[2 * SMI_FREQUENT];      /* where others below a frequent value end, and
					      where its keys end */
};

/* Adds the image to an open table. */
static void table_add(struct counted *table, uint64_t image)
{
	size_t slot = (size_t)(image * 0x9e3779b97f4a7c15 >> 55);

	while (table[slot].count && table[slot].image != image)
		slot = (slot + 1) % SLOTS;
	table[slot].image = image;
	table[slot].count++;
}

/* The values of table that occur most; how often, together? */
static size_t most_frequent(const struct counted *table, uint64_t frequent[SMI_FREQUENT])
{
	struct counted best[SMI_FREQUENT + 1] = { { 0, 0 } };
	size_t covered = 0;
	int j;

	for (size_t i = 0; i < SLOTS; i++) {
		if (table[i].count < OFTEN)
			continue;
		for (j = SMI_FREQUENT; j > 0 && best[j - 1].count < table[i].count; j--)
			best[j] = best[j - 1];
		best[j] = table[i];
	}
	for (int i = 0; i < SMI_FREQUENT; i++) {
		covered += best[i].count;
		/* Insertion by image; with too few values some come twice. */
		uint64_t image = best[i].count ? best[i].image : best[0].image;

		for (j = i; j > 0 && frequent[j - 1] > image; j--)
			frequent[j] = frequent[j - 1];
		frequent[j] = image;
	}
	return covered;
}

static uint64_t sampled(const struct smi_keys *keys, size_t n, uint64_t *x)
{
	*x = *x * 0xd1342543de82ef95 + 1;
	return smi_key_image(keys, (size_t)((double)(*x >> 12) * 0x1p-52 * (double)n));
}

bool smi_frequent_likely(const struct smi_keys *keys, size_t n)
{
	uint64_t seen[8 * FIRST] = { 0 }, x = n, image;
	unsigned recurred = 0;
	size_t slot;

	for (int i = 0; i < FIRST; i++) {
		image = sampled(keys, n, &x);
		slot = (size_t)(image * 0x9e3779b97f4a7c15 >> 57);
		recurred += seen[slot] == image;
		seen[slot] = image;
	}
	return recurred >= RECURRED;
}

/* Do a few values seem to be those of many keys? */
static bool find_frequent(const struct smi_keys *keys, size_t n, uint64_t frequent[SMI_FREQUENT])
{
	struct counted table[SLOTS];
	uint64_t x = n;

	if (!smi_frequent_likely(keys, n))
		return false;
	for (int i = 0; i < SLOTS; i++)
		table[i].count = 0;
	for (int i = 0; i < SAMPLE; i++)
		table_add(table, sampled(keys, n, &x));
	return most_frequent(table, frequent) >= COVERED;
}

static char *rest_of(const struct peeling *p, size_t part)
{
	size_t lo, hi;

	smi_cut(p->job->n, p->parts, part, &lo, &hi);
	return p->rest + lo * p->job->width + part * SLACK;
}

static void peel_part(void *arg, size_t part, int rank)
{
	struct peeling *p = arg;
	const struct smi_job *job = p->job;
	char *rest = rest_of(p, part);
	size_t lo, hi;

	(void)rank;
	smi_cut(job->n, p->parts, part, &lo, &hi);
	if (job->width == 4)
		job->kernel->peel_narrow(&job->plan.keys, lo, hi, p->frequent, &p->peeled[part],
					 (uint32_t *)rest);
	else
		job->kernel->peel(&job->plan.keys, lo, hi, p->frequent, &p->peeled[part],
				  (uint64_t *)rest);
}

/* Sorts the rest, all of it in one array. */
static int sort_rest(struct peeling *p)
{
	struct smi_job *job = p->job;
	struct smi_job rest = { .kernel = job->kernel, .crew = job->crew, .width = job->width };
	int r = 0;

	for (size_t part = 0; part < p->parts; part++) {
		memmove(p->rest + rest.n * job->width, rest_of(p, part),
			p->peeled[part].rest * job->width);
		rest.n += p->peeled[part].rest;
	}
	p->rest_n = rest.n;
	rest.plan.keys = (struct smi_keys){ p->rest, job->width == 4 ? SMI_INT32 : SMI_INT64,
					    false, 0 };
	rest.plan.sink = SMI_TO_KEY;
	rest.plan.out = p->rest;
	if (rest.n > 0)
		r = smi_radix_job(&rest);
	smi_job_fini(&rest);
	return r;
}

static uint64_t rest_image(const struct peeling *p, size_t i)
{
	return p->job->width == 4 ? ((const uint32_t *)p->rest)[i] : ((const uint64_t *)p->rest)[i];
}

/* How many of the rest are below. */
static size_t count_below(const struct peeling *p, uint64_t image)
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

static void find_places(struct peeling *p)
{
	size_t frequent = 0;

	for (size_t j = 0; j < SMI_FREQUENT; j++) {
		p->end[2 * j] = frequent + count_below(p, p->frequent[j]);
		for (size_t part = 0; part < p->parts; part++)
			frequent += p->peeled[part].count[j];
		p->end[2 * j + 1] = frequent + count_below(p, p->frequent[j]);
	}
}

/* Keys lo ... hi-1 of the result, of which `before` are frequent ones further
 * down. */
static void emit_rest(const struct peeling *p, size_t lo, size_t hi, size_t before)
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
	struct peeling *p = arg;
	const struct smi_keys *keys = &p->job->plan.keys;
	size_t lo, hi, before = 0, end;

	(void)rank;
	smi_cut(p->job->n, p->parts, part, &lo, &hi);
	for (size_t j = 0; j < SMI_FREQUENT; j++) {
		end = p->end[2 * j] < hi ? p->end[2 * j] : hi;
		if (lo < end) {
			emit_rest(p, lo, end, before);
			lo = end;
		}
		before += p->end[2 * j + 1] - p->end[2 * j];
		end = p->end[2 * j + 1] < hi ? p->end[2 * j + 1] : hi;
		if (lo < end) {
			smi_few_fill(p->job->plan.out, keys->kind, lo, end,
				     smi_image_bits(keys->kind, keys->flip, p->frequent[j]));
			lo = end;
		}
	}
	if (lo < hi)
		emit_rest(p, lo, hi, before);
}

/* -0 and NaN among all keys. */
static int find_specials(struct peeling *p)
{
	struct smi_job *job = p->job;
	struct smi_range range = { .max = p->frequent[SMI_FREQUENT - 1] };

	for (size_t part = 0; part < p->parts; part++)
		range.minus_zero |= p->peeled[part].minus_zero;
	if (p->rest_n && rest_image(p, p->rest_n - 1) > range.max)
		range.max = rest_image(p, p->rest_n - 1);
	return smi_specials_init(&job->specials, &job->crew, &job->plan.keys, job->n, &range);
}

int smi_frequent_sort(struct smi_job *job)
{
	struct peeling p = { .job = job };
	int r;

	if (job->n < SMI_FREQUENT_WORTH || job->n > SIZE_MAX / 64 ||
	    !find_frequent(&job->plan.keys, job->n, p.frequent))
		return 1;
	p.parts = job->crew.np < PARTS ? (size_t)job->crew.np : PARTS;
	job->scratch = smi_scratch_take(job->n * job->width + p.parts * SLACK);
	if (!job->scratch)
		return 1;
	p.rest = job->scratch;
	smi_crew_each(&job->crew, p.parts, peel_part, &p);
	r = sort_rest(&p);
	if (r == 0)
		r = find_specials(&p);
	if (r < 0)
		return r;
	find_places(&p);
	job->plan.pack.base = 0;
	smi_crew_each(&job->crew, p.parts, write_part, &p);
	smi_specials_restore(&job->specials, &job->plan.keys, job->plan.out, job->n);
	return 0;
}
