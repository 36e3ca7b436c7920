/* SPDX-License-Identifier: MIT */
/* From the order in which values arrive to the order in which reduce sees them.
 * With in_order, values that come before their turn are copied to the master's
 * own memory, a queue for each rank: one rank's ids ascend, so the next id is at
 * the head of one of the queues, or still to come. What does not ascend lies aside,
 * sorted: jobs that a rank ran in the place of another one, and the ids of those
 * that have failed for good. What a journal holds is sorted too. Used by the master
 * only. */
#ifndef SMI_POOL_RESULTS_H
#define SMI_POOL_RESULTS_H

#include "journal/journal.h"
#include "pipe/reader.h"
#include "pool/aside.h"
#include "pool/map.h"

struct smi_early; /* a block of values that wait */

struct smi_results {
	const struct smi_map *map;
	bool in_order;
	uint64_t next;      /* in_order: the id whose turn it is */
	uint64_t reduced;   /* jobs */
	size_t waiting;     /* bytes of early values */
	size_t most;        /* of them */
	struct smi_early **first, **last; /* one a rank */
	uint64_t *queued;   /* one a rank: the id behind the last that was queued */
	struct smi_aside aside;
	const struct smi_journal_entry *given; /* by the journal */
	size_t given_count, given_next;
	bool take_all;      /* whatever there is no budget for is kept all the same */
	/* What reduce, or the check of a collected value, said; not zero ends it. */
	int said;
	uint64_t said_job;
	int said_rank;
	size_t wrong_size;  /* of a collected value; SIZE_MAX: it was reduce */
};

/* 0 or -ENOMEM. */
int smi_results_init(struct smi_results *results, const struct smi_map *map);
void smi_results_fini(struct smi_results *results);

enum smi_taken { SMI_TAKEN, SMI_NOT_YET /* leave it in the pipe */, SMI_ENDED /* said is set */ };

/* An item of values, or of jobs without one, from the pipe of `rank`. */
enum smi_taken smi_results_take(struct smi_results *results, int rank, const struct smi_item *item);

/* Values of an earlier run, sorted by job, valid as long as the results: those whose
 * turn it is are delivered at once, without in_order all of them. */
enum smi_taken smi_results_give(struct smi_results *results, const struct smi_journal_entry *entries,
				size_t count);

/* `job` will bring nothing: it has failed for good. */
enum smi_taken smi_results_skip(struct smi_results *results, uint64_t job);

/* Reduce, or the check of a collected value, has ended the map. */
enum smi_taken smi_results_end(struct smi_results *results, int rank, uint64_t job, int said);

/* The same for a value that goes to reduce as it comes. */
static inline enum smi_taken smi_results_reduce(struct smi_results *results, int rank,
						const struct smi_item *item)
{
	const struct smi_map *map = results->map;
	int said = map->reduce(item->job, item->data, item->size, map->arg);

	if (__builtin_expect(said != 0, 0))
		return smi_results_end(results, rank, item->job, said);
	results->reduced++;
	return SMI_TAKEN;
}

#endif
