/* SPDX-License-Identifier: MIT */
/* One worker at a time. `word` holds the owner's rank + 1, 0 when free: so the
 * master sees at once whether a dead worker held it.
 *
 * The owner leaves with a plain store and then looks whether somebody sleeps. That
 * look may pass the store by some nanoseconds and miss a sleeper, so nobody sleeps
 * for longer than SMI_CRITICAL_NAP; for that the uncontended way has one atomic
 * step and not two. */
#ifndef SMI_SYNC_CRITICAL_H
#define SMI_SYNC_CRITICAL_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "os/clock.h"

#define SMI_CRITICAL_NAP (2 * SMI_MS)

struct smi_critical {
	alignas(64) _Atomic uint32_t word;
	_Atomic uint32_t sleepers; /* somebody may sleep on the word */
	_Atomic uint32_t stop;     /* the map is ending */
};

void smi_critical_init(struct smi_critical *critical);

/* Whether it is held now. */
static inline bool smi_critical_try(struct smi_critical *critical, int rank)
{
	uint32_t free = 0;

	return atomic_compare_exchange_strong_explicit(&critical->word, &free, (uint32_t)rank + 1,
						       memory_order_acquire, memory_order_relaxed);
}

/* 0 when held, -1 when the map is ending. `spin`: another CPU may run the owner. */
int smi_critical_wait(struct smi_critical *critical, int rank, bool spin);

void smi_critical_wake(struct smi_critical *critical);
static inline void smi_critical_leave(struct smi_critical *critical)
{
	atomic_store_explicit(&critical->word, 0, memory_order_release);
	if (__builtin_expect(atomic_load_explicit(&critical->sleepers, memory_order_relaxed) != 0, 0))
		smi_critical_wake(critical);
}

/* Refuses whoever waits. */
void smi_critical_stop(struct smi_critical *critical);

/* The master's, behind stop: waits until the owner has left, for so many ns at most; then
 * nobody comes in any more. */
void smi_critical_close(struct smi_critical *critical, uint64_t timeout);

bool smi_critical_held_by(struct smi_critical *critical, int rank);

/* The master's, of an owner who is dead: what it guards is in order; or it is not, and nobody
 * is to come in any more. */
void smi_critical_free(struct smi_critical *critical, int rank);
void smi_critical_seize(struct smi_critical *critical, int rank);

#endif
