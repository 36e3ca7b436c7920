/* SPDX-License-Identifier: MIT */
/* The worker's end of the result pipe. Used by the worker's thread only. */
#ifndef SMI_PIPE_WRITER_H
#define SMI_PIPE_WRITER_H

#include <errno.h>

#include "pipe/pipe.h"

/* No run is open: no value has this size. */
#define SMI_NO_RUN SIZE_MAX

struct smi_writer {
	struct smi_pipe_words *words;
	struct smi_bell bell;
	struct smi_ring ring;
	size_t inline_most;
	bool quiet;         /* nobody waits for values: ring only when asked to */
	bool counts;        /* nor is anybody told which jobs are done: only how many */
	uint64_t tail;      /* committed */
	/* The value being built: `length` of at most `capacity` bytes at `value`. It
	 * begins in the ring: behind `tail` where it may continue a run, else behind
	 * room for a header. */
	char *value;
	size_t length, capacity;
	size_t last;        /* where its last piece begins, if it has one */
	int slab;           /* it lies in this one; -1: in the ring */
	/* The run at the ring's end, of values or of empty ones, which the next job may
	 * lengthen. */
	size_t run_size;    /* of each value; 0: empty ones; SMI_NO_RUN */
	size_t run_stride;  /* run_size, padded */
	uint64_t run_next;  /* the id that would lengthen it */
	uint64_t run_end;   /* the tail with which it is full */
	uint64_t run_begin; /* where its first value is */
	struct smi_frame *run;
	uint64_t limit;     /* up to here the ring is free, as far as we know */
	uint64_t look_at;   /* a tail from which on to look whether the ring is half full */
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

/* Whether so many more bytes lie where the value is. */
static inline bool smi_writer_fits(const struct smi_writer *writer, size_t size)
{
	return writer->capacity - writer->length >= size;
}

/* The next `size` bytes of the value, which fit. */
static inline void *smi_writer_take(struct smi_writer *writer, size_t size)
{
	/* Few jobs return pieces: to look is cheaper than to store. */
	if (__builtin_expect(writer->last != writer->length, 0))
		writer->last = writer->length;
	writer->length += size;
	return writer->value + writer->last;
}

/* Appends `size` bytes to the value, to be filled: their address, or NULL with
 * errno ENOMEM, or ECANCELED when the map is ending. */
static inline void *smi_writer_append(struct smi_writer *writer, size_t size)
{
	if (__builtin_expect(!smi_writer_fits(writer, size), 0)) {
		int r = smi_writer_make_fit(writer, size);

		if (r < 0) {
			errno = -r;
			return NULL;
		}
	}
	return smi_writer_take(writer, size);
}

/* Cuts the last piece down to `used` bytes. */
void smi_writer_trim(struct smi_writer *writer, size_t used);

/* The commit of whatever does not just lengthen a run. */
int smi_writer_commit_slowly(struct smi_writer *writer, uint64_t job);

/* The run is full: closes it, and begins the next value behind. */
void smi_writer_end_run(struct smi_writer *writer);

static inline void smi_writer_tell(struct smi_writer *writer)
{
	if (!writer->quiet)
		smi_bell_news(&writer->bell);
}

/* One more job without a value: the store that makes it done is the count's. */
static inline void smi_writer_lengthen(struct smi_writer *writer)
{
	uint64_t word = atomic_load_explicit(&writer->run->word, memory_order_relaxed);

	atomic_store_explicit(&writer->run->word, word + 1, memory_order_release);
	smi_writer_tell(writer);
}

/* The same where jobs are counted: the run, in the hands of whoever adds to it in a
 * loop. What would have to be loaded first is loaded once. */
struct smi_tally {
	struct smi_frame *run; /* NULL until one has begun */
	uint64_t word;
};

static inline struct smi_tally smi_writer_tally(const struct smi_writer *writer)
{
	struct smi_frame *run = writer->run;

	return (struct smi_tally){ run, run ? atomic_load_explicit(&run->word, memory_order_relaxed) : 0 };
}

static inline void smi_tally_add(struct smi_tally *tally, uint64_t job)
{
	atomic_store_explicit(&tally->run->job, job, memory_order_relaxed);
	atomic_store_explicit(&tally->run->word, ++tally->word, memory_order_release);
}

/* Whether this job just lengthens the run of those that are counted. */
static inline bool smi_writer_only_counts(const struct smi_writer *writer)
{
	return (writer->length | writer->run_size) == 0;
}

/* One more value of the run. */
static inline void smi_writer_add(struct smi_writer *writer)
{
	writer->tail += writer->run_stride;
	atomic_store_explicit(&writer->words->tail, writer->tail, memory_order_release);
	writer->value += writer->run_stride;
	writer->length = 0;
	smi_writer_tell(writer);
	if (__builtin_expect(writer->tail == writer->run_end, 0))
		smi_writer_end_run(writer);
}

/* The job is done, with the value built. 0, or -ECANCELED. Between two of the
 * queue's atomic steps each store counts: the step waits for them. */
static inline __attribute__((always_inline)) int smi_writer_commit(struct smi_writer *writer, uint64_t job)
{
	if (__builtin_expect(writer->length != writer->run_size, 0))
		return smi_writer_commit_slowly(writer, job);
	if (writer->counts) {
		struct smi_tally tally = smi_writer_tally(writer);

		smi_tally_add(&tally, job);
		return 0;
	}
	if (__builtin_expect(job != writer->run_next, 0))
		return smi_writer_commit_slowly(writer, job);
	writer->run_next = job + 1;
	if (writer->length > 0)
		smi_writer_add(writer);
	else
		smi_writer_lengthen(writer);
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
