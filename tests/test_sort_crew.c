/* SPDX-License-Identifier: MIT */
/* Where the threads of a sort run, and that they are free again. */
#include <check.h>
#include <dirent.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sharedmem.h>

#include "sort/crew/crew.h"
#include "sort/radix.h"
#include "sort_check.h"
#include "test_sort.h"

enum { N = 100000, STRAIGHT = 1 << 19 };

/* The CPUs of the one other thread that there is. */
static void other_thread(cpu_set_t *set)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	int found = 0;

	ck_assert_ptr_nonnull(tasks);
	while ((entry = readdir(tasks)) != NULL) {
		int tid = atoi(entry->d_name);

		if (tid == 0 || tid == getpid())
			continue;
		ck_assert_int_eq(sched_getaffinity(tid, sizeof *set, set), 0);
		found++;
	}
	closedir(tasks);
	ck_assert_int_eq(found, 1);
}

static void sort_by_two(struct buffers *b)
{
	struct shared_sort_options o = { .np = 2 };

	ck_assert_int_eq(shared_argsort(b->keys, N, SHARED_INT32, b->order, &o), 0);
	ck_assert(is_stable_order(b->keys, N, SHARED_INT32, false, b->order));
}

START_TEST(a_helper_keeps_off_the_callers_cpu)
{
	cpu_set_t all, now, its, both;
	struct buffers b;
	int cpu = 0;

	ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
	if (CPU_COUNT(&all) < 2 || STRANGERS)
		return;
	buffers_init(&b, N);
	make_keys(b.keys, N, SHARED_INT32, UNIFORM, 1);
	for (int round = 0; round < 20; round++) {
		cpu_set_t one;

		/* It goes from CPU to CPU, and may be moved again at any time. */
		do
			cpu = (cpu + 1) % CPU_SETSIZE;
		while (!CPU_ISSET(cpu, &all));
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
		ck_assert_int_eq(sched_setaffinity(0, sizeof all, &all), 0);
		sort_by_two(&b);
		other_thread(&its);
		CPU_AND(&both, &its, &all);
		ck_assert(CPU_EQUAL(&both, &its));
		ck_assert_int_eq(CPU_COUNT(&its), CPU_COUNT(&all) - 1);
		ck_assert_int_eq(sched_getaffinity(0, sizeof now, &now), 0);
		ck_assert(CPU_EQUAL(&now, &all));
	}
	buffers_fini(&b);
}
END_TEST

/* Whoever sorts next has helpers, too. */
START_TEST(the_crew_is_free_after_each_sort)
{
	static const enum shared_type types[] = { SHARED_INT16, SHARED_INT32, SHARED_FLOAT64 };
	static const size_t sizes[] = { N, STRAIGHT, N };
	struct shared_sort_options o = { .np = 2 };
	struct smi_crew crew = { .np = 1 };
	struct buffers b;

	buffers_init(&b, STRAIGHT);
	for (int shape = 0; shape < SHAPES; shape++)
		for (int type = 0; type < 3; type++) {
			make_keys(b.keys, sizes[type], types[type], shape, 1);
			reference_order(b.keys, sizes[type], types[type], false, b.expected);
			ck_assert_ptr_null(sort_wrong(&b, sizes[type], types[type], &o));
			smi_crew_enter(&crew, 2, SMI_CREW_MUCH);
			ck_assert_int_eq(crew.np, 2);
			smi_crew_leave(&crew);
		}
	buffers_fini(&b);
}
END_TEST

START_TEST(a_helper_goes_where_the_caller_may_go)
{
	cpu_set_t all, its, mine;
	struct buffers b;
	int cpu;

	ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
	if (CPU_COUNT(&all) < 2 || STRANGERS)
		return;
	buffers_init(&b, N);
	make_keys(b.keys, N, SHARED_INT32, UNIFORM, 1);
	sort_by_two(&b);
	/* On one CPU only, which is the helper's: both share it. */
	other_thread(&mine);
	for (int c = 0, left = 1; c < CPU_SETSIZE; c++)
		if (CPU_ISSET(c, &mine) && left-- <= 0)
			CPU_CLR(c, &mine);
	ck_assert_int_eq(sched_setaffinity(0, sizeof mine, &mine), 0);
	sort_by_two(&b);
	other_thread(&its);
	ck_assert(CPU_EQUAL(&its, &mine));
	/* Free again: each has its own, though the caller has not moved perhaps. */
	ck_assert_int_eq(sched_setaffinity(0, sizeof all, &all), 0);
	do {
		cpu = sched_getcpu();
		sort_by_two(&b);
	} while (cpu != sched_getcpu());
	other_thread(&its);
	ck_assert_int_eq(CPU_COUNT(&its), CPU_COUNT(&all) - 1);
	ck_assert(!CPU_ISSET(cpu, &its));
	buffers_fini(&b);
}
END_TEST

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34) && !defined(__SANITIZE_THREAD__)
/* A child made without fork() still has the parent's threads in its tables. */
START_TEST(a_child_leaves_its_parents_helpers_alone)
{
	cpu_set_t all, before, after;
	struct buffers b;
	int status;
	pid_t pid;

	ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
	buffers_init(&b, N);
	make_keys(b.keys, N, SHARED_INT32, UNIFORM, 1);
	sort_by_two(&b);
	other_thread(&before);
	pid = _Fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct shared_sort_options o = { .np = 2 };
		int r = 0;

		for (int cpu = 0; cpu < CPU_SETSIZE && r == 0; cpu++) {
			cpu_set_t one;

			if (!CPU_ISSET(cpu, &all))
				continue;
			CPU_ZERO(&one);
			CPU_SET(cpu, &one);
			sched_setaffinity(0, sizeof one, &one);
			sched_setaffinity(0, sizeof all, &all);
			r = shared_argsort(b.keys, N, SHARED_INT32, b.expected, &o);
			r |= memcmp(b.order, b.expected, N * sizeof *b.order);
		}
		_exit(r ? 1 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	other_thread(&after);
	ck_assert(CPU_EQUAL(&before, &after));
	buffers_fini(&b);
}
END_TEST
#endif

START_TEST(threads_may_have_several_parts)
{
	static const int np[] = { 2, 3, 17 }; /* 4, 3 and 1 parts each */
	struct buffers b;
	size_t n = 9 * SMI_PART + 1;

	buffers_init(&b, n);
	check_many(&b, n, _i ? SHARED_UINT32 : SHARED_FLOAT64, _i ? UNIFORM : EXTREMES, np[_i], _i == 1);
	buffers_fini(&b);
}
END_TEST

TCase *sort_crew_tests(void)
{
	TCase *tcase = tcase_create("crew");

	tcase_add_checked_fixture(tcase, share_all, NULL);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_helper_keeps_off_the_callers_cpu);
	tcase_add_test(tcase, the_crew_is_free_after_each_sort);
	tcase_add_test(tcase, a_helper_goes_where_the_caller_may_go);
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34) && !defined(__SANITIZE_THREAD__)
	tcase_add_test(tcase, a_child_leaves_its_parents_helpers_alone);
#endif
	tcase_add_loop_test(tcase, threads_may_have_several_parts, 0, 3);
	return tcase;
}
