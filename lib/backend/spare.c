/* SPDX-License-Identifier: MIT */
#include "backend/spare.h"

#include <errno.h>
#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/futex.h"
#include "os/io.h"
#include "os/mapping.h"

#define SPARES 2
#define NOTHING (-1)

/* A spare that has not answered for so long is ended, at once when it is stopped. */
#define PATIENCE (2 * SMI_S)
#define PATIENCE_STOPPED (20 * SMI_MS)

/* In shared memory. `order` is set by the master and cleared by the spare. */
struct words {
	alignas(64) _Atomic uint32_t order; /* 0: none; rank + 1; most + 1 + k: the spare k anew */
	_Atomic int32_t born;               /* pid, stored by the kernel */
	_Atomic int32_t refused;            /* errno */
};

struct smi_spares {
	struct words *words;
	smi_spare_life life;
	pid_t master;
	struct smi_process process[SPARES];
	int asked[SPARES]; /* whose successor; most + k: the spare k; NOTHING */
	uint64_t since[SPARES];
};

/* Whom a spare makes is not to close them once more. */
static void let_go(struct smi_crew *crew)
{
	for (int r = 0; r < 2 * crew->most; r++)
		crew->process[r].fd = smi_close(crew->process[r].fd);
	for (int k = 0; k < SPARES; k++)
		crew->spares->process[k].fd = smi_close(crew->spares->process[k].fd);
	crew->watch = smi_close(crew->watch);
}

static void live(struct smi_crew *crew, int k) __attribute__((noreturn));

/* What ps shows: a spare that waits, and one that is making somebody, which goes by
 * that name too until it runs. */
#define WAITS "pool-spare"
#define MAKES "pool-birth"
static char program[16];

/* Makes what was ordered. In the child that is born it does not return. */
static void carry_out(struct smi_crew *crew, struct words *words, uint32_t order)
{
	int r;

	prctl(PR_SET_NAME, MAKES);
	r = smi_process_fork_sibling(crew->spares->master, &words->born);
	if (r != 0) {
		if (r < 0)
			atomic_store(&words->refused, -r);
		prctl(PR_SET_NAME, WAITS);
		return;
	}
	if (order > (uint32_t)crew->most)
		live(crew, (int)order - 1 - crew->most);
	prctl(PR_SET_NAME, program);
	crew->spares->life(crew, (int)order - 1);
}

static void live(struct smi_crew *crew, int k)
{
	struct words *words = &crew->spares->words[k];

	let_go(crew);
	smi_process_hear_signals(atomic_load(&crew->gate->handled));
	prctl(PR_SET_NAME, WAITS);
	for (;;) {
		uint32_t order = atomic_load(&words->order);

		if (order == 0) {
			smi_futex_wait(&words->order, 0, UINT64_MAX);
			continue;
		}
		carry_out(crew, words, order);
		atomic_store(&words->order, 0);
		smi_bell_ring(crew->bell);
	}
}

static struct smi_spares *open_spares(void)
{
	struct smi_spares *spares = calloc(1, sizeof *spares);

	if (!spares)
		return NULL;
	spares->words = smi_map_shared(SPARES * sizeof *spares->words);
	if (spares->words)
		return spares;
	free(spares);
	return NULL;
}

static void reset(struct smi_spares *spares, int k)
{
	atomic_store(&spares->words[k].order, 0);
	atomic_store(&spares->words[k].born, 0);
	atomic_store(&spares->words[k].refused, 0);
	spares->asked[k] = NOTHING;
}

static int start_one(struct smi_crew *crew, int k)
{
	struct smi_spares *spares = crew->spares;
	int r = smi_process_fork(&spares->process[k]);

	if (r == 0) {
		prctl(PR_GET_NAME, program);
		live(crew, k);
	}
	return r < 0 ? r : smi_watch_add(crew->watch, spares->process[k].fd, SMI_SPARE_TAG + (uint32_t)k);
}

int smi_spares_start(struct smi_crew *crew, smi_spare_life life)
{
	struct smi_spares *spares = crew->spares ? crew->spares : (crew->spares = open_spares());
	int r = smi_process_have_pidfd() ? 0 : -ENOSYS;

	if (!spares)
		return -ENOMEM;
	spares->life = life;
	spares->master = getpid();
	for (int k = 0; k < SPARES; k++)
		reset(spares, k);
	for (int k = 0; k < SPARES && r >= 0; k++)
		r = start_one(crew, k);
	if (r < 0)
		smi_spares_stop(crew, true);
	return r < 0 ? r : 0;
}

static bool runs(const struct smi_spares *spares, int k)
{
	return spares && spares->process[k].pid > 0;
}

static void order(struct smi_crew *crew, int k, int what)
{
	struct words *words = &crew->spares->words[k];

	atomic_store(&words->born, 0);
	atomic_store(&words->refused, 0);
	crew->spares->asked[k] = what;
	crew->spares->since[k] = smi_now();
	atomic_store(&words->order, (uint32_t)what + 1);
	smi_futex_wake(&words->order, 1);
}

int smi_spares_ask(struct smi_crew *crew, int rank)
{
	bool any = false;

	for (int k = 0; k < SPARES; k++) {
		if (!runs(crew->spares, k))
			continue;
		any = true;
		if (crew->spares->asked[k] == NOTHING) {
			order(crew, k, rank);
			return 0;
		}
	}
	/* Another one may be about to be born. */
	return any || smi_spares_busy(crew) ? -EAGAIN : -ECHILD;
}

bool smi_spares_busy(const struct smi_crew *crew)
{
	for (int k = 0; crew->spares && k < SPARES; k++)
		if (crew->spares->asked[k] != NOTHING)
			return true;
	return false;
}

/* Takes charge of what was born. */
static int adopt(struct smi_crew *crew, int what, pid_t pid)
{
	struct smi_process *process = what < crew->most ? &crew->process[what] :
							  &crew->spares->process[what - crew->most];
	uint32_t tag = what < crew->most ? (uint32_t)what : SMI_SPARE_TAG + (uint32_t)(what - crew->most);
	int r = smi_process_adopt(process, pid), status;

	if (r < 0)
		return r;
	r = smi_watch_add(crew->watch, process->fd, tag);
	if (r < 0) {
		smi_process_kill(process, SIGKILL);
		smi_process_reap(process, true, &status);
		return r;
	}
	if (what < crew->most && crew->group)
		smi_process_group(process);
	return 0;
}

/* What has become of the order that spare k was given. */
static int outcome(struct smi_crew *crew, int k)
{
	struct words *words = &crew->spares->words[k];
	int what = crew->spares->asked[k];
	pid_t born = atomic_load(&words->born);
	int refused = atomic_load(&words->refused);

	crew->spares->asked[k] = NOTHING;
	/* It may have died before it could: its successor is not to do it again. */
	atomic_store(&words->order, 0);
	if (born > 0)
		return adopt(crew, what, born);
	return refused > 0 ? -refused : -EAGAIN;
}

/* A dead spare is made anew by the other one, one that does not answer is ended. */
static void look_after(struct smi_crew *crew, int k)
{
	struct smi_spares *spares = crew->spares;
	int other = 1 - k;
	uint64_t waited = spares->asked[k] == NOTHING ? 0 : smi_now() - spares->since[k];

	if (!runs(spares, k) && runs(spares, other) && spares->asked[other] == NOTHING)
		order(crew, other, crew->most + k);
	else if (waited > PATIENCE || (waited > PATIENCE_STOPPED && smi_process_stopped(&spares->process[k])))
		smi_process_kill(&spares->process[k], SIGKILL);
}

bool smi_spares_hear(struct smi_crew *crew, int *rank, int *r)
{
	struct smi_spares *spares = crew->spares;

	for (int k = 0; spares && k < SPARES; k++) {
		int what = spares->asked[k];

		if (what == NOTHING || (runs(spares, k) && atomic_load(&spares->words[k].order) != 0))
			continue;
		*r = outcome(crew, k);
		*rank = what;
		if (what < crew->most)
			return true;
	}
	for (int k = 0; spares && k < SPARES; k++)
		look_after(crew, k);
	return false;
}

void smi_spares_ended(struct smi_crew *crew, uint32_t tag)
{
	struct smi_process *process = &crew->spares->process[tag - SMI_SPARE_TAG];
	int status;

	smi_watch_remove(crew->watch, process->fd);
	if (!smi_process_reap(process, false, &status))
		smi_watch_add(crew->watch, process->fd, tag);
}

/* Somebody was born of an order whose outcome nobody has heard. */
static void end_unheard(struct smi_crew *crew, int k)
{
	struct smi_process process = { .fd = -1 };
	pid_t born = atomic_load(&crew->spares->words[k].born);
	int status;

	if (crew->spares->asked[k] == NOTHING)
		return;
	crew->spares->asked[k] = NOTHING;
	if (born > 0 && smi_process_adopt(&process, born) == 0) {
		smi_process_kill(&process, SIGKILL);
		smi_process_reap(&process, true, &status);
	}
}

void smi_spares_stop(struct smi_crew *crew, bool wait)
{
	struct smi_spares *spares = crew->spares;
	int status;

	wait |= smi_spares_busy(crew);
	for (int k = 0; k < SPARES; k++)
		if (runs(spares, k))
			smi_process_kill(&spares->process[k], SIGKILL);
	for (int k = 0; k < SPARES; k++) {
		if (!runs(spares, k))
			continue;
		smi_watch_remove(crew->watch, spares->process[k].fd);
		if (wait)
			smi_process_reap(&spares->process[k], true, &status);
	}
	for (int k = 0; spares && wait && k < SPARES; k++)
		end_unheard(crew, k);
}

void smi_spares_fini(struct smi_crew *crew)
{
	if (!crew->spares)
		return;
	for (int k = 0; k < SPARES; k++)
		crew->spares->process[k].fd = smi_close(crew->spares->process[k].fd);
	smi_unmap(crew->spares->words, SPARES * sizeof *crew->spares->words);
	free(crew->spares);
	crew->spares = NULL;
}
