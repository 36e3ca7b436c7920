/* SPDX-License-Identifier: MIT */
/* Merging a few natural runs. */
#ifndef SMI_SORT_JOIN_H
#define SMI_SORT_JOIN_H

#include "sort/job.h"
#include "sort/runs.h"

/* Sorts job->n keys that are these runs, at least two, to the sink. 0; or 1
 * when there are ways that are faster or take less memory than there is, or
 * -ENOMEM, and then the keys are as they were. */
int smi_join(struct smi_job *job, const struct smi_runs *runs);

#endif
