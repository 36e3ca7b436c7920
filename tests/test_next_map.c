/* SPDX-License-Identifier: MIT */
/* Maps one after another: the workers of one leave while the next ones start. */
#include "suites.h"
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { NP = 6 };

enum { HEAVY = 8 << 20, MAPS = 50 };

/* A process with memory of its own takes a while to go. */
static int hold_memory(struct pool_worker *self, void *arg)
{
	char *memory = mmap(NULL, HEAVY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)self, (void)arg;
	if (memory == MAP_FAILED)
		return 1;
	madvise(memory, HEAVY, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < HEAVY; i += 4096)
		((volatile char *)memory)[i] = 1;
	return 0;
}

static int do_nothing(struct pool_worker *self, size_t job, void *arg)
{
	(void)self, (void)job, (void)arg;
	return 0;
}

/* Descriptors suffice for one map's workers, and not for those of two. */
static int map_with_few_descriptors(void *arg)
{
	int np = *(int *)arg, fd[3 + NP], last = 0;
	struct rlimit limit;
	struct pool *pool;

	for (int i = 0; i < 3 + np; i++)
		last = fd[i] = dup(0);
	for (int i = 0; i < 3 + np; i++)
		close(fd[i]);
	limit.rlim_cur = limit.rlim_max = (rlim_t)last + 1;
	REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	pool = pool_open(&(struct pool_options){ .np = np, .worker_begin = hold_memory });
	REQUIRE(pool);
	for (int i = 0; i < MAPS; i++) {
		REQUIRE(pool_map(pool, 100, do_nothing, NULL, NULL) == POOL_OK);
		REQUIRE(!pool_error(pool)->message[0]);
	}
	pool_close(pool);
	return 0;
}

START_TEST(maps_one_after_another_need_no_more_than_each)
{
	for (int np = 1; np <= NP; np += NP - 1)
		ck_assert_int_eq(in_child(map_with_few_descriptors, &np, 30), 0);
}
END_TEST

static bool locks_only;
static _Atomic int *before; /* the last map's worker */

/* It is let go of when its process ends. */
static int lock_file(struct pool_worker *self, size_t job, void *arg)
{
	int fd = open(arg, O_RDWR);

	(void)job;
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
		return pool_fail(self, "it is locked: %s", strerror(errno));
	if (locks_only)
		return 0;
	if (*before != 0 && kill(*before, 0) == 0)
		return pool_fail(self, "the last worker is still there");
	*before = getpid();
	return hold_memory(self, NULL);
}

/* _i: without, with memory that takes a while to give back. */
START_TEST(no_job_misses_what_a_worker_of_the_last_map_held)
{
	char path[] = "/tmp/sharedmem-start-XXXXXX";
	struct pool *pool = test_open(&(struct pool_options){ .np = 1, .backend = POOL_FORK });
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	locks_only = _i == 0;
	before = test_shared(sizeof *before);
	for (int i = 0; i < (locks_only ? 10 * MAPS : MAPS); i++)
		assert_ok(pool, pool_map(pool, 1, lock_file, NULL, path));
	pool_close(pool);
	test_unshare((void *)before, sizeof *before);
	unlink(path);
}
END_TEST

Suite *next_map_suite(void)
{
	Suite *suite = suite_create("next map");
	TCase *test = test_case(suite, "next map", 40);

	tcase_add_test(test, maps_one_after_another_need_no_more_than_each);
	tcase_add_loop_test(test, no_job_misses_what_a_worker_of_the_last_map_held, 0, 2);
	return suite;
}
