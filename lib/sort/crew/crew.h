/* SPDX-License-Identifier: MIT */
/* The threads that sort: the caller and helpers that are kept between calls.
 *
 * The caller gives out numbered parts of a step and works on them itself; a
 * helper takes parts when it is there. So nobody ever waits for a helper to
 * wake up, only for parts that one has begun. Idle helpers look for work for
 * some microseconds, then sleep. There is one crew in the process: who finds
 * it taken works alone. */
#ifndef SMI_SORT_CREW_H
#define SMI_SORT_CREW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smi_crew {
	int np;      /* threads that may work, the caller included */
	bool missed; /* helpers would have been welcome, but were not near */
};

typedef void (*smi_part_fn)(void *arg, size_t part, int rank);

#define SMI_CREW_MUCH UINT64_MAX /* work that is worth all threads */

/* Takes the crew for work that takes one thread about `ns`: np threads, or as many as that is
 * worth (worth.h). np stays as it is, 1 or that of an entry before, when no more are worth it,
 * the crew is taken, or none can be started. Helpers that would be done with less than they
 * take to wake are had if they look on, or if who left last, a moment ago, would have liked
 * them to: so those who do such work again and again have helpers, and others wake none in
 * vain. Left once, however often it was entered. */
void smi_crew_enter(struct smi_crew *crew, int np, uint64_t ns);
void smi_crew_leave(struct smi_crew *crew);

/* Calls work(arg, part, rank) for the parts 0 ... parts-1, parts < 2^31, each
 * once, in ascending order of start, rank < crew->np naming the thread; returns
 * when all have returned. Helpers compute with floats as the caller does. */
void smi_crew_each(const struct smi_crew *crew, size_t parts, smi_part_fn work, void *arg);

#endif
