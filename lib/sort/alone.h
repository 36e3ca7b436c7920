/* SPDX-License-Identifier: MIT */
/* Sorting so few keys that they are one bucket and one thread does it all. */
#ifndef SMI_SORT_ALONE_H
#define SMI_SORT_ALONE_H

#include "sort/job.h"

/* Up to so many keys need no other memory than the stack. */
#define SMI_FEW 1024

/* Sorts job->n > 0 keys to the sink; 0 or -ENOMEM, and then the keys are as
 * they were. */
int smi_alone_sort(struct smi_job *job);

#endif
