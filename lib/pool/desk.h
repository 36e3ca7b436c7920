/* SPDX-License-Identifier: MIT */
/* The master's tables of one entry a rank, kept from map to map in memory that
 * workers do not inherit: they are written all the time, and a page that both sides
 * hold would be copied in each map. */
#ifndef SMI_POOL_DESK_H
#define SMI_POOL_DESK_H

#include <stdbool.h>
#include <stddef.h>

struct smi_master;

struct smi_desk {
	char *memory; /* NULL: there is none */
	size_t size;
};

/* For maps of up to `np` workers. 0 or -ENOMEM. */
int smi_desk_init(struct smi_desk *desk, int np);

/* `inherited`: in a forked child, which has no part in it. */
void smi_desk_fini(struct smi_desk *desk, bool inherited);

/* Lays the tables out for a map with `np` workers, all zero. */
void smi_desk_lay(const struct smi_desk *desk, int np, struct smi_master *master);

#endif
