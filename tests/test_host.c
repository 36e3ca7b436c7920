/* SPDX-License-Identifier: MIT */
/* Living inside somebody else's program: its signals, its streams, its exit
 * handlers, its descriptors, its limits. */
#include "suites.h"
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static const int backends[] = { POOL_FORK, POOL_THREAD, POOL_SERIAL };

/* Maps a ledger of 500 jobs; 0 when all is right. For scenarios in a child. */
static int map_well(struct pool *pool)
{
	struct ledger ledger;
	const char *wrong;
	int status;

	ledger_open(&ledger, 500, 0);
	status = pool_map(pool, 500, ledger_work, ledger_reduce, &ledger);
	wrong = status ? pool_error(pool)->message : ledger_complete(&ledger);
	if (wrong)
		fprintf(stderr, "%s: %s\n", pool_status_name(status), wrong);
	ledger_close(&ledger);
	return wrong != NULL;
}

static int die_at_7(struct pool_worker *self, size_t job, void *arg)
{
	(void)self, (void)arg;
	if (job == 7)
		kill(getpid(), SIGKILL);
	return 0;
}

/* Maps that go well and maps that crash, in turn. */
static int map_well_and_badly(void)
{
	struct pool *pool = pool_open(&(struct pool_options){ .np = 3, .chunk = 1 });

	REQUIRE(pool);
	for (int i = 0; i < 20; i++) {
		REQUIRE(map_well(pool) == 0);
		REQUIRE(pool_map(pool, 30, die_at_7, NULL, NULL) == POOL_CRASHED);
		REQUIRE(pool_error(pool)->job == 7);
		REQUIRE(pool_error(pool)->code == SIGKILL || pool_error(pool)->code == INT_MIN);
		REQUIRE(pool_error(pool)->message[0]);
	}
	pool_close(pool);
	REQUIRE(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	return 0;
}

static void reap_everything(int signal)
{
	int kept = errno;

	(void)signal;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	errno = kept;
}

static int with_sigchld(void *how)
{
	struct sigaction action = { .sa_handler = SIG_IGN };

	if (how == (void *)1)
		action.sa_handler = reap_everything;
	if (how == (void *)2) {
		action.sa_handler = SIG_DFL;
		action.sa_flags = SA_NOCLDWAIT;
	}
	if (how == (void *)3) {
		action.sa_handler = reap_everything;
		action.sa_flags = SA_RESTART;
	}
	REQUIRE(!sigaction(SIGCHLD, &action, NULL));
	return map_well_and_badly();
}

/* _i: ignored, handler that reaps all, SA_NOCLDWAIT, handler with SA_RESTART. */
START_TEST(programs_that_take_the_status_get_right_results)
{
	ck_assert_int_eq(in_child(with_sigchld, (void *)(intptr_t)_i, 15), 0);
}
END_TEST

START_TEST(children_of_the_program_are_left_to_it)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 3 });
	pid_t pid = fork();
	siginfo_t info;
	int status;

	if (!pid)
		_exit(5);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	for (int i = 0; i < 10; i++)
		assert_usable(pool);
	ck_assert_int_eq(pool_map(pool, 30, die_at_7, NULL, NULL), POOL_CRASHED);
	pool_close(pool);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 5);
}
END_TEST

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

/* What one worker sees. */
struct view {
	int descriptors, not_closing; /* open; without close-on-exec */
	int disposition[65];          /* of signals: 0 default, 1 ignored, 2 handled */
	sigset_t mask;
	_Atomic int here;
};

static void look(struct view *view)
{
	view->descriptors = test_descriptors();
	view->not_closing = 0;
	for (int fd = 0; fd < 1024; fd++) {
		int flags = fcntl(fd, F_GETFD);

		view->not_closing += flags >= 0 && !(flags & FD_CLOEXEC);
	}
	for (int signal = 1; signal < 65; signal++) {
		struct sigaction action;

		if (sigaction(signal, NULL, &action))
			view->disposition[signal] = 0;
		else
			view->disposition[signal] = action.sa_handler == SIG_DFL ? 0 :
						    action.sa_handler == SIG_IGN ? 1 : 2;
	}
	sigprocmask(SIG_SETMASK, NULL, &view->mask);
}

static int look_in_worker(struct pool_worker *self, size_t job, void *arg)
{
	struct view *views = arg;

	(void)job;
	look(&views[self->rank]);
	views[0].here++;
	test_await(&views[0].here, self->np, 10); /* all at once: each is in its own */
	return 0;
}

START_TEST(a_worker_holds_no_descriptors_of_its_siblings)
{
	struct view *views = test_shared(33 * sizeof *views), mine;
	static const int nps[] = { 1, 2, 33 };
	int extra[3];

	look(&mine);
	for (int i = 0; i < 3; i++) {
		struct pool *pool = test_open(&(struct pool_options){ .np = nps[i], .schedule = POOL_STATIC });

		views[0].here = 0;
		assert_ok(pool, pool_map(pool, (size_t)nps[i], look_in_worker, NULL, views));
		extra[i] = 0;
		for (int rank = 0; rank < nps[i]; rank++) {
			if (views[rank].descriptors - mine.descriptors > extra[i])
				extra[i] = views[rank].descriptors - mine.descriptors;
			ck_assert_int_eq(views[rank].not_closing, mine.not_closing);
		}
		pool_close(pool);
	}
	ck_assert_int_le(extra[2], extra[1]); /* not more with more siblings */
	ck_assert_int_le(extra[1], extra[0] + 1);
	ck_assert_int_le(extra[2], 6);
	test_unshare(views, 33 * sizeof *views);
}
END_TEST

static int nothing(struct pool_worker *self, size_t job, void *arg)
{
	(void)self, (void)job, (void)arg;
	return 0;
}

static int look_in_reduce(size_t job, const void *value, size_t size, void *arg)
{
	(void)job, (void)value, (void)size;
	look(arg);
	return 0;
}

static void do_nothing(int signal)
{
	(void)signal;
}

static int compare_views(const struct view *a, const struct view *b)
{
	REQUIRE(!memcmp(a->disposition, b->disposition, sizeof a->disposition));
	for (int signal = 1; signal < 65; signal++)
		REQUIRE(sigismember(&a->mask, signal) == sigismember(&b->mask, signal));
	REQUIRE(a->not_closing == b->not_closing);
	return 0;
}

static int watch_the_master(void *arg)
{
	struct sigaction action = { .sa_handler = do_nothing };
	struct view before = { 0 }, during = { 0 }, after = { 0 };
	sigset_t set;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	signal(SIGHUP, SIG_IGN);
	look(&before);
	for (int b = 0; b < 3; b++)
		for (int crash = 0; crash < 2 - (b > 0); crash++) {
			struct pool *pool = pool_open(&(struct pool_options){ .np = 3, .backend = backends[b] });

			REQUIRE(pool_map(pool, 10, crash ? die_at_7 : nothing, look_in_reduce, &during) ==
				(crash ? POOL_CRASHED : POOL_OK));
			look(&after);
			if (!crash)
				REQUIRE(!compare_views(&before, &during));
			REQUIRE(!compare_views(&before, &after));
			pool_close(pool);
			look(&after);
			REQUIRE(!compare_views(&before, &after));
			REQUIRE(before.descriptors == after.descriptors);
		}
	return 0;
}

START_TEST(the_program_keeps_its_signals_and_descriptors)
{
	ck_assert_int_eq(in_child(watch_the_master, NULL, 15), 0);
}
END_TEST

static int watch_a_worker(void *arg)
{
	struct sigaction action = { .sa_handler = do_nothing };
	struct view before = { 0 }, *views = test_shared(3 * sizeof *views);
	struct pool *pool = pool_open(&(struct pool_options){ .np = 3, .schedule = POOL_STATIC });
	sigset_t set;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGCHLD, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	look(&before);
	REQUIRE(!pool_map(pool, 3, look_in_worker, NULL, views));
	pool_close(pool);
	for (int rank = 0; rank < 3; rank++) {
		REQUIRE(views[rank].disposition[SIGUSR1] == 0);
		REQUIRE(views[rank].disposition[SIGTERM] == 0);
		REQUIRE(views[rank].disposition[SIGCHLD] == 0);
		REQUIRE(views[rank].disposition[SIGINT] == 1);
		for (int signal = 1; signal < 65; signal++)
			REQUIRE(sigismember(&views[rank].mask, signal) == sigismember(&before.mask, signal));
	}
	return 0;
}

START_TEST(a_worker_has_no_handlers_of_the_program)
{
	ck_assert_int_eq(in_child(watch_a_worker, NULL, 15), 0);
}
END_TEST

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

static volatile sig_atomic_t interrupts;

static void count_interrupt(int signal)
{
	(void)signal;
	interrupts++;
}

static int interrupt_all(struct pool_worker *self, size_t job, void *arg)
{
	if (job % 50 == 7)
		kill(0, SIGINT); /* as a terminal does: the whole group */
	return ledger_work(self, job, arg);
}

static int with_interrupts(void *arg)
{
	struct sigaction action = { .sa_handler = count_interrupt };
	struct pool *pool;
	struct ledger ledger;

	(void)arg;
	setpgid(0, 0);
	sigaction(SIGINT, &action, NULL);
	pool = pool_open(&(struct pool_options){ .np = 3 });
	for (int i = 0; i < 10; i++) {
		ledger_open(&ledger, 500, 3);
		REQUIRE(!pool_map(pool, 500, interrupt_all, ledger_reduce, &ledger));
		REQUIRE(!ledger_complete(&ledger));
		ledger_close(&ledger);
	}
	pool_close(pool);
	REQUIRE(interrupts > 0);
	return 0;
}

START_TEST(an_interrupt_reaches_the_program_not_the_jobs)
{
	ck_assert_int_eq(in_child(with_interrupts, NULL, 15), 0);
}
END_TEST

static int with_a_storm_of_signals(void *arg)
{
	struct sigaction action = { .sa_handler = count_interrupt }; /* no SA_RESTART */
	struct itimerval often = { { 0, 300 }, { 0, 300 } };
	struct pool *pool = pool_open(&(struct pool_options){ .np = 3, .backend = *(int *)arg });

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 100; i++)
		REQUIRE(!map_well(pool));
	if (*(int *)arg == POOL_FORK)
		for (int i = 0; i < 20; i++)
			REQUIRE(pool_map(pool, 20, die_at_7, NULL, NULL) == POOL_CRASHED &&
				pool_error(pool)->code == SIGKILL);
	pool_close(pool);
	REQUIRE(interrupts > 0);
	return 0;
}

START_TEST(signals_that_interrupt_calls_do_no_harm)
{
	ck_assert_int_eq(in_child(with_a_storm_of_signals, (void *)&backends[_i], 15), 0);
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

	tcase_add_loop_test(test, programs_that_take_the_status_get_right_results, 0, 4);
	tcase_add_test(test, children_of_the_program_are_left_to_it);
	tcase_add_loop_test(test, buffered_text_is_written_once, 0, 3);
	tcase_add_test(test, a_crash_does_not_double_text);
	tcase_add_loop_test(test, a_thread_that_sits_in_a_read_hangs_nobody, 0, 2);
	tcase_add_test(test, a_thread_that_holds_a_stream_hangs_nobody);
	tcase_add_test(test, exit_handlers_of_the_program_run_in_no_worker);
	tcase_add_test(test, a_worker_holds_no_descriptors_of_its_siblings);
	tcase_add_test(test, the_program_keeps_its_signals_and_descriptors);
	tcase_add_test(test, a_worker_has_no_handlers_of_the_program);
	tcase_add_loop_test(test, workers_may_run_wherever_the_program_may, 0, 2);
	tcase_add_test(test, an_interrupt_reaches_the_program_not_the_jobs);
	tcase_add_loop_test(test, signals_that_interrupt_calls_do_no_harm, 0, 2);
	tcase_add_test(test, closed_standard_streams_do_no_harm);
	tcase_add_loop_test(test, a_modest_limit_of_address_space_is_enough, 0, 2);
	tcase_add_test(test, too_few_descriptors_are_said_and_leak_nothing);
	tcase_add_loop_test(test, a_forked_child_may_close_its_copy, 0, 3);
	tcase_add_test(test, a_worker_may_close_its_copy_of_another_pool);
	tcase_add_loop_test(test, threads_that_mapped_may_end, 0, 2);
	return suite;
}
