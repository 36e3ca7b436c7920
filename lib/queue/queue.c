/* SPDX-License-Identifier: MIT */
#include "queue/queue.h"

void smi_queue_init(struct smi_queue *queue, struct smi_queue_words *words,
		    enum pool_schedule schedule, uint64_t chunk, uint64_t njobs, int np)
{
	static const struct smi_schedule *const table[] = {
		[POOL_STATIC] = &smi_schedule_static,
		[POOL_DYNAMIC] = &smi_schedule_dynamic,
		[POOL_GUIDED] = &smi_schedule_guided,
	};

	queue->schedule = table[schedule];
	queue->words = words;
	queue->njobs = njobs;
	queue->chunk = chunk;
	queue->np = np;
	atomic_store(&words->next, 0);
}

void smi_taker_init(struct smi_taker *taker, int rank)
{
	*taker = (struct smi_taker){ .rank = rank, .size = 1 };
}

struct smi_range smi_queue_take(const struct smi_queue *queue, struct smi_taker *taker,
				struct smi_claim *claim)
{
	struct smi_range range;

	atomic_store_explicit(&claim->claiming, 1, memory_order_relaxed);
	range = queue->schedule->take(queue, taker);
	taker->end = range.end;
	atomic_store_explicit(&claim->begin, range.begin, memory_order_relaxed);
	atomic_store_explicit(&claim->end, range.end, memory_order_relaxed);
	atomic_store_explicit(&claim->claiming, 0, memory_order_release);
	return range;
}
