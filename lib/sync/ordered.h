/* SPDX-License-Identifier: MIT */
/* Jobs pass one at a time, in the order of their ids.
 *
 * Each worker publishes `low`: no job below it will still enter through this
 * worker. A job may enter when every other worker's `low` is above its id. A
 * worker that runs jobs which never enter only raises its `low`, so a skipped
 * section costs one store, and nothing is kept for each job.
 *
 * Before a worker claims ids, `low` is a bound below what it can get; a worker
 * that holds no ids publishes SMI_ORDER_NONE, and what it claims later is above
 * whatever is claimed now, since the queue never hands out a lower id. */
#ifndef SMI_SYNC_ORDERED_H
#define SMI_SYNC_ORDERED_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMI_ORDER_NONE UINT64_MAX

/* A worker's words. `low` is written by the worker and read by those who wait.
 * `wants` and `nudge` lie apart: the waiter sleeps on its own `nudge`, which
 * others raise; `wants` is the id it waits with, SMI_ORDER_NONE when awake. */
struct smi_turn {
	alignas(64) _Atomic uint64_t low;
	alignas(64) _Atomic uint64_t wants;
	_Atomic uint32_t nudge;
	_Atomic uint32_t waited; /* sleeps that have ended */
	uint32_t doubts, sleeps; /* the worker's own: whether it gives way before it sleeps */
};

struct smi_ordered {
	alignas(64) _Atomic uint32_t sleepers;
	_Atomic uint32_t moves; /* ids have gone from one worker to another: look again at all */
};

/* Where the words are: `turn` of rank r lies r * stride bytes behind `first`. */
struct smi_order {
	struct smi_ordered *shared;
	char *first;
	size_t stride;
	int np;
};

static inline struct smi_turn *smi_order_turn(const struct smi_order *order, int rank)
{
	return (struct smi_turn *)(order->first + (size_t)rank * order->stride);
}

/* `ascending`: ids come from one ascending counter, so a worker that has not
 * claimed yet holds nobody up. */
void smi_order_init(const struct smi_order *order, bool ascending);

/* Raises a worker's own `low` at the end of a job, or when ids are claimed. */
static inline void smi_order_raise(struct smi_turn *turn, uint64_t low)
{
	atomic_store_explicit(&turn->low, low, memory_order_release);
}

/* Wakes the waiter whose turn may have come, if anybody waits. Called after a
 * raise that others may wait for. */
void smi_order_wake(const struct smi_order *order);
static inline void smi_order_nudge(const struct smi_order *order)
{
	if (__builtin_expect(atomic_load_explicit(&order->shared->sleepers, memory_order_relaxed) != 0, 0))
		smi_order_wake(order);
}

/* Waits until every job below `id` has passed. 0, or -1 when the map is ending. */
int smi_order_enter(const struct smi_order *order, int rank, uint64_t id, bool spin);

/* Leaves: `low` is the next id that this worker may enter with. */
void smi_order_leave(const struct smi_order *order, int rank, uint64_t low);

/* The master's, of a rank without a worker: its ids have gone to others, whose `low`
 * is lowered already. Whoever looks from one to the next meanwhile might see neither. */
void smi_order_move(const struct smi_order *order, int rank, uint64_t low);

/* The master's: ids that were one worker's are another one's, whose bound covers them. */
void smi_order_moved(const struct smi_order *order);

/* The master's. Whether this rank's worker sleeps for a turn that has not come. */
bool smi_order_waits(const struct smi_order *order, int rank);

void smi_order_stop(const struct smi_order *order);

#endif
