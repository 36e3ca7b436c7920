/* SPDX-License-Identifier: MIT */
/* When a worker rings, and when it need not.
 *
 * The master says how it stands in `attention`: it looks at the rings anyway
 * (AWAKE), it will look by itself in some hundred microseconds (DOZING), or it
 * sleeps until rung (ASLEEP). A worker looks at the word after each commit with a
 * plain load, and again, behind the queue's atomic step, after each grab: so what
 * was committed while the master fell asleep is told at the next grab or at the
 * worker's end at the latest, and the job path has no fence. */
#ifndef SMI_PIPE_BELL_H
#define SMI_PIPE_BELL_H

#include <stdatomic.h>
#include <stdint.h>

#include "os/io.h"

enum smi_attention { SMI_AWAKE, SMI_DOZING, SMI_ASLEEP };

struct smi_bell {
	int fd;
	_Atomic uint32_t *attention; /* in shared memory; the master lies down, whoever rings sets AWAKE */
};

static inline enum smi_attention smi_bell_attention(const struct smi_bell *bell)
{
	return (enum smi_attention)atomic_load_explicit(bell->attention, memory_order_relaxed);
}

/* Rings, once for each time that the master lay down. The exchange is a full
 * barrier: what was stored before it is seen by a master that it finds awake. If
 * the ringer dies between its two steps, its death wakes the master. */
static inline void smi_bell_hurry(const struct smi_bell *bell)
{
	if (atomic_exchange(bell->attention, SMI_AWAKE) != SMI_AWAKE)
		smi_bell_ring(bell->fd);
}

/* There is news, and no hurry. */
static inline void smi_bell_news(const struct smi_bell *bell)
{
	if (__builtin_expect(smi_bell_attention(bell) == SMI_ASLEEP, 0))
		smi_bell_hurry(bell);
}

#endif
