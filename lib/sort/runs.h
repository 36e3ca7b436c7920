/* SPDX-License-Identifier: MIT */
/* Keys that are a few runs, each rising or falling, one behind the other: where
 * the runs lie. */
#ifndef SMI_SORT_RUNS_H
#define SMI_SORT_RUNS_H

#include "sort/job.h"

#define SMI_RUNS 8       /* more are not worth merging */
#define SMI_RUNS_FALL 16 /* so many falling keys are no chance */

struct smi_runs {
	size_t start[SMI_RUNS + 1];  /* where each begins; the last: n */
	bool falling[SMI_RUNS];      /* may hold equal neighbours, as a rising one may */
	size_t count;
};

/* Finds the runs of job->n > 0 keys; false when there are more than SMI_RUNS. Stops
 * looking where there are too many: for most inputs after a few keys. */
bool smi_runs_find(struct smi_runs *runs, struct smi_job *job);

#endif
