/* SPDX-License-Identifier: MIT */
#include "sort/specials.h"

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

static void collect(struct smi_specials *s, const struct smi_keys *keys, size_t n)
{
	uint64_t nan = smi_kind_mask(keys->kind), zero = zero_image(keys);
	size_t nans = 0, zeros = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t image = smi_key_image(keys, i);

		if (image == nan)
			s->nans[nans++] = bits_at(keys, keys->base, i);
		else if (image == zero)
			s->signs[zeros++] = bits_at(keys, keys->base, i) != 0;
	}
}

int smi_specials_init(struct smi_specials *s, const struct smi_keys *keys, size_t n,
		      const struct smi_range *range)
{
	uint64_t nan = smi_kind_mask(keys->kind), zero = zero_image(keys);

	memset(s, 0, sizeof *s);
	if (!smi_kind_float(keys->kind) || (!range->minus_zero && range->max != nan))
		return 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t image = smi_key_image(keys, i);

		s->nan_count += image == nan;
		s->zero_count += image == zero;
	}
	s->nans = malloc((s->nan_count + 1) * sizeof *s->nans);
	s->signs = malloc(s->zero_count + 1);
	if (!s->nans || !s->signs) {
		smi_specials_fini(s);
		return -ENOMEM;
	}
	collect(s, keys, n);
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
		at = (char *)sorted + count_below(keys, sorted, n, zero_image(keys)) * size;
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
