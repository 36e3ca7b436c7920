/* SPDX-License-Identifier: MIT */
/* The program's streams and exit handlers: what it printed comes out once, and no
 * worker waits for a stream or runs a handler. */
#include "test_host.h"
#include "testing.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

/* Standard output into a file, in a child. */
static FILE *redirect_stdout(void)
{
	FILE *file = tmpfile();

	if (!file || dup2(fileno(file), 1) < 0)
		return NULL;
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	return file;
}

static int count_in_file(FILE *file, const char *text)
{
	char all[1 << 16];
	size_t size;
	int count = 0;

	rewind(file);
	size = fread(all, 1, sizeof all - 1, file);
	all[size] = 0;
	for (const char *at = all; (at = strstr(at, text)); at++)
		count++;
	return count;
}

static int print_job(struct pool_worker *self, size_t job, void *arg)
{
	(void)self, (void)arg;
	printf("<job %zu>", job);
	return 0;
}

static int print_around_maps(void *arg)
{
	struct pool_options options = { .np = 3, .backend = *(int *)arg };
	FILE *file = redirect_stdout();
	struct pool *pool = pool_open(&options);
	char text[32];

	REQUIRE(file && pool);
	printf("<begin>");
	for (int map = 0; map < 3; map++) {
		printf("<map %d>", map);
		REQUIRE(!pool_map(pool, 20, print_job, NULL, NULL));
		printf("<after %d>", map);
	}
	REQUIRE(pool_map(pool, 20, print_job, NULL, NULL) == POOL_OK);
	pool_close(pool);
	printf("<end>");
	fflush(stdout);
	REQUIRE(count_in_file(file, "<begin>") == 1);
	REQUIRE(count_in_file(file, "<end>") == 1);
	for (int map = 0; map < 3; map++) {
		snprintf(text, sizeof text, "<map %d>", map);
		REQUIRE(count_in_file(file, text) == 1);
		snprintf(text, sizeof text, "<after %d>", map);
		REQUIRE(count_in_file(file, text) == 1);
	}
	for (int job = 0; job < 20; job++) {
		snprintf(text, sizeof text, "<job %d>", job);
		REQUIRE(count_in_file(file, text) == 4);
	}
	return 0;
}

START_TEST(buffered_text_is_written_once)
{
	ck_assert_int_eq(in_child(print_around_maps, (void *)&backends[_i], 15), 0);
}
END_TEST

static int exit_at_7(struct pool_worker *self, size_t job, void *arg)
{
	(void)self, (void)arg;
	if (job == 7)
		exit(3);
	return 0;
}

static int print_around_a_crash(void *arg)
{
	FILE *file = redirect_stdout();
	struct pool *pool = pool_open(&(struct pool_options){ .np = 3 });

	(void)arg;
	REQUIRE(file && pool);
	printf("<begin>");
	REQUIRE(pool_map(pool, 20, die_at_7, NULL, NULL) == POOL_CRASHED);
	printf("<middle>");
	REQUIRE(pool_map(pool, 20, exit_at_7, NULL, NULL) == POOL_CRASHED);
	pool_close(pool);
	printf("<end>");
	fflush(stdout);
	REQUIRE(count_in_file(file, "<begin>") == 1);
	REQUIRE(count_in_file(file, "<middle>") == 1);
	REQUIRE(count_in_file(file, "<end>") == 1);
	return 0;
}

START_TEST(a_crash_does_not_double_text)
{
	ck_assert_int_eq(in_child(print_around_a_crash, NULL, 15), 0);
}
END_TEST

static _Atomic int reading;

static void *read_a_line(void *arg)
{
	char line[100];

	(void)arg;
	reading = 1;
	return fgets(line, sizeof line, stdin) ? NULL : stdin;
}

static int map_beside_a_reader(void *arg)
{
	struct pool *pool;
	pthread_t thread;
	int ends[2];

	REQUIRE(!pipe(ends) && dup2(ends[0], 0) == 0);
	REQUIRE(!pthread_create(&thread, NULL, read_a_line, NULL));
	REQUIRE(test_await(&reading, 1, 5));
	test_nap(20e-3); /* now it holds the stream's lock */
	pool = pool_open(&(struct pool_options){ .np = 2, .backend = *(int *)arg });
	REQUIRE(pool);
	for (int i = 0; i < 5; i++)
		REQUIRE(!map_well(pool));
	if (*(int *)arg == POOL_FORK)
		REQUIRE(pool_map(pool, 20, exit_at_7, NULL, NULL) == POOL_CRASHED);
	pool_close(pool);
	REQUIRE(write(ends[1], "line\n", 5) == 5);
	pthread_join(thread, NULL);
	return 0;
}

START_TEST(a_thread_that_sits_in_a_read_hangs_nobody)
{
	ck_assert_int_eq(in_child(map_beside_a_reader, (void *)&backends[_i], 8), 0);
}
END_TEST

static _Atomic int locked, unlock;

static void *hold_stdout(void *arg)
{
	(void)arg;
	flockfile(stdout);
	locked = 1;
	test_await(&unlock, 1, 20);
	funlockfile(stdout);
	return NULL;
}

/* Text that cannot be flushed before the fork must not come out of workers. */
static int map_beside_a_locker(void *arg)
{
	FILE *file = redirect_stdout();
	struct pool *pool = pool_open(&(struct pool_options){ .np = 2 });
	pthread_t thread;

	(void)arg;
	REQUIRE(pool && file);
	printf("<once>");
	REQUIRE(!pthread_create(&thread, NULL, hold_stdout, NULL));
	REQUIRE(test_await(&locked, 1, 5));
	for (int i = 0; i < 5; i++)
		REQUIRE(!pool_map(pool, 20, print_job, NULL, NULL));
	unlock = 1;
	pthread_join(thread, NULL);
	pool_close(pool);
	fflush(stdout);
	REQUIRE(count_in_file(file, "<once>") == 1);
	REQUIRE(count_in_file(file, "<job 13>") == 5);
	return 0;
}

START_TEST(a_thread_that_holds_a_stream_hangs_nobody)
{
	ck_assert_int_eq(in_child(map_beside_a_locker, NULL, 8), 0);
}
END_TEST

static _Atomic int *exits;

static void note_exit(void)
{
	atomic_fetch_add(exits, 1);
}

static int leave_by_exit(void *arg)
{
	struct pool *pool = pool_open(&(struct pool_options){ .np = 3 });

	(void)arg;
	REQUIRE(pool && !atexit(note_exit));
	for (int i = 0; i < 3; i++) {
		REQUIRE(!map_well(pool));
		REQUIRE(pool_map(pool, 20, exit_at_7, NULL, NULL) == POOL_CRASHED);
		REQUIRE(pool_error(pool)->code == -1 - 3);
	}
	pool_close(pool);
	return 0;
}

START_TEST(exit_handlers_of_the_program_run_in_no_worker)
{
	exits = test_shared(sizeof *exits);
	ck_assert_int_eq(in_child(leave_by_exit, NULL, 15), 0);
	ck_assert_int_eq(*exits, 0); /* in_child leaves by _exit itself */
	test_unshare(exits, sizeof *exits);
}
END_TEST

static int without_standard_streams(void *arg)
{
	struct pool *pool;
	int r;

	(void)arg;
	close(0);
	close(1);
	close(2);
	pool = pool_open(&(struct pool_options){ .np = 3 });
	r = !pool || map_well(pool) ||
	    pool_map(pool, 20, die_at_7, NULL, NULL) != POOL_CRASHED || map_well(pool);
	pool_close(pool);
	return r ? __LINE__ : fcntl(0, F_GETFD) != -1 || fcntl(1, F_GETFD) != -1 ? __LINE__ : 0;
}

START_TEST(closed_standard_streams_do_no_harm)
{
	ck_assert_int_eq(in_child(without_standard_streams, NULL, 15), 0);
}
END_TEST

void host_stream_tests(Suite *suite)
{
	TCase *test = test_case(suite, "host streams", 20);

	tcase_add_loop_test(test, buffered_text_is_written_once, 0, 3);
	tcase_add_test(test, a_crash_does_not_double_text);
	tcase_add_loop_test(test, a_thread_that_sits_in_a_read_hangs_nobody, 0, 2);
	tcase_add_test(test, a_thread_that_holds_a_stream_hangs_nobody);
	tcase_add_test(test, exit_handlers_of_the_program_run_in_no_worker);
	tcase_add_test(test, closed_standard_streams_do_no_harm);
}
