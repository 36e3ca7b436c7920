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
	/* The run of values that `head` is in; run_size 0: in none. */
	uint64_t run_size, run_stride;
	uint64_t run_frame; /* where its header is */
	uint64_t run_end;   /* as far as is known */
	uint64_t run_first; /* its first job */
	uint64_t run_job;   /* of the value at `head` */
	bool run_closed;    /* it ends at run_end */
	bool closed;        /* nothing that the writer says is believed any more */
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

/* The same, when it is one more value of a run and is known to be there: whether
 * it is. */
static inline bool smi_reader_next_value(struct smi_reader *reader, struct smi_item *item)
{
	if (reader->head >= reader->run_end)
		return false;
	*item = (struct smi_item){ .kind = SMI_FRAME_VALUE,
				   .job = reader->run_job,
				   .count = 1,
				   .data = smi_ring_at(&reader->pipe->ring, reader->head),
				   .size = reader->run_size,
				   .slab = -1,
				   .bytes = reader->run_stride };
	return true;
}

/* What was there made no sense: from now on there is nothing to come. */
void smi_reader_close(struct smi_reader *reader);

/* The item's memory may be used again. */
void smi_reader_done(struct smi_reader *reader, const struct smi_item *item);
static inline void smi_reader_done_value(struct smi_reader *reader)
{
	reader->head += reader->run_stride;
	reader->committed = ++reader->run_job;
}

/* Tells the writer how far the reader is, and wakes it when it waits for that. */
void smi_reader_publish(struct smi_reader *reader);

/* Whether something is committed that was not taken. */
bool smi_reader_has_news(const struct smi_reader *reader);

#endif
