/* SPDX-License-Identifier: MIT */
#include "queue/settled.h"

#include <errno.h>

#include "os/mapping.h"

int smi_settled_init(struct smi_settled *settled, uint64_t njobs)
{
	*settled = (struct smi_settled){ .njobs = njobs, .size = smi_round_up(njobs / 8 + 8, 4096) };
	settled->word = smi_map_shared(settled->size);
	return settled->word ? 0 : -ENOMEM;
}

void smi_settled_fini(struct smi_settled *settled)
{
	if (settled->word)
		smi_unmap((void *)settled->word, settled->size);
	settled->word = NULL;
}

/* The bits of `job` ... `end` - 1 that lie in the word of `job`. */
static uint64_t mask(uint64_t job, uint64_t end)
{
	uint64_t first = job % 64, most = 64 - first, bits = end - job < most ? end - job : most;

	return (bits == 64 ? UINT64_MAX : (1ull << bits) - 1) << first;
}

static uint64_t next_word(uint64_t job, uint64_t end)
{
	uint64_t next = (job / 64 + 1) * 64;

	return next < end ? next : end;
}

static uint64_t word_of(const struct smi_settled *settled, uint64_t job)
{
	return atomic_load_explicit(&settled->word[job / 64], memory_order_relaxed);
}

bool smi_settled_add(struct smi_settled *settled, uint64_t job, uint64_t count)
{
	uint64_t end = job + count;

	if (job >= settled->njobs || count > settled->njobs - job)
		return false;
	for (uint64_t i = job; i < end; i = next_word(i, end))
		if (word_of(settled, i) & mask(i, end))
			return false;
	/* One writer: no atomic step is needed. */
	for (uint64_t i = job; i < end; i = next_word(i, end))
		atomic_store_explicit(&settled->word[i / 64], word_of(settled, i) | mask(i, end),
				      memory_order_relaxed);
	settled->count += count;
	return true;
}

/* The first job from `from` on, below `end`, whose bit is `wanted`; else `end`. */
static uint64_t find(const struct smi_settled *settled, uint64_t from, uint64_t end, bool wanted)
{
	uint64_t flip = wanted ? 0 : UINT64_MAX;

	for (uint64_t i = from; i < end; i = next_word(i, end)) {
		uint64_t found = (word_of(settled, i) ^ flip) & mask(i, end);

		if (found)
			return i / 64 * 64 + (uint64_t)__builtin_ctzll(found);
	}
	return end;
}

struct smi_range smi_settled_gap(struct smi_settled *settled, struct smi_range range)
{
	uint64_t end = range.end < settled->njobs ? range.end : settled->njobs, first;
	uint64_t from = range.begin > settled->low ? range.begin : settled->low;

	first = find(settled, from, end, false);
	if (from == settled->low)
		settled->low = first;
	if (first >= end)
		return (struct smi_range){ end, end };
	return (struct smi_range){ first, find(settled, first, end, true) };
}
