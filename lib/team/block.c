/* SPDX-License-Identifier: MIT */
#include "team/block.h"

#include <errno.h>
#include <stdlib.h>

#include "os/io.h"
#include "os/mapping.h"

/* Bytes of all workers' rings together, and of one: what goes round in them is to
 * have left a core's own cache, and to be in the one that cores share. */
#define RINGS ((size_t)16 << 20)
#define RING_MOST ((size_t)4 << 20)

/* The same of their first parts, which lie with the words, in one huge page mostly. */
#define FIRSTS ((size_t)1 << 20)
#define FIRST_MOST ((size_t)256 << 10)
#define FIRST_LEAST ((size_t)32 << 10)

/* Words and first parts that are larger are filled by those who use them. */
#define FILL_MOST (8 * SMI_HUGE)

/* Slabs kept from map to map: of all workers together, bytes. */
#define KEEP ((uint64_t)64 << 20)

/* Bytes of slabs that may be lent at once, of all workers together: about a last
 * cache, so that reduce finds there what a worker has just written. What the C
 * library says of that cache is no help: on a shared machine it is the host's. */
#define LENT ((size_t)32 << 20)

/* The power of two that is each one's share of `all`. */
static size_t share(size_t all, int np, size_t least, size_t most)
{
	size_t size = most;

	while (size > least && size * (size_t)np > all)
		size /= 2;
	return size;
}

static void init_pipes(struct smi_block *block, char *firsts, size_t first, char *rings, size_t ring)
{
	for (size_t r = 0; r < (size_t)block->np; r++)
		block->pipe[r] = (struct smi_pipe){ .words = &block->slot[r].pipe,
						    .ring = { firsts + r * first, rings + r * ring, first, ring },
						    .inline_most = first / 4,
						    .file = -1,
						    .file_end = &block->head->file_end,
						    .slab_budget = LENT / (size_t)block->np };
}

int smi_block_init(struct smi_block *block, int np)
{
	size_t first = share(FIRSTS, np, FIRST_LEAST, FIRST_MOST), ring = share(RINGS, np, first, RING_MOST);
	size_t words = smi_round_up(sizeof(struct smi_block_head) + (size_t)np * sizeof(struct smi_slot), 4096);
	size_t front = smi_round_up(words + (size_t)np * first, SMI_HUGE);

	*block = (struct smi_block){ .np = np, .file = -1 };
	block->pipe = calloc((size_t)np, sizeof *block->pipe);
	if (!block->pipe)
		return -ENOMEM;
	block->size = front + (size_t)np * ring;
	block->memory = smi_map_shared(block->size);
	if (!block->memory) {
		free(block->pipe);
		block->pipe = NULL;
		return -ENOMEM;
	}
	/* Huge pages cost a child one fault each; without them it has more. */
	if (np > 1 && front <= FILL_MOST)
		smi_map_fill(block->memory, front);
	block->head = (struct smi_block_head *)block->memory;
	block->slot = (struct smi_slot *)(block->head + 1);
	init_pipes(block, block->memory + words, first, block->memory + front, ring);
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
	atomic_store(&slot->in_line, 0);
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
	atomic_store(&head->heavy, 0);
	atomic_store(&head->gate.np, 0);
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
