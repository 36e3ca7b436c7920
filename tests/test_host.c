/* SPDX-License-Identifier: MIT */
/* Living inside somebody else's program: within its limits, beside its threads and
 * in its forked children. */
#include "suites.h"
#include "test_host.h"
#include "testing.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

static int same_mask(struct pool_worker *self, size_t job, void *arg)
{
	cpu_set_t mine;

	(void)self, (void)job;
	if (sched_getaffinity(0, sizeof mine, &mine))
		return 1;
	return CPU_EQUAL(&mine, (cpu_set_t *)arg) ? 0 : 2;
}

/* As many workers as CPUs, fewer and more. */
START_TEST(workers_may_run_wherever_the_program_may)
{
	cpu_set_t mask;
	int cpus;

	ck_assert_int_eq(sched_getaffinity(0, sizeof mask, &mask), 0);
	cpus = CPU_COUNT(&mask);
	for (int np = cpus > 1 ? cpus - 1 : 1; np <= cpus + 1; np++) {
		struct pool *pool = test_open(&(struct pool_options){ .np = np, .backend = backends[_i] });

		for (int i = 0; i < 50; i++)
			assert_ok(pool, pool_map(pool, 20, same_mask, NULL, &mask));
		pool_close(pool);
	}
}
END_TEST

static size_t address_space(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	size_t pages = 0;

	if (file && fscanf(file, "%zu", &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static int return_a_mebibyte(struct pool_worker *self, size_t job, void *arg)
{
	char *space = pool_return_space(self, 1 << 20);

	(void)arg;
	if (!space)
		return 1;
	memset(space, (int)job, 1 << 20);
	return 0;
}

static int check_a_mebibyte(size_t job, const void *value, size_t size, void *arg)
{
	const unsigned char *bytes = value;

	(void)arg;
	return size != 1 << 20 || bytes[0] != (unsigned char)job || bytes[size - 1] != bytes[0];
}

static int with_little_address_space(void *arg)
{
	size_t most = address_space() + ((size_t)512 << 20);
	struct rlimit limit = { most, most };
	struct pool *pool;

	REQUIRE(!setrlimit(RLIMIT_AS, &limit));
	pool = pool_open(&(struct pool_options){ .np = *(int *)arg == POOL_FORK ? 4 : 2,
						 .backend = *(int *)arg });
	REQUIRE(pool);
	for (int i = 0; i < 5; i++) {
		int status = pool_map(pool, 64, return_a_mebibyte, check_a_mebibyte, NULL);

		if (status)
			fprintf(stderr, "%s\n", pool_error(pool)->message);
		REQUIRE(!status);
	}
	pool_close(pool);
	return 0;
}

START_TEST(a_modest_limit_of_address_space_is_enough)
{
	if (!test_slow())
		ck_assert_int_eq(in_child(with_little_address_space, (void *)&backends[_i], 15), 0);
}
END_TEST

static int with_few_descriptors(void *arg)
{
	struct rlimit limit;

	(void)arg;
	for (int more = 0; more < 40; more++) {
		struct pool *pool;
		int status = POOL_NO_RESOURCES;
		int used = test_descriptors();

		limit.rlim_cur = (rlim_t)(used + more);
		limit.rlim_max = 1024;
		REQUIRE(!setrlimit(RLIMIT_NOFILE, &limit));
		pool = pool_open(&(struct pool_options){ .np = 8 });
		if (!pool) {
			REQUIRE(errno == EMFILE || errno == ENFILE);
		} else {
			struct ledger ledger;

			ledger_open(&ledger, 100, 0);
			status = pool_map(pool, 100, ledger_work, ledger_reduce, &ledger);
			REQUIRE(status == POOL_OK || status == POOL_NO_RESOURCES);
			REQUIRE(!(status ? ledger_at_most_once(&ledger) : ledger_complete(&ledger)));
			if (status)
				REQUIRE(pool_error(pool)->message[0]);
			ledger_close(&ledger);
		}
		pool_close(pool);
		limit.rlim_cur = 1024;
		REQUIRE(!setrlimit(RLIMIT_NOFILE, &limit));
		REQUIRE(test_descriptors() == used);
		REQUIRE(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
		if (more > 30)
			REQUIRE(status == POOL_OK);
	}
	return 0;
}

START_TEST(too_few_descriptors_are_said_and_leak_nothing)
{
	if (!test_slow()) /* valgrind keeps the upper descriptors */
		ck_assert_int_eq(in_child(with_few_descriptors, NULL, 15), 0);
}
END_TEST

static int close_in_fork(void *pool)
{
	pool_close(pool);
	return 0;
}

START_TEST(a_forked_child_may_close_its_copy)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .backend = backends[_i] });

	ck_assert_int_eq(in_child(close_in_fork, pool, 5), 0);
	assert_usable(pool);
	ck_assert_int_eq(in_child(close_in_fork, pool, 5), 0);
	assert_usable(pool);
	pool_close(pool);
}
END_TEST

static int close_others_pool(struct pool_worker *self, size_t job, void *arg)
{
	(void)self;
	if (job == 0)
		pool_close(arg);
	return 0;
}

START_TEST(a_worker_may_close_its_copy_of_another_pool)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 2 }), *other = test_open(NULL);

	assert_usable(other);
	assert_ok(pool, pool_map(pool, 10, close_others_pool, NULL, other));
	assert_usable(other);
	pool_close(pool);
	pool_close(other);
}
END_TEST

static void *map_in_a_thread(void *pool)
{
	return map_well(pool) ? pool : NULL;
}

/* Each map from another thread, that ends after it: a parent's death signal
 * must not take the thread's end for the program's. */
START_TEST(threads_that_mapped_may_end)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .backend = backends[_i] });

	for (int i = 0; i < 10; i++) {
		pthread_t thread;
		void *wrong = pool;

		ck_assert_int_eq(pthread_create(&thread, NULL, map_in_a_thread, pool), 0);
		pthread_join(thread, &wrong);
		ck_assert_ptr_null(wrong);
	}
	assert_usable(pool);
	pool_close(pool);
}
END_TEST

Suite *host_suite(void)
{
	Suite *suite = suite_create("host");
	TCase *test = test_case(suite, "host", 20);

	tcase_add_loop_test(test, workers_may_run_wherever_the_program_may, 0, 2);
	tcase_add_loop_test(test, a_modest_limit_of_address_space_is_enough, 0, 2);
	tcase_add_test(test, too_few_descriptors_are_said_and_leak_nothing);
	tcase_add_loop_test(test, a_forked_child_may_close_its_copy, 0, 3);
	tcase_add_test(test, a_worker_may_close_its_copy_of_another_pool);
	tcase_add_loop_test(test, threads_that_mapped_may_end, 0, 2);
	host_signal_tests(suite);
	host_stream_tests(suite);
	return suite;
}
