/* SPDX-License-Identifier: MIT */
/* The crew: see crew.h.
 *
 * `ticket` says everything about the step that is under way: its number in
 * the upper half, the parts not yet taken in the lower one. To take a part is
 * to lower the ticket by one in a compare-and-swap. work, arg, parts and np
 * change only while no part is left and none is unfinished; so whoever read
 * them after a ticket with parts left, and then lowers that very ticket, has
 * read the values of its step. */
#include "sort/crew.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "os/futex.h"

enum {
	HELPERS = 255,
	SPIN_NS = 30000,     /* how long who has nothing to do looks on */
	LOOKS = 32,          /* looks between two readings of the clock */
};

static struct {
	atomic_flag taken;
	_Atomic pid_t owner;             /* whose threads the helpers are */
	int helpers;                     /* started; changed by who took the crew */

	_Alignas(64) _Atomic uint64_t ticket;
	_Atomic smi_part_fn work;
	void *_Atomic arg;
	_Atomic size_t parts;
	_Atomic int np;

	_Alignas(64) _Atomic uint32_t unfinished;  /* parts that have not returned */
	_Alignas(64) _Atomic uint32_t asleep;      /* 1: some helper sleeps on this word */
} crew = { .taken = ATOMIC_FLAG_INIT };

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Does parts of the present step until none is left to take. */
static void work_on(int rank)
{
	uint64_t ticket = atomic_load_explicit(&crew.ticket, memory_order_acquire);

	while ((uint32_t)ticket) {
		smi_part_fn work = atomic_load_explicit(&crew.work, memory_order_relaxed);
		void *arg = atomic_load_explicit(&crew.arg, memory_order_relaxed);
		size_t parts = atomic_load_explicit(&crew.parts, memory_order_relaxed);

		if (rank >= atomic_load_explicit(&crew.np, memory_order_relaxed))
			return;
		if (!atomic_compare_exchange_weak_explicit(&crew.ticket, &ticket, ticket - 1,
							   memory_order_acq_rel,
							   memory_order_acquire))
			continue;
		work(arg, parts - (uint32_t)ticket, rank);
		/* Release: what the part wrote is seen by who sees it done. */
		if (atomic_fetch_sub_explicit(&crew.unfinished, 1, memory_order_release) == 1)
			smi_futex_wake_if_needed(&crew.unfinished);
		ticket = atomic_load_explicit(&crew.ticket, memory_order_acquire);
	}
}
