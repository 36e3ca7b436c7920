/* SPDX-License-Identifier: MIT */
/* What a journal looks like on the disk. A head with the key; then segments, each
 * a map record and the job records of that map. A map that goes on after another
 * one begins a new segment. Everything begins at a multiple of 16 and is padded
 * with zeros up to the next.
 *
 * A record's header has a checksum of its own, so that its size can be believed
 * before its value is looked at. It covers the value's checksum, and the place in
 * the file: a record that got elsewhere is none. */
#ifndef SMI_JOURNAL_FORMAT_H
#define SMI_JOURNAL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMI_JOURNAL_VERSION 1
#define SMI_JOURNAL_UNIT 16

/* Not 0 and not alike: zeros are no record. */
#define SMI_RECORD_MAP 0x70616d4au /* "Jmap" */
#define SMI_RECORD_JOB 0x626f6a4au /* "Jjob" */

/* At the file's beginning; the key and its padding follow. */
struct smi_head {
	char magic[8];
	uint32_t order; /* SMI_ORDER, as the writing machine has it in memory */
	uint32_t version;
	uint64_t key_size;
	uint64_t sum; /* of the key, and of the head with 0 here */
};
#define SMI_ORDER 0x01020304u

struct smi_record {
	uint32_t kind;
	uint32_t sum; /* of the place in the file and the header with 0 here */
	uint64_t map;
	uint64_t job;   /* the first; in a map record 0 */
	uint64_t count; /* jobs; in a map record its njobs */
	uint64_t size;  /* of the value that follows; 0 when count is not 1 */
	uint64_t value_sum;
};
_Static_assert(sizeof(struct smi_head) == 32 && sizeof(struct smi_record) == 48,
	       "no padding, and multiples of the unit");

/* `size` at most SIZE_MAX - 15. */
static inline uint64_t smi_padded(uint64_t size)
{
	return (size + SMI_JOURNAL_UNIT - 1) & ~(uint64_t)(SMI_JOURNAL_UNIT - 1);
}

/* The bytes of a sound record: header, value, padding. */
static inline uint64_t smi_record_size(const struct smi_record *record)
{
	return sizeof *record + smi_padded(record->size);
}

/* A whole head, to be freed; *size is its length. NULL: no memory. */
struct smi_head *smi_head_make(const char *key, size_t *size);

/* Whether a complete head of any key, with its key, lies within `length` bytes. */
bool smi_head_sound(const struct smi_head *head, uint64_t length);

/* Fills in the checksums of a record that will lie at byte `at`. */
void smi_record_seal(struct smi_record *record, uint64_t at, const void *value);

/* Whether the header is as it was sealed for this place. */
bool smi_record_sound(const struct smi_record *record, uint64_t at);

/* Whether the value behind a sound record, all of which can be read, is too. */
bool smi_record_value_sound(const struct smi_record *record);

#endif
