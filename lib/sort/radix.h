/* SPDX-License-Identifier: MIT */
/* Sorting numbers: the road that argsort and sort share. */
#ifndef SMI_SORT_RADIX_H
#define SMI_SORT_RADIX_H

#include "sort/job.h"
#include <sharedmem/sort.h>

/* Up to so many keys that are not straight are sorted as soon as looked at for short cuts. */
#define SMI_SHORT 64

/* Up to so many keys (of short records: twice as many) one thread does everything in one
 * bucket, even if there are others; up to so many, if it is the only one (or what the
 * second-level cache holds; in some cases twice that); of keys that do not lie evenly, without
 * vectors, up to so many; of keys among which some values are frequent, up to so many. */
#define SMI_ALONE 16384
#define SMI_SINGLE 24576
#define SMI_PLAIN 12288
#define SMI_EVEN 2048

/* Sorts n keys to the sink. 0 or -ENOMEM, and then the keys are as they were.
 * For SMI_TO_KEY `out` is the keys' memory. */
int smi_radix(const struct smi_keys *keys, size_t n, enum smi_sink sink, void *out,
	      const struct shared_sort_options *options);

/* The same for job->n > 0 keys, without a look for short cuts. */
int smi_radix_job(struct smi_job *job);

#endif
