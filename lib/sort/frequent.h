/* SPDX-License-Identifier: MIT */
/* Sorting keys of which many have one of a few values: those are counted, only
 * the others are sorted. */
#ifndef SMI_SORT_FREQUENT_H
#define SMI_SORT_FREQUENT_H

#include "sort/job.h"

/* Fewer keys are not worth a sample. */
#define SMI_FREQUENT_WORTH 512

/* Sorts job->n keys in place, if a sample says that a few values are those of
 * many keys. 0; or 1 when it says no, or there is too little memory, or
 * -ENOMEM, and then the keys are as they were. */
int smi_frequent_sort(struct smi_job *job);

#endif
