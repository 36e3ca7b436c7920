/* SPDX-License-Identifier: MIT */
#include "sort/straight.h"

#include "sort/bytes.h"
#include "sort/crew/cut.h"

#include <stdatomic.h>

enum { FIRST_LOOK = 256, FAR_LOOKS = 8, MANY = 256, FEW = 16 };

/* Where nothing but the keys is read, or they change places: so many bytes of them are
 * worth a helper. The core that made them mostly still has fewer in its caches. */
#define LOOK_HELPED ((size_t)24 << 20)
#define MIRROR_HELPED ((size_t)128 << 20)

struct straight {
	const struct smi_kernel *kernel;
	const struct smi_keys *keys;
	size_t n, parts;
	enum smi_sink sink;
	void *out;
	_Atomic unsigned order;
};

static void look(void *arg, size_t part, int rank)
{
	struct straight *s = arg;
	size_t lo, hi;

	(void)rank;
	smi_cut(s->n, s->parts, part, &lo, &hi);
	/* The pair across the cut is this part's. */
	hi = hi < s->n ? hi + 1 : hi;
	if (lo < hi && atomic_load_explicit(&s->order, memory_order_relaxed))
		atomic_fetch_and(&s->order, s->kernel->order(s->keys, lo, hi));
}

static void put_index(const struct straight *s, size_t at, size_t index)
{
	if (s->sink == SMI_TO_INDEX64)
		((uint64_t *)s->out)[at] = index;
	else
		((uint32_t *)s->out)[at] = (uint32_t)index;
}

/* Indices first, first + step, ... for the places lo ... hi-1. */
static void count_up(const struct straight *s, size_t lo, size_t hi, uint64_t first, uint64_t step)
{
	if (s->sink == SMI_TO_INDEX64)
		s->kernel->count_up((uint64_t *)s->out + lo, hi - lo, first, step);
	else
		s->kernel->count_up_narrow((uint32_t *)s->out + lo, hi - lo, first, step);
}

static void index_rising(void *arg, size_t part, int rank)
{
	struct straight *s = arg;
	size_t lo, hi;

	(void)rank;
	smi_cut(s->n, s->parts, part, &lo, &hi);
	count_up(s, lo, hi, lo, 1);
}

static void index_strictly_falling(void *arg, size_t part, int rank)
{
	struct straight *s = arg;
	size_t lo, hi;

	(void)rank;
	smi_cut(s->n, s->parts, part, &lo, &hi);
	count_up(s, lo, hi, s->n - 1 - lo, UINT64_MAX);
}

/* The run of equal keys that begins at `lo` goes to its place from the end, in input
 * order. Where it ends. */
static size_t index_run(const struct straight *s, size_t lo)
{
	uint64_t image = smi_key_image(s->keys, lo);
	size_t end = lo + 1;

	while (end < s->n && smi_key_image(s->keys, end) == image)
		end++;
	for (size_t i = lo; i < end; i++)
		put_index(s, s->n - end + (i - lo), i);
	return end;
}

/* Whether lo ... end-1 differ from each other, and from the key behind them: their
 * indices just fall, and are written. */
static bool index_different(const struct straight *s, size_t lo, size_t end)
{
	if (!(s->kernel->order(s->keys, lo, end < s->n ? end + 1 : end) & SMI_STRICTLY_FALLING))
		return false;
	count_up(s, s->n - end, s->n - lo, end - 1, UINT64_MAX);
	return true;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The runs that begin in lo ... end-1; where few keys have a twin, a few keys at
 * once. Where the last one ends. */
static size_t index_runs(const struct straight *s, size_t lo, size_t end)
{
	size_t few, twins = 0;

	while (lo < end) {
		few = least(lo + FEW, end);
		if (twins < 2 && index_different(s, lo, few)) {
			lo = few;
			twins = 0;
			continue;
		}
		twins++;
		while (lo < few)
			lo = index_run(s, lo);
	}
	return lo;
}

/* A part does the runs that begin in it. */
static void index_falling(void *arg, size_t part, int rank)
{
	struct straight *s = arg;
	size_t lo, hi, end;

	(void)rank;
	smi_cut(s->n, s->parts, part, &lo, &hi);
	while (lo > 0 && lo < hi && smi_key_image(s->keys, lo) == smi_key_image(s->keys, lo - 1))
		lo++;
	while (lo < hi) {
		end = least(lo + MANY, hi);
		lo = index_different(s, lo, end) ? end : index_runs(s, lo, end);
	}
}

/* Exchanges the keys lo ... hi-1 of the first half with their mirror images. */
static void mirror(void *arg, size_t part, int rank)
{
	struct straight *s = arg;
	size_t size = smi_kind_size(s->keys->kind), lo, hi;
	char *keys = s->out;

	(void)rank;
	smi_cut(s->n / 2, s->parts, part, &lo, &hi);
	s->kernel->mirror(size, keys + lo * size, keys + (s->n - lo) * size, hi - lo);
}

/* What a few keys far apart leave of that order. Most keys that are straight at the
 * beginning only show it here, and not after half a pass. */
static unsigned look_far(const struct smi_keys *keys, size_t n, unsigned order)
{
	uint64_t x = smi_key_image(keys, 0), y;

	for (size_t i = 1; i <= FAR_LOOKS; i++, x = y) {
		y = smi_key_image(keys, (size_t)((double)(n - 1) / FAR_LOOKS * (double)i));
		if (y < x)
			order &= ~(unsigned)SMI_RISING;
		else if (y > x)
			order &= SMI_RISING;
	}
	return order;
}

/* A step by all threads, or, where there is too little to it, by one. */
static void each(struct straight *s, const struct smi_crew *crew, void (*step)(void *, size_t, int),
		 size_t helped)
{
	static const struct smi_crew one = { .np = 1 };
	size_t bytes = s->n * smi_kind_size(s->keys->kind);
	const struct smi_crew *who = s->sink == SMI_TO_KEY && bytes < helped ? &one : crew;

	s->parts = (size_t)who->np;
	smi_crew_each(who, s->parts, step, s);
}

/* Keys of a byte, which are faster sorted than looked at for where twins end. */
static bool has_many_twins(const struct straight *s)
{
	return smi_kind_size(s->keys->kind) == 1 && smi_bytes_suit(s->keys->kind, s->n, s->sink);
}

bool smi_straight(struct smi_job *job)
{
	const struct smi_keys *keys = &job->plan.keys;
	size_t n = job->n;
	struct straight s = { job->kernel, keys, n, 1, job->plan.sink, job->plan.out, 0 };
	unsigned order = s.kernel->order(keys, 0, n < FIRST_LOOK ? n : FIRST_LOOK);

	if (n > FIRST_LOOK)
		order = look_far(keys, n, order);
	if (!order)
		return false;
	if (n * smi_kind_size(keys->kind) >= LOOK_HELPED || s.sink != SMI_TO_KEY)
		smi_job_get_helpers(job, SMI_LIGHT);
	atomic_store_explicit(&s.order, order, memory_order_relaxed);
	if (n > FIRST_LOOK)
		each(&s, &job->crew, look, LOOK_HELPED);
	order = atomic_load_explicit(&s.order, memory_order_relaxed);
	if (order & SMI_RISING) {
		if (s.sink != SMI_TO_KEY)
			smi_crew_each(&job->crew, s.parts, index_rising, &s);
		return true;
	}
	if (s.sink == SMI_TO_KEY) {
		/* Equal floats may differ (-0, NaN) and then keep their order. */
		if (!(order & (smi_kind_float(keys->kind) ? SMI_STRICTLY_FALLING : SMI_FALLING)))
			return false;
		each(&s, &job->crew, mirror, MIRROR_HELPED);
		return true;
	}
	if (order & SMI_STRICTLY_FALLING)
		smi_crew_each(&job->crew, s.parts, index_strictly_falling, &s);
	else if ((order & SMI_FALLING) && !has_many_twins(&s))
		smi_crew_each(&job->crew, s.parts, index_falling, &s);
	else
		return false;
	return true;
}
