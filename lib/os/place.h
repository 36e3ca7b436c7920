/* SPDX-License-Identifier: MIT */
/* Where forked workers begin to run. A system that forks as many children as it
 * has CPUs puts the first ones beside the parent and moves them later, which
 * costs a map's whole launch; so the parent puts each child on a CPU of its own,
 * the last one on the CPU that it is about to leave to it. At once it gives them
 * its own mask again: where a child has to wait for its CPU, another that falls
 * idle may take it. */
#ifndef SMI_OS_PLACE_H
#define SMI_OS_PLACE_H

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

struct smi_places {
	int count;     /* of CPUs; 0: children go where the system puts them */
	int own;       /* the CPU that the parent is on */
	cpu_set_t mask; /* the parent's */
};

/* For `np` children: places them only when they take all CPUs, and nothing else
 * runs. */
void smi_places_find(struct smi_places *places, int np);

/* In the parent: puts child `rank` of `np` on its CPU, unless it runs already.
 * `word` is a shared word of the child, 0 before the fork. */
void smi_places_put(const struct smi_places *places, int rank, pid_t pid, _Atomic uint32_t *word);

/* In the child: may run wherever the parent may. */
void smi_places_leave(const struct smi_places *places, _Atomic uint32_t *word);

#endif
