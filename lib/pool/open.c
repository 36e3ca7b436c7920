/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sharedmem/env.h>

#include "machine/cpu.h"
#include "machine/schedule.h"
#include "os/io.h"
#include "os/level.h"
#include "pool/map.h"

/* The first option that makes no sense, or NULL. */
static const char *nonsense(const struct pool_options *o)
{
	if (o->np < 0)
		return "np is negative";
	if ((unsigned)o->backend > POOL_SERIAL)
		return "there is no such backend";
	if ((unsigned)o->schedule > POOL_RUNTIME)
		return "there is no such schedule";
	if ((unsigned)o->on_failure > POOL_CONTINUE)
		return "there is no such on_failure";
	if (!(o->job_timeout >= 0 && o->job_timeout < 1e9))
		return "job_timeout is no time in seconds";
	return NULL;
}

/* The first option that is not built yet, or NULL. */
static const char *not_built(const struct pool_options *o)
{
	const struct {
		bool set;
		const char *name;
	} later[] = {
		{ o->warm, "warm" },
		{ o->progress != NULL, "progress" },
	};

	for (size_t i = 0; i < sizeof later / sizeof *later; i++)
		if (later[i].set)
			return later[i].name;
	for (size_t i = 0; i < sizeof o->reserved / sizeof *o->reserved; i++)
		if (o->reserved[i] != 0)
			return "reserved";
	return NULL;
}

/* What only a process can do, or NULL. SHAREDMEM_BACKEND=serial is for debugging and
 * passes over it. */
static const char *needs_fork(const struct pool_options *o)
{
	enum pool_backend backend = o->backend;

	if (backend == POOL_BACKEND_DEFAULT && (!smi_env_backend(&backend) || backend == POOL_SERIAL))
		return NULL;
	if (backend == POOL_FORK)
		return NULL;
	if (o->job_timeout > 0)
		return "job_timeout needs the fork backend";
	if (o->worker_memory > 0)
		return "worker_memory needs the fork backend";
	if (o->jobs_per_worker > 0)
		return "jobs_per_worker needs the fork backend";
	return o->kill_group ? "kill_group needs the fork backend" : NULL;
}

static int check(const struct pool_options *options)
{
	const char *why = nonsense(options), *later;

	why = why ? why : needs_fork(options);
	later = why ? NULL : not_built(options);

	if (why)
		smi_error_set(smi_error_here(), POOL_INVALID, EINVAL, "%s", why);
	else if (later)
		smi_error_set(smi_error_here(), POOL_INVALID, EINVAL, "the option %s is not built yet", later);
	return why || later ? -EINVAL : 0;
}

/* Inside a worker a pool is serial, unless OMP_NUM_THREADS has a level for it. */
static void settle_workers(struct pool *pool)
{
	int level = smi_worker_level(), inner;

	pool->backend = pool->options.backend;
	if (pool->backend == POOL_BACKEND_DEFAULT)
		smi_env_backend(&pool->backend);
	pool->np = pool->options.np ? pool->options.np : pool_cpu_count();
	if (level > 0) {
		const char *list = getenv("OMP_NUM_THREADS");

		inner = list ? smi_cpu_list(list, level) : 0;
		if (inner > 0 && pool->options.np == 0)
			pool->np = inner;
		if (inner <= 0)
			pool->backend = POOL_SERIAL;
	}
	if (pool->backend == POOL_SERIAL)
		pool->np = 1;
}

static void could_not(int r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void could_not(int r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	smi_error_vset(smi_error_here(), r == -EINVAL ? POOL_INVALID : POOL_NO_RESOURCES, -r, format, args);
	va_end(args);
}

/* The paths and keys are the caller's; ours are copies. */
static int open_journal(struct pool *pool)
{
	const struct pool_options *options = &pool->options;
	char why[256] = "";
	int r;

	if (!options->journal)
		return 0;
	r = smi_journal_open(&pool->journal, options->journal, options->journal_key, why, sizeof why);
	pool->options.journal = strdup(options->journal);
	if (r == 0 && !pool->options.journal)
		r = -ENOMEM;
	if (r < 0)
		could_not(r, "the journal %s: %s", pool->options.journal ? pool->options.journal : "", why);
	return r;
}

static void free_pool(struct pool *pool)
{
	smi_desk_fini(&pool->desk, pool->owner != getpid());
	smi_journal_close(pool->journal);
	free((char *)pool->options.journal);
	free(pool);
}

static int init_pool(struct pool *pool, const struct pool_options *options)
{
	int r;

	pool->options = *options;
	pool->owner = getpid();
	pool->level = smi_worker_level();
	settle_workers(pool);
	smi_error_clear(&pool->error);
	smi_crash_prepare();
	r = open_journal(pool);
	if (r < 0)
		return r;
	r = smi_desk_init(&pool->desk, pool->np);
	if (r == 0)
		r = smi_team_init(&pool->team, smi_backend_of(pool->backend), pool->np);
	if (r < 0)
		could_not(r, "could not open a pool: %s", strerror(-r));
	return r;
}

struct pool *pool_open(const struct pool_options *options)
{
	static const struct pool_options defaults;
	struct pool *pool;
	int r;

	smi_error_clear(smi_error_here());
	if (check(options ? options : &defaults) < 0) {
		errno = EINVAL;
		return NULL;
	}
	pool = calloc(1, sizeof *pool);
	if (!pool) {
		could_not(-ENOMEM, "could not open a pool: %s", strerror(ENOMEM));
		errno = ENOMEM;
		return NULL;
	}
	r = init_pool(pool, options ? options : &defaults);
	if (r < 0) {
		free_pool(pool);
		errno = -r;
		return NULL;
	}
	return pool;
}

/* In a job of its own map, where a worker still has use for it; also in threads that
 * the job has started. */
static bool is_in_job(const struct pool *pool)
{
	return pool->running && (smi_worker_level() > pool->level ||
				 (smi_crash_is_guarded() && pool->owner != getpid()));
}

void pool_close(struct pool *pool)
{
	int saved = errno;

	if (!pool || is_in_job(pool))
		return;
	smi_team_fini(&pool->team, pool->owner != getpid());
	smi_failures_clear(&pool->failures);
	free_pool(pool);
	errno = saved;
}

int pool_np(const struct pool *pool)
{
	return pool_get_debug() ? 1 : pool->np;
}

void pool_cancel(struct pool *pool)
{
	atomic_store(&pool->team.block.head->cancel, 1);
	smi_bell_ring(pool->team.bell.fd);
}

const struct pool_error *pool_error(const struct pool *pool)
{
	if (pool && pool->refused)
		return &pool->refusal.told;
	return pool ? &pool->error.told : &smi_error_here()->told;
}

const struct pool_error *pool_failures(const struct pool *pool, size_t *count)
{
	*count = pool->failures.count;
	return pool->failures.list;
}

void pool_report(const struct pool *pool, FILE *stream)
{
	const struct pool_error *error = pool_error(pool);

	if (*error->message)
		fprintf(stream, "sharedmem: %s: %s\n", pool_status_name(error->status), error->message);
	if (*error->backtrace)
		fprintf(stream, "%s", error->backtrace);
}
