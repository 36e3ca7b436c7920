/* SPDX-License-Identifier: MIT */
#include "team/team.h"

#include <errno.h>
#include <string.h>

#include "os/clock.h"
#include "os/futex.h"
#include "os/io.h"

#define BELL UINT32_MAX
#define GRACE (100 * SMI_MS) /* to leave a critical section in */

int smi_team_init(struct smi_team *team, const struct smi_backend *backend, int np)
{
	int r;

	memset(team, 0, sizeof *team);
	team->backend = backend;
	team->block.file = team->watch = team->bell.fd = -1;
	r = team->watch = smi_watch_open();
	if (r >= 0)
		r = team->bell.fd = smi_bell_open();
	if (r >= 0)
		r = smi_watch_add(team->watch, team->bell.fd, BELL);
	if (r >= 0)
		r = smi_block_init(&team->block, np);
	if (r >= 0)
		r = smi_crew_init(&team->crew, np, team->watch, team->bell.fd, &team->block.head->gate);
	if (r < 0) {
		smi_team_fini(team, false);
		return r;
	}
	team->bell.attention = &team->block.head->attention;
	return 0;
}

void smi_team_fini(struct smi_team *team, bool inherited)
{
	if (team->crew.process)
		team->backend->fini(&team->crew, inherited);
	smi_crew_fini(&team->crew);
	smi_block_fini(&team->block);
	team->bell.fd = smi_close(team->bell.fd);
	team->watch = smi_close(team->watch);
}

void smi_team_prepare(struct smi_team *team, int np)
{
	team->np = team->crew.np = np;
	smi_team_settle(team, atomic_load(&team->block.head->heavy) != 0);
	smi_bell_clear(team->bell.fd);
	smi_block_reset(&team->block, np);
}

int smi_team_start(struct smi_team *team, const struct smi_team_life *life, int *why)
{
	struct smi_crew *crew = &team->crew;
	int r;

	crew->live = life->live;
	crew->settle = life->settle;
	crew->context = life->context;
	crew->succeed = life->succeed;
	crew->group = life->group;
	r = team->backend->start(crew, why);
	team->np = crew->np;
	return r;
}

void smi_team_renew(struct smi_team *team, int rank)
{
	smi_block_renew(&team->block, rank);
}

int smi_team_replace(struct smi_team *team, int rank)
{
	if (!team->backend->replace)
		return -ECHILD;
	return team->backend->replace(&team->crew, rank);
}

bool smi_team_heard(struct smi_team *team, int *rank, int *r)
{
	return team->backend->heard && team->backend->heard(&team->crew, rank, r);
}

bool smi_team_runs(const struct smi_team *team, int rank)
{
	return team->crew.process[rank].pid > 0;
}

int smi_team_wait(struct smi_team *team, uint64_t timeout, int *dead)
{
	uint32_t tag[64];
	int told = smi_watch_wait(team->watch, tag, 64, timeout), ends = 0;

	for (int i = 0; i < told; i++) {
		if (tag[i] == BELL)
			smi_bell_clear(team->bell.fd);
		else if (team->backend->ended(&team->crew, tag[i]))
			dead[ends++] = (int)tag[i];
	}
	return ends;
}

bool smi_team_finished(const struct smi_team *team)
{
	for (int r = 0; r < team->np; r++)
		if (atomic_load_explicit(&team->block.slot[r].phase, memory_order_acquire) != SMI_PHASE_FINISHED)
			return false;
	return true;
}

void smi_team_finish(struct smi_team *team)
{
	for (int r = 0; r < team->np; r++)
		smi_futex_stop(&team->block.slot[r].call);
}

void smi_team_release(struct smi_team *team)
{
	team->backend->release(&team->crew);
}

void smi_team_settle(struct smi_team *team, bool wait)
{
	if (team->backend->settle)
		team->backend->settle(&team->crew, wait);
}

void smi_team_stop(struct smi_team *team)
{
	struct smi_block *block = &team->block;
	struct smi_order order = smi_block_order(block, team->np);

	atomic_store(&block->head->stop, 1);
	smi_critical_stop(&block->head->critical);
	smi_order_stop(&order);
	for (int r = 0; r < team->np; r++)
		smi_pipe_stop(&block->pipe[r]);
	smi_team_finish(team);
	smi_critical_close(&block->head->critical, GRACE);
	team->backend->stop(&team->crew);
}
