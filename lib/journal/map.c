/* SPDX-License-Identifier: MIT */
/* A map's beginning, with what the file holds of it, and its end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "journal/state.h"

static int by_job(const void *a, const void *b)
{
	const struct smi_journal_entry *x = a, *y = b;

	return x->job < y->job ? -1 : x->job > y->job;
}

/* The job records of one segment; returns behind the last. */
static struct smi_journal_entry *list_segment(const char *file, const struct smi_segment *segment,
					      struct smi_journal_entry *entry)
{
	for (uint64_t at = segment->begin; at < segment->end; entry++) {
		const struct smi_record *record = (const void *)(file + at);

		*entry = (struct smi_journal_entry){ .job = record->job, .count = record->count,
						     .value = record->size > 0 ? record + 1 : NULL,
						     .size = (size_t)record->size };
		at += smi_record_size(record);
	}
	return entry;
}

/* Sorts; a job that is there twice is nothing that we wrote. */
static int sort_entries(struct smi_journal_entry *entry, size_t count, uint64_t map,
			const struct smi_why *why)
{
	qsort(entry, count, sizeof *entry, by_job);
	for (size_t i = 1; i < count; i++)
		if (entry[i].job - entry[i - 1].job < entry[i - 1].count)
			return smi_refuse(why, -EINVAL, "the journal is corrupted: it has job %llu of map %llu twice",
					  (unsigned long long)entry[i].job, (unsigned long long)map);
	return 0;
}

/* Lists what the segments `from` to `to`, all of one map, hold. */
static int list_map(struct smi_journal *journal, size_t from, size_t to, size_t *count,
		    const struct smi_why *why)
{
	const struct smi_segment *segment = journal->index.segment;
	struct smi_journal_entry *entry;
	size_t records = 0;
	int r;

	for (size_t i = from; i < to; i++)
		records += (size_t)segment[i].records;
	*count = records;
	if (records == 0)
		return 0;
	entry = malloc(records * sizeof *entry);
	if (!entry)
		return smi_refuse(why, -ENOMEM, "could not read the journal: %s", strerror(ENOMEM));
	journal->entries = entry;
	for (size_t i = from; i < to; i++)
		entry = list_segment(journal->file, &segment[i], entry);
	r = sort_entries(journal->entries, records, segment[from].map, why);
	if (r < 0) {
		free(journal->entries);
		journal->entries = NULL;
	}
	return r;
}

int smi_journal_begin(struct smi_journal *journal, uint64_t map, uint64_t njobs,
		      const struct smi_journal_entry **entries, size_t *count, char *why, size_t size)
{
	const struct smi_why told = { why, size };
	const struct smi_segment *segment = journal->index.segment;
	size_t from = journal->next, to, found;
	int r;

	if (journal->begun || map < journal->least)
		return smi_refuse(&told, -EINVAL, "a journal's maps begin one after another, by ascending numbers");
	while (from < journal->index.count && segment[from].map < map)
		from++;
	for (to = from; to < journal->index.count && segment[to].map == map; to++)
		if (segment[to].njobs != njobs)
			return smi_refuse(&told, -EINVAL, "the journal's map %llu has %llu jobs, not %llu",
					  (unsigned long long)map, (unsigned long long)segment[to].njobs,
					  (unsigned long long)njobs);
	r = list_map(journal, from, to, &found, &told);
	if (r < 0)
		return r;
	journal->next = to;
	journal->begun = true;
	journal->least = map + 1;
	journal->map = map;
	journal->njobs = njobs;
	*entries = journal->entries;
	*count = found;
	return 0;
}

int smi_journal_end(struct smi_journal *journal)
{
	free(journal->entries);
	journal->entries = NULL;
	journal->begun = false;
	return smi_journal_settle(journal);
}
