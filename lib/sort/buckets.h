/* SPDX-License-Identifier: MIT */
/* Sorting all buckets of the first partition. */
#ifndef SMI_SORT_BUCKETS_H
#define SMI_SORT_BUCKETS_H

#include "sort/job.h"

/* Sorts the buckets 0 ... top of job->tables[0], whose records are in
 * job->records, to the sink. */
void smi_buckets_sort(struct smi_job *job, size_t top);

/* Sorts job->n records that are elsewhere to the sink; job->records gets lost. */
void smi_buckets_sort_records(struct smi_job *job, char *records);

/* How many bits of digit are wanted for n records. */
unsigned smi_buckets_width(const struct smi_job *job, size_t n);

#endif
