/* SPDX-License-Identifier: MIT */
/* Sorting so few keys that they are one bucket and one thread does it all. */
#ifndef SMI_SORT_ALONE_H
#define SMI_SORT_ALONE_H

#include "sort/job.h"

/* Sorts job->n > 0 keys to the sink; 0 or -ENOMEM, and then the keys are as
 * they were. Up to SMI_FEW need no other memory than the stack. */
int smi_alone_sort(struct smi_job *job);

#endif
