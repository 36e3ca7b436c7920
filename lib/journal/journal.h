/* SPDX-License-Identifier: MIT */
/* A file of finished jobs and their values, so that a map that was interrupted
 * goes on from there. It only grows; whole records in it are never changed.
 *
 * A journal has a key, and holds all maps of one pool by their numbers; a map
 * goes on only with as many jobs as it had. One process uses a journal at a time.
 * What a file says is not believed before it was checked, with one exception:
 * a file that somebody else makes shorter while it is in use is a SIGBUS.
 *
 * All calls come from one thread of the process that opened the journal. A child
 * that it forks calls smi_journal_close and nothing else; that neither writes nor
 * unlocks, but until every child has closed or ended the journal of a dead master
 * stays in use.
 *
 * `why` (of `size` bytes) gets a sentence for people when a call fails, and is
 * left alone when it does not. The sentence does not name the path. */
#ifndef SMI_JOURNAL_JOURNAL_H
#define SMI_JOURNAL_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

struct smi_journal;

/* One finished job and its value, or `count` consecutive ones that returned
 * nothing. The value is aligned to 16, lies in the mapped file, and is valid
 * until smi_journal_end; NULL when size is 0. */
struct smi_journal_entry {
	uint64_t job, count;
	const void *value;
	size_t size;
};

/* Opens or creates; an empty file is a new journal. `key` NULL: the executable's
 * build id; -EINVAL if it has none. The whole file is read and verified here,
 * once. Records that a crash left unfinished at its end are cut off.
 *
 * -EBUSY: another process, or another opening in this one, uses it. -EINVAL: of
 * another key or byte order, of a newer version, no journal at all, or corrupted
 * before its end; nothing is overwritten then. Else the system's negative errno. */
int smi_journal_open(struct smi_journal **journal, const char *path, const char *key, char *why,
		     size_t size);

/* A map begins: what the file holds of it, sorted by job, no job twice, all below
 * njobs; valid until smi_journal_end. Maps begin with ascending numbers, each
 * after the end of the one before it. -EINVAL: it had another number of jobs, or
 * the file has a job twice. */
int smi_journal_begin(struct smi_journal *journal, uint64_t map, uint64_t njobs,
		      const struct smi_journal_entry **entries, size_t *count, char *why, size_t size);

/* A job of the map is finished, or `count` consecutive ones that returned nothing
 * (size 0). Each job comes once, and not if it was among the entries. Kept in a
 * buffer until that is full; a large value is written at once.
 *
 * 0 or negative errno. After an error nothing more is written, the file ends with
 * its last whole record, and each further call returns the same error. -EINVAL,
 * for jobs that the map does not have, changes nothing. */
int smi_journal_append(struct smi_journal *journal, uint64_t job, uint64_t count, const void *value,
		       size_t size);

/* Writes the buffer out, so that nothing is lost with the process; at most once a
 * second it also waits for the disk, so that a power failure takes no more than
 * that second and what came since the last call. Cheap when there is nothing to
 * do. 0 or negative errno, as append. */
int smi_journal_flush(struct smi_journal *journal);

/* The map ends: all is written, and on the disk; the entries are gone, also after
 * an error. 0 or negative errno, as append. */
int smi_journal_end(struct smi_journal *journal);

/* Ends the map if there is one, gives the lock back, and frees. In a forked child
 * it only frees. NULL is allowed; errno is kept. */
void smi_journal_close(struct smi_journal *journal);

#endif
