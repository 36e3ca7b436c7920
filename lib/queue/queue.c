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
	queue->fixed = schedule == POOL_DYNAMIC ? queue->chunk : 0;
	queue->np = np;
	atomic_store(&words->next, 0);
}

void smi_taker_init(struct smi_taker *taker, int rank)
{
	*taker = (struct smi_taker){ .rank = rank, .size = 1 };
}

void smi_taker_resume(struct smi_taker *taker, const struct smi_queue *queue, const struct smi_claim *claim)
{
	uint64_t stand = atomic_load(&claim->stand);

	if (queue->schedule->ascending) {
		taker->end = atomic_load(&claim->end);
	} else if (stand > 0) {
		taker->end = stand;
		queue->schedule->resume(queue, taker, stand);
	}
}

bool smi_queue_has_more(const struct smi_queue *queue, const struct smi_taker *taker)
{
	struct smi_taker copy = *taker;
	struct smi_range range;

	if (queue->schedule->ascending)
		return atomic_load(&queue->words->next) < queue->njobs;
	range = queue->schedule->take(queue, &copy);
	return range.begin < range.end;
}

bool smi_claim_read(const struct smi_claim *claim, struct smi_range *range)
{
	uint32_t step = atomic_load_explicit(&claim->step, memory_order_acquire);

	if (step & 1)
		return false;
	/* The second look at the step comes after both. */
	range->begin = atomic_load_explicit(&claim->begin, memory_order_acquire);
	range->end = atomic_load_explicit(&claim->end, memory_order_acquire);
	return atomic_load_explicit(&claim->step, memory_order_relaxed) == step;
}
