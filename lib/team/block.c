/* SPDX-License-Identifier: MIT */
#include "team/block.h"

#include <errno.h>
#include <stdlib.h>

#include "os/io.h"
#include "os/mapping.h"

/* All rings together fill about an L2 cache; each is worth its bookkeeping. */
#define RINGS ((size_t)1 << 20)
#define RING_MOST ((size_t)256 << 10)
#define RING_LEAST ((size_t)32 << 10)

/* A larger block is filled by those who use it. */
#define FILL_MOST (8 * SMI_HUGE)

/* Slabs kept from map to map: of all workers together, bytes. */
#define KEEP ((uint64_t)64 << 20)

/* Bytes of slabs that may be lent at once, of all workers together: about a last
 * cache, so that reduce finds there what a worker has just written. What the C
 * library says of that cache is no help: on a shared machine it is the host's. */
#define LENT ((size_t)32 << 20)

static size_t ring_size(int np)
{
	size_t size = RING_MOST;

	while (size > RING_LEAST && size * (size_t)np > RINGS)
		size /= 2;
	return size;
}

static void init_pipes(struct smi_block *block, char *rings, size_t ring)
{
	for (int r = 0; r < block->np; r++)
		block->pipe[r] = (struct smi_pipe){ .words = &block->slot[r].pipe,
						    .ring = rings + (size_t)r * ring,
						    .size = ring,
						    .file = -1,
						    .file_end = &block->head->file_end,
						    .slab_budget = LENT / (size_t)block->np };
}

int smi_block_init(struct smi_block *block, int np)
{
	size_t ring = ring_size(np), slots = (size_t)np * sizeof(struct smi_slot);
	size_t front = smi_round_up(sizeof(struct smi_block_head) + slots, 4096);

	*block = (struct smi_block){ .np = np, .file = -1 };
	block->pipe = calloc((size_t)np, sizeof *block->pipe);
	if (!block->pipe)
		return -ENOMEM;
	block->size = front + (size_t)np * ring;
	if (np > 1)
		block->size = smi_round_up(block->size, SMI_HUGE);
	block->memory = smi_map_shared(block->size);
	if (!block->memory) {
		free(block->pipe);
		block->pipe = NULL;
		return -ENOMEM;
	}
	/* Huge pages cost a child one fault each; without them it has more. */
	if (np > 1 && block->size <= FILL_MOST)
		smi_map_fill(block->memory, block->size);
	block->head = (struct smi_block_head *)block->memory;
	block->slot = (struct smi_slot *)(block->head + 1);
	init_pipes(block, block->memory + front, ring);
	return 0;
}

static void drop_file(struct smi_block *block)
{
	for (int r = 0; r < block->np; r++) {
		smi_pipe_unmap(&block->pipe[r]);
		block->pipe[r].file = -1;
	}
	block->file = smi_close(block->file);
}

void smi_block_fini(struct smi_block *block)
{
	if (!block->memory)
		return;
	drop_file(block);
	smi_unmap(block->memory, block->size);
	free(block->pipe);
	block->memory = NULL;
	block->pipe = NULL;
}

/* For a worker's life, the first or a later one. */
static void reset_life(struct smi_slot *slot)
{
	atomic_store(&slot->at, UINT64_MAX);
	atomic_store(&slot->phase, SMI_PHASE_NEW);
	atomic_store(&slot->pid, 0);
	atomic_store(&slot->tried, UINT64_MAX);
	atomic_store(&slot->call, 0);
	atomic_store(&slot->crash.signal, 0);
}

static void reset_slot(struct smi_slot *slot)
{
	reset_life(slot);
	atomic_store(&slot->claim.begin, 0);
	atomic_store(&slot->claim.end, 0);
	atomic_store(&slot->claim.step, 0);
	atomic_store(&slot->claim.stand, 0);
	smi_inbox_init(&slot->inbox);
}

/* Where a dead worker says that its slabs lie, somebody else's may: it is not
 * believed then, and the memory stays until the map ends. */
static void disbelieve(struct smi_block *block, int rank, struct smi_slab_place *mine)
{
	uint64_t begin = atomic_load(&mine->offset), end = begin + atomic_load(&mine->capacity);

	for (int i = 0; i < block->np * SMI_SLABS; i++) {
		struct smi_slab_place *other = &block->slot[i / SMI_SLABS].pipe.slab[i % SMI_SLABS];
		uint64_t offset = atomic_load(&other->offset), capacity = atomic_load(&other->capacity);

		if (i / SMI_SLABS != rank && capacity > 0 && (end < begin || (begin < offset + capacity && offset < end)))
			atomic_store(&mine->capacity, 0);
	}
}

void smi_block_renew(struct smi_block *block, int rank)
{
	struct smi_slot *slot = &block->slot[rank];
	struct smi_pipe *pipe = &block->pipe[rank];

	reset_life(slot);
	atomic_store(&slot->claim.step, 0);
	atomic_store(&slot->turn.wants, SMI_ORDER_NONE);
	smi_inbox_init(&slot->inbox);
	for (int i = 0; i < SMI_SLABS; i++)
		disbelieve(block, rank, &slot->pipe.slab[i]);
	smi_pipe_forget(pipe);
	smi_pipe_reset(pipe);
}

void smi_block_reset(struct smi_block *block, int np)
{
	struct smi_block_head *head = block->head;

	atomic_store(&head->attention, SMI_AWAKE);
	atomic_store(&head->stop, 0);
	atomic_store(&head->finished, 0);
	atomic_store(&head->np, 0);
	smi_critical_init(&head->critical);
	smi_critical_init(&head->inside);
	if (block->file < 0) {
		/* Without it values that outgrow the ring fail, and say so. */
		block->file = smi_file_open();
		atomic_store(&head->file_end, 0);
	}
	for (int r = 0; r < np; r++) {
		reset_slot(&block->slot[r]);
		block->pipe[r].file = block->file;
		smi_pipe_reset(&block->pipe[r]);
	}
}

void smi_block_trim(struct smi_block *block, bool all)
{
	uint64_t size = 0, held = 0;

	if (block->file >= 0 &&
	    (all || smi_file_size(block->file, &size, &held) < 0 || held > KEEP))
		drop_file(block);
}

struct smi_order smi_block_order(const struct smi_block *block, int np)
{
	return (struct smi_order){ .shared = &block->head->ordered,
				   .first = (char *)&block->slot[0].turn,
				   .stride = sizeof(struct smi_slot),
				   .np = np };
}
