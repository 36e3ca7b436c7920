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
	queue->chunk = chunk < njobs ? chunk : njobs;
	queue->np = np;
	atomic_store(&words->next, 0);
}

void smi_taker_init(struct smi_taker *taker, int rank)
{
	*taker = (struct smi_taker){ .rank = rank, .size = 1 };
}
