/* SPDX-License-Identifier: MIT */
/* A map with a journal: what an earlier run of the program had finished is not run
 * again, and reduce sees it as if it had been. */
#include <errno.h>
#include <string.h>

#include "pool/master.h"

static void cannot_write(struct smi_master *master, int r)
{
	smi_master_fail(master, POOL_NO_RESOURCES, -r, SIZE_MAX, -1, "could not write the journal %s: %s",
			master->map->pool->options.journal, strerror(-r));
}

static void cannot_read(struct smi_master *master, int r, const char *why)
{
	const char *path = master->map->pool->options.journal;

	smi_master_fail(master, r == -ENOMEM ? POOL_NO_RESOURCES : POOL_INVALID, -r, SIZE_MAX, -1,
			"the journal %s: %s", path, why);
}

void smi_master_resume(struct smi_master *master)
{
	struct smi_map *map = master->map;
	const struct smi_journal_entry *entries;
	char why[256] = "";
	size_t count;
	int r;

	if (!map->journal)
		return;
	r = smi_journal_begin(map->journal, map->pool->maps - 1, map->njobs, &entries, &count, why, sizeof why);
	if (r < 0) {
		cannot_read(master, r, why);
		map->journal = NULL;
		return;
	}
	for (size_t i = 0; i < count; i++)
		smi_settled_add(&map->settled, entries[i].job, entries[i].count);
	if (smi_results_give(&master->results, entries, count) == SMI_ENDED)
		smi_master_end_by_results(master);
}

void smi_master_note(struct smi_master *master, const struct smi_item *item)
{
	struct smi_journal *journal = master->map->journal;
	int r = journal ? smi_journal_append(journal, item->job, item->count, item->data, item->size) : 0;

	if (r < 0)
		cannot_write(master, r);
}

void smi_master_write_notes(struct smi_master *master)
{
	int r = master->map->journal ? smi_journal_flush(master->map->journal) : 0;

	if (r < 0)
		cannot_write(master, r);
}

void smi_master_end_notes(struct smi_master *master)
{
	int r = master->map->journal ? smi_journal_end(master->map->journal) : 0;

	if (r < 0)
		cannot_write(master, r);
}
