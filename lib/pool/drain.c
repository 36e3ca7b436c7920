/* SPDX-License-Identifier: MIT */
/* From the pipes to reduce. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "pool/master.h"

void smi_master_fail(struct smi_master *master, enum pool_status status, int code, uint64_t job,
		     int rank, const char *format, ...)
{
	va_list args;

	master->ending = true;
	if (!smi_error_wins(master->error, job))
		return;
	va_start(args, format);
	smi_error_vset(master->error, status, code, format, args);
	va_end(args);
	smi_error_blame(master->error, job, rank,
			rank < 0 ? 0 : atomic_load(&master->team->block.slot[rank].pid));
}

/* What reduce said, or a collected value of the wrong size. */
void smi_master_end_by_results(struct smi_master *master)
{
	const struct smi_results *results = &master->results;
	size_t job = results->said_job;

	master->ending = master->no_reduce = true;
	if (results->wrong_size != SIZE_MAX) {
		smi_master_fail(master, POOL_FAILED, -1, job, results->said_rank,
				"job %zu (rank %d) returned %zu bytes, not the %zu that pool_collect was told",
				job, results->said_rank, results->wrong_size, master->map->result_size);
	} else if (results->said != POOL_ENOUGH) {
		smi_error_set(master->error, POOL_REDUCE_FAILED, results->said,
			      "reduce of job %zu returned %d", job, results->said);
		smi_error_blame(master->error, job, -1, 0);
	}
}

/* A job that will never come: what waited behind it may be next. */
static void skip(struct smi_master *master, uint64_t job)
{
	enum smi_taken taken = master->no_reduce ? SMI_TAKEN : smi_results_skip(&master->results, job);

	if (taken == SMI_ENDED)
		smi_master_end_by_results(master);
	else if (taken == SMI_NOT_YET)
		smi_master_fail(master, POOL_NO_RESOURCES, ENOMEM, SIZE_MAX, -1, "no memory to keep the order of jobs");
}

void smi_master_lose(struct smi_master *master, const struct smi_error *error)
{
	struct smi_map *map = master->map;
	uint64_t job = error->told.job;

	if (smi_failures_add(&map->pool->failures, &error->told) < 0) {
		smi_master_fail(master, POOL_NO_RESOURCES, ENOMEM, SIZE_MAX, -1,
				"no memory to keep the failures of jobs");
	} else if (!map->goes_on) {
		master->ending = true;
		if (smi_error_wins(master->error, job))
			smi_error_copy(master->error, error);
	} else {
		if (map->settled.word)
			smi_settled_add(&map->settled, job, 1);
		skip(master, job);
	}
}

static void take_failure(struct smi_master *master, int rank, const struct smi_item *item)
{
	enum pool_status status = item->status == POOL_NO_RESOURCES ? POOL_NO_RESOURCES : POOL_FAILED;
	int pid = atomic_load(&master->team->block.slot[rank].pid), size = (int)item->size;
	struct smi_error error;

	if (item->job == UINT64_MAX) {
		smi_master_fail(master, status, item->code, SIZE_MAX, rank,
				"worker_begin of rank %d (pid %d) failed: %.*s", rank, pid, size,
				(const char *)item->data);
		return;
	}
	smi_error_set(&error, status, item->code, "job %zu (rank %d, pid %d) failed: %.*s", (size_t)item->job,
		      rank, pid, size, (const char *)item->data);
	smi_error_blame(&error, item->job, rank, pid);
	smi_master_lose(master, &error);
}

/* Nothing behind it can be believed either. A process that writes over its pipe is
 * ended, and what it had not committed before is another one's to run. */
static void take_malformed(struct smi_master *master, int rank, int r)
{
	smi_reader_close(&master->reader[rank]);
	if (r == -ENOMEM) {
		smi_master_fail(master, POOL_NO_RESOURCES, ENOMEM, SIZE_MAX, rank,
				"no memory to map a value of rank %d", rank);
	} else if (master->map->mends) {
		master->life[rank].scribbled = true;
		smi_process_kill(&master->team->crew.process[rank], SIGKILL);
	} else {
		smi_master_fail(master, POOL_CRASHED, 0, SIZE_MAX, rank,
				"rank %d (pid %d) wrote over its result pipe", rank,
				atomic_load(&master->team->block.slot[rank].pid));
	}
}

/* Jobs that nobody has told of before. */
static bool is_new(const struct smi_master *master, const struct smi_item *item)
{
	struct smi_settled *settled = &master->map->settled;
	struct smi_range range = { item->job, item->job + item->count }, gap;

	if (!settled->word)
		return true;
	gap = smi_settled_gap(settled, range);
	return gap.begin == range.begin && gap.end == range.end;
}

/* Jobs that are done, with what they returned. */
static enum smi_taken take_done(struct smi_master *master, int rank, const struct smi_item *item)
{
	enum smi_taken taken = smi_results_take(&master->results, rank, item);

	master->held[rank] = taken == SMI_NOT_YET;
	if (taken == SMI_ENDED)
		smi_master_end_by_results(master);
	if (taken != SMI_NOT_YET && master->map->settled.word) {
		smi_settled_add(&master->map->settled, item->job, item->count);
		smi_master_note(master, item);
	}
	return taken;
}

/* One item. False when the pipe has no more for now. */
static bool take_one(struct smi_master *master, int rank)
{
	struct smi_reader *reader = &master->reader[rank];
	struct smi_item item;
	int r = smi_reader_next(reader, &item);

	if (r == 0)
		return false;
	if (r < 0 || (item.job != UINT64_MAX && !is_new(master, &item))) {
		take_malformed(master, rank, r);
		return false;
	}
	if (item.kind == SMI_FRAME_FAILED)
		take_failure(master, rank, &item);
	else if (!master->no_reduce && take_done(master, rank, &item) == SMI_NOT_YET)
		return false;
	smi_reader_done(reader, &item);
	return true;
}

/* The short way from the ring to reduce: the rest of a run of values that need not
 * wait for their turn. */
static void reduce_values(struct smi_master *master, int rank)
{
	struct smi_reader *reader = &master->reader[rank];
	struct smi_item item;

	if (master->results.in_order || master->no_reduce || !master->map->reduce || master->map->settled.word)
		return;
	while (smi_reader_next_value(reader, &item)) {
		if (smi_results_reduce(&master->results, rank, &item) == SMI_ENDED) {
			smi_master_end_by_results(master);
			return;
		}
		smi_reader_done_value(reader);
	}
}

/* What was there when it was looked at. A reader that goes on at the heels of the
 * writer makes each line of the ring, and of its tail, move for each value. */
static bool drain_one(struct smi_master *master, int rank)
{
	struct smi_reader *reader = &master->reader[rank];
	uint64_t until = atomic_load_explicit(&reader->pipe->words->tail, memory_order_acquire);
	uint64_t before = reader->head;
	bool some = false;

	while (take_one(master, rank)) {
		some = true;
		reduce_values(master, rank);
		if (reader->head >= until || master->no_reduce)
			break;
	}
	smi_reader_publish(reader);
	master->bytes += reader->head - before;
	return some;
}

bool smi_master_drain(struct smi_master *master)
{
	bool some = false, again;

	/* What one rank brings may be what another one's value waits for. */
	do {
		bool held = false;

		again = false;
		for (int rank = 0; rank < master->map->np; rank++) {
			again |= drain_one(master, rank);
			held |= master->held[rank];
		}
		some |= again;
		again &= held;
	} while (again);
	return some;
}

void smi_master_drain_all(struct smi_master *master)
{
	bool before = master->results.take_all;

	master->results.take_all = true;
	smi_master_drain(master);
	for (int rank = 0; rank < master->map->np; rank++)
		if (master->held[rank])
			smi_master_fail(master, POOL_NO_RESOURCES, ENOMEM, SIZE_MAX, rank,
					"no memory to keep values that came before their turn");
	master->results.take_all = before;
}

bool smi_master_has_news(const struct smi_master *master)
{
	for (int rank = 0; rank < master->map->np; rank++)
		if (!master->held[rank] && smi_reader_has_news(&master->reader[rank]))
			return true;
	return false;
}
