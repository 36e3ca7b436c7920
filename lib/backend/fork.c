/* SPDX-License-Identifier: MIT */
/* Workers are forked children. An end is the news of a descriptor, whatever the
 * host program does with SIGCHLD; the exit status only adds detail. */
#include <sched.h>
#include <signal.h>

#include "backend/backend.h"
#include "backend/guests.h"
#include "backend/spare.h"
#include "os/clock.h"
#include "os/futex.h"
#include "os/io.h"
#include "os/level.h"

/* Forking many workers keeps no signal of the program waiting for much longer. */
#define DEAF (10 * SMI_MS)

/* To look at the gate costs less than a sleep before it, where each has a CPU. */
#define GATE_SPIN (100 * SMI_US)

/* In the child: what is the master's or a sibling's is not ours to hold. The numbers
 * stay where they are, since each page that is written to is one to be copied: nothing
 * looks at them again. */
static void let_go(const struct smi_crew *crew)
{
	for (int r = 0; r < 2 * crew->most; r++)
		smi_close(crew->process[r].fd);
	smi_close(crew->watch);
}

/* np is settled before the first job: those who are early wait. */
static void wait_at_gate(struct smi_crew *crew)
{
	uint64_t until = crew->np <= smi_cpus_here() ? smi_now() + GATE_SPIN : 0;
	uint32_t np;

	while (atomic_load(&crew->gate->np) == 0 && smi_now() < until)
		smi_pause();
	while ((np = atomic_load(&crew->gate->np)) == 0)
		smi_futex_wait(&crew->gate->np, 0, UINT64_MAX);
	if ((int)np == crew->np)
		return;
	crew->np = (int)np;
	crew->settle(crew->context, crew->np);
}

/* A worker's process, from the fork to its end. */
static void be_worker(struct smi_crew *crew, int rank)
{
	let_go(crew);
	if (crew->group)
		smi_process_lead();
	smi_worker_level_set(smi_worker_level() + 1);
	wait_at_gate(crew);
	smi_process_hear_signals(atomic_load(&crew->gate->handled));
	smi_guests_limit();
	crew->live(crew->context, rank);
	/* Whom it has just woken may wait for this CPU, and to leave takes long. */
	sched_yield();
	smi_process_leave(0);
}

static int start_one(struct smi_crew *crew, int rank)
{
	struct smi_process *process = &crew->process[rank];
	int r = smi_process_fork(process);

	if (r == 0)
		be_worker(crew, rank);
	if (r < 0)
		return r;
	if (crew->group)
		smi_process_group(process);
	r = smi_watch_add(crew->watch, process->fd, (uint32_t)rank);
	if (r < 0) {
		smi_process_kill(process, SIGKILL);
		smi_process_reap(process, true, &crew->status[rank]);
	}
	return r;
}

static bool runs(const struct smi_crew *crew, int rank)
{
	return crew->process[rank].pid > 0;
}

static void reap(struct smi_crew *crew, int rank, bool wait)
{
	struct smi_process *process = &crew->process[rank];
	int fd = process->fd;

	/* What its jobs started goes with it. */
	if (process->leads)
		smi_process_kill(process, SIGKILL);
	/* Forked children hold copies of the descriptor, so closing it would not
	 * take it out of the watch. */
	smi_watch_remove(crew->watch, fd);
	if (!smi_process_reap(process, wait, &crew->status[rank]))
		smi_watch_add(crew->watch, fd, (uint32_t)rank);
}

/* Those of the last run who were still leaving when this one began. Whether there are any. */
static bool reap_leavers(struct smi_crew *crew, bool wait)
{
	bool any = false;
	int status;

	for (int i = crew->most; i < 2 * crew->most; i++) {
		if (runs(crew, i)) {
			any = true;
			smi_process_reap(&crew->process[i], wait, &status);
		}
	}
	return any;
}

static void fork_stop(struct smi_crew *crew)
{
	for (int r = 0; r < crew->np; r++)
		if (runs(crew, r))
			smi_process_kill(&crew->process[r], SIGKILL);
	smi_spares_stop(crew, true);
	for (int r = 0; r < crew->np; r++)
		if (runs(crew, r))
			reap(crew, r, true);
	reap_leavers(crew, true);
}

/* Before any signal comes in again: a handler may take itself out. */
static void find_handlers(struct smi_crew *crew)
{
	if (!crew->knows_handlers)
		atomic_store(&crew->gate->handled, smi_process_handlers());
	crew->knows_handlers = true;
}

/* Without spares there will be no successors; they are asked for later. */
static void start_spares(struct smi_crew *crew)
{
	reap_leavers(crew, true);
	smi_spares_start(crew, be_worker);
}

static void let_signals_in(struct smi_crew *crew, uint64_t *since)
{
	if (smi_now() - *since < DEAF)
		return;
	find_handlers(crew);
	smi_process_let_signals_in();
	*since = smi_now();
}

/* As many workers as there can be: how many, and in *r why there are no more. Those who
 * are still leaving hold what is lacking, perhaps. */
static int start_workers(struct smi_crew *crew, int wanted, int *r)
{
	uint64_t since = smi_now();
	int started = 0;

	for (*r = 0; started < wanted && *r >= 0; started += *r >= 0) {
		let_signals_in(crew, &since);
		*r = start_one(crew, started);
		if (*r < 0 && reap_leavers(crew, true))
			*r = start_one(crew, started);
	}
	return started;
}

/* All that is forked, as the program is now. How many workers, and *r as above. */
static int start_all(struct smi_crew *crew, int wanted, int *r)
{
	int started;

	smi_guests_pause();
	smi_process_prepare();
	crew->knows_handlers = false;
	/* Spares need them, and another thread may take a signal at any time. */
	if (crew->succeed || !smi_process_is_alone())
		find_handlers(crew);
	if (crew->succeed)
		start_spares(crew);
	started = start_workers(crew, wanted, r);
	/* The spares may have taken the last processes: a worker is worth more. */
	if (started == 0 && crew->spares) {
		smi_spares_stop(crew, true);
		started = start_workers(crew, wanted, r);
	}
	/* While the last one comes to life. */
	find_handlers(crew);
	smi_process_prepared();
	smi_guests_resume();
	return started;
}

static int fork_start(struct smi_crew *crew, int *why)
{
	int wanted = crew->np, r;

	for (int i = 0; i < wanted; i++)
		crew->status[i] = SMI_STATUS_UNKNOWN;
	crew->np = start_all(crew, wanted, &r);
	if (crew->np == 0) {
		fork_stop(crew);
		return r;
	}
	if (crew->np < wanted) {
		*why = -r;
		crew->settle(crew->context, crew->np);
	}
	smi_crew_open_gate(crew);
	return crew->np < wanted;
}

static bool fork_ended(struct smi_crew *crew, uint32_t tag)
{
	int rank = (int)tag;

	if (tag >= SMI_SPARE_TAG) {
		smi_spares_ended(crew, tag);
		return false;
	}
	if (runs(crew, rank))
		reap(crew, rank, false);
	return !runs(crew, rank);
}

static void fork_release(struct smi_crew *crew)
{
	smi_spares_stop(crew, false);
	reap_leavers(crew, false);
	for (int r = 0; r < crew->np; r++) {
		if (runs(crew, r) && crew->group)
			reap(crew, r, true);
		else if (runs(crew, r))
			smi_watch_remove(crew->watch, crew->process[r].fd);
	}
}

/* They have said that they are finished; should one not manage to leave, it is
 * made to. A process takes a while to go, most of it for its memory. */
static void fork_settle(struct smi_crew *crew, bool wait)
{
	smi_spares_stop(crew, true);
	reap_leavers(crew, true);
	for (int r = 0; r < crew->most; r++)
		if (runs(crew, r))
			smi_process_kill(&crew->process[r], SIGKILL);
	for (int r = 0; r < crew->most; r++) {
		if (!runs(crew, r) || smi_process_reap(&crew->process[r], wait, &crew->status[r]))
			continue;
		crew->process[crew->most + r] = crew->process[r];
		crew->process[r] = (struct smi_process){ .fd = -1 };
	}
}

static void fork_fini(struct smi_crew *crew, bool inherited)
{
	if (!inherited)
		fork_settle(crew, true);
	for (int r = 0; r < 2 * crew->most; r++)
		crew->process[r].fd = smi_close(crew->process[r].fd);
	smi_spares_fini(crew);
}

const struct smi_backend smi_backend_fork = {
	.name = "fork",
	.forks = true,
	.start = fork_start,
	.ended = fork_ended,
	.replace = smi_spares_ask,
	.heard = smi_spares_hear,
	.stop = fork_stop,
	.release = fork_release,
	.settle = fork_settle,
	.fini = fork_fini,
};
