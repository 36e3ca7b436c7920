/* SPDX-License-Identifier: MIT */
#include "pool/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/limit.h"

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

bool pool_stopping(const struct pool_worker *self)
{
	const struct smi_worker *worker = smi_worker_of(self);

	/* A cancel reaches the stop word only when the master has seen it. */
	return smi_worker_stopped(worker) || atomic_load_explicit(&worker->head->cancel, memory_order_relaxed);
}

void smi_worker_send_failure(struct smi_worker *worker, uint64_t job, int returned)
{
	if (worker->trouble == POOL_OK)
		smi_worker_trouble(worker, POOL_FAILED, returned, "returned %d", returned);
	else if (worker->trouble == POOL_FAILED && returned != 0)
		worker->trouble_code = returned;
	smi_writer_fail(&worker->writer, job, worker->trouble, worker->trouble_code, worker->message);
	worker->trouble = POOL_OK;
}

static void run_hook(struct smi_worker *worker, pool_hook_fn hook, int *r)
{
	worker->in_hook = true;
	*r = hook ? hook(&worker->told, worker->map->pool->options.hook_arg) : 0;
	if (smi_worker_is_stray(worker))
		smi_process_leave(*r);
	if (worker->section != SMI_OUTSIDE)
		smi_section_close(worker);
	worker->in_hook = false;
}

static void init_worker(struct smi_worker *worker, const struct smi_map *map, int rank)
{
	struct smi_team *team = &map->pool->team;
	bool threads = !team->backend->forks;

	*worker = (struct smi_worker){ .told = { .rank = rank, .np = map->np },
				       .map = map,
				       .head = team->block.head,
				       .slot = &team->block.slot[rank],
				       .lineage = smi_process_lineage,
				       .passed = true };
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
	if (map->pool->journal) {
		smi_journal_close(map->pool->journal);
		map->pool->journal = NULL;
	}
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
	smi_worker_enter(worker, SMI_PHASE_BEGIN);
	*r = 0;
	if (!worker->map->serial && worker->map->pool->team.backend->forks)
		limit_memory(worker);
	if (worker->trouble == POOL_OK)
		run_hook(worker, worker->map->pool->options.worker_begin, r);
}

/* Whoever has finished takes a while to leave, and the next map need not wait for that
 * where it holds nothing that others could miss. */
static void let_go(struct smi_worker *worker)
{
	smi_process_flush_own();
	if (!smi_process_have_pidfd() || !smi_process_is_light() || !smi_close_others(worker->writer.bell.fd))
		atomic_store(&worker->head->heavy, 1);
}

/* The last thing that a worker says. */
static void say_finished(struct smi_worker *worker)
{
	const struct smi_map *map = worker->map;

	if (worker->retired) {
		smi_worker_enter(worker, SMI_PHASE_RETIRED);
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
		if (!smi_worker_is_cut_off(&worker))
			smi_worker_send_failure(&worker, UINT64_MAX, r);
	} else {
		smi_worker_enter(&worker, SMI_PHASE_JOBS);
		smi_worker_run_jobs(&worker);
	}
	if (!worker.retired)
		smi_order_raise(&worker.slot->turn, SMI_ORDER_NONE);
	smi_worker_enter(&worker, SMI_PHASE_END);
	run_hook(&worker, map->pool->options.worker_end, &r);
	smi_writer_fini(&worker.writer);
	if (map->pool->team.backend->forks)
		let_go(&worker);
	say_finished(&worker);
}
