/* SPDX-License-Identifier: MIT */
#include "sync/ordered.h"

#include <sched.h>

#include "os/clock.h"
#include "os/futex.h"

#define SPINS 2000

/* How often a waiter gives way before it sleeps, and what is long for that to take: a
 * long time is DOUBT doubts, a turn that comes in time one less; with DOUBTS_MOST the
 * next SLEEPS waits sleep at once. */
#define YIELDS 10
#define LONG (100 * SMI_US)
#define DOUBT 16
#define DOUBTS_MOST 64
#define SLEEPS 256

/* A job that skips its section raises `low` with a plain store and may miss a
 * waiter that goes to sleep in the same nanoseconds: the waiter looks again. */
#define LOOK_AGAIN (2 * SMI_MS)

void smi_order_init(const struct smi_order *order, bool ascending)
{
	atomic_store(&order->shared->sleepers, 0);
	atomic_store(&order->shared->moves, 0);
	for (int w = 0; w < order->np; w++) {
		struct smi_turn *turn = smi_order_turn(order, w);

		atomic_store(&turn->low, ascending ? SMI_ORDER_NONE : 0);
		atomic_store(&turn->wants, SMI_ORDER_NONE);
		atomic_store(&turn->nudge, 0);
		turn->doubts = turn->sleeps = 0;
	}
}

/* Whether the turn of `id` has come. `first` is where the last look failed, and
 * this one begins. */
static bool has_come(const struct smi_order *order, int rank, uint64_t id, int *first)
{
	uint32_t moves = atomic_load(&order->shared->moves);

	for (int i = 0; i < order->np; i++) {
		int w = *first + i < order->np ? *first + i : *first + i - order->np;

		if (w != rank && atomic_load(&smi_order_turn(order, w)->low) <= id) {
			*first = w;
			return false;
		}
	}
	return atomic_load(&order->shared->moves) == moves;
}

/* A turn that has come may go again, when the one below dies and is to be run once
 * more. Whoever wants a turn counts as asleep until then, so: no longer wanting it,
 * one more look. */
static bool is_still_there(const struct smi_order *order, struct smi_turn *mine, int rank, uint64_t id, int *first)
{
	atomic_store(&mine->wants, SMI_ORDER_NONE);
	if (has_come(order, rank, id, first))
		return true;
	atomic_store(&mine->wants, id);
	return false;
}

static int sleep_until(const struct smi_order *order, int rank, uint64_t id, int *first)
{
	struct smi_turn *mine = smi_order_turn(order, rank);
	int r = 1;

	atomic_store(&mine->wants, id);
	atomic_fetch_add(&order->shared->sleepers, 1);
	while (r == 1) {
		uint32_t seen = atomic_load(&mine->nudge);

		if (has_come(order, rank, id, first) && is_still_there(order, mine, rank, id, first))
			r = 0;
		else if (seen & SMI_STOP)
			r = -1;
		else
			smi_futex_wait(&mine->nudge, seen, LOOK_AGAIN);
	}
	atomic_fetch_sub(&order->shared->sleepers, 1);
	atomic_store(&mine->wants, SMI_ORDER_NONE);
	atomic_fetch_add_explicit(&mine->waited, 1, memory_order_relaxed);
	return r;
}

static bool spin_until(const struct smi_order *order, int rank, uint64_t id, int *first)
{
	for (int i = 0; i < SPINS; i++) {
		if (has_come(order, rank, id, first))
			return true;
		smi_pause();
	}
	return false;
}

/* Too often it was long until this CPU was ours again: for a while no more of it. */
static bool doubts_it(struct smi_turn *mine)
{
	mine->doubts += DOUBT;
	if (mine->doubts <= DOUBTS_MOST)
		return false;
	mine->doubts = DOUBTS_MOST;
	mine->sleeps = SLEEPS;
	return true;
}

/* Where workers outnumber CPUs, whoever is to pass first may be ready to run on this
 * very one: to give way costs a quarter of a sleep and the wake of an idle CPU. But who
 * runs long is interrupted for one who wakes, and not for one who has given way. */
static bool give_way(const struct smi_order *order, int rank, uint64_t id, int *first)
{
	struct smi_turn *mine = smi_order_turn(order, rank);
	uint64_t now, then = smi_now();

	if (mine->sleeps > 0) {
		mine->sleeps--;
		return has_come(order, rank, id, first);
	}
	for (int i = 0; i < YIELDS; i++, then = now) {
		if (has_come(order, rank, id, first)) {
			mine->doubts -= mine->doubts > 0;
			return true;
		}
		sched_yield();
		now = smi_now();
		if (now - then > LONG && doubts_it(mine))
			break;
	}
	return has_come(order, rank, id, first);
}

int smi_order_enter(const struct smi_order *order, int rank, uint64_t id, bool spin)
{
	int first = rank + 1 < order->np ? rank + 1 : 0;

	if (spin ? spin_until(order, rank, id, &first) : give_way(order, rank, id, &first))
		return 0;
	return sleep_until(order, rank, id, &first);
}

/* Only the sleeper with the lowest id can be next. */
void smi_order_wake(const struct smi_order *order)
{
	uint64_t lowest = SMI_ORDER_NONE;
	struct smi_turn *next = NULL;

	for (int w = 0; w < order->np; w++) {
		struct smi_turn *turn = smi_order_turn(order, w);
		uint64_t wants = atomic_load(&turn->wants);

		if (wants < lowest) {
			lowest = wants;
			next = turn;
		}
	}
	if (!next)
		return;
	atomic_fetch_add(&next->nudge, SMI_NEWS);
	smi_futex_wake(&next->nudge, 1);
}

bool smi_order_waits(const struct smi_order *order, int rank)
{
	uint64_t id = atomic_load(&smi_order_turn(order, rank)->wants);
	int first = 0;

	return id != SMI_ORDER_NONE && !has_come(order, rank, id, &first);
}

void smi_order_leave(const struct smi_order *order, int rank, uint64_t low)
{
	/* Seen before the look at the sleepers, so that none is missed. */
	atomic_store(&smi_order_turn(order, rank)->low, low);
	if (atomic_load(&order->shared->sleepers) != 0)
		smi_order_wake(order);
}

void smi_order_moved(const struct smi_order *order)
{
	atomic_fetch_add(&order->shared->moves, 1);
}

void smi_order_move(const struct smi_order *order, int rank, uint64_t low)
{
	smi_order_moved(order);
	smi_order_leave(order, rank, low);
}

void smi_order_stop(const struct smi_order *order)
{
	for (int w = 0; w < order->np; w++)
		smi_futex_stop(&smi_order_turn(order, w)->nudge);
}
