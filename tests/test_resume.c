/* SPDX-License-Identifier: MIT */
/* Maps that are interrupted and go on from their journal. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suites.h"
#include "testing.h"

enum { JOBS = 300 };

/* In shared memory, what the runs of one test did. */
struct books {
	_Atomic int ran[JOBS]; /* tries of each job that came to its end */
	_Atomic int reduced;
	_Atomic int die_at;    /* this job kills its master; -1: none */
	uint64_t hash;
	size_t next;           /* in_order: the id that reduce expects */
	bool out_of_order;
	double nap;
};

static char path[64];

static void make_path(void)
{
	snprintf(path, sizeof path, "/tmp/sharedmem-resume-%d", getpid());
	unlink(path);
}

static size_t size_of(size_t job)
{
	return job % 7 == 0 ? 0 : job % 50 == 3 ? 70000 : 8 * (job % 20);
}

static int work(struct pool_worker *self, size_t job, void *arg)
{
	struct books *books = arg;
	size_t size = size_of(job);
	unsigned char *space = pool_return_space(self, size);

	if (!space)
		return -1;
	memset(space, (int)(job * 31 + size), size);
	if (books->nap > 0)
		test_nap(books->nap);
	if ((int)job == atomic_load(&books->die_at))
		kill(getppid(), SIGKILL);
	atomic_fetch_add(&books->ran[job], 1);
	return 0;
}

static int reduce(size_t job, const void *value, size_t size, void *arg)
{
	struct books *books = arg;
	const unsigned char *bytes = value;

	if (size != size_of(job) || (size > 0 && bytes[size / 2] != (unsigned char)(job * 31 + size)))
		return 1;
	if (job != books->next++)
		books->out_of_order = true;
	for (size_t i = 0; i < size; i += 8)
		books->hash = books->hash * 31 + bytes[i];
	books->hash = books->hash * 37 + job;
	atomic_fetch_add(&books->reduced, 1);
	return 0;
}

/* The program that is interrupted: a map over the journal. 0: all is done. */
static int program(struct books *books, const struct pool_options *options)
{
	struct pool *pool = pool_open(options);
	int status;

	if (!pool)
		return 100;
	books->hash = 0;
	books->next = 0;
	books->out_of_order = false;
	atomic_store(&books->reduced, 0);
	status = pool_map(pool, JOBS, work, reduce, books);
	pool_close(pool);
	return status;
}

/* Runs it in a process of its own. Its exit status; negative: the signal. */
static int run(struct books *books, const struct pool_options *options)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(program(books, options));
	waitpid(pid, &status, 0);
	/* Workers of a killed program come to this one, and end. */
	while (waitpid(-1, NULL, 0) > 0)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static uint64_t whole_hash(struct books *books, enum pool_backend backend)
{
	struct pool_options options = { .np = 3, .backend = backend, .in_order = true };
	uint64_t hash;

	ck_assert_int_eq(run(books, &options), POOL_OK);
	hash = books->hash;
	memset(books, 0, sizeof *books);
	atomic_store(&books->die_at, -1);
	return hash;
}

static const enum pool_backend backends[] = { POOL_FORK, POOL_THREAD, POOL_SERIAL };

/* _i: the backend. */
START_TEST(a_killed_program_goes_on_where_it_was)
{
	struct pool_options options = { .np = 3, .backend = backends[_i], .in_order = true, .journal = path };
	struct books *books = test_shared(sizeof *books);
	uint64_t hash;
	int kills = 0;

	make_path();
	atomic_store(&books->die_at, -1);
	hash = whole_hash(books, POOL_FORK);
	if (_i == 0)
		for (int job = 20; job < JOBS; job += 40, kills++) {
			atomic_store(&books->die_at, job);
			ck_assert_int_eq(run(books, &options), -SIGKILL);
		}
	atomic_store(&books->die_at, -1);
	ck_assert_int_eq(run(books, &options), POOL_OK);
	ck_assert_int_eq(atomic_load(&books->reduced), JOBS);
	ck_assert(!books->out_of_order);
	ck_assert_msg(books->hash == hash, "not the bits of an uninterrupted run");
	/* Nothing is left to run, and reduce sees it all again. */
	memset(books->ran, 0, sizeof books->ran);
	ck_assert_int_eq(run(books, &options), POOL_OK);
	ck_assert_int_eq(atomic_load(&books->reduced), JOBS);
	ck_assert(books->hash == hash);
	for (int job = 0; job < JOBS; job++)
		ck_assert_int_eq(atomic_load(&books->ran[job]), 0);
	unlink(path);
	test_unshare(books, sizeof *books);
}
END_TEST

START_TEST(a_job_that_was_reduced_is_not_run_again)
{
	struct pool_options options = { .np = 2, .chunk = 1, .journal = path };
	struct books *books = test_shared(sizeof *books);
	int again = 0;

	make_path();
	atomic_store(&books->die_at, 200);
	books->nap = 0.0005;
	ck_assert_int_eq(run(books, &options), -SIGKILL);
	books->nap = 0;
	atomic_store(&books->die_at, -1);
	ck_assert_int_eq(run(books, &options), POOL_OK);
	for (int job = 0; job < JOBS; job++)
		again += atomic_load(&books->ran[job]) - 1;
	/* Only what the master had not taken in when it was killed. */
	ck_assert_int_lt(again, 100);
	unlink(path);
	test_unshare(books, sizeof *books);
}
END_TEST

START_TEST(workers_that_die_do_no_harm_to_the_journal)
{
	struct pool_options options = { .np = 4, .in_order = true, .journal = path, .retries = 3 };
	struct books *books = test_shared(sizeof *books);
	uint64_t hash;

	make_path();
	atomic_store(&books->die_at, -1);
	hash = whole_hash(books, POOL_THREAD);
	atomic_store(&books->die_at, 111);
	ck_assert_int_eq(run(books, &options), -SIGKILL);
	atomic_store(&books->die_at, -1);
	ck_assert_int_eq(run(books, &options), POOL_OK);
	ck_assert(books->hash == hash);
	unlink(path);
	test_unshare(books, sizeof *books);
}
END_TEST

static size_t file_size(void)
{
	struct stat st;

	return stat(path, &st) == 0 ? (size_t)st.st_size : 0;
}

static void assert_refused(const struct pool_options *options, int code)
{
	struct pool *pool = pool_open(options);

	ck_assert_ptr_null(pool);
	ck_assert_int_eq(errno, code);
	ck_assert_ptr_nonnull(strstr(pool_error(NULL)->message, path));
}

START_TEST(another_journal_is_refused_and_not_touched)
{
	struct pool_options mine = { .np = 2, .journal = path, .journal_key = "mine" };
	struct pool_options theirs = { .np = 2, .journal = path, .journal_key = "theirs" };
	struct books *books = test_shared(sizeof *books);
	struct pool *pool;
	size_t size;
	FILE *f;

	make_path();
	atomic_store(&books->die_at, -1);
	ck_assert_int_eq(program(books, &mine), POOL_OK);
	size = file_size();
	assert_refused(&theirs, EINVAL);
	/* Another number of jobs: the map is refused, the pool goes on being one. */
	pool = test_open(&mine);
	assert_status(pool, POOL_INVALID, pool_map(pool, JOBS - 1, work, reduce, books));
	assert_refused(&mine, EBUSY);
	pool_close(pool);
	ck_assert_uint_eq(file_size(), size);
	f = fopen(path, "r+");
	fseek(f, (long)size / 2, SEEK_SET);
	fputs("scribbled", f);
	fclose(f);
	assert_refused(&mine, EINVAL);
	ck_assert_uint_eq(file_size(), size);
	unlink(path);
	test_unshare(books, sizeof *books);
}
END_TEST

static int put_square(struct pool_worker *self, size_t job, void *arg)
{
	uint64_t square = job * job + *(uint64_t *)arg;

	return pool_return(self, &square, sizeof square);
}

START_TEST(each_map_of_a_pool_is_known_by_its_number)
{
	struct pool_options options = { .np = 2, .journal = path };
	uint64_t got[50], plus;

	make_path();
	for (int round = 0; round < 2; round++) {
		struct pool *pool = test_open(&options);

		for (uint64_t map = 0; map < 3; map++) {
			/* In the second round the journal, not the job, says what it was. */
			plus = round == 0 ? map : 1000;
			assert_ok(pool, pool_collect(pool, 50, put_square, got, sizeof *got, &plus));
			for (size_t job = 0; job < 50; job++)
				ck_assert_uint_eq(got[job], job * job + map);
		}
		pool_close(pool);
	}
	unlink(path);
}
END_TEST

static struct pool *to_cancel;

static void cancel_map(int number)
{
	(void)number;
	pool_cancel(to_cancel);
}

/* What the guide recommends for batch systems. */
static int ends_at_sigterm(void *arg)
{
	struct books *books = arg;
	struct pool_options options = { .np = 2, .chunk = 1, .journal = path };
	struct sigaction action = { .sa_handler = cancel_map };
	int status;

	to_cancel = pool_open(&options);
	REQUIRE(to_cancel);
	sigaction(SIGTERM, &action, NULL);
	status = pool_map(to_cancel, JOBS, work, reduce, books);
	REQUIRE(status == POOL_CANCELLED);
	pool_close(to_cancel);
	return 0;
}

START_TEST(sigterm_ends_the_map_and_the_next_run_goes_on)
{
	struct books *books = test_shared(sizeof *books);
	struct pool_options options = { .np = 2, .journal = path };
	int before = 0;
	pid_t pid;
	int status;

	make_path();
	atomic_store(&books->die_at, -1);
	books->nap = 0.002;
	pid = fork();
	if (pid == 0)
		_exit(ends_at_sigterm(books) != 0);
	ck_assert(test_await(&books->reduced, 50, 10));
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
	books->nap = 0;
	for (int job = 0; job < JOBS; job++)
		before += atomic_load(&books->ran[job]);
	ck_assert_int_lt(before, JOBS);
	memset(books->ran, 0, sizeof books->ran);
	ck_assert_int_eq(run(books, &options), POOL_OK);
	ck_assert_int_eq(atomic_load(&books->reduced), JOBS);
	for (int job = 0; job < JOBS; job++)
		before += atomic_load(&books->ran[job]);
	ck_assert_int_le(before, JOBS + 2);
	unlink(path);
	test_unshare(books, sizeof *books);
}
END_TEST

Suite *resume_suite(void)
{
	Suite *suite = suite_create("resume");
	TCase *test = test_case(suite, "resume", 30);

	tcase_add_loop_test(test, a_killed_program_goes_on_where_it_was, 0, 3);
	tcase_add_test(test, a_job_that_was_reduced_is_not_run_again);
	tcase_add_test(test, workers_that_die_do_no_harm_to_the_journal);
	tcase_add_test(test, another_journal_is_refused_and_not_touched);
	tcase_add_test(test, each_map_of_a_pool_is_known_by_its_number);
	tcase_add_test(test, sigterm_ends_the_map_and_the_next_run_goes_on);
	return suite;
}
