/* SPDX-License-Identifier: MIT */
/* A crash or a power failure leaves, behind records that are whole, the beginning
 * of others, or zeros where blocks were not written. So a record is *torn* when
 * the file ends before it does, or when only zeros follow what is wrong in it.
 * Bytes behind a wrong checksum are something else: the file is *corrupted*. */
#include "journal/index.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "journal/format.h"

enum verdict { WHOLE, TORN, CORRUPTED };

/* Each byte equal to the next, and the first is 0. */
static bool zeros(const char *bytes, uint64_t size)
{
	return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* Looks at the record at the head of `left` bytes. Its size is used only once its
 * header is sound and the file reaches so far. */
static enum verdict judge(const struct smi_record *record, uint64_t left, uint64_t at)
{
	uint64_t size = sizeof *record;

	if (left < size)
		return TORN;
	if (smi_record_sound(record, at)) {
		if (record->size > left - size || smi_padded(record->size) > left - size)
			return TORN;
		if (smi_record_value_sound(record))
			return WHOLE;
		size = smi_record_size(record);
	}
	return zeros((const char *)record + size, left - size) ? TORN : CORRUPTED;
}

static int add_segment(struct smi_index *index, const struct smi_record *record, uint64_t begin)
{
	size_t room = index->room > 0 ? 2 * index->room : 8;
	struct smi_segment *more;

	if (record->size != 0 || record->job != 0)
		return -EINVAL;
	if (index->count == index->room) {
		more = realloc(index->segment, room * sizeof *more);
		if (!more)
			return -ENOMEM;
		index->segment = more;
		index->room = room;
	}
	index->segment[index->count++] = (struct smi_segment){
		.map = record->map, .njobs = record->count, .begin = begin, .end = begin };
	return 0;
}

static bool belongs(const struct smi_record *record, const struct smi_segment *segment)
{
	return record->map == segment->map && record->count > 0 &&
	       (record->count == 1 || record->size == 0) && record->job < segment->njobs &&
	       record->count <= segment->njobs - record->job;
}

/* Notes a whole record that ends at `end`. */
static int note(struct smi_index *index, const struct smi_record *record, uint64_t end)
{
	struct smi_segment *last;

	if (record->kind == SMI_RECORD_MAP)
		return add_segment(index, record, end);
	if (record->kind != SMI_RECORD_JOB || index->count == 0)
		return -EINVAL;
	last = &index->segment[index->count - 1];
	if (!belongs(record, last))
		return -EINVAL;
	last->end = end;
	last->records++;
	return 0;
}

int smi_index_init(struct smi_index *index, const char *file, uint64_t length, uint64_t at,
		   uint64_t *end)
{
	enum verdict verdict = WHOLE;
	int r = 0;

	*index = (struct smi_index){ .segment = NULL };
	while (at < length && verdict == WHOLE && r == 0) {
		const struct smi_record *record = (const void *)(file + at);

		verdict = judge(record, length - at, at);
		if (verdict == WHOLE)
			r = note(index, record, at + smi_record_size(record));
		if (verdict == WHOLE && r == 0)
			at += smi_record_size(record);
	}
	*end = at;
	return verdict == CORRUPTED ? -EINVAL : r;
}

void smi_index_fini(struct smi_index *index)
{
	free(index->segment);
	*index = (struct smi_index){ .segment = NULL };
}

static int by_map(const void *a, const void *b)
{
	const struct smi_segment *s = a, *t = b;

	if (s->map != t->map)
		return s->map < t->map ? -1 : 1;
	return s->begin < t->begin ? -1 : s->begin > t->begin;
}

void smi_index_sort(struct smi_index *index)
{
	if (index->count > 0)
		qsort(index->segment, index->count, sizeof *index->segment, by_map);
}
