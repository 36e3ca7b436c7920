/* SPDX-License-Identifier: MIT */
#include "books.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

const int way_codes[WAYS] = { 7, -1, SIGKILL, SIGSEGV, SIGABRT, -1 - 3, SIGSEGV };

void books_open(struct books *books, size_t njobs, enum way way)
{
	*books = (struct books){ .njobs = njobs, .way = way };
	books->fails = calloc(njobs + 1, 1);
	books->reduced = calloc(njobs + 1, sizeof *books->reduced);
	books->tried = test_shared(njobs * sizeof *books->tried);
	books->entered = test_shared(16 * njobs * sizeof *books->entered);
	books->shared = test_shared(sizeof *books->shared);
}

void books_close(struct books *books)
{
	test_unshare(books->tried, books->njobs * sizeof *books->tried);
	test_unshare(books->entered, 16 * books->njobs * sizeof *books->entered);
	test_unshare(books->shared, sizeof *books->shared);
	free(books->fails);
	free(books->reduced);
}

static volatile bool deeper = true;

__attribute__((__noinline__)) static int overflow_stack(int above)
{
	volatile char block[16384];

	block[0] = (char)above;
	block[sizeof block - 1] = 2;
	return deeper ? overflow_stack(block[0] + 1) + block[sizeof block - 1] : 0;
}

__attribute__((__no_sanitize__("undefined"))) int books_fail(struct pool_worker *self, enum way way, size_t job)
{
	int *volatile nowhere = (int *)8;

	switch (way) {
	case BY_RETURN: return 7;
	case BY_POOL_FAIL: pool_fail(self, "no luck with %zu", job); return 0;
	case BY_KILL: kill(getpid(), SIGKILL); break;
	case BY_SEGV: *nowhere = 1; break;
	case BY_ABORT: abort();
	case BY_EXIT: exit(3);
	default: return overflow_stack(0);
	}
	return 99;
}

static size_t size_of(const struct books *books, size_t job)
{
	return job % 5 == 4 ? 0 : books->size + 8 + job % 3;
}

static int give(struct pool_worker *self, size_t job, const struct books *books, unsigned salt)
{
	size_t size = size_of(books, job);
	unsigned char *space = size ? pool_return_space(self, size) : NULL;

	if (!space)
		return size != 0;
	for (size_t i = 0; i < size; i += i < 64 ? 1 : 997)
		space[i] = (unsigned char)(job * 31 + i + salt);
	return 0;
}

static void enter_ordered(struct pool_worker *self, size_t job, struct books *books)
{
	POOL_ORDERED(self) {
		if (atomic_fetch_add(&books->shared->inside, 1) != 0)
			books->shared->clashes++;
		books->entered[atomic_fetch_add(&books->shared->entries, 1)] = job;
		books->shared->inside--;
	}
}

int books_work(struct pool_worker *self, size_t job, void *arg)
{
	struct books *books = arg;
	int before = atomic_fetch_add(&books->tried[job], 1);
	enum way way = books->way == BY_TURNS ? (enum way)((job + (size_t)before) % WAYS) : books->way;

	if (books->sections & ORDERED_BEFORE_FAILING)
		enter_ordered(self, job, books);
	if (before < books->fails[job]) {
		if (give(self, job, books, 77))
			return 1;
		return books_fail(self, way, job);
	}
	if (books->sections & CRITICAL)
		POOL_CRITICAL(self)
			books->shared->unguarded++;
	if (books->sections & ORDERED)
		enter_ordered(self, job, books);
	return give(self, job, books, 0);
}

#define WRONG(books, ...) \
	((books)->wrong[0] ? 0 : snprintf((books)->wrong, sizeof (books)->wrong, __VA_ARGS__))

int books_reduce(size_t job, const void *value, size_t size, void *arg)
{
	struct books *books = arg;
	const unsigned char *bytes = value;

	if (job >= books->njobs) {
		WRONG(books, "reduce of job %zu", job);
		return 0;
	}
	if (books->in_order && job < books->next)
		WRONG(books, "reduce of job %zu after %zu", job, books->next - 1);
	books->next = job + 1;
	if (size != size_of(books, job) || (size != 0) != (value != NULL))
		WRONG(books, "job %zu: %zu bytes, not %zu", job, size, size_of(books, job));
	else
		for (size_t i = 0; i < size; i += i < 64 ? 1 : 997)
			if (bytes[i] != (unsigned char)(job * 31 + i))
				WRONG(books, "job %zu: byte %zu is %d", job, i, bytes[i]);
	books->reduced[job]++;
	if (++books->calls == books->stop_at && books->cancel)
		pool_cancel(books->cancel);
	else if (books->calls == books->stop_at)
		return books->stop_with;
	return 0;
}

void books_check(const struct books *books, unsigned retries, bool whole, const char *what)
{
	ck_assert_msg(!books->wrong[0], "%s: %s", what, books->wrong);
	for (size_t job = 0; job < books->njobs; job++) {
		int tries = 1 + (int)(books->fails[job] < retries ? books->fails[job] : retries);
		int done = books->fails[job] <= retries;

		if (whole)
			ck_assert_msg(books->tried[job] == tries && books->reduced[job] == done,
				      "%s: job %zu was tried %d times, not %d, and reduced %d times", what, job,
				      books->tried[job], tries, books->reduced[job]);
		else
			ck_assert_msg(books->tried[job] <= tries && books->reduced[job] <= done,
				      "%s: job %zu was tried %d times, not at most %d, and reduced %d times", what,
				      job, books->tried[job], tries, books->reduced[job]);
	}
	ck_assert_msg(books->shared->clashes == 0, "%s: two in the ordered section", what);
}

void books_spoil(struct books *books, size_t every, unsigned times)
{
	for (size_t job = 0; job < books->njobs; job++)
		books->fails[job] = job % every == every / 2 ? (unsigned char)times : 0;
}

int books_run(struct books *books, const struct pool_options *options, size_t every, unsigned times)
{
	struct pool *pool = test_open(options);
	int status;

	books->in_order = options->in_order;
	books->cancel = books->cancel ? pool : NULL;
	books_spoil(books, every, times);
	status = pool_map(pool, books->njobs, books_work, books_reduce, books);
	ck_assert_int_eq((int)pool_error(pool)->status, status);
	if (status != POOL_OK)
		assert_no_child();
	assert_usable(pool);
	pool_close(pool);
	return status;
}
