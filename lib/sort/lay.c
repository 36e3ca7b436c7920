/* SPDX-License-Identifier: MIT */
#include "sort/lay.h"

#include "sort/crew/cut.h"
#include "sort/kernel/weave.h"

#define INLINE static inline __attribute__((always_inline))

enum { CHUNK = 256 }; /* keys packed at a time */

struct laying {
	const struct smi_job *job;
	const struct smi_runs *runs;
	size_t width;
	char *to;
};

/* Turns n records round, in place. */
INLINE void turn(char *records, size_t n, size_t width)
{
	char x[16];

	for (size_t i = 0, j = n; i + 1 < j; i++) {
		j--;
		memcpy(x, records + i * width, width);
		memcpy(records + i * width, records + j * width, width);
		memcpy(records + j * width, x, width);
	}
}

/* Turns runs of equal images round; of records, equal prefixes. */
INLINE void turn_ties(char *records, size_t n, size_t width, unsigned index_bits)
{
	for (size_t i = 0, j; i < n; i = j) {
		uint64_t first = smi_weave_image(records, i, width) >> index_bits;

		j = i + 1;
		while (j < n && smi_weave_image(records, j, width) >> index_bits == first)
			j++;
		if (j - i > 1)
			turn(records + i * width, j - i, width);
	}
}

/* The records of keys lo ... hi-1. */
static void pack(const struct laying *l, size_t lo, size_t hi, char *to)
{
	const struct smi_job *job = l->job;
	const struct smi_keys *keys = &job->plan.keys;
	const struct smi_pack whole = { .base = 0 };
	struct smi_pair *pairs = (struct smi_pair *)to;
	uint64_t image[CHUNK];

	if (l->width == 4) {
		job->kernel->pack_narrow(keys, &job->plan.pack, lo, hi, (uint32_t *)to);
		return;
	}
	if (l->width == 8) {
		job->kernel->pack(keys, &job->plan.pack, lo, hi, (uint64_t *)to);
		return;
	}
	for (size_t i = lo, n; i < hi; i += n) {
		n = hi - i < CHUNK ? hi - i : CHUNK;
		job->kernel->pack(keys, &whole, i, i + n, image);
		for (size_t k = 0; k < n; k++)
			*pairs++ = (struct smi_pair){ image[k], i + k };
	}
}

/* Keys lo ... hi-1, a part of a run, to where they stand in the run turned round. */
INLINE void pack_turned(const struct laying *l, size_t lo, size_t hi, char *to, size_t width)
{
	for (size_t i = hi, n; i > lo; i -= n, to += n * width) {
		n = i - lo < CHUNK ? i - lo : CHUNK;
		pack(l, i - n, i, to);
		turn(to, n, width);
	}
}

/* The first key from i on, up to `end`, whose image is not that of the one
 * before. */
static size_t image_begin(const struct smi_keys *keys, size_t i, size_t begin, size_t end)
{
	while (i > begin && i < end && smi_key_image(keys, i) == smi_key_image(keys, i - 1))
		i++;
	return i;
}

/* Are some neighbours of a falling run equal, from the one before lo to the one
 * at hi? */
static bool has_ties(const struct laying *l, size_t lo, size_t hi, size_t begin, size_t end)
{
	lo = lo > begin ? lo - 1 : lo;
	hi = hi < end ? hi + 1 : hi;
	return !(l->job->kernel->order(&l->job->plan.keys, lo, hi) & SMI_STRICTLY_FALLING);
}

/* Keys lo ... hi-1 of run r, whose records are to fall if r is odd. In a run of
 * falling keys, equal ones keep their order, and are done by the part in which
 * they begin. */
INLINE void pack_run(const struct laying *l, size_t r, size_t lo, size_t hi, size_t width)
{
	const struct smi_runs *runs = l->runs;
	size_t begin = runs->start[r], end = runs->start[r + 1];
	bool ties = runs->falling[r] && l->job->plan.pack.indexed &&
		    has_ties(l, lo, hi, begin, end);
	bool down = r % 2 == 1;
	char *to;

	if (ties) {
		lo = image_begin(&l->job->plan.keys, lo, begin, end);
		hi = image_begin(&l->job->plan.keys, hi, begin, end);
	}
	if (runs->falling[r] == down) {
		to = l->to + lo * width;
		pack(l, lo, hi, to);
	} else {
		to = l->to + (begin + end - hi) * width;
		pack_turned(l, lo, hi, to, width);
	}
	if (ties)
		turn_ties(to, hi - lo, width, width == 16 ? 0 : l->job->plan.pack.index_bits);
}

static void pack_part(void *arg, size_t part, int rank)
{
	struct laying *l = arg;
	const struct smi_runs *runs = l->runs;
	size_t lo, hi;

	(void)rank;
	smi_cut(l->job->n, (size_t)l->job->crew.np, part, &lo, &hi);
	for (size_t r = 0; r < runs->count; r++) {
		size_t begin = runs->start[r] > lo ? runs->start[r] : lo;
		size_t end = runs->start[r + 1] < hi ? runs->start[r + 1] : hi;

		if (begin >= end)
			continue;
		if (l->width == 4)
			pack_run(l, r, begin, end, 4);
		else if (l->width == 8)
			pack_run(l, r, begin, end, 8);
		else
			pack_run(l, r, begin, end, 16);
	}
}

void smi_lay(const struct smi_job *job, const struct smi_runs *runs, size_t width, char *to)
{
	struct laying l = { job, runs, width, to };

	smi_crew_each(&job->crew, (size_t)job->crew.np, pack_part, &l);
}
