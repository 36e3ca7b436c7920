/* SPDX-License-Identifier: MIT */
#include "pool/results.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "os/mapping.h"

#define BLOCK ((size_t)64 << 10)
#define EARLY_DEFAULT ((size_t)1 << 30)

struct smi_early {
	struct smi_early *next;
	size_t read, used, size; /* of data */
	char data[] __attribute__((aligned(SMI_ALIGN)));
};

/* Stands before each value in a block, which is padded to SMI_ALIGN. */
struct entry {
	uint64_t job, count;
	size_t size, rank;
};

int smi_results_init(struct smi_results *results, const struct smi_map *map)
{
	size_t most = map->pool->options.early_bytes;

	*results = (struct smi_results){ .map = map,
					 .in_order = map->pool->options.in_order &&
						     (!map->serial || map->journal) &&
						     (map->reduce || map->collect),
					 .most = most ? most : EARLY_DEFAULT,
					 .wrong_size = SIZE_MAX };
	if (!results->in_order)
		return 0;
	results->first = calloc((size_t)map->np, sizeof *results->first);
	results->last = calloc((size_t)map->np, sizeof *results->last);
	results->queued = calloc((size_t)map->np, sizeof *results->queued);
	if (results->first && results->last && results->queued)
		return 0;
	smi_results_fini(results);
	return -ENOMEM;
}

void smi_results_fini(struct smi_results *results)
{
	for (int r = 0; results->first && r < results->map->np; r++) {
		for (struct smi_early *block = results->first[r], *next; block; block = next) {
			next = block->next;
			free(block);
		}
	}
	smi_aside_clear(&results->aside);
	free(results->first);
	free(results->last);
	free(results->queued);
	*results = (struct smi_results){ 0 };
}

/* One job's value to where it goes. */
static int deliver(struct smi_results *results, uint64_t job, const void *data, size_t size)
{
	const struct smi_map *map = results->map;

	if (!map->collect)
		return map->reduce ? map->reduce(job, size ? data : NULL, size, map->arg) : 0;
	if (size != map->result_size) {
		results->wrong_size = size;
		return -1;
	}
	if (size > 0)
		memcpy(map->results + job * size, data, size);
	return 0;
}

enum smi_taken smi_results_end(struct smi_results *results, int rank, uint64_t job, int said)
{
	results->said = said;
	results->said_job = job;
	results->said_rank = rank;
	return SMI_ENDED;
}

static enum smi_taken deliver_all(struct smi_results *results, int rank, uint64_t job, uint64_t count,
				  const void *data, size_t size)
{
	if (!results->map->collect && !results->map->reduce) {
		results->reduced += count;
		return SMI_TAKEN;
	}
	for (uint64_t i = 0; i < count; i++) {
		int said = deliver(results, job + i, data, size);

		if (said != 0)
			return smi_results_end(results, rank, job + i, said);
		results->reduced++;
	}
	return SMI_TAKEN;
}

static struct smi_early *block_with_room(struct smi_results *results, int rank, size_t need)
{
	struct smi_early *last = results->last[rank], *block;
	size_t size = need > BLOCK ? need : BLOCK;

	if (last && last->size - last->used >= need)
		return last;
	block = malloc(sizeof *block + size);
	if (!block)
		return NULL;
	block->next = NULL;
	block->read = block->used = 0;
	block->size = size;
	*(last ? &last->next : &results->first[rank]) = block;
	results->last[rank] = block;
	return block;
}

static void queue_item(struct smi_early *block, int rank, const struct smi_item *item)
{
	struct entry entry = { item->job, item->count, item->size, (size_t)rank };
	char *place = block->data + block->used;

	memcpy(place, &entry, sizeof entry);
	if (item->size > 0)
		memcpy(place + sizeof entry, item->data, item->size);
	block->used += sizeof entry + smi_round_up(item->size, SMI_ALIGN);
}

/* Copies an item that came before its turn. Too much waits, or there is no memory:
 * not yet. */
static enum smi_taken keep(struct smi_results *results, int rank, const struct smi_item *item)
{
	size_t need = sizeof(struct entry) + smi_round_up(item->size, SMI_ALIGN);
	bool room = item->size <= results->most && results->waiting <= results->most - item->size;
	struct smi_early *block;

	if (!room && !results->take_all)
		return SMI_NOT_YET;
	if (item->job < results->queued[rank]) {
		if (!smi_aside_put(&results->aside, item, false))
			return SMI_NOT_YET;
	} else {
		block = block_with_room(results, rank, need);
		if (!block)
			return SMI_NOT_YET;
		queue_item(block, rank, item);
		results->queued[rank] = item->job + item->count;
	}
	results->waiting += item->size;
	return SMI_TAKEN;
}

/* The entry at the head of a rank's queue, or NULL. */
static struct entry *head_of(const struct smi_results *results, int rank)
{
	struct smi_early *block = results->first[rank];

	return block && block->read < block->used ? (struct entry *)(block->data + block->read) : NULL;
}

static void drop_head(struct smi_results *results, int rank, const struct entry *entry)
{
	struct smi_early *block = results->first[rank];

	results->waiting -= entry->size;
	block->read += sizeof *entry + smi_round_up(entry->size, SMI_ALIGN);
	if (block->read < block->used)
		return;
	results->first[rank] = block->next;
	if (!block->next)
		results->last[rank] = NULL;
	free(block);
}

/* Whose queue holds the next id: its entry, or NULL. Neighbours mostly come from
 * the same rank, so `hint` is looked at first. */
static struct entry *find_next(const struct smi_results *results, int hint)
{
	for (int i = 0; i < results->map->np; i++) {
		int rank = hint + i < results->map->np ? hint + i : hint + i - results->map->np;
		struct entry *entry = head_of(results, rank);

		if (entry && entry->job == results->next)
			return entry;
	}
	return NULL;
}

/* What lies aside, if it is its turn. */
static bool deliver_aside(struct smi_results *results, int rank, enum smi_taken *taken)
{
	const struct smi_laid *aside = results->aside.first;

	if (!aside || aside->job != results->next)
		return false;
	*taken = aside->failed ? SMI_TAKEN :
				 deliver_all(results, rank, aside->job, aside->count, aside->data, aside->size);
	if (*taken == SMI_TAKEN) {
		results->next += aside->count;
		results->waiting -= aside->size;
		smi_aside_drop(&results->aside);
	}
	return true;
}

/* The next value of the journal, if it is its turn. */
static bool deliver_given(struct smi_results *results, enum smi_taken *taken)
{
	const struct smi_journal_entry *entry = results->given + results->given_next;

	if (results->given_next == results->given_count || (results->in_order && entry->job != results->next))
		return false;
	*taken = deliver_all(results, -1, entry->job, entry->count, entry->value, entry->size);
	if (*taken == SMI_TAKEN) {
		results->next += entry->count;
		results->given_next++;
	}
	return true;
}

static enum smi_taken deliver_waiting(struct smi_results *results, int hint)
{
	enum smi_taken taken = SMI_TAKEN;
	struct entry *entry;

	while (taken == SMI_TAKEN) {
		if (deliver_given(results, &taken) || deliver_aside(results, hint, &taken))
			continue;
		entry = find_next(results, hint);
		if (!entry)
			break;
		hint = (int)entry->rank;
		taken = deliver_all(results, hint, entry->job, entry->count, entry + 1, entry->size);
		if (taken == SMI_TAKEN) {
			results->next += entry->count;
			drop_head(results, hint, entry);
		}
	}
	return taken;
}

enum smi_taken smi_results_take(struct smi_results *results, int rank, const struct smi_item *item)
{
	enum smi_taken taken;

	if (!results->in_order)
		return deliver_all(results, rank, item->job, item->count, item->data, item->size);
	if (item->job != results->next)
		return keep(results, rank, item);
	taken = deliver_all(results, rank, item->job, item->count, item->data, item->size);
	if (taken != SMI_TAKEN)
		return taken;
	results->next += item->count;
	return deliver_waiting(results, rank);
}

enum smi_taken smi_results_give(struct smi_results *results, const struct smi_journal_entry *entries,
				size_t count)
{
	enum smi_taken taken = SMI_TAKEN;

	results->given = entries;
	results->given_count = count;
	while (taken == SMI_TAKEN && deliver_given(results, &taken))
		;
	return taken;
}

enum smi_taken smi_results_skip(struct smi_results *results, uint64_t job)
{
	struct smi_item nothing = { .job = job, .count = 1 };

	if (!results->in_order)
		return SMI_TAKEN;
	if (job != results->next)
		return smi_aside_put(&results->aside, &nothing, true) ? SMI_TAKEN : SMI_NOT_YET;
	results->next++;
	return deliver_waiting(results, 0);
}
