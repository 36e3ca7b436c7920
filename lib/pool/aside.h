/* SPDX-License-Identifier: MIT */
/* What waits for its turn and came out of its rank's order: a list by ascending ids. */
#ifndef SMI_POOL_ASIDE_H
#define SMI_POOL_ASIDE_H

#include <stdbool.h>

#include "pipe/reader.h"

struct smi_laid {
	struct smi_laid *next, *previous;
	uint64_t job, count;
	size_t size;
	bool failed; /* there is nothing to deliver */
	char data[] __attribute__((aligned(SMI_ALIGN)));
};

struct smi_aside {
	struct smi_laid *first, *last;
};

/* Copies an item. False: no memory. */
bool smi_aside_put(struct smi_aside *aside, const struct smi_item *item, bool failed);

/* Drops the first. */
void smi_aside_drop(struct smi_aside *aside);
void smi_aside_clear(struct smi_aside *aside);

#endif
