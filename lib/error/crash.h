/* SPDX-License-Identifier: MIT */
/* What a dying worker tells: its signal handler stores raw addresses in shared
 * memory and dies by the same signal; the master, which has the same image at the
 * same addresses, finds the names. */
#ifndef SMI_ERROR_CRASH_H
#define SMI_ERROR_CRASH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMI_CRASH_FRAMES 48

/* In shared memory. Written by the worker while it dies, read by the master. */
struct smi_crash {
	_Atomic int signal; /* 0: nothing was told; stored last */
	int frames;
	uintptr_t address; /* the fault's, of SIGSEGV and SIGBUS */
	uintptr_t frame[SMI_CRASH_FRAMES];
};

/* In the master, before it forks: loads what an unwinder needs. */
void smi_crash_prepare(void);

/* In a forked worker: from now on a fatal signal is recorded, and `bell` rung. */
void smi_crash_guard(struct smi_crash *crash, int bell);

/* Whether this is such a worker's process, or a child of one. */
bool smi_crash_is_guarded(void);

/* The record as text, a frame a line, names where there are some. */
void smi_crash_backtrace(const struct smi_crash *crash, char *text, size_t size);

#endif
