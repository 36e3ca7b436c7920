/* SPDX-License-Identifier: MIT */
/* As OpenMP has it: each grab is what is left, divided by the workers, at least
 * `chunk`. After Polychronopoulos and Kuck, "Guided Self-Scheduling" (1987). */
#include "queue/queue.h"

static struct smi_range take(const struct smi_queue *queue, struct smi_taker *taker)
{
	uint64_t begin = atomic_load_explicit(&queue->words->next, memory_order_relaxed);
	uint64_t least = queue->chunk ? queue->chunk : 1, np = (uint64_t)queue->np, size, left;

	(void)taker;
	do {
		if (begin >= queue->njobs)
			return (struct smi_range){ queue->njobs, queue->njobs };
		left = queue->njobs - begin;
		size = left / np + (left % np != 0);
		if (size < least)
			size = least < left ? least : left;
	} while (!atomic_compare_exchange_weak(&queue->words->next, &begin, begin + size));
	return (struct smi_range){ begin, begin + size };
}

const struct smi_schedule smi_schedule_guided = { "guided", take, true, NULL };
