/* SPDX-License-Identifier: MIT */
/* Workers that die at every point, by every way, and masters that do. */
#include "suites.h"
#include "testing.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof (array) / sizeof *(array))

enum { JOBS = 40, BAD_JOB = 17 };

enum way { BY_KILL, BY_SEGV, BY_ABORT, BY_EXIT, BY__EXIT, BY_OVERFLOW, WAYS };
static const struct { int code; const char *name, *other; } ways[] = {
	[BY_KILL] = { SIGKILL, "SIGKILL", "illed" },
	[BY_SEGV] = { SIGSEGV, "SIGSEGV", "egmentation" },
	[BY_ABORT] = { SIGABRT, "SIGABRT", "bort" },
	[BY_EXIT] = { -1 - 3, "3", "3" },
	[BY__EXIT] = { -1 - 4, "4", "4" },
	[BY_OVERFLOW] = { SIGSEGV, "SIGSEGV", "egmentation" },
};

enum point { IN_BEGIN, IN_JOB, AFTER_RETURN, IN_CRITICAL, IN_ORDERED, POINTS };

/* In shared memory. */
struct scene {
	int way, point, rank;
	size_t job;
	_Atomic int pid, at_rank, grandchild, running;
	_Atomic int pids[64];
	double time;
};

/* Not static, so that the backtrace can name it. */
void write_through_a_null_pointer(void);
__attribute__((__noinline__, __no_sanitize__("undefined"))) void write_through_a_null_pointer(void)
{
	int *volatile nowhere = NULL;

	*nowhere = 1;
	__asm__ volatile("" ::: "memory");
}

void abort_on_purpose(void);
__attribute__((__noinline__)) void abort_on_purpose(void)
{
	abort();
	__asm__ volatile("" ::: "memory");
}

static volatile bool deeper = true;

__attribute__((__noinline__)) static int overflow_stack(int above)
{
	volatile char block[16384];

	block[0] = (char)above;
	block[sizeof block - 1] = 2;
	return deeper ? overflow_stack(block[0] + 1) + block[sizeof block - 1] : 0;
}

static void die(struct pool_worker *self, struct scene *scene)
{
	scene->at_rank = self->rank;
	scene->pid = getpid();
	switch (scene->way) {
	case BY_KILL: kill(getpid(), SIGKILL); break;
	case BY_SEGV: write_through_a_null_pointer(); break;
	case BY_ABORT: abort_on_purpose(); break;
	case BY_EXIT: exit(3);
	case BY__EXIT: _exit(4);
	default: overflow_stack(0); break;
	}
}

static int scene_begin(struct pool_worker *self, void *arg)
{
	struct scene *scene = arg;

	if (scene->point == IN_BEGIN && self->rank == scene->rank)
		die(self, scene);
	return 0;
}

static int scene_work(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;
	char bytes[100] = { 0 };
	bool mine = job == scene->job;

	if (scene->point == IN_BEGIN) /* not over before it begins */
		test_await(&scene->pid, 1, 5);
	if (mine && scene->point == IN_JOB)
		die(self, scene);
	POOL_ORDERED(self) {
		if (mine && scene->point == IN_ORDERED)
			die(self, scene);
	}
	POOL_CRITICAL(self) {
		if (mine && scene->point == IN_CRITICAL)
			die(self, scene);
	}
	if (pool_return(self, bytes, sizeof bytes))
		return 1;
	if (mine && scene->point == AFTER_RETURN)
		die(self, scene);
	return 0;
}

static int refuse_the_dead(size_t job, const void *value, size_t size, void *arg)
{
	const struct scene *scene = arg;

	(void)value;
	return (job == BAD_JOB && scene->point != IN_BEGIN) || size != 100;
}

static void check_death(const struct scene *scene, const struct pool_error *error)
{
	char job[32];

	ck_assert_int_eq(error->code, ways[scene->way].code);
	ck_assert_int_eq(error->rank, scene->at_rank);
	ck_assert_int_eq(error->pid, scene->pid);
	ck_assert_msg(strstr(error->message, ways[scene->way].name) ||
		      strstr(error->message, ways[scene->way].other),
		      "the cause is missing: %s", error->message);
	ck_assert_ptr_nonnull(error->backtrace);
	if (scene->point == IN_BEGIN) {
		ck_assert_uint_eq(error->job, SIZE_MAX);
	} else {
		ck_assert_uint_eq(error->job, BAD_JOB);
		snprintf(job, sizeof job, "%d", BAD_JOB);
		ck_assert_msg(strstr(error->message, job) != NULL, "the job is missing: %s", error->message);
	}
	if (scene->way == BY_SEGV && !test_slow())
		ck_assert_msg(strstr(error->backtrace, "write_through_a_null_pointer") != NULL,
			      "backtrace: %s", error->backtrace);
	if (scene->way == BY_ABORT && !test_slow())
		ck_assert_msg(strstr(error->backtrace, "abort_on_purpose") != NULL,
			      "backtrace: %s", error->backtrace);
	if (scene->way == BY_KILL)
		ck_assert_str_eq(error->backtrace, "");
}

/* _i: point x way. */
START_TEST(a_death_is_named_with_its_cause)
{
	static const int nps[] = { 1, 3, 33 };
	struct scene *scene = test_shared(sizeof *scene);

	for (size_t p = 0; p < COUNT(nps); p++)
		for (int in_order = 0; in_order < 2; in_order++) {
			struct pool *pool;
			int wanted;

			memset(scene, 0, sizeof *scene);
			scene->point = _i / WAYS;
			scene->way = _i % WAYS;
			scene->job = BAD_JOB;
			scene->rank = nps[p] / 2;
			wanted = scene->point == IN_CRITICAL ? POOL_TAINTED : POOL_CRASHED;
			pool = test_open(&(struct pool_options){ .np = nps[p], .in_order = in_order,
				.worker_begin = scene_begin, .hook_arg = scene });
			assert_status(pool, wanted, pool_map(pool, JOBS, scene_work, refuse_the_dead, scene));
			assert_no_child();
			check_death(scene, pool_error(pool));
			scene->point = POINTS;
			assert_usable(pool);
			pool_close(pool);
		}
	test_unshare(scene, sizeof *scene);
}
END_TEST

START_TEST(the_report_shows_the_stack)
{
	struct scene *scene = test_shared(sizeof *scene);
	struct pool *pool = test_open(&(struct pool_options){ .np = 2 });
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	scene->point = IN_JOB;
	scene->way = BY_SEGV;
	scene->job = BAD_JOB;
	assert_status(pool, POOL_CRASHED, pool_map(pool, JOBS, scene_work, NULL, scene));
	pool_report(pool, stream);
	fclose(stream);
	ck_assert_ptr_nonnull(strstr(text, pool_error(pool)->message));
	ck_assert(test_slow() || strstr(text, "write_through_a_null_pointer"));
	free(text);
	pool_close(pool);
	test_unshare(scene, sizeof *scene);
}
END_TEST

/* A job of another worker waits for the turn, the section, or a full pipe of
 * its own when SIGKILL comes from outside. */
static int wait_and_be_killed(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;

	if (job == 0) {
		if (scene->point == 1 && pool_critical_begin(self))
			return 1;
		test_await(&scene->pid, 1, 10);
		test_nap(5e-3);
		kill(scene->pid, SIGKILL);
		test_nap(10); /* the map ends before */
		return 2;
	}
	scene->at_rank = self->rank;
	if (scene->point == 0) {
		scene->pid = getpid();
		POOL_ORDERED(self)
			test_nap(0);
	} else if (scene->point == 1) {
		test_nap(2e-3);
		scene->pid = getpid();
		POOL_CRITICAL(self)
			test_nap(0);
	} else {
		scene->pid = getpid();
		while (pool_return_space(self, 1 << 20) && pool_stopping(self) == false)
			test_nap(100e-6);
	}
	return 0;
}

START_TEST(a_death_while_waiting_is_found)
{
	struct scene *scene = test_shared(sizeof *scene);
	double start = test_now();

	for (int i = 0; i < 5; i++) {
		struct pool *pool = test_open(&(struct pool_options){ .np = 2, .chunk = 1 });

		memset(scene, 0, sizeof *scene);
		scene->point = _i;
		/* The one that holds critical lives until the map ends it. */
		assert_status(pool, POOL_CRASHED, pool_map(pool, 2, wait_and_be_killed, NULL, scene));
		assert_no_child();
		ck_assert_int_eq(pool_error(pool)->pid, scene->pid);
		ck_assert_int_eq(pool_error(pool)->code, SIGKILL);
		ck_assert_uint_eq(pool_error(pool)->job, 1);
		assert_usable(pool);
		pool_close(pool);
	}
	ck_assert_double_lt(test_now() - start, test_slow() ? 40 : 8);
	test_unshare(scene, sizeof *scene);
}
END_TEST

static int end_in_death(struct pool_worker *self, void *arg)
{
	struct scene *scene = arg;

	if (self->rank == 0)
		die(self, scene);
	return 0;
}

/* Alone, the worker has done everything by then; beside another one its death
 * may come before the other's last job. */
START_TEST(a_death_after_the_last_job_loses_nothing)
{
	struct scene *scene = test_shared(sizeof *scene);

	scene->way = _i;
	for (int np = 1; np <= 2; np++) {
		struct pool *pool = test_open(&(struct pool_options){ .np = np, .worker_end = end_in_death,
								      .hook_arg = scene });
		struct ledger ledger;
		const char *wrong;
		int status;

		ledger_open(&ledger, 100, np);
		status = pool_map(pool, 100, ledger_work, ledger_reduce, &ledger);
		ck_assert_msg(status == POOL_OK || status == POOL_CRASHED, "%s", pool_status_name(status));
		if (status)
			ck_assert_uint_eq(pool_error(pool)->job, SIZE_MAX);
		wrong = np == 1 || !status ? ledger_complete(&ledger) : ledger_at_most_once(&ledger);
		ck_assert_msg(!wrong, "np %d: %s", np, wrong);
		pool_close(pool);
		ledger_close(&ledger);
	}
	test_unshare(scene, sizeof *scene);
}
END_TEST

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int die_at_noted_time(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;

	(void)self;
	if (job == 1) {
		scene->time = test_now();
		kill(getpid(), SIGKILL);
	}
	test_nap(5);
	return 0;
}

/* By hand: fork, the child kills itself, waitpid. */
static double bare_death(struct scene *scene)
{
	pid_t pid = fork();

	if (!pid) {
		scene->time = test_now();
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, NULL, 0);
	return test_now() - scene->time;
}

enum { DEATHS = 300 };

START_TEST(a_death_is_found_within_10_ms)
{
	struct scene *scene = test_shared(sizeof *scene);
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .chunk = 1 });
	int deaths = test_slow() ? 30 : DEATHS, tries = 0;
	static double took[DEATHS], bare[DEATHS];

	/* On a crowded machine waitpid itself comes late. */
	do {
		for (int i = 0; i < deaths; i++) {
			int status = pool_map(pool, 2, die_at_noted_time, NULL, scene);

			took[i] = test_now() - scene->time;
			if (status != POOL_CRASHED)
				ck_abort_msg("%s: %s", pool_status_name(status), pool_error(pool)->message);
			bare[i] = bare_death(scene);
		}
		qsort(took, (size_t)deaths, sizeof *took, compare_doubles);
		qsort(bare, (size_t)deaths, sizeof *bare, compare_doubles);
	} while (took[deaths * 99 / 100] >= 10e-3 && ++tries < 3);
	printf("death to return of pool_map, %d deaths: median %.3f ms, p99 %.3f ms (waitpid by hand: %.3f, %.3f)\n",
	       deaths, took[deaths / 2] * 1e3, took[deaths * 99 / 100] * 1e3,
	       bare[deaths / 2] * 1e3, bare[deaths * 99 / 100] * 1e3);
	fflush(stdout);
	ck_assert_msg(test_slow() || took[deaths * 99 / 100] < 10e-3 + 10 * bare[deaths * 99 / 100],
		      "p99 %.3f ms", took[deaths * 99 / 100] * 1e3);
	ck_assert_msg(test_slow() || took[deaths / 2] < 10e-3 + 5 * bare[deaths / 2],
		      "median %.3f ms", took[deaths / 2] * 1e3);
	pool_close(pool);
	test_unshare(scene, sizeof *scene);
}
END_TEST

static int leave_a_grandchild(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;

	(void)self;
	if (job == 1) {
		pid_t pid = fork();

		if (!pid) {
			test_nap(20); /* with every descriptor that its parent had */
			_exit(0);
		}
		scene->grandchild = pid;
		scene->time = test_now();
		if (scene->way)
			kill(getpid(), SIGKILL);
		_exit(0);
	}
	test_nap(20);
	return 0;
}

/* Kernels before 5.3 and valgrind have no pidfd; there the end of a pipe, which
 * the grandchild holds too, has to do. */
static bool have_pidfd(void)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

START_TEST(a_grandchild_does_not_hide_a_death)
{
	struct scene *scene = test_shared(sizeof *scene);
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .chunk = 1 });

	if (!have_pidfd()) {
		fprintf(stderr, "skipped: a_grandchild_does_not_hide_a_death (needs pidfd_open)\n");
		pool_close(pool);
		test_unshare(scene, sizeof *scene);
		return;
	}
	scene->way = _i;
	assert_status(pool, POOL_CRASHED, pool_map(pool, 2, leave_a_grandchild, NULL, scene));
	ck_assert_double_lt(test_now() - scene->time, 3);
	ck_assert_int_eq(pool_error(pool)->code, _i ? SIGKILL : -1);
	ck_assert_uint_eq(pool_error(pool)->job, 1);
	/* It came to us when its parent died. */
	kill(scene->grandchild, SIGKILL);
	ck_assert_int_eq(waitpid(scene->grandchild, NULL, 0), scene->grandchild);
	assert_usable(pool);
	pool_close(pool);
	test_unshare(scene, sizeof *scene);
}
END_TEST

static int return_beside_grandchild(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;

	if (job == 1) {
		pid_t pid = fork();

		if (!pid) {
			test_nap(20);
			_exit(0);
		}
		scene->grandchild = pid;
	}
	return pool_return(self, &job, sizeof job);
}

START_TEST(a_map_does_not_wait_for_what_jobs_started)
{
	struct scene *scene = test_shared(sizeof *scene);
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .chunk = 1 });
	double start = test_now();
	size_t out[10];

	assert_ok(pool, pool_collect(pool, 10, return_beside_grandchild, out, sizeof *out, scene));
	pool_close(pool);
	ck_assert_double_lt(test_now() - start, 5);
	kill(scene->grandchild, SIGKILL);
	ck_assert_int_eq(waitpid(scene->grandchild, NULL, 0), scene->grandchild);
	test_unshare(scene, sizeof *scene);
}
END_TEST

static int live_on(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;
	double end = test_now() + 20;

	if (job < 4)
		scene->pids[job] = getpid();
	scene->running++;
	switch (job) {
	case 0: /* a job that computes */
		while (test_now() < end)
			;
		break;
	case 1: /* one that waits for its turn */
		POOL_ORDERED(self)
			test_nap(20);
		break;
	case 2: /* one that has much to say */
		while (test_now() < end)
			if (!pool_return_space(self, 1000))
				return 1;
		break;
	default:
		test_nap(20);
	}
	return 0;
}

static int reduce_late(size_t job, const void *value, size_t size, void *arg)
{
	(void)job, (void)value, (void)size, (void)arg;
	test_nap(20);
	return 0;
}

/* The master dies while its workers run; they become this process's. */
START_TEST(workers_die_with_their_master)
{
	struct scene *scene = test_shared(sizeof *scene);
	int deaths = test_slow() ? 5 : 50;
	static double took[50];

	for (int i = 0; i < deaths; i++) {
		double start;
		pid_t master;

		memset(scene, 0, sizeof *scene);
		fflush(NULL);
		master = fork();
		if (!master) {
			struct pool *pool = pool_open(&(struct pool_options){ .np = 4, .chunk = 1 });

			if (i % 2)
				pool_map(pool, 4, live_on, NULL, scene);
			else
				pool_map(pool, 100, live_on, reduce_late, scene);
			_exit(9);
		}
		ck_assert(test_await(&scene->running, 1 + i % 4, 10));
		if (i % 3)
			test_nap(1e-3);
		start = test_now();
		kill(master, SIGKILL);
		ck_assert_int_eq(waitpid(master, NULL, 0), master);
		while (waitpid(-1, NULL, WNOHANG) >= 0) {
			if (test_now() - start > 15)
				ck_abort_msg("round %d: workers live on", i);
			test_nap(200e-6);
		}
		ck_assert_int_eq(errno, ECHILD);
		took[i] = test_now() - start;
	}
	qsort(took, (size_t)deaths, sizeof *took, compare_doubles);
	ck_assert_msg(took[deaths / 2] < 0.1, "median %.3f s", took[deaths / 2]);
	ck_assert_msg(took[deaths - 1] < (test_slow() ? 5 : 1), "longest %.3f s", took[deaths - 1]);
	test_unshare(scene, sizeof *scene);
}
END_TEST

struct bomb { struct ledger ledger; int rank; long nanoseconds; size_t bytes; };

/* SIGKILL from the kernel's clock, at whatever point that finds the worker. */
static int arm(struct pool_worker *self, void *arg)
{
	struct bomb *bomb = arg;
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	struct itimerspec when = { .it_value = { 0, bomb->nanoseconds + 1 } };
	timer_t timer;

	if (self->rank != bomb->rank)
		return 0;
	return timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &when, NULL);
}

static int return_bytes(struct pool_worker *self, size_t job, void *arg)
{
	struct bomb *bomb = arg;
	uint64_t value = ledger_value(job);
	char *space;

	ledger_note(self, job, &bomb->ledger);
	if (job % 11 == 0)
		POOL_ORDERED(self)
			test_nap(0);
	space = pool_return_space(self, sizeof value + job % 7 * bomb->bytes);
	if (!space)
		return 1;
	memcpy(space, &value, sizeof value);
	return 0;
}

static int take_bytes(size_t job, const void *value, size_t size, void *arg)
{
	struct bomb *bomb = arg;
	uint64_t wanted = ledger_value(job);

	if (size != sizeof wanted + job % 7 * bomb->bytes || memcmp(value, &wanted, sizeof wanted))
		return 1;
	bomb->ledger.reduced[job]++;
	bomb->ledger.calls++;
	return 0;
}

START_TEST(a_kill_at_any_instant_loses_and_doubles_nothing)
{
	int deaths = test_slow() ? 20 : 300, crashed = 0, finished = 0;
	uint64_t random = 42;
	double usual = 2e-3;
	struct pool *pool[3];
	struct bomb bomb = { .rank = 0 };

	for (int i = 0; i < 3; i++)
		pool[i] = test_open(&(struct pool_options){ .np = i == 2 ? 8 : 3, .in_order = i == 1,
			.early_bytes = i == 1 ? 100000 : 0, .chunk = i == 0 ? 1 : 0,
			.worker_begin = arm, .hook_arg = &bomb });
	for (int i = 0; i < deaths; i++) {
		double start = test_now();
		const char *wrong;
		int status;

		bomb.rank = i < 5 ? -1 : (int)(test_random(&random) % 3);
		bomb.bytes = i % 4 == 3 ? 50000 : i % 4 * 100;
		bomb.nanoseconds = (long)(1e9 * usual * 1.3 * (double)(test_random(&random) % 1000) / 1000);
		ledger_open(&bomb.ledger, 200, 0);
		status = pool_map(pool[i % 3], 200, return_bytes, take_bytes, &bomb);
		if (i < 5)
			usual = test_now() - start;
		wrong = status ? ledger_at_most_once(&bomb.ledger) : ledger_complete(&bomb.ledger);
		ck_assert_msg(!wrong, "death %d: %s: %s", i, pool_status_name(status), wrong);
		if (status) {
			ck_assert_msg(status == POOL_CRASHED && bomb.rank >= 0, "death %d: %s: %s", i,
				      pool_status_name(status), pool_error(pool[i % 3])->message);
			ck_assert_int_eq(pool_error(pool[i % 3])->rank, bomb.rank);
			ck_assert_int_eq(pool_error(pool[i % 3])->code, SIGKILL);
		}
		crashed += status != 0;
		finished += !status;
		ledger_close(&bomb.ledger);
	}
	ck_assert_int_gt(crashed, deaths / 20);
	ck_assert_int_gt(finished, 0);
	for (int i = 0; i < 3; i++)
		pool_close(pool[i]);
}
END_TEST

static int die_all(struct pool_worker *self, size_t job, void *arg)
{
	(void)self, (void)job, (void)arg;
	kill(getpid(), SIGKILL);
	return 0;
}

START_TEST(all_workers_may_die_at_once)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 33 });

	for (int i = 0; i < 10; i++) {
		assert_status(pool, POOL_CRASHED, pool_map(pool, 100, die_all, NULL, NULL));
		assert_no_child();
		ck_assert_uint_lt(pool_error(pool)->job, 100);
	}
	assert_usable(pool);
	pool_close(pool);
}
END_TEST

Suite *death_suite(void)
{
	Suite *suite = suite_create("death");
	TCase *test = test_case(suite, "death", 40);

	tcase_add_loop_test(test, a_death_is_named_with_its_cause, 0, POINTS * WAYS);
	tcase_add_test(test, the_report_shows_the_stack);
	tcase_add_loop_test(test, a_death_while_waiting_is_found, 0, 3);
	tcase_add_loop_test(test, a_death_after_the_last_job_loses_nothing, 0, WAYS);
	tcase_add_test(test, a_death_is_found_within_10_ms);
	tcase_add_loop_test(test, a_grandchild_does_not_hide_a_death, 0, 2);
	tcase_add_test(test, a_map_does_not_wait_for_what_jobs_started);
	tcase_add_test(test, workers_die_with_their_master);
	tcase_add_test(test, a_kill_at_any_instant_loses_and_doubles_nothing);
	tcase_add_test(test, all_workers_may_die_at_once);
	return suite;
}
