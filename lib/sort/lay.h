/* SPDX-License-Identifier: MIT */
/* Natural runs of keys become runs of records that rise and fall by turns. */
#ifndef SMI_SORT_LAY_H
#define SMI_SORT_LAY_H

#include "sort/job.h"
#include "sort/runs.h"

/* Writes the records of all keys to `to`, each run to where it lies: the runs
 * 0, 2, ... rise, the others fall. `width` is 4 or 8 for the records of an exact
 * plan, 16 for struct smi_pair. */
void smi_lay(const struct smi_job *job, const struct smi_runs *runs, size_t width, char *to);

#endif
