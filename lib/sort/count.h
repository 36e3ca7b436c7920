/* SPDX-License-Identifier: MIT */
/* Sorting keys of one or two bytes in place: how often does each value occur? */
#ifndef SMI_SORT_COUNT_H
#define SMI_SORT_COUNT_H

#include "sort/job.h"

/* From so many 2-byte keys on it is the faster way. */
#define SMI_COUNT_WORTH (1 << 16)

/* So few keys are soonest counted by one thread. */
#define SMI_COUNT_ALONE (1 << 18)

/* Is it the way for this job? */
bool smi_count_suits(const struct smi_job *job);

/* Picoseconds a key that it takes one thread; 0: it is not to be shared. */
unsigned smi_count_takes(const struct smi_job *job);

/* Sorts the job's keys; 0 or -ENOMEM, and then they are as they were. */
int smi_count_sort(struct smi_job *job);

#endif
