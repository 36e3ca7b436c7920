/* SPDX-License-Identifier: MIT */
/* One run of workers after another: start, hear, stop. A team belongs to one pool
 * and is used by the thread that runs the pool's map; only the words in its block
 * are anybody else's. */
#ifndef SMI_TEAM_TEAM_H
#define SMI_TEAM_TEAM_H

#include "backend/backend.h"
#include "pipe/bell.h"
#include "team/block.h"

struct smi_team {
	const struct smi_backend *backend;
	struct smi_crew crew;
	struct smi_block block;
	struct smi_bell bell;
	int watch, np;
};

/* For runs of up to `np` workers. 0 or negative errno. */
int smi_team_init(struct smi_team *team, const struct smi_backend *backend, int np);

/* Ends what is left. `inherited`: in a forked child; only gives back memory and
 * descriptors. */
void smi_team_fini(struct smi_team *team, bool inherited);

/* Makes the block ready for a run with `np` workers. What it held is gone. */
void smi_team_prepare(struct smi_team *team, int np);

/* What the workers of a run do. */
struct smi_team_life {
	void (*live)(void *context, int rank); /* a worker's life */
	void (*settle)(void *context, int np); /* there are only so many: before any lives */
	void *context;
	bool succeed; /* workers that end before they are finished may have to be replaced */
	bool group;   /* each leads a process group, and what is in it ends with it */
};

/* Starts the workers, all of them (0) or fewer (1; team->np, and *why, an errno).
 * Negative errno: none runs. */
int smi_team_start(struct smi_team *team, const struct smi_team_life *life, int *why);

/* Waits up to `timeout` ns for a ring of the bell or the end of a worker; stores
 * the ranks that have ended in dead[np]. Returns their number. */
int smi_team_wait(struct smi_team *team, uint64_t timeout, int *dead);

/* Makes the slot of a rank that has ended ready for a successor, and its inbox empty. */
void smi_team_renew(struct smi_team *team, int rank);

/* Asks for that successor. 0: asked, -EAGAIN: not now, other negative errno: there
 * will be none. */
int smi_team_replace(struct smi_team *team, int rank);

/* What has become of one that was asked for: its rank, and 0, -EAGAIN (ask again) or
 * other negative errno. False: no news. */
bool smi_team_heard(struct smi_team *team, int *rank, int *r);

/* Whether the process of this rank is there. */
bool smi_team_runs(const struct smi_team *team, int rank);

/* Whether all workers have said that they are finished. */
bool smi_team_finished(const struct smi_team *team);

/* Tells the idle that no more will come: they are to finish. */
void smi_team_finish(struct smi_team *team);

/* All have said so: lets them go. */
void smi_team_release(struct smi_team *team);

/* Whom release let go is gone: those who are still leaving are ended. Unless `wait`, they
 * may take their time for that. */
void smi_team_settle(struct smi_team *team, bool wait);

/* Ends the run early: refuses and wakes all who wait, gives who is in a critical section
 * 100 ms to leave it, kills (threads: awaits) all who run. Afterwards none runs. */
void smi_team_stop(struct smi_team *team);

#endif
