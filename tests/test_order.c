/* SPDX-License-Identifier: MIT */
/* in_order: reduce sees jobs in the order of their ids, whoever is first. */
#include "suites.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT(array) (sizeof (array) / sizeof *(array))

static const int backends[] = { POOL_FORK, POOL_THREAD, POOL_SERIAL };
static const int nps[] = { 1, 2, 3, 8 };

/* Terms of very different size, so that another order gives other bits. */
static int term(struct pool_worker *self, size_t job, void *arg)
{
	uint64_t random = job;
	double value = (double)test_random(&random) * (job % 7 == 2 ? 1e12 : 1e-7);

	(void)arg;
	if (job % 2)
		value = -value;
	if (job % 97 == 0)
		test_nap(200e-6);
	return pool_return(self, &value, sizeof value);
}

static int add(size_t job, const void *value, size_t size, void *arg)
{
	(void)job, (void)size;
	*(double *)arg += *(const double *)value;
	return 0;
}

START_TEST(a_sum_has_the_same_bits_on_every_run)
{
	struct pool *pool = test_open(&(struct pool_options){ .backend = POOL_SERIAL });
	double serial = 0.1;

	assert_ok(pool, pool_map(pool, 3001, term, add, &serial));
	pool_close(pool);
	for (size_t p = 0; p < COUNT(nps); p++)
		for (int chunk = 0; chunk < 3; chunk++) {
			double sum = 0.1;

			pool = test_open(&(struct pool_options){ .np = nps[p], .backend = backends[_i],
				.chunk = (size_t)chunk * 5, .schedule = POOL_STATIC + chunk, .in_order = true });
			assert_ok(pool, pool_map(pool, 3001, term, add, &sum));
			ck_assert_mem_eq(&sum, &serial, sizeof sum);
			pool_close(pool);
		}
}
END_TEST

/* Without in_order the sum does come out otherwise: the test above can fail. */
START_TEST(crosstest_without_in_order_jobs_come_as_they_finish)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 8, .chunk = 1 });
	int maps, unordered = 0;

	for (maps = 0; maps < 100 && !unordered; maps++) {
		struct ledger ledger;

		ledger_open(&ledger, 3000, 8);
		ledger.in_order = true;
		assert_ok(pool, pool_map(pool, 3000, ledger_work, ledger_reduce, &ledger));
		unordered = ledger.wrong[0] != 0;
		ledger_close(&ledger);
	}
	ck_assert(unordered);
	pool_close(pool);
}
END_TEST

struct waiting { size_t size, njobs, next; int delays; bool order, fail; _Atomic int *begun; };

static void delay(size_t job, int kind)
{
	uint64_t random = job * 31 + 7;

	switch (kind) {
	case 0: if (job == 0) test_nap(20e-3); break;          /* everybody waits for the first */
	case 1: if (job % 16 == 0) test_nap(4e-3); break;
	case 2: test_nap(job % 16 < 8 ? 1e-3 * (double)(8 - job % 16) : 0); break; /* later is faster */
	default: test_nap(1e-6 * (double)(test_random(&random) % 1500)); break;
	}
}

static int late_value(struct pool_worker *self, size_t job, void *arg)
{
	struct waiting *waiting = arg;
	char *space;

	delay(job, waiting->delays);
	if (waiting->order && job % 3) {
		if (pool_ordered_begin(self))
			return 1;
		pool_ordered_end(self);
	}
	space = pool_return_space(self, waiting->size + sizeof job);
	if (!space)
		return 2;
	memcpy(space, &job, sizeof job);
	memset(space + sizeof job, (int)job, waiting->size);
	return waiting->fail && job == 70 ? 3 : 0;
}

static int take_in_order(size_t job, const void *value, size_t size, void *arg)
{
	struct waiting *waiting = arg;

	if (job != waiting->next++)
		return 11;
	if (size != waiting->size + sizeof job || memcmp(value, &job, sizeof job))
		return 12;
	if (waiting->size && ((const unsigned char *)value)[size - 1] != (unsigned char)job)
		return 13;
	return 0;
}

/* _i: kind of delays x ordered sections. Values larger than any pipe, all but
 * no room for early ones: whoever has the lowest job must never wait. */
START_TEST(no_room_for_early_values_does_not_hang)
{
	static const size_t sizes[] = { 8, 100000, 3 << 20 };

	for (int b = 0; b < 3; b++)
		for (int np = 3; np <= 8; np += 5)
			for (size_t s = 0; s < COUNT(sizes); s++) {
				struct pool *pool = test_open(&(struct pool_options){ .np = np,
					.backend = backends[b], .in_order = true, .early_bytes = 1,
					.schedule = POOL_STATIC + (int)(s + (size_t)_i) % 3,
					.chunk = s == 1 ? 5 : 0 });
				struct waiting waiting = { .size = sizes[s], .njobs = s == 2 ? 20 : 60,
							   .delays = _i % 4, .order = _i / 4 };

				assert_ok(pool, pool_map(pool, waiting.njobs, late_value, take_in_order, &waiting));
				ck_assert_uint_eq(waiting.next, waiting.njobs);
				pool_close(pool);
			}
}
END_TEST

START_TEST(a_failure_in_order_leaves_a_prefix)
{
	for (int b = 0; b < 3; b++) {
		struct pool *pool = test_open(&(struct pool_options){ .np = 3, .backend = backends[b],
			.in_order = true, .chunk = 1 });
		struct waiting waiting = { .size = 1000, .delays = 3, .fail = true };

		assert_status(pool, POOL_FAILED, pool_map(pool, 200, late_value, take_in_order, &waiting));
		ck_assert_uint_eq(pool_error(pool)->job, 70);
		ck_assert_uint_le(waiting.next, 70);
		assert_usable(pool);
		pool_close(pool);
	}
}
END_TEST

/* Job 0 ends when nothing has moved for a while: all others wait for room. */
static int run_ahead(struct pool_worker *self, size_t job, void *arg)
{
	struct waiting *waiting = arg;
	int seen = -1;

	atomic_fetch_add(waiting->begun, 1);
	while (job == 0 && seen != *waiting->begun) {
		seen = *waiting->begun;
		test_nap(0.15);
	}
	if (job == 0)
		return pool_return(self, &seen, sizeof seen);
	return pool_return_space(self, waiting->size) ? 0 : 1;
}

static int note_ahead(size_t job, const void *value, size_t size, void *arg)
{
	struct waiting *waiting = arg;

	(void)size;
	if (job == 0)
		waiting->delays = *(const int *)value;
	return job != waiting->next++;
}

START_TEST(early_bytes_bound_how_far_workers_run_ahead)
{
	struct waiting waiting = { .size = 1 << 20, .begun = test_shared(sizeof(int)) };
	struct pool *pool = test_open(&(struct pool_options){ .np = 3, .backend = backends[_i],
		.in_order = true, .early_bytes = 8 << 20, .chunk = 1 });

	assert_ok(pool, pool_map(pool, 400, run_ahead, note_ahead, &waiting));
	ck_assert_uint_eq(waiting.next, 400);
	/* 8 on the master and what the pipes of two workers hold. */
	ck_assert_int_ge(waiting.delays, 5);
	ck_assert_int_le(waiting.delays, 100);
	pool_close(pool);
	test_unshare(waiting.begun, sizeof(int));
}
END_TEST

Suite *order_suite(void)
{
	Suite *suite = suite_create("in order");
	TCase *test = test_case(suite, "in order", 30);

	tcase_add_loop_test(test, a_sum_has_the_same_bits_on_every_run, 0, 3);
	tcase_add_test(test, crosstest_without_in_order_jobs_come_as_they_finish);
	tcase_add_loop_test(test, no_room_for_early_values_does_not_hang, 0, 8);
	tcase_add_test(test, a_failure_in_order_leaves_a_prefix);
	tcase_add_loop_test(test, early_bytes_bound_how_far_workers_run_ahead, 0, 2);
	return suite;
}
