/* SPDX-License-Identifier: MIT */
/* Those who take a dead worker's place: what they see, and whose children they are. */
#include "suites.h"
#include "testing.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RANKS = 64, LIVES = 64 };

/* In shared memory. */
struct scene {
	_Atomic int begun[RANKS], ended[RANKS], deaths[RANKS];
	_Atomic int pids[RANKS][LIVES];
	_Atomic int tried[1000], wrong, count, pid;
	int limit, point;
};

/* Changed by reduce: not to be seen by anybody who was forked later. */
static volatile int private_word;
static char *private_heap;

static int note_begin(struct pool_worker *self, void *arg)
{
	struct scene *scene = arg;
	int life = atomic_fetch_add(&scene->begun[self->rank], 1);

	if (self->local || private_word != 1 || private_heap[5000] != 1)
		scene->wrong = __LINE__;
	if (life < LIVES)
		scene->pids[self->rank][life] = getpid();
	self->local = &scene->pids[self->rank];
	return 0;
}

static int note_end(struct pool_worker *self, void *arg)
{
	struct scene *scene = arg;

	if (self->local != &scene->pids[self->rank])
		scene->wrong = __LINE__;
	scene->ended[self->rank]++;
	return 0;
}

static int die_in_every_tenth(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;

	if (private_word != 1 || private_heap[5000] != 1)
		scene->wrong = __LINE__;
	if (self->local != &scene->pids[self->rank])
		scene->wrong = __LINE__;
	if (getppid() != scene->pid)
		scene->wrong = __LINE__;
	private_word = 1;
	if (scene->tried[job]++ == 0 && job % 10 == 4) {
		scene->deaths[self->rank]++;
		private_heap[5000] = 3; /* dies with the one who wrote it */
		kill(getpid(), SIGKILL);
	}
	return pool_return(self, &job, sizeof job);
}

static int change_what_is_private(size_t job, const void *value, size_t size, void *arg)
{
	(void)job, (void)value, (void)size, (void)arg;
	private_word++;
	private_heap[5000]++;
	return 0;
}

/* _i: schedule. */
START_TEST(a_successor_begins_with_the_memory_of_the_maps_start)
{
	static const int nps[] = { 1, 2, 8, 33 };

	private_heap = malloc(10000);
	for (int p = 0; p < 4; p++) {
		struct scene *scene = test_shared(sizeof *scene);
		struct pool *pool = test_open(&(struct pool_options){ .np = nps[p], .retries = 1,
			.schedule = POOL_STATIC + _i, .worker_begin = note_begin, .worker_end = note_end,
			.hook_arg = scene });
		int deaths = 0;

		scene->pid = getpid();
		private_word = private_heap[5000] = 1;
		assert_ok(pool, pool_map(pool, 100, die_in_every_tenth, change_what_is_private, scene));
		ck_assert_int_eq(scene->wrong, 0);
		ck_assert_int_eq(private_word, 101);
		for (int r = 0; r < nps[p]; r++) {
			deaths += scene->deaths[r];
			/* A rank whose last job was its death needs no successor. */
			ck_assert_int_ge(scene->begun[r], scene->deaths[r]);
			ck_assert_int_le(scene->begun[r], scene->deaths[r] + 1);
			ck_assert_int_eq(scene->ended[r], scene->begun[r] - scene->deaths[r]);
			for (int life = 1; life < scene->begun[r]; life++)
				ck_assert_int_ne(scene->pids[r][life], scene->pids[r][life - 1]);
		}
		ck_assert_int_eq(deaths, 10);
		pool_close(pool);
		test_unshare(scene, sizeof *scene);
	}
	free(private_heap);
}
END_TEST

static int count_life(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;
	intptr_t jobs = (intptr_t)self->local + 1;

	if (jobs > scene->limit)
		scene->wrong = __LINE__;
	self->local = (void *)jobs;
	scene->tried[job]++;
	return scene->point && job % 3 == 0 && scene->tried[job] == 1 ? 5 : pool_return(self, &job, sizeof job);
}

static int begin_count(struct pool_worker *self, void *arg)
{
	((struct scene *)arg)->begun[self->rank]++;
	return 0;
}

static int end_count(struct pool_worker *self, void *arg)
{
	((struct scene *)arg)->ended[self->rank]++;
	return 0;
}

static int sum_jobs(size_t job, const void *value, size_t size, void *arg)
{
	struct scene *scene = arg;

	if (size != sizeof job || memcmp(value, &job, sizeof job))
		scene->wrong = __LINE__;
	scene->count++;
	return 0;
}

/* _i: schedule x chunk 0, 1, 7. */
START_TEST(a_worker_is_replaced_after_so_many_jobs)
{
	static const size_t chunks[] = { 0, 1, 7 }, limits[] = { 1, 3, 10, 400, 401 };

	for (int np = 1; np < 34; np = np * 3 + 2)
		for (int l = np == 1 ? 0 : 1; l < 5; l++)
			for (int fails = 0; fails < 2; fails++) {
				struct scene *scene = test_shared(sizeof *scene);
				struct pool *pool = test_open(&(struct pool_options){ .np = np, .retries = (unsigned)fails,
					.schedule = POOL_STATIC + _i % 3, .chunk = chunks[_i / 3], .in_order = l % 2,
					.jobs_per_worker = limits[l], .worker_begin = begin_count,
					.worker_end = end_count, .hook_arg = scene });
				int begun = 0, ended = 0;

				scene->limit = (int)limits[l] * (1 + fails);
				scene->point = fails;
				assert_ok(pool, pool_map(pool, l ? 400 : 30, count_life, sum_jobs, scene));
				ck_assert_int_eq(scene->wrong, 0);
				ck_assert_int_eq(scene->count, l ? 400 : 30);
				for (int job = 0; job < (l ? 400 : 30); job++)
					ck_assert_int_eq(scene->tried[job], 1 + (fails && job % 3 == 0));
				for (int r = 0; r < np; r++) {
					begun += scene->begun[r];
					ended += scene->ended[r];
				}
				ck_assert_int_eq(begun, ended);
				ck_assert_int_ge(begun, (l ? 400 : 30) / (int)limits[l]);
				pool_close(pool);
				test_unshare(scene, sizeof *scene);
			}
}
END_TEST

static int begin_dies(struct pool_worker *self, void *arg)
{
	struct scene *scene = arg;

	scene->begun[self->rank]++;
	if (self->rank == scene->limit)
		kill(getpid(), SIGKILL);
	return 0;
}

static int nap_a_while(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;

	(void)self, (void)job;
	test_await(&scene->begun[scene->limit], 3, 5);
	test_nap(1e-3);
	return 0;
}

START_TEST(three_deaths_in_a_row_before_a_job_end_the_map)
{
	for (int np = 1; np < 6; np++)
		for (int i = 0; i < 2; i++) {
			struct scene *scene = test_shared(sizeof *scene);
			struct pool *pool = test_open(&(struct pool_options){ .np = np, .retries = 100,
				.on_failure = i, .worker_begin = begin_dies, .hook_arg = scene });

			scene->limit = np / 2;
			assert_status(pool, POOL_CRASHED, pool_map(pool, 10000, nap_a_while, NULL, scene));
			assert_no_child();
			ck_assert_int_eq(scene->begun[scene->limit], 3);
			ck_assert_uint_eq(pool_error(pool)->job, SIZE_MAX);
			ck_assert_int_eq(pool_error(pool)->rank, scene->limit);
			ck_assert_int_eq(pool_error(pool)->code, SIGKILL);
			scene->limit = RANKS;
			assert_usable(pool);
			pool_close(pool);
			test_unshare(scene, sizeof *scene);
		}
}
END_TEST

static int wait_in_a_successor(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;

	(void)self;
	if (scene->tried[job]++ == 0)
		kill(getpid(), SIGKILL);
	scene->pids[0][scene->count++] = getpid();
	for (;;)
		test_nap(1);
	return 0;
}

static int map_and_be_killed(void *arg)
{
	struct pool *pool = pool_open(&(struct pool_options){ .np = 4, .retries = 1 });

	return pool_map(pool, 4, wait_in_a_successor, NULL, arg);
}

START_TEST(successors_die_with_their_master)
{
	struct scene *scene = test_shared(sizeof *scene);
	pid_t child = fork();

	if (!child)
		_exit(map_and_be_killed(scene));
	ck_assert(test_await(&scene->count, 4, 10));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	/* Ours now: the test has made itself the reaper of what is orphaned. */
	for (double end = test_now() + 5; waitpid(-1, NULL, WNOHANG) >= 0 && test_now() < end;)
		test_nap(1e-3);
	assert_no_child();
	test_unshare(scene, sizeof *scene);
}
END_TEST


/* Spares of this process, by what they are called. */
static int kill_spares(pid_t master, int most)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int killed = 0;

	while (dir && killed < most && (entry = readdir(dir))) {
		char path[300], line[200] = "", *state;
		FILE *file;
		int parent = 0;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fgets(line, sizeof line, file) && strstr(line, "(pool-spare)") &&
		    (state = strrchr(line, ')')) && sscanf(state, ") %*c %d", &parent) == 1 && parent == master)
			killed += kill(atoi(entry->d_name), SIGKILL) == 0;
		fclose(file);
	}
	if (dir)
		closedir(dir);
	return killed;
}

/* Job 0 kills the spares, then jobs begin to die. */
static int work_without_spares(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;

	if (job == 0 && scene->tried[0] == 0) {
		for (double end = test_now() + 2; scene->count < scene->point && test_now() < end;)
			scene->count += kill_spares(scene->pid, scene->point - scene->count);
		test_nap(5e-3);
		scene->begun[0] = 1;
	}
	test_await(&scene->begun[0], 1, 5);
	if (scene->limit & 1)
		POOL_ORDERED(self)
			scene->ended[0]++;
	if (scene->tried[job]++ == 0 && (job % 9 == 5 || scene->limit & 2))
		kill(getpid(), SIGKILL);
	return pool_return(self, &job, sizeof job);
}

/* _i: schedule x bits: 1 ordered sections, 2 every worker dies. */
START_TEST(without_spares_the_living_finish_or_the_map_says_so)
{
	for (int np = 1; np < 20; np = np * 2 + 1)
		for (int kill = 1; kill <= 2; kill++)
			for (int i = 0; i < 4; i++) {
				struct scene *scene = test_shared(sizeof *scene);
				struct pool *pool = test_open(&(struct pool_options){ .np = np, .retries = 2,
					.schedule = POOL_STATIC + _i % 3, .in_order = i % 2,
					.chunk = (size_t)(i / 2) * 3 });
				double start = test_now();
				int status;

				scene->pid = getpid();
				scene->point = kill;
				scene->limit = _i / 3;
				status = pool_map(pool, 60, work_without_spares, sum_jobs, scene);
				ck_assert_double_lt(test_now() - start, 20);
				ck_assert_int_eq(scene->wrong, 0);
				if (kill == 1 || status == POOL_OK) /* the other spare makes a new one */
					ck_assert_msg(status == POOL_OK && scene->count >= 60, "np %d: %s: %s", np,
						      pool_status_name(status), pool_error(pool)->message);
				else
					ck_assert_msg(status == POOL_NO_RESOURCES, "%s: %s", pool_status_name(status),
						      pool_error(pool)->message);
				/* Fewer deaths than workers, and nobody waits for a turn. */
				if (np > 8 && scene->limit == 0)
					ck_assert_msg(status == POOL_OK, "np %d: %s", np, pool_error(pool)->message);
				if (status)
					assert_no_child();
				scene->point = 0;
				assert_usable(pool);
				pool_close(pool);
				test_unshare(scene, sizeof *scene);
			}
}
END_TEST

Suite *successors_suite(void)
{
	Suite *suite = suite_create("successors");
	TCase *test = test_case(suite, "successors", 60);

	tcase_add_loop_test(test, a_successor_begins_with_the_memory_of_the_maps_start, 0, 3);
	tcase_add_loop_test(test, a_worker_is_replaced_after_so_many_jobs, 0, 9);
	tcase_add_test(test, three_deaths_in_a_row_before_a_job_end_the_map);
	tcase_add_test(test, successors_die_with_their_master);
	tcase_add_loop_test(test, without_spares_the_living_finish_or_the_map_says_so, 0, 12);
	return suite;
}
