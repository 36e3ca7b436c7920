/* SPDX-License-Identifier: MIT */
/* One partition of keys, or of records seen as keys, by all threads. */
#ifndef SMI_SORT_PARTITION_H
#define SMI_SORT_PARTITION_H

#include "sort/crew/crew.h"
#include "sort/kernel/kernel.h"

/* The tables of one partition: for each part of the keys its counts, then the
 * next place of each digit. */
struct smi_tables {
	uint32_t *count;               /* [parts][SMI_DIGITS] */
	uint64_t *next;                /* [parts][SMI_DIGITS] */
	uint64_t start[SMI_DIGITS + 1]; /* where each bucket begins; the last: n */
};

struct smi_partition {
	const struct smi_kernel *kernel;
	const struct smi_keys *keys;
	size_t n, parts;
	struct smi_map map;
	struct smi_pack pack;
	struct smi_tables *tables;
	bool narrow;
	void *out;                     /* n records */
};

/* Counts the keys of each bucket: fills tables->start and ->next. */
void smi_partition_count(struct smi_partition *partition, const struct smi_crew *crew);

/* Moves the records of counted keys to `out`. */
void smi_partition_move(struct smi_partition *partition, const struct smi_crew *crew);

#endif
