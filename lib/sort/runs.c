/* SPDX-License-Identifier: MIT */
/* Each part finds the runs that begin in it; a run that goes on in the next part
 * is joined with the one that lies there. */
#include "sort/runs.h"

#include "sort/crew/cut.h"

#include <stdatomic.h>


enum { PARTS = 16, FIRST_LOOK = 256 };

struct finding {
	const struct smi_kernel *kernel;
	const struct smi_keys *keys;
	size_t n, parts;
	struct smi_runs found[PARTS];
	_Atomic bool too_many;
};

/* The runs of lo ... hi-1; the last one ends with the key at hi if that goes on
 * with it. False when they are too many, here or in another part. */
static bool runs_between(struct finding *f, struct smi_runs *runs, size_t lo, size_t hi)
{
	size_t end = hi < f->n ? hi + 1 : hi;

	runs->count = 0;
	for (size_t at = lo; at < hi;) {
		if (runs->count == SMI_RUNS ||
		    atomic_load_explicit(&f->too_many, memory_order_relaxed))
			return false;
		runs->start[runs->count] = at;
		at = f->kernel->run(f->keys, at, end, &runs->falling[runs->count++]);
		runs->start[runs->count] = at;
	}
	return true;
}

static void find_part(void *arg, size_t part, int rank)
{
	struct finding *f = arg;
	size_t lo, hi;

	(void)rank;
	smi_cut(f->n, f->parts, part, &lo, &hi);
	if (!runs_between(f, &f->found[part], lo, hi))
		atomic_store_explicit(&f->too_many, true, memory_order_relaxed);
}

static bool is_flat(const struct finding *f, const struct smi_runs *runs, size_t run)
{
	return smi_key_image(f->keys, runs->start[run]) == smi_key_image(f->keys, runs->start[run + 1] - 1);
}

/* Appends the runs of a part that begins where `runs` ends, or one key before
 * that: then the last run has that key already. Equal keys go on with either. */
static bool append(const struct finding *f, struct smi_runs *runs, const struct smi_runs *more)
{
	for (size_t i = 0; i < more->count; i++) {
		size_t last = runs->count - 1;
		bool goes_on = runs->count && runs->start[runs->count] > more->start[i];

		if (goes_on && is_flat(f, runs, last))
			runs->falling[last] = more->falling[i];
		if (goes_on && (runs->falling[last] == more->falling[i] || is_flat(f, more, i))) {
			runs->start[runs->count] = more->start[i + 1];
			continue;
		}
		if (goes_on && more->start[i + 1] == runs->start[runs->count])
			continue;
		if (runs->count == SMI_RUNS)
			return false;
		runs->falling[runs->count++] = more->falling[i];
		runs->start[runs->count] = more->start[i + 1];
	}
	return true;
}

bool smi_runs_find(struct smi_runs *runs, struct smi_job *job)
{
	struct finding f; /* KiB: what is not needed is not cleared */

	f.kernel = job->kernel;
	f.keys = &job->plan.keys;
	f.n = job->n;
	atomic_init(&f.too_many, false);
	runs->count = 0;
	runs->start[0] = 0;
	/* Most inputs show on their first keys that they are no runs. */
	if (!runs_between(&f, &f.found[0], 0, f.n < FIRST_LOOK ? f.n : FIRST_LOOK))
		return false;
	smi_job_get_helpers(job, SMI_LIGHT);
	f.parts = job->crew.np < PARTS ? (size_t)job->crew.np : PARTS;
	smi_crew_each(&job->crew, f.parts, find_part, &f);
	if (atomic_load_explicit(&f.too_many, memory_order_relaxed))
		return false;
	for (size_t part = 0; part < f.parts; part++)
		if (!append(&f, runs, &f.found[part]))
			return false;
	return true;
}
