/* SPDX-License-Identifier: MIT */
/* Keys that lie in order but for a few. */
#ifndef SMI_SORT_STRAY_H
#define SMI_SORT_STRAY_H

#include "sort/job.h"

/* Fewer keys are sorted as quickly. */
#define SMI_STRAY_WORTH 65

/* Sorts such keys to the sink: 0. Else 1, mostly after a few keys, and nothing is
 * changed. */
int smi_stray_sort(struct smi_job *job);

#endif
