/* SPDX-License-Identifier: MIT */
/* After Ernerfeldt, "Drop-Merge Sort" (2016), made stable: what breaks the order is
 * taken out and sorted by itself; what is left are stretches in order, and goes to the
 * sink stretch by stretch, the strays in between. Which of two keys is the stray, the
 * neighbours tell. */
#include "sort/stray.h"

#include "sort/alone.h"
#include "sort/count.h"
#include "sort/own.h"
#include "sort/radix.h"
#include "sort/scratch.h"

enum {
	FIRST_LOOK = 24, /* keys, of which so many may be below the one before: */
	FIRST_MOST = 3,
	SECOND_LOOK = SMI_STRAY_WORTH,
	SECOND_MOST = 10,
	AHEAD = 9,       /* keys that tell which of two neighbours is the stray */
	BURST = 8,       /* so many strays must not come within CLOSE keys, */
	CLOSE = 64,
	MANY = 32,       /* nor so many within SPREAD keys */
	SPREAD = 1024,
	SOON = 2048,     /* bytes */
	FAR = 4          /* second-level caches */
};

struct stray {
	uint64_t image;
	size_t index;
};

/* Keys begin ... end-1, in order. */
struct stretch {
	size_t begin, end;
	uint64_t last; /* the image of the last one */
};

struct search {
	struct smi_job *job;
	const struct smi_keys *keys;
	struct stray *stray;
	struct stretch *stretch;
	uint64_t *image;  /* [strays] */
	uint32_t *sorted; /* [strays]: which comes when */
	char *copy;       /* [n keys], where keys are sorted */
	size_t most;      /* strays */
	bool far;         /* the keys are more than a few second-level caches hold */
	size_t strays, stretches;
	size_t written;
};

static uint64_t image(const struct search *s, size_t i)
{
	return smi_key_image(s->keys, i);
}

/* Whether at most so many of the first n keys are below the one before. */
static bool few_fall(const struct smi_job *job, size_t n, size_t most)
{
	size_t falls = 0;

	for (size_t i = 0; i < n && falls <= most; falls += i < n)
		i = job->kernel->rising(&job->plan.keys, i, n);
	return falls <= most;
}

/* Most inputs show on a few keys that they lie otherwise. Counting is faster. */
static bool seems_worth_it(const struct smi_job *job)
{
	return job->n >= SMI_STRAY_WORTH && (job->n <= SMI_FEW || !smi_count_suits(job)) &&
	       few_fall(job, FIRST_LOOK, FIRST_MOST) && few_fall(job, SECOND_LOOK, SECOND_MOST);
}

static bool reserve(struct search *s)
{
	size_t most = s->most = (s->job->n / SPREAD + 1) * MANY, size = smi_kind_size(s->keys->kind);
	size_t stretches = most + 1;
	size_t copied = s->job->plan.sink == SMI_TO_KEY ? s->job->n * size : 0;
	char *p;

	s->job->scratch = p = smi_scratch_take(most * (sizeof *s->stray + sizeof *s->image + sizeof *s->sorted) +
					       stretches * sizeof *s->stretch + copied);
	if (!p)
		return false;
	s->stray = (struct stray *)p;
	p += most * sizeof *s->stray;
	s->stretch = (struct stretch *)p;
	p += stretches * sizeof *s->stretch;
	s->image = (uint64_t *)p;
	p += most * sizeof *s->image;
	s->sorted = (uint32_t *)p;
	s->copy = p + most * sizeof *s->sorted;
	return true;
}

/* Whether the last `count` of the strays up to number `at`, if they are as many as a
 * multiple of that, came within so many keys. */
static bool crowd(const struct search *s, size_t at, size_t count, size_t within)
{
	return at % count == count - 1 && s->stray[at].index - s->stray[at - (count - 1)].index < within;
}

/* Notes a stray; they are kept in input order. False: there are too many. */
static bool add_stray(struct search *s, size_t index, uint64_t key)
{
	size_t at = s->strays;

	if (s->strays == s->most)
		return false;
	for (; at > 0 && s->stray[at - 1].index > index; at--)
		s->stray[at] = s->stray[at - 1];
	s->stray[at] = (struct stray){ key, index };
	at = s->strays++;
	return !crowd(s, at, BURST, CLOSE) && !crowd(s, at, MANY, SPREAD);
}

static struct stretch *last_of(const struct search *s)
{
	return &s->stretch[s->stretches - 1];
}

/* The image of the last key but one that is in order; 0: there is none. */
static uint64_t before_last(const struct search *s)
{
	const struct stretch *last = last_of(s);

	if (last->end - last->begin > 1)
		return image(s, last->end - 2);
	return s->stretches > 1 ? last[-1].last : 0;
}

/* Takes the last key out of the order. */
static bool drop_last(struct search *s)
{
	struct stretch *last = last_of(s);
	size_t index = --last->end;
	uint64_t key = last->last;

	if (last->begin == last->end)
		s->stretches--;
	else
		last->last = image(s, last->end - 1);
	return add_stray(s, index, key);
}

/* The stretch from key i on. Where it ends. */
static size_t add_stretch(struct search *s, size_t i)
{
	size_t end = s->job->kernel->rising(s->keys, i, s->job->n);

	if (s->stretches == 0 || last_of(s)->end != i)
		s->stretch[s->stretches++].begin = i;
	last_of(s)->end = end;
	last_of(s)->last = image(s, end - 1);
	return end;
}

/* Of the last key in order and key i, which is below it, the former is the stray if most
 * of what follows is below it as well. */
static bool is_last_astray(const struct search *s, size_t i, uint64_t key)
{
	uint64_t last = last_of(s)->last;
	unsigned above = 0;

	if (s->job->n - i < AHEAD)
		return key >= before_last(s);
	for (size_t j = i + 1; j < i + AHEAD; j++)
		above += image(s, j) >= last;
	return above <= AHEAD / 2;
}

/* Parts the keys into stretches and strays. False: there are too many of these. */
static bool part(struct search *s)
{
	size_t i = 0;

	while (i < s->job->n) {
		uint64_t key = image(s, i);

		if (s->stretches == 0 || key >= last_of(s)->last) {
			i = add_stretch(s, i);
		} else if (!is_last_astray(s, i, key)) {
			if (!add_stray(s, i++, key))
				return false;
		} else if (!drop_last(s)) {
			return false;
		}
	}
	return true;
}

/* By their images: the keys themselves are far apart. */
static bool sort_strays(struct search *s)
{
	struct smi_job job = { .kernel = s->job->kernel, .crew = { .np = 1 }, .n = s->strays, .width = 8,
			       .plan = { .keys = { s->image, SMI_INT64, false, 0 }, .sink = SMI_TO_INDEX32,
					 .out = s->sorted } };
	int r;

	for (size_t i = 0; i < s->strays; i++)
		s->image[i] = s->stray[i].image;
	r = s->strays > 0 ? smi_radix_job(&job) : 0;
	smi_job_fini(&job);
	return r == 0;
}

/* Strays' places among keys that lie far away will be looked for soon, and no CPU foresees where.
 * Always inline: a function that does nothing else is one without effect, whose calls gcc drops. */
static inline __attribute__((always_inline)) void ask_for_keys(const struct search *s, size_t begin, size_t end)
{
	const char *p = smi_key_at(s->keys->base, s->keys->kind, begin);
	const char *last = smi_key_at(s->keys->base, s->keys->kind, end);

	for (; p < last; p += SMI_LINE)
		__builtin_prefetch(p + SOON);
}

/* Keys begin ... end-1 come next. */
static void put_keys(struct search *s, size_t begin, size_t end)
{
	const struct smi_plan *plan = &s->job->plan;
	size_t n = end - begin, size = smi_kind_size(s->keys->kind);

	if (s->far)
		ask_for_keys(s, begin, end);
	if (plan->sink == SMI_TO_KEY)
		memcpy(s->copy + s->written * size, smi_key_at(s->keys->base, s->keys->kind, begin), n * size);
	else if (plan->sink == SMI_TO_INDEX64)
		s->job->kernel->count_up((uint64_t *)plan->out + s->written, n, begin, 1);
	else
		s->job->kernel->count_up_narrow((uint32_t *)plan->out + s->written, n, begin, 1);
	s->written += n;
}

static bool is_behind(const struct stray *stray, uint64_t key, size_t index)
{
	return key < stray->image || (key == stray->image && index < stray->index);
}

/* Of keys begin ... end-1, which are in order, the first that does not come before the stray. */
static size_t place_of(const struct search *s, const struct stray *stray, size_t begin, size_t end)
{
	while (begin < end) {
		size_t middle = begin + (end - begin) / 2;

		if (is_behind(stray, image(s, middle), middle))
			begin = middle + 1;
		else
			end = middle;
	}
	return begin;
}

static void merge(struct search *s)
{
	const struct stretch *next = s->stretch, *end = next + s->stretches;
	size_t at = s->stretches > 0 ? next->begin : 0, to;

	for (size_t i = 0; i < s->strays; i++) {
		const struct stray *stray = &s->stray[s->sorted[i]];

		if (i + 8 < s->strays)
			__builtin_prefetch(&s->stray[s->sorted[i + 8]]);
		for (; next < end && is_behind(stray, next->last, next->end - 1); at = ++next < end ? next->begin : 0)
			put_keys(s, at, next->end);
		if (next < end) {
			to = place_of(s, stray, at, next->end);
			put_keys(s, at, to);
			at = to;
		}
		put_keys(s, stray->index, stray->index + 1);
	}
	for (; next < end; at = ++next < end ? next->begin : 0)
		put_keys(s, at, next->end);
	if (s->job->plan.sink == SMI_TO_KEY)
		memcpy(s->job->plan.out, s->copy, s->written * smi_kind_size(s->keys->kind));
}

int smi_stray_sort(struct smi_job *job)
{
	struct search s = { .job = job, .keys = &job->plan.keys };
	size_t bytes = job->n * smi_kind_size(job->plan.keys.kind);
	int r = 1;

	if (!seems_worth_it(job) || !reserve(&s))
		return 1;
	if (part(&s) && sort_strays(&s)) {
		s.far = bytes > FAR * smi_job_cache();
		merge(&s);
		r = 0;
	}
	smi_scratch_give(job->scratch);
	job->scratch = NULL;
	return r;
}
