/* SPDX-License-Identifier: MIT */
/* Which jobs next. A schedule hands out ranges of ids, each by one atomic step on
 * `next`; a worker's ids never decrease.
 *
 * Claiming is two steps: the claim's `step` becomes odd before the atomic step on
 * `next`, and even after the range is recorded. When a worker dies in between, the
 * ids below `next` that no claim and no pipe holds are the ones that it took, once
 * every live worker has been seen with an even step. */
#ifndef SMI_QUEUE_QUEUE_H
#define SMI_QUEUE_QUEUE_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sharedmem/types.h>

/* More jobs than this are refused, so that the counter cannot come round. */
#define SMI_JOBS_MOST (1ull << 40)

/* In shared memory, on a line of its own: every worker writes it. */
struct smi_queue_words {
	alignas(64) _Atomic uint64_t next; /* the lowest id not handed out; static does not use it */
};

/* A worker's claim, in shared memory; written by the worker, read by the master. */
struct smi_claim {
	_Atomic uint64_t begin, end;
	_Atomic uint32_t step;  /* odd: something is being claimed or recorded */
	_Atomic uint64_t stand; /* where ids do not come from the counter: the end of the last
	                         * range that the schedule gave */
};

/* What is settled before the first job, the same for all workers. */
struct smi_queue {
	const struct smi_schedule *schedule;
	struct smi_queue_words *words;
	uint64_t njobs;
	uint64_t chunk; /* 0: measured (dynamic), njobs / np (static), 1 (guided) */
	uint64_t fixed; /* ids of every grab from the counter; 0: the schedule's `take` is asked */
	int np;
};

/* A worker's own: where it stands. */
struct smi_taker {
	int rank;
	uint64_t end;    /* of the range taken last */
	uint64_t size;   /* of the next grab, when measured */
	uint64_t before; /* when the last grab was made, ns; 0: none */
};

/* A range of ids; empty when there are no more. */
struct smi_range {
	uint64_t begin, end;
};

struct smi_schedule {
	const char *name;
	/* Hands out the next range of this worker. */
	struct smi_range (*take)(const struct smi_queue *queue, struct smi_taker *taker);
	/* Whether ranges come from the one ascending counter, so that whoever holds
	 * none will get ids above all that were handed out. */
	bool ascending;
	/* Moves a new taker behind the range that ends at `end`; NULL: it needs not. */
	void (*resume)(const struct smi_queue *queue, struct smi_taker *taker, uint64_t end);
};

extern const struct smi_schedule smi_schedule_static, smi_schedule_dynamic, smi_schedule_guided;

/* The atomic step of the dynamic schedule. No look at the counter before it, which
 * would move its line twice. Each worker goes past the end once: SMI_JOBS_MOST
 * leaves room for that. */
static inline struct smi_range smi_dynamic_take(const struct smi_queue *queue, uint64_t size)
{
	uint64_t begin = atomic_fetch_add(&queue->words->next, size), end = queue->njobs;

	if (__builtin_expect(begin >= end, 0))
		return (struct smi_range){ end, end };
	return (struct smi_range){ begin, size < end - begin ? begin + size : end };
}

/* `schedule` is a settled one, not the default or runtime. */
void smi_queue_init(struct smi_queue *queue, struct smi_queue_words *words,
		    enum pool_schedule schedule, uint64_t chunk, uint64_t njobs, int np);

void smi_taker_init(struct smi_taker *taker, int rank);

/* Stands where the worker stood that left this claim: for its successor. */
void smi_taker_resume(struct smi_taker *taker, const struct smi_queue *queue, const struct smi_claim *claim);

/* Whether a worker that stands there would still be handed ids. */
bool smi_queue_has_more(const struct smi_queue *queue, const struct smi_taker *taker);

/* The last claim that the worker has recorded. False when it is claiming right now. */
bool smi_claim_read(const struct smi_claim *claim, struct smi_range *range);

/* The worker's, around the change of its claim. */
static inline void smi_claim_begin(struct smi_claim *claim)
{
	uint32_t step = atomic_load_explicit(&claim->step, memory_order_relaxed);

	atomic_store_explicit(&claim->step, step | 1, memory_order_relaxed);
}

static inline void smi_claim_record(struct smi_claim *claim, struct smi_range range)
{
	uint32_t step = atomic_load_explicit(&claim->step, memory_order_relaxed);

	/* The odd step is seen before either end of the new range. */
	atomic_store_explicit(&claim->begin, range.begin, memory_order_release);
	atomic_store_explicit(&claim->end, range.end, memory_order_release);
	atomic_store_explicit(&claim->step, step + 1, memory_order_release);
}

/* A bound below what this taker will be handed: where ids come from the counter, all that
 * is handed out by now. */
static inline uint64_t smi_queue_bound(const struct smi_queue *queue, const struct smi_taker *taker)
{
	return queue->schedule->ascending ? atomic_load_explicit(&queue->words->next, memory_order_relaxed) :
					    taker->end;
}

/* Takes the next range. Chunks that are given need no call. */
static inline struct smi_range smi_queue_take(const struct smi_queue *queue, struct smi_taker *taker)
{
	struct smi_range range;

	if (queue->fixed > 0)
		range = smi_dynamic_take(queue, queue->fixed);
	else
		range = queue->schedule->take(queue, taker);
	taker->end = range.end;
	return range;
}

/* Takes and records, where somebody may have to know what a dead worker had. The
 * atomic step is also the barrier behind which the odd step is seen. */
static inline struct smi_range smi_queue_claim(const struct smi_queue *queue, struct smi_taker *taker,
					       struct smi_claim *claim)
{
	struct smi_range range;

	smi_claim_begin(claim);
	range = smi_queue_take(queue, taker);
	if (!queue->schedule->ascending)
		atomic_store_explicit(&claim->stand, range.end, memory_order_relaxed);
	smi_claim_record(claim, range);
	return range;
}

#endif
