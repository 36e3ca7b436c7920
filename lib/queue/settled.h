/* SPDX-License-Identifier: MIT */
/* Which jobs are settled: done and taken in, or failed for good. One bit a job;
 * pages of it that nobody has touched cost nothing. Written by the master. */
#ifndef SMI_QUEUE_SETTLED_H
#define SMI_QUEUE_SETTLED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/queue.h"

struct smi_settled {
	_Atomic uint64_t *word; /* NULL: nobody keeps count. In shared memory: workers may look */
	size_t size;            /* bytes */
	uint64_t njobs, count;
	uint64_t low; /* all below it are settled */
};

/* 0 or -ENOMEM. */
int smi_settled_init(struct smi_settled *settled, uint64_t njobs);
void smi_settled_fini(struct smi_settled *settled);

static inline bool smi_settled_has(const struct smi_settled *settled, uint64_t job)
{
	return atomic_load_explicit(&settled->word[job / 64], memory_order_relaxed) >> job % 64 & 1;
}

/* Settles `count` jobs from `job` on. False, and nothing is changed, when one of
 * them was, or there is no such job. */
bool smi_settled_add(struct smi_settled *settled, uint64_t job, uint64_t count);

/* The first run of jobs within `range` that are not settled; empty: none. */
struct smi_range smi_settled_gap(struct smi_settled *settled, struct smi_range range);

#endif
