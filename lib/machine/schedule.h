/* SPDX-License-Identifier: MIT */
/* What the environment says of how a pool should run. */
#ifndef SMI_MACHINE_SCHEDULE_H
#define SMI_MACHINE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>

#include <sharedmem/types.h>

/* OMP_SCHEDULE, "[monotonic:|nonmonotonic:]kind[,chunk]"; "auto" is the default.
 * Dynamic and chunk 0 when absent or unreadable; returns whether it could be
 * read, true when absent. */
bool smi_env_schedule(enum pool_schedule *schedule, size_t *chunk);

/* SHAREDMEM_BACKEND, else POOL_FORK; false when it can't be read. */
bool smi_env_backend(enum pool_backend *backend);

#endif
