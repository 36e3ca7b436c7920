/* SPDX-License-Identifier: MIT */
/* What a dead worker leaves: of its claim and its inbox, the ids that are not settled;
 * and, if it died between the queue's atomic step and the record of it, what lies
 * below the counter and is nobody's. */
#include "pool/mend.h"

#include "os/futex.h"

/* How long the master looks at a worker that is claiming: it takes nanoseconds,
 * unless it is stopped in the middle. */
#define CLAIM_LOOKS 2000

static struct smi_slot *slot_of(const struct smi_master *master, int rank)
{
	return &master->team->block.slot[rank];
}

uint32_t smi_master_tries(const struct smi_master *master, int rank, uint64_t job)
{
	struct smi_slot *slot = slot_of(master, rank);
	struct smi_again again[SMI_INBOX_MOST];
	int left = smi_inbox_left(&slot->inbox, again);

	if (atomic_load(&slot->tried) == job)
		return atomic_load(&slot->tries);
	for (int i = 0; i < left; i++)
		if (again[i].range.begin == job)
			return again[i].tries;
	return 0;
}

/* Sorted in, without what is there already. There is room: a life leaves at most
 * what it was given and one range of its own, unless it wrote over its claim; what
 * that loses is found when all are idle. */
static void add_again(struct smi_life *life, struct smi_again again)
{
	int i = life->agains;

	for (int k = 0; k < life->agains; k++)
		if (life->again[k].range.begin < again.range.end && again.range.begin < life->again[k].range.end)
			return;
	if (i == SMI_INBOX_MOST)
		return;
	for (; i > 0 && life->again[i - 1].range.begin > again.range.begin; i--)
		life->again[i] = life->again[i - 1];
	life->again[i] = again;
	life->agains++;
}

/* What of `range` is not settled. */
static void add_gaps(struct smi_master *master, int rank, struct smi_range range)
{
	struct smi_range gap = smi_settled_gap(&master->map->settled, range);

	for (; gap.begin < gap.end; gap = smi_settled_gap(&master->map->settled, range)) {
		struct smi_again again = { gap, smi_master_tries(master, rank, gap.begin) };

		add_again(&master->life[rank], again);
		range.begin = gap.end;
	}
}

void smi_master_bereave(struct smi_master *master, int rank, uint64_t job, uint32_t tries)
{
	const struct smi_map *map = master->map;
	struct smi_slot *slot = slot_of(master, rank);
	struct smi_life *life = &master->life[rank];
	struct smi_again left[SMI_INBOX_MOST];
	struct smi_range claim;
	int n = smi_inbox_left(&slot->inbox, left);

	life->living = SMI_BEREFT;
	if (smi_claim_read(&slot->claim, &claim))
		add_gaps(master, rank, claim);
	else
		life->searching = map->queue.schedule->ascending &&
				  atomic_load(&slot->inbox.state) != SMI_INBOX_TAKING;
	for (int i = 0; i < n; i++)
		add_gaps(master, rank, left[i].range);
	/* Whatever its claim says now, it ran this one. */
	if (job != UINT64_MAX)
		add_gaps(master, rank, (struct smi_range){ job, job + 1 });
	for (int i = 0; i < life->agains; i++)
		if (life->again[i].range.begin == job)
			life->again[i].tries = tries;
	/* A borrowed job may lie below the bound. */
	if (life->agains > 0 && life->again[0].range.begin < atomic_load(&slot->turn.low))
		atomic_store(&slot->turn.low, life->again[0].range.begin);
	if (life->carries >= 0)
		smi_lend_update(master, life->carries);
	life->carries = -1;
	life->scribbled = false;
	life->due = UINT64_MAX;
	life->termed = life->killed = false;
	life->warned = life->ran = 0;
	smi_critical_free(&master->team->block.head->inside, rank);
}

/* A range that nobody holds, as far as claims, inboxes and lists say. */
static bool is_held(const struct smi_range *held, int count, uint64_t *from, uint64_t *to)
{
	for (int i = 0; i < count; i++) {
		if (held[i].begin <= *from && *from < held[i].end) {
			*from = held[i].end < *to ? held[i].end : *to;
			return true;
		}
	}
	for (int i = 0; i < count; i++)
		if (held[i].begin > *from && held[i].begin < *to)
			*to = held[i].begin;
	return false;
}

/* What a live worker holds, once it is past its claiming. False: it is not. */
static bool look_at_claim(const struct smi_slot *slot, struct smi_range *range)
{
	for (int i = 0; i < CLAIM_LOOKS; i++) {
		if (smi_claim_read(&slot->claim, range))
			return true;
		smi_pause();
	}
	return false;
}

/* All that somebody holds. False: one worker can't be told yet. */
static bool list_held(const struct smi_master *master, struct smi_range *held, int *count)
{
	*count = 0;
	for (int r = 0; r < master->map->np; r++) {
		const struct smi_life *life = &master->life[r];
		struct smi_again left[SMI_INBOX_MOST];
		int n = smi_inbox_left(&slot_of(master, r)->inbox, left);

		for (int i = 0; i < n; i++)
			held[(*count)++] = left[i].range;
		for (int i = 0; i < life->agains; i++)
			held[(*count)++] = life->again[i].range;
		/* One that is awaited may run already. */
		if ((life->living == SMI_LIVES || life->living == SMI_AWAITED) &&
		    !look_at_claim(slot_of(master, r), &held[(*count)++]))
			return false;
	}
	return true;
}

/* Of the ranks that died while they claimed, and have room, the one with the lowest
 * bound: it lies below whatever they got. Each got one range at most. */
static int lowest_claimer(const struct smi_master *master)
{
	int lowest = -1;

	for (int r = 0; r < master->map->np; r++)
		if (master->life[r].searching && master->life[r].agains < SMI_INBOX_MOST &&
		    (lowest < 0 || atomic_load(&slot_of(master, r)->turn.low) <
					   atomic_load(&slot_of(master, lowest)->turn.low)))
			lowest = r;
	return lowest;
}

/* Gives a range that was found to one of them. */
static void give_found(struct smi_master *master, struct smi_range range)
{
	int rank = lowest_claimer(master);

	if (rank < 0) {
		smi_master_fail(master, POOL_CRASHED, 0, SIZE_MAX, -1, "jobs %zu to %zu were lost: some worker "
				"wrote over what it had claimed", (size_t)range.begin, (size_t)range.end - 1);
		return;
	}
	add_again(&master->life[rank], (struct smi_again){ range, 0 });
	if (range.begin < atomic_load(&slot_of(master, rank)->turn.low))
		atomic_store(&slot_of(master, rank)->turn.low, range.begin);
}

/* Ids that were handed out and that nobody holds are what the dead claimed. The
 * counter is read first: what was handed out below it is recorded by each worker
 * that is then seen past its claiming, or committed by now. */
bool smi_master_search(struct smi_master *master)
{
	struct smi_map *map = master->map;
	struct smi_range range = { 0, atomic_load(&map->queue.words->next) }, gap;
	uint64_t to;
	int count;

	if (range.end > map->njobs)
		range.end = map->njobs;
	if (!list_held(master, master->held_ranges, &count))
		return false;
	smi_master_drain_all(master);
	for (;;) {
		gap = smi_settled_gap(&map->settled, range);
		if (gap.begin >= gap.end)
			break;
		to = gap.end;
		range.begin = gap.begin;
		if (is_held(master->held_ranges, count, &range.begin, &to))
			continue;
		give_found(master, (struct smi_range){ gap.begin, to });
		range.begin = to;
	}
	/* What one got may be another one's now, whose own bound was looked at before. */
	smi_order_moved(&map->order);
	for (int r = 0; r < map->np; r++)
		master->life[r].searching = false;
	return true;
}
