/* SPDX-License-Identifier: MIT */
/* How many CPUs and how much memory this program may use, and why; debug
 * mode; the library's version. */
#ifndef SHAREDMEM_ENV_H
#define SHAREDMEM_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* The CPUs that this program may use, at least 1: OMP_NUM_THREADS (the first
 * level of its list), else what a batch scheduler granted (PBS_NUM_PPN,
 * SLURM_CPUS_PER_TASK, NSLOTS, LSB_DJOB_NUMPROC, OAR_NCPUS), else the least of
 * the affinity mask and the cgroup's quota, a fraction rounded up. A value
 * that can't be read is passed over, and pool_display_env says so. The
 * environment is read anew at each call. */
int pool_cpu_count(void);

/* Bytes that this program may use: the least of MemTotal and the memory limits
 * of its cgroup and that cgroup's ancestors. 0 when nothing can be read. */
size_t pool_total_memory(void);

/* Writes every source that was looked at, what it said, and which one won. */
void pool_display_env(FILE *stream);

/* Serial mode for the whole program: jobs of later maps run one by one, in the
 * order of their ids, in the calling thread, so that a debugger sees them.
 * SHAREDMEM_DEBUG=1 turns it on from outside. */
void pool_set_debug(bool on);
bool pool_get_debug(void);

/* "major.minor.patch" of the library that runs. */
const char *sharedmem_version(void);

#ifdef __cplusplus
}
#endif
#ifdef __GNUC__
#pragma GCC visibility pop
#endif

#endif
