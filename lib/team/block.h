/* SPDX-License-Identifier: MIT */
/* The memory that the master and its workers share: one mapping, made when the
 * pool is opened and used again by every map, of the words that all use, a slot
 * for each worker, and the rings. What lies in it is written by whoever its
 * comment says; everything else about a map is the master's, settled before the
 * fork. */
#ifndef SMI_TEAM_BLOCK_H
#define SMI_TEAM_BLOCK_H

#include <stdalign.h>

#include "backend/backend.h"
#include "error/crash.h"
#include "pipe/pipe.h"
#include "queue/inbox.h"
#include "queue/queue.h"
#include "sync/critical.h"
#include "sync/ordered.h"

struct smi_block_head {
	/* Written by the master (and by whoever rings), read at each job. */
	alignas(64) _Atomic uint32_t attention;
	_Atomic uint32_t stop;     /* the map is ending */
	alignas(64) _Atomic uint32_t cancel; /* written by anybody */
	_Atomic uint32_t finished; /* workers that are, or were about to be: the last one rings */
	_Atomic uint32_t heavy;    /* a worker that has finished still holds memory, or files */
	struct smi_gate gate;
	alignas(64) _Atomic uint64_t file_end;
	struct smi_queue_words queue;
	struct smi_critical critical;
	struct smi_critical inside; /* the ordered section, where a retry may come late to it */
	struct smi_ordered ordered;
};

enum smi_phase {
	SMI_PHASE_NEW,
	SMI_PHASE_BEGIN, /* worker_begin runs */
	SMI_PHASE_JOBS,
	SMI_PHASE_IDLE,  /* no job is left for it, as far as it knows */
	SMI_PHASE_END,   /* worker_end runs */
	SMI_PHASE_RETIRED, /* it leaves, to be replaced */
	SMI_PHASE_FINISHED
};

/* One for each rank, written by the worker of that rank, except as said in
 * struct smi_turn and smi_pipe_words. */
struct smi_slot {
	struct smi_turn turn;
	alignas(64) _Atomic uint64_t at; /* the job that runs or ran last; UINT64_MAX before the first */
	_Atomic uint32_t phase;          /* enum smi_phase; RETIRED or FINISHED is its last store */
	_Atomic int32_t pid;
	_Atomic uint32_t in_line;        /* it waits to enter a critical section */
	_Atomic uint32_t tries;          /* that `tried` has used; stored before it */
	_Atomic uint64_t tried;          /* a job; UINT64_MAX: none */
	struct smi_claim claim;
	alignas(64) struct smi_inbox inbox; /* both write it, as inbox.h says */
	_Atomic uint32_t call;           /* written by the master; an idle worker sleeps on it */
	struct smi_pipe_words pipe;
	struct smi_crash crash;
};

/* The master's view. */
struct smi_block {
	char *memory;
	size_t size;
	int np; /* slots */
	struct smi_block_head *head;
	struct smi_slot *slot;
	struct smi_pipe *pipe;
	int file; /* slabs; -1 until the first map */
};

/* For up to `np` workers. 0 or negative errno. */
int smi_block_init(struct smi_block *block, int np);
void smi_block_fini(struct smi_block *block);

/* Makes everything ready for a map with `np` workers. */
void smi_block_reset(struct smi_block *block, int np);

/* Makes a rank's slot and pipe ready for its next worker. What the dead one had
 * committed has been taken. The claim stays. */
void smi_block_renew(struct smi_block *block, int rank);

/* After a map: gives back memory beyond what is kept, or, when `all`, all of it. */
void smi_block_trim(struct smi_block *block, bool all);

/* How the turns of `np` workers lie. */
struct smi_order smi_block_order(const struct smi_block *block, int np);

#endif
