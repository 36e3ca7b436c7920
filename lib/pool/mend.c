/* SPDX-License-Identifier: MIT */
/* Who runs what a dead worker leaves: its successor, which finds it in the inbox of
 * the rank and takes it before new ids. Until then the bound `low` of the rank stays
 * where it was, so whoever waits in order for one of them waits on. If there is no
 * successor, live workers get them (lend.c). */
#include "pool/mend.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "os/clock.h"
#include "os/futex.h"

#define LOOK_AGAIN (200 * SMI_US)
#define BIRTH (5 * SMI_MS)

static struct smi_slot *slot_of(const struct smi_master *master, int rank)
{
	return &master->team->block.slot[rank];
}

void smi_master_be_patient(struct smi_master *master, uint64_t most)
{
	if (master->patience > most)
		master->patience = most;
}

/* Whether anything is left for a worker of this rank. */
static bool is_needed(const struct smi_master *master, int rank)
{
	const struct smi_map *map = master->map;
	struct smi_taker taker;

	if (master->life[rank].agains > 0)
		return true;
	if (map->settled.count == map->njobs)
		return false;
	smi_taker_init(&taker, rank);
	smi_taker_resume(&taker, &map->queue, &slot_of(master, rank)->claim);
	return smi_queue_has_more(&map->queue, &taker);
}

/* Nobody lives here, nor will: the rank counts as finished, and holds nobody up but
 * for what others still have to take over. */
static void vacate(struct smi_master *master, int rank)
{
	struct smi_slot *slot = slot_of(master, rank);
	struct smi_life *life = &master->life[rank];

	life->living = SMI_VACANT;
	smi_taker_init(&life->taker, rank);
	smi_taker_resume(&life->taker, &master->map->queue, &slot->claim);
	atomic_store(&slot->phase, SMI_PHASE_FINISHED);
	atomic_fetch_add(&master->team->block.head->finished, 1);
	smi_lend_update(master, rank);
}

/* Gives the rank's ids to the successor that is asked for. */
static void ask(struct smi_master *master, int rank)
{
	struct smi_life *life = &master->life[rank];
	struct smi_inbox *inbox = &slot_of(master, rank)->inbox;
	int r;

	smi_team_renew(master->team, rank);
	smi_reader_init(&master->reader[rank], &master->team->block.pipe[rank], master->map->njobs);
	if (life->agains > 0)
		smi_inbox_put(inbox, life->again, life->agains);
	r = smi_team_replace(master->team, rank);
	if (r == 0) {
		life->living = SMI_AWAITED;
		life->agains = 0;
		return;
	}
	smi_inbox_init(inbox);
	if (r == -EAGAIN)
		return;
	master->refused = -r;
	vacate(master, rank);
}

static void mend_one(struct smi_master *master, int rank)
{
	struct smi_life *life = &master->life[rank];

	if (life->searching && !smi_master_search(master)) {
		smi_master_be_patient(master, LOOK_AGAIN);
		return;
	}
	if (is_needed(master, rank))
		ask(master, rank);
	else
		vacate(master, rank);
}

/* What has become of those who were asked for. */
static void hear(struct smi_master *master)
{
	int rank, r;

	while (smi_team_heard(master->team, &rank, &r)) {
		struct smi_life *life = &master->life[rank];
		struct smi_inbox *inbox = &slot_of(master, rank)->inbox;

		if (r == 0) {
			life->living = SMI_LIVES;
			continue;
		}
		life->agains = smi_inbox_left(inbox, life->again);
		smi_inbox_init(inbox);
		life->living = SMI_BEREFT;
		if (r == -EAGAIN)
			continue;
		master->refused = -r;
		vacate(master, rank);
	}
}

/* Nobody runs anything, is to come, or is asked for, and nothing is to be taken. */
static bool are_all_idle(const struct smi_master *master)
{
	for (int r = 0; r < master->map->np; r++) {
		const struct smi_life *life = &master->life[r];
		struct smi_slot *slot = slot_of(master, r);

		if (life->living == SMI_VACANT ? life->agains > 0 :
		    life->living != SMI_LIVES || atomic_load(&slot->phase) != SMI_PHASE_IDLE ||
			    atomic_load(&slot->inbox.state) != SMI_INBOX_EMPTY)
			return false;
	}
	return true;
}

/* Jobs that nobody knows of any more: a worker had written over its claim before it
 * died. One of the idle runs them; nobody waits for a turn. */
static void give_forgotten(struct smi_master *master)
{
	struct smi_range range = { 0, master->map->njobs }, gap;
	struct smi_again again[SMI_INBOX_MOST];
	int n = 0, rank = 0;

	smi_master_drain_all(master);
	while (rank < master->map->np && master->life[rank].living != SMI_LIVES)
		rank++;
	for (; n < SMI_INBOX_MOST; range.begin = gap.end) {
		gap = smi_settled_gap(&master->map->settled, range);
		if (gap.begin >= gap.end)
			break;
		again[n++] = (struct smi_again){ gap, 0 };
	}
	if (n == 0 || rank == master->map->np)
		return;
	smi_inbox_put(&slot_of(master, rank)->inbox, again, n);
	atomic_fetch_add(&slot_of(master, rank)->call, SMI_NEWS);
	smi_futex_wake(&slot_of(master, rank)->call, 1);
}

void smi_master_mend(struct smi_master *master)
{
	const struct smi_map *map = master->map;
	bool vacant = false;

	hear(master);
	if (map->settled.count < map->njobs && !master->ending && are_all_idle(master))
		give_forgotten(master);
	for (int r = 0; r < map->np && !master->ending; r++) {
		if (master->life[r].living == SMI_BEREFT)
			mend_one(master, r);
		if (master->life[r].living == SMI_BEREFT || master->life[r].living == SMI_AWAITED)
			smi_master_be_patient(master, BIRTH);
		vacant |= master->life[r].living == SMI_VACANT;
	}
	if (vacant && !master->ending)
		smi_lend(master);
	if (map->settled.count == map->njobs && !master->finishing) {
		master->finishing = true;
		smi_team_finish(master->team);
	}
}
