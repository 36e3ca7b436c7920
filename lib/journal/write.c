/* SPDX-License-Identifier: MIT */
/* What is appended. Records gather in the buffer, whole; those that do not fit in
 * it go past it. `end` moves only when a whole record is in the file, so that
 * after an error the file can be cut back to it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal/state.h"
#include "os/clock.h"
#include "os/disk.h"

/* The first error. Keeps the buffer's records of which all bytes are among the
 * `written` ones, and lets go of the others. */
static int give_up(struct smi_journal *journal, int r, size_t written)
{
	size_t whole = 0, size;

	while (whole < journal->used) {
		size = (size_t)smi_record_size((const void *)(journal->buffer + whole));
		if (size > written - whole)
			break;
		whole += size;
	}
	journal->failed = r;
	journal->end += whole;
	journal->used = 0;
	/* Where even this fails, the next opening finds a torn record. */
	smi_disk_cut(journal->fd, journal->end);
	return r;
}

/* A forked child must not write what its parent writes too, nor cut the file. */
static int may_write(const struct smi_journal *journal)
{
	return journal->owner == getpid() ? journal->failed : -EPERM;
}

static int write_buffer(struct smi_journal *journal)
{
	size_t written;
	int r = journal->used > 0 ? may_write(journal) : journal->failed;

	if (r < 0 || journal->used == 0)
		return r;
	r = smi_disk_write(journal->fd, journal->end, journal->buffer, journal->used, &written);
	if (r < 0)
		return give_up(journal, r, written);
	journal->end += journal->used;
	journal->used = 0;
	journal->unsynced = true;
	return 0;
}

static int sync_file(struct smi_journal *journal)
{
	int r = may_write(journal);

	if (r < 0 || !journal->unsynced)
		return r;
	r = smi_disk_sync(journal->fd);
	if (r < 0)
		return give_up(journal, r, 0);
	journal->unsynced = false;
	journal->synced = smi_now();
	return 0;
}

int smi_journal_write_from(struct smi_journal *journal, uint64_t end)
{
	journal->buffer = malloc(SMI_JOURNAL_BUFFER);
	if (!journal->buffer)
		return -ENOMEM;
	journal->end = end;
	journal->synced = smi_now();
	return end < journal->length ? smi_disk_cut(journal->fd, end) : 0;
}

/* A record that fits in the buffer, to which `value` is copied if there is one. */
static int put_small(struct smi_journal *journal, struct smi_record *record, const void *value)
{
	size_t size = (size_t)smi_record_size(record);
	char *at;
	int r;

	if (size > SMI_JOURNAL_BUFFER - journal->used) {
		r = write_buffer(journal);
		if (r < 0)
			return r;
	}
	smi_record_seal(record, journal->end + journal->used, value);
	at = journal->buffer + journal->used;
	memset(at + size - SMI_JOURNAL_UNIT, 0, SMI_JOURNAL_UNIT);
	memcpy(at, record, sizeof *record);
	if (value)
		memcpy(at + sizeof *record, value, record->size);
	journal->used += size;
	return 0;
}

/* A record whose value is written from where it lies. */
static int put_large(struct smi_journal *journal, struct smi_record *record, const void *value)
{
	static const char padding[SMI_JOURNAL_UNIT];
	const struct {
		const void *bytes;
		size_t size;
	} part[] = { { record, sizeof *record },
		     { value, record->size },
		     { padding, (size_t)(smi_padded(record->size) - record->size) } };
	size_t written;
	uint64_t at;
	int r = write_buffer(journal);

	if (r == 0)
		r = may_write(journal);
	at = journal->end;
	smi_record_seal(record, at, value);
	for (size_t i = 0; i < sizeof part / sizeof *part && r == 0; i++) {
		r = smi_disk_write(journal->fd, at, part[i].bytes, part[i].size, &written);
		if (r < 0)
			give_up(journal, r, 0);
		at += part[i].size;
	}
	if (r == 0)
		journal->end = at;
	journal->unsynced |= r == 0;
	return r;
}

/* Says whose jobs follow, unless the map's records are the last anyway. */
static int put_map(struct smi_journal *journal)
{
	struct smi_record record = { .kind = SMI_RECORD_MAP, .map = journal->map, .count = journal->njobs };
	int r;

	if (journal->any && journal->last == journal->map)
		return 0;
	r = put_small(journal, &record, NULL);
	if (r < 0)
		return r;
	journal->any = true;
	journal->last = journal->map;
	return 0;
}

int smi_journal_append(struct smi_journal *journal, uint64_t job, uint64_t count, const void *value,
		       size_t size)
{
	struct smi_record record = { .kind = SMI_RECORD_JOB, .map = journal->map, .job = job, .count = count,
				     .size = size };
	int r;

	if (journal->failed < 0)
		return journal->failed;
	if (!journal->begun || count == 0 || (count > 1 && size > 0) || job >= journal->njobs ||
	    count > journal->njobs - job)
		return -EINVAL;
	r = put_map(journal);
	if (r < 0)
		return r;
	if (size > SMI_JOURNAL_BUFFER / 2)
		return put_large(journal, &record, value);
	return put_small(journal, &record, value);
}

int smi_journal_flush(struct smi_journal *journal)
{
	int r = write_buffer(journal);

	if (r < 0 || !journal->unsynced || smi_now() - journal->synced < SMI_S)
		return r;
	return sync_file(journal);
}

int smi_journal_settle(struct smi_journal *journal)
{
	int r = write_buffer(journal);

	return r < 0 ? r : sync_file(journal);
}
