/* SPDX-License-Identifier: MIT */
#include "testing.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "leaks.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	__has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

const char *test_program = "/proc/self/exe";

bool test_plain(void)
{
#ifdef __SANITIZE_THREAD__
	return false;
#else
	return true;
#endif
}

bool test_slow(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return SANITIZED || (preload && strstr(preload, "vgpreload"));
}

TCase *test_case(Suite *suite, const char *name, double seconds)
{
	TCase *test = tcase_create(name);

	/* It is there for what hangs: beside the other suites, where forks take milliseconds,
	 * tests take up to ten times as long as alone. */
	tcase_set_timeout(test, (test_slow() ? 10 : 3) * seconds);
	tcase_add_checked_fixture(test, leaks_begin, leaks_end);
	suite_add_tcase(suite, test);
	return test;
}

double test_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void test_nap(double seconds)
{
	struct timespec left = { (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

/* splitmix64. */
uint64_t test_random(uint64_t *state)
{
	uint64_t z = *state += 0x9E3779B97F4A7C15u;

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

void *test_shared(size_t size)
{
	void *memory = mmap(NULL, size ? size : 1, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		abort();
	return memory;
}

void test_unshare(void *memory, size_t size)
{
	munmap(memory, size ? size : 1);
}

bool test_await(_Atomic int *word, int least, double seconds)
{
	double end = test_now() + seconds;

	while (atomic_load(word) < least) {
		if (test_now() > end)
			return false;
		test_nap(100e-6);
	}
	return true;
}

struct pool *test_open(const struct pool_options *options)
{
	struct pool *pool = pool_open(options);

	ck_assert_msg(pool != NULL, "pool_open: %s", pool_error(NULL)->message);
	return pool;
}

void assert_no_child(void)
{
	pid_t child = waitpid(-1, NULL, WNOHANG | __WALL);

	ck_assert_msg(child == -1 && errno == ECHILD, "a child is left: waitpid gave %d", (int)child);
}

int in_child(int (*scenario)(void *arg), void *arg, double seconds)
{
	_Atomic int *line = test_shared(sizeof *line);
	double end = test_now() + (test_slow() ? 10 * seconds : seconds);
	int status = 0, result;
	pid_t child;

	fflush(NULL);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (!child) {
		*line = scenario(arg);
		_exit(0);
	}
	while (!(result = waitpid(child, &status, WNOHANG)) && test_now() < end)
		test_nap(500e-6);
	if (result == child) {
		result = WIFSIGNALED(status) ? -WTERMSIG(status) :
			 WEXITSTATUS(status) ? -WEXITSTATUS(status) - 100 : *line;
	} else {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		result = TEST_HUNG;
	}
	test_unshare(line, sizeof *line);
	return result;
}

int test_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	if (!dir)
		return -1;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 3; /* ".", ".." and the directory itself */
}

void ledger_open(struct ledger *ledger, size_t njobs, int np)
{
	memset(ledger, 0, sizeof *ledger);
	ledger->njobs = njobs;
	ledger->np = np;
	ledger->ran = test_shared(njobs);
	ledger->rank_of = test_shared(njobs);
	ledger->ranks = test_shared(LEDGER_RANKS * sizeof *ledger->ranks);
	ledger->reduced = calloc(njobs + 1, 1);
}

void ledger_close(struct ledger *ledger)
{
	test_unshare(ledger->ran, ledger->njobs);
	test_unshare(ledger->rank_of, ledger->njobs);
	test_unshare(ledger->ranks, LEDGER_RANKS * sizeof *ledger->ranks);
	free(ledger->reduced);
}

uint64_t ledger_value(size_t job)
{
	return (job + 1) * 0x9E3779B97F4A7C15u;
}

#define WRONG(where, ...) \
	do { \
		if (!(where)->wrong[0]) \
			snprintf((where)->wrong, sizeof (where)->wrong, __VA_ARGS__); \
	} while (0)

void ledger_note(struct pool_worker *self, size_t job, struct ledger *ledger)
{
	struct ledger_rank *rank;

	if (self->rank < 0 || self->rank >= LEDGER_RANKS) {
		WRONG(&ledger->ranks[0], "rank %d", self->rank);
		return;
	}
	rank = &ledger->ranks[self->rank];
	if (ledger->np && self->np != ledger->np)
		WRONG(rank, "np is %d, not %d", self->np, ledger->np);
	if (self->rank >= self->np)
		WRONG(rank, "rank %d of %d", self->rank, self->np);
	if (job >= ledger->njobs) {
		WRONG(rank, "job %zu of %zu", job, ledger->njobs);
		return;
	}
	if (job + 1 <= rank->last)
		WRONG(rank, "job %zu after job %zu", job, rank->last - 1);
	/* Not at every job: the call costs more than all the rest. */
	if (job % 64 == 0 || !self->local) {
		if (rank->pid && rank->pid != getpid())
			WRONG(rank, "two processes of rank %d", self->rank);
		rank->pid = getpid();
	}
	if (!self->local) {
		rank->lives++;
		self->local = rank;
	} else if (self->local != rank) {
		WRONG(rank, "local is another's");
	}
	rank->last = job + 1;
	rank->jobs++;
	ledger->rank_of[job] = (uint8_t)self->rank;
	atomic_fetch_add(&ledger->ran[job], 1);
}

int ledger_work(struct pool_worker *self, size_t job, void *arg)
{
	uint64_t value = ledger_value(job);

	ledger_note(self, job, arg);
	return job % 5 == 3 ? 0 : pool_return(self, &value, sizeof value);
}

int ledger_reduce(size_t job, const void *value, size_t size, void *arg)
{
	struct ledger *ledger = arg;

	if (job >= ledger->njobs) {
		WRONG(ledger, "reduce of job %zu of %zu", job, ledger->njobs);
		return 0;
	}
	if (ledger->in_order && job < ledger->next)
		WRONG(ledger, "reduce of job %zu after job %zu", job, ledger->next - 1);
	ledger->next = job + 1;
	if (job % 5 == 3) {
		if (value || size)
			WRONG(ledger, "job %zu returned nothing, reduce got %zu bytes", job, size);
	} else {
		uint64_t wanted = ledger_value(job);

		if (size != sizeof wanted || !value || memcmp(value, &wanted, sizeof wanted))
			WRONG(ledger, "job %zu: another value, of %zu bytes", job, size);
		if ((uintptr_t)value % 16)
			WRONG(ledger, "job %zu: a value at %p", job, value);
	}
	ledger->reduced[job] += ledger->reduced[job] < 255;
	ledger->calls++;
	return 0;
}

static const char *ledger_check(const struct ledger *ledger, bool all)
{
	static _Thread_local char text[200];

	if (ledger->wrong[0])
		return ledger->wrong;
	for (int i = 0; i < LEDGER_RANKS; i++) {
		if (ledger->ranks[i].wrong[0])
			return ledger->ranks[i].wrong;
		if (ledger->ranks[i].lives > 1)
			return "local was NULL again in the same life";
	}
	for (size_t job = 0; job < ledger->njobs; job++) {
		int ran = ledger->ran[job], reduced = ledger->reduced[job];

		if (ran > 1 || reduced > 1 || reduced > ran || (all && (ran != 1 || reduced != 1))) {
			snprintf(text, sizeof text, "job %zu ran %d times, was reduced %d times",
				 job, ran, reduced);
			return text;
		}
	}
	return NULL;
}

const char *ledger_complete(const struct ledger *ledger)
{
	return ledger_check(ledger, true);
}

const char *ledger_at_most_once(const struct ledger *ledger)
{
	return ledger_check(ledger, false);
}

void assert_usable(struct pool *pool)
{
	struct ledger ledger;
	const char *wrong;

	ledger_open(&ledger, 20, 0);
	assert_ok(pool, pool_map(pool, 20, ledger_work, ledger_reduce, &ledger));
	wrong = ledger_complete(&ledger);
	ck_assert_msg(!wrong, "the pool's next map: %s", wrong);
	ledger_close(&ledger);
}
