/* SPDX-License-Identifier: MIT */
/* A worker's way from the queue to the job and back. */
#include <errno.h>

#include "os/futex.h"
#include "pool/worker.h"

/* There is no call on it but the job's: each would cost as much as all that is done in
 * between. */
#define HOT static inline __attribute__((always_inline))

static __attribute__((noinline)) void refuse_size(struct smi_worker *worker)
{
	smi_worker_trouble(worker, POOL_FAILED, -1, "returned %zu bytes, not the %zu that pool_collect was told",
			   worker->writer.length, worker->map->result_size);
}

/* One try. False when it failed. */
HOT bool try_job(struct smi_worker *worker, uint64_t job, int *returned)
{
	const struct smi_map *map = worker->map;

	smi_order_raise(&worker->slot->turn, job);
	smi_order_nudge(&map->order);
	/* Here and elsewhere: to look is cheaper than to store. */
	if (__builtin_expect(worker->passed, 0))
		worker->passed = false;
	*returned = map->work(&worker->told, job, map->arg);
	if (smi_worker_is_stray(worker))
		smi_process_leave(*returned);
	if (__builtin_expect(map->collect, 0) && *returned == 0 && worker->writer.length != map->result_size)
		refuse_size(worker);
	return (*returned | (int)worker->trouble | (int)worker->section) == 0;
}

/* Counts one more try of the job that has just failed, if it may have one. */
static bool may_try_again(struct smi_worker *worker)
{
	struct smi_slot *slot = worker->slot;
	uint64_t job = smi_worker_job(worker);
	uint32_t tries = 1;

	if (atomic_load(&slot->tried) == job)
		tries += atomic_load(&slot->tries);
	if (tries > worker->map->retries)
		return false;
	atomic_store(&slot->tried, UINT64_MAX);
	atomic_store(&slot->tries, tries);
	atomic_store(&slot->tried, job);
	return true;
}

/* The job has failed, or left a section open, which fails it. Whether another try
 * has done it. */
static __attribute__((noinline)) bool recover(struct smi_worker *worker, uint64_t job, int returned)
{
	for (;;) {
		if (worker->section != SMI_OUTSIDE)
			smi_section_close(worker);
		if (!may_try_again(worker))
			break;
		smi_writer_discard(&worker->writer);
		worker->trouble = POOL_OK;
		/* It has not failed for good: nobody is told of it. */
		if (smi_worker_stopped(worker))
			return false;
		if (try_job(worker, job, &returned))
			return true;
	}
	if (smi_worker_is_cut_off(worker))
		worker->trouble = POOL_OK;
	else
		smi_worker_send_failure(worker, job, returned);
	return false;
}

/* Runs a job. What it returned is committed at once: from then on it is done. Whether
 * to go on with the next. */
HOT bool run_job(struct smi_worker *worker, uint64_t job)
{
	const struct smi_map *map = worker->map;
	int returned;

	atomic_store_explicit(&worker->slot->at, job, memory_order_relaxed);
	if (__builtin_expect(try_job(worker, job, &returned), 1) || recover(worker, job, returned)) {
		if (smi_writer_commit(&worker->writer, job) != 0)
			return false;
	} else if (!map->goes_on) {
		return false;
	}
	return (!map->serial || smi_master_turn(map->master)) && !smi_worker_stopped(worker);
}

/* What the master gives back to be run comes before what is new. Others may wait
 * for it in order: they must see it here before it is gone from where it was. */
static __attribute__((noinline)) struct smi_range take_again(struct smi_worker *worker)
{
	struct smi_slot *slot = worker->slot;
	struct smi_again again;

	if (!smi_inbox_take(&slot->inbox, &again))
		return (struct smi_range){ 0, 0 };
	atomic_store(&slot->turn.low, again.range.begin);
	smi_claim_begin(&slot->claim);
	smi_claim_record(&slot->claim, again.range);
	atomic_store(&slot->tried, UINT64_MAX);
	atomic_store(&slot->tries, again.tries);
	atomic_store(&slot->tried, again.range.begin);
	smi_inbox_taken(&slot->inbox);
	worker->again_end = again.range.end;
	return again.range;
}

/* It has no more ids: nobody waits for it in order. */
HOT void hold_nobody_up(struct smi_worker *worker)
{
	smi_order_raise(&worker->slot->turn, SMI_ORDER_NONE);
	smi_order_nudge(&worker->map->order);
}

/* While it claims, a worker publishes what bounds its new ids from below. Its last job
 * does, unless that has passed its turn on: then it is the counter, so that whoever has
 * an id waits for the section alone, and not for the atomic step, too. */
HOT void bound_claim(struct smi_worker *worker)
{
	smi_order_raise(&worker->slot->turn, smi_queue_bound(&worker->map->queue, &worker->taker));
}

/* New ids. */
HOT struct smi_range take_new(struct smi_worker *worker, bool claims)
{
	const struct smi_map *map = worker->map;
	struct smi_range range;

	if (__builtin_expect(worker->passed, 0))
		bound_claim(worker);
	if (claims) {
		worker->again_end = 0;
		range = smi_queue_claim(&map->queue, &worker->taker, &worker->slot->claim);
	} else {
		range = smi_queue_take(&map->queue, &worker->taker);
	}
	/* Behind the atomic step: what was committed before it. */
	if (!worker->writer.quiet && worker->writer.tail > 0)
		smi_bell_news(&worker->writer.bell);
	if (__builtin_expect(range.begin < range.end, 1))
		return range; /* the first job raises the bound at once */
	hold_nobody_up(worker);
	return range;
}

/* Empty when there is nothing left. */
static struct smi_range take_claimed(struct smi_worker *worker)
{
	struct smi_range range = take_again(worker);

	return range.begin < range.end ? range : take_new(worker, true);
}

/* Nothing is left, as far as this worker knows; another one may still die. True
 * when there is something to run again, false when all is done. */
static bool wait_for_more(struct smi_worker *worker)
{
	struct smi_slot *slot = worker->slot;

	smi_worker_enter(worker, SMI_PHASE_IDLE);
	smi_bell_hurry(&worker->writer.bell);
	for (;;) {
		uint32_t seen = atomic_load(&slot->call);

		if (atomic_load(&slot->inbox.state) == SMI_INBOX_FULL) {
			smi_worker_enter(worker, SMI_PHASE_JOBS);
			return true;
		}
		if (seen & SMI_STOP)
			return false;
		smi_futex_wait(&slot->call, seen, UINT64_MAX);
	}
}

/* Where the master keeps count: passes over what is settled, and retires in time. */
static __attribute__((noinline)) bool run_unsettled(struct smi_worker *worker, struct smi_range range)
{
	const struct smi_map *map = worker->map;

	for (uint64_t job = range.begin; job < range.end; job++) {
		if (smi_settled_has(&map->settled, job))
			continue;
		if (!run_job(worker, job))
			return false;
		worker->retired = --worker->left == 0;
		if (worker->retired)
			return false;
	}
	return true;
}

/* Until there are no more ids, or none is to be run. False: the latter. */
static bool run_claims(struct smi_worker *worker)
{
	struct smi_range range = take_claimed(worker);

	while (range.begin < range.end) {
		if (!run_unsettled(worker, range))
			return false;
		range = take_claimed(worker);
	}
	return true;
}

/* The same where nobody keeps count of jobs. */
static __attribute__((noinline)) void run_ranges(struct smi_worker *worker)
{
	struct smi_range range = take_new(worker, false);

	while (range.begin < range.end) {
		for (uint64_t job = range.begin; job < range.end; job++)
			if (!run_job(worker, job))
				return;
		range = take_new(worker, false);
	}
}

/* The end of a job that is counted, but has done more than to return 0. Whether to go on. */
static __attribute__((noinline)) bool end_job(struct smi_worker *worker, uint64_t job, int returned)
{
	bool done = (returned | (int)worker->trouble | (int)worker->section) == 0;

	if (!done)
		done = recover(worker, job, returned);
	if (!done && !worker->map->goes_on)
		return false;
	if (worker->passed && job + 1 == worker->taker.end)
		bound_claim(worker);
	worker->passed = false;
	return !done || smi_writer_commit(&worker->writer, job) == 0;
}

/* A job that does more may have begun another run. */
HOT bool run_counted_job(struct smi_worker *worker, uint64_t job, struct smi_tally *tally)
{
	const struct smi_map *map = worker->map;
	struct smi_slot *slot = worker->slot;
	int returned;

	atomic_store_explicit(&slot->at, job, memory_order_relaxed);
	smi_order_raise(&slot->turn, job);
	smi_order_nudge(&map->order);
	returned = map->work(&worker->told, job, map->arg);
	if (smi_worker_is_stray(worker))
		smi_process_leave(returned);
	if (__builtin_expect((returned | (int)worker->trouble | (int)worker->section | worker->passed) == 0 &&
			     smi_writer_only_counts(&worker->writer), 1)) {
		smi_tally_add(tally, job);
	} else {
		if (!end_job(worker, job, returned))
			return false;
		*tally = smi_writer_tally(&worker->writer);
	}
	return !smi_worker_stopped(worker);
}

/* The same once more where nobody waits for values either. */
static __attribute__((noinline)) void run_counted(struct smi_worker *worker)
{
	struct smi_range range = take_new(worker, false);
	struct smi_tally tally = smi_writer_tally(&worker->writer);

	worker->passed = false;
	while (range.begin < range.end) {
		for (uint64_t job = range.begin; job < range.end; job++)
			if (!run_counted_job(worker, job, &tally))
				return;
		range = smi_queue_take(&worker->map->queue, &worker->taker);
	}
	hold_nobody_up(worker);
}

/* And with chunks of one, where an empty job takes little longer than the atomic step
 * alone: the counter's address and the run, which the next step would wait for, are loaded
 * once. */
static __attribute__((noinline)) void run_singly(struct smi_worker *worker)
{
	const struct smi_queue queue = worker->map->queue;
	struct smi_range range = take_new(worker, false);
	struct smi_tally tally = smi_writer_tally(&worker->writer);

	worker->passed = false;
	while (range.begin < range.end) {
		if (!run_counted_job(worker, range.begin, &tally))
			return;
		range = smi_dynamic_take(&queue, 1);
		worker->taker.end = range.end;
	}
	hold_nobody_up(worker);
}

void smi_worker_run_jobs(struct smi_worker *worker)
{
	const struct smi_map *map = worker->map;

	if (map->only < map->njobs)
		run_job(worker, map->only);
	else if (map->only == UINT64_MAX && worker->writer.counts && !map->serial)
		map->queue.fixed == 1 ? run_singly(worker) : run_counted(worker);
	else if (map->only == UINT64_MAX && !map->settled.word)
		run_ranges(worker);
	else if (map->only == UINT64_MAX)
		while (run_claims(worker) && map->mends && wait_for_more(worker))
			;
}
