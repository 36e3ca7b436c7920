/* SPDX-License-Identifier: MIT */
/* What the ends of runs tell of all keys. */
#ifndef SMI_SORT_ENDS_H
#define SMI_SORT_ENDS_H

#include "sort/job.h"
#include "sort/runs.h"

/* The range of the job's keys, and with it the plan; false when it must be known in which bits
 * the keys between differ. */
bool smi_ends_range(struct smi_job *job, const struct smi_runs *runs);

/* Whether keys can be merged as they are: of 8 bytes, that rise, then fall, if those that fall
 * differ from each other and a float's bits tell its order. */
bool smi_ends_raw(const struct smi_job *job, const struct smi_runs *runs);

#endif
