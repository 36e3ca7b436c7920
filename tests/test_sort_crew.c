/* SPDX-License-Identifier: MIT */
/* Where the threads of a sort run. */
#include <check.h>
#include <dirent.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include <sharedmem.h>

#include "sort_check.h"
#include "test_sort.h"

enum { N = 100000 };

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
	int cpu = 0, off;

	ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
	if (CPU_COUNT(&all) < 2)
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
	/* One that may run on one CPU only shares that, wherever it was. */
	for (off = 0; !CPU_ISSET(off, &all) || CPU_ISSET(off, &its); off++)
		;
	CPU_ZERO(&now);
	CPU_SET(off, &now);
	ck_assert_int_eq(sched_setaffinity(0, sizeof now, &now), 0);
	sort_by_two(&b);
	ck_assert_int_eq(sched_setaffinity(0, sizeof all, &all), 0);
	buffers_fini(&b);
}
END_TEST

TCase *sort_crew_tests(void)
{
	TCase *tcase = tcase_create("crew");

	tcase_add_test(tcase, a_helper_keeps_off_the_callers_cpu);
	return tcase;
}
