/* SPDX-License-Identifier: MIT */
/* The jobs that have failed for good in a map, each with its error. */
#ifndef SMI_ERROR_FAILURES_H
#define SMI_ERROR_FAILURES_H

#include <sharedmem/pool.h>

struct smi_failures {
	struct pool_error *list; /* their texts are ours */
	size_t count, room;
};

/* Copies it. 0 or -ENOMEM. */
int smi_failures_add(struct smi_failures *failures, const struct pool_error *error);

/* By job id. */
void smi_failures_sort(struct smi_failures *failures);

/* Also frees. */
void smi_failures_clear(struct smi_failures *failures);

#endif
