/* SPDX-License-Identifier: MIT */
/* Everybody's ids are settled by rank: with a chunk, chunks in turn; without one,
 * one share for each, which differ by one at most. No atomic step at all. */
#include "queue/queue.h"

static struct smi_range share(const struct smi_queue *queue, struct smi_taker *taker)
{
	uint64_t np = (uint64_t)queue->np, rank = (uint64_t)taker->rank;
	uint64_t each = queue->njobs / np, more = queue->njobs % np;
	uint64_t begin = rank * each + (rank < more ? rank : more);

	if (taker->before)
		return (struct smi_range){ queue->njobs, queue->njobs };
	taker->before = 1;
	return (struct smi_range){ begin, begin + each + (rank < more) };
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static struct smi_range take(const struct smi_queue *queue, struct smi_taker *taker)
{
	uint64_t begin, step;

	if (queue->chunk == 0)
		return share(queue, taker);
	/* `size` counts this worker's chunks from 1. */
	if (__builtin_mul_overflow(queue->chunk, (taker->size - 1) * (uint64_t)queue->np + (uint64_t)taker->rank,
				   &begin))
		begin = queue->njobs;
	taker->size++;
	begin = min(begin, queue->njobs);
	step = min(queue->chunk, queue->njobs - begin);
	return (struct smi_range){ begin, begin + step };
}

/* The last range lay in the chunk that ends at `end`, or at the end of all. */
static void resume(const struct smi_queue *queue, struct smi_taker *taker, uint64_t end)
{
	taker->before = 1;
	if (queue->chunk > 0)
		taker->size = (end - 1) / queue->chunk / (uint64_t)queue->np + 2;
}

const struct smi_schedule smi_schedule_static = { "static", take, false, resume };
