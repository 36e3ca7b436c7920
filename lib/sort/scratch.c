/* SPDX-License-Identifier: MIT */
/* Scratch memory: a block begins with one line that tells its size. */
#include "sort/scratch.h"

#include <stdatomic.h>

#include "os/mapping.h"

enum { HEAD = 64 };

struct block {
	size_t size;
};

/* The kept block; who wants it takes it out, so it has one user at most. */
static struct block *_Atomic kept;

void *smi_scratch_take(size_t size)
{
	struct block *block = atomic_exchange(&kept, NULL);

	if (size > SIZE_MAX - HEAD - SMI_HUGE)
		size = 0;
	else
		size = smi_round_up(size + HEAD, SMI_HUGE);
	if (block && (size == 0 || block->size < size)) {
		smi_unmap(block, block->size);
		block = NULL;
	}
	if (!block && size) {
		block = smi_map_private(size);
		if (block)
			block->size = size;
	}
	return block ? (char *)block + HEAD : NULL;
}

void smi_scratch_give(void *scratch)
{
	struct block *block = scratch ? (struct block *)((char *)scratch - HEAD) : NULL;

	if (!block)
		return;
	if (block->size <= SMI_SCRATCH_KEPT)
		block = atomic_exchange(&kept, block);
	if (block)
		smi_unmap(block, block->size);
}

static __attribute__((destructor)) void drop_kept(void)
{
	struct block *block = atomic_exchange(&kept, NULL);

	if (block)
		smi_unmap(block, block->size);
}
