/* SPDX-License-Identifier: MIT */
/* An open journal, inside. */
#ifndef SMI_JOURNAL_STATE_H
#define SMI_JOURNAL_STATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "journal/format.h"
#include "journal/index.h"
#include "journal/journal.h"

#define SMI_JOURNAL_BUFFER ((size_t)128 << 10)

/* Where a sentence for people goes. */
struct smi_why {
	char *text;
	size_t size;
};

/* Writes the sentence; returns r. */
int smi_refuse(const struct smi_why *why, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

struct smi_journal {
	int fd;
	pid_t owner; /* who may write and unlock */

	/* What the file held when it was opened. */
	char *file; /* NULL: nothing */
	size_t length;
	struct smi_index index;
	size_t next;    /* the first segment of a map that may still begin */
	uint64_t least; /* and the least number of such a map */

	/* The map that has begun. */
	bool begun;
	uint64_t map, njobs;
	struct smi_journal_entry *entries;

	/* What is written. The buffer holds whole records, the first of which goes to
	 * byte `end`. Once `failed` is set nothing is written any more. */
	uint64_t end;
	char *buffer;
	size_t used;
	bool any;        /* there are records, and those written last belong to map `last` */
	uint64_t last;
	bool unsynced;   /* something was written that may not be on the disk */
	uint64_t synced; /* when all was, ns */
	int failed;      /* 0 or negative errno: the first */
};

/* Cuts the file to its first `end` bytes, all of them whole records, and writes
 * on from there. 0 or negative errno. */
int smi_journal_write_from(struct smi_journal *journal, uint64_t end);

/* All that was appended is written, and on the disk. 0 or negative errno. */
int smi_journal_settle(struct smi_journal *journal);

#endif
