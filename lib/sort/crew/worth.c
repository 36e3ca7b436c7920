/* SPDX-License-Identifier: MIT */
#include "sort/crew/worth.h"

#include <stdatomic.h>

#include "os/clock.h"

enum {
	SHARE = 18000,       /* ns that a thread must have to do where nothing else counts; */
	NEAR = 100,          /* ns of way that do not count; */
	PER_WAY = 128,       /* ns that each other one counts for: so many lines must come */
	LONGEST_WAY = 1000,  /* ns: an answer that took longer was held up */
	WAKING = 50000,      /* ns that a helper takes to wake until it is measured, */
	LONGEST_WAKING = 100000,
	AGAIN = 10000000,    /* ns between two questions */
	OLD = 1000000000,    /* ns after which an answer is not believed any more */
	TIMES = 5,           /* of a question; the shortest way counts */
	LOOKS = 64           /* looks between two readings of the clock */
};

/* Questions are numbers with the rank of who is asked in the lowest byte. */
static struct {
	_Alignas(64) _Atomic uint32_t asked;
	_Alignas(64) _Atomic uint32_t answered;
	_Alignas(64) _Atomic uint64_t way;    /* means of the last few, in ns */
	_Atomic uint64_t waking;
	_Atomic uint64_t tried, measured;     /* when there was a question; an answer */
	_Atomic uint64_t assumed[2];          /* awake, asleep */
} worth = { .waking = WAKING };

static uint64_t get(const _Atomic uint64_t *p)
{
	return atomic_load_explicit(p, memory_order_relaxed);
}

static void set(_Atomic uint64_t *p, uint64_t value)
{
	atomic_store_explicit(p, value, memory_order_relaxed);
}

static void mix_in(_Atomic uint64_t *mean, uint64_t value)
{
	set(mean, (3 * get(mean) + value) / 4);
}

uint64_t smi_worth_way(void)
{
	uint64_t measured = get(&worth.measured);

	return measured && smi_now() - measured < OLD ? get(&worth.way) : 0;
}

/* What a thread must have to do, in ns. One that wakes late finds less to do, and so less that
 * must come. */
static uint64_t share(bool asleep)
{
	uint64_t assumed = get(&worth.assumed[asleep]), way = smi_worth_way();
	uint64_t waking = asleep ? get(&worth.waking) : 0;

	way = way > NEAR ? (way - NEAR) * PER_WAY : 0;
	return assumed ? assumed : SHARE + (way > waking ? way : waking);
}

int smi_worth_threads(int np, uint64_t ns, bool asleep)
{
	uint64_t threads;

	if (np <= 1 || (ns < 2 * SHARE && !get(&worth.assumed[asleep])))
		return 1;
	threads = ns / share(asleep);
	return threads < 1 ? 1 : threads < (uint64_t)np ? (int)threads : np;
}

void smi_worth_woken(uint64_t ns)
{
	mix_in(&worth.waking, ns < LONGEST_WAKING ? ns : LONGEST_WAKING);
}

/* ns until the answer, or UINT64_MAX: none came. */
static uint64_t ask_once(uint32_t question)
{
	uint64_t begin = smi_now(), end = begin + 4 * LONGEST_WAY;

	atomic_store_explicit(&worth.asked, question, memory_order_release);
	do {
		for (int i = 0; i < LOOKS; i++)
			if (atomic_load_explicit(&worth.answered, memory_order_acquire) == question)
				return smi_now() - begin;
	} while (smi_now() < end);
	return UINT64_MAX;
}

void smi_worth_ask(int np)
{
	uint64_t begin = smi_now(), way, least = LONGEST_WAY + 1;
	uint32_t number = (atomic_load_explicit(&worth.asked, memory_order_relaxed) >> 8) + 1, rank;

	if (begin - get(&worth.tried) < AGAIN)
		return;
	set(&worth.tried, begin);
	rank = 1 + number / TIMES % (uint32_t)(np - 1);
	for (int i = 0; i < TIMES; i++) {
		way = ask_once((number + (uint32_t)i) << 8 | rank);
		if (way == UINT64_MAX)
			return;
		least = way < least ? way : least;
	}
	if (least > LONGEST_WAY)
		return;
	if (get(&worth.measured))
		mix_in(&worth.way, least);
	else
		set(&worth.way, least);
	set(&worth.measured, begin);
}

void smi_worth_answer(int rank)
{
	uint32_t question = atomic_load_explicit(&worth.asked, memory_order_acquire);

	if ((question & 255) == (uint32_t)rank &&
	    atomic_load_explicit(&worth.answered, memory_order_relaxed) != question)
		atomic_store_explicit(&worth.answered, question, memory_order_release);
}

void smi_worth_assume(uint64_t awake, uint64_t asleep)
{
	set(&worth.assumed[false], awake);
	set(&worth.assumed[true], asleep);
}
