/* SPDX-License-Identifier: MIT */
#include "sort/range.h"

#include "sort/crew/cut.h"


enum { PARTS = 64 };

struct ranging {
	const struct smi_kernel *kernel;
	const struct smi_keys *keys;
	size_t n, parts;
	struct smi_range part[PARTS];
};

static void range_part(void *arg, size_t part, int rank)
{
	struct ranging *r = arg;
	size_t lo, hi;

	(void)rank;
	smi_cut(r->n, r->parts, part, &lo, &hi);
	if (lo < hi)
		r->kernel->range(r->keys, lo, hi, &r->part[part]);
}

void smi_range_of(struct smi_range *range, const struct smi_kernel *kernel,
		  const struct smi_crew *crew, const struct smi_keys *keys, size_t n,
		  size_t parts)
{
	struct ranging r = { .kernel = kernel, .keys = keys, .n = n,
			     .parts = parts > PARTS ? PARTS : parts };
	uint64_t first = smi_key_image(keys, 0);
	size_t lo, hi;

	smi_crew_each(crew, r.parts, range_part, &r);
	*range = (struct smi_range){ UINT64_MAX, 0, 0, false };
	for (size_t i = 0; i < r.parts; i++) {
		const struct smi_range *one = &r.part[i];

		smi_cut(n, r.parts, i, &lo, &hi);
		if (lo >= hi)
			continue;
		range->min = one->min < range->min ? one->min : range->min;
		range->max = one->max > range->max ? one->max : range->max;
		/* A part's bits differ from its own first key. */
		range->varying |= one->varying | (smi_key_image(keys, lo) ^ first);
		range->minus_zero |= one->minus_zero;
	}
}
