/* SPDX-License-Identifier: MIT */
/* The worker's end of the result pipe. Used by the worker's thread only. */
#ifndef SMI_PIPE_WRITER_H
#define SMI_PIPE_WRITER_H

#include "pipe/pipe.h"

struct smi_writer {
	struct smi_pipe_words *words;
	struct smi_bell bell;
	char *ring;
	size_t size, inline_most;
	bool quiet;         /* nobody waits for values: ring only when asked to */
	uint64_t tail;      /* committed */
	uint64_t limit;     /* up to here the ring is free, as far as we know */
	/* The value being built: at `value`, `length` bytes so far. */
	char *value;        /* NULL: none yet */
	size_t length, capacity;
	size_t last;        /* where its last piece begins */
	int slab;           /* it lies in this one; -1: in the ring */
	struct smi_frame *run; /* the run of empty values at the ring's end, or NULL */
	uint64_t run_next;     /* the id that would lengthen it */
	uint64_t run_word;
	int file;
	_Atomic uint64_t *file_end;
	size_t slab_budget;
	struct smi_slab slabs[SMI_SLABS];
};

/* `same_process`: the reader's mappings are ours to use and not to unmap. */
void smi_writer_init(struct smi_writer *writer, const struct smi_pipe *pipe,
		     const struct smi_bell *bell, bool same_process);
void smi_writer_fini(struct smi_writer *writer);

/* Appends `size` bytes to the value, to be filled: their address, or NULL with
 * errno ENOMEM, or ECANCELED when the map is ending. */
void *smi_writer_append(struct smi_writer *writer, size_t size);

/* Cuts the last piece down to `used` bytes. */
void smi_writer_trim(struct smi_writer *writer, size_t used);

/* The job is done, with the value built. 0, or -ECANCELED. */
int smi_writer_commit(struct smi_writer *writer, uint64_t job);

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
