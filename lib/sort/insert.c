/* SPDX-License-Identifier: MIT */
/* The keys in order are cut into parts of as many; with each go the strays that come before
 * its end, and none of the parts before. */
#include "sort/insert.h"

#include "sort/crew/cut.h"
#include "sort/kernel/own.h"

enum {
	SOON = 2048, /* bytes */
	FAR = 4,     /* second-level caches */
	NEXT = 8     /* strays */
};

struct insertion {
	const struct smi_sieve *sieve;
	const uint32_t *sorted;
	char *copy;
	size_t parts;
	bool far; /* the keys are more than a few second-level caches hold */
};

/* A key in order; behind all: the end of the stretches. */
struct place {
	const struct smi_stretch *stretch;
	size_t key;
};

static const struct smi_stray *stray_at(const struct insertion *in, size_t i)
{
	return &in->sieve->stray[in->sorted[i]];
}

static bool is_behind(const struct smi_stray *stray, uint64_t key, size_t index)
{
	return key < stray->image || (key == stray->image && index < stray->index);
}

/* Of keys begin ... end-1, which are in order, the first that does not come before the stray. */
static size_t place_of(const struct smi_sieve *s, const struct smi_stray *stray, size_t begin, size_t end)
{
	while (begin < end) {
		size_t middle = begin + (end - begin) / 2;

		if (is_behind(stray, smi_sieve_image(s, middle), middle))
			begin = middle + 1;
		else
			end = middle;
	}
	return begin;
}

/* The first key in order that is not before key number i. */
static struct place place_from(const struct smi_sieve *s, size_t i)
{
	size_t lo = 0, hi = s->stretches, middle;

	while (lo < hi) {
		middle = lo + (hi - lo) / 2;
		if (s->stretch[middle].end <= i)
			lo = middle + 1;
		else
			hi = middle;
	}
	if (lo < s->stretches && s->stretch[lo].begin > i)
		i = s->stretch[lo].begin;
	return (struct place){ &s->stretch[lo], i };
}

static bool is_end(const struct smi_sieve *s, const struct place *place)
{
	return place->stretch == &s->stretch[s->stretches];
}

/* How many strays come before the key. */
static size_t strays_before(const struct insertion *in, const struct place *place)
{
	size_t lo = 0, hi = in->sieve->strays, middle;
	uint64_t key;

	if (is_end(in->sieve, place))
		return hi;
	key = smi_sieve_image(in->sieve, place->key);
	while (lo < hi) {
		middle = lo + (hi - lo) / 2;
		if (is_behind(stray_at(in, middle), key, place->key))
			hi = middle;
		else
			lo = middle + 1;
	}
	return lo;
}

/* How many keys in order lie before it. */
static size_t keys_before(const struct smi_sieve *s, const struct place *place)
{
	size_t lo = 0, hi = s->strays, middle;

	if (is_end(s, place))
		return s->job->n - s->strays;
	while (lo < hi) {
		middle = lo + (hi - lo) / 2;
		if (s->stray[middle].index < place->key)
			lo = middle + 1;
		else
			hi = middle;
	}
	return place->key - lo;
}

/* Strays' places among keys that lie far away will be looked for soon, and no CPU foresees where.
 * Always inline: a function that does nothing else is one without effect, whose calls gcc drops. */
static inline __attribute__((always_inline)) void ask_for_keys(const struct smi_keys *keys, size_t begin, size_t end)
{
	const char *p = smi_key_at(keys->base, keys->kind, begin), *last = smi_key_at(keys->base, keys->kind, end);

	for (; p < last; p += SMI_LINE)
		__builtin_prefetch(p + SOON);
}

/* Keys begin ... end-1 come at `to`. What comes next, comes where? */
static size_t put_keys(const struct insertion *in, size_t begin, size_t end, size_t to)
{
	const struct smi_job *job = in->sieve->job;
	const struct smi_plan *plan = &job->plan;
	size_t n = end - begin, size = smi_kind_size(plan->keys.kind);

	if (in->far)
		ask_for_keys(&plan->keys, begin, end);
	if (plan->sink == SMI_TO_KEY)
		memcpy(in->copy + to * size, smi_key_at(plan->keys.base, plan->keys.kind, begin), n * size);
	else if (plan->sink == SMI_TO_INDEX64)
		job->kernel->count_up((uint64_t *)plan->out + to, n, begin, 1);
	else
		job->kernel->count_up_narrow((uint32_t *)plan->out + to, n, begin, 1);
	return to + n;
}

static void insert_part(void *arg, size_t part, int rank)
{
	const struct insertion in = *(const struct insertion *)arg;
	const struct smi_sieve s = *in.sieve; /* no store can change these */
	const struct smi_stretch *stretches_end = s.stretch + s.stretches;
	struct place at, stop;
	size_t lo, hi, i, end, to, key;

	(void)rank;
	smi_cut(s.job->n, in.parts, part, &lo, &hi);
	at = place_from(&s, lo);
	stop = place_from(&s, hi);
	i = part == 0 ? 0 : strays_before(&in, &at);
	end = strays_before(&in, &stop);
	to = keys_before(&s, &at) + i;
	for (; i < end; i++) {
		const struct smi_stray *stray = &s.stray[in.sorted[i]];

		if (i + NEXT < end)
			__builtin_prefetch(&s.stray[in.sorted[i + NEXT]]);
		for (; at.stretch < stop.stretch && is_behind(stray, at.stretch->last, at.stretch->end - 1);
		     at.key = (++at.stretch)->begin)
			to = put_keys(&in, at.key, at.stretch->end, to);
		if (at.stretch < stretches_end) {
			key = place_of(&s, stray, at.key, at.stretch->end);
			to = put_keys(&in, at.key, key, to);
			at.key = key;
		}
		to = put_keys(&in, stray->index, stray->index + 1, to);
	}
	for (; at.stretch < stop.stretch; at.key = (++at.stretch)->begin)
		to = put_keys(&in, at.key, at.stretch->end, to);
	if (at.stretch < stretches_end)
		put_keys(&in, at.key, stop.key, to);
}

static void copy_part(void *arg, size_t part, int rank)
{
	const struct insertion *in = arg;
	const struct smi_plan *plan = &in->sieve->job->plan;
	size_t size = smi_kind_size(plan->keys.kind), lo, hi;

	(void)rank;
	smi_cut(in->sieve->job->n, in->parts, part, &lo, &hi);
	memcpy((char *)plan->out + lo * size, in->copy + lo * size, (hi - lo) * size);
}

void smi_insert(const struct smi_sieve *sieve, const uint32_t *sorted, char *copy, size_t parts)
{
	const struct smi_job *job = sieve->job;
	size_t bytes = job->n * smi_kind_size(job->plan.keys.kind);
	struct insertion in = { sieve, sorted, copy, parts, bytes > FAR * smi_job_cache() };

	smi_crew_each(&job->crew, parts, insert_part, &in);
	if (job->plan.sink == SMI_TO_KEY)
		smi_crew_each(&job->crew, parts, copy_part, &in);
}
