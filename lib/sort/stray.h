/* SPDX-License-Identifier: MIT */
/* Keys that lie in order but for a few. */
#ifndef SMI_SORT_STRAY_H
#define SMI_SORT_STRAY_H

#include "sort/job.h"

/* Sorts such keys, more than SMI_SHORT, to the sink: 0. Else 1, mostly after a few keys, and nothing is
 * changed. */
int smi_stray_sort(struct smi_job *job);

#endif
