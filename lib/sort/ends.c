/* SPDX-License-Identifier: MIT */
#include "sort/ends.h"

/* Is a -0 in a run? Its zeros lie side by side. */
static bool has_minus_zero(const struct smi_keys *keys, size_t lo, size_t hi, bool falling)
{
	uint64_t zero = smi_image(keys->kind, keys->flip, 0), image;
	size_t end = hi, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		image = smi_key_image(keys, mid);
		if (falling ? image > zero : image < zero)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < end && smi_key_image(keys, lo) == zero; lo++)
		if (smi_key_load(smi_key_at(keys->base, keys->kind, lo), keys->kind) != 0)
			return true;
	return false;
}

bool smi_ends_range(struct smi_job *job, const struct smi_runs *runs)
{
	const struct smi_keys *keys = &job->plan.keys;
	struct smi_range range = { UINT64_MAX, 0, UINT64_MAX, false };
	bool is_float = smi_kind_float(keys->kind) && job->plan.sink == SMI_TO_KEY;

	for (size_t r = 0; r < runs->count; r++) {
		uint64_t first = smi_key_image(keys, runs->start[r]);
		uint64_t last = smi_key_image(keys, runs->start[r + 1] - 1);
		uint64_t low = first < last ? first : last, high = first < last ? last : first;

		range.min = low < range.min ? low : range.min;
		range.max = high > range.max ? high : range.max;
		range.minus_zero |= is_float &&
				    has_minus_zero(keys, runs->start[r], runs->start[r + 1],
						   runs->falling[r]);
	}
	job->range = range;
	smi_job_plan(job);
	return job->plan.exact;
}

bool smi_ends_raw(const struct smi_job *job, const struct smi_runs *runs)
{
	const struct smi_keys *keys = &job->plan.keys;
	size_t top = runs->start[1], n = job->n;

	if (job->plan.sink == SMI_TO_KEY || smi_kind_size(keys->kind) != 8 || (uintptr_t)keys->base % 8 != 0 ||
	    runs->count != 2 || runs->falling[0] || !runs->falling[1] ||
	    !(job->kernel->order(keys, top, n) & SMI_STRICTLY_FALLING))
		return false;
	return !smi_kind_float(keys->kind) ||
	       (smi_key_image(keys, top - 1) != UINT64_MAX && smi_key_image(keys, top) != UINT64_MAX &&
		!has_minus_zero(keys, 0, top, false) && !has_minus_zero(keys, top, n, true));
}
