/* SPDX-License-Identifier: MIT */
/* When helpers look on, sleep, and are woken. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/futex.h"
#include "sort/crew.h"
#include "sort/job.h"
#include "sort_check.h"
#include "test_sort.h"

static int enter_near_and_leave(void)
{
	struct smi_crew crew = { .np = 1 };
	int np;

	smi_crew_enter_near(&crew, 2);
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
	struct smi_crew crew;
	int tries;

	if (smi_cpus_here() < 2)
		return;
	smi_crew_enter(&crew, 2);
	ck_assert_int_eq(crew.np, 2);
	smi_crew_leave(&crew);
	/* Long asleep, helpers are left so; */
	for (tries = 0; tries < TRIES; tries++) {
		usleep(1000);
		if (enter_near_and_leave() == 1)
			break;
	}
	ck_assert_int_lt(tries, TRIES);
	/* but not for who would have liked them a moment before. */
	for (tries = 0; tries < TRIES; tries++)
		if (enter_near_and_leave() == 1 && enter_near_and_leave() == 2)
			break;
	ck_assert_int_lt(tries, TRIES);
	/* One that has just worked still looks on. */
	for (tries = 0; tries < TRIES; tries++) {
		usleep(1000);
		if (enter_near_and_leave() == 2)
			continue;
		usleep(1000);
		smi_crew_enter(&crew, 2);
		smi_crew_each(&crew, 2, nothing, NULL);
		smi_crew_leave(&crew);
		if (enter_near_and_leave() == 2)
			break;
	}
	ck_assert_int_lt(tries, TRIES);
	/* It is in the way of three on two CPUs. */
	smi_crew_enter_near(&crew, smi_cpus_here() + 1);
	ck_assert_int_eq(crew.np, 1);
	smi_crew_leave(&crew);
}
END_TEST

/* Keys that are done before a helper wakes have one that looks on, and no other. */
START_TEST(few_keys_do_not_wake_a_helper)
{
	enum { TRIES = 1000 };
	struct shared_sort_options o = { .np = 2 };
	int near = 0, asleep = 0;

	if (smi_cpus_here() < 2)
		return;
	for (int tries = 0; tries < TRIES && !(near && asleep); tries++) {
		struct smi_job job = { .crew = { .np = 1 }, .n = SMI_NEAR, .options = &o };

		if (tries % 2)
			usleep(1000);
		smi_job_get_helpers_from(&job, SMI_NEAR + 1);
		near += job.crew.np == 2;
		asleep += job.crew.np == 1;
		smi_crew_leave(&job.crew);
		job = (struct smi_job){ .crew = { .np = 1 }, .n = SMI_NEAR - 1, .options = &o };
		smi_job_get_helpers_from(&job, SMI_NEAR);
		ck_assert_int_eq(job.crew.np, 1);
		smi_job_get_helpers_from(&job, SMI_NEAR - 1);
		ck_assert_int_eq(job.crew.np, 2);
		smi_crew_leave(&job.crew);
	}
	ck_assert_int_gt(near, 0);
	ck_assert_int_gt(asleep, 0);
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
	struct smi_crew crew;

	for (int i = 0; i < steps; i++) {
		smi_crew_enter(&crew, np);
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
	size_t n = SMI_NEAR + 1;

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
	tcase_add_test(tcase, a_helper_is_near_who_comes_again_at_once);
	tcase_add_test(tcase, few_keys_do_not_wake_a_helper);
	tcase_add_test(tcase, helpers_that_are_not_wanted_sleep_on);
	tcase_add_loop_test(tcase, sorts_with_helpers_near_are_right, 0, 2);
	return tcase;
}
