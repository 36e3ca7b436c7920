/* SPDX-License-Identifier: MIT */
#include "pool/desk.h"

#include <errno.h>
#include <string.h>

#include "os/mapping.h"
#include "pool/master.h"

/* The next table, behind those before it. Without memory: only how long all are. */
static void *next(char *memory, size_t *used, size_t count, size_t size)
{
	char *table = memory ? memory + *used : NULL;

	*used += smi_round_up(count * size, 16);
	return table;
}

static size_t lay(char *memory, int np, struct smi_master *master)
{
	size_t n = (size_t)np, used = 0;

	master->reader = next(memory, &used, n, sizeof *master->reader);
	master->life = next(memory, &used, n, sizeof *master->life);
	master->held = next(memory, &used, n, sizeof *master->held);
	master->dead = next(memory, &used, n, sizeof *master->dead);
	master->held_ranges = next(memory, &used, n * (2 * SMI_INBOX_MOST + 1), sizeof *master->held_ranges);
	return used;
}

int smi_desk_init(struct smi_desk *desk, int np)
{
	struct smi_master master;

	desk->size = lay(NULL, np, &master);
	desk->memory = smi_map_own(desk->size);
	return desk->memory ? 0 : -ENOMEM;
}

void smi_desk_fini(struct smi_desk *desk, bool inherited)
{
	if (!inherited)
		smi_unmap(desk->memory, desk->size);
	desk->memory = NULL;
}

void smi_desk_lay(const struct smi_desk *desk, int np, struct smi_master *master)
{
	memset(desk->memory, 0, lay(desk->memory, np, master));
}
