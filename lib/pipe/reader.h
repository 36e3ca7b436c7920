/* SPDX-License-Identifier: MIT */
/* The master's end of the result pipe. */
#ifndef SMI_PIPE_READER_H
#define SMI_PIPE_READER_H

#include "pipe/pipe.h"

struct smi_reader {
	struct smi_pipe *pipe;
	uint64_t head;      /* bytes done with */
	uint64_t tail;      /* the writer's, as last seen */
	uint64_t published; /* the head that the writer knows of */
	uint64_t taken;     /* jobs taken of the run of empty values at `head` */
	uint64_t njobs;     /* ids are below this */
	uint64_t committed; /* the highest id committed so far, plus 1; 0: none */
};

/* What one frame says. */
struct smi_item {
	enum smi_frame_kind kind; /* VALUE, EMPTY or FAILED */
	uint64_t job;             /* UINT64_MAX with FAILED: no job's failure */
	uint64_t count;           /* EMPTY: jobs from `job` on; else 1 */
	const void *data;         /* VALUE: aligned to 16; FAILED: the message, not terminated */
	size_t size;
	int status, code;         /* FAILED */
	int slab;                 /* -1: in the ring */
	uint64_t bytes;           /* of the ring */
};

void smi_reader_init(struct smi_reader *reader, struct smi_pipe *pipe, uint64_t njobs);

/* The next committed item: 1; 0: there is none now; -EBADMSG: what is there makes
 * no sense; -ENOMEM: a slab could not be mapped. */
int smi_reader_next(struct smi_reader *reader, struct smi_item *item);

/* The same, when the next one is a value in the ring and is known to be there:
 * whether it is. Most are. */
static inline bool smi_reader_next_value(struct smi_reader *reader, struct smi_item *item)
{
	size_t place = reader->head & (reader->pipe->size - 1), rest = reader->pipe->size - place;
	uint64_t there = reader->tail - reader->head, word, number;
	const struct smi_frame *frame = (const struct smi_frame *)(reader->pipe->ring + place);

	if (there == 0 || there > reader->pipe->size)
		return false;
	word = atomic_load_explicit(&frame->word, memory_order_relaxed);
	number = word & SMI_NUMBER_MASK;
	item->bytes = sizeof *frame + ((number + SMI_ALIGN - 1) & ~(uint64_t)(SMI_ALIGN - 1));
	item->job = frame->job;
	if (word >> SMI_KIND_SHIFT != SMI_FRAME_VALUE || item->bytes > (there < rest ? there : rest) ||
	    item->job >= reader->njobs)
		return false;
	item->kind = SMI_FRAME_VALUE;
	item->count = 1;
	item->data = frame + 1;
	item->size = number;
	item->slab = -1;
	return true;
}

/* The item's memory may be used again. */
void smi_reader_done(struct smi_reader *reader, const struct smi_item *item);
static inline void smi_reader_done_value(struct smi_reader *reader, const struct smi_item *item)
{
	reader->head += item->bytes;
	reader->committed = item->job + 1;
}

/* Tells the writer how far the reader is, and wakes it when it waits for that. */
void smi_reader_publish(struct smi_reader *reader);

/* Whether something is committed that was not taken. */
bool smi_reader_has_news(const struct smi_reader *reader);

#endif
