/* SPDX-License-Identifier: MIT */
/* The master's state in one map: whom it hears, what it has heard, how it ends. */
#ifndef SMI_POOL_MASTER_H
#define SMI_POOL_MASTER_H

#include "pipe/reader.h"
#include "pool/results.h"

struct smi_master {
	struct smi_map *map;
	struct smi_team *team;
	struct smi_error *error;
	struct smi_reader *reader; /* one a rank */
	bool *held;                /* the item at the head of the rank's pipe waits for its turn */
	int *dead;                 /* ranks that ended, as they are told */
	struct smi_results results;
	bool ending;     /* the map is to end before all jobs are done */
	bool no_reduce;  /* reduce is not to be called again */
};

/* Takes in what all pipes hold. Whether there was anything. */
bool smi_master_drain(struct smi_master *master);

/* Something is committed that could be taken in. */
bool smi_master_has_news(const struct smi_master *master);

/* A worker has ended: what it committed is taken in, then its end is judged. */
void smi_master_judge(struct smi_master *master, int rank);

/* Ends the map with a failure, unless one is recorded that wins. */
void smi_master_fail(struct smi_master *master, enum pool_status status, int code, uint64_t job,
		     int rank, const char *format, ...) __attribute__((format(printf, 6, 7)));

#endif
