/* SPDX-License-Identifier: MIT */
/* kill_group, worker_memory, and critical sections whose holder dies: repair. */
#include "suites.h"
#include "testing.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* In shared memory. */
struct scene {
	int way;
	_Atomic int started, pids[40], tried[200], inside, entered_in_repair, repairs;
	int halves[2]; /* guarded: equal when in order */
	size_t wrong;
};

enum { NORMAL_END, CRASH, TIMEOUT, FAILURE, CANCEL, RETIRE, WAYS };

/* Each job leaves a child that would sleep for long, and a grandchild. */
static int leave_children(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;
	pid_t pid = fork();

	(void)self;
	if (!pid) {
		pid = fork();
		scene->pids[scene->started++] = getpid();
		for (;;)
			test_nap(1);
	}
	if (job != 5)
		return 0;
	if (!test_await(&scene->started, 2, 5))
		return 2;
	switch (scene->way) {
	case CRASH: kill(getpid(), SIGKILL); break;
	case TIMEOUT: case CANCEL:
		for (;;)
			test_nap(1);
	case FAILURE: return 1;
	}
	return 0;
}

/* What was orphaned is ours to reap: the processes that still run. */
static int count_running(const struct scene *scene)
{
	int running = 0;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	for (int i = 0; i < scene->started; i++)
		running += kill(scene->pids[i], 0) == 0;
	return running;
}

static pid_t cancel_soon(struct scene *scene, struct pool *pool)
{
	pid_t pid = scene->way == CANCEL ? fork() : -1;

	if (!pid) {
		/* Those of a worker that has ended may be gone before they tell of themselves. */
		test_await(&scene->started, 2, 10);
		test_nap(30e-3);
		pool_cancel(pool);
		_exit(0);
	}
	return pid;
}

/* _i: way x kill_group. */
START_TEST(what_jobs_started_dies_with_a_group_and_only_then)
{
	static const int wanted[] = { POOL_OK, POOL_CRASHED, POOL_TIMED_OUT, POOL_FAILED, POOL_CANCELLED, POOL_OK };
	struct scene *scene = test_shared(sizeof *scene);
	bool group = _i / WAYS;
	struct pool *pool = test_open(&(struct pool_options){ .np = 3, .kill_group = group, .chunk = 1,
		.job_timeout = _i % WAYS == TIMEOUT ? 0.1 : 0, .jobs_per_worker = _i % WAYS == RETIRE ? 2 : 0 });
	pid_t helper;
	double end;

	scene->way = _i % WAYS;
	helper = cancel_soon(scene, pool);
	assert_status(pool, wanted[scene->way], pool_map(pool, 6, leave_children, NULL, scene));
	pool_close(pool);
	if (helper > 0)
		waitpid(helper, NULL, 0);
	if (group) {
		/* A signal that was sent takes a moment to be felt. */
		end = test_now() + 10;
		while (count_running(scene) > 0 && test_now() < end)
			test_nap(1e-3);
		ck_assert_int_eq(count_running(scene), 0);
	} else {
		test_nap(20e-3);
		ck_assert_int_gt(count_running(scene), 0);
	}
	/* Some may not have told of themselves yet. */
	while (waitpid(-1, NULL, WNOHANG) >= 0) {
		for (int i = 0; i < scene->started; i++)
			if (scene->pids[i] > 0)
				kill(scene->pids[i], SIGKILL);
		test_nap(1e-3);
	}
	test_unshare(scene, sizeof *scene);
}
END_TEST

static char *array;

static int want_memory(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;
	size_t most = (size_t)64 << 20;
	char *some = malloc(most / 2), *much = malloc(2 * most), *shared;

	if (scene->tried[job]++ == 0 && job % 3 == 0)
		kill(getpid(), SIGKILL); /* successors have the same limit */
	if (!some || much)
		return pool_fail(self, "half: %p, twice: %p", (void *)some, (void *)much);
	memset(some, 1, most / 2);
	free(some);
	shared = mmap(NULL, 4 * most, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return pool_fail(self, "no shared memory");
	shared[most] = 1;
	munmap(shared, 4 * most);
	array[job] = 3;
	return pool_return(self, &job, sizeof job);
}

START_TEST(worker_memory_fails_mallocs_of_jobs_alone)
{
	struct scene *scene;
	struct pool *pool;
	void *much;

	/* Sanitizers take more for themselves than any limit leaves. */
	if (test_slow())
		return;
	scene = test_shared(sizeof *scene);
	pool = test_open(&(struct pool_options){ .np = 3, .worker_memory = (size_t)64 << 20, .retries = 1 });
	array = shared_empty(100, 1);
	assert_ok(pool, pool_map(pool, 100, want_memory, NULL, scene));
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(array[i], 3);
	much = malloc((size_t)128 << 20);
	ck_assert_ptr_nonnull(much);
	free(much);
	shared_free(array);
	pool_close(pool);
	test_unshare(scene, sizeof *scene);
}
END_TEST

/* Jobs that change both halves; every tenth dies between them, the first time or always. */
static int change_halves(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;
	int before = scene->tried[job]++;

	POOL_CRITICAL(self) {
		if (scene->inside++)
			scene->wrong = __LINE__;
		if (scene->halves[0] != scene->halves[1])
			scene->wrong = __LINE__;
		scene->halves[0]++;
		if (job % 10 == 3 && (before == 0 || scene->way & 4)) {
			while (scene->way & 1)
				test_nap(1); /* until it has run for too long */
			kill(getpid(), SIGKILL);
		}
		scene->halves[1]++;
		scene->inside--;
	}
	return pool_return(self, &job, sizeof job);
}

static struct scene *repaired;

static int repair(const struct pool_error *death, void *arg)
{
	struct scene *scene = arg;
	enum pool_status wanted = scene->way & 1 ? POOL_TIMED_OUT : POOL_CRASHED;
	char name[40];

	snprintf(name, sizeof name, "job %zu ", death->job);
	repaired = scene; /* on the master, or nobody will see it */
	test_nap(3e-3); /* others may try to come in */
	if (death->status != wanted || death->job % 10 != 3 || death->pid <= 0 || death->rank < 0 ||
	    !strstr(death->message, name) || death->code != (scene->way & 1 ? SIGTERM : SIGKILL) || !death->backtrace)
		scene->wrong = __LINE__;
	if (scene->inside != 1 || scene->halves[0] != scene->halves[1] + 1)
		scene->wrong = __LINE__;
	scene->repairs++;
	if (scene->way & 2)
		return 9;
	scene->halves[0] = scene->halves[1];
	scene->inside = 0;
	return 0;
}

/* _i: way bits: 1 by timeout, 2 repair refuses, 4 dies always; 8 no repair. */
START_TEST(a_death_in_critical_taints_unless_it_is_repaired)
{
	for (int np = 1; np < 9; np += 3)
		for (int i = 0; i < 2; i++) {
			struct scene *scene = test_shared(sizeof *scene);
			struct pool *pool = test_open(&(struct pool_options){ .np = np, .retries = i ? 1 : 2,
				.on_failure = POOL_CONTINUE, .in_order = i, .job_timeout = _i & 1 ? 0.05 : 0,
				.repair = _i & 8 ? NULL : repair, .hook_arg = scene });
			bool taints = _i & (2 | 8);
			size_t failed = 0;
			int status;

			scene->way = _i & 7;
			repaired = NULL;
			status = pool_map(pool, 40, change_halves, NULL, scene);
			ck_assert_uint_eq(scene->wrong, 0);
			ck_assert_msg(status == (taints ? POOL_TAINTED : _i & 4 ? POOL_INCOMPLETE : POOL_OK), "%s: %s",
				      pool_status_name(status), pool_error(pool)->message);
			ck_assert((repaired == scene) == !(_i & 8));
			pool_failures(pool, &failed);
			if (taints) {
				ck_assert_uint_eq(pool_error(pool)->job % 10, 3);
				ck_assert_int_eq(pool_error(pool)->code, _i & 1 ? SIGTERM : SIGKILL);
				ck_assert_int_eq(scene->repairs, !(_i & 8));
				assert_no_child();
			} else {
				ck_assert_uint_eq(failed, _i & 4 ? 4 : 0);
				ck_assert_int_eq(scene->repairs, _i & 4 ? 4 * (i ? 2 : 3) : 4);
				ck_assert_int_eq(scene->halves[0], _i & 4 ? 36 : 40);
				ck_assert_int_eq(scene->halves[1], scene->halves[0]);
			}
			assert_usable(pool);
			pool_close(pool);
			test_unshare(scene, sizeof *scene);
		}
}
END_TEST

/* With no retries and POOL_STOP a repaired death still ends the map, but as a crash. */
START_TEST(a_repaired_death_is_an_ordinary_one)
{
	struct scene *scene = test_shared(sizeof *scene);
	struct pool *pool = test_open(&(struct pool_options){ .np = 3, .repair = repair, .hook_arg = scene });
	const char *message;

	assert_status(pool, POOL_CRASHED, pool_map(pool, 40, change_halves, NULL, scene));
	assert_no_child();
	message = strstr(pool_error(pool)->message, "replay");
	ck_assert(message && !strstr(message + 1, "replay"));
	ck_assert_uint_eq(scene->wrong, 0);
	ck_assert_int_ge(scene->repairs, 1);
	pool_close(pool);
	test_unshare(scene, sizeof *scene);
}
END_TEST

enum ending { ENOUGH, OTHER_FAILS, OTHER_CRASHES, CANCELLED, REDUCE_FAILS, ENDINGS };
static const int ended_as[] = { POOL_OK, POOL_FAILED, POOL_CRASHED, POOL_CANCELLED, POOL_REDUCE_FAILED };

struct hold {
	_Atomic int inside;
	int ending, halves[2], repairs;
	double seconds; /* inside */
	struct pool *pool;
};

static int hold_and_end(struct pool_worker *self, size_t job, void *arg)
{
	struct hold *hold = arg;

	if (job == 1) {
		POOL_CRITICAL(self) {
			hold->halves[0]++;
			hold->inside = 1;
			test_nap(hold->seconds);
			hold->halves[1]++;
		}
		/* It is ended before it gets anywhere else. */
		while (pool_critical_begin(self) == 0)
			pool_critical_end(self);
		return 0;
	}
	test_await(&hold->inside, 1, 10);
	if (hold->ending == OTHER_CRASHES)
		abort();
	if (hold->ending == CANCELLED)
		pool_cancel(hold->pool);
	return hold->ending == OTHER_FAILS;
}

static int end_map(size_t job, const void *value, size_t size, void *arg)
{
	struct hold *hold = arg;

	(void)job, (void)value, (void)size;
	return hold->ending == ENOUGH ? POOL_ENOUGH : hold->ending == REDUCE_FAILS ? 5 : 0;
}

static int repair_halves(const struct pool_error *death, void *arg)
{
	struct hold *hold = arg;

	hold->repairs += death->job == 1 && death->code == SIGKILL;
	hold->halves[1] = hold->halves[0];
	return 0;
}

/* _i: how it ends; whether there is a repair. */
START_TEST(a_map_that_ends_gives_time_to_leave_critical)
{
	enum ending ending = (enum ending)(_i % ENDINGS);
	bool mends = _i >= ENDINGS;

	for (int late = 0; late < 2; late++) {
		struct hold *hold = test_shared(sizeof *hold);
		struct pool *pool = test_open(&(struct pool_options){ .np = 2, .chunk = 1,
			.repair = mends ? repair_halves : NULL, .hook_arg = hold });
		bool tainted = late && !mends;
		double start = test_now();

		hold->ending = ending;
		hold->seconds = late ? 30 : 0.02;
		hold->pool = pool;
		assert_status(pool, tainted && ending == ENOUGH ? POOL_TAINTED : ended_as[ending],
			      pool_map(pool, 2, hold_and_end, end_map, hold));
		assert_no_child();
		ck_assert_double_lt(test_now() - start, 10);
		ck_assert_int_eq(hold->halves[0], 1);
		ck_assert_int_eq(hold->halves[1], !tainted);
		ck_assert_int_eq(hold->repairs, late && mends);
		ck_assert_msg(!!strstr(pool_error(pool)->message, "inside a critical section") == tainted, "%s",
			      pool_error(pool)->message);
		if (tainted && ending == ENOUGH)
			ck_assert_uint_eq(pool_error(pool)->job, 1);
		assert_usable(pool);
		pool_close(pool);
		test_unshare(hold, sizeof *hold);
	}
}
END_TEST

/* Goes in and out, until it is refused. */
static int go_in_and_out(struct pool_worker *self, size_t job, void *arg)
{
	if (job == 20 && arg)
		return pool_fail(self, "the one that failed");
	for (int i = 0; i < 2000; i++) {
		if (pool_critical_begin(self) != 0)
			return 1;
		pool_critical_end(self);
	}
	return 0;
}

static int enough_at_once(size_t job, const void *value, size_t size, void *arg)
{
	(void)job, (void)value, (void)size;
	return arg ? 0 : POOL_ENOUGH;
}

/* _i: 0 by POOL_ENOUGH, 1 by a job that fails. */
START_TEST(who_is_refused_at_the_end_has_not_failed)
{
	for (int i = 0; i < 20; i++) {
		struct pool *pool = test_open(&(struct pool_options){ .np = 2 + i % 5, .chunk = 1,
			.backend = i % 4 == 3 ? POOL_THREAD : POOL_FORK });
		double start = test_now();

		assert_status(pool, _i ? POOL_FAILED : POOL_OK,
			      pool_map(pool, 200, go_in_and_out, enough_at_once, _i ? pool : NULL));
		ck_assert(!_i || strstr(pool_error(pool)->message, "the one that failed"));
		ck_assert_double_lt(test_now() - start, test_slow() ? 20 : 2);
		assert_usable(pool);
		pool_close(pool);
	}
}
END_TEST

Suite *limits_suite(void)
{
	Suite *suite = suite_create("limits");
	TCase *test = test_case(suite, "limits", 30);

	tcase_add_loop_test(test, what_jobs_started_dies_with_a_group_and_only_then, 0, 2 * WAYS);
	tcase_add_test(test, worker_memory_fails_mallocs_of_jobs_alone);
	tcase_add_loop_test(test, a_death_in_critical_taints_unless_it_is_repaired, 0, 14);
	tcase_add_test(test, a_repaired_death_is_an_ordinary_one);
	tcase_add_loop_test(test, a_map_that_ends_gives_time_to_leave_critical, 0, 2 * ENDINGS);
	tcase_add_loop_test(test, who_is_refused_at_the_end_has_not_failed, 0, 2);
	return suite;
}
