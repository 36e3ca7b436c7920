/* SPDX-License-Identifier: MIT */
/* Each part of the keys is sieved by itself. Where two meet, keys are taken out until the
 * stretches on both sides are in order. */
#include "sort/sieve.h"

#include "sort/crew/cut.h"

#include <stdatomic.h>


enum {
	AHEAD = 9,       /* keys that tell which of two neighbours is the stray */
	BURST = 8,       /* so many strays must not come within CLOSE keys, */
	CLOSE = 64,
	MANY = 32,       /* nor so many within SPREAD keys */
	SPREAD = 1024
};

/* Whether the last `count` of the strays up to number `at`, if they are as many as a
 * multiple of that, came within so many keys. */
static bool crowd(const struct smi_sieve *s, size_t at, size_t count, size_t within)
{
	return at % count == count - 1 && s->stray[at].index - s->stray[at - (count - 1)].index < within;
}

/* Notes a stray; they are kept in input order. False: there are too many. */
static bool add_stray(struct smi_sieve *s, size_t index, uint64_t key)
{
	size_t at = s->strays;

	if (s->strays == s->most)
		return false;
	for (; at > 0 && s->stray[at - 1].index > index; at--)
		s->stray[at] = s->stray[at - 1];
	s->stray[at] = (struct smi_stray){ key, index };
	at = s->strays++;
	return !crowd(s, at, BURST, CLOSE) && !crowd(s, at, MANY, SPREAD);
}

static struct smi_stretch *last_of(const struct smi_sieve *s)
{
	return &s->stretch[s->stretches - 1];
}

/* The image of the last key but one that is in order; 0: there is none. */
static uint64_t before_last(const struct smi_sieve *s)
{
	const struct smi_stretch *last = last_of(s);

	if (last->end - last->begin > 1)
		return smi_sieve_image(s, last->end - 2);
	return s->stretches > 1 ? last[-1].last : 0;
}

/* Takes the last key out of the order. */
static bool drop_last(struct smi_sieve *s)
{
	struct smi_stretch *last = last_of(s);
	size_t index = --last->end;
	uint64_t key = last->last;

	if (last->begin == last->end)
		s->stretches--;
	else
		last->last = smi_sieve_image(s, last->end - 1);
	return add_stray(s, index, key);
}

/* The stretch from key i on. Where it ends, or `hi`. */
static size_t add_stretch(struct smi_sieve *s, size_t i, size_t hi)
{
	size_t end = s->job->kernel->rising(s->keys, i, hi);

	if (s->stretches == 0 || last_of(s)->end != i)
		s->stretch[s->stretches++].begin = i;
	last_of(s)->end = end;
	last_of(s)->last = smi_sieve_image(s, end - 1);
	return end;
}

/* Of the last key in order and key i, which is below it, the former is the stray if most
 * of what follows is below it as well. */
static inline bool is_last_astray(const struct smi_sieve *s, size_t i, uint64_t key)
{
	uint64_t last = last_of(s)->last;
	unsigned above = 0;

	if (s->job->n - i < AHEAD)
		return key >= before_last(s);
	for (size_t j = i + 1; j < i + AHEAD; j++)
		above += smi_sieve_image(s, j) >= last;
	return above <= AHEAD / 2;
}

/* False: there are too many strays. */
static bool sieve(struct smi_sieve *s, size_t lo, size_t hi)
{
	size_t i = lo;

	while (i < hi) {
		uint64_t key = smi_sieve_image(s, i);

		if (s->stretches == 0 || key >= last_of(s)->last) {
			i = add_stretch(s, i, hi);
		} else if (!is_last_astray(s, i, key)) {
			if (!add_stray(s, i++, key))
				return false;
		} else if (!drop_last(s)) {
			return false;
		}
	}
	return true;
}

size_t smi_sieve_most(size_t n, size_t parts)
{
	return (n / SPREAD + parts) * MANY;
}

struct sieving {
	struct smi_sieve part[SMI_SIEVE_PARTS];
	size_t parts;
	_Atomic bool failed;
};

/* A part of the memory. */
static struct smi_sieve sieve_of(const struct smi_sieve *all, size_t parts, size_t part)
{
	size_t lo, hi, begin;

	smi_cut(all->job->n, parts, part, &lo, &hi);
	begin = (lo / SPREAD + part) * MANY;
	return (struct smi_sieve){ .job = all->job, .keys = all->keys, .stray = all->stray + begin,
				   .stretch = all->stretch + begin + part,
				   .most = (hi / SPREAD + part + 1) * MANY - begin };
}

static void sieve_part(void *arg, size_t part, int rank)
{
	struct sieving *run = arg;
	struct smi_sieve own = run->part[part]; /* not beside others' */
	size_t lo, hi;

	(void)rank;
	smi_cut(own.job->n, run->parts, part, &lo, &hi);
	if (atomic_load_explicit(&run->failed, memory_order_relaxed) || !sieve(&own, lo, hi))
		atomic_store_explicit(&run->failed, true, memory_order_relaxed);
	run->part[part] = own;
}

static bool drop_first(struct smi_sieve *s)
{
	size_t index = s->stretch->begin++;

	if (s->stretch->begin == s->stretch->end) {
		s->stretch++;
		s->stretches--;
	}
	return add_stray(s, index, smi_sieve_image(s, index));
}

/* Adds the part that comes next. */
static bool join(struct smi_sieve *all, struct smi_sieve *next)
{
	unsigned dropped = 0;

	all->most = (size_t)(next->stray - all->stray);
	while (all->stretches && next->stretches) {
		size_t i = next->stretch->begin;
		uint64_t key = smi_sieve_image(all, i);

		if (key >= last_of(all)->last)
			break;
		if (dropped++ == BURST || !(is_last_astray(all, i, key) ? drop_last(all) : drop_first(next)))
			return false;
	}
	memmove(all->stray + all->strays, next->stray, next->strays * sizeof *all->stray);
	memmove(all->stretch + all->stretches, next->stretch, next->stretches * sizeof *all->stretch);
	all->strays += next->strays;
	all->stretches += next->stretches;
	return true;
}

/* Of the keys around where a part begins, do most lie in order? Runs may be as long as parts are,
 * and then no part alone has strays. */
static bool seems_to_go_on(const struct smi_sieve *all, size_t begin)
{
	unsigned below = 0;

	if (begin < AHEAD || all->job->n - begin < AHEAD)
		return true;
	for (size_t i = 1; i <= AHEAD; i++)
		below += smi_sieve_image(all, begin + i - 1) < smi_sieve_image(all, begin - i);
	return below <= AHEAD / 2;
}

static bool begin_parts(struct sieving *run, const struct smi_sieve *all, size_t parts)
{
	size_t lo, hi;

	run->parts = parts;
	atomic_init(&run->failed, false);
	for (size_t part = 0; part < parts; part++) {
		smi_cut(all->job->n, parts, part, &lo, &hi);
		if (!seems_to_go_on(all, lo))
			return false;
		run->part[part] = sieve_of(all, parts, part);
	}
	return true;
}

bool smi_sieve_run(struct smi_sieve *all, size_t parts)
{
	struct sieving run; /* KiB: what is not needed is not cleared */

	if (!begin_parts(&run, all, parts))
		return false;
	smi_crew_each(&all->job->crew, parts, sieve_part, &run);
	if (atomic_load_explicit(&run.failed, memory_order_relaxed))
		return false;
	*all = run.part[0];
	for (size_t part = 1; part < parts; part++)
		if (!join(all, &run.part[part]))
			return false;
	return true;
}
