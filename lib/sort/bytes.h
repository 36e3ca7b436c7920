/* SPDX-License-Identifier: MIT */
/* Sorting keys of one or two bytes, by one byte after the other. */
#ifndef SMI_SORT_BYTES_H
#define SMI_SORT_BYTES_H

#include "sort/job.h"

/* Is it the way for so many keys of this kind? */
bool smi_bytes_suit(enum smi_kind kind, size_t n, enum smi_sink sink);

/* Sorts job->n > 0 keys to the sink, alone; 0 or -ENOMEM, and then the keys are as they
 * were. */
int smi_bytes_sort(struct smi_job *job);

#endif
