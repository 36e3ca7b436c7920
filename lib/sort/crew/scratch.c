/* SPDX-License-Identifier: MIT */
/* Scratch memory: a block begins with one line that tells its size. */
#include "sort/crew/scratch.h"

#include <stdatomic.h>

#include "os/mapping.h"

enum { HEAD = 64, KEPT = 3 };

struct block {
	size_t size;
};

/* The kept blocks; who wants one takes it out, so it has one user at most. */
static struct block *_Atomic kept[KEPT];

static void keep(struct block *block)
{
	for (int i = 0; i < KEPT; i++) {
		struct block *none = NULL;

		if (atomic_compare_exchange_strong(&kept[i], &none, block))
			return;
	}
	block = atomic_exchange(&kept[0], block);
	if (block)
		smi_unmap(block, block->size);
}

/* A kept block that is large enough, or NULL. */
static struct block *take_kept(size_t size)
{
	struct block *block;

	for (int i = 0; i < KEPT; i++) {
		block = atomic_exchange(&kept[i], NULL);
		if (block && block->size >= size)
			return block;
		if (block)
			keep(block);
	}
	return NULL;
}

static void drop(int i)
{
	struct block *block = atomic_exchange(&kept[i], NULL);

	if (block)
		smi_unmap(block, block->size);
}

void *smi_scratch_take(size_t size)
{
	struct block *block;

	if (size > SIZE_MAX - HEAD - SMI_HUGE)
		return NULL;
	size = smi_round_up(size + HEAD, SMI_HUGE);
	block = take_kept(size);
	if (!block) {
		/* What is kept is too small for what is wanted now. */
		drop(0);
		block = smi_map_private(size);
		if (!block)
			return NULL;
		block->size = size;
	}
	return (char *)block + HEAD;
}

void smi_scratch_give(void *scratch)
{
	struct block *block = scratch ? (struct block *)((char *)scratch - HEAD) : NULL;

	if (!block)
		return;
	if (block->size <= SMI_SCRATCH_KEPT)
		keep(block);
	else
		smi_unmap(block, block->size);
}

static __attribute__((destructor)) void drop_kept(void)
{
	for (int i = 0; i < KEPT; i++)
		drop(i);
}
