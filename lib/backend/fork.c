/* SPDX-License-Identifier: MIT */
/* Workers are forked children. An end is the news of a descriptor, whatever the
 * host program does with SIGCHLD; the exit status only adds detail. */
#include <signal.h>

#include "backend/backend.h"
#include "os/io.h"
#include "os/level.h"

/* In the child: what is the master's or a sibling's is not ours to hold. */
static void let_go(struct smi_crew *crew, int rank)
{
	for (int r = 0; r < rank; r++)
		crew->process[r].fd = smi_close(crew->process[r].fd);
	crew->watch = smi_close(crew->watch);
}

static void be_worker(struct smi_crew *crew, int rank)
{
	let_go(crew, rank);
	smi_worker_level_set(smi_worker_level() + 1);
	crew->live(crew->context, rank);
	smi_process_leave();
}

static int start_one(struct smi_crew *crew, int rank)
{
	int r = smi_process_fork(&crew->process[rank]);

	if (r == 0)
		be_worker(crew, rank);
	if (r < 0)
		return r;
	return smi_watch_add(crew->watch, crew->process[rank].fd, (uint32_t)rank);
}

static bool runs(const struct smi_crew *crew, int rank)
{
	return crew->process[rank].pid > 0;
}

static void reap(struct smi_crew *crew, int rank, bool wait)
{
	int fd = crew->process[rank].fd;

	/* Forked children hold copies of the descriptor, so closing it would not
	 * take it out of the watch. */
	smi_watch_remove(crew->watch, fd);
	if (!smi_process_reap(&crew->process[rank], wait, &crew->status[rank]))
		smi_watch_add(crew->watch, fd, (uint32_t)rank);
}

static void fork_stop(struct smi_crew *crew)
{
	for (int r = 0; r < crew->np; r++)
		if (runs(crew, r))
			smi_process_kill(&crew->process[r], SIGKILL);
	for (int r = 0; r < crew->np; r++)
		if (runs(crew, r))
			reap(crew, r, true);
}

static int fork_start(struct smi_crew *crew)
{
	int r = 0;

	for (int i = 0; i < crew->np; i++)
		crew->status[i] = SMI_STATUS_UNKNOWN;
	smi_process_prepare();
	for (int i = 0; i < crew->np && r >= 0; i++)
		r = start_one(crew, i);
	if (r >= 0)
		return 0;
	fork_stop(crew);
	return r;
}

static bool fork_ended(struct smi_crew *crew, int rank)
{
	if (runs(crew, rank))
		reap(crew, rank, false);
	return !runs(crew, rank);
}

static void fork_release(struct smi_crew *crew)
{
	for (int r = 0; r < crew->np; r++)
		if (runs(crew, r))
			smi_watch_remove(crew->watch, crew->process[r].fd);
}

/* They have said that they are finished; should one not manage to leave, it is
 * made to. */
static void fork_settle(struct smi_crew *crew)
{
	for (int r = 0; r < crew->most; r++) {
		if (!runs(crew, r))
			continue;
		smi_process_kill(&crew->process[r], SIGKILL);
		smi_process_reap(&crew->process[r], true, &crew->status[r]);
	}
}

static void fork_fini(struct smi_crew *crew, bool inherited)
{
	if (!inherited)
		fork_settle(crew);
	for (int r = 0; r < crew->most; r++)
		crew->process[r].fd = smi_close(crew->process[r].fd);
}

const struct smi_backend smi_backend_fork = {
	.name = "fork",
	.forks = true,
	.start = fork_start,
	.ended = fork_ended,
	.stop = fork_stop,
	.release = fork_release,
	.settle = fork_settle,
	.fini = fork_fini,
};
