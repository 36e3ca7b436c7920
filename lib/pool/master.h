/* SPDX-License-Identifier: MIT */
/* The master's state in one map: whom it hears, what it has heard, how it ends. */
#ifndef SMI_POOL_MASTER_H
#define SMI_POOL_MASTER_H

#include "pipe/reader.h"
#include "pool/results.h"

/* What the master knows of a rank's worker. */
struct smi_life {
	enum smi_living {
		SMI_LIVES,
		SMI_BEREFT,  /* it has ended; a successor is to be asked for */
		SMI_AWAITED, /* one was asked for */
		SMI_VACANT   /* there will be none */
	} living;
	int early;      /* lives in a row that ended before a first job */
	bool scribbled; /* it wrote over its pipe */
	bool searching; /* it died while it claimed: what it got is to be found */
	int agains;     /* what nobody runs yet, by id */
	struct smi_again again[SMI_INBOX_MOST];
	struct smi_taker taker; /* vacant: where it stands, if ids are settled by rank */
	int carries;    /* the rank whose jobs lie in this one's inbox; -1: none */
	/* The watch over job_timeout. */
	uint64_t at, signs; /* as last looked at: a change is a sign of life */
	uint32_t tries;
	uint64_t looked;    /* when, ns */
	uint64_t ran;       /* so long with this job, ns */
	uint64_t warned;    /* when it got SIGTERM; 0: it did not */
	uint64_t due;       /* the job for which it got it; UINT64_MAX: none */
	bool termed;        /* it got it for a job that has ended since */
	bool killed;        /* it got SIGKILL for a job */
};

struct smi_master {
	struct smi_map *map;
	struct smi_team *team;
	struct smi_error *error;
	struct smi_reader *reader; /* one a rank */
	struct smi_life *life;     /* one a rank */
	struct smi_range *held_ranges; /* room for all that is held while ids are searched */
	bool *held;                /* the item at the head of the rank's pipe waits for its turn */
	int *dead;                 /* ranks that ended, as they are told */
	struct smi_results results;
	uint64_t bytes;     /* of the rings, taken in so far */
	uint64_t patience;  /* the longest that the master may sleep, ns */
	int refused;        /* why there was no successor, an errno */
	bool finishing;     /* the workers were told that all is done */
	bool ending;     /* the map is to end before all jobs are done */
	bool no_reduce;  /* reduce is not to be called again */
};

/* Takes in what all pipes hold. Whether there was anything. */
bool smi_master_drain(struct smi_master *master);

/* The same, and nothing is left in a pipe to wait for its turn. */
void smi_master_drain_all(struct smi_master *master);

/* Something is committed that could be taken in. */
bool smi_master_has_news(const struct smi_master *master);

/* A worker has ended: what it committed is taken in, then its end is judged. */
void smi_master_judge(struct smi_master *master, int rank);

/* All have been ended: was one of them inside a critical section? The map's status then. */
int smi_master_judge_holder(struct smi_master *master);

/* The job that runs or died there; SIZE_MAX: none that is not done. */
size_t smi_master_job_of(const struct smi_master *master, int rank);

/* A worker has ended before the map has: what it leaves is kept for others. `job`
 * has used so many tries; UINT64_MAX: none is to be counted. */
void smi_master_bereave(struct smi_master *master, int rank, uint64_t job, uint32_t tries);

/* Tries that a job of this rank has used before the one that runs. */
uint32_t smi_master_tries(const struct smi_master *master, int rank, uint64_t job);

/* Finds successors for those who ended, and others for what nobody will run. When
 * all jobs are settled: tells the workers to finish. */
void smi_master_mend(struct smi_master *master);

/* Ends workers whose job has run for longer than it may. */
void smi_master_watch(struct smi_master *master);

/* The journal's part. Before the first worker: what it holds of this map is settled
 * and goes to reduce. An item is done: it goes into the journal. All that came is
 * written. The map ends. */
void smi_master_resume(struct smi_master *master);
void smi_master_note(struct smi_master *master, const struct smi_item *item);
void smi_master_write_notes(struct smi_master *master);
void smi_master_end_notes(struct smi_master *master);

/* What reduce said, or a collected value of the wrong size, ends the map. */
void smi_master_end_by_results(struct smi_master *master);

/* Ends the map with a failure, unless one is recorded that wins. */
void smi_master_fail(struct smi_master *master, enum pool_status status, int code, uint64_t job,
		     int rank, const char *format, ...) __attribute__((format(printf, 6, 7)));

/* A job has failed for good: the map ends, or goes on without it. */
void smi_master_lose(struct smi_master *master, const struct smi_error *error);

#endif
