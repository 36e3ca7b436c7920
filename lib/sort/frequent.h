/* SPDX-License-Identifier: MIT */
/* Sorting keys of which many have one of a few values: those are counted, only
 * the others are sorted. */
#ifndef SMI_SORT_FREQUENT_H
#define SMI_SORT_FREQUENT_H

#include "sort/job.h"

/* Fewer keys are not worth a sample. */
#define SMI_FREQUENT_WORTH 512

/* Whether it is worth it, by a sample: percent of the keys that have one of the
 * frequent values. Of some it pays; of all, or where the first four are those of most,
 * it is the fastest way there is, where keys are compared several at a time. */
#define SMI_FREQUENT_SOME 40
#define SMI_FREQUENT_ALL 90
#define SMI_FREQUENT_LEAD 60
unsigned smi_frequent_look(const struct smi_job *job, struct smi_frequent *frequent);

/* Sorts job->n keys in place. 0; or 1 or -ENOMEM when there is too little memory, and
 * then the keys are as they were. */
int smi_frequent_sort(struct smi_job *job, const struct smi_frequent *frequent);

#endif
