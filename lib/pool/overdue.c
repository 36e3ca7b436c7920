/* SPDX-License-Identifier: MIT */
/* The watch over job_timeout. The master keeps the time, so a job is never ended too
 * early, and at most by one look too late; what a worker waits for its turn or for
 * the master does not count, nor does the time between two looks where it is found in
 * line for a critical section. A worker outside of a job is watched only while it is
 * stopped: nobody else would end it. */
#include <signal.h>

#include "os/clock.h"
#include "pool/mend.h"

#define GRACE (100 * SMI_MS)
#define LOOK_MOST (20 * SMI_MS)
#define LOOK_LEAST (500 * SMI_US)

/* Changes whenever the worker has gone on, or has waited meanwhile. One that was just
 * called may not have run since: it is the call that tells of its waiting then. */
static uint64_t signs_of(struct smi_slot *slot)
{
	const uint64_t signs[] = { atomic_load(&slot->turn.waited), atomic_load(&slot->turn.nudge),
				   atomic_load(&slot->pipe.waited), atomic_load(&slot->pipe.room),
				   atomic_load(&slot->phase), atomic_load(&slot->claim.step) };
	uint64_t mixed = 0;

	for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
		mixed = (mixed ^ signs[i]) * 0x9E3779B97F4A7C15u;
	return mixed;
}

/* Whether the time that passes is the worker's own. */
static bool counts(const struct smi_master *master, int rank)
{
	struct smi_slot *slot = &master->team->block.slot[rank];

	if (atomic_load(&slot->pipe.full) || smi_order_waits(&master->map->order, rank))
		return false;
	/* It may wait in line a thousand times, each for a moment: what counts is where it is
	 * found. Stopped there it never gets any further. */
	if (atomic_load(&slot->phase) == SMI_PHASE_JOBS && atomic_load(&slot->at) != UINT64_MAX &&
	    !atomic_load(&slot->in_line))
		return true;
	return smi_process_stopped(&master->team->crew.process[rank]);
}

/* The time that this worker has run with what it does now. */
static uint64_t time_of(struct smi_master *master, int rank, uint64_t now)
{
	struct smi_life *life = &master->life[rank];
	struct smi_slot *slot = &master->team->block.slot[rank];
	uint64_t at = atomic_load(&slot->at), signs = signs_of(slot);
	uint32_t tries = atomic_load(&slot->tries);

	if (at != life->at || tries != life->tries) {
		life->ran = life->warned = 0;
		life->termed |= life->due != UINT64_MAX;
		life->due = UINT64_MAX;
	} else if (signs == life->signs && counts(master, rank)) {
		life->ran += now - life->looked;
	}
	life->at = at;
	life->tries = tries;
	life->signs = signs;
	life->looked = now;
	return life->ran;
}

/* TERM, a while to leave by itself, KILL. */
static void end(struct smi_master *master, int rank, uint64_t now)
{
	struct smi_life *life = &master->life[rank];
	const struct smi_process *process = &master->team->crew.process[rank];

	if (life->warned == 0) {
		life->warned = now;
		life->due = life->at;
		smi_process_kill(process, SIGTERM);
	} else if (now - life->warned >= GRACE) {
		life->killed = true;
		smi_process_kill(process, SIGKILL);
	}
}

void smi_master_watch(struct smi_master *master)
{
	uint64_t timeout = (uint64_t)(master->map->pool->options.job_timeout * 1e9), now = smi_now();
	uint64_t look = timeout / 8;

	look = look > LOOK_MOST ? LOOK_MOST : look < LOOK_LEAST ? LOOK_LEAST : look;
	smi_master_be_patient(master, look);
	for (int r = 0; r < master->map->np; r++)
		if (smi_team_runs(master->team, r) && master->life[r].living == SMI_LIVES &&
		    time_of(master, r, now) > timeout)
			end(master, r, now);
}
