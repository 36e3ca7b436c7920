/* SPDX-License-Identifier: MIT */
/* Maps that get fewer workers than they asked for, and pools in odd places. */
#include "suites.h"
#include "testing.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NP = 6 };

/* In shared memory. */
struct scene {
	_Atomic int tried[100], np, ranks[NP], wrong;
	int limit, dies, options;
};

static int note(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;
	int none = 0;

	if (!atomic_compare_exchange_strong(&scene->np, &none, self->np) && none != self->np)
		scene->wrong = __LINE__;
	if (self->rank >= self->np)
		scene->wrong = __LINE__;
	scene->ranks[self->rank]++;
	POOL_ORDERED(self)
		test_nap(0);
	if (scene->tried[job]++ == 0 && scene->dies && job % 20 == 7)
		kill(getpid(), SIGKILL);
	return pool_return(self, &job, sizeof job);
}

static size_t added;

static int add(size_t job, const void *value, size_t size, void *arg)
{
	(void)arg;
	added += size == sizeof job && *(const size_t *)value == job;
	return 0;
}

static const struct pool_options many[] = {
	{ .np = NP }, { .np = NP, .in_order = true, .schedule = POOL_STATIC }, { .np = NP, .schedule = POOL_GUIDED },
	{ .np = NP, .retries = 2 }, { .np = NP, .retries = 2, .schedule = POOL_STATIC },
	{ .np = NP, .jobs_per_worker = 15, .in_order = true }, { .np = NP, .kill_group = true, .job_timeout = 5 },
};
enum { MANY = sizeof many / sizeof *many };

/* The user may have so many processes, this one included. */
static int map_under_limit(void *arg)
{
	struct scene *scene = arg;
	struct rlimit limit = { (rlim_t)scene->limit, (rlim_t)scene->limit };
	struct pool *pool;
	int status;

	/* A user that nobody else is. */
	REQUIRE(setgid(54321) == 0 && setuid((uid_t)(100000 + getpid())) == 0);
	REQUIRE(setrlimit(RLIMIT_NPROC, &limit) == 0);
	pool = pool_open(&many[scene->options]);
	REQUIRE(pool);
	status = pool_map(pool, 100, note, add, scene);
	if (status)
		pool_report(pool, stderr);
	REQUIRE(!scene->wrong);
	if (scene->limit == 1) {
		REQUIRE(status == POOL_NO_RESOURCES && pool_error(pool)->code == EAGAIN && added == 0);
	} else if (status == POOL_NO_RESOURCES) {
		/* Nobody to take a dead one's place; others wait in order behind it. */
		REQUIRE(scene->np > 0 && (scene->dies || many[scene->options].jobs_per_worker));
	} else {
		REQUIRE(status == POOL_OK && added == 100);
		REQUIRE(scene->np == smaller(scene->limit - 1, NP) || scene->np == smaller(scene->limit - 3, NP));
		REQUIRE((scene->np == NP) == !pool_error(pool)->message[0]);
		REQUIRE(scene->np == NP || strstr(pool_error(pool)->message, strerror(EAGAIN)));
		for (int r = 0; r < NP; r++)
			REQUIRE(r < scene->np || scene->ranks[r] == 0);
	}
	pool_close(pool);
	return 0;
}

/* _i: options. */
START_TEST(a_map_runs_with_the_workers_that_it_gets)
{
	if (geteuid() != 0)
		return;
	for (int limit = 1; limit < NP + 5; limit++)
		for (int dies = 0; dies <= (many[_i].retries > 0); dies++) {
			struct scene *scene = test_shared(sizeof *scene);

			scene->limit = limit;
			scene->dies = dies;
			scene->options = _i;
			ck_assert_int_eq(in_child(map_under_limit, scene, 20), 0);
			test_unshare(scene, sizeof *scene);
		}
}
END_TEST

static struct pool *to_cancel;

static void cancel_it(int signal)
{
	(void)signal;
	pool_cancel(to_cancel);
}

static int nap_and_fail(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;

	(void)self;
	test_nap(1e-3);
	if (scene->tried[job % 100]++ % 3 == 0)
		kill(getpid(), SIGKILL);
	return 0;
}

START_TEST(a_signal_handler_cancels_amid_deaths)
{
	struct scene *scene = test_shared(sizeof *scene);

	for (int round = 0; round < 20; round++) {
		struct pool *pool = to_cancel = test_open(&(struct pool_options){ .np = 4, .retries = 1000,
			.on_failure = round % 2 });
		struct itimerval timer = { .it_value.tv_usec = 1000 + 1500 * round };

		signal(SIGALRM, cancel_it);
		setitimer(ITIMER_REAL, &timer, NULL);
		assert_status(pool, POOL_CANCELLED, pool_map(pool, 1000000, nap_and_fail, NULL, scene));
		assert_no_child();
		signal(SIGALRM, SIG_DFL);
		assert_usable(pool);
		pool_close(pool);
	}
	test_unshare(scene, sizeof *scene);
}
END_TEST

static int die_once(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;

	if (scene->tried[job]++ == 0 && job % 10 == 5)
		kill(getpid(), SIGKILL);
	return pool_return(self, &job, sizeof job);
}

static void *map_in_thread(void *arg)
{
	size_t *sum = arg;

	for (int i = 0; i < 10; i++) {
		struct scene *scene = test_shared(sizeof *scene);
		struct pool *pool = pool_open(&(struct pool_options){ .np = 3, .retries = 1, .jobs_per_worker = i % 2 * 9 });

		if (pool_map(pool, 100, die_once, NULL, scene) == POOL_OK)
			for (int job = 0; job < 100; job++)
				*sum += scene->tried[job] == 1 + (job % 10 == 5);
		pool_close(pool);
		test_unshare(scene, sizeof *scene);
	}
	return NULL;
}

START_TEST(two_threads_mend_two_pools)
{
	pthread_t threads[2];
	size_t sums[2] = { 0 };

	for (int t = 0; t < 2; t++)
		pthread_create(&threads[t], NULL, map_in_thread, &sums[t]);
	for (int t = 0; t < 2; t++)
		pthread_join(threads[t], NULL);
	ck_assert_uint_eq(sums[0], 1000);
	ck_assert_uint_eq(sums[1], 1000);
}
END_TEST

/* A map of another pool within reduce, in which workers die as well. */
static int map_in_reduce(size_t job, const void *value, size_t size, void *arg)
{
	struct scene *inner = test_shared(sizeof *inner);
	struct pool *pool = pool_open(&(struct pool_options){ .np = 2, .retries = 1 });
	int status = pool_map(pool, 20, die_once, add, inner);

	(void)size, (void)arg;
	pool_close(pool);
	test_unshare(inner, sizeof *inner);
	return status || *(const size_t *)value != job;
}

START_TEST(reduce_may_map_over_another_pool)
{
	struct scene *scene = test_shared(sizeof *scene);
	struct pool *pool = test_open(&(struct pool_options){ .np = 3, .retries = 1, .in_order = true });

	added = 0;
	assert_ok(pool, pool_map(pool, 30, die_once, map_in_reduce, scene));
	ck_assert_uint_eq(added, 30 * 20);
	pool_close(pool);
	test_unshare(scene, sizeof *scene);
}
END_TEST

static int fork_in_job(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		struct pool *pool = pool_open(&(struct pool_options){ .np = 2, .retries = 1 });

		_exit(pool && pool_map(pool, 5, note, NULL, scene) == POOL_OK ? 7 : 1);
	}
	if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 7)
		return 1;
	return die_once(self, job + 50, arg);
}

START_TEST(jobs_may_fork_and_map)
{
	struct scene *scene = test_shared(sizeof *scene);
	struct pool *pool = test_open(&(struct pool_options){ .np = 3, .retries = 1 });

	assert_ok(pool, pool_map(pool, 30, fork_in_job, NULL, scene));
	pool_close(pool);
	test_unshare(scene, sizeof *scene);
}
END_TEST

static int abort_once(struct pool_worker *self, size_t job, void *arg)
{
	_Atomic int *left = arg;

	if (job == 30 && atomic_exchange(left, 0))
		abort();
	return pool_return(self, &job, sizeof job);
}

static int sum_ids(size_t job, const void *value, size_t size, void *arg)
{
	(void)arg;
	added += job;
	return size != sizeof job || memcmp(value, &job, size) != 0;
}

/* An empty directory is all that there is: no /proc, no /dev/shm, no program. */
static int map_in_an_empty_root(void *arg)
{
	_Atomic int *left = arg;
	char path[] = "/tmp/sharedmem-root-XXXXXX";
	struct pool *pool;

	REQUIRE(mkdtemp(path) && chdir(path) == 0);
	REQUIRE(rmdir(path) == 0);
	REQUIRE(chroot(".") == 0);
	added = 0;
	atomic_store(left, 1);
	pool = pool_open(&(struct pool_options){ .np = 3, .retries = 1, .in_order = true });
	REQUIRE(pool && pool_map(pool, 100, abort_once, sum_ids, left) == POOL_OK && added == 4950);
	pool_close(pool);
	atomic_store(left, 1);
	pool = pool_open(&(struct pool_options){ .np = 3 });
	REQUIRE(pool && pool_map(pool, 100, abort_once, sum_ids, left) == POOL_CRASHED);
	REQUIRE(strstr(pool_error(pool)->message, "job 30") && strstr(pool_error(pool)->message, "ABRT"));
	pool_close(pool);
	/* What can't be had without /proc is said. */
	pool = pool_open(&(struct pool_options){ .np = 3, .worker_memory = 1 << 30 });
	REQUIRE(pool && pool_map(pool, 100, abort_once, sum_ids, left) == POOL_NO_RESOURCES);
	pool_close(pool);
	return 0;
}

START_TEST(without_proc_and_files_maps_run_all_the_same)
{
	_Atomic int *left = test_shared(sizeof *left);

	if (geteuid() == 0) /* chroot is root's */
		ck_assert_int_eq(in_child(map_in_an_empty_root, (void *)left, 20), 0);
	test_unshare((void *)left, sizeof *left);
}
END_TEST

Suite *start_suite(void)
{
	Suite *suite = suite_create("start");
	TCase *test = test_case(suite, "start", 40);

	tcase_add_loop_test(test, a_map_runs_with_the_workers_that_it_gets, 0, test_plain() ? MANY : 0);
	tcase_add_test(test, a_signal_handler_cancels_amid_deaths);
	tcase_add_test(test, two_threads_mend_two_pools);
	tcase_add_test(test, reduce_may_map_over_another_pool);
	tcase_add_test(test, jobs_may_fork_and_map);
	tcase_add_test(test, without_proc_and_files_maps_run_all_the_same);
	return suite;
}
