/* SPDX-License-Identifier: MIT */
/* Spares: two processes that are forked with the first workers and do nothing, so
 * that a successor of a dead worker can be made of what the first ones saw, and not
 * of what the master has changed since. Either can also make the other anew.
 *
 * A spare sleeps on its word `order`. What it makes is a child of the master
 * (CLONE_PARENT), whose pid the kernel stores in `born` before the child runs: so
 * the master knows of it even if the spare dies in the middle. It holds no result
 * pipe and runs no job. Used by the fork backend only. */
#ifndef SMI_BACKEND_SPARE_H
#define SMI_BACKEND_SPARE_H

#include "backend/backend.h"

/* Their tags in the crew's watch. */
#define SMI_SPARE_TAG 0xffff0000u

/* What a spare's child does: `rank` lives. Does not return. */
typedef void (*smi_spare_life)(struct smi_crew *crew, int rank);

/* Forks two, before or after the workers, as long as nothing of the program has
 * changed. 0, or negative errno and then there is none. */
int smi_spares_start(struct smi_crew *crew, smi_spare_life life);

/* Asks for a successor of `rank`. 0: asked; -EAGAIN: they are busy, ask again;
 * -ECHILD: there is nobody left to ask. */
int smi_spares_ask(struct smi_crew *crew, int rank);

/* One outcome of what was asked for, if there is one: the rank, and 0 (its process
 * is crew->process[rank]), -EAGAIN (ask again) or what else the kernel said. Looks
 * after the spares themselves too. */
bool smi_spares_hear(struct smi_crew *crew, int *rank, int *r);

/* Something is asked for. */
bool smi_spares_busy(const struct smi_crew *crew);

/* The watch told `tag`. */
void smi_spares_ended(struct smi_crew *crew, uint32_t tag);

/* Ends them; reaps too when `wait`. */
void smi_spares_stop(struct smi_crew *crew, bool wait);

/* Forgets them, in a child; frees the memory. */
void smi_spares_fini(struct smi_crew *crew);

#endif
