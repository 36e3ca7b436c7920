/* SPDX-License-Identifier: MIT */
#include "os/futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <limits.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/kept.h"

void smi_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout)
{
	struct timespec t = { .tv_sec = (time_t)(timeout / SMI_S), .tv_nsec = (long)(timeout % SMI_S) };
	int saved = errno;

	syscall(SYS_futex, word, FUTEX_WAIT, expected, timeout == UINT64_MAX ? NULL : &t, NULL, 0);
	smi_errno_restore(saved);
}

void smi_futex_wake(_Atomic uint32_t *word, int count)
{
	int saved = errno;

	syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
	smi_errno_restore(saved);
}

void smi_futex_stop(_Atomic uint32_t *word)
{
	atomic_fetch_or(word, SMI_STOP);
	smi_futex_wake(word, INT_MAX);
}

int smi_cpus_here(void)
{
	static _Atomic int known;
	int cpus = atomic_load_explicit(&known, memory_order_relaxed);
	cpu_set_t set;

	if (cpus == 0) {
		cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
		atomic_store_explicit(&known, cpus, memory_order_relaxed);
	}
	return cpus;
}
