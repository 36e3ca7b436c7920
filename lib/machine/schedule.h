/* SPDX-License-Identifier: MIT */
/* What the environment says of how a pool should run. */
#ifndef SMI_MACHINE_SCHEDULE_H
#define SMI_MACHINE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sharedmem/types.h>

/* OMP_SCHEDULE, "[monotonic:|nonmonotonic:]kind[,chunk]"; "auto" is the default.
 * Dynamic and chunk 0 when absent or unreadable; returns whether it could be
 * read, true when absent. */
bool smi_env_schedule(enum pool_schedule *schedule, size_t *chunk);

/* SHAREDMEM_BACKEND, else POOL_FORK; false when it can't be read. */
bool smi_env_backend(enum pool_backend *backend);

/* SHAREDMEM_ONLY, "[map:]job": the one job that is to run, and of which map (from 1;
 * 0: of any). False when absent or unreadable. */
bool smi_env_only(uint64_t *map, uint64_t *job);

#endif
