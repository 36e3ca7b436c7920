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

struct smi_critical {
	alignas(64) _Atomic uint32_t word;
};

void smi_critical_init(struct smi_critical *critical);

/* 0 when held, -1 when the map is ending. `spin`: another CPU may run the owner. */
int smi_critical_enter(struct smi_critical *critical, int rank, bool spin);
void smi_critical_leave(struct smi_critical *critical, int rank);

/* Refuses whoever comes or waits. */
void smi_critical_stop(struct smi_critical *critical);

bool smi_critical_held_by(struct smi_critical *critical, int rank);

#endif
