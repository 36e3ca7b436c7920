/* SPDX-License-Identifier: MIT */
/* The books of a map in which jobs fail: each job is told how often, by which way,
 * and the books know what must have been tried and reduced in the end. */
#ifndef TESTS_BOOKS_H
#define TESTS_BOOKS_H

#include "testing.h"

/* Those from BY_KILL on end the process. */
enum way { BY_RETURN, BY_POOL_FAIL, BY_KILL, BY_SEGV, BY_ABORT, BY_EXIT, BY_OVERFLOW, BY_TURNS, WAYS = BY_TURNS };
extern const int way_codes[WAYS];

struct books {
	size_t njobs;
	size_t size;              /* of each value, beside a few bytes */
	enum way way;
	unsigned char *fails;     /* tries of each job that fail */
	_Atomic int *tried;       /* shared */
	_Atomic size_t *entered;  /* shared: jobs in the order of their ordered sections */
	struct {
		_Atomic size_t entries;
		size_t unguarded;
		_Atomic int inside, clashes;
	} *shared;
	int sections;             /* what a job enters: */
	int *reduced;             /* master */
	size_t calls, next;
	bool in_order;
	size_t stop_at;           /* this call of reduce returns stop_with, or cancels */
	int stop_with;
	struct pool *cancel;
	char wrong[120];          /* what reduce was the first to see */
};
enum { ORDERED = 1, ORDERED_BEFORE_FAILING = 2, CRITICAL = 4 };

void books_open(struct books *books, size_t njobs, enum way way);
void books_close(struct books *books);

/* Work and reduce functions whose arg is a struct books. */
int books_work(struct pool_worker *self, size_t job, void *arg);
int books_reduce(size_t job, const void *value, size_t size, void *arg);

/* Fails by that way; what it returns is to be returned. */
int books_fail(struct pool_worker *self, enum way way, size_t job);

/* Asserts that each job was tried once more than it failed, but `retries` times more
 * at most, and reduced once if one of its tries succeeded. Of a map that ended early,
 * not whole: no more than that. */
void books_check(const struct books *books, unsigned retries, bool whole, const char *what);

/* Every `every`-th job fails so many times. */
void books_spoil(struct books *books, size_t every, unsigned times);

/* Runs a map in which every `every`-th job fails so many times, on a pool of its own,
 * which must be usable afterwards. The map's status. */
int books_run(struct books *books, const struct pool_options *options, size_t every, unsigned times);

#endif
