/* SPDX-License-Identifier: MIT */
/* The crew: see crew.h.
 *
 * `ticket` says everything about the step that is under way: its number in
 * the upper half, the parts not yet taken in the lower one. To take a part is
 * to lower the ticket by one in a compare-and-swap. work, arg, parts, arithmetic and np
 * change only while no part is left and none is unfinished; so whoever read
 * them after a ticket with parts left, and then lowers that very ticket, has
 * read the values of its step. */
#include "sort/crew/crew.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/futex.h"
#include "sort/crew/arithmetic.h"
#include "sort/crew/worth.h"

enum {
	HELPERS = 255,
	SPIN_NS = 30000,     /* how long who has nothing to do looks on, */
	TAKEN_NS = 200000,   /* and before that, while the crew is taken */
	LOOKS = 32,          /* looks between two readings of the clock */
};

static struct {
	atomic_bool taken;
	int helpers;                     /* started; changed by who took the crew */
	pid_t owner;                     /* whose they are */
	cpu_set_t cpus[HELPERS];         /* where each was told to run; none: wherever it was born */
	pthread_t helper[HELPERS];

	_Alignas(64) _Atomic uint64_t ticket;
	_Atomic smi_part_fn work;
	void *_Atomic arg;
	_Atomic size_t parts;
	_Atomic uint64_t arithmetic;
	_Atomic int np;

	_Atomic uint64_t missed;                   /* when somebody left who had missed helpers, */
	_Atomic uint64_t woken;                    /* when they were woken last */

	_Alignas(64) _Atomic uint32_t unfinished;  /* parts that have not returned */
	_Atomic uint32_t waiting;                  /* the caller sleeps on `unfinished` */
	_Alignas(64) _Atomic uint32_t asleep;      /* 1: some helper sleeps on this word, or there is none */
	_Atomic uint32_t dismissed;                /* 1: so does one that the last step had no use for */
} crew = { .asleep = 1 };

/* Does parts of the present step until none is left to take. */
static void work_on(int rank)
{
	uint64_t ticket = atomic_load_explicit(&crew.ticket, memory_order_acquire);

	while ((uint32_t)ticket) {
		smi_part_fn work = atomic_load_explicit(&crew.work, memory_order_relaxed);
		void *arg = atomic_load_explicit(&crew.arg, memory_order_relaxed);
		size_t parts = atomic_load_explicit(&crew.parts, memory_order_relaxed);
		uint64_t arithmetic = atomic_load_explicit(&crew.arithmetic, memory_order_relaxed);

		if (rank >= atomic_load_explicit(&crew.np, memory_order_relaxed))
			return;
		if (!atomic_compare_exchange_weak_explicit(&crew.ticket, &ticket, ticket - 1,
							   memory_order_acq_rel,
							   memory_order_acquire))
			continue;
		if (rank > 0)
			smi_arithmetic_set(arithmetic);
		work(arg, parts - (uint32_t)ticket, rank);
		if (atomic_fetch_sub(&crew.unfinished, 1) == 1 && atomic_load(&crew.waiting))
			smi_futex_wake(&crew.unfinished, 1);
		ticket = atomic_load_explicit(&crew.ticket, memory_order_acquire);
	}
}

/* Whether the last step was for so many threads. */
static bool is_wanted(int rank)
{
	(void)atomic_load(&crew.ticket); /* np goes with it */
	return rank < atomic_load(&crew.np);
}

static bool work_for(int rank)
{
	return (uint32_t)atomic_load(&crew.ticket) != 0 && rank < atomic_load(&crew.np);
}

/* Until somebody wakes those who sleep on this word. Either we see the step that comes now,
 * or its giver sees the word. */
static void sleep_on(_Atomic uint32_t *word, int rank, bool (*seen)(int rank))
{
	uint64_t begin, woken;

	atomic_store(word, 1);
	if (seen(rank))
		return;
	begin = smi_now();
	smi_futex_wait(word, 1, UINT64_MAX);
	woken = atomic_load_explicit(&crew.woken, memory_order_relaxed);
	if (woken > begin)
		smi_worth_woken(smi_now() - woken);
}

static void wake_from(_Atomic uint32_t *word)
{
	if (!atomic_load(word) || !atomic_exchange(word, 0))
		return;
	atomic_store_explicit(&crew.woken, smi_now(), memory_order_relaxed);
	smi_futex_wake(word, INT32_MAX);
}

/* Looks on for a while, unless there are fewer CPUs than threads: then whoever
 * looks on is in the way. */
static void look_on(int rank)
{
	uint64_t begin = smi_now(), t = begin, hoped = begin;

	if (atomic_load_explicit(&crew.np, memory_order_relaxed) > smi_cpus_here())
		return;
	for (; t - hoped < SPIN_NS; t = smi_now()) {
		for (int i = 0; i < LOOKS; i++) {
			if (work_for(rank))
				return;
			smi_worth_answer(rank);
			smi_pause();
		}
		if (atomic_load_explicit(&crew.taken, memory_order_relaxed) && t - begin < TAKEN_NS)
			hoped = t;
	}
}

static void *help(void *arg)
{
	int rank = (int)(intptr_t)arg;

	for (;;) {
		work_on(rank);
		if (!is_wanted(rank)) {
			sleep_on(&crew.dismissed, rank, is_wanted);
			continue;
		}
		look_on(rank);
		if (!work_for(rank))
			sleep_on(&crew.asleep, rank, work_for);
	}
	return NULL;
}

/* In a forked child there are no helpers, and the crew may look taken by a thread that
 * is not there either. One that was made without fork(), and so without this, goes on
 * alone. */
static void forget_parent(void)
{
	crew.helpers = 0;
	crew.owner = 0;
	atomic_store(&crew.ticket, 0);
	atomic_store(&crew.unfinished, 0);
	atomic_store(&crew.waiting, 0);
	atomic_store(&crew.asleep, 1);
	atomic_store(&crew.dismissed, 0);
	atomic_store(&crew.taken, false);
}

/* Not before there is need: each child of a program that never sorts so would run it.
 * One that is being forked by another thread in this very moment may miss it. */
static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, forget_parent);
}

/* Starts helpers until there are np - 1, or no more can be had; they get no
 * signals. */
static void start_helpers(int np)
{
	sigset_t all, before;
	pthread_attr_t attr;

	if (crew.helpers >= np - 1 || pthread_attr_init(&attr))
		return;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (crew.helpers < np - 1 &&
	       pthread_create(&crew.helper[crew.helpers], &attr, help, (void *)(intptr_t)(crew.helpers + 1)) == 0)
		CPU_ZERO(&crew.cpus[crew.helpers++]);
	crew.owner = getpid();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
}

/* Those who help now run where the caller may run, but, if there is another, not on the CPU
 * where it does. The kernel may wake one there although another CPU is idle, and leave
 * it waiting for the caller to give way, which takes milliseconds. */
static void keep_off(int cpu, int helpers)
{
	cpu_set_t cpus;

	if (cpu < 0 || sched_getaffinity(0, sizeof cpus, &cpus) != 0)
		return;
	if (CPU_COUNT(&cpus) > 1)
		CPU_CLR(cpu, &cpus);
	for (int i = 0; i < helpers; i++) {
		if (CPU_EQUAL(&crew.cpus[i], &cpus))
			continue;
		pthread_setaffinity_np(crew.helper[i], sizeof cpus, &cpus);
		crew.cpus[i] = cpus;
	}
}

static pthread_once_t watched = PTHREAD_ONCE_INIT;

/* Takes it, if nobody has it, and starts np - 1 helpers, if these can be had. */
static void take(struct smi_crew *self, int np)
{
	pthread_once(&watched, watch_forks);
	if (self->np <= 1 && atomic_exchange(&crew.taken, true))
		return;
	/* The threads of a parent that made this process without fork() are not there. */
	if (crew.owner == 0 || crew.owner == getpid()) {
		start_helpers(np <= HELPERS + 1 ? np : HELPERS + 1);
		self->np = crew.helpers + 1 < np ? crew.helpers + 1 : np;
	}
	if (self->np <= 1)
		atomic_store(&crew.taken, false);
	else if (self->np <= smi_cpus_here())
		keep_off(sched_getcpu(), self->np - 1);
}

void smi_crew_enter(struct smi_crew *self, int np, uint64_t ns)
{
	bool looks_on = np <= smi_cpus_here() && !atomic_load_explicit(&crew.asleep, memory_order_relaxed);
	int worth = smi_worth_threads(np, ns, !looks_on), near;

	if (!looks_on && worth <= self->np && np <= smi_cpus_here()) {
		near = smi_worth_threads(np, ns, false);
		self->missed |= near > self->np;
		if (near > self->np &&
		    smi_now() < atomic_load_explicit(&crew.missed, memory_order_relaxed) + SPIN_NS)
			worth = near;
	}
	if (worth > self->np)
		take(self, worth);
}

void smi_crew_leave(struct smi_crew *self)
{
	if (self->np > 1) {
		if (self->np <= smi_cpus_here())
			smi_worth_ask(self->np);
		atomic_store(&crew.taken, false);
	} else if (self->missed) {
		atomic_store_explicit(&crew.missed, smi_now(), memory_order_relaxed);
	}
	*self = (struct smi_crew){ .np = 1 };
}

/* Until the parts that helpers have begun are done. */
static void await_parts(void)
{
	uint64_t end = smi_now() + SPIN_NS;
	uint32_t left;

	while (atomic_load_explicit(&crew.unfinished, memory_order_acquire)) {
		for (int i = 0; i < LOOKS && atomic_load(&crew.unfinished); i++)
			smi_pause();
		if (smi_now() < end)
			continue;
		atomic_store(&crew.waiting, 1);
		left = atomic_load(&crew.unfinished);
		if (left)
			smi_futex_wait(&crew.unfinished, left, UINT64_MAX);
		atomic_store(&crew.waiting, 0);
	}
}

void smi_crew_each(const struct smi_crew *self, size_t parts, smi_part_fn work, void *arg)
{
	uint64_t step;
	int before;

	if (self->np <= 1 || parts <= 1) {
		for (size_t i = 0; i < parts; i++)
			work(arg, i, 0);
		return;
	}
	step = (atomic_load_explicit(&crew.ticket, memory_order_relaxed) >> 32) + 1;
	atomic_store_explicit(&crew.work, work, memory_order_relaxed);
	atomic_store_explicit(&crew.arg, arg, memory_order_relaxed);
	atomic_store_explicit(&crew.parts, parts, memory_order_relaxed);
	atomic_store_explicit(&crew.arithmetic, smi_arithmetic(), memory_order_relaxed);
	before = atomic_exchange_explicit(&crew.np, self->np, memory_order_relaxed);
	atomic_store_explicit(&crew.unfinished, (uint32_t)parts, memory_order_relaxed);
	atomic_store(&crew.ticket, step << 32 | parts);
	if (self->np > before)
		wake_from(&crew.dismissed);
	wake_from(&crew.asleep);
	work_on(0);
	await_parts();
}
