/* SPDX-License-Identifier: MIT */
/* What the tests share. Assert on the master only: an assertion that fails in
 * a forked worker is lost. Workers return codes and write to shared memory. */
#ifndef TESTS_TESTING_H
#define TESTS_TESTING_H

#include <check.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <sharedmem.h>

/* This program, to be run again. */
extern const char *test_program;

/* A test case whose tests are checked for leaks and end after `seconds`. */
TCase *test_case(Suite *suite, const char *name, double seconds);

/* Whether sanitizers or valgrind slow everything down and take their share of
 * memory: figures in seconds and bytes mean nothing then. */
bool test_slow(void);

/* Not so under the thread sanitizer: it puts itself between the program and its
 * signals, forks and threads, and has a thread of its own in each process. */
bool test_plain(void);

double test_now(void);          /* seconds, monotonic */
void test_nap(double seconds);  /* the whole of it, signals or not */
uint64_t test_random(uint64_t *state);

/* Zeroed memory that workers share, whatever the library's arrays do. */
void *test_shared(size_t size);
void test_unshare(void *memory, size_t size);

/* Waits until *word is at least `least`; false after `seconds`. */
bool test_await(_Atomic int *word, int least, double seconds);

/* A pool, or the test fails. */
struct pool *test_open(const struct pool_options *options);

#define assert_status(pool, wanted, call)                                                       \
	do {                                                                                    \
		int status_ = (call);                                                           \
		ck_assert_msg(status_ == (wanted), "%s, not %s: %s", pool_status_name(status_), \
			      pool_status_name(wanted), pool_error(pool)->message);             \
		ck_assert_int_eq((int)pool_error(pool)->status, (wanted));                      \
	} while (0)
#define assert_ok(pool, call) assert_status(pool, POOL_OK, call)

/* No process is below this one, not even a zombie: right after a map that
 * failed, and after pool_close. */
void assert_no_child(void);

/* Runs scenario(arg) in a forked process of its own, which may change its
 * signals, limits and standard streams. 0, or the line of the REQUIRE that
 * failed; negative: the signal that ended it; TEST_HUNG after `seconds`. */
int in_child(int (*scenario)(void *arg), void *arg, double seconds);
#define TEST_HUNG (-1000)
#define REQUIRE(condition)                                                                     \
	do {                                                                                   \
		if (!(condition)) {                                                            \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			return __LINE__;                                                       \
		}                                                                              \
	} while (0)

/* Descriptors open in the calling process; -1: can't be told. */
int test_descriptors(void);

/* The books of one map: who ran which job, and what reduce was handed. */
enum { LEDGER_RANKS = 64 };
struct ledger_rank {
	size_t jobs;      /* written by that rank only */
	size_t last;      /* last job's id + 1 */
	pid_t pid;
	int lives;        /* times `local` was NULL */
	int begun, ended; /* hooks */
	char wrong[120];  /* first thing that was not as it should be */
	char pad[64];
};
struct ledger {
	size_t njobs;
	int np;                  /* what every worker must be told; 0: anything */
	bool in_order;           /* what reduce must see */
	_Atomic uint8_t *ran;    /* shared, one a job */
	struct ledger_rank *ranks; /* shared */
	uint8_t *rank_of;        /* shared: the job's rank */
	uint8_t *reduced;        /* master */
	size_t calls, next;
	char wrong[120];
};
void ledger_open(struct ledger *ledger, size_t njobs, int np);
void ledger_close(struct ledger *ledger);

/* Work and reduce functions whose arg is a ledger. One job in five returns
 * nothing, the others ledger_value(job). */
uint64_t ledger_value(size_t job);
int ledger_work(struct pool_worker *self, size_t job, void *arg);
int ledger_reduce(size_t job, const void *value, size_t size, void *arg);

/* What ledger_work does before it returns the value. */
void ledger_note(struct pool_worker *self, size_t job, struct ledger *ledger);

/* NULL when every job ran once and was reduced once with its value; else what
 * is wrong. Not more than once: the same, of a map that failed. */
const char *ledger_complete(const struct ledger *ledger);
const char *ledger_at_most_once(const struct ledger *ledger);

/* Maps a ledger of its own over the pool: is the pool in order? */
void assert_usable(struct pool *pool);

static inline int smaller(int a, size_t b)
{
	return (size_t)a < b ? a : (int)b;
}

#endif
