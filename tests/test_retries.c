/* SPDX-License-Identifier: MIT */
/* Jobs that fail a few times, or for good: how often they are tried, what is
 * reduced of them, and what is said of them. */
#include "books.h"
#include "suites.h"

#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof (array) / sizeof *(array))

static const int nps[] = { 1, 3, 8, 33 };
static const size_t chunks[] = { 0, 1, 7 };
enum { BACKENDS = 3, SCHEDULES = 3 };

/* _i: backend x schedule. Of fork, deaths and returned failures by turns. */
static void go_through(int i, int np, size_t chunk, bool in_order, unsigned retries,
		       enum pool_on_failure policy, enum way way)
{
	int backend = POOL_FORK + i / SCHEDULES, schedule = POOL_STATIC + i % SCHEDULES, status, wanted = POOL_OK;
	struct pool *pool = test_open(&(struct pool_options){ .np = np, .backend = backend, .schedule = schedule,
		.chunk = chunk, .in_order = in_order, .retries = retries, .on_failure = policy });
	size_t failed = 0, count = 99;
	const struct pool_error *list;
	struct books books;
	char what[120];

	snprintf(what, sizeof what, "backend %d, schedule %d, np %d, chunk %zu, in order %d, way %d", backend,
		 schedule, np, chunk, in_order, (int)way);
	books_open(&books, 100, way);
	books.in_order = in_order;
	for (size_t job = 0; job < books.njobs; job++) {
		books.fails[job] = job % 11 == 3 ? (unsigned char)(1 + job / 11 % 3) : 0;
		failed += books.fails[job] > retries;
	}
	if (failed)
		wanted = policy == POOL_CONTINUE ? POOL_INCOMPLETE : way < BY_KILL ? POOL_FAILED : POOL_CRASHED;
	status = pool_map(pool, books.njobs, books_work, books_reduce, &books);
	ck_assert_msg(status == wanted, "%s: %s, not %s: %s", what, pool_status_name(status),
		      pool_status_name(wanted), pool_error(pool)->message);
	books_check(&books, retries, wanted == POOL_OK || wanted == POOL_INCOMPLETE, what);
	list = pool_failures(pool, &count);
	if (wanted == POOL_OK || wanted == POOL_INCOMPLETE) {
		ck_assert_msg(count == failed, "%s: %zu failures, not %zu", what, count, failed);
		ck_assert((list != NULL) == (failed > 0));
	}
	for (size_t k = 0; k < count; k++) {
		char name[40];

		snprintf(name, sizeof name, "job %zu ", list[k].job);
		ck_assert(k == 0 || list[k].job > list[k - 1].job);
		ck_assert_uint_gt(books.fails[list[k].job], retries);
		ck_assert_int_eq(list[k].status, way < BY_KILL ? POOL_FAILED : POOL_CRASHED);
		ck_assert_int_eq(list[k].code, way_codes[way]);
		ck_assert_msg(strstr(list[k].message, name) != NULL, "%s", list[k].message);
		ck_assert_int_ge(list[k].rank, 0);
		ck_assert_int_lt(list[k].rank, np);
		ck_assert_int_gt(list[k].pid, 0);
		ck_assert((list[k].pid == getpid()) == (backend != POOL_FORK));
		ck_assert_ptr_nonnull(list[k].backtrace);
	}
	if (wanted == POOL_FAILED || wanted == POOL_CRASHED) {
		ck_assert_uint_gt(books.fails[pool_error(pool)->job], retries);
		ck_assert_int_eq(pool_error(pool)->code, way_codes[way]);
		ck_assert_uint_ge(count, 1);
	}
	if (backend == POOL_FORK && wanted != POOL_OK)
		assert_no_child();
	pool_close(pool);
	books_close(&books);
}

START_TEST(a_job_that_fails_is_tried_again_by_itself_alone)
{
	for (size_t c = 0; c < COUNT(chunks); c++)
		for (size_t p = 0; p < COUNT(nps); p++)
			for (int in_order = 0; in_order < 2; in_order++)
				go_through(_i, nps[p], chunks[c], in_order, 3, in_order ? POOL_CONTINUE : POOL_STOP,
					   (enum way)(c + p) % BY_KILL);
}
END_TEST

START_TEST(a_job_that_fails_once_too_often_ends_the_map)
{
	for (size_t c = 0; c < COUNT(chunks); c++)
		for (size_t p = 0; p < COUNT(nps); p++)
			go_through(_i, nps[p], chunks[c], (c + p) % 2, (unsigned)p % 3, POOL_STOP,
				   (enum way)(c + p) % BY_KILL);
}
END_TEST

START_TEST(the_others_go_on_without_a_job_that_failed_for_good)
{
	for (size_t c = 0; c < COUNT(chunks); c++)
		for (size_t p = 0; p < COUNT(nps); p++)
			go_through(_i, nps[p], chunks[c], (c + p) % 2, (unsigned)(c + p) % 3, POOL_CONTINUE,
				   (enum way)(c + p) % BY_KILL);
}
END_TEST

/* _i: way x schedule, on fork. */
START_TEST(a_job_that_kills_its_worker_is_tried_again_by_itself_alone)
{
	enum way way = BY_KILL + _i / SCHEDULES;

	for (size_t p = 0; p < COUNT(nps); p++)
		go_through(_i % SCHEDULES, nps[p], chunks[(p + (size_t)_i) % 3], p % 2, 3, POOL_STOP, way);
}
END_TEST

START_TEST(jobs_that_kill_every_worker_are_told_of)
{
	enum way way = BY_KILL + _i / SCHEDULES;

	for (size_t p = 0; p < COUNT(nps); p++)
		for (unsigned retries = 0; retries < 2; retries++)
			go_through(_i % SCHEDULES, nps[p], chunks[(p + (size_t)_i) % 3], (p + retries) % 2, retries,
				   retries + p / 2 == 1 ? POOL_STOP : POOL_CONTINUE, way);
}
END_TEST

START_TEST(sixty_four_workers_mend_as_few_do)
{
	go_through(_i, 64, 1, true, 3, POOL_STOP, BY_RETURN);
	if (_i < SCHEDULES)
		go_through(_i, 64, 0, true, 3, POOL_STOP, BY_KILL);
}
END_TEST

/* In shared memory. */
struct passes {
	_Atomic size_t ran, passed;
};

/* One in ten fails, before, in or behind its ordered section. */
static int pass_or_fail(struct pool_worker *self, size_t job, void *arg)
{
	struct passes *passes = arg;

	passes->ran++;
	if (job % 30 == 3)
		return 7;
	POOL_ORDERED(self) {
		passes->passed++;
		if (job % 30 == 13)
			break;
	}
	return job % 30 == 23;
}

/* _i: backend x schedule. */
START_TEST(jobs_that_nobody_waits_for_go_on_behind_a_failure)
{
	for (size_t c = 0; c < COUNT(chunks); c++)
		for (size_t p = 0; p < 3; p++) {
			struct passes *passes = test_shared(sizeof *passes);
			struct pool *pool = test_open(&(struct pool_options){ .np = nps[p], .chunk = chunks[c],
				.backend = POOL_FORK + _i / SCHEDULES, .schedule = POOL_STATIC + _i % SCHEDULES,
				.on_failure = POOL_CONTINUE });
			size_t count;

			assert_status(pool, POOL_INCOMPLETE, pool_map(pool, 600, pass_or_fail, NULL, passes));
			pool_failures(pool, &count);
			ck_assert_uint_eq(count, 40);
			ck_assert_uint_eq(passes->ran, 600);
			ck_assert_uint_eq(passes->passed, 580);
			pool_close(pool);
			test_unshare(passes, sizeof *passes);
		}
}
END_TEST

Suite *retries_suite(void)
{
	Suite *suite = suite_create("retries");
	TCase *test = test_case(suite, "retries", 60);

	tcase_add_loop_test(test, a_job_that_fails_is_tried_again_by_itself_alone, 0, BACKENDS * SCHEDULES);
	tcase_add_loop_test(test, a_job_that_fails_once_too_often_ends_the_map, 0, BACKENDS * SCHEDULES);
	tcase_add_loop_test(test, the_others_go_on_without_a_job_that_failed_for_good, 0, BACKENDS * SCHEDULES);
	tcase_add_loop_test(test, a_job_that_kills_its_worker_is_tried_again_by_itself_alone, 0,
			    (WAYS - BY_KILL) * SCHEDULES);
	tcase_add_loop_test(test, jobs_that_kill_every_worker_are_told_of, 0, (WAYS - BY_KILL) * SCHEDULES);
	tcase_add_loop_test(test, jobs_that_nobody_waits_for_go_on_behind_a_failure, 0, BACKENDS * SCHEDULES);
	tcase_add_loop_test(test, sixty_four_workers_mend_as_few_do, 0, BACKENDS * SCHEDULES);
	return suite;
}
