/* SPDX-License-Identifier: MIT */
/* A file becomes a journal that is open: ours alone, known to be what it should,
 * and cut to its last whole record. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal/state.h"
#include "os/disk.h"
#include "os/io.h"
#include "os/mapping.h"
#include "os/program.h"

int smi_refuse(const struct smi_why *why, int r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why->text, why->size, format, args);
	va_end(args);
	return r;
}

/* Why a file does not begin as it would if it were ours. */
static int refuse_head(const struct smi_journal *journal, const struct smi_head *ours,
		       const struct smi_why *why)
{
	const struct smi_head *head = (const void *)journal->file;
	uint64_t known = sizeof head->magic + sizeof head->order + sizeof head->version;

	if (journal->length < known || memcmp(head->magic, ours->magic, sizeof head->magic) != 0)
		return smi_refuse(why, -EINVAL, "the file is not a journal");
	if (head->order == __builtin_bswap32(SMI_ORDER))
		return smi_refuse(why, -EINVAL, "the journal is of a machine with another byte order");
	if (head->order == SMI_ORDER && head->version > SMI_JOURNAL_VERSION)
		return smi_refuse(why, -EINVAL, "the journal was written by a newer version of the library");
	if (!smi_head_sound(head, journal->length) ||
	    (head->key_size == ours->key_size && memcmp(head + 1, ours + 1, ours->key_size) == 0))
		return smi_refuse(why, -EINVAL, "the journal is corrupted in its head");
	return smi_refuse(why, -EINVAL, "the journal has another key: it is of another program, or of "
				        "another build of this one");
}

/* Whether the file holds no more than the beginning of our head, and zeros: its
 * creation was interrupted. */
static bool is_unborn(const struct smi_journal *journal, const struct smi_head *ours, size_t size)
{
	size_t i = 0;

	if (journal->length > size)
		return false;
	while (i < journal->length && journal->file[i] == ((const char *)ours)[i])
		i++;
	while (i < journal->length && journal->file[i] == 0)
		i++;
	return i == journal->length;
}

/* Nothing counts as created before the head and the name are on the disk. */
static int create(struct smi_journal *journal, const char *path, const struct smi_head *head,
		  size_t size, const struct smi_why *why)
{
	size_t written;
	int r = smi_disk_write(journal->fd, 0, head, size, &written);

	if (r < 0)
		smi_disk_cut(journal->fd, 0);
	if (r == 0)
		r = smi_disk_sync(journal->fd);
	if (r == 0)
		r = smi_disk_sync_name(path);
	if (r == 0)
		r = smi_journal_write_from(journal, size);
	return r < 0 ? smi_refuse(why, r, "could not write the journal: %s", strerror(-r)) : 0;
}

/* Verifies what follows the head, and cuts off what a crash left. */
static int resume(struct smi_journal *journal, uint64_t at, const struct smi_why *why)
{
	struct smi_index *index = &journal->index;
	uint64_t end;
	int r = smi_index_init(index, journal->file, journal->length, at, &end);

	if (r == -EINVAL)
		return smi_refuse(why, r, "the journal is corrupted at byte %llu", (unsigned long long)end);
	if (r == 0)
		r = smi_journal_write_from(journal, end);
	if (r < 0)
		return smi_refuse(why, r, "could not go on with the journal: %s", strerror(-r));
	if (index->count > 0) {
		journal->any = true;
		journal->last = index->segment[index->count - 1].map;
	}
	smi_index_sort(index);
	return 0;
}

/* The file becomes ours alone, and is mapped if it is not empty. */
static int take_file(struct smi_journal *journal, const char *path, const struct smi_why *why)
{
	uint64_t length;
	int r = smi_disk_open(path);

	if (r == -EINVAL)
		return smi_refuse(why, r, "the journal's path names something that is not a file");
	if (r < 0)
		return smi_refuse(why, r, "could not open the journal: %s", strerror(-r));
	journal->fd = r;
	r = smi_disk_lock(journal->fd);
	if (r == -EBUSY)
		return smi_refuse(why, r, "the journal is in use");
	if (r == 0)
		r = smi_disk_length(journal->fd, &length);
	if (r == 0 && length > 0) {
		journal->file = smi_disk_map(journal->fd, length);
		r = journal->file ? 0 : -errno;
		journal->length = journal->file ? (size_t)length : 0;
	}
	return r < 0 ? smi_refuse(why, r, "could not read the journal: %s", strerror(-r)) : 0;
}

static int take_in(struct smi_journal *journal, const char *path, const char *key,
		   const struct smi_why *why)
{
	struct smi_head *ours;
	size_t size;
	int r = take_file(journal, path, why);

	if (r < 0)
		return r;
	ours = smi_head_make(key, &size);
	if (!ours)
		return smi_refuse(why, -ENOMEM, "could not open the journal: %s", strerror(ENOMEM));
	if (journal->file && journal->length >= size && memcmp(journal->file, ours, size) == 0)
		r = resume(journal, size, why);
	else if (is_unborn(journal, ours, size))
		r = create(journal, path, ours, size, why);
	else
		r = refuse_head(journal, ours, why);
	free(ours);
	return r;
}

int smi_journal_open(struct smi_journal **journal, const char *path, const char *key, char *why,
		     size_t size)
{
	const struct smi_why told = { why, size };
	char build[SMI_BUILD_ID_SIZE];
	struct smi_journal *opened;
	int r;

	if (!key && smi_program_build_id(build) < 0)
		return smi_refuse(&told, -EINVAL, "the program has no build id; give a journal_key");
	opened = calloc(1, sizeof *opened);
	if (!opened)
		return smi_refuse(&told, -ENOMEM, "could not open the journal: %s", strerror(ENOMEM));
	opened->fd = -1;
	opened->owner = getpid();
	r = take_in(opened, path, key ? key : build, &told);
	if (r < 0) {
		smi_journal_close(opened);
		return r;
	}
	*journal = opened;
	return 0;
}

void smi_journal_close(struct smi_journal *journal)
{
	int saved = errno;

	if (!journal)
		return;
	if (journal->owner == getpid() && journal->fd >= 0) {
		smi_journal_settle(journal);
		smi_disk_unlock(journal->fd); /* children that still run hold the lock too */
	}
	smi_close(journal->fd);
	smi_unmap(journal->file, journal->length);
	smi_index_fini(&journal->index);
	free(journal->entries);
	free(journal->buffer);
	free(journal);
	errno = saved;
}
