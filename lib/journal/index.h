/* SPDX-License-Identifier: MIT */
/* Which records of a file belong to which map: found once, while the file is
 * verified, so that a map's beginning walks the headers of its own records only. */
#ifndef SMI_JOURNAL_INDEX_H
#define SMI_JOURNAL_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct smi_segment {
	uint64_t map, njobs;
	uint64_t begin, end; /* its job records, bytes of the file */
	uint64_t records;
};

struct smi_index {
	struct smi_segment *segment;
	size_t count, room;
};

/* Verifies all records from byte `at` on. *end becomes the end of the last whole
 * one; what lies behind it is what a crash leaves: an unfinished record, zeros.
 * 0; -ENOMEM; or -EINVAL, when *end is where the file is corrupted. Segments are
 * in the order of the file. smi_index_fini also after an error. */
int smi_index_init(struct smi_index *index, const char *file, uint64_t length, uint64_t at,
		   uint64_t *end);
void smi_index_fini(struct smi_index *index);

/* By map; those of one map stay in the order of the file. */
void smi_index_sort(struct smi_index *index);

#endif
