/* SPDX-License-Identifier: MIT */
/* The C library works in a successor as in any process: signals, mutexes, threads,
 * memory, children, streams. */
#include "suites.h"
#include "testing.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* In shared memory. */
struct scene {
	_Atomic int tried[100], dead, done;
	int (*check)(struct pool_worker *self, size_t job, struct scene *scene);
	pthread_mutex_t robust;
	char path[100];
	FILE *file;
};

static volatile sig_atomic_t caught;
static _Thread_local volatile int own = 5;

static void catch(int signal)
{
	caught = signal;
}

static int signals_reach_the_thread(struct pool_worker *self, size_t job, struct scene *scene)
{
	sigset_t set, pending;

	(void)self, (void)job, (void)scene;
	REQUIRE(syscall(SYS_gettid) == getpid() && gettid() == getpid());
	REQUIRE(signal(SIGUSR1, catch) != SIG_ERR);
	caught = 0;
	REQUIRE(raise(SIGUSR1) == 0 && caught == SIGUSR1);
	caught = 0;
	REQUIRE(pthread_kill(pthread_self(), SIGUSR1) == 0 && caught == SIGUSR1);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	REQUIRE(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
	caught = 0;
	raise(SIGUSR1);
	sigpending(&pending);
	REQUIRE(!caught && sigismember(&pending, SIGUSR1));
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	REQUIRE(caught == SIGUSR1);
	REQUIRE(own == 5);
	return 0;
}

static int mutexes_know_their_owner(struct pool_worker *self, size_t job, struct scene *scene)
{
	static const int types[] = { PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK };

	(void)self, (void)job, (void)scene;
	for (int i = 0; i < 6; i++) {
		pthread_mutexattr_t attr;
		pthread_mutex_t mutex;
		int type = types[i % 3];

		pthread_mutexattr_init(&attr);
		pthread_mutexattr_settype(&attr, type);
		if (i >= 3)
			pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
		REQUIRE(pthread_mutex_init(&mutex, &attr) == 0);
		REQUIRE(pthread_mutex_lock(&mutex) == 0);
		/* A robust one that checks for errors says EDEADLK. */
		REQUIRE((pthread_mutex_trylock(&mutex) == 0) == (type == PTHREAD_MUTEX_RECURSIVE));
		if (type == PTHREAD_MUTEX_ERRORCHECK)
			REQUIRE(pthread_mutex_lock(&mutex) == EDEADLK);
		if (type == PTHREAD_MUTEX_RECURSIVE)
			REQUIRE(pthread_mutex_unlock(&mutex) == 0);
		REQUIRE(pthread_mutex_unlock(&mutex) == 0);
		if (type == PTHREAD_MUTEX_ERRORCHECK)
			REQUIRE(pthread_mutex_unlock(&mutex) == EPERM);
		pthread_mutex_destroy(&mutex);
	}
	return 0;
}

static void *multiply(void *arg)
{
	char *bytes = malloc(1000);

	own++;
	*(int *)arg *= own == 6 && bytes ? 3 : 0;
	free(bytes);
	return arg;
}

static int threads_come_and_go(struct pool_worker *self, size_t job, struct scene *scene)
{
	(void)self, (void)job, (void)scene;
	for (int round = 0; round < 20; round++) {
		pthread_t threads[4];
		int numbers[4] = { 1, 2, 3, 4 };

		for (int i = 0; i < 4; i++)
			REQUIRE(pthread_create(&threads[i], NULL, multiply, &numbers[i]) == 0);
		for (int i = 0; i < 4; i++) {
			void *result;

			REQUIRE(pthread_join(threads[i], &result) == 0);
			REQUIRE(result == &numbers[i] && numbers[i] == 3 * (i + 1));
		}
	}
	return 0;
}

static int memory_is_given_and_taken(struct pool_worker *self, size_t job, struct scene *scene)
{
	static char *kept[500];
	uint64_t state = job;

	(void)self, (void)scene;
	for (int i = 0; i < 20000; i++) {
		size_t k = test_random(&state) % 500, size = (size_t)1 << test_random(&state) % 18;

		if (kept[k])
			REQUIRE(kept[k][0] == (char)k);
		free(kept[k]);
		kept[k] = malloc(size);
		REQUIRE(kept[k] != NULL);
		kept[k][size - 1] = kept[k][0] = (char)k;
	}
	for (int i = 0; i < 500; i++) {
		free(kept[i]);
		kept[i] = NULL;
	}
	return 0;
}

static int children_are_its_own(struct pool_worker *self, size_t job, struct scene *scene)
{
	static char *const words[] = { (char *)"sh", (char *)"-c", (char *)"exit 9", NULL };
	char text[20] = "";
	int status, number = 2;
	pid_t pid = fork();
	FILE *stream;

	(void)self, (void)job, (void)scene;
	if (!pid) {
		pthread_t thread;

		if (getpid() != gettid() || pthread_create(&thread, NULL, multiply, &number) ||
		    pthread_join(thread, NULL))
			_exit(1);
		_exit(7);
	}
	REQUIRE(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
	stream = popen("echo four", "r");
	REQUIRE(stream != NULL && fgets(text, sizeof text, stream) && !strcmp(text, "four\n"));
	REQUIRE(pclose(stream) == 0);
	REQUIRE(posix_spawnp(&pid, "sh", NULL, NULL, words, environ) == 0);
	REQUIRE(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 9);
	REQUIRE(system("exit 3") == 3 << 8);
	REQUIRE(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	return 0;
}

static int work(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;

	if (scene->tried[job]++ == 0 && scene->path[0])
		exit(3); /* what it printed counts */
	if (scene->tried[job] == 1)
		kill(getpid(), SIGKILL);
	return scene->check(self, job, scene);
}

static int (*const checks[])(struct pool_worker *self, size_t job, struct scene *scene) = {
	signals_reach_the_thread, mutexes_know_their_owner, threads_come_and_go, memory_is_given_and_taken,
	children_are_its_own,
};
enum { CHECKS = sizeof checks / sizeof *checks };

static struct scene *open_scene(void)
{
	struct scene *scene = test_shared(sizeof *scene);
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&scene->robust, &attr);
	return scene;
}

START_TEST(the_c_library_works_in_a_successor)
{
	struct scene *scene = open_scene();

	scene->check = checks[_i];
	for (int np = 1; np <= 4; np += 3) {
		struct pool *pool = test_open(&(struct pool_options){ .np = np, .retries = 1 });

		memset((void *)scene->tried, 0, sizeof scene->tried);
		assert_ok(pool, pool_map(pool, 12, work, NULL, scene));
		pool_close(pool);
	}
	test_unshare(scene, sizeof *scene);
}
END_TEST

static _Atomic int asleep;

static void *sleep_for_ever(void *arg)
{
	pthread_mutex_lock(arg);
	asleep = 1;
	for (;;)
		test_nap(1);
	return NULL;
}

/* The master has threads, one of which holds a mutex and is in no child. */
START_TEST(it_works_below_a_program_with_threads)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	struct scene *scene = open_scene();
	struct pool *pool = test_open(&(struct pool_options){ .np = 3, .retries = 1 });
	pthread_t thread;

	scene->check = checks[_i];
	/* The sanitizers' own malloc, unlike the C library's, does not survive a fork amid
	 * a thread's start. */
	asleep = 0;
	pthread_create(&thread, NULL, sleep_for_ever, &mutex);
	ck_assert(test_await(&asleep, 1, 10));
	assert_ok(pool, pool_map(pool, 12, work, NULL, scene));
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	pool_close(pool);
	test_unshare(scene, sizeof *scene);
}
END_TEST

/* Job 0's second worker dies with the mutex held; job 1 then finds that out. */
static int die_with_a_mutex(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;
	int before = scene->tried[job]++;

	(void)self;
	if (before == 0)
		kill(getpid(), SIGKILL);
	if (job == 0 && before == 1) {
		REQUIRE(pthread_mutex_lock(&scene->robust) == 0);
		scene->dead = 1;
		test_nap(20e-3);
		kill(getpid(), SIGKILL);
	}
	if (job == 1) {
		REQUIRE(test_await(&scene->dead, 1, 5));
		REQUIRE(pthread_mutex_lock(&scene->robust) == EOWNERDEAD);
		REQUIRE(pthread_mutex_consistent(&scene->robust) == 0);
		REQUIRE(pthread_mutex_unlock(&scene->robust) == 0);
	}
	return 0;
}

START_TEST(a_robust_mutex_tells_of_a_successors_death)
{
	struct scene *scene = open_scene();
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .chunk = 1, .retries = 2 });

	assert_ok(pool, pool_map(pool, 2, die_with_a_mutex, NULL, scene));
	ck_assert_int_eq(scene->tried[0], 3);
	ck_assert_int_eq(scene->tried[1], 2);
	pool_close(pool);
	test_unshare(scene, sizeof *scene);
}
END_TEST

static int write_lines(struct pool_worker *self, size_t job, struct scene *scene)
{
	FILE *file = fopen(scene->path, "a");

	(void)self;
	REQUIRE(file != NULL);
	fprintf(file, "file %zu\n", job);
	REQUIRE(fclose(file) == 0);
	fprintf(stdout, "out %zu\n", job);
	return 0;
}

/* Lines that are buffered when the map begins, and in workers: each comes once. */
static int print_all(void *arg)
{
	struct scene *scene = arg;
	struct pool *pool;

	if (!freopen(scene->path, "a", stdout))
		return __LINE__;
	printf("before\n");
	pool = pool_open(&(struct pool_options){ .np = 3, .retries = 1, .jobs_per_worker = 2 });
	scene->check = write_lines;
	REQUIRE(pool && pool_map(pool, 20, work, NULL, scene) == POOL_OK);
	printf("after\n");
	pool_close(pool);
	fflush(stdout);
	return 0;
}

START_TEST(what_successors_print_is_written_once)
{
	struct scene *scene = open_scene();
	int befores = 0, afters = 0, outs[20] = { 0 }, files[20] = { 0 }, job;
	char line[100];
	FILE *file;

	snprintf(scene->path, sizeof scene->path, "/tmp/newborn-%d", (int)getpid());
	ck_assert_int_eq(in_child(print_all, scene, 20), 0);
	file = fopen(scene->path, "r");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof line, file)) {
		befores += !strcmp(line, "before\n");
		afters += !strcmp(line, "after\n");
		if (sscanf(line, "out %d", &job) == 1 && job >= 0 && job < 20)
			outs[job]++;
		if (sscanf(line, "file %d", &job) == 1 && job >= 0 && job < 20)
			files[job]++;
	}
	fclose(file);
	unlink(scene->path);
	ck_assert_int_eq(befores, 1);
	ck_assert_int_eq(afters, 1);
	for (int i = 0; i < 20; i++)
		ck_assert_msg(outs[i] == 1 && files[i] == 1, "job %d: %d, %d", i, outs[i], files[i]);
	test_unshare(scene, sizeof *scene);
}
END_TEST

static int return_job(struct pool_worker *self, size_t job, struct scene *scene)
{
	scene->done++;
	return pool_return(self, &job, sizeof job);
}

static void reap_everything(int signal)
{
	int saved = errno;

	(void)signal;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	errno = saved;
}

static int map_with_sigchld(void *arg)
{
	struct scene *scene = arg;

	for (int i = 0; i < 5; i++) {
		struct pool *pool = pool_open(&(struct pool_options){ .np = 1 + i, .retries = 2,
			.jobs_per_worker = i % 2 ? 7 : 0, .kill_group = i == 3 });

		memset((void *)scene->tried, 0, sizeof scene->tried);
		scene->done = 0;
		scene->check = return_job;
		REQUIRE(pool && pool_map(pool, 30, work, NULL, scene) == POOL_OK);
		REQUIRE(scene->done == 30);
		pool_close(pool);
	}
	return 0;
}

static int ignore_children(void *arg)
{
	signal(SIGCHLD, SIG_IGN);
	return map_with_sigchld(arg);
}

static int take_children(void *arg)
{
	signal(SIGCHLD, reap_everything);
	return map_with_sigchld(arg);
}

START_TEST(programs_that_take_the_status_get_successors)
{
	struct scene *scene = open_scene();

	ck_assert_int_eq(in_child(_i ? take_children : ignore_children, scene, 20), 0);
	test_unshare(scene, sizeof *scene);
}
END_TEST

Suite *newborn_suite(void)
{
	Suite *suite = suite_create("newborn");
	TCase *test = test_case(suite, "newborn", 40);

	tcase_add_loop_test(test, the_c_library_works_in_a_successor, 0, test_plain() ? CHECKS : 0);
	tcase_add_loop_test(test, it_works_below_a_program_with_threads, 0, test_plain() ? CHECKS : 0);
	tcase_add_test(test, a_robust_mutex_tells_of_a_successors_death);
	tcase_add_test(test, what_successors_print_is_written_once);
	tcase_add_loop_test(test, programs_that_take_the_status_get_successors, 0, 2);
	return suite;
}
