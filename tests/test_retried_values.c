/* SPDX-License-Identifier: MIT */
/* The values of jobs that are retried: in order, large, collected. */
#include "books.h"
#include "suites.h"

#include <string.h>

#define COUNT(array) (sizeof (array) / sizeof *(array))

enum { BACKENDS = 3 };

static double sum;

static int return_a_share(struct pool_worker *self, size_t job, void *arg)
{
	struct books *books = arg;
	double value = 1.0 / (double)(3 + job * 7919 % 1000);

	if (atomic_fetch_add(&books->tried[job], 1) < books->fails[job]) {
		value = 1e30;
		if (pool_return(self, &value, sizeof value))
			return 1;
		return books_fail(self, BY_KILL, job);
	}
	return pool_return(self, &value, sizeof value);
}

static int add(size_t job, const void *value, size_t size, void *arg)
{
	(void)job, (void)size, (void)arg;
	sum = sum * 1.000001 + *(const double *)value;
	return 0;
}

START_TEST(sums_in_order_have_the_bits_of_a_serial_run)
{
	double serial = 0;

	for (int round = 0; round < 8; round++) {
		struct pool *pool = test_open(&(struct pool_options){ .np = 1 + 3 * round, .in_order = true,
			.retries = 1, .schedule = POOL_STATIC + round % 3, .early_bytes = round % 2 ? 64 : 0,
			.backend = round ? POOL_FORK : POOL_SERIAL });
		struct books books;

		books_open(&books, 500, BY_KILL);
		if (round)
			books_spoil(&books, 37, 1);
		sum = 0;
		assert_ok(pool, pool_map(pool, books.njobs, return_a_share, add, &books));
		if (!round)
			serial = sum;
		ck_assert(!memcmp(&sum, &serial, sizeof serial));
		books_close(&books);
		pool_close(pool);
	}
}
END_TEST

/* _i: schedule x early_bytes. Values of up to 5 MiB, and deaths. */
START_TEST(large_values_survive_the_deaths_around_them)
{
	static const size_t early[] = { 0, 1, 100000 };

	for (int np = 1; np <= 8; np += 7) {
		struct books books;

		books_open(&books, 24, BY_TURNS);
		books.size = (size_t)5 << 20;
		ck_assert_int_eq(books_run(&books, &(struct pool_options){ .np = np, .schedule = POOL_STATIC + _i % 3,
			.in_order = true, .early_bytes = early[_i / 3], .retries = 2, .chunk = (size_t)(_i % 2) * 3 },
			5, 2), POOL_OK);
		books_check(&books, 2, true, "5 MiB");
		books_close(&books);
	}
}
END_TEST

START_TEST(values_that_fill_the_ring_survive_the_deaths_around_them)
{
	static const size_t sizes[] = { 1000, 30000, 70000, 300000 };

	for (size_t s = 0; s < COUNT(sizes); s++) {
		struct books books;

		books_open(&books, 200, BY_TURNS);
		books.size = sizes[s];
		ck_assert_int_eq(books_run(&books, &(struct pool_options){ .np = 3, .schedule = POOL_STATIC + _i % 3,
			.in_order = _i / 3, .early_bytes = 5000, .retries = 1 }, 23, 1), POOL_OK);
		books_check(&books, 1, true, "ring");
		books_close(&books);
	}
}
END_TEST

static int return_much(struct pool_worker *self, size_t job, void *arg)
{
	size_t size = (size_t)3 << 20;
	char *space = pool_return_space(self, size);

	(void)arg;
	if (!space)
		return 1;
	memset(space, (int)job, size);
	return 0;
}

/* A pool_return that fails since the map is ending. _i: backend. */
START_TEST(what_a_cancel_makes_fail_has_not_failed_for_good)
{
	for (int round = 0; round < 30; round++) {
		struct pool *pool = test_open(&(struct pool_options){ .np = 4, .on_failure = POOL_CONTINUE,
			.backend = POOL_FORK + _i });
		struct books books;
		size_t count = 9;

		books_open(&books, 60, BY_RETURN);
		books.stop_at = 20;
		books.cancel = pool;
		assert_status(pool, POOL_CANCELLED, pool_map(pool, books.njobs, return_much, books_reduce, &books));
		ck_assert_ptr_null(pool_failures(pool, &count));
		ck_assert_uint_eq(count, 0);
		pool_close(pool);
		books_close(&books);
	}
}
END_TEST

static int collect_work(struct pool_worker *self, size_t job, void *arg)
{
	struct books *books = arg;
	uint64_t value[2] = { job * 3 + 1, 0 };
	int before = atomic_fetch_add(&books->tried[job], 1);

	if (before >= books->fails[job])
		return pool_return(self, value, 8);
	if (books->way == BY_TURNS) /* here: another size */
		return pool_return(self, value, 8 + job % 2 * 8 - (job + 1) % 2);
	if (pool_return(self, value, 16))
		return 1;
	return books_fail(self, books->way, job);
}

static void collect(int backend, bool in_order, unsigned retries, unsigned times, enum way way)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 4, .backend = backend, .in_order = in_order,
		.retries = retries, .on_failure = POOL_CONTINUE });
	uint64_t results[200];
	struct books books;
	size_t count = 77;

	books_open(&books, COUNT(results), way);
	books_spoil(&books, 9, times);
	memset(results, 0xEE, sizeof results);
	assert_status(pool, times > retries ? POOL_INCOMPLETE : POOL_OK,
		      pool_collect(pool, COUNT(results), collect_work, results, 8, &books));
	pool_failures(pool, &count);
	ck_assert_uint_eq(count, times > retries ? 22 : 0);
	for (size_t job = 0; job < COUNT(results); job++) {
		int tries = 1 + (int)(books.fails[job] < retries ? books.fails[job] : retries);

		ck_assert_int_eq(books.tried[job], tries);
		ck_assert_uint_eq(results[job], books.fails[job] > retries ? (uint64_t)-1 / 15 * 14 : job * 3 + 1);
	}
	books_close(&books);
	pool_close(pool);
}

/* _i: backend. */
START_TEST(collected_values_of_the_others_are_stored)
{
	for (int in_order = 0; in_order < 2; in_order++)
		for (unsigned times = 1; times < 3; times++) {
			collect(POOL_FORK + _i, in_order, 1, times, BY_POOL_FAIL);
			if (_i == 0)
				collect(POOL_FORK, in_order, 1, times, BY_KILL);
		}
}
END_TEST

START_TEST(a_collected_value_of_another_size_fails_its_job_alone)
{
	for (int in_order = 0; in_order < 2; in_order++)
		for (unsigned times = 1; times < 3; times++)
			collect(POOL_FORK + _i, in_order, 1, times, BY_TURNS);
}
END_TEST

Suite *retried_values_suite(void)
{
	Suite *suite = suite_create("retried_values");
	TCase *test = test_case(suite, "retried_values", 60);

	tcase_add_test(test, sums_in_order_have_the_bits_of_a_serial_run);
	tcase_add_loop_test(test, large_values_survive_the_deaths_around_them, 0, 9);
	tcase_add_loop_test(test, values_that_fill_the_ring_survive_the_deaths_around_them, 0, 6);
	tcase_add_loop_test(test, what_a_cancel_makes_fail_has_not_failed_for_good, 0, BACKENDS);
	tcase_add_loop_test(test, collected_values_of_the_others_are_stored, 0, BACKENDS);
	tcase_add_loop_test(test, a_collected_value_of_another_size_fails_its_job_alone, 0, BACKENDS);
	return suite;
}
