/* SPDX-License-Identifier: MIT */
#include "pool/map.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sharedmem/env.h>

#include "machine/schedule.h"
#include "os/futex.h"
#include "os/level.h"

static int invalid(struct pool *pool, const char *why)
{
	return smi_error_set(&pool->error, POOL_INVALID, EINVAL, "%s", why);
}

/* The schedule to use, POOL_RUNTIME and the default settled. */
static enum pool_schedule settle_schedule(const struct pool_options *options, size_t *chunk)
{
	enum pool_schedule schedule = options->schedule;

	*chunk = options->chunk;
	if (schedule == POOL_RUNTIME)
		smi_env_schedule(&schedule, chunk);
	return schedule == POOL_SCHEDULE_DEFAULT ? POOL_DYNAMIC : schedule;
}

static bool runs_serially(const struct smi_map *map)
{
	const struct pool *pool = map->pool;

	return pool->backend == POOL_SERIAL || pool_get_debug() || map->njobs < pool->options.min_jobs ||
	       map->only != UINT64_MAX;
}

/* What is asked for where something goes wrong. */
static void settle_policy(struct smi_map *map)
{
	const struct pool_options *options = &map->pool->options;

	map->retries = options->retries;
	map->goes_on = options->on_failure == POOL_CONTINUE;
	map->life = options->jobs_per_worker && !map->serial ? options->jobs_per_worker : UINT64_MAX;
	map->mends = map->pool->backend == POOL_FORK && !map->serial &&
		     (map->retries > 0 || map->goes_on || map->life != UINT64_MAX || options->job_timeout > 0);
}

/* SHAREDMEM_ONLY speaks of the program's own maps. */
static void settle_only(struct smi_map *map)
{
	static _Atomic uint64_t maps;
	uint64_t number = 0, job;

	map->only = UINT64_MAX;
	if (smi_worker_level() > 0)
		return;
	map->number = atomic_fetch_add(&maps, 1) + 1;
	if (smi_env_only(&number, &job) && (number == 0 || number == map->number))
		map->only = job;
}

static void settle(struct smi_map *map)
{
	struct pool *pool = map->pool;
	enum pool_schedule schedule;
	size_t chunk;

	settle_only(map);
	map->journal = map->only == UINT64_MAX ? pool->journal : NULL;
	map->serial = runs_serially(map);
	settle_policy(map);
	map->np = map->serial ? 1 : pool->np;
	if ((uint64_t)map->np > map->njobs)
		map->np = (int)map->njobs;
	map->spin = map->np <= smi_cpus_here();
	schedule = settle_schedule(&pool->options, &chunk);
	if (map->serial) {
		chunk = 1;
		/* Nobody is to be beside a program that runs its jobs itself. */
		smi_team_settle(&pool->team, true);
	}
	smi_team_prepare(&pool->team, map->np);
	if (map->serial)
		pool->team.backend = &smi_backend_serial;
	map->order = smi_block_order(&pool->team.block, map->np);
	smi_queue_init(&map->queue, &pool->team.block.head->queue, schedule, chunk, map->njobs, map->np);
	smi_order_init(&map->order, map->queue.schedule->ascending);
}

void smi_map_shrink(void *context, int np)
{
	struct smi_map *map = context;

	map->np = map->queue.np = map->order.np = np;
}

static int run(struct smi_map *map)
{
	struct pool *pool = map->pool;
	_Atomic uint32_t *cancel = &pool->team.block.head->cancel;
	int status;

	if (pool->error.told.status != POOL_OK || pool->error.message[0])
		smi_error_clear(&pool->error);
	smi_failures_clear(&pool->failures);
	pool->maps++;
	if (map->njobs == 0)
		return POOL_OK;
	if (atomic_load(cancel)) {
		atomic_store(cancel, 0);
		return smi_error_set(&pool->error, POOL_CANCELLED, 0,
				     "the map was cancelled before it began");
	}
	pool->running = true;
	settle(map);
	status = smi_master_run(map);
	pool->team.backend = smi_backend_of(pool->backend);
	atomic_store(cancel, 0);
	pool->running = pool->refused = false;
	return status;
}

/* In a forked child the team belongs to the parent: a pool of the child's own,
 * with the same options, takes its place for this map. */
static int run_elsewhere(struct smi_map *map)
{
	struct pool *mine = map->pool, *pool;
	struct pool_options options = mine->options;
	struct pool_error *told = &mine->error.told;
	int status;

	options.journal = NULL; /* the parent's */
	pool = pool_open(&options);
	if (!pool)
		return smi_error_set(&mine->error, POOL_NO_RESOURCES, errno, "%s", pool_error(NULL)->message);
	map->pool = pool;
	status = run(map);
	smi_error_set(&mine->error, pool->error.told.status, pool->error.told.code, "%s",
		      pool->error.message);
	smi_error_blame(&mine->error, pool->error.told.job, pool->error.told.rank, pool->error.told.pid);
	memcpy((char *)told->backtrace, pool->error.backtrace, sizeof pool->error.backtrace);
	pool_close(pool);
	return status;
}

static int start(struct smi_map *map)
{
	struct pool *pool = map->pool;

	if (!pool)
		return smi_error_set(smi_error_here(), POOL_INVALID, EINVAL, "there is no pool");
	if (pool->running) {
		/* The record of the map that runs is not ours to write. */
		pool->refused = true;
		return smi_error_set(&pool->refusal, POOL_INVALID, EINVAL, "the pool is running a map already");
	}
	if (!map->work)
		return invalid(pool, "there is no work function");
	if (map->njobs > SMI_JOBS_MOST)
		return invalid(pool, "there are more than 2^40 jobs");
	if (map->collect && !map->results && map->result_size > 0 && map->njobs > 0)
		return invalid(pool, "there is no place for the results");
	return pool->owner == getpid() ? run(map) : run_elsewhere(map);
}

int pool_map(struct pool *pool, size_t njobs, pool_work_fn work, pool_reduce_fn reduce, void *arg)
{
	struct smi_map map = { .pool = pool, .njobs = njobs, .work = work, .reduce = reduce, .arg = arg };

	return start(&map);
}

int pool_collect(struct pool *pool, size_t njobs, pool_work_fn work, void *results, size_t size, void *arg)
{
	struct smi_map map = { .pool = pool,
			       .njobs = njobs,
			       .work = work,
			       .arg = arg,
			       .results = results,
			       .result_size = size,
			       .collect = true };

	return start(&map);
}
