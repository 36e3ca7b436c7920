/* SPDX-License-Identifier: MIT */
/* Which worker gets which jobs. */
#include "suites.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof (array) / sizeof *(array))

static const int backends[] = { POOL_FORK, POOL_THREAD };

/* Maps `njobs` and leaves in the ledger who ran what. */
static void map_jobs(struct ledger *ledger, const struct pool_options *options, size_t njobs)
{
	struct pool *pool = test_open(options);
	const char *wrong;

	ledger_open(ledger, njobs, smaller(options->np, njobs));
	assert_ok(pool, pool_map(pool, njobs, ledger_work, ledger_reduce, ledger));
	wrong = ledger_complete(ledger);
	ck_assert_msg(!wrong, "%s", wrong);
	pool_close(pool);
}

START_TEST(static_deals_given_chunks_in_turn)
{
	static const size_t chunks[] = { 1, 3, 7, 1000 };

	for (size_t c = 0; c < COUNT(chunks); c++)
		for (int np = 1; np <= 5; np++) {
			struct ledger ledger;

			map_jobs(&ledger, &(struct pool_options){ .np = np, .backend = backends[_i],
				.schedule = POOL_STATIC, .chunk = chunks[c] }, 100);
			for (size_t job = 0; job < 100; job++)
				ck_assert_uint_eq(ledger.rank_of[job], job / chunks[c] % (size_t)np);
			ledger_close(&ledger);
		}
}
END_TEST

START_TEST(static_without_a_chunk_gives_equal_shares)
{
	static const size_t counts[] = { 1, 5, 99, 100, 101, 1003 };

	for (size_t n = 0; n < COUNT(counts); n++)
		for (int np = 1; np <= 8; np++) {
			struct ledger ledger;
			size_t workers = (size_t)smaller(np, counts[n]);

			map_jobs(&ledger, &(struct pool_options){ .np = np, .backend = backends[_i],
				.schedule = POOL_STATIC }, counts[n]);
			for (size_t job = 1; job < counts[n]; job++)
				ck_assert_uint_le(ledger.rank_of[job - 1], ledger.rank_of[job]);
			for (size_t rank = 0; rank < workers; rank++) {
				ck_assert_uint_ge(ledger.ranks[rank].jobs, counts[n] / workers);
				ck_assert_uint_le(ledger.ranks[rank].jobs, (counts[n] - 1) / workers + 1);
			}
			ledger_close(&ledger);
		}
}
END_TEST

START_TEST(a_given_chunk_is_taken_at_once)
{
	struct ledger ledger;

	map_jobs(&ledger, &(struct pool_options){ .np = 4, .backend = backends[_i / 2],
		.schedule = _i % 2 ? POOL_DYNAMIC : POOL_SCHEDULE_DEFAULT, .chunk = 7 }, 1000);
	for (size_t job = 0; job < 1000; job++)
		ck_assert_uint_eq(ledger.rank_of[job], ledger.rank_of[job / 7 * 7]);
	ledger_close(&ledger);
}
END_TEST

struct meeting { _Atomic int come[64]; int size; };

/* Ends when `size` jobs have begun since the last such group: each of them in
 * another worker, all at once. */
static int meet(struct pool_worker *self, size_t job, void *arg)
{
	struct meeting *meeting = arg;
	_Atomic int *come = &meeting->come[job / (size_t)meeting->size];

	atomic_fetch_add(come, 1);
	if (!test_await(come, meeting->size, 5))
		return pool_fail(self, "%d jobs begun, not %d", *come, meeting->size);
	test_nap(1e-3);
	return 0;
}

/* Long jobs are never taken two at once while somebody is idle, neither before
 * the first one was measured nor after. */
START_TEST(long_jobs_are_taken_one_by_one)
{
	static const int schedules[] = { POOL_SCHEDULE_DEFAULT, POOL_DYNAMIC };
	struct meeting *meeting = test_shared(sizeof *meeting);
	struct pool *pool = test_open(&(struct pool_options){ .np = 4, .backend = backends[_i / 2],
							      .schedule = schedules[_i % 2] });

	for (size_t njobs = 4; njobs <= 40; njobs += 36) {
		memset(meeting, 0, sizeof *meeting);
		meeting->size = 4;
		assert_ok(pool, pool_map(pool, njobs, meet, NULL, meeting));
	}
	pool_close(pool);
	test_unshare(meeting, sizeof *meeting);
}
END_TEST

/* The first worker is held at its first job until all others are done: it must
 * not have taken more than it should. */
struct held { _Atomic int done; int njobs, most; };

static int hold_first(struct pool_worker *self, size_t job, void *arg)
{
	struct held *held = arg;

	if (job == 0 && !test_await(&held->done, held->njobs - held->most, 5))
		return pool_fail(self, "only %d jobs done by the others", held->done);
	atomic_fetch_add(&held->done, 1);
	return 0;
}

static void check_held(struct pool_options options, int njobs, int most)
{
	struct held *held = test_shared(sizeof *held);
	struct pool *pool = test_open(&options);

	held->njobs = njobs;
	held->most = most;
	assert_ok(pool, pool_map(pool, (size_t)njobs, hold_first, NULL, held));
	pool_close(pool);
	test_unshare(held, sizeof *held);
}

START_TEST(nobody_waits_for_jobs_behind_a_long_one)
{
	struct pool_options options = { .np = 3, .backend = backends[_i], .schedule = POOL_DYNAMIC };

	check_held(options, 1000, 1); /* unmeasured: one at a time */
	options.chunk = 7;
	check_held(options, 1000, 7);
	options.schedule = POOL_GUIDED; /* at most an equal share of what is left */
	check_held(options, 1000, 334);
}
END_TEST

START_TEST(runtime_is_what_omp_schedule_says)
{
	struct ledger ledger;
	struct pool_options options = { .np = 3, .backend = backends[_i], .schedule = POOL_RUNTIME };

	setenv("OMP_SCHEDULE", "static,4", 1);
	map_jobs(&ledger, &options, 100);
	for (size_t job = 0; job < 100; job++)
		ck_assert_uint_eq(ledger.rank_of[job], job / 4 % 3);
	ledger_close(&ledger);
	setenv("OMP_SCHEDULE", " Static ", 1);
	map_jobs(&ledger, &options, 99);
	for (size_t job = 0; job < 99; job++)
		ck_assert_uint_eq(ledger.rank_of[job], job / 33);
	ledger_close(&ledger);
	setenv("OMP_SCHEDULE", "dynamic, 5", 1);
	map_jobs(&ledger, &options, 100);
	for (size_t job = 0; job < 100; job++)
		ck_assert_uint_eq(ledger.rank_of[job], ledger.rank_of[job / 5 * 5]);
	ledger_close(&ledger);
	setenv("OMP_SCHEDULE", "monotonic:static,2", 1);
	map_jobs(&ledger, &options, 100);
	for (size_t job = 0; job < 100; job++)
		ck_assert_uint_eq(ledger.rank_of[job], job / 2 % 3);
	ledger_close(&ledger);
	static const char *const others[] = { "guided", "guided,3", "auto", "", "sttic", "static,-1",
					      "dynamic,x", "7" };
	for (size_t i = 0; i < COUNT(others); i++) {
		setenv("OMP_SCHEDULE", others[i], 1);
		map_jobs(&ledger, &options, 100);
		ledger_close(&ledger);
	}
	unsetenv("OMP_SCHEDULE");
	map_jobs(&ledger, &options, 100);
	ledger_close(&ledger);
}
END_TEST

START_TEST(chunks_larger_than_the_map_do_no_harm)
{
	static const size_t chunks[] = { 1000, SIZE_MAX / 2, SIZE_MAX - 1, SIZE_MAX };

	for (int schedule = POOL_STATIC; schedule <= POOL_GUIDED; schedule++)
		for (size_t c = 0; c < COUNT(chunks); c++) {
			struct ledger ledger;

			map_jobs(&ledger, &(struct pool_options){ .np = 3, .backend = backends[_i],
				.schedule = schedule, .chunk = chunks[c] }, 100);
			ledger_close(&ledger);
		}
}
END_TEST

static int stop_at_once(struct pool_worker *self, size_t job, void *arg)
{
	(void)self, (void)arg;
	return job >= 3000;
}

/* Nothing may wrap around, whatever the chunk. */
START_TEST(the_largest_number_of_jobs_can_be_begun)
{
	const size_t most = (size_t)1 << 40;

	for (int schedule = POOL_STATIC; schedule <= POOL_GUIDED; schedule++)
		for (size_t chunk = 0; chunk < 8; chunk += 7) {
			struct pool *pool = test_open(&(struct pool_options){ .np = 3,
				.backend = backends[_i], .schedule = schedule, .chunk = chunk });

			assert_status(pool, POOL_FAILED, pool_map(pool, most, stop_at_once, NULL, NULL));
			ck_assert_uint_ge(pool_error(pool)->job, 3000);
			assert_status(pool, POOL_INVALID, pool_map(pool, most + 1, stop_at_once, NULL, NULL));
			assert_status(pool, POOL_INVALID, pool_map(pool, SIZE_MAX, stop_at_once, NULL, NULL));
			pool_close(pool);
		}
}
END_TEST

Suite *schedule_suite(void)
{
	Suite *suite = suite_create("schedule");
	TCase *test = test_case(suite, "schedule", 20);

	tcase_add_loop_test(test, static_deals_given_chunks_in_turn, 0, 2);
	tcase_add_loop_test(test, static_without_a_chunk_gives_equal_shares, 0, 2);
	tcase_add_loop_test(test, a_given_chunk_is_taken_at_once, 0, 4);
	tcase_add_loop_test(test, long_jobs_are_taken_one_by_one, 0, 4);
	tcase_add_loop_test(test, nobody_waits_for_jobs_behind_a_long_one, 0, 2);
	tcase_add_loop_test(test, runtime_is_what_omp_schedule_says, 0, 2);
	tcase_add_loop_test(test, chunks_larger_than_the_map_do_no_harm, 0, 2);
	tcase_add_loop_test(test, the_largest_number_of_jobs_can_be_begun, 0, 2);
	return suite;
}
