/* SPDX-License-Identifier: MIT */
/* Where a dead worker has no successor, its ids are lent to a live one: put into the
 * inbox of a worker that is not waiting in an ordered section, since it might wait
 * there for the very ids. One that comes to wait with a full inbox gives it back. */
#include <errno.h>
#include <string.h>

#include "os/clock.h"
#include "os/futex.h"
#include "pool/mend.h"

#define LOOK_AGAIN (1 * SMI_MS)

static struct smi_slot *slot_of(const struct smi_master *master, int rank)
{
	return &master->team->block.slot[rank];
}

/* Where ids are settled by rank, the next range of a rank that nobody will run. */
static void refill(struct smi_master *master, struct smi_life *life)
{
	const struct smi_queue *queue = &master->map->queue;
	struct smi_range range;

	if (life->agains > 0 || queue->schedule->ascending)
		return;
	range = queue->schedule->take(queue, &life->taker);
	if (range.begin >= range.end)
		return;
	life->taker.end = range.end;
	life->again[life->agains++] = (struct smi_again){ range, 0 };
}

void smi_lend_update(struct smi_master *master, int rank)
{
	struct smi_life *life = &master->life[rank];
	uint64_t low = SMI_ORDER_NONE;

	refill(master, life);
	if (life->agains > 0)
		low = life->again[0].range.begin;
	smi_order_move(&master->map->order, rank, low);
}

/* What rank w carries for another one has been taken, or is given back. */
static void follow(struct smi_master *master, int w)
{
	struct smi_life *life = &master->life[w];
	struct smi_inbox *inbox = &slot_of(master, w)->inbox;
	struct smi_life *owner = &master->life[life->carries];

	if (smi_order_waits(&master->map->order, w))
		owner->agains += smi_inbox_retract(inbox, owner->again + owner->agains);
	if (atomic_load(&inbox->state) != SMI_INBOX_EMPTY)
		return;
	smi_lend_update(master, life->carries);
	life->carries = -1;
}

/* A worker that will come to look into its inbox. */
static int find_taker(const struct smi_master *master)
{
	int found = -1;

	for (int w = 0; w < master->map->np; w++) {
		uint32_t phase = atomic_load(&slot_of(master, w)->phase);

		if (master->life[w].living != SMI_LIVES || master->life[w].carries >= 0 ||
		    atomic_load(&slot_of(master, w)->inbox.state) != SMI_INBOX_EMPTY ||
		    smi_order_waits(&master->map->order, w))
			continue;
		if (phase == SMI_PHASE_IDLE)
			return w;
		if (phase <= SMI_PHASE_JOBS)
			found = w;
	}
	return found;
}

static void lend(struct smi_master *master, int rank, int w)
{
	struct smi_life *life = &master->life[rank];
	struct smi_slot *slot = slot_of(master, w);

	smi_inbox_put(&slot->inbox, life->again, life->agains);
	life->agains = 0;
	master->life[w].carries = rank;
	atomic_fetch_add(&slot->call, SMI_NEWS);
	smi_futex_wake(&slot->call, 1);
}

/* The lowest bound of a rank whose ids nobody has taken over; none: SMI_ORDER_NONE. */
static uint64_t lowest_bound(const struct smi_master *master)
{
	uint64_t lowest = SMI_ORDER_NONE;

	for (int r = 0; r < master->map->np; r++) {
		uint64_t low = atomic_load(&slot_of(master, r)->turn.low);

		if (master->life[r].living == SMI_VACANT && low < lowest)
			lowest = low;
	}
	return lowest;
}

/* Whether somebody may still become free. Whoever sleeps for a turn above that bound
 * can't go on before the master has done something: that is no matter of the moment. */
static bool is_hope(const struct smi_master *master)
{
	uint64_t lowest = lowest_bound(master);

	for (int w = 0; w < master->map->np; w++) {
		enum smi_living living = master->life[w].living;
		uint64_t wants = atomic_load(&slot_of(master, w)->turn.wants);

		if (living == SMI_BEREFT || living == SMI_AWAITED)
			return true;
		/* What one carries may have been taken since it was last looked at. */
		if (living == SMI_LIVES &&
		    (wants == SMI_ORDER_NONE || wants < lowest || master->life[w].carries >= 0))
			return true;
	}
	return false;
}

static void give_up(struct smi_master *master, int rank)
{
	const char *why = master->refused == ECHILD ? "there are no spares" : strerror(master->refused);

	smi_master_fail(master, POOL_NO_RESOURCES, master->refused, SIZE_MAX, rank,
			"no successor of rank %d could be started, and nobody else can run its jobs: %s", rank, why);
}

void smi_lend(struct smi_master *master)
{
	/* Whoever has such ids is never made to wait for the master. */
	master->results.take_all = true;
	for (int w = 0; w < master->map->np; w++)
		if (master->life[w].carries >= 0 && master->life[w].living == SMI_LIVES)
			follow(master, w);
	for (int r = 0; r < master->map->np; r++) {
		struct smi_life *life = &master->life[r];
		int w;

		if (life->living != SMI_VACANT || life->agains == 0)
			continue;
		w = find_taker(master);
		smi_master_be_patient(master, LOOK_AGAIN);
		if (w >= 0)
			lend(master, r, w);
		else if (!is_hope(master))
			give_up(master, r);
	}
	/* Nor may anybody be left for what is in the queue yet. */
	if (!master->ending && master->map->settled.count < master->map->njobs && !is_hope(master))
		give_up(master, 0);
}
