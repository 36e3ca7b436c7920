/* SPDX-License-Identifier: MIT */
/* The worker's side: what stands behind struct pool_worker. Lives in the worker;
 * nobody else sees it. */
#ifndef SMI_POOL_WORKER_H
#define SMI_POOL_WORKER_H

#include <errno.h>

#include "os/process.h"
#include "pipe/writer.h"
#include "pool/map.h"

enum smi_section { SMI_OUTSIDE, SMI_IN_CRITICAL = 1, SMI_IN_ORDERED = 2 }; /* may be or-ed */

struct smi_worker {
	struct pool_worker told; /* first: what work functions are handed */
	const struct smi_map *map;
	struct smi_block_head *head;
	struct smi_slot *slot;
	struct smi_writer writer;
	struct smi_taker taker;
	unsigned lineage;  /* of the process, or of the thread's */
	unsigned section;  /* enum smi_section */
	bool passed;       /* the job has left its ordered section, or there has been none yet */
	bool in_hook;      /* worker_begin or worker_end runs, and no job */
	bool retired;      /* has run as many jobs as it may */
	uint64_t left;     /* jobs that it may still run */
	uint64_t again_end; /* of the range that it runs, if that came from the inbox; else 0 */
	/* Something is wrong with the job, whatever work returns. */
	enum pool_status trouble; /* POOL_OK: nothing is */
	int trouble_code;
	char message[SMI_MESSAGE_MOST];
};

static inline struct smi_worker *smi_worker_of(const struct pool_worker *self)
{
	return (struct smi_worker *)self;
}

/* This is a child that a job, or a hook, has forked: it has a copy of all that is the worker's
 * own, shares the rest, and is none. */
static inline bool smi_worker_is_stray(const struct smi_worker *worker)
{
	return __builtin_expect(worker->lineage != smi_process_lineage, 0);
}

/* Fails the job for a misuse. The first trouble of a job stands. Returns -1. */
int smi_worker_trouble(struct smi_worker *worker, enum pool_status status, int code,
		       const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The job that runs, or ran last; UINT64_MAX before the first. */
static inline uint64_t smi_worker_job(const struct smi_worker *worker)
{
	return atomic_load_explicit(&worker->slot->at, memory_order_relaxed);
}

/* The map is ending. */
static inline bool smi_worker_stopped(const struct smi_worker *worker)
{
	return atomic_load_explicit(&worker->head->stop, memory_order_relaxed);
}

static inline void smi_worker_enter(struct smi_worker *worker, enum smi_phase phase)
{
	atomic_store_explicit(&worker->slot->phase, (uint32_t)phase, memory_order_release);
}

/* What went wrong with the job is that the map is ending: it has not failed for good. */
static inline bool smi_worker_is_cut_off(const struct smi_worker *worker)
{
	return worker->trouble == POOL_NO_RESOURCES && worker->trouble_code == ECANCELED &&
	       smi_worker_stopped(worker);
}

/* Tells the master that the job, or a hook (UINT64_MAX), has failed. */
void smi_worker_send_failure(struct smi_worker *worker, uint64_t job, int returned);

/* Takes jobs and runs them until there are no more, or none is to be run. */
void smi_worker_run_jobs(struct smi_worker *worker);

/* Leaves the sections that the job left open, and says so. */
void smi_section_close(struct smi_worker *worker);

#endif
