/* SPDX-License-Identifier: MIT */
#include "sort/specials.h"

#include "sort/crew/cut.h"

#include <errno.h>
#include <stdlib.h>


static uint64_t bits_at(const struct smi_keys *keys, const void *base, size_t i)
{
	return smi_key_load(smi_key_at(base, keys->kind, i), keys->kind);
}

static uint64_t zero_image(const struct smi_keys *keys)
{
	return smi_image(keys->kind, keys->flip, 0);
}

enum { PARTS = 64 };

/* Each part counts its zeros and NaNs, then, when it is known how many come
 * before them, puts them aside. */
struct collection {
	struct smi_specials *specials;
	const struct smi_kernel *kernel;
	const struct smi_keys *keys;
	size_t n, parts, nans[PARTS], zeros[PARTS];
};

static void count_part(void *arg, size_t part, int rank)
{
	struct collection *c = arg;
	size_t lo, hi;

	(void)rank;
	smi_cut(c->n, c->parts, part, &lo, &hi);
	c->kernel->special_count(c->keys, lo, hi, &c->nans[part], &c->zeros[part]);
}

static void collect_part(void *arg, size_t part, int rank)
{
	struct collection *c = arg;
	struct smi_specials *s = c->specials;
	size_t nans = c->nans[part], end = part + 1 < c->parts ? c->nans[part + 1] : s->nan_count, lo, hi;

	(void)rank;
	smi_cut(c->n, c->parts, part, &lo, &hi);
	c->kernel->special_collect(c->keys, lo, hi, s->nans + nans, end - nans, s->signs + c->zeros[part]);
}

/* Replaces each count by the sum of those before it; returns the sum of all. */
static size_t sum_up(size_t *counts, size_t n)
{
	size_t sum = 0, here;

	for (size_t i = 0; i < n; i++) {
		here = counts[i];
		counts[i] = sum;
		sum += here;
	}
	return sum;
}

int smi_specials_init(struct smi_specials *s, const struct smi_kernel *kernel, const struct smi_crew *crew,
		      const struct smi_keys *keys, size_t n, const struct smi_range *range)
{
	struct collection c; /* KiB: not cleared, since most keys have no specials */

	memset(s, 0, sizeof *s);
	if (!smi_kind_float(keys->kind) ||
	    (!range->minus_zero && range->max != smi_kind_mask(keys->kind)))
		return 0;
	c.specials = s;
	c.kernel = kernel;
	c.keys = keys;
	c.n = n;
	c.parts = crew->np < PARTS ? (size_t)crew->np : PARTS;
	smi_crew_each(crew, c.parts, count_part, &c);
	s->nan_count = sum_up(c.nans, c.parts);
	s->zero_count = sum_up(c.zeros, c.parts);
	s->nans = malloc((s->nan_count + 1) * sizeof *s->nans);
	s->signs = malloc(s->zero_count + 1);
	if (!s->nans || !s->signs) {
		smi_specials_fini(s);
		memset(s, 0, sizeof *s);
		return -ENOMEM;
	}
	smi_crew_each(crew, c.parts, collect_part, &c);
	return 0;
}

/* How many of n sorted keys have an image below this one. */
static size_t count_below(const struct smi_keys *keys, const void *sorted, size_t n,
			  uint64_t image)
{
	size_t lo = 0, hi = n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (smi_image(keys->kind, keys->flip, bits_at(keys, sorted, mid)) < image)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void smi_specials_restore(const struct smi_specials *s, const struct smi_keys *keys, void *sorted,
			  size_t n)
{
	size_t size = smi_kind_size(keys->kind);
	uint64_t mask = smi_kind_mask(keys->kind), sign = mask ^ mask >> 1;
	char *at;

	if (s->zero_count) {
		at = (char *)sorted + count_below(keys, sorted, n - s->nan_count, zero_image(keys)) * size;
		for (size_t i = 0; i < s->zero_count; i++)
			smi_key_store(at + i * size, keys->kind, s->signs[i] ? sign : 0);
	}
	at = (char *)sorted + (n - s->nan_count) * size;
	for (size_t i = 0; i < s->nan_count; i++)
		smi_key_store(at + i * size, keys->kind, s->nans[i]);
}

void smi_specials_fini(struct smi_specials *s)
{
	free(s->nans);
	free(s->signs);
}
