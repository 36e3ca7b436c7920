/* SPDX-License-Identifier: MIT */
/* What goes on amid retries: sections, reduce, cancel, few jobs and very many. */
#include "books.h"
#include "suites.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof (array) / sizeof *(array))

static const int nps[] = { 1, 3, 8, 33 };
static const size_t chunks[] = { 0, 1, 7 };
enum { BACKENDS = 3, SCHEDULES = 3 };

/* _i: backend x schedule; one job in seven fails twice, on fork by all ways. */
START_TEST(a_retried_job_keeps_its_turn)
{
	int backend = POOL_FORK + _i / SCHEDULES;

	for (size_t c = 0; c < COUNT(chunks); c++)
		for (size_t p = 0; p < COUNT(nps); p++) {
			struct books books;
			char what[60];

			snprintf(what, sizeof what, "np %d, chunk %zu", nps[p], chunks[c]);
			books_open(&books, 60, backend == POOL_FORK ? BY_TURNS : BY_RETURN);
			books.sections = ORDERED | CRITICAL;
			ck_assert_int_eq(books_run(&books, &(struct pool_options){ .np = nps[p], .backend = backend,
				.schedule = POOL_STATIC + _i % SCHEDULES, .chunk = chunks[c], .retries = 2,
				.in_order = p % 2 }, 7, 2), POOL_OK);
			books_check(&books, 2, true, what);
			ck_assert_uint_eq(books.shared->entries, books.njobs);
			ck_assert_uint_eq(books.shared->unguarded, books.njobs);
			for (size_t k = 0; k < books.njobs; k++)
				ck_assert_msg(books.entered[k] == k, "%s: job %zu was %zu-th", what,
					      (size_t)books.entered[k], k);
			books_close(&books);
		}
}
END_TEST

START_TEST(a_failure_behind_the_section_hangs_nobody)
{
	int backend = POOL_FORK + _i / SCHEDULES;

	for (size_t p = 0; p < COUNT(nps); p++)
		for (int goes_on = 0; goes_on < 2; goes_on++) {
			struct books books;

			books_open(&books, 60, backend == POOL_FORK ? BY_TURNS : BY_POOL_FAIL);
			books.sections = ORDERED_BEFORE_FAILING;
			ck_assert_int_eq(books_run(&books, &(struct pool_options){ .np = nps[p], .backend = backend,
				.schedule = POOL_STATIC + _i % SCHEDULES, .chunk = chunks[p % 3],
				.retries = goes_on ? 1 : 2, .on_failure = goes_on ? POOL_CONTINUE : POOL_STOP }, 7, 2),
				goes_on ? POOL_INCOMPLETE : POOL_OK);
			books_check(&books, goes_on ? 1 : 2, true, "behind");
			books_close(&books);
		}
}
END_TEST

/* _i: backend. */
START_TEST(reduce_may_end_the_map_amid_retries)
{
	for (int round = 0; round < 24; round++) {
		struct books books;
		int said = round % 2 ? POOL_ENOUGH : -5;

		books_open(&books, 300, _i ? BY_RETURN : BY_TURNS);
		books.stop_at = 1 + (size_t)round * 7;
		books.stop_with = said;
		ck_assert_int_eq(books_run(&books, &(struct pool_options){ .np = 1 + round % 9, .backend = POOL_FORK + _i,
			.in_order = round % 3 == 0, .retries = 1, .schedule = POOL_STATIC + round % 3,
			.on_failure = round / 2 % 2 }, 6, 1), said == POOL_ENOUGH ? POOL_OK : POOL_REDUCE_FAILED);
		books_check(&books, 1, false, "reduce ends");
		ck_assert_uint_eq(books.calls, books.stop_at);
		books_close(&books);
	}
}
END_TEST

/* Job 0 fails when others wait behind it. */
static int fail_last(struct pool_worker *self, size_t job, void *arg)
{
	struct books *books = arg;

	if (job > 0)
		atomic_fetch_add(&books->shared->inside, 1);
	else if (!test_await(&books->shared->inside, 9, 5))
		return 2;
	test_nap(job == 0 ? 20e-3 : 0); /* the master has taken in what the others returned */
	return job == 0 ? 1 : pool_return(self, &job, sizeof job);
}

START_TEST(reduce_may_end_the_map_behind_a_job_that_failed)
{
	for (int said = POOL_ENOUGH, i = 0; i < 2; said = -5, i++) {
		struct books books;
		struct pool *pool = test_open(&(struct pool_options){ .np = 2, .chunk = 1, .in_order = true,
			.on_failure = POOL_CONTINUE });

		books_open(&books, 10, BY_RETURN);
		books.stop_at = 4;
		books.stop_with = said;
		assert_status(pool, i ? POOL_REDUCE_FAILED : POOL_OK,
			      pool_map(pool, books.njobs, fail_last, books_reduce, &books));
		ck_assert_uint_eq(books.calls, 4);
		pool_close(pool);
		books_close(&books);
	}
}
END_TEST

START_TEST(a_cancel_amid_retries_wins)
{
	for (int round = 0; round < 24; round++) {
		struct books books;

		books_open(&books, 300, _i ? BY_RETURN : BY_TURNS);
		books.stop_at = 1 + (size_t)round * 7;
		books.cancel = (struct pool *)&books;
		books.sections = round % 4 ? ORDERED : 0;
		ck_assert_int_eq(books_run(&books, &(struct pool_options){ .np = 1 + round % 9, .backend = POOL_FORK + _i,
			.in_order = round % 3 == 0, .retries = 1, .schedule = POOL_STATIC + round % 3,
			.on_failure = round % 5 ? round / 2 % 2 : POOL_CONTINUE }, 6, round % 5 ? 1 : 2),
			POOL_CANCELLED);
		books_check(&books, 1, false, "cancelled");
		books_close(&books);
	}
}
END_TEST

/* _i: njobs; more workers than jobs. */
START_TEST(few_jobs_are_mended_like_many)
{
	for (int np = 1; np < 50; np += 16)
		for (enum way way = 0; way < WAYS; way++) {
			struct books books;

			books_open(&books, (size_t)_i, way);
			ck_assert_int_eq(books_run(&books, &(struct pool_options){ .np = np, .retries = 2,
				.in_order = np % 3 }, 1, 2), POOL_OK);
			books_check(&books, 2, true, "few");
			books_close(&books);
			books_open(&books, (size_t)_i, way);
			ck_assert_int_eq(books_run(&books, &(struct pool_options){ .np = np, .retries = 1,
				.on_failure = POOL_CONTINUE }, 1, 2), POOL_INCOMPLETE);
			books_check(&books, 1, true, "few");
			books_close(&books);
		}
}
END_TEST

static int die_now_and_then(struct pool_worker *self, size_t job, void *arg)
{
	_Atomic int *deaths = arg;

	(void)self;
	if (job % 100000 == 77777 && deaths[job / 100000]++ == 0)
		kill(getpid(), SIGKILL);
	return 0;
}

static double sum;

static int count(size_t job, const void *value, size_t size, void *arg)
{
	(void)job, (void)arg;
	sum += value || size ? 1e9 : 1;
	return 0;
}

START_TEST(a_million_empty_jobs_may_be_retried)
{
	_Atomic int *deaths = test_shared(10 * sizeof *deaths);

	for (int round = 0; round < 6; round++) {
		struct pool *pool = test_open(&(struct pool_options){ .np = 3, .retries = 1,
			.schedule = POOL_STATIC + round % 3 });

		sum = 0;
		for (int k = 0; k < 10; k++)
			deaths[k] = 0;
		assert_ok(pool, pool_map(pool, 1000000, die_now_and_then, round < 3 ? count : NULL, deaths));
		ck_assert(round >= 3 || sum == 1e6);
		for (int k = 0; k < 10; k++)
			ck_assert_int_eq(deaths[k], 2);
		pool_close(pool);
	}
	test_unshare(deaths, 10 * sizeof *deaths);
}
END_TEST

/* The same checks find a job that is not tried again. */
START_TEST(crosstest_without_retries_jobs_are_missing)
{
	struct books books;

	books_open(&books, 60, BY_RETURN);
	ck_assert_int_eq(books_run(&books, &(struct pool_options){ .np = 3, .on_failure = POOL_CONTINUE }, 7, 1),
			 POOL_INCOMPLETE);
	ck_assert_int_eq(books.tried[3], 1);
	ck_assert_int_eq(books.reduced[3], 0);
	books_close(&books);
}
END_TEST

Suite *amid_suite(void)
{
	Suite *suite = suite_create("amid");
	TCase *test = test_case(suite, "amid", 60);

	tcase_add_loop_test(test, a_retried_job_keeps_its_turn, 0, BACKENDS * SCHEDULES);
	tcase_add_loop_test(test, a_failure_behind_the_section_hangs_nobody, 0, BACKENDS * SCHEDULES);
	tcase_add_loop_test(test, reduce_may_end_the_map_amid_retries, 0, BACKENDS);
	tcase_add_test(test, reduce_may_end_the_map_behind_a_job_that_failed);
	tcase_add_loop_test(test, a_cancel_amid_retries_wins, 0, BACKENDS);
	tcase_add_loop_test(test, few_jobs_are_mended_like_many, 1, 4);
	tcase_add_test(test, a_million_empty_jobs_may_be_retried);
	tcase_add_test(test, crosstest_without_retries_jobs_are_missing);
	return suite;
}
