/* SPDX-License-Identifier: MIT */
#include "pool/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

/* A job that failed, or left a section open, which fails it. */
static bool finish_badly(struct smi_worker *worker, int returned)
{
	if (worker->section != SMI_OUTSIDE)
		smi_section_close(worker);
	send_failure(worker, worker->job, returned);
	return false;
}

/* Runs a job. What it returned is committed at once: from then on it is done. */
static inline bool run_job(struct smi_worker *worker, uint64_t job)
{
	const struct smi_map *map = worker->map;
	int r;

	atomic_store_explicit(&worker->slot->at, job, memory_order_relaxed);
	smi_order_raise(&worker->slot->turn, job);
	smi_order_nudge(&map->order);
	worker->job = job;
	worker->passed = false;
	r = map->work(&worker->told, job, map->arg);
	if (__builtin_expect((r | (int)worker->trouble | (int)worker->section) != 0, 0))
		return finish_badly(worker, r);
	return smi_writer_commit(&worker->writer, job) == 0 &&
	       (!map->serial || smi_master_turn(map->master)) && !is_stopped(worker);
}

/* Until it has claimed, a worker publishes what bounds its next ids from below. */
static bool take_range(struct smi_worker *worker, struct smi_range *range)
{
	const struct smi_map *map = worker->map;
	struct smi_turn *turn = &worker->slot->turn;

	smi_order_raise(turn, worker->taker.end);
	*range = smi_queue_take(&map->queue, &worker->taker, &worker->slot->claim);
	if (!worker->writer.quiet && worker->job != UINT64_MAX)
		smi_bell_news(&worker->writer.bell);
	if (__builtin_expect(range->begin < range->end, 1))
		return true; /* the first job raises the bound at once */
	smi_order_raise(turn, SMI_ORDER_NONE);
	smi_order_nudge(&map->order);
	return false;
}

static bool run_jobs(struct smi_worker *worker)
{
	struct smi_range range;

	while (take_range(worker, &range))
		for (uint64_t job = range.begin; job < range.end; job++)
			if (!run_job(worker, job))
				return false;
	return true;
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
	smi_taker_init(&worker->taker, rank);
	atomic_store_explicit(&worker->slot->pid, getpid(), memory_order_relaxed);
	if (!threads)
		smi_crash_guard(&worker->slot->crash, team->bell.fd);
}

void smi_worker_live(void *context, int rank)
{
	const struct smi_map *map = context;
	const struct pool_options *options = &map->pool->options;
	struct smi_worker worker;
	int r;

	init_worker(&worker, map, rank);
	enter_phase(&worker, SMI_PHASE_BEGIN);
	run_hook(&worker, options->worker_begin, &r);
	if (r != 0 || worker.trouble != POOL_OK) {
		send_failure(&worker, UINT64_MAX, r);
	} else {
		enter_phase(&worker, SMI_PHASE_JOBS);
		run_jobs(&worker);
	}
	smi_order_raise(&worker.slot->turn, SMI_ORDER_NONE);
	enter_phase(&worker, SMI_PHASE_END);
	run_hook(&worker, options->worker_end, &r);
	smi_writer_fini(&worker.writer);
	if (map->pool->team.backend->forks)
		smi_process_flush_own();
	atomic_store(&worker.slot->phase, SMI_PHASE_FINISHED);
	/* Whoever counts last has been seen to finish by all before; what the others
	 * have committed last can wait for that as well. */
	if (atomic_fetch_add(&worker.head->finished, 1) + 1 == (uint32_t)map->np)
		smi_bell_hurry(&worker.writer.bell);
	else if (!worker.writer.quiet)
		smi_bell_news(&worker.writer.bell);
}
