/* SPDX-License-Identifier: MIT */
/* Jobs that run for too long: TERM, 100 ms, KILL; and what is no time of theirs. */
#include "suites.h"
#include "testing.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT 0.05
#define GRACE 0.1
/* What a crowded machine may take beside. */
#define SLACK (test_slow() ? 10 : 1.0)

enum { JOBS = 20, BAD_JOB = 7 };
enum way { IN_A_LOOP, ASLEEP, ALL_BLOCKED, TERM_IGNORED, STOPPED, WAITING_FOR_A_CHILD, IN_THREADS_HANDS, WAYS };

/* In shared memory. */
struct scene {
	int way, forever;
	_Atomic int tried[JOBS * 10], caught, pid;
	double began;
	size_t size, reduced;
};

static struct scene *here; /* in the worker, for handlers */

static void note_signal(int signal)
{
	(void)signal;
	here->caught++;
}

static void hang(enum way way)
{
	sigset_t all;

	sigfillset(&all);
	if (way == IN_A_LOOP)
		for (volatile int i = 0;; i++)
			;
	if (way == ALL_BLOCKED)
		sigprocmask(SIG_SETMASK, &all, NULL);
	if (way == TERM_IGNORED)
		signal(SIGTERM, SIG_IGN);
	if (way == IN_THREADS_HANDS)
		signal(SIGTERM, note_signal);
	if (way == STOPPED)
		raise(SIGSTOP);
	if (way == WAITING_FOR_A_CHILD && vfork() == 0) {
		/* Until this one goes the parent sleeps where no signal but KILL wakes it. */
		signal(SIGTERM, SIG_IGN);
		test_nap(0.4);
		_exit(0);
	}
	for (;;)
		test_nap(1);
}

static int work(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = here = arg;

	if (job == BAD_JOB && (scene->tried[job]++ == 0 || scene->forever)) {
		scene->began = test_now();
		scene->pid = getpid();
		hang((enum way)scene->way);
	}
	return pool_return(self, &job, sizeof job);
}

static int count(size_t job, const void *value, size_t size, void *arg)
{
	(void)job, (void)value, (void)size;
	((struct scene *)arg)->reduced++;
	return 0;
}

static void reap_orphans(void)
{
	for (double end = test_now() + 5; waitpid(-1, NULL, WNOHANG) >= 0 && test_now() < end;)
		test_nap(1e-3);
}

/* _i: way. */
START_TEST(a_job_that_hangs_is_ended)
{
	struct scene *scene = test_shared(sizeof *scene);

	for (int np = 1; np <= 3; np += 2)
		for (int policy = np / 2; policy < 3; policy++) {
			struct pool *pool = test_open(&(struct pool_options){ .np = np, .job_timeout = LIMIT,
				.retries = policy == 1, .on_failure = policy == 2 ? POOL_CONTINUE : POOL_STOP,
				.chunk = (size_t)policy * 3 });
			static const int wanted[] = { POOL_TIMED_OUT, POOL_OK, POOL_INCOMPLETE };
			size_t failures = 9;
			double took;

			memset((void *)scene, 0, sizeof *scene);
			scene->way = _i;
			scene->forever = policy == 2;
			assert_status(pool, wanted[policy], pool_map(pool, JOBS, work, count, scene));
			took = test_now() - scene->began;
			if (_i == WAITING_FOR_A_CHILD)
				reap_orphans();
			if (policy != 1)
				assert_no_child();
			ck_assert_double_ge(took, LIMIT);
			ck_assert_double_lt(took, LIMIT + GRACE + SLACK);
			if (policy != 1) {
				const struct pool_error *error = pool_failures(pool, &failures);

				ck_assert_uint_eq(failures, 1);
				ck_assert_int_eq(error->status, POOL_TIMED_OUT);
				ck_assert_uint_eq(error->job, BAD_JOB);
				ck_assert_int_eq(error->pid, scene->pid);
				ck_assert_msg(strstr(error->message, "job 7 ") != NULL, "%s", error->message);
			}
			if (policy)
				ck_assert_uint_eq(scene->reduced, policy == 1 ? JOBS : JOBS - 1);
			ck_assert_int_eq(scene->tried[BAD_JOB], policy == 1 ? 2 : 1);
			scene->tried[BAD_JOB] = 5;
			scene->forever = 0;
			assert_usable(pool);
			pool_close(pool);
		}
	test_unshare(scene, sizeof *scene);
}
END_TEST

/* Leaves when it is told to. */
static int finish_in_grace(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = here = arg;

	scene->tried[job]++;
	if (job % 5 == 2) {
		int before = scene->caught;

		signal(SIGTERM, note_signal);
		while (scene->caught == before)
			test_nap(1e-3);
		signal(SIGTERM, SIG_DFL);
	}
	return pool_return(self, &job, sizeof job);
}

START_TEST(a_job_that_finishes_within_the_grace_is_done)
{
	for (int policy = 0; policy < 3; policy++) {
		struct scene *scene = test_shared(sizeof *scene);
		struct pool *pool = test_open(&(struct pool_options){ .np = 1, .job_timeout = 0.02,
			.retries = policy == 1, .on_failure = policy == 2, .kill_group = _i });

		assert_ok(pool, pool_map(pool, JOBS, finish_in_grace, count, scene));
		ck_assert_uint_eq(scene->reduced, JOBS);
		ck_assert_int_eq(scene->caught, 4);
		for (int job = 0; job < JOBS; job++)
			ck_assert_int_eq(scene->tried[job], 1);
		pool_close(pool);
		test_unshare(scene, sizeof *scene);
	}
}
END_TEST

/* What is no time of the job's: waiting for a turn (0), for a full pipe while reduce is
 * slow (1), for values that came too early (2), for others to leave a critical section (3). */
static int wait_for_others(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;
	char *space;

	if (scene->way == 0) {
		POOL_ORDERED(self)
			test_nap(0.06);
		return 0;
	}
	if (scene->way == 3) {
		POOL_CRITICAL(self)
			test_nap(0.06);
		return 0;
	}
	space = pool_return_space(self, scene->size);
	if (!space)
		return 1;
	memset(space, (int)job, scene->size);
	return 0;
}

static int reduce_slowly(size_t job, const void *value, size_t size, void *arg)
{
	(void)value, (void)size, (void)arg;
	test_nap(job % 6 == 0 ? 0.2 : 0);
	return 0;
}

START_TEST(waiting_is_no_time_of_the_job)
{
	static const size_t sizes[] = { 10, 60000, 6 << 20 };

	for (int s = 0; s < (_i % 3 ? 3 : 1); s++) {
		struct scene *scene = test_shared(sizeof *scene);
		struct pool *pool = test_open(&(struct pool_options){ .np = 6, .job_timeout = test_slow() ? 2 : 0.15,
			.chunk = 1, .in_order = _i == 2, .early_bytes = 1, .retries = s % 2 });

		scene->way = _i;
		scene->size = sizes[s];
		assert_ok(pool, pool_map(pool, 18, wait_for_others, _i % 3 ? reduce_slowly : NULL, scene));
		pool_close(pool);
		test_unshare(scene, sizeof *scene);
	}
}
END_TEST

static int stop_inside(struct pool_worker *self, size_t job, void *arg)
{
	(void)arg;
	test_nap(job ? 0.02 : 0);
	POOL_CRITICAL(self)
		if (job == 0)
			raise(SIGSTOP);
	return 0;
}

START_TEST(who_holds_the_section_is_to_blame_and_no_one_who_waits)
{
	for (int i = 0; i < 5; i++) {
		struct pool *pool = test_open(&(struct pool_options){ .np = 2, .chunk = 1,
			.job_timeout = test_slow() ? 1 : 0.15, .retries = (unsigned)i % 2 });

		assert_status(pool, POOL_TAINTED, pool_map(pool, 6, stop_inside, NULL, NULL));
		ck_assert_uint_eq(pool_error(pool)->job, 0);
		assert_no_child();
		pool_close(pool);
	}
}
END_TEST

/* Job 1 is stopped while it waits. */
static int be_stopped_in_line(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;

	if (job == 1)
		scene->pid = getpid();
	POOL_CRITICAL(self)
		if (job == 0 && test_await(&scene->pid, 1, 10)) {
			test_nap(0.02);
			kill(scene->pid, SIGSTOP);
		}
	return 0;
}

/* Each waits for the other one every now and then, and neither gets anywhere. */
static int run_away_in_turns(struct pool_worker *self, size_t job, void *arg)
{
	(void)job, (void)arg;
	for (double end = test_now() + 20; test_now() < end;)
		POOL_CRITICAL(self)
			test_nap(1e-3);
	return 0;
}

/* _i: whether they are stopped there. */
START_TEST(who_was_in_line_is_ended_all_the_same)
{
	struct scene *scene = test_shared(sizeof *scene);
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .chunk = 1,
							      .job_timeout = test_slow() ? 1 : 0.15 });
	double start = test_now();
	int status = pool_map(pool, 2, _i ? be_stopped_in_line : run_away_in_turns, NULL, scene);

	ck_assert_int_eq(status, _i ? POOL_TIMED_OUT : pool_error(pool)->status);
	ck_assert(status == POOL_TIMED_OUT || status == POOL_TAINTED); /* inside, mostly */
	ck_assert(!_i || pool_error(pool)->job == 1);
	ck_assert_double_lt(test_now() - start, 10);
	assert_no_child();
	pool_close(pool);
	test_unshare(scene, sizeof *scene);
}
END_TEST

static int be_killed_in_line(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;

	if (job == 1) {
		scene->pid = getpid();
		if (scene->tried[job]++)
			for (;;)
				test_nap(1);
	}
	POOL_CRITICAL(self)
		if (job == 0 && test_await(&scene->pid, 1, 10)) {
			test_nap(0.02);
			kill(scene->pid, SIGKILL);
		}
	return 0;
}

START_TEST(a_successor_of_one_who_waited_is_watched)
{
	struct scene *scene = test_shared(sizeof *scene);
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .chunk = 1, .retries = 1,
							      .job_timeout = test_slow() ? 1 : 0.15 });

	assert_status(pool, POOL_TIMED_OUT, pool_map(pool, 2, be_killed_in_line, NULL, scene));
	ck_assert_uint_eq(pool_error(pool)->job, 1);
	ck_assert_int_eq(scene->tried[1], 2);
	pool_close(pool);
	test_unshare(scene, sizeof *scene);
}
END_TEST

/* The same jobs do run out of time where what they do counts. */
static int nap_in_work(struct pool_worker *self, size_t job, void *arg)
{
	(void)self, (void)arg;
	test_nap(job == 4 ? 0.4 : 0);
	return 0;
}

START_TEST(crosstest_a_nap_in_the_job_counts)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .job_timeout = 0.15 });

	assert_status(pool, POOL_TIMED_OUT, pool_map(pool, 18, nap_in_work, NULL, NULL));
	ck_assert_uint_eq(pool_error(pool)->job, 4);
	pool_close(pool);
}
END_TEST

/* A job may be tried for as long each time. */
static int nap_in_tries(struct pool_worker *self, size_t job, void *arg)
{
	(void)self;
	test_nap(0.1);
	return ((struct scene *)arg)->tried[job]++ < 3;
}

START_TEST(each_try_has_its_own_time)
{
	struct scene *scene = test_shared(sizeof *scene);
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .job_timeout = test_slow() ? 1 : 0.25,
							      .retries = 3 });

	assert_ok(pool, pool_map(pool, 4, nap_in_tries, NULL, scene));
	pool_close(pool);
	test_unshare(scene, sizeof *scene);
}
END_TEST

/* A TERM that comes behind the job it was meant for hits one that is innocent. */
static int term_comes_late(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;
	sigset_t term;

	(void)self;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	if (scene->tried[job]++ == 0 && job == 3) {
		sigprocmask(SIG_BLOCK, &term, NULL);
		test_nap(0.1);
	} else if (job > 3) {
		test_nap(((struct scene *)arg)->way * 0.03); /* the master looks meanwhile */
		sigprocmask(SIG_UNBLOCK, &term, NULL);
	}
	return 0;
}

START_TEST(a_term_that_comes_late_fails_nobody_else)
{
	struct scene *scene = test_shared(sizeof *scene);
	struct pool *pool = test_open(&(struct pool_options){ .np = 1, .job_timeout = LIMIT,
							      .on_failure = _i / 2 ? POOL_CONTINUE : POOL_STOP });

	scene->way = _i % 2;
	assert_ok(pool, pool_map(pool, 10, term_comes_late, count, scene));
	ck_assert_uint_eq(scene->reduced, 10);
	pool_close(pool);
	test_unshare(scene, sizeof *scene);
}
END_TEST

Suite *timeouts_suite(void)
{
	Suite *suite = suite_create("timeouts");
	TCase *test = test_case(suite, "timeouts", 30);

	tcase_add_loop_test(test, a_job_that_hangs_is_ended, 0, WAYS);
	tcase_add_loop_test(test, a_job_that_finishes_within_the_grace_is_done, 0, 2);
	tcase_add_loop_test(test, waiting_is_no_time_of_the_job, 0, 4);
	tcase_add_loop_test(test, who_was_in_line_is_ended_all_the_same, 0, 2);
	tcase_add_test(test, a_successor_of_one_who_waited_is_watched);
	tcase_add_test(test, who_holds_the_section_is_to_blame_and_no_one_who_waits);
	tcase_add_test(test, crosstest_a_nap_in_the_job_counts);
	tcase_add_test(test, each_try_has_its_own_time);
	tcase_add_loop_test(test, a_term_that_comes_late_fails_nobody_else, 0, 4);
	return suite;
}
