/* SPDX-License-Identifier: MIT */
/* The program's signals, children and descriptors stay its own, and what its handlers
 * do while maps run does them no harm. */
#include "test_host.h"
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

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

static int idle(struct pool_worker *self, size_t job, void *arg)
{
	(void)self, (void)job, (void)arg;
	return 0;
}

static struct once {
	pid_t master;
	int forks;
	_Atomic int in_master, in_workers;
} *once;

static void note_where(int signal)
{
	(void)signal;
	atomic_fetch_add(getpid() == once->master ? &once->in_master : &once->in_workers, 1);
}

static void terminate_group(void)
{
	if (++once->forks == 2)
		kill(0, SIGTERM);
}

/* The whole group is terminated while the workers are forked, and the program's handler
 * takes itself out. */
static int with_a_handler_that_runs_once(void *arg)
{
	struct sigaction action = { .sa_handler = note_where, .sa_flags = SA_RESETHAND };
	struct pool *pool;

	(void)arg;
	setpgid(0, 0);
	once = test_shared(sizeof *once);
	once->master = getpid();
	sigaction(SIGTERM, &action, NULL);
	pthread_atfork(NULL, terminate_group, NULL);
	pool = pool_open(&(struct pool_options){ .np = 2, .backend = POOL_FORK });
	REQUIRE(pool_map(pool, 4, idle, NULL, NULL) == POOL_CRASHED);
	REQUIRE(pool_error(pool)->code == SIGTERM);
	REQUIRE(once->in_master == 1 && once->in_workers == 0);
	pool_close(pool);
	return 0;
}

START_TEST(no_handler_runs_in_a_worker_that_was_forked_before_it_was_gone)
{
	ck_assert_int_eq(in_child(with_a_handler_that_runs_once, NULL, 15), 0);
}
END_TEST

static void take_long(void)
{
	test_nap(12e-3);
}

static int with_slow_forks(void *arg)
{
	struct sigaction action = { .sa_handler = count_interrupt };
	struct itimerval often = { { 0, 3000 }, { 0, 3000 } };
	struct pool *pool = pool_open(&(struct pool_options){ .np = 10, .backend = POOL_FORK });

	(void)arg;
	pthread_atfork(take_long, NULL, NULL);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	REQUIRE(!pool_map(pool, 10, idle, NULL, NULL));
	REQUIRE(interrupts >= 8);
	pool_close(pool);
	return 0;
}

START_TEST(signals_come_in_between_slow_forks)
{
	ck_assert_int_eq(in_child(with_slow_forks, NULL, 15), 0);
}
END_TEST

void host_signal_tests(Suite *suite)
{
	TCase *test = test_case(suite, "host signals", 20);

	tcase_add_loop_test(test, programs_that_take_the_status_get_right_results, 0, 4);
	tcase_add_test(test, children_of_the_program_are_left_to_it);
	tcase_add_test(test, a_worker_holds_no_descriptors_of_its_siblings);
	tcase_add_test(test, the_program_keeps_its_signals_and_descriptors);
	tcase_add_test(test, a_worker_has_no_handlers_of_the_program);
	tcase_add_test(test, no_handler_runs_in_a_worker_that_was_forked_before_it_was_gone);
	tcase_add_test(test, signals_come_in_between_slow_forks);
	tcase_add_test(test, an_interrupt_reaches_the_program_not_the_jobs);
	tcase_add_loop_test(test, signals_that_interrupt_calls_do_no_harm, 0, 2);
}
