/* SPDX-License-Identifier: MIT */
/* The pool: map a work function over job ids on forked workers, reduce the
 * values on the calling process, and learn what went wrong.
 *
 * The program that calls pool_map is the master. It forks workers; each takes
 * job ids 0 ... njobs-1 from a shared queue and runs the work function; the
 * job's return value, any bytes, travels through the worker's result pipe to
 * the reduce function, which runs on the master, one call at a time.
 *
 * An int returned on the master is an enum pool_status. An int returned inside
 * a worker is 0, or non-zero as said at the function. A pointer is NULL with
 * errno set. One pool is used by one thread at a time (pool_cancel excepted);
 * different pools by different threads at once. */
#ifndef SHAREDMEM_POOL_H
#define SHAREDMEM_POOL_H

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <sharedmem/types.h>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

#ifdef __GNUC__
#define SHAREDMEM_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define SHAREDMEM_PRINTF(text, first)
#endif

struct pool;

/* What every work function is handed. The library's part follows it, out of
 * sight: never copy it. Valid only in the worker and thread it was handed to. */
struct pool_worker {
	int rank;    /* 0 ... np-1, as omp_get_thread_num() */
	int np;      /* workers in this map, settled before the first job; 1 when serial */
	void *local; /* the worker's own; kept from job to job; NULL when its life begins */
};

/* Runs job `job` in a worker, which sees the program's memory as it was when
 * pool_map was called. Non-zero fails the job. A child that it forks and that
 * comes back from it is no worker, and ends there: its exit status is what it
 * returned. In a child the functions for jobs return non-zero, or NULL. */
typedef int (*pool_work_fn)(struct pool_worker *self, size_t job, void *arg);

/* Runs on the master, one call per job, never two at once. `value` is what the
 * job returned, `size` bytes aligned to 16, valid until reduce returns; NULL
 * and 0 when it returned nothing. Non-zero fails the map (POOL_REDUCE_FAILED),
 * POOL_ENOUGH ends it with success. */
typedef int (*pool_reduce_fn)(size_t job, const void *value, size_t size, void *arg);

#define POOL_ENOUGH INT_MIN /* returned by reduce: nothing more is needed */

enum pool_status {
	POOL_OK = 0,
	POOL_FAILED,        /* work returned non-zero */
	POOL_REDUCE_FAILED, /* reduce returned non-zero */
	POOL_CRASHED,       /* a worker died: a signal, exit(), an OOM kill */
	POOL_TIMED_OUT,     /* a job ran longer than job_timeout */
	POOL_TAINTED,       /* a worker died inside a critical section */
	POOL_CANCELLED,     /* pool_cancel */
	POOL_INCOMPLETE,    /* some jobs failed for good, all others were reduced */
	POOL_INVALID,       /* the caller's mistake */
	POOL_NO_RESOURCES   /* no memory, no process, no descriptor */
};

struct pool_error {
	enum pool_status status;
	size_t job; /* SIZE_MAX when no job is to blame */
	int rank;   /* -1 when no worker is to blame */
	pid_t pid;  /* the worker's; 0 when none */
	/* FAILED, REDUCE_FAILED: what the function returned; CRASHED, TAINTED:
	 * the signal, or -1-(exit status), or INT_MIN: the host program took the
	 * status; NO_RESOURCES, INVALID: an errno value. */
	int code;
	const char *message;   /* one sentence that names the job and the cause */
	const char *backtrace; /* the worker's stack with symbols, a line each; "" when there is none */
	void *reserved[4];
};

/* What pool_options.progress is told. */
struct pool_progress {
	size_t done, failed, total; /* jobs */
	int busy;                   /* workers that run a job */
	double seconds;             /* since the map began */
	double rate;                /* jobs per second */
	double eta;                 /* seconds to go, as far as can be told; negative: unknown */
	void *reserved[4];
};

typedef int (*pool_hook_fn)(struct pool_worker *self, void *hook_arg);
typedef int (*pool_repair_fn)(const struct pool_error *death, void *hook_arg);
typedef void (*pool_progress_fn)(const struct pool_progress *progress, void *hook_arg);

/* All zero: the defaults. A field marked (later) is not built yet; non-zero
 * there, or in reserved, is EINVAL. */
struct pool_options {
	int np;                       /* workers; 0: pool_cpu_count(); negative: EINVAL */
	enum pool_backend backend;    /* default: SHAREDMEM_BACKEND, else fork */
	enum pool_schedule schedule;  /* default: dynamic */
	size_t chunk;                 /* jobs taken at once; 0: found from the jobs' measured time */
	size_t min_jobs;              /* fewer jobs than this run serially */
	bool in_order;                /* reduce sees jobs in the order of their ids: same bits on every run */
	size_t early_bytes;           /* in_order: bytes of values that may wait for their turn on the
	                               * master; 0: 1 GiB; beyond it workers wait */
	bool warm;                    /* (later) keep forked workers from map to map */
	unsigned retries;             /* times a failed job is run again */
	enum pool_on_failure on_failure; /* POOL_STOP: end the map; POOL_CONTINUE: go on with the others */
	double job_timeout;           /* seconds a job may run, 0: for ever; to wait for its turn, for
	                               * others to leave a critical section or for the master is no
	                               * time of its own */
	bool kill_group;              /* each worker leads a process group: what its jobs started dies with it */
	size_t jobs_per_worker;       /* replace a worker after this many; 0: never */
	size_t worker_memory;         /* bytes of data a worker may add to what it inherited (RLIMIT_DATA):
	                               * malloc then fails in the job; 0: no limit */
	/* Run in each worker, before its first job and after its last. Non-zero
	 * from worker_begin ends the map: POOL_FAILED, job SIZE_MAX. */
	pool_hook_fn worker_begin, worker_end;
	/* Called on the master when a worker has died inside a critical section,
	 * before anyone else may enter: 0 if what the section guards is in order
	 * again; the death is then treated as any other. */
	pool_repair_fn repair;
	pool_progress_fn progress;    /* (later) called on the master */
	/* File of finished jobs and their values. The same program, started again
	 * on it, runs only what is missing, and reduce sees every job. A map is known
	 * by its number in the pool's life and by njobs. What was written outlives the
	 * process; a power failure may take the last second. */
	const char *journal;
	const char *journal_key;      /* whose journal it is; NULL: the executable's build id */
	void *hook_arg;               /* for the functions above */
	uint64_t reserved[16];        /* zero */
};

/* A pool; options NULL: the defaults. Owns no worker until the first map. NULL
 * on failure with errno: EINVAL (an option makes no sense or is not built; a
 * journal is another program's, or damaged; job_timeout, kill_group,
 * jobs_per_worker or worker_memory is asked for where there are no processes),
 * ENOMEM, EMFILE, ENFILE, EBUSY (the journal is in use), or why the journal
 * can't be opened; pool_error(NULL) tells in a sentence. */
struct pool *pool_open(const struct pool_options *options);

/* Ends what is left of the pool's workers and frees it. NULL is allowed. In a
 * forked child it only frees memory; in a job of the pool's own map it does
 * nothing. Not in the pool's own reduce. errno is kept. */
void pool_close(struct pool *pool);

/* Workers that a large map will get, at least 1: to size per-rank arrays. */
int pool_np(const struct pool *pool);

/* Runs work(0) ... work(njobs-1) on the pool's workers and hands each job's
 * value to reduce, which may be NULL. `arg` is passed to both. POOL_OK only
 * when every job ran and was reduced exactly once, or reduce said POOL_ENOUGH.
 * The calling thread runs no jobs, unless the map is serial. Never more workers
 * than jobs; njobs 0 succeeds at once. After any failure none of the map's
 * workers exists, and the pool stays usable. A map on a pool that is running
 * one, and more than 2^40 jobs, are POOL_INVALID. */
int pool_map(struct pool *pool, size_t njobs, pool_work_fn work, pool_reduce_fn reduce, void *arg);

/* The same, with job i's value stored at (char *)results + i * size. A job that
 * returns another number of bytes fails. results may be NULL when size is 0. */
int pool_collect(struct pool *pool, size_t njobs, pool_work_fn work, void *results, size_t size,
		 void *arg);

/* Ends the pool's map with POOL_CANCELLED: running jobs are killed (threads:
 * awaited), what was committed before is reduced. May be called from any
 * thread, a signal handler, reduce or a worker. With no map in progress the
 * next one that has jobs returns at once. errno is kept. */
void pool_cancel(struct pool *pool);

/* Inside a job: appends `size` bytes at `value` to the job's return value, of
 * any size. 0, or non-zero (no memory, or the map is ending) to be returned by
 * work; the job then fails with POOL_NO_RESOURCES even if work returns 0. */
int pool_return(struct pool_worker *self, const void *value, size_t size);

/* The same, to be filled in place: valid until the job's next pool_return... or
 * its end, aligned to 16 when it is the job's first piece. Size 0 gives a
 * non-NULL pointer. NULL when there is no memory, as for more than
 * pool_total_memory(). */
void *pool_return_space(struct pool_worker *self, size_t size);

/* Of the last space only the first `used` bytes count; larger is ignored. */
void pool_return_trim(struct pool_worker *self, size_t used);

/* Inside a job or hook: sets the job's error message. Returns non-zero (-1), to
 * be returned; a job that called it fails even if work returns 0. */
int pool_fail(struct pool_worker *self, const char *format, ...) SHAREDMEM_PRINTF(2, 3);
int pool_vfail(struct pool_worker *self, const char *format, va_list args) SHAREDMEM_PRINTF(2, 0);

/* Whether the map is ending, so that a long job may return. */
bool pool_stopping(const struct pool_worker *self);

/* Critical: one worker of the map at a time. Ordered: in the order of job ids;
 * a job that never enters passes its turn when it ends. Begin returns 0, or
 * non-zero when the map is ending: return at once; the job then counts as not
 * run. Entering critical twice, ordered twice in one job, ordered inside
 * critical, or leaving a section open at the job's end fails the job with a
 * message. A worker that dies inside a critical section ends the map with
 * POOL_TAINTED. One that is inside when the map ends for another reason has
 * 100 ms to leave before it is killed (threads are awaited); `repair` is called
 * then, too, and if that is not given or fails, the message says so, and what
 * would have been POOL_OK is POOL_TAINTED. */
int pool_critical_begin(struct pool_worker *self);
void pool_critical_end(struct pool_worker *self);
int pool_ordered_begin(struct pool_worker *self);
void pool_ordered_end(struct pool_worker *self);

/* The error of the last call on this pool, never NULL, valid until the next
 * call on it; POOL_OK with a message is a warning. pool NULL: of this thread's
 * last call that had no pool (pool_open). */
const struct pool_error *pool_error(const struct pool *pool);

/* The jobs that failed for good in the last map, by id: *count of them, valid
 * until the next call on the pool; NULL when there are none. */
const struct pool_error *pool_failures(const struct pool *pool, size_t *count);

/* "POOL_OK", ...; "unknown" for any other number. Static. */
const char *pool_status_name(int status);

/* Writes pool_error(pool) for a person: a line, and the backtrace below it.
 * Nothing when there is nothing to tell. */
void pool_report(const struct pool *pool, FILE *stream);

#ifdef __cplusplus
}
#endif
#ifdef __GNUC__
#pragma GCC visibility pop
#endif

/* Block forms: POOL_CRITICAL(self) { ... }. The block is skipped when the map is
 * ending, and the section ends by any way out of the block: its end, break
 * (which leaves the block), return, goto, an exception in C++. */
#define SHAREDMEM_JOIN_(a, b) a##b
#define SHAREDMEM_JOIN(a, b) SHAREDMEM_JOIN_(a, b)

#ifdef __cplusplus

namespace sharedmem {
struct section {
	struct pool_worker *self;
	void (*end)(struct pool_worker *);
	bool entered, open;
	section(struct pool_worker *worker, int (*begin)(struct pool_worker *),
		void (*leave)(struct pool_worker *))
		: self(worker), end(leave), entered(begin(worker) == 0), open(entered)
	{
	}
	~section()
	{
		if (entered)
			end(self);
	}
	section(const section &) = delete;
	section &operator=(const section &) = delete;
};
}
#define SHAREDMEM_SECTION(name, variable, self) \
	for (::sharedmem::section variable((self), pool_##name##_begin, pool_##name##_end); \
	     variable.open; variable.open = false)

#else

struct sharedmem_section {
	struct pool_worker *self;
	void (*end)(struct pool_worker *);
	bool entered, open;
};
static inline struct sharedmem_section sharedmem_section_begin(struct pool_worker *self,
							       int (*begin)(struct pool_worker *),
							       void (*end)(struct pool_worker *))
{
	bool entered = begin(self) == 0;
	struct sharedmem_section section = { self, end, entered, entered };

	return section;
}
static inline void sharedmem_section_end(struct sharedmem_section *section)
{
	if (section->entered)
		section->end(section->self);
}
#define SHAREDMEM_SECTION(name, variable, self) \
	for (struct sharedmem_section variable __attribute__((__cleanup__(sharedmem_section_end))) = \
		     sharedmem_section_begin((self), pool_##name##_begin, pool_##name##_end); \
	     variable.open; variable.open = false)

#endif

#define POOL_CRITICAL(self) \
	SHAREDMEM_SECTION(critical, SHAREDMEM_JOIN(sharedmem_section_, __LINE__), self)
#define POOL_ORDERED(self) \
	SHAREDMEM_SECTION(ordered, SHAREDMEM_JOIN(sharedmem_section_, __LINE__), self)

#endif
