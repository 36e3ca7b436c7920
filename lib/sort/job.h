/* SPDX-License-Identifier: MIT */
/* What one sort knows: the keys and what becomes of them, who works, sizes,
 * and the memory. */
#ifndef SMI_SORT_JOB_H
#define SMI_SORT_JOB_H

#include "sort/crew/crew.h"
#include "sort/kernel/kernel.h"
#include "sort/partition.h"
#include "sort/specials.h"

#define SMI_LEVELS 4 /* partitions within partitions; below that one thread goes on */
#define SMI_LIGHT 400 /* picoseconds a key of steps that see each once or twice */
#define SMI_PART ((size_t)1 << 19) /* keys or more has a part where threads have several */

struct smi_job {
	const struct smi_kernel *kernel;
	struct smi_crew crew;       /* the caller alone, until helpers are wanted */
	const struct shared_sort_options *options;
	struct smi_plan plan;
	struct smi_range range;
	struct smi_specials specials;
	size_t n, parts, width;     /* width: bytes of a record */
	size_t bucket, large;       /* records: wanted in a bucket, too many for one thread */
	char *scratch;
	struct smi_tables *tables;  /* [SMI_LEVELS] */
	uint32_t *counts;           /* [np][SMI_COUNTS] */
	char *spare;                /* [np][large records] */
	char *records;              /* [n records] */
	char *second;               /* [records of the largest bucket], if any is too large */
	uint8_t *digits;            /* [n] of the first partition, if that is by splitting images */
};

/* Bytes of a record. */
static inline size_t smi_job_width(enum smi_sink sink, enum smi_kind kind)
{
	return sink == SMI_TO_KEY && smi_kind_size(kind) <= 4 ? 4 : 8;
}

/* Records in a vector; 1: there are none. */
static inline size_t smi_job_lanes(const struct smi_job *job)
{
	return job->kernel->lanes == 1 ? 1 : 4 * job->kernel->lanes / job->width;
}

/* From now on records are whole images, of which the least is not taken away. */
static inline void smi_job_keep_images(struct smi_job *job)
{
	job->plan.pack.base = 0;
	job->plan.as_doubles = false;
}

/* Sorts m records, and writes what they stand for from `position` on: smi_kernel.bucket. */
static inline void smi_job_bucket(struct smi_job *job, void *records, void *spare, size_t m,
				  size_t position, uint32_t *counts)
{
	if (job->width == 4)
		job->kernel->bucket_narrow(&job->plan, records, spare, m, position, counts);
	else
		job->kernel->bucket(&job->plan, records, spare, m, position, counts);
}

/* Has the crew from now on, with as many threads as it is worth if one took `ps` picoseconds a
 * key; perhaps it has some already. */
void smi_job_get_helpers(struct smi_job *job, unsigned ps);

/* Settles what a record is, once the range is known: as much of the key as
 * there is room for beside the index. */
void smi_job_plan(struct smi_job *job);

/* Parts of a step over n keys: one for each thread, or, of many keys, a few: a helper may come
 * late, or go more slowly. */
size_t smi_job_parts(size_t n, size_t np);

/* Bytes of the second-level cache, or what comes near it. */
size_t smi_job_cache(void);

/* Sizes and memory for many keys; 0 or -ENOMEM. */
int smi_job_reserve(struct smi_job *job);
/* Memory for the largest bucket 0 ... top of the first partition, if one thread
 * is not to sort it; 0 or -ENOMEM. */
int smi_job_reserve_second(struct smi_job *job, size_t top);

/* Frees it. */
void smi_job_fini(struct smi_job *job);

#endif
