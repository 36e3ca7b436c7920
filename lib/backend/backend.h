/* SPDX-License-Identifier: MIT */
/* How workers exist, how the news of their end arrives, how they are ended. Knows
 * no jobs and no reduction. A backend is a file and a line in smi_backend_of. */
#ifndef SMI_BACKEND_BACKEND_H
#define SMI_BACKEND_BACKEND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <sharedmem/types.h>

#include "os/process.h"

/* In shared memory, written by the master: what it knows only when the workers are
 * there. */
struct smi_gate {
	_Atomic uint64_t handled; /* signals that have handlers, as smi_process_handlers has them */
	_Atomic uint32_t np;      /* workers that there are; 0: not known yet */
};

struct smi_crew {
	int np;    /* workers of this run */
	int most;  /* workers that a run can have */
	int watch; /* where ends are told, by rank; -1: they are not */
	int bell;  /* rung when a successor is there */
	struct smi_gate *gate;
	bool succeed; /* fork: dead workers may have to be replaced in this run */
	bool group;   /* fork: each worker leads a process group */
	bool knows_handlers; /* fork: the gate has those of this run */
	void (*live)(void *context, int rank);  /* a worker's life */
	/* How many workers there are after all, where that is fewer than asked for.
	 * Called before the first worker lives, in each process that must know. */
	void (*settle)(void *context, int np);
	void *context;
	/* fork: one a rank, and as many behind them: of the run before, who are still leaving. */
	struct smi_process *process;
	int *status;                 /* fork: how the ended ones ended */
	struct smi_spares *spares;   /* fork: NULL before the first run that needs them */
	struct smi_threads *threads; /* thread: the kept ones, NULL before the first run */
};

struct smi_backend {
	const char *name;
	bool forks;   /* a worker is a process of its own */
	bool inline_; /* the calling thread is the worker: start returns when it has lived */
	/* Starts ranks 0 ... np-1, or the first of them if no more can be had: crew->np
	 * is then smaller. 0 (np as asked for), 1 with *why, an errno (not all), or
	 * negative errno and then none runs. */
	int (*start)(struct smi_crew *crew, int *why);
	/* The watch told `tag`, or the caller knows of it. True when it is a rank, and
	 * has ended. */
	bool (*ended)(struct smi_crew *crew, uint32_t tag);
	/* Asks for a successor of a rank that has ended, with the memory that the first
	 * workers saw. 0: asked; -EAGAIN: not now; other negative errno: no. NULL: never. */
	int (*replace)(struct smi_crew *crew, int rank);
	/* One outcome of what was asked for: the rank, and 0: it lives, -EAGAIN: ask
	 * again, other negative errno: no. False: none for now. NULL with replace. */
	bool (*heard)(struct smi_crew *crew, int *rank, int *r);
	/* Ends all that still run. Fork: kills and reaps; status holds how. Threads
	 * were asked to stop and can only be awaited. Afterwards none runs. */
	void (*stop)(struct smi_crew *crew);
	/* All have said that they are finished: their ends need not be told any more. */
	void (*release)(struct smi_crew *crew);
	/* Reaps what release let go: all of it, or, unless `wait`, what is gone by now. The
	 * rest leaves while the next run goes on. NULL: there is never anything left. */
	void (*settle)(struct smi_crew *crew, bool wait);
	/* Frees what is kept from run to run. `inherited`: in a forked child, where
	 * nothing but memory is ours. */
	void (*fini)(struct smi_crew *crew, bool inherited);
};

extern const struct smi_backend smi_backend_fork, smi_backend_thread, smi_backend_serial;

/* `backend` is a settled one, not the default. */
const struct smi_backend *smi_backend_of(enum pool_backend backend);

/* 0 or negative errno. */
int smi_crew_init(struct smi_crew *crew, int most, int watch, int bell, struct smi_gate *gate);

/* The number of workers is known: those who wait for it may go. */
void smi_crew_open_gate(struct smi_crew *crew);
void smi_crew_fini(struct smi_crew *crew);

#endif
