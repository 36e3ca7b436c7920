/* SPDX-License-Identifier: MIT */
/* Workers are threads, kept from run to run. Each waits on a word of its own, `run`,
 * which the master raises for the ranks that take part, and lives once for each
 * time. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "os/clock.h"
#include "os/futex.h"
#include "os/level.h"

/* How long a thread that has finished a run looks for the next one before it
 * sleeps, where every worker has a CPU: back to back, waking costs ten times it. */
#define LINGER (20 * SMI_US)

/* Threads that have said they are finished leave in a moment. */
#define YIELDS 20

struct smi_threads {
	_Atomic uint32_t busy; /* threads of this run that still live it */
	int started, level;
	bool linger;
	struct smi_crew *crew;
	struct one {
		alignas(64) _Atomic uint32_t run; /* counts by SMI_NEWS; SMI_STOP: leave. Written by the master */
		_Atomic uint32_t asleep;          /* written by the thread */
		struct smi_threads *team;
		pthread_t thread;
		int rank;
	} *one;
};

/* A while without sleeping: true when the word has moved on. */
static bool linger(struct one *one, uint32_t last)
{
	uint64_t until = smi_now() + LINGER;

	do {
		for (int i = 0; i < 50; i++) {
			if (atomic_load_explicit(&one->run, memory_order_acquire) != last)
				return true;
			smi_pause();
		}
		sched_yield();
	} while (smi_now() < until);
	return false;
}

static uint32_t wait_for_run(struct one *one, uint32_t last)
{
	if (!one->team->linger || !linger(one, last)) {
		atomic_store(&one->asleep, 1);
		while (atomic_load(&one->run) == last)
			smi_futex_wait(&one->run, last, UINT64_MAX);
		atomic_store(&one->asleep, 0);
	}
	return atomic_load(&one->run);
}

static void start_run(struct one *one)
{
	atomic_fetch_add(&one->run, SMI_NEWS);
	if (atomic_load(&one->asleep))
		smi_futex_wake(&one->run, 1);
}

static void *thread_life(void *arg)
{
	struct one *one = arg;
	struct smi_threads *team = one->team;
	uint32_t run = 0;

	smi_worker_level_set(team->level + 1);
	while (!((run = wait_for_run(one, run)) & SMI_STOP)) {
		team->crew->live(team->crew->context, one->rank);
		if (atomic_fetch_sub(&team->busy, 1) == 1)
			smi_futex_wake(&team->busy, 1);
	}
	return NULL;
}

static struct smi_threads *open_threads(struct smi_crew *crew)
{
	struct smi_threads *team = calloc(1, sizeof *team);

	if (!team)
		return NULL;
	team->crew = crew;
	team->level = smi_worker_level();
	team->linger = crew->most <= smi_cpus_here();
	team->one = aligned_alloc(64, (size_t)crew->most * sizeof *team->one);
	if (team->one) {
		memset(team->one, 0, (size_t)crew->most * sizeof *team->one);
		return team;
	}
	free(team);
	return NULL;
}

/* Signals are for the program's own threads. */
static int start_thread(struct smi_threads *team, int rank)
{
	struct one *one = &team->one[rank];
	sigset_t all, mask;
	int r;

	one->team = team;
	one->rank = rank;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mask);
	r = pthread_create(&one->thread, NULL, thread_life, one);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	return -r;
}

/* Threads for all ranks, or as many as there can be. */
static int start_threads(struct smi_threads *team, int np)
{
	int r = 0;

	while (team->started < np && r == 0) {
		r = start_thread(team, team->started);
		team->started += r == 0;
	}
	return r;
}

static int thread_start(struct smi_crew *crew, int *why)
{
	struct smi_threads *team = crew->threads ? crew->threads : (crew->threads = open_threads(crew));
	int r;

	if (!team)
		return -ENOMEM;
	r = start_threads(team, crew->np);
	if (r < 0 && team->started == 0)
		return r;
	if (r < 0) {
		*why = -r;
		crew->np = team->started;
		crew->settle(crew->context, crew->np);
	}
	atomic_store(&team->busy, (uint32_t)crew->np);
	for (int i = 0; i < crew->np; i++)
		start_run(&team->one[i]);
	return r < 0;
}

static bool thread_ended(struct smi_crew *crew, uint32_t tag)
{
	(void)tag;
	return atomic_load(&crew->threads->busy) == 0;
}

/* The words that they may sleep on carry SMI_STOP already. */
static void thread_wait(struct smi_crew *crew)
{
	uint32_t busy;

	for (int i = 0; crew->threads && (busy = atomic_load(&crew->threads->busy)) > 0; i++) {
		if (i < YIELDS)
			sched_yield();
		else
			smi_futex_wait(&crew->threads->busy, busy, UINT64_MAX);
	}
}

static void thread_fini(struct smi_crew *crew, bool inherited)
{
	struct smi_threads *team = crew->threads;

	if (!team)
		return;
	crew->threads = NULL;
	/* fork() took only the thread that called it. */
	if (!inherited) {
		for (int i = 0; i < team->started; i++)
			smi_futex_stop(&team->one[i].run);
		for (int i = 0; i < team->started; i++)
			pthread_join(team->one[i].thread, NULL);
	}
	free(team->one);
	free(team);
}

const struct smi_backend smi_backend_thread = {
	.name = "thread",
	.start = thread_start,
	.ended = thread_ended,
	.stop = thread_wait,
	.release = thread_wait,
	.fini = thread_fini,
};
