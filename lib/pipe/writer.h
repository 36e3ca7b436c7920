/* SPDX-License-Identifier: MIT */
/* The worker's end of the result pipe. Used by the worker's thread only. */
#ifndef SMI_PIPE_WRITER_H
#define SMI_PIPE_WRITER_H

#include <errno.h>

#include "pipe/pipe.h"

struct smi_writer {
	struct smi_pipe_words *words;
	struct smi_bell bell;
	char *ring;
	size_t size, inline_most;
	bool quiet;         /* nobody waits for values: ring only when asked to */
	bool counts;        /* nor is anybody told which jobs are done: only how many */
	uint64_t tail;      /* committed */
	uint64_t limit;     /* up to here the ring is free, as far as we know */
	uint64_t look_at;   /* a tail from which on to look whether the ring is half full */
	/* The value being built: `length` of at most `capacity` bytes at `value`. It
	 * begins in the ring: behind `tail` where it may continue a run, else behind
	 * room for a header. */
	char *value;
	size_t length, capacity;
	size_t last;           /* where its last piece begins */
	int slab;              /* it lies in this one; -1: in the ring */
	/* The run at the ring's end, of values or of empty ones, which the next job may
	 * lengthen. */
	struct smi_frame *run; /* NULL: none */
	uint64_t run_next;     /* the id that would lengthen it */
	uint64_t run_count;    /* jobs in it */
	size_t run_size;       /* of each value; 0: empty ones, or no run */
	size_t run_stride;     /* run_size, padded */
	uint64_t run_left;     /* values that it may still take */
	int file;
	_Atomic uint64_t *file_end;
	size_t slab_budget;
	struct smi_slab slabs[SMI_SLABS];
};

/* `same_process`: the reader's mappings are ours to use and not to unmap. */
void smi_writer_init(struct smi_writer *writer, const struct smi_pipe *pipe,
		     const struct smi_bell *bell, bool same_process);
void smi_writer_fini(struct smi_writer *writer);

/* The value grows beyond the room it has. 0 or negative errno. */
int smi_writer_make_fit(struct smi_writer *writer, size_t size);

/* Appends `size` bytes to the value, to be filled: their address, or NULL with
 * errno ENOMEM, or ECANCELED when the map is ending. */
static inline void *smi_writer_append(struct smi_writer *writer, size_t size)
{
	if (__builtin_expect(writer->capacity - writer->length < size, 0)) {
		int r = smi_writer_make_fit(writer, size);

		if (r < 0) {
			errno = -r;
			return NULL;
		}
	}
	writer->last = writer->length;
	writer->length += size;
	return writer->value + writer->last;
}

/* Cuts the last piece down to `used` bytes. */
void smi_writer_trim(struct smi_writer *writer, size_t used);

/* The commit of whatever does not just lengthen a run. */
int smi_writer_commit_slowly(struct smi_writer *writer, uint64_t job);
void smi_writer_look(struct smi_writer *writer);

/* Begins a value, empty yet, in what is free of the ring behind `tail`. */
static inline void smi_writer_begin(struct smi_writer *writer)
{
	size_t place = writer->tail & (writer->size - 1), rest = writer->size - place;
	size_t free = writer->limit - writer->tail < rest ? writer->limit - writer->tail : rest;
	size_t header = writer->run_size ? 0 : sizeof(struct smi_frame);
	size_t most = writer->run_size ? writer->run_size : writer->inline_most;

	/* A run does not wrap either. */
	if (place == 0)
		writer->run_left = 0;
	free = free < header ? 0 : free - header;
	writer->value = writer->ring + place + header;
	writer->capacity = free < most ? free : most;
	writer->length = writer->last = 0;
}

/* Publishes the `bytes` of a frame at `tail`, and begins the next value behind. */
static inline void smi_writer_publish(struct smi_writer *writer, size_t bytes)
{
	writer->tail += bytes;
	atomic_store_explicit(&writer->words->tail, writer->tail, memory_order_release);
	smi_writer_begin(writer);
	if (!writer->quiet)
		smi_bell_news(&writer->bell);
	if (__builtin_expect(writer->tail >= writer->look_at, 0))
		smi_writer_look(writer);
}

/* One more job without a value: the store that makes it done is the count's. */
static inline void smi_writer_lengthen(struct smi_writer *writer, uint64_t job)
{
	uint64_t kind = writer->counts ? SMI_FRAME_DONE : SMI_FRAME_EMPTY;

	if (writer->counts)
		atomic_store_explicit(&writer->run->job, job, memory_order_relaxed);
	atomic_store_explicit(&writer->run->word, kind << SMI_KIND_SHIFT | writer->run_count,
			      memory_order_release);
	if (!writer->quiet)
		smi_bell_news(&writer->bell);
}

/* The job is done, with the value built. 0, or -ECANCELED. */
static inline __attribute__((always_inline)) int smi_writer_commit(struct smi_writer *writer, uint64_t job)
{
	if (writer->counts && writer->run && writer->length == 0) {
		writer->run_count++;
		smi_writer_lengthen(writer, job);
		return 0;
	}
	if (__builtin_expect(writer->length != writer->run_size || job != writer->run_next ||
			     writer->run_left == 0, 0))
		return smi_writer_commit_slowly(writer, job);
	writer->run_next++;
	writer->run_count++;
	writer->run_left--;
	if (writer->run_size > 0)
		smi_writer_publish(writer, writer->run_stride);
	else
		smi_writer_lengthen(writer, job);
	return 0;
}

/* The job has failed: drops the value and sends this instead. 0, or -ECANCELED. */
int smi_writer_fail(struct smi_writer *writer, uint64_t job, int status, int code, const char *message);

/* Drops the value. */
void smi_writer_discard(struct smi_writer *writer);

/* Waits for news of the reader: room in the ring or a slab given back. `ready`
 * looks whether there is enough. 0, or -ECANCELED. */
int smi_writer_wait(struct smi_writer *writer, bool (*ready)(struct smi_writer *writer, size_t need),
		    size_t need);

/* The value's slab: grows the value to hold `capacity` bytes in one, copying what
 * was built. 0 or negative errno. */
int smi_writer_use_slab(struct smi_writer *writer, size_t capacity);

#endif
