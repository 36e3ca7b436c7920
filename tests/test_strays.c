/* SPDX-License-Identifier: MIT */
/* Children that a job has forked, and that do not leave: where exec has failed, or by daemon().
 * They have all that is the worker's, and are none. */
#include "suites.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS = 60, DAEMON_JOB = 13 };
enum way { RETURNS, RETURNS_VALUES, RETURNS_FROM_CRITICAL, RETURNS_FROM_ORDERED, WAYS };

/* In shared memory. */
struct scene {
	int way, inside, children, wrong;
	_Atomic int refused, tried, stray;
	size_t reduced, sum; /* master */
};

/* What a worker may do, and what it is told. */
static void meddle(struct pool_worker *self, struct scene *scene)
{
	const char junk[200] = "junk";

	scene->refused += pool_return(self, junk, 8) != 0;
	scene->refused += pool_return(self, junk, sizeof junk) != 0;
	scene->refused += pool_return_space(self, 8) == NULL;
	scene->refused += pool_critical_begin(self) != 0;
	scene->refused += pool_ordered_begin(self) != 0;
	pool_fail(self, "this is nobody's failure");
}

/* What the worker has begun goes on in the child; its exit status is what it returns. */
static int branch(struct pool_worker *self, size_t job, struct scene *scene)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (scene->way == RETURNS_VALUES)
			meddle(self, scene);
		return (int)(job % 5);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != (int)(job % 5))
		scene->wrong = __LINE__;
	return -1;
}

static int fork_and_return(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;
	int r = 0;

	if (pool_return(self, &job, 4) != 0)
		return 1;
	if (scene->way == RETURNS_FROM_CRITICAL)
		POOL_CRITICAL(self) {
			scene->inside++;
			r = branch(self, job, scene);
			if (r >= 0)
				return r; /* and leaves the section, which is its parent's */
			if (scene->inside-- != 1)
				scene->wrong = __LINE__;
		}
	else if (scene->way == RETURNS_FROM_ORDERED)
		POOL_ORDERED(self) {
			r = branch(self, job, scene);
			if (r >= 0)
				return r;
		}
	else
		r = branch(self, job, scene);
	return r >= 0 ? r : pool_return(self, (char *)&job + 4, 4);
}

static int fork_only(struct pool_worker *self, size_t job, void *arg)
{
	int r = branch(self, job, arg);

	return r >= 0 ? r : 0;
}

static int add(size_t job, const void *value, size_t size, void *arg)
{
	struct scene *scene = arg;

	scene->reduced++;
	scene->sum += job;
	return size != sizeof job || memcmp(value, &job, size) != 0;
}

/* _i: way, and which backend. */
START_TEST(a_child_that_comes_back_from_work_is_no_worker)
{
	static const enum pool_backend backends[] = { POOL_FORK, POOL_THREAD, POOL_SERIAL };

	if (backends[_i / WAYS] == POOL_THREAD && !test_plain())
		return; /* the thread sanitizer does not follow a fork of many threads */
	for (int np = 1; np <= 3; np++)
		for (unsigned retries = 0; retries < 2; retries++) {
			struct scene *scene = test_shared(sizeof *scene);
			struct pool *pool = test_open(&(struct pool_options){
				.np = np, .backend = backends[_i / WAYS], .retries = retries });

			scene->way = _i % WAYS;
			assert_ok(pool, pool_map(pool, JOBS, fork_and_return, add, scene));
			ck_assert_int_eq(scene->wrong, 0);
			ck_assert_uint_eq(scene->reduced, JOBS);
			ck_assert_uint_eq(scene->sum, JOBS * (JOBS - 1) / 2);
			assert_ok(pool, pool_map(pool, JOBS, fork_only, NULL, scene));
			ck_assert_int_eq(scene->wrong, 0);
			ck_assert_int_eq(scene->refused, scene->way == RETURNS_VALUES ? 2 * 5 * JOBS : 0);
			pool_close(pool);
			assert_no_child();
			test_unshare(scene, sizeof *scene);
		}
}
END_TEST

static int fork_in_hook(struct pool_worker *self, void *arg)
{
	return branch(self, 3, arg) == 3 ? 3 : 0;
}

static int return_id(struct pool_worker *self, size_t job, void *arg)
{
	(void)arg;
	return pool_return(self, &job, sizeof job);
}

START_TEST(nor_is_one_that_comes_back_from_a_hook)
{
	struct scene *scene = test_shared(sizeof *scene);
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .worker_begin = fork_in_hook,
		.worker_end = fork_in_hook, .hook_arg = scene });

	assert_ok(pool, pool_map(pool, JOBS, return_id, add, scene));
	ck_assert_int_eq(scene->wrong, 0);
	ck_assert_uint_eq(scene->reduced, JOBS);
	pool_close(pool);
	assert_no_child();
	test_unshare(scene, sizeof *scene);
}
END_TEST

/* The worker is the one who leaves, and its child goes on. */
static int become_a_daemon(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;

	if (job == DAEMON_JOB && scene->tried++ == 0) {
		if (daemon(1, 1) != 0)
			return 1;
		scene->stray = getpid();
	}
	return return_id(self, job, arg);
}

START_TEST(nor_is_a_daemon)
{
	for (int i = 0; i < 20; i++) {
		struct scene *scene = test_shared(sizeof *scene);
		struct pool *pool = test_open(&(struct pool_options){ .np = 1 + i % 3, .retries = 1 });

		assert_ok(pool, pool_map(pool, JOBS, become_a_daemon, add, scene));
		ck_assert_uint_eq(scene->reduced, JOBS);
		ck_assert_uint_eq(scene->sum, JOBS * (JOBS - 1) / 2);
		pool_close(pool);
		ck_assert(test_await(&scene->stray, 1, 10));
		while (waitpid(scene->stray, NULL, WNOHANG) == 0)
			test_nap(1e-3);
		assert_no_child();
		test_unshare(scene, sizeof *scene);
	}
}
END_TEST

Suite *strays_suite(void)
{
	Suite *suite = suite_create("strays");
	TCase *test = test_case(suite, "strays", 60);

	tcase_add_loop_test(test, a_child_that_comes_back_from_work_is_no_worker, 0, 3 * WAYS);
	tcase_add_test(test, nor_is_one_that_comes_back_from_a_hook);
	tcase_add_test(test, nor_is_a_daemon);
	return suite;
}
