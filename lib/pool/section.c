/* SPDX-License-Identifier: MIT */
/* Critical and ordered sections, as a job meets them: the rules of nesting here,
 * the waiting in lib/sync. */
#include <errno.h>

#include "pool/worker.h"

/* Whoever waits for another one's leaving says so: it is no time of its own. */
static __attribute__((noinline)) int wait_in_line(struct smi_worker *worker, struct smi_critical *critical)
{
	int r;

	atomic_store_explicit(&worker->slot->in_line, 1, memory_order_relaxed);
	r = smi_critical_wait(critical, worker->told.rank, worker->map->spin);
	atomic_store_explicit(&worker->slot->in_line, 0, memory_order_relaxed);
	return r;
}

/* Nobody comes in any more. The job has not failed for good, whatever it returns. */
static __attribute__((noinline)) int refuse(struct smi_worker *worker)
{
	return smi_worker_trouble(worker, POOL_NO_RESOURCES, ECANCELED, "found the map ending before a section");
}

/* Whether it is in; not when the map is ending. */
static inline bool enter(struct smi_worker *worker, struct smi_critical *critical)
{
	return !smi_worker_stopped(worker) &&
	       (__builtin_expect(smi_critical_try(critical, worker->told.rank), 1) ||
		wait_in_line(worker, critical) == 0);
}

int pool_critical_begin(struct pool_worker *self)
{
	struct smi_worker *worker = smi_worker_of(self);

	if (smi_worker_is_stray(worker))
		return -1;
	if (worker->section & SMI_IN_CRITICAL)
		return smi_worker_trouble(worker, POOL_FAILED, -1, "entered a critical section inside one");
	if (!enter(worker, &worker->head->critical))
		return refuse(worker);
	worker->section |= SMI_IN_CRITICAL;
	return 0;
}

void pool_critical_end(struct pool_worker *self)
{
	struct smi_worker *worker = smi_worker_of(self);

	if (smi_worker_is_stray(worker))
		return;
	if (!(worker->section & SMI_IN_CRITICAL)) {
		smi_worker_trouble(worker, POOL_FAILED, -1, "left a critical section that it was not in");
		return;
	}
	worker->section &= ~(unsigned)SMI_IN_CRITICAL;
	smi_critical_leave(&worker->head->critical);
}

static int may_enter_ordered(struct smi_worker *worker)
{
	if (smi_worker_is_stray(worker))
		return -1;
	if (worker->section & SMI_IN_CRITICAL)
		return smi_worker_trouble(worker, POOL_FAILED, -1,
					  "entered an ordered section inside a critical one");
	if (worker->in_hook)
		return smi_worker_trouble(worker, POOL_FAILED, -1,
					  "entered an ordered section outside of a job");
	if (worker->section & SMI_IN_ORDERED || worker->passed)
		return smi_worker_trouble(worker, POOL_FAILED, -1,
					  "entered an ordered section twice");
	return 0;
}

int pool_ordered_begin(struct pool_worker *self)
{
	struct smi_worker *worker = smi_worker_of(self);
	const struct smi_map *map = worker->map;

	if (may_enter_ordered(worker) != 0)
		return -1;
	if (smi_order_enter(&map->order, worker->told.rank, smi_worker_job(worker), map->spin) < 0)
		return refuse(worker);
	/* A retry whose first try had left the section comes behind its turn. */
	if (map->retries > 0 && !enter(worker, &worker->head->inside))
		return refuse(worker);
	worker->section |= SMI_IN_ORDERED;
	return 0;
}

void pool_ordered_end(struct pool_worker *self)
{
	struct smi_worker *worker = smi_worker_of(self);
	uint64_t next = smi_worker_job(worker) + 1;
	uint64_t end = worker->again_end ? worker->again_end : worker->taker.end;

	if (smi_worker_is_stray(worker))
		return;
	if (!(worker->section & SMI_IN_ORDERED)) {
		smi_worker_trouble(worker, POOL_FAILED, -1, "left an ordered section that it was not in");
		return;
	}
	worker->section &= ~(unsigned)SMI_IN_ORDERED;
	worker->passed = true;
	if (worker->map->retries > 0)
		smi_critical_leave(&worker->head->inside);
	/* The range's last job: what comes next is above all that is handed out, unless
	 * it has more to run again. */
	if (next == end && worker->map->queue.schedule->ascending &&
	    atomic_load(&worker->slot->inbox.state) == SMI_INBOX_EMPTY)
		next = SMI_ORDER_NONE;
	smi_order_leave(&worker->map->order, worker->told.rank, next);
}

void smi_section_close(struct smi_worker *worker)
{
	smi_worker_trouble(worker, POOL_FAILED, -1, "ended inside %s section",
			   worker->section & SMI_IN_CRITICAL ? "a critical" : "an ordered");
	if (worker->section & SMI_IN_CRITICAL)
		pool_critical_end(&worker->told);
	if (worker->section & SMI_IN_ORDERED)
		pool_ordered_end(&worker->told);
}
