/* SPDX-License-Identifier: MIT */
/* The result pipe: one writer, the worker; one reader, the master; memory that
 * both see. It carries frames, each of a 16-byte header and a value padded to 16
 * bytes, in a ring. A value that is larger than `inline_most` is built in
 * a slab, a part of a file in memory that both map, and its frame says where.
 *
 * Commit = the job is done: one release-store publishes a value and the fact. It
 * is the store of `tail`, or, for a job that returned nothing and follows its
 * neighbour, the store that lengthens the run of such jobs at the ring's end.
 *
 * The reader trusts nothing that it reads: every number is copied once and
 * checked, and a frame that makes no sense is the worker's failure. */
#ifndef SMI_PIPE_PIPE_H
#define SMI_PIPE_PIPE_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipe/bell.h"
#include "pipe/ring.h"

#define SMI_SLABS 4
#define SMI_ALIGN 16
#define SMI_MESSAGE_MOST 1000 /* bytes of a failed job's message that are sent */

/* In shared memory; each half is written by one side only, but for `full` and
 * `lent`, which one side sets and the other clears. */
struct smi_pipe_words {
	/* The writer's: bytes committed since the map began, and where its slabs lie, so
	 * that their memory can be given back should it die. */
	alignas(64) _Atomic uint64_t tail;
	_Atomic uint32_t full; /* the writer waits for room */
	_Atomic uint32_t waited; /* waits for the reader that have ended */
	_Atomic uint32_t filled; /* huge pages of the ring that have memory; kept from map to map */
	struct smi_slab_place {
		_Atomic uint64_t offset, capacity;
	} slab[SMI_SLABS];
	/* The reader's: bytes it has done with; and what a full writer sleeps on. */
	alignas(64) _Atomic uint64_t head;
	_Atomic uint32_t room;
	_Atomic uint32_t lent[SMI_SLABS]; /* 1: the slab is the reader's; cleared by it */
};

/* The top byte of a header's second word; below it 56 bits. */
enum smi_frame_kind {
	SMI_FRAME_PAD = 1, /* nothing; so many bytes to the ring's end, header included */
	SMI_FRAME_VALUE,   /* a run of values: below the kind 24 bits of count, 32 of size */
	SMI_FRAME_SLAB,    /* struct smi_slab_frame follows */
	SMI_FRAME_EMPTY,   /* so many consecutive jobs that returned nothing; may grow */
	SMI_FRAME_DONE,    /* so many jobs are done, the last of them `job`; may grow: where nobody
			    * waits for values, which they were is not told */
	SMI_FRAME_FAILED   /* so many bytes follow: int32_t status and code, the message */
};

/* A run of values of one size, each padded to 16 bytes, of consecutive jobs. Count
 * 0: it still grows, and all that is committed behind the header belongs to it;
 * the count is stored before anything else is committed. Small values of
 * neighbours so share a header; a run is cut after SMI_RUN_BYTES, because the
 * reader gives a run's memory back as one. */
#define SMI_RUN_VALUE_MOST 256
#define SMI_RUN_BYTES 4096
#define SMI_COUNT_SHIFT 32
#define SMI_COUNT_MASK ((1ull << 24) - 1)
#define SMI_SIZE_MASK ((1ull << 32) - 1)

struct smi_frame {
	_Atomic uint64_t job;
	_Atomic uint64_t word; /* kind << 56 | number */
};

struct smi_slab_frame {
	uint64_t slab, offset, capacity, size;
};

/* One slab as one process sees it. */
struct smi_slab {
	char *address; /* NULL: not mapped */
	uint64_t offset, capacity, filled;
	bool borrowed; /* mapped by the other side in the same process: not ours to unmap */
};

/* What both sides know from before the fork. */
struct smi_pipe {
	struct smi_pipe_words *words;
	struct smi_ring ring;
	size_t inline_most;           /* larger values do not go through the ring; bytes */
	int file;                     /* where slabs are */
	_Atomic uint64_t *file_end;   /* in shared memory: bytes of the file given out */
	size_t slab_budget;           /* bytes that may be lent at once before the writer waits */
	struct smi_slab view[SMI_SLABS]; /* the reader's; a new writer begins with them */
};

#define SMI_KIND_SHIFT 56
#define SMI_NUMBER_MASK ((1ull << SMI_KIND_SHIFT) - 1)

/* Before the writer exists. The views are kept from map to map. */
void smi_pipe_reset(struct smi_pipe *pipe);

/* Forgets the views. */
void smi_pipe_unmap(struct smi_pipe *pipe);

/* The writer has died: gives back what its slabs held. A new one begins without. */
void smi_pipe_forget(struct smi_pipe *pipe);

/* Wakes a writer that waits, to be refused from now on. */
void smi_pipe_stop(struct smi_pipe *pipe);

#endif
