/* SPDX-License-Identifier: MIT */
/* Records of which only a prefix of the key was kept: what happens when
 * prefixes are equal. The whole keys are looked at then, and only then. */
#ifndef SMI_SORT_TIES_H
#define SMI_SORT_TIES_H

#include "sort/kernel/kernel.h"

enum { SETTLE_MAX = 64 }; /* as many records as any group has */

static inline uint64_t whole_image(const struct smi_plan *plan, uint64_t record)
{
	return smi_key_image(&plan->keys, record & plan->index_mask);
}

/* Have m records' keys the same bits? */
static bool same_keys(const struct smi_plan *plan, const uint64_t *records, size_t m)
{
	const char *base = plan->keys.base;
	uint64_t first, bits, unlike = 0;

	if (smi_kind_size(plan->keys.kind) != 8)
		return false;
	memcpy(&first, base + (records[0] & plan->index_mask) * 8, 8);
	for (size_t i = 1; i < m; i++) {
		memcpy(&bits, base + (records[i] & plan->index_mask) * 8, 8);
		unlike |= bits ^ first;
	}
	return unlike == 0;
}

/* Orders m sorted records of one prefix by their whole keys: insertion. */
static void settle_run(const struct smi_plan *plan, uint64_t *records, size_t m)
{
	uint64_t images[SETTLE_MAX];
	size_t j;

	for (size_t i = 0; i < m; i++) {
		uint64_t record = records[i], image = whole_image(plan, record);

		for (j = i; j > 0 && images[j - 1] > image; j--) {
			images[j] = images[j - 1];
			records[j] = records[j - 1];
		}
		images[j] = image;
		records[j] = record;
	}
}

/* Have records with equal prefixes the same bits? Then they are in order. No branch depends on
 * the keys: many loads are in flight. */
static bool are_twins(const struct smi_plan *plan, const uint64_t *records, uint64_t ties)
{
	const char *base = plan->keys.base;
	uint64_t bits, next, unlike = 0;

	if (smi_kind_size(plan->keys.kind) != 8)
		return false;
	for (; ties; ties &= ties - 1) {
		const uint64_t *record = records + __builtin_ctzll(ties);

		memcpy(&bits, base + (record[0] & plan->index_mask) * 8, 8);
		memcpy(&next, base + (record[1] & plan->index_mask) * 8, 8);
		unlike |= bits ^ next;
	}
	return unlike == 0;
}

/* Orders each run of equal prefixes among sorted records by whole keys. `ties` has a bit for each
 * record whose prefix is the next one's. */
static __attribute__((noinline)) void settle_ties(const struct smi_plan *plan, uint64_t *records,
						  uint64_t ties)
{
	if (are_twins(plan, records, ties))
		return;
	while (ties) {
		unsigned first = (unsigned)__builtin_ctzll(ties), more = 1;

		while (ties >> first >> more & 1)
			more++;
		settle_run(plan, records + first, more + 1);
		ties &= ~((((uint64_t)1 << more) - 1) << first);
	}
}

/* For m records of one prefix, in input order: makes records anew from the
 * bits that were dropped, and the plan that goes with them. False when the
 * keys are all equal. */
static bool unpack_prefix(const struct smi_plan *plan, uint64_t *records, size_t m,
			  struct smi_plan *finer)
{
	uint64_t min = UINT64_MAX, max = 0, image;
	unsigned room = plan->room, bits;

	if (same_keys(plan, records, m))
		return false;
	for (size_t i = 0; i < m; i++) {
		image = whole_image(plan, records[i]);
		min = image < min ? image : min;
		max = image > max ? image : max;
	}
	if (min == max)
		return false;
	bits = 64 - (unsigned)__builtin_clzll(max - min);
	*finer = *plan;
	finer->pack.mapped = false;
	finer->pack.base = min;
	finer->pack.drop = bits > room ? bits - room : 0;
	finer->exact = finer->pack.drop == 0;
	for (size_t i = 0; i < m; i++) {
		uint64_t index = records[i] & plan->index_mask;

		image = smi_key_image(&plan->keys, index);
		records[i] = (image - min) >> finer->pack.drop << plan->pack.index_bits | index;
	}
	return true;
}

#endif
