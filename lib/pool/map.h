/* SPDX-License-Identifier: MIT */
/* One map: what is settled before the first worker starts, seen by all of them. */
#ifndef SMI_POOL_MAP_H
#define SMI_POOL_MAP_H

#include <sharedmem/pool.h>

#include "error/error.h"
#include "error/failures.h"
#include "journal/journal.h"
#include "pool/desk.h"
#include "queue/settled.h"
#include "team/team.h"

struct pool {
	struct smi_error error, refusal;
	/* What each map writes, after what few do: all that is written near a fork is a
	 * page to be copied. What is allocated next lies beside it. */
	struct pool_options options;
	enum pool_backend backend; /* settled when the pool was opened */
	pid_t owner;               /* the process that opened it */
	int level;                 /* in which it was opened */
	int np;
	uint64_t maps; /* begun so far */
	struct smi_journal *journal; /* NULL: none is kept */
	bool running;
	bool refused; /* while a map runs: another call was; `refusal` says why */
	struct smi_failures failures; /* of the last map */
	struct smi_team team;
	struct smi_desk desk;
};

struct smi_map {
	struct pool *pool;
	pool_work_fn work;
	pool_reduce_fn reduce;
	void *arg;
	char *results;       /* pool_collect: where values go */
	size_t result_size;
	bool collect;
	uint64_t njobs;
	uint64_t number;     /* of this map among the program's, from 1 */
	uint64_t only;       /* the one job that is to run (SHAREDMEM_ONLY); UINT64_MAX: all */
	int np;
	bool serial;         /* the calling thread is the worker */
	bool mends;          /* others run what a dead worker leaves; idle workers wait for it */
	bool goes_on;        /* when a job has failed for good */
	unsigned retries;
	uint64_t life;       /* jobs after which a worker is replaced */
	struct smi_journal *journal; /* of this map; NULL: none */
	struct smi_settled settled; /* where more must be known than how many are done */
	bool spin;           /* each worker has a CPU */
	struct smi_queue queue;
	struct smi_order order;
	/* The master's. Called by a serial worker after each job. */
	struct smi_master *master;
};

/* A worker's life, in its own process or thread. */
void smi_worker_live(void *map, int rank);

/* There are fewer workers than were asked for. */
void smi_map_shrink(void *map, int np);

/* The master's part of a map, from start to end: an enum pool_status, told in the
 * pool's error. */
int smi_master_run(struct smi_map *map);

/* Takes in what the workers have committed, on the master. False when the map is
 * to end. */
bool smi_master_turn(struct smi_master *master);

#endif
