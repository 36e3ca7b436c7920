/* SPDX-License-Identifier: MIT */
/* Chunks from one counter, to whoever is free.
 *
 * Without a chunk the size follows the measured time of the worker's own jobs:
 * GRAB of work at once, at most twice the last grab, so that no grab is larger
 * than what measuring has earned, and at most a share of what is left, so that
 * the workers end together. */
#include "queue/queue.h"

#include "os/clock.h"

#define GRAB (100 * SMI_US)
#define LARGEST (1ull << 32)

static uint64_t measured(const struct smi_queue *queue, struct smi_taker *taker)
{
	uint64_t next = atomic_load_explicit(&queue->words->next, memory_order_relaxed);
	uint64_t share = next < queue->njobs ? (queue->njobs - next) / (4 * (uint64_t)queue->np) : 0;
	uint64_t now, done = taker->size, spent;

	taker->size = 1;
	if (share <= 1)
		return 1;
	now = smi_now();
	spent = now - taker->before;
	if (taker->before) {
		uint64_t earned = spent >= GRAB * done ? 1 : done * GRAB / (spent + 1);

		taker->size = earned < 2 * done ? earned : 2 * done;
	}
	if (taker->size > LARGEST)
		taker->size = LARGEST;
	if (taker->size > share)
		taker->size = share;
	taker->before = now;
	return taker->size;
}

static struct smi_range take(const struct smi_queue *queue, struct smi_taker *taker)
{
	return smi_dynamic_take(queue, measured(queue, taker));
}

const struct smi_schedule smi_schedule_dynamic = { "dynamic", take, true, NULL };
