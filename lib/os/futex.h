/* SPDX-License-Identifier: MIT */
/* Sleeping on a word in shared memory, and the pauses before it.
 *
 * A word that somebody sleeps on carries SMI_STOP in its lowest bit, so that an
 * end of the map cannot fall between a look at the word and the sleep; a word that
 * counts news counts by SMI_NEWS, and may come round. */
#ifndef SMI_OS_FUTEX_H
#define SMI_OS_FUTEX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SMI_STOP 1u
#define SMI_NEWS 2u

/* Sleeps while *word is `expected`, `timeout` ns at most (UINT64_MAX: for ever).
 * May return early for no reason: look again. errno is kept. */
void smi_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout);

/* Wakes up to `count` sleepers. errno is kept. */
void smi_futex_wake(_Atomic uint32_t *word, int count);

/* Sets SMI_STOP in the word and wakes everybody. */
void smi_futex_stop(_Atomic uint32_t *word);

/* CPUs that this thread may run on, read once: spinning helps only where each
 * spinner has one. */
int smi_cpus_here(void);

static inline void smi_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("yield");
#endif
}

#endif
