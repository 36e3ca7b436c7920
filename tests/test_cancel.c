/* SPDX-License-Identifier: MIT */
/* pool_cancel, from wherever it may be called. */
#include "suites.h"
#include "testing.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static const int backends[] = { POOL_FORK, POOL_THREAD, POOL_SERIAL };

/* In shared memory. */
struct scene { struct pool *pool; _Atomic int running, stopped, crash; size_t at; int errno_kept; };

static int run_until_stopped(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;
	double end = test_now() + 15;

	(void)job;
	scene->running++;
	while (test_now() < end)
		if (pool_stopping(self)) {
			scene->stopped++;
			return 0;
		} else if (scene->crash) {
			kill(getpid(), SIGKILL);
		} else {
			test_nap(200e-6);
		}
	return 3;
}

static void check_cancelled(struct pool *pool)
{
	ck_assert_int_eq(pool_error(pool)->status, POOL_CANCELLED);
	ck_assert_int_ne(pool_error(pool)->message[0], 0);
	assert_no_child();
	assert_usable(pool);
}

static void *cancel_when_running(void *arg)
{
	struct scene *scene = arg;

	test_await(&scene->running, 1, 10);
	errno = 77;
	pool_cancel(scene->pool);
	scene->errno_kept = errno == 77;
	return NULL;
}

START_TEST(another_thread_cancels)
{
	struct scene *scene = test_shared(sizeof *scene);

	for (int i = 0; i < 10; i++) {
		double start = test_now();
		pthread_t thread;

		memset(scene, 0, sizeof *scene);
		scene->pool = test_open(&(struct pool_options){ .np = 3, .backend = backends[_i] });
		pthread_create(&thread, NULL, cancel_when_running, scene);
		assert_status(scene->pool, POOL_CANCELLED,
			      pool_map(scene->pool, 100, run_until_stopped, NULL, scene));
		pthread_join(thread, NULL);
		ck_assert_double_lt(test_now() - start, 5);
		ck_assert(scene->errno_kept);
		if (backends[_i] != POOL_FORK)
			ck_assert_int_eq(scene->stopped, scene->running);
		check_cancelled(scene->pool);
		pool_close(scene->pool);
	}
	test_unshare(scene, sizeof *scene);
}
END_TEST

static struct pool *volatile signalled;

static void cancel_on_signal(int signal)
{
	(void)signal;
	pool_cancel(signalled);
}

START_TEST(a_signal_handler_cancels)
{
	struct scene *scene = test_shared(sizeof *scene);
	struct sigaction action = { .sa_handler = cancel_on_signal, .sa_flags = _i / 3 ? SA_RESTART : 0 }, old;
	struct itimerval soon = { .it_value = { 0, 20000 } };

	signalled = scene->pool = test_open(&(struct pool_options){ .np = 2, .backend = backends[_i % 3] });
	sigaction(SIGALRM, &action, &old);
	for (int i = 0; i < 5; i++) {
		double start = test_now();

		setitimer(ITIMER_REAL, &soon, NULL);
		assert_status(scene->pool, POOL_CANCELLED,
			      pool_map(scene->pool, 100, run_until_stopped, NULL, scene));
		ck_assert_double_lt(test_now() - start, 5);
		check_cancelled(scene->pool);
	}
	sigaction(SIGALRM, &old, NULL);
	pool_close(scene->pool);
	test_unshare(scene, sizeof *scene);
}
END_TEST

static int cancel_in_reduce(size_t job, const void *value, size_t size, void *arg)
{
	struct scene *scene = arg;

	(void)value, (void)size;
	if (job == 30) {
		errno = 77;
		pool_cancel(scene->pool);
		scene->errno_kept = errno == 77;
	}
	return 0;
}

static int nothing(struct pool_worker *self, size_t job, void *arg)
{
	(void)self, (void)job, (void)arg;
	return 0;
}

START_TEST(reduce_cancels)
{
	struct scene scene = { .pool = test_open(&(struct pool_options){ .np = 2, .backend = backends[_i] }) };

	assert_status(scene.pool, POOL_CANCELLED, pool_map(scene.pool, 1000, nothing, cancel_in_reduce, &scene));
	ck_assert(scene.errno_kept);
	check_cancelled(scene.pool);
	pool_close(scene.pool);
}
END_TEST

struct booked { struct ledger ledger; struct pool *pool; size_t at; };

static int cancel_in_job(struct pool_worker *self, size_t job, void *arg)
{
	struct booked *booked = arg;

	if (job == booked->at)
		pool_cancel(booked->pool);
	else if (job > booked->at)
		test_nap(1e-6); /* all of them take seconds */
	return ledger_work(self, job, &booked->ledger);
}

static int take_booked(size_t job, const void *value, size_t size, void *arg)
{
	return ledger_reduce(job, value, size, &((struct booked *)arg)->ledger);
}

START_TEST(a_worker_cancels)
{
	struct booked booked = { .at = 300 };
	const char *wrong;

	booked.pool = test_open(&(struct pool_options){ .np = 3, .backend = backends[_i] });
	for (int i = 0; i < 10; i++) {
		ledger_open(&booked.ledger, 100000, 0);
		assert_status(booked.pool, POOL_CANCELLED,
			      pool_map(booked.pool, 100000, cancel_in_job, take_booked, &booked));
		wrong = ledger_at_most_once(&booked.ledger);
		ck_assert_msg(!wrong, "%s", wrong);
		ck_assert_uint_lt(booked.ledger.calls, 100000);
		check_cancelled(booked.pool);
		ledger_close(&booked.ledger);
	}
	pool_close(booked.pool);
}
END_TEST

START_TEST(a_cancel_before_the_map_ends_the_next_one_at_once)
{
	struct scene *scene = test_shared(sizeof *scene);
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .backend = backends[_i] });
	double start = test_now();

	pool_cancel(pool);
	assert_status(pool, POOL_CANCELLED, pool_map(pool, 10, run_until_stopped, NULL, scene));
	ck_assert_double_lt(test_now() - start, 5);
	ck_assert_int_eq(scene->running, 0);
	check_cancelled(pool);
	pool_close(pool);
	test_unshare(scene, sizeof *scene);
}
END_TEST

static void *cancel_and_crash(void *arg)
{
	struct scene *scene = arg;

	test_await(&scene->running, 2, 10);
	pool_cancel(scene->pool);
	scene->crash = 1;
	return NULL;
}

START_TEST(a_cancel_wins_over_the_crash_that_comes_with_it)
{
	struct scene *scene = test_shared(sizeof *scene);

	scene->pool = test_open(&(struct pool_options){ .np = 3 });
	for (int i = 0; i < 20; i++) {
		pthread_t thread;

		scene->running = scene->crash = 0;
		pthread_create(&thread, NULL, cancel_and_crash, scene);
		assert_status(scene->pool, POOL_CANCELLED,
			      pool_map(scene->pool, 100, run_until_stopped, NULL, scene));
		pthread_join(thread, NULL);
		assert_no_child();
	}
	pool_close(scene->pool);
	test_unshare(scene, sizeof *scene);
}
END_TEST

static int commit_then_cancel(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;

	if (job < 20) {
		int r = pool_return(self, &job, sizeof job);

		return r;
	}
	pool_cancel(scene->pool);
	test_nap(self->np > 1 ? 10 : 0);
	return 0;
}

static int count_reduced(size_t job, const void *value, size_t size, void *arg)
{
	(void)value, (void)size;
	((struct scene *)arg)->at += job < 20;
	return 0;
}

/* One worker commits jobs 0 ... 19, then cancels: all of them count. */
START_TEST(what_was_committed_before_is_reduced)
{
	struct scene *scene = test_shared(sizeof *scene);

	scene->pool = test_open(&(struct pool_options){ .np = 1, .chunk = 1, .backend = backends[_i] });
	assert_status(scene->pool, POOL_CANCELLED,
		      pool_map(scene->pool, 30, commit_then_cancel, count_reduced, scene));
	ck_assert_uint_eq(scene->at, 20);
	pool_close(scene->pool);
	test_unshare(scene, sizeof *scene);
}
END_TEST

static int cancel_at_random(struct pool_worker *self, size_t job, void *arg)
{
	struct booked *booked = arg;

	if (job == booked->at)
		pool_cancel(booked->pool);
	POOL_ORDERED(self)
		if (job % 3 == 0)
			POOL_CRITICAL(self)
				test_nap(0);
	return ledger_work(self, job, &booked->ledger);
}

START_TEST(a_cancel_never_hangs_in_sections)
{
	struct booked booked = { 0 };

	booked.pool = test_open(&(struct pool_options){ .np = 3, .backend = backends[_i], .in_order = true,
							.early_bytes = 1 });
	for (int i = 0; i < 100; i++) {
		const char *wrong;
		int status;

		booked.at = (size_t)i * 2;
		ledger_open(&booked.ledger, 200, 0);
		booked.ledger.in_order = true;
		status = pool_map(booked.pool, 200, cancel_at_random, take_booked, &booked);
		ck_assert_msg(status == POOL_CANCELLED || (status == POOL_OK && i > 95),
			      "%s", pool_error(booked.pool)->message);
		wrong = ledger_at_most_once(&booked.ledger);
		ck_assert_msg(!wrong, "%s", wrong);
		ledger_close(&booked.ledger);
	}
	pool_close(booked.pool);
}
END_TEST

Suite *cancel_suite(void)
{
	Suite *suite = suite_create("cancel");
	TCase *test = test_case(suite, "cancel", 30);

	tcase_add_loop_test(test, another_thread_cancels, 0, 3);
	tcase_add_loop_test(test, a_signal_handler_cancels, 0, 6);
	tcase_add_loop_test(test, reduce_cancels, 0, 3);
	tcase_add_loop_test(test, a_worker_cancels, 0, 3);
	tcase_add_loop_test(test, a_cancel_before_the_map_ends_the_next_one_at_once, 0, 3);
	tcase_add_test(test, a_cancel_wins_over_the_crash_that_comes_with_it);
	tcase_add_loop_test(test, what_was_committed_before_is_reduced, 0, 3);
	tcase_add_loop_test(test, a_cancel_never_hangs_in_sections, 0, 3);
	return suite;
}
