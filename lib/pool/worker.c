/* SPDX-License-Identifier: MIT */
#include "pool/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/futex.h"
#include "os/limit.h"

/* From the queue to the job and back there is no call but the job's: each would cost
 * as much as all that is done in between. */
#define HOT static inline __attribute__((always_inline))

int smi_worker_trouble(struct smi_worker *worker, enum pool_status status, int code,
		       const char *format, ...)
{
	va_list args;

	if (worker->trouble == POOL_OK) {
		worker->trouble = status;
		worker->trouble_code = code;
		va_start(args, format);
		vsnprintf(worker->message, sizeof worker->message, format, args);
		va_end(args);
	}
	return -1;
}

int pool_vfail(struct pool_worker *self, const char *format, va_list args)
{
	struct smi_worker *worker = smi_worker_of(self);

	/* A later message is nearer to what work returns. */
	if (worker->trouble == POOL_OK || worker->trouble == POOL_FAILED) {
		worker->trouble = POOL_FAILED;
		worker->trouble_code = -1;
		vsnprintf(worker->message, sizeof worker->message, format, args);
	}
	return -1;
}

int pool_fail(struct pool_worker *self, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = pool_vfail(self, format, args);
	va_end(args);
	return r;
}

static inline bool is_stopped(const struct smi_worker *worker)
{
	return atomic_load_explicit(&worker->head->stop, memory_order_relaxed);
}

bool pool_stopping(const struct pool_worker *self)
{
	const struct smi_worker *worker = smi_worker_of(self);

	/* A cancel reaches the stop word only when the master has seen it. */
	return is_stopped(worker) || atomic_load_explicit(&worker->head->cancel, memory_order_relaxed);
}

static void enter_phase(struct smi_worker *worker, enum smi_phase phase)
{
	atomic_store_explicit(&worker->slot->phase, (uint32_t)phase, memory_order_release);
}

/* Tells the master that the job, or a hook (UINT64_MAX), has failed. */
static void send_failure(struct smi_worker *worker, uint64_t job, int returned)
{
	if (worker->trouble == POOL_OK)
		smi_worker_trouble(worker, POOL_FAILED, returned, "returned %d", returned);
	else if (worker->trouble == POOL_FAILED && returned != 0)
		worker->trouble_code = returned;
	smi_writer_fail(&worker->writer, job, worker->trouble, worker->trouble_code, worker->message);
	worker->trouble = POOL_OK;
}

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
	worker->job = job;
	worker->passed = false;
	*returned = map->work(&worker->told, job, map->arg);
	if (map->collect && *returned == 0 && __builtin_expect(worker->writer.length != map->result_size, 0))
		refuse_size(worker);
	return (*returned | (int)worker->trouble | (int)worker->section) == 0;
}

/* Counts one more try of the job that has just failed, if it may have one. */
static bool may_try_again(struct smi_worker *worker)
{
	struct smi_slot *slot = worker->slot;
	uint32_t tries = 1;

	if (atomic_load(&slot->tried) == worker->job)
		tries += atomic_load(&slot->tries);
	if (tries > worker->map->retries)
		return false;
	atomic_store(&slot->tried, UINT64_MAX);
	atomic_store(&slot->tries, tries);
	atomic_store(&slot->tried, worker->job);
	return true;
}

/* The job has failed, or left a section open, which fails it. Whether another try
 * has done it. */
static __attribute__((noinline)) bool recover(struct smi_worker *worker, int returned)
{
	for (;;) {
		if (worker->section != SMI_OUTSIDE)
			smi_section_close(worker);
		if (!may_try_again(worker))
			break;
		smi_writer_discard(&worker->writer);
		worker->trouble = POOL_OK;
		/* It has not failed for good: nobody is told of it. */
		if (is_stopped(worker))
			return false;
		if (try_job(worker, worker->job, &returned))
			return true;
	}
	send_failure(worker, worker->job, returned);
	return false;
}

/* Runs a job. What it returned is committed at once: from then on it is done. Whether
 * to go on with the next. */
HOT bool run_job(struct smi_worker *worker, uint64_t job)
{
	const struct smi_map *map = worker->map;
	int returned;

	atomic_store_explicit(&worker->slot->at, job, memory_order_relaxed);
	if (__builtin_expect(try_job(worker, job, &returned), 1) || recover(worker, returned)) {
		if (smi_writer_commit(&worker->writer, job) != 0)
			return false;
	} else if (!map->goes_on) {
		return false;
	}
	return (!map->serial || smi_master_turn(map->master)) && !is_stopped(worker);
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
	return again.range;
}

/* New ids. While it claims, a worker publishes what bounds them from below. Its last
 * job does, unless that has passed its turn on. */
HOT struct smi_range take_new(struct smi_worker *worker)
{
	const struct smi_map *map = worker->map;
	struct smi_range range;

	if (worker->passed || worker->job == UINT64_MAX)
		smi_order_raise(&worker->slot->turn, worker->taker.end);
	if (map->mends)
		range = smi_queue_claim(&map->queue, &worker->taker, &worker->slot->claim);
	else
		range = smi_queue_take(&map->queue, &worker->taker);
	if (!worker->writer.quiet && worker->job != UINT64_MAX)
		smi_bell_news(&worker->writer.bell);
	if (__builtin_expect(range.begin < range.end, 1))
		return range; /* the first job raises the bound at once */
	smi_order_raise(&worker->slot->turn, SMI_ORDER_NONE);
	smi_order_nudge(&map->order);
	return range;
}

/* Empty when there is nothing left. */
HOT struct smi_range take_range(struct smi_worker *worker)
{
	struct smi_range range = { 0, 0 };

	if (worker->map->mends)
		range = take_again(worker);
	return range.begin < range.end ? range : take_new(worker);
}

/* Nothing is left, as far as this worker knows; another one may still die. True
 * when there is something to run again, false when all is done. */
static bool wait_for_more(struct smi_worker *worker)
{
	struct smi_slot *slot = worker->slot;

	enter_phase(worker, SMI_PHASE_IDLE);
	smi_bell_hurry(&worker->writer.bell);
	for (;;) {
		uint32_t seen = atomic_load(&slot->call);

		if (atomic_load(&slot->inbox.state) == SMI_INBOX_FULL) {
			enter_phase(worker, SMI_PHASE_JOBS);
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

HOT bool run_range(struct smi_worker *worker, struct smi_range range)
{
	worker->end = range.end;
	if (worker->map->settled.word)
		return run_unsettled(worker, range);
	for (uint64_t job = range.begin; job < range.end; job++)
		if (!run_job(worker, job))
			return false;
	return true;
}

/* Until there are no more, or none is to be run. False: the latter. */
static __attribute__((noinline)) bool run_ranges(struct smi_worker *worker)
{
	struct smi_range range = take_range(worker);

	while (range.begin < range.end) {
		if (!run_range(worker, range))
			return false;
		range = take_range(worker);
	}
	return true;
}

static void run_jobs(struct smi_worker *worker)
{
	const struct smi_map *map = worker->map;

	if (map->only == UINT64_MAX)
		while (run_ranges(worker) && map->mends && wait_for_more(worker))
			;
	else if (map->only < map->njobs)
		run_job(worker, map->only);
}

static void run_hook(struct smi_worker *worker, pool_hook_fn hook, int *r)
{
	worker->job = UINT64_MAX;
	*r = hook ? hook(&worker->told, worker->map->pool->options.hook_arg) : 0;
	if (worker->section != SMI_OUTSIDE)
		smi_section_close(worker);
}

static void init_worker(struct smi_worker *worker, const struct smi_map *map, int rank)
{
	struct smi_team *team = &map->pool->team;
	bool threads = !team->backend->forks;

	*worker = (struct smi_worker){ .told = { .rank = rank, .np = map->np },
				       .map = map,
				       .head = team->block.head,
				       .slot = &team->block.slot[rank] };
	smi_writer_init(&worker->writer, &team->block.pipe[rank], &team->bell, threads);
	worker->writer.quiet = !map->reduce && !map->collect;
	worker->writer.counts = worker->writer.quiet && !map->settled.word;
	worker->left = map->life;
	smi_taker_init(&worker->taker, rank);
	if (map->mends)
		smi_taker_resume(&worker->taker, &map->queue, &worker->slot->claim);
	atomic_store_explicit(&worker->slot->pid, getpid(), memory_order_relaxed);
	if (threads)
		return;
	smi_crash_guard(&worker->slot->crash, team->bell.fd);
	/* Else the journal would be in use for as long as what a job starts lives. */
	smi_journal_close(map->pool->journal);
	map->pool->journal = NULL;
}

/* What a worker may add to the memory that it inherited. */
static void limit_memory(struct smi_worker *worker)
{
	size_t bytes = worker->map->pool->options.worker_memory;
	int r = bytes > 0 ? smi_limit_data(bytes) : 0;

	if (r < 0)
		smi_worker_trouble(worker, POOL_NO_RESOURCES, -r, "could not limit its memory: %s", strerror(-r));
}

static void begin(struct smi_worker *worker, int *r)
{
	enter_phase(worker, SMI_PHASE_BEGIN);
	*r = 0;
	if (!worker->map->serial && worker->map->pool->team.backend->forks)
		limit_memory(worker);
	if (worker->trouble == POOL_OK)
		run_hook(worker, worker->map->pool->options.worker_begin, r);
}

/* The last thing that a worker says. */
static void say_finished(struct smi_worker *worker)
{
	const struct smi_map *map = worker->map;

	if (worker->retired) {
		enter_phase(worker, SMI_PHASE_RETIRED);
		return;
	}
	atomic_store(&worker->slot->phase, SMI_PHASE_FINISHED);
	/* Whoever counts last has been seen to finish by all before; what the others
	 * have committed last can wait for that as well. */
	if (atomic_fetch_add(&worker->head->finished, 1) + 1 == (uint32_t)map->np)
		smi_bell_hurry(&worker->writer.bell);
	else if (!worker->writer.quiet)
		smi_bell_news(&worker->writer.bell);
}

void smi_worker_live(void *context, int rank)
{
	const struct smi_map *map = context;
	struct smi_worker worker;
	int r;

	init_worker(&worker, map, rank);
	begin(&worker, &r);
	if (r != 0 || worker.trouble != POOL_OK) {
		send_failure(&worker, UINT64_MAX, r);
	} else {
		enter_phase(&worker, SMI_PHASE_JOBS);
		run_jobs(&worker);
	}
	if (!worker.retired)
		smi_order_raise(&worker.slot->turn, SMI_ORDER_NONE);
	enter_phase(&worker, SMI_PHASE_END);
	run_hook(&worker, map->pool->options.worker_end, &r);
	smi_writer_fini(&worker.writer);
	if (map->pool->team.backend->forks)
		smi_process_flush_own();
	say_finished(&worker);
}
