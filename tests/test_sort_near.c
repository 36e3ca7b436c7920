/* SPDX-License-Identifier: MIT */
/* When helpers look on, sleep, and are woken. */
#include <check.h>
#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/futex.h"
#include "sort/crew/crew.h"
#include "sort/crew/worth.h"
#include "sort_check.h"
#include "test_sort.h"

/* Work that is worth a helper that looks on, and none that sleeps. */
enum { WORK = 50000, AWAKE = 20000, ASLEEP = 30000 };

static void near_only(void)
{
	smi_worth_assume(AWAKE, ASLEEP);
}

static int enter_and_leave(void)
{
	struct smi_crew crew = { .np = 1 };
	int np;

	smi_crew_enter(&crew, 2, WORK);
	np = crew.np;
	smi_crew_leave(&crew);
	return np;
}

static void nothing(void *arg, size_t part, int rank)
{
	(void)arg, (void)part, (void)rank;
}

/* Whoever tests may be held up at any time, so what must happen is only awaited. */
START_TEST(a_helper_is_near_who_comes_again_at_once)
{
	enum { TRIES = 1000 };
	struct smi_crew crew = { .np = 1 };
	int tries;

	if (smi_cpus_here() < 2)
		return;
	smi_crew_enter(&crew, 2, SMI_CREW_MUCH);
	ck_assert_int_eq(crew.np, 2);
	smi_crew_leave(&crew);
	/* Long asleep, helpers are left so; */
	for (tries = 0; tries < TRIES; tries++) {
		usleep(1000);
		if (enter_and_leave() == 1)
			break;
	}
	ck_assert_int_lt(tries, TRIES);
	/* but not for who would have liked them a moment before. */
	for (tries = 0; tries < TRIES; tries++)
		if (enter_and_leave() == 1 && enter_and_leave() == 2)
			break;
	ck_assert_int_lt(tries, TRIES);
	/* One that has just worked still looks on. */
	for (tries = 0; tries < TRIES; tries++) {
		usleep(1000);
		if (enter_and_leave() == 2)
			continue;
		usleep(1000);
		smi_crew_enter(&crew, 2, SMI_CREW_MUCH);
		smi_crew_each(&crew, 2, nothing, NULL);
		smi_crew_leave(&crew);
		if (enter_and_leave() == 2)
			break;
	}
	ck_assert_int_lt(tries, TRIES);
	/* It is in the way of three on two CPUs. */
	smi_crew_enter(&crew, smi_cpus_here() + 1, WORK);
	ck_assert_int_eq(crew.np, 1);
	smi_crew_leave(&crew);
}
END_TEST

START_TEST(a_crew_grows_for_more_work)
{
	struct smi_crew crew = { .np = 1 }, other = { .np = 1 };

	smi_crew_enter(&crew, 8, ASLEEP);
	ck_assert_int_eq(crew.np, 1);
	smi_crew_enter(&crew, 8, 3 * ASLEEP);
	ck_assert_int_eq(crew.np, 3);
	smi_crew_enter(&crew, 8, 2 * ASLEEP);
	ck_assert_int_eq(crew.np, 3);
	smi_crew_enter(&crew, 8, SMI_CREW_MUCH);
	ck_assert_int_eq(crew.np, 8);
	smi_crew_enter(&other, 8, SMI_CREW_MUCH);
	ck_assert_int_eq(other.np, 1);
	smi_crew_leave(&other);
	smi_crew_leave(&crew);
	smi_crew_enter(&other, 2, SMI_CREW_MUCH);
	ck_assert_int_eq(other.np, 2);
	smi_crew_leave(&other);
}
END_TEST

START_TEST(work_is_worth_as_many_threads_as_have_enough_to_do)
{
	smi_worth_assume(1000, 3000);
	ck_assert_int_eq(smi_worth_threads(8, 1999, false), 1);
	ck_assert_int_eq(smi_worth_threads(8, 2000, false), 2);
	ck_assert_int_eq(smi_worth_threads(8, 7999, false), 7);
	ck_assert_int_eq(smi_worth_threads(8, 7999, true), 2);
	ck_assert_int_eq(smi_worth_threads(8, UINT64_MAX, true), 8);
	ck_assert_int_eq(smi_worth_threads(1, UINT64_MAX, false), 1);
	smi_worth_assume(0, 0);
	ck_assert_int_eq(smi_worth_threads(2, 1000, false), 1);
	ck_assert_int_eq(smi_worth_threads(INT32_MAX, UINT64_MAX, true), INT32_MAX);
	/* Helpers that wake at once cost nothing more, and those that do not, no more than ... */
	for (int i = 0; i < 100; i++)
		smi_worth_woken(0);
	ck_assert_int_eq(smi_worth_threads(1000, 1000000, true), smi_worth_threads(1000, 1000000, false));
	for (int i = 0; i < 100; i++)
		smi_worth_woken(UINT64_MAX);
	ck_assert_int_lt(smi_worth_threads(1000, 1000000, true), smi_worth_threads(1000, 1000000, false));
	ck_assert_int_eq(smi_worth_threads(2, 250000, true), 2);
}
END_TEST

/* Until as many have come as there are parts, or for 10 ms. */
static void meet(void *arg, size_t part, int rank)
{
	_Atomic int *here = arg;
	uint64_t end = smi_now() + 10 * SMI_MS;

	(void)part, (void)rank;
	atomic_fetch_add(here, 1);
	while (atomic_load(here) < 2 && smi_now() < end)
		smi_pause();
}

/* Sorts ask one who looks on, and believe the answer for a while. Under TSan it comes too late. */
START_TEST(how_far_a_helper_is_away_is_known)
{
	enum { TRIES = 1000, MOST = 1000, OLD = 1100000 /* us */ };
	struct smi_crew crew = { .np = 1 };
	int tries;

	if (smi_cpus_here() < 2 || STRANGERS)
		return;
	ck_assert_uint_eq(smi_worth_way(), 0);
	for (tries = 0; tries < TRIES && smi_worth_way() == 0; tries++) {
		_Atomic int here = 0;

		smi_crew_enter(&crew, 2, SMI_CREW_MUCH);
		smi_crew_each(&crew, 2, meet, &here);
		smi_crew_leave(&crew);
		usleep(10000); /* it is not asked sooner again */
	}
	ck_assert_int_lt(tries, TRIES);
	ck_assert_uint_le(smi_worth_way(), MOST);
	usleep(OLD);
	ck_assert_uint_eq(smi_worth_way(), 0);
}
END_TEST

/* How often each other thread has slept; how many there are. */
static int sleeps(unsigned long *count, int most)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	int found = 0;

	ck_assert_ptr_nonnull(tasks);
	while ((entry = readdir(tasks)) != NULL) {
		char path[300], line[200];
		FILE *status;

		if (atoi(entry->d_name) == 0 || atoi(entry->d_name) == getpid())
			continue;
		ck_assert_int_lt(found, most);
		snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
		status = fopen(path, "r");
		ck_assert_ptr_nonnull(status);
		while (fgets(line, sizeof line, status))
			if (sscanf(line, "voluntary_ctxt_switches: %lu", &count[found]) == 1)
				found++;
		fclose(status);
	}
	closedir(tasks);
	return found;
}

static void steps_by(int np, int steps, unsigned pause)
{
	struct smi_crew crew = { .np = 1 };

	for (int i = 0; i < steps; i++) {
		smi_crew_enter(&crew, np, SMI_CREW_MUCH);
		ck_assert_int_eq(crew.np, np);
		smi_crew_each(&crew, 4 * (size_t)np, nothing, NULL);
		smi_crew_leave(&crew);
		usleep(pause);
	}
}

/* After a sort by many threads one by two leaves the others asleep. */
START_TEST(helpers_that_are_not_wanted_sleep_on)
{
	enum { MANY = 6, MOST = 16, STEPS = 50, PAUSE = 500 };
	unsigned long before[MOST], after[MOST];
	int woke = 0;

	if (STRANGERS)
		return;
	steps_by(MANY, STEPS, 0);
	steps_by(2, STEPS, PAUSE);
	ck_assert_int_eq(sleeps(before, MOST), MANY - 1);
	steps_by(2, STEPS, PAUSE);
	ck_assert_int_eq(sleeps(after, MOST), MANY - 1);
	for (int i = 0; i < MANY - 1; i++)
		woke += after[i] != before[i];
	ck_assert_int_le(woke, 1);
	steps_by(MANY, STEPS, PAUSE);
	woke = 0;
	sleeps(before, MOST);
	for (int i = 0; i < MANY - 1; i++)
		woke += after[i] != before[i];
	ck_assert_int_ge(woke, 3);
}
END_TEST

/* One sort at once after the other: the last ones have helpers. */
START_TEST(sorts_with_helpers_near_are_right)
{
	enum { TIMES = 4 };
	static const enum shape shapes[] = { SORTED, REVERSED, PIPE, FEW, ZIPF, NEARLY };
	struct buffers b;
	size_t n = 140001; /* light work of 56 us */

	buffers_init(&b, n);
	for (int shape = 0; shape < 6; shape++)
		for (int type = _i; type < TYPES; type += 2) {
			struct shared_sort_options o = { .np = 2, .descending = shape % 2 };

			make_keys(b.keys, n, type, shapes[shape], 1);
			reference_order(b.keys, n, type, o.descending, b.expected);
			for (int i = 0; i < TIMES; i++)
				ck_assert_int_eq(shared_argsort(b.keys, n, type, b.order, &o), 0);
			ck_assert_int_eq(memcmp(b.order, b.expected, n * sizeof *b.order), 0);
			for (int i = 0; i < TIMES; i++) {
				memcpy(b.sorted, b.keys, n * type_size(type));
				ck_assert_int_eq(shared_sort(b.sorted, n, type, &o), 0);
			}
			ck_assert(is_taken(b.sorted, b.keys, type_size(type), b.expected, n));
		}
	buffers_fini(&b);
}
END_TEST

TCase *sort_near_tests(void)
{
	TCase *tcase = tcase_create("near");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, near_only, NULL);
	tcase_add_test(tcase, a_helper_is_near_who_comes_again_at_once);
	tcase_add_test(tcase, a_crew_grows_for_more_work);
	tcase_add_test(tcase, work_is_worth_as_many_threads_as_have_enough_to_do);
	tcase_add_test(tcase, how_far_a_helper_is_away_is_known);
	tcase_add_test(tcase, helpers_that_are_not_wanted_sleep_on);
	tcase_add_loop_test(tcase, sorts_with_helpers_near_are_right, 0, 2);
	return tcase;
}
