/* SPDX-License-Identifier: MIT */
/* What the interface refuses, and what it says then. */
#include "suites.h"
#include "testing.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int hook(struct pool_worker *self, void *arg)
{
	(void)self, (void)arg;
	return 0;
}

static void show(const struct pool_progress *progress, void *arg)
{
	(void)progress, (void)arg;
}

static void check_refused(const struct pool_options *options, const char *what)
{
	struct pool *pool;

	errno = 0;
	pool = pool_open(options);
	ck_assert_msg(!pool, "%s was taken", what);
	ck_assert_msg(errno == EINVAL, "%s: errno %d", what, errno);
	ck_assert_int_eq(pool_error(NULL)->status, POOL_INVALID);
	ck_assert_int_eq(pool_error(NULL)->code, EINVAL);
	ck_assert_uint_eq(pool_error(NULL)->job, SIZE_MAX);
	ck_assert_int_eq(pool_error(NULL)->rank, -1);
	ck_assert_ptr_nonnull(pool_error(NULL)->backtrace);
	ck_assert_msg(strlen(pool_error(NULL)->message) > 5, "%s: nothing is said", what);
}

#define REFUSED(...) check_refused(&(struct pool_options){ __VA_ARGS__ }, #__VA_ARGS__)

START_TEST(options_that_make_no_sense_are_einval)
{
	REFUSED(.np = -1);
	REFUSED(.np = INT_MIN);
	REFUSED(.backend = 4);
	REFUSED(.backend = -1);
	REFUSED(.backend = 100);
	REFUSED(.schedule = 5);
	REFUSED(.schedule = -1);
	REFUSED(.schedule = 16);
	REFUSED(.on_failure = 2);
	REFUSED(.on_failure = -1);
	REFUSED(.job_timeout = -1);
	REFUSED(.job_timeout = NAN);
}
END_TEST

START_TEST(options_that_are_not_built_are_einval)
{
	REFUSED(.warm = true);
	REFUSED(.progress = show);
	for (int backend = POOL_FORK; backend <= POOL_SERIAL; backend++) {
		REFUSED(.backend = backend, .warm = true);
		REFUSED(.backend = backend, .progress = show);
	}
}
END_TEST

START_TEST(reserved_fields_must_be_zero)
{
	for (int i = 0; i < 16; i++) {
		struct pool_options options = { 0 };

		options.reserved[i] = i % 2 ? 1 : (uint64_t)1 << 63;
		check_refused(&options, "reserved");
	}
}
END_TEST

START_TEST(options_that_are_built_are_taken)
{
	for (int backend = POOL_BACKEND_DEFAULT; backend <= POOL_SERIAL; backend++)
		for (int schedule = POOL_SCHEDULE_DEFAULT; schedule <= POOL_RUNTIME; schedule++) {
			struct pool *pool = test_open(&(struct pool_options){ .np = 2, .backend = backend,
				.schedule = schedule, .chunk = 3, .min_jobs = 2, .in_order = true,
				.early_bytes = 1000, .worker_begin = hook, .worker_end = hook,
				.hook_arg = &backend });

			ck_assert_int_eq(pool_np(pool), backend == POOL_SERIAL ? 1 : 2);
			assert_usable(pool);
			pool_close(pool);
		}
}
END_TEST

START_TEST(the_callers_options_may_go_after_open)
{
	struct pool_options *options = calloc(1, sizeof *options);
	struct pool *pool;

	options->np = 2;
	options->in_order = true;
	pool = test_open(options);
	memset(options, 0xFF, sizeof *options);
	free(options);
	assert_usable(pool);
	pool_close(pool);
}
END_TEST

START_TEST(opened_pools_clear_the_error_of_none)
{
	struct pool *pool;

	REFUSED(.np = -1);
	pool = test_open(NULL);
	ck_assert_int_eq(pool_error(NULL)->status, POOL_OK);
	ck_assert_int_eq(pool_error(pool)->status, POOL_OK);
	ck_assert_ptr_nonnull(pool_error(pool)->message);
	ck_assert_ptr_nonnull(pool_error(pool)->backtrace);
	ck_assert_str_eq(pool_error(pool)->backtrace, "");
	pool_close(pool);
}
END_TEST

START_TEST(statuses_have_names)
{
	static const char *const names[] = { "POOL_OK", "POOL_FAILED", "POOL_REDUCE_FAILED", "POOL_CRASHED",
		"POOL_TIMED_OUT", "POOL_TAINTED", "POOL_CANCELLED", "POOL_INCOMPLETE", "POOL_INVALID",
		"POOL_NO_RESOURCES" };

	for (int i = 0; i < 10; i++)
		ck_assert_str_eq(pool_status_name(i), names[i]);
	ck_assert_str_eq(pool_status_name(10), "unknown");
	ck_assert_str_eq(pool_status_name(-1), "unknown");
	ck_assert_str_eq(pool_status_name(INT_MAX), "unknown");
	ck_assert_str_eq(pool_status_name(INT_MIN), "unknown");
}
END_TEST

START_TEST(closing_keeps_errno)
{
	struct pool *pool = test_open(NULL);

	errno = 77;
	pool_close(NULL);
	ck_assert_int_eq(errno, 77);
	pool_close(pool);
	ck_assert_int_eq(errno, 77);
	pool = test_open(&(struct pool_options){ .np = 2 });
	assert_usable(pool);
	errno = 77;
	pool_close(pool);
	ck_assert_int_eq(errno, 77);
}
END_TEST

START_TEST(a_report_without_a_pool_tells_of_the_open_that_failed)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	REFUSED(.np = -7);
	pool_report(NULL, stream);
	fclose(stream);
	ck_assert_ptr_nonnull(strstr(text, pool_error(NULL)->message));
	free(text);
}
END_TEST

START_TEST(an_open_pool_owns_no_worker)
{
	struct pool *pools[50];

	for (int i = 0; i < 50; i++)
		pools[i] = test_open(&(struct pool_options){ .np = 33, .backend = i % 4 });
	assert_no_child();
	for (int i = 0; i < 50; i++)
		pool_close(pools[i]);
}
END_TEST

struct pools {
	struct pool *mine, *other;
	bool forks;
};

static int close_both(struct pool_worker *self, size_t job, void *arg)
{
	struct pools *pools = arg;

	if (pools->forks)
		pool_close(pools->other);
	if (pools->forks)
		pools->other = NULL;
	pool_close(pools->mine);
	return pool_return(self, &job, sizeof job);
}

static int see_it_open(size_t job, const void *value, size_t size, void *arg)
{
	struct pools *pools = arg;

	ck_assert_uint_eq(size, sizeof job);
	ck_assert_uint_eq(*(const size_t *)value, job);
	ck_assert_ptr_nonnull(pools->other);
	return 0;
}

/* As a program's own way out may, which a job goes. _i: the backend; 0: debug mode. */
START_TEST(a_job_may_close_the_pool_that_it_runs_in)
{
	enum pool_backend backend = _i ? (enum pool_backend)_i : POOL_FORK;
	struct pools pools = { test_open(&(struct pool_options){ .np = 3, .backend = backend }),
			       test_open(&(struct pool_options){ .np = 2, .backend = POOL_FORK }),
			       _i == POOL_FORK };

	assert_usable(pools.other);
	pool_set_debug(_i == 0);
	for (int i = 0; i < 3; i++)
		assert_ok(pools.mine, pool_map(pools.mine, 1000, close_both, see_it_open, &pools));
	pool_set_debug(false);
	assert_usable(pools.other);
	assert_usable(pools.mine);
	pool_close(pools.mine);
	pool_close(pools.other);
}
END_TEST

/* A child that reduce forks is none of the pool's: closing gives back what it inherited. */
static int close_in_child(size_t job, const void *value, size_t size, void *arg)
{
	struct pool *pool = arg;
	pid_t child;
	int status;

	(void)value, (void)size;
	if (job > 0)
		return 0;
	child = fork();
	if (child == 0) {
		int before = test_descriptors();

		pool_close(pool);
		_exit(before - test_descriptors() >= 2 ? 7 : 1);
	}
	return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7 ? 0 : -1;
}

static int nothing(struct pool_worker *self, size_t job, void *arg)
{
	(void)self, (void)job, (void)arg;
	return 0;
}

START_TEST(a_child_of_reduce_may_close_its_copy_of_the_pool)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .backend = POOL_FORK });

	assert_ok(pool, pool_map(pool, 10, nothing, close_in_child, pool));
	assert_usable(pool);
	pool_close(pool);
}
END_TEST

START_TEST(the_version_has_three_numbers)
{
	int major = -1, minor = -1, patch = -1, end = 0;

	ck_assert_int_eq(sscanf(sharedmem_version(), "%d.%d.%d%n", &major, &minor, &patch, &end), 3);
	ck_assert_int_eq(sharedmem_version()[end], 0);
}
END_TEST

Suite *api_suite(void)
{
	Suite *suite = suite_create("api");
	TCase *test = test_case(suite, "api", 20);

	tcase_add_test(test, options_that_make_no_sense_are_einval);
	tcase_add_test(test, options_that_are_not_built_are_einval);
	tcase_add_test(test, reserved_fields_must_be_zero);
	tcase_add_test(test, options_that_are_built_are_taken);
	tcase_add_test(test, the_callers_options_may_go_after_open);
	tcase_add_test(test, opened_pools_clear_the_error_of_none);
	tcase_add_test(test, statuses_have_names);
	tcase_add_test(test, closing_keeps_errno);
	tcase_add_test(test, a_report_without_a_pool_tells_of_the_open_that_failed);
	tcase_add_test(test, an_open_pool_owns_no_worker);
	tcase_add_loop_test(test, a_job_may_close_the_pool_that_it_runs_in, 0, 4);
	tcase_add_test(test, a_child_of_reduce_may_close_its_copy_of_the_pool);
	tcase_add_test(test, the_version_has_three_numbers);
	return suite;
}
