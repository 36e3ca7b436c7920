/* SPDX-License-Identifier: MIT */
/* The master's loop: take in what is committed, judge who has ended, sleep. It
 * reads the clock only when it lies down, and looks at no ring twice in a row without
 * lying down in between. */
#include "pool/master.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/guests.h"
#include "os/clock.h"
#include "pool/mend.h"

/* After work the master lies down for this long without being rung: the values of
 * a busy team come in by the hundred, and no worker rings. Where little has come it
 * lies longer each time, since to get up takes a worker's CPU; but no longer than a
 * share of the time that the map has taken, since what comes last is reduced after it.
 * Bytes of the rings. */
#define DOZE (200 * SMI_US)
#define DOZE_MOST (3200 * SMI_US)
#define DOZE_SHARE 32
#define LITTLE ((uint64_t)16 << 10)

/* Asleep it is rung. Should a ring be missed between two grabs of a worker, it
 * looks by itself. */
#define SLEEP_FIRST (5 * SMI_MS)
#define SLEEP_MOST (100 * SMI_MS)

/* At the start of a map it gives way before it lies down for the first time. */
#define YIELDS 20
#define LONG (100 * SMI_US)

static int init_settled(struct smi_map *map)
{
	return map->mends || map->journal ? smi_settled_init(&map->settled, map->njobs) : 0;
}

static int init(struct smi_master *master, struct smi_map *map)
{
	struct smi_team *team = &map->pool->team;

	*master = (struct smi_master){ .map = map, .team = team, .error = &map->pool->error };
	smi_desk_lay(&map->pool->desk, map->np, master);
	if (init_settled(map) < 0)
		return -ENOMEM;
	for (int r = 0; r < map->np; r++) {
		smi_reader_init(&master->reader[r], &team->block.pipe[r], map->njobs);
		master->life[r].carries = -1;
		master->life[r].due = UINT64_MAX;
	}
	return smi_results_init(&master->results, map);
}

static void fini(struct smi_master *master)
{
	smi_results_fini(&master->results);
	smi_settled_fini(&master->map->settled);
}

static bool cancelled(const struct smi_master *master)
{
	return atomic_load(&master->team->block.head->cancel) != 0;
}

/* Waits for news of any kind, then judges who has ended. */
static void lie_down(struct smi_master *master, enum smi_attention how, uint64_t timeout)
{
	struct smi_team *team = master->team;
	_Atomic uint32_t *attention = &team->block.head->attention;
	int ends;

	atomic_store(attention, how);
	if (smi_master_has_news(master) || smi_team_finished(team) || cancelled(master))
		timeout = 0;
	ends = smi_team_wait(team, timeout < master->patience ? timeout : master->patience, master->dead);
	atomic_store(attention, SMI_AWAKE);
	if (ends > 0)
		smi_master_drain_all(master);
	for (int i = 0; i < ends; i++)
		smi_master_judge(master, master->dead[i]);
}

/* What does not come by itself: successors, and the end of jobs that run too long. */
static void look_after(struct smi_master *master)
{
	master->patience = UINT64_MAX;
	if (master->map->mends)
		smi_master_mend(master);
	if (master->map->pool->options.job_timeout > 0 && master->team->backend->forks)
		smi_master_watch(master);
}

/* A short map is over before the master would have slept and an idle CPU been woken for
 * it. Where others use the CPU that it gives away, it is no short one. */
static void linger(const struct smi_master *master)
{
	uint64_t now, then = smi_now();

	for (int i = 0; i < YIELDS && !smi_team_finished(master->team); i++, then = now) {
		sched_yield();
		now = smi_now();
		if (now - then > LONG)
			return;
	}
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How long to lie down the next time, where this time's look has brought so many bytes
 * and the map has taken so long. */
static uint64_t next_doze(uint64_t last, uint64_t bytes, uint64_t age)
{
	uint64_t longer = least(least(2 * last, DOZE_MOST), age / DOZE_SHARE);

	return bytes > LITTLE || longer < DOZE ? DOZE : longer;
}

/* Until all workers are finished and all values taken, or the map is to end. */
static void run_until_done(struct smi_master *master)
{
	uint64_t sleep = SLEEP_FIRST, doze = DOZE, began = smi_now();

	if (master->map->spin)
		linger(master);
	for (;;) {
		/* What they commit comes before what they say last. */
		bool finished = smi_team_finished(master->team);
		uint64_t before = master->bytes;
		bool some = smi_master_drain(master);

		if (cancelled(master))
			master->ending = true;
		if (master->ending || (finished && !some))
			return;
		if (finished)
			continue;
		smi_master_write_notes(master);
		look_after(master);
		if (master->ending)
			return;
		if (some) {
			lie_down(master, SMI_DOZING, doze);
			doze = next_doze(doze, master->bytes - before, smi_now() - began);
			sleep = SLEEP_FIRST;
		} else {
			lie_down(master, SMI_ASLEEP, sleep);
			sleep = sleep < SLEEP_MOST / 2 ? 2 * sleep : SLEEP_MOST;
			doze = DOZE;
		}
	}
}

/* Ends all workers, and takes in what they had committed. */
static void end_early(struct smi_master *master)
{
	smi_team_stop(master->team);
	while (smi_master_drain(master) && !master->no_reduce)
		;
}

/* Some jobs have failed for good, and all others are done. */
static int tell_incomplete(struct smi_master *master)
{
	struct smi_error *error = master->error;
	const struct smi_failures *failures = &master->map->pool->failures;
	const struct pool_error *first = failures->list;

	smi_error_set(error, POOL_INCOMPLETE, first->code, "%zu of %zu jobs failed for good; the first: %s",
		      failures->count, (size_t)master->map->njobs, first->message);
	smi_error_blame(error, first->job, first->rank, first->pid);
	snprintf(error->backtrace, sizeof error->backtrace, "%s", first->backtrace);
	return POOL_INCOMPLETE;
}

/* The map ran to its end: were all jobs done? */
static int conclude_whole(struct smi_master *master)
{
	const struct smi_map *map = master->map;
	size_t done = master->results.reduced, failed = map->pool->failures.count, njobs = map->njobs;

	if (map->only != UINT64_MAX && map->only >= njobs)
		return smi_error_set(master->error, POOL_INCOMPLETE, 0,
				     "no job was run: SHAREDMEM_ONLY says %zu, and there are %zu jobs",
				     (size_t)map->only, njobs);
	if (map->only != UINT64_MAX)
		return smi_error_set(master->error, POOL_INCOMPLETE, 0, "only job %zu was run, as SHAREDMEM_ONLY says",
				     (size_t)map->only);
	if (done + failed != njobs)
		return smi_error_set(master->error, POOL_CRASHED, 0, "%zu of %zu jobs were never finished",
				     njobs - done - failed, njobs);
	return failed > 0 ? tell_incomplete(master) : POOL_OK;
}

static int conclude(struct smi_master *master)
{
	struct smi_error *error = master->error;

	smi_failures_sort(&master->map->pool->failures);
	if (cancelled(master) && master->ending && error->told.status != POOL_REDUCE_FAILED &&
	    !(master->no_reduce && error->told.status == POOL_OK))
		return smi_error_set(error, POOL_CANCELLED, 0, "the map was cancelled after %zu of %zu jobs",
				     (size_t)master->results.reduced, (size_t)master->map->njobs);
	return master->ending ? (int)error->told.status : conclude_whole(master);
}

bool smi_master_turn(struct smi_master *master)
{
	smi_master_drain(master);
	smi_master_write_notes(master);
	if (cancelled(master))
		master->ending = true;
	return !master->ending;
}

/* Starts the workers, or as many as there can be. */
static int start_team(struct smi_map *map)
{
	struct pool *pool = map->pool;
	struct smi_team_life life = { .live = smi_worker_live,
				      .settle = smi_map_shrink,
				      .context = map,
				      .succeed = map->mends,
				      .group = pool->options.kill_group && !map->serial };
	int wanted = map->np, why = 0, r;

	if (pool->team.backend->forks && smi_guests_have_mpi())
		smi_error_warn(&pool->error, "MPI is initialised: workers must not call it, and not every MPI "
			       "library survives a fork");
	r = smi_team_start(&pool->team, &life, &why);
	if (r > 0)
		smi_error_warn(&pool->error, "only %d of %d workers could be started: %s", map->np, wanted,
			       strerror(why));
	return r;
}

/* Nothing is left to run, or the map has ended before it began. */
static bool is_over(const struct smi_master *master)
{
	const struct smi_settled *settled = &master->map->settled;

	return master->ending || (settled->word && settled->count == settled->njobs);
}

/* The workers' part, from their start to their end. 0, or negative errno: there were
 * none. */
static int run_team(struct smi_master *master)
{
	int r = start_team(master->map);

	if (r < 0)
		return r;
	run_until_done(master);
	if (master->ending)
		end_early(master);
	else
		smi_team_release(master->team);
	return 0;
}

int smi_master_run(struct smi_map *map)
{
	struct smi_team *team = &map->pool->team;
	struct smi_master master;
	int r, status;

	r = init(&master, map);
	map->master = &master;
	if (r == 0)
		smi_master_resume(&master);
	if (r == 0 && !is_over(&master))
		r = run_team(&master);
	if (r < 0)
		smi_master_fail(&master, POOL_NO_RESOURCES, -r, SIZE_MAX, -1, "could not start %d workers: %s",
				map->np, strerror(-r));
	smi_master_end_notes(&master);
	status = conclude(&master);
	if (master.ending)
		status = smi_master_judge_holder(&master);
	/* Only after success may they still be leaving. */
	if (status != POOL_OK && !master.ending)
		smi_team_settle(team, true);
	smi_block_trim(&team->block, status != POOL_OK);
	map->master = NULL;
	fini(&master);
	return status;
}
