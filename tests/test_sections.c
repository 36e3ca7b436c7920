/* SPDX-License-Identifier: MIT */
/* Critical and ordered sections, with crosstests: the same program without the
 * section must go wrong, or the test shows nothing. */
#include "suites.h"
#include "testing.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define COUNT(array) (sizeof (array) / sizeof *(array))

static const int backends[] = { POOL_FORK, POOL_THREAD, POOL_SERIAL };
static const int nps[] = { 3, 8, 33 };

enum { MOST_JOBS = 4000 };

/* In shared memory. */
struct board {
	volatile long counter;    /* inside critical only */
	volatile size_t entered;  /* inside ordered only */
	size_t order[MOST_JOBS];
	int kind;
	size_t bad_job;
	_Atomic int inside;       /* jobs in a section now */
	_Atomic int wrong;
	_Atomic int running;
};

static void count_up(volatile long *counter, size_t job)
{
	long value = *counter;

	if (job % 8 == 0)
		sched_yield();
	*counter = value + 1;
}

static int count_in_critical(struct pool_worker *self, size_t job, void *arg)
{
	struct board *board = arg;

	POOL_CRITICAL(self) {
		if (atomic_fetch_add(&board->inside, 1))
			board->wrong++;
		count_up(&board->counter, job);
		atomic_fetch_sub(&board->inside, 1);
	}
	return 0;
}

/* _i: backend. */
START_TEST(critical_lets_one_worker_in_at_a_time)
{
	struct board *board = test_shared(sizeof *board);

	for (size_t p = 0; p < COUNT(nps); p++) {
		struct pool *pool = test_open(&(struct pool_options){ .np = nps[p], .backend = backends[_i] });

		board->counter = 0;
		assert_ok(pool, pool_map(pool, 20000, count_in_critical, NULL, board));
		ck_assert_int_eq(board->counter, 20000);
		ck_assert_int_eq(board->wrong, 0);
		pool_close(pool);
	}
	test_unshare(board, sizeof *board);
}
END_TEST

static int count_without(struct pool_worker *self, size_t job, void *arg)
{
	(void)self;
	count_up(&((struct board *)arg)->counter, job);
	return 0;
}

START_TEST(crosstest_without_critical_updates_are_lost)
{
	struct board *board = test_shared(sizeof *board);
	struct pool *pool = test_open(&(struct pool_options){ .np = 8 });
	int lost = 0;

	for (int maps = 0; maps < 200 && !lost; maps++) {
		board->counter = 0;
		assert_ok(pool, pool_map(pool, 20000, count_without, NULL, board));
		lost = board->counter != 20000;
	}
	ck_assert(lost);
	pool_close(pool);
	test_unshare(board, sizeof *board);
}
END_TEST

enum skips { NONE, EVERY_SECOND, RANDOM, FIRST_SLOW, ALL_BUT_LAST, ALL, KINDS };

static bool skips(int kind, size_t job, size_t njobs)
{
	uint64_t random = job;

	switch (kind) {
	case EVERY_SECOND: return job % 2 == 0;
	case RANDOM: return test_random(&random) % 3 == 0;
	case FIRST_SLOW: return job == 0;
	case ALL_BUT_LAST: return job + 1 < njobs;
	case ALL: return true;
	default: return false;
	}
}

enum { ORDERED_JOBS = 300 };

static int enter_in_order(struct pool_worker *self, size_t job, void *arg)
{
	struct board *board = arg;
	uint64_t random = job + 99;

	if (test_random(&random) % 32 == 0)
		test_nap(50e-6);
	if (board->kind == FIRST_SLOW && job == 0)
		test_nap(10e-3);
	if (skips(board->kind, job, ORDERED_JOBS))
		return 0;
	POOL_ORDERED(self) {
		if (atomic_fetch_add(&board->inside, 1))
			board->wrong++;
		board->order[board->entered] = job;
		board->entered = board->entered + 1;
		atomic_fetch_sub(&board->inside, 1);
	}
	if (test_random(&random) % 32 == 0)
		test_nap(50e-6);
	return 0;
}

static bool ascends(const struct board *board)
{
	for (size_t i = 1; i < board->entered; i++)
		if (board->order[i - 1] >= board->order[i])
			return false;
	return true;
}

/* _i: backend x kind of skips. */
START_TEST(ordered_goes_by_the_jobs_ids)
{
	struct board *board = test_shared(sizeof *board);
	size_t entering = 0;

	for (size_t job = 0; job < ORDERED_JOBS; job++)
		entering += !skips(_i % KINDS, job, ORDERED_JOBS);
	for (size_t p = 0; p < COUNT(nps); p++)
		for (int how = 0; how < 9; how += test_slow() ? 4 : 1) {
			struct pool *pool = test_open(&(struct pool_options){ .np = nps[p],
				.backend = backends[_i / KINDS], .schedule = POOL_STATIC + how / 3,
				.chunk = how % 3 == 2 ? 7 : (size_t)(how % 3), .in_order = how % 2 });

			memset(board, 0, sizeof *board);
			board->kind = _i % KINDS;
			assert_ok(pool, pool_map(pool, ORDERED_JOBS, enter_in_order, NULL, board));
			ck_assert_uint_eq(board->entered, entering);
			ck_assert(ascends(board));
			ck_assert_int_eq(board->wrong, 0);
			pool_close(pool);
		}
	test_unshare(board, sizeof *board);
}
END_TEST

static int enter_as_it_comes(struct pool_worker *self, size_t job, void *arg)
{
	struct board *board = arg;

	POOL_CRITICAL(self) {
		board->order[board->entered] = job;
		board->entered = board->entered + 1;
	}
	if (job % 8 == 0)
		sched_yield();
	return 0;
}

START_TEST(crosstest_without_ordered_jobs_come_in_any_order)
{
	struct board *board = test_shared(sizeof *board);
	struct pool *pool = test_open(&(struct pool_options){ .np = 8, .chunk = 1 });
	bool mixed = false;

	for (int maps = 0; maps < 200 && !mixed; maps++) {
		board->entered = 0;
		assert_ok(pool, pool_map(pool, MOST_JOBS, enter_as_it_comes, NULL, board));
		mixed = !ascends(board);
	}
	ck_assert(mixed);
	pool_close(pool);
	test_unshare(board, sizeof *board);
}
END_TEST

/* Out of a block by every way there is; afterwards it must be free. */
static int leave_blocks(struct pool_worker *self, size_t job, void *arg)
{
	struct board *board = arg;
	int after = 0;

	switch (job % 5) {
	case 0:
		POOL_CRITICAL(self) {
			count_up(&board->counter, job);
			if (job % 2 == 0)
				break;
			board->wrong += job % 2 == 0;
		}
		after++;
		break;
	case 1:
		POOL_CRITICAL(self) {
			count_up(&board->counter, job);
			return 0;
		}
		break;
	case 2:
		POOL_ORDERED(self) {
			board->order[board->entered] = job;
			board->entered = board->entered + 1;
			POOL_CRITICAL(self) {
				count_up(&board->counter, job);
				goto out;
			}
			board->wrong++;
		}
		board->wrong++;
		break;
	case 3:
		for (int i = 0; i < 3; i++)
			POOL_CRITICAL(self) {
				if (i < 2)
					continue;
				count_up(&board->counter, job);
			}
		break;
	default:
		POOL_ORDERED(self) {
			board->order[board->entered] = job;
			board->entered = board->entered + 1;
			POOL_CRITICAL(self)
				count_up(&board->counter, job);
			break;
		}
		after++;
		break;
	}
	board->wrong += (job % 5 == 0 || job % 5 == 4) != after;
	return 0;
out:
	return 0;
}

START_TEST(a_block_ends_by_any_way_out)
{
	struct board *board = test_shared(sizeof *board);

	for (size_t p = 0; p < COUNT(nps); p++) {
		struct pool *pool = test_open(&(struct pool_options){ .np = nps[p], .backend = backends[_i] });

		memset(board, 0, sizeof *board);
		assert_ok(pool, pool_map(pool, 1000, leave_blocks, NULL, board));
		ck_assert_int_eq(board->counter, 1000);
		ck_assert_uint_eq(board->entered, 400);
		ck_assert(ascends(board));
		ck_assert_int_eq(board->wrong, 0);
		pool_close(pool);
	}
	test_unshare(board, sizeof *board);
}
END_TEST

enum misuse {
	CRITICAL_IN_CRITICAL, ORDERED_IN_ORDERED, ORDERED_AGAIN, ORDERED_IN_CRITICAL,
	CRITICAL_LEFT_OPEN, ORDERED_LEFT_OPEN, BOTH_LEFT_OPEN, MISUSES
};

static void misuse(struct pool_worker *self, int kind)
{
	switch (kind) {
	case CRITICAL_IN_CRITICAL:
		POOL_CRITICAL(self) {
			POOL_CRITICAL(self) {
			}
		}
		break;
	case ORDERED_IN_ORDERED:
		POOL_ORDERED(self) {
			POOL_ORDERED(self) {
			}
		}
		break;
	case ORDERED_AGAIN:
		POOL_ORDERED(self) {
		}
		POOL_ORDERED(self) {
		}
		break;
	case ORDERED_IN_CRITICAL:
		POOL_CRITICAL(self) {
			POOL_ORDERED(self) {
			}
		}
		break;
	case CRITICAL_LEFT_OPEN:
		(void)!pool_critical_begin(self);
		break;
	case ORDERED_LEFT_OPEN:
		(void)!pool_ordered_begin(self);
		break;
	default:
		(void)!pool_ordered_begin(self);
		(void)!pool_critical_begin(self);
		break;
	}
}

static int misuse_once(struct pool_worker *self, size_t job, void *arg)
{
	struct board *board = arg;

	if (job == board->bad_job) {
		misuse(self, board->kind);
		return 0;
	}
	POOL_ORDERED(self)
		test_nap(0);
	POOL_CRITICAL(self)
		count_up(&board->counter, job);
	return 0;
}

/* _i: backend x kind. */
START_TEST(a_misused_section_fails_the_job_and_never_hangs)
{
	static const int workers[] = { 1, 3, 8 };
	struct board *board = test_shared(sizeof *board);

	for (size_t p = 0; p < COUNT(workers); p++)
		for (size_t bad = 0; bad <= 99; bad += 33) {
			struct pool *pool = test_open(&(struct pool_options){ .np = workers[p],
				.backend = backends[_i / MISUSES], .chunk = bad == 33 ? 1 : 0 });

			board->kind = _i % MISUSES;
			board->bad_job = bad;
			assert_status(pool, POOL_FAILED, pool_map(pool, 100, misuse_once, NULL, board));
			ck_assert_uint_eq(pool_error(pool)->job, bad);
			ck_assert_msg(strstr(pool_error(pool)->message, "critical") ||
				      strstr(pool_error(pool)->message, "ordered"),
				      "no section is named: %s", pool_error(pool)->message);
			assert_usable(pool);
			pool_close(pool);
		}
	test_unshare(board, sizeof *board);
}
END_TEST

/* What a job in a section does must not stop the others' failure from ending
 * the map, and a job that fails inside must free the section. */
static int fail_in_section(struct pool_worker *self, size_t job, void *arg)
{
	struct board *board = arg;

	if (board->kind == 0)
		POOL_CRITICAL(self)
			return job == board->bad_job ? 5 : 0;
	POOL_ORDERED(self)
		return job == board->bad_job ? 5 : 0;
	return 0;
}

/* _i: backend x section. */
START_TEST(a_job_may_fail_inside_a_section)
{
	struct board *board = test_shared(sizeof *board);
	struct pool *pool = test_open(&(struct pool_options){ .np = 8, .backend = backends[_i / 2] });

	board->kind = _i % 2;
	for (int i = 0; i < 20; i++) {
		board->bad_job = (size_t)i * 4;
		assert_status(pool, POOL_FAILED, pool_map(pool, 100, fail_in_section, NULL, board));
		ck_assert_uint_eq(pool_error(pool)->job, board->bad_job);
		ck_assert_int_eq(pool_error(pool)->code, 5);
	}
	assert_usable(pool);
	pool_close(pool);
	test_unshare(board, sizeof *board);
}
END_TEST

/* Job 0 fails once all others stand before a section that it keeps closed. */
static int fail_before_waiters(struct pool_worker *self, size_t job, void *arg)
{
	struct board *board = arg;

	if (job == 0) {
		if (board->kind == 0 && pool_critical_begin(self))
			return 1;
		test_await(&board->running, 2, 5);
		test_nap(5e-3);
		if (board->kind == 0)
			pool_critical_end(self);
		return 9;
	}
	board->running++;
	if (board->kind == 0) {
		test_nap(1e-3);
		POOL_CRITICAL(self)
			test_nap(0);
	} else {
		POOL_ORDERED(self)
			test_nap(0);
	}
	return 0;
}

START_TEST(a_failure_reaches_those_who_wait)
{
	struct board *board = test_shared(sizeof *board);

	for (int i = 0; i < 20; i++) {
		struct pool *pool = test_open(&(struct pool_options){ .np = 3, .backend = backends[_i / 2],
								      .chunk = 1 });

		memset(board, 0, sizeof *board);
		board->kind = _i % 2;
		assert_status(pool, POOL_FAILED, pool_map(pool, 30, fail_before_waiters, NULL, board));
		ck_assert_int_eq(pool_error(pool)->code, 9);
		ck_assert_uint_eq(pool_error(pool)->job, 0);
		pool_close(pool);
	}
	test_unshare(board, sizeof *board);
}
END_TEST

/* Everything at once: sections, skips, values, at random. */
static int mixed_job(struct pool_worker *self, size_t job, void *arg)
{
	struct board *board = arg;
	uint64_t random = job * 1000 + (uint64_t)board->kind;
	uint64_t dice = test_random(&random);

	if (dice % 2)
		POOL_CRITICAL(self)
			count_up(&board->counter, job);
	if (dice % 3)
		POOL_ORDERED(self) {
			board->order[board->entered] = job;
			board->entered = board->entered + 1;
			if (dice % 5 == 0)
				POOL_CRITICAL(self)
					count_up(&board->counter, job);
		}
	return dice % 7 ? pool_return(self, &dice, sizeof dice) : 0;
}

START_TEST(sections_hold_map_after_map)
{
	struct board *board = test_shared(sizeof *board);
	int maps = test_slow() ? 10 : 100;

	for (size_t p = 0; p < COUNT(nps); p++) {
		struct pool *pool = test_open(&(struct pool_options){ .np = nps[p], .backend = backends[_i],
			.in_order = true, .early_bytes = 16 });

		for (int i = 0; i < maps; i++) {
			long counted = 0;
			size_t entered = 0;

			memset(board, 0, sizeof *board);
			board->kind = i;
			for (size_t job = 0; job < 150; job++) {
				uint64_t random = job * 1000 + (uint64_t)i, dice = test_random(&random);

				counted += (dice % 2 != 0) + (dice % 3 && dice % 5 == 0);
				entered += dice % 3 != 0;
			}
			assert_ok(pool, pool_map(pool, 150, mixed_job, NULL, board));
			ck_assert_int_eq(board->counter, counted);
			ck_assert_uint_eq(board->entered, entered);
			ck_assert(ascends(board));
		}
		pool_close(pool);
	}
	test_unshare(board, sizeof *board);
}
END_TEST

static int nap_in_section(struct pool_worker *self, size_t job, void *arg)
{
	struct board *board = arg;

	if (board->kind == 0)
		POOL_CRITICAL(self)
			test_nap(0.2);
	else
		POOL_ORDERED(self)
			test_nap(job ? 0 : 0.4);
	return 0;
}

START_TEST(those_who_wait_for_a_section_sleep)
{
	struct board *board = test_shared(sizeof *board);
	struct pool *pool = test_open(&(struct pool_options){ .np = 3, .chunk = 1 });
	struct rusage before, after;
	double burnt, start;

	board->kind = _i;
	getrusage(RUSAGE_CHILDREN, &before);
	start = test_now();
	assert_ok(pool, pool_map(pool, 3, nap_in_section, NULL, board));
	start = test_now() - start;
	pool_close(pool);
	getrusage(RUSAGE_CHILDREN, &after);
	burnt = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) +
		(double)(after.ru_stime.tv_sec - before.ru_stime.tv_sec) +
		1e-6 * (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec) +
		1e-6 * (double)(after.ru_stime.tv_usec - before.ru_stime.tv_usec);
	ck_assert_double_ge(start, 0.35);
	ck_assert_msg(test_slow() || burnt < 0.15, "%.3f s burnt while waiting", burnt);
	test_unshare(board, sizeof *board);
}
END_TEST

Suite *sections_suite(void)
{
	Suite *suite = suite_create("sections");
	TCase *test = test_case(suite, "sections", 40);

	tcase_add_loop_test(test, critical_lets_one_worker_in_at_a_time, 0, 3);
	tcase_add_test(test, crosstest_without_critical_updates_are_lost);
	tcase_add_loop_test(test, ordered_goes_by_the_jobs_ids, 0, 3 * KINDS);
	tcase_add_test(test, crosstest_without_ordered_jobs_come_in_any_order);
	tcase_add_loop_test(test, a_block_ends_by_any_way_out, 0, 3);
	tcase_add_loop_test(test, a_misused_section_fails_the_job_and_never_hangs, 0, 3 * MISUSES);
	tcase_add_loop_test(test, a_job_may_fail_inside_a_section, 0, 6);
	tcase_add_loop_test(test, a_failure_reaches_those_who_wait, 0, 4);
	tcase_add_loop_test(test, sections_hold_map_after_map, 0, 3);
	tcase_add_loop_test(test, those_who_wait_for_a_section_sleep, 0, 2);
	return suite;
}
