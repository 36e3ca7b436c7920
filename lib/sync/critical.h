/* SPDX-License-Identifier: MIT */
/* One worker at a time. `word` holds SMI_STOP, a bit that says that somebody sleeps on
 * it, and above them the owner's rank + 1, 0 when free. The owner is in the word, so the
 * master sees at once whether a dead worker held it. */
#ifndef SMI_SYNC_CRITICAL_H
#define SMI_SYNC_CRITICAL_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SMI_OWNER_SHIFT 2

struct smi_critical {
	alignas(64) _Atomic uint32_t word;
};

void smi_critical_init(struct smi_critical *critical);

static inline uint32_t smi_critical_owned_by(int rank)
{
	return ((uint32_t)rank + 1) << SMI_OWNER_SHIFT;
}

/* 0 when held, -1 when the map is ending. `spin`: another CPU may run the owner. */
int smi_critical_wait(struct smi_critical *critical, int rank, bool spin);
static inline int smi_critical_enter(struct smi_critical *critical, int rank, bool spin)
{
	uint32_t free = 0;

	if (atomic_compare_exchange_strong_explicit(&critical->word, &free, smi_critical_owned_by(rank),
						    memory_order_acquire, memory_order_relaxed))
		return 0;
	return smi_critical_wait(critical, rank, spin);
}

void smi_critical_pass_on(struct smi_critical *critical);
static inline void smi_critical_leave(struct smi_critical *critical, int rank)
{
	uint32_t mine = smi_critical_owned_by(rank);

	if (!atomic_compare_exchange_strong_explicit(&critical->word, &mine, 0, memory_order_release,
						     memory_order_relaxed))
		smi_critical_pass_on(critical);
}

/* Refuses whoever comes or waits. */
void smi_critical_stop(struct smi_critical *critical);

bool smi_critical_held_by(struct smi_critical *critical, int rank);

#endif
