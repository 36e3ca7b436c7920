/* SPDX-License-Identifier: MIT */
/* How fast do large values reach reduce, which reads each of their cache lines?
 * Several maps in a row on one pool; the first one, which finds no memory to
 * recycle, is printed apart. A worker's preparation counts as part of its map. */
#include <stdint.h>

#include "hand.h"

enum { JOBS = 64, WORDS = 16 * 1024 * 1024 / 8, SIZE = WORDS * 8, LINE = 64 / 8, LINES = WORDS / LINE };

/* Word i of job j's value is i + j where it was filled for that job, i where it
 * was prepared before, and then only word 0 tells the job. */
enum kind { FILLED, PREPARED };

static size_t reduced;

static void fill(uint64_t *value, uint64_t first)
{
	for (size_t i = 0; i < WORDS; i++)
		value[i] = first + i;
}

/* Reads one word of every line; each job's sum is another. */
static void reduce_value(const uint64_t *value, enum kind kind)
{
	uint64_t job = value[0], sum = 0;

	for (size_t i = 0; i < WORDS; i += LINE)
		sum += value[i];
	sum -= (uint64_t)LINE * LINES * (LINES - 1) / 2;
	bench_check(sum == (kind == FILLED ? LINES * job : job), "a wrong value");
	reduced++;
}

/* GB/s, if each value came once. */
static double rate(double seconds)
{
	bench_check(reduced == JOBS, "a wrong number of values");
	return (double)JOBS * SIZE / seconds / 1e9;
}

/* A buffer as a program makes that cares: aligned, so that it gets huge pages. */
static uint64_t *prepare(void)
{
	uint64_t *value = aligned_alloc(2 << 20, SIZE);

	if (value) {
		madvise(value, SIZE, MADV_HUGEPAGE);
		fill(value, 0);
	}
	return value;
}

static int begin(struct pool_worker *self, void *arg)
{
	(void)arg;
	self->local = prepare();
	return self->local ? 0 : pool_fail(self, "no memory");
}

static int end(struct pool_worker *self, void *arg)
{
	(void)arg;
	free(self->local);
	return 0;
}

static int return_prepared(struct pool_worker *self, size_t job, void *arg)
{
	uint64_t *value = self->local;

	(void)arg;
	value[0] = job;
	return pool_return(self, value, SIZE);
}

static int return_filled(struct pool_worker *self, size_t job, void *arg)
{
	uint64_t *value = pool_return_space(self, SIZE);

	(void)arg;
	if (!value)
		return -1;
	fill(value, job);
	return 0;
}

static int reduce(size_t job, const void *value, size_t size, void *arg)
{
	bench_check(size == SIZE && ((const uint64_t *)value)[0] == job, "a value of another job");
	reduce_value(value, *(enum kind *)arg);
	return 0;
}

static double map(struct pool *pool, pool_work_fn work, enum kind kind)
{
	double seconds = -bench_now();

	reduced = 0;
	bench_map(pool, JOBS, work, reduce, &kind);
	return rate(seconds + bench_now());
}

static double prepared(struct pool *pool)
{
	return map(pool, return_prepared, PREPARED);
}

static double filled(struct pool *pool)
{
	return map(pool, return_filled, FILLED);
}

static enum kind hand_kind;

static void child(atomic_size_t *next, int out)
{
	uint64_t *value = prepare();
	size_t job;

	while (value && (job = atomic_fetch_add(next, 1)) < JOBS) {
		if (hand_kind == FILLED)
			fill(value, job);
		value[0] = job;
		hand_write(out, value, SIZE);
	}
}

static ssize_t parent(int rank, int in)
{
	static uint64_t *value[HAND_MOST];
	static size_t come[HAND_MOST];
	ssize_t n;

	if (!value[rank])
		bench_check((value[rank] = prepare()) != NULL, "no memory");
	n = hand_read(in, (char *)value[rank] + come[rank], SIZE - come[rank]);
	come[rank] += n;
	if (come[rank] == SIZE) {
		reduce_value(value[rank], hand_kind);
		come[rank] = 0;
	}
	return n;
}

static double hand(int np, enum kind kind)
{
	double seconds = -bench_now();

	reduced = 0;
	hand_kind = kind;
	hand_map(np, child, parent, 1 << 20);
	return rate(seconds + bench_now());
}

static double hand_prepared(int np)
{
	return hand(np, PREPARED);
}

static double hand_filled(int np)
{
	return hand(np, FILLED);
}

/* Each job's value in memory of its own, which it was given by malloc. */
static double openmp(int np, enum kind kind)
{
	double seconds = -bench_now();

	reduced = 0;
#pragma omp parallel num_threads(np)
	{
		uint64_t *from = prepare();

#pragma omp for schedule(dynamic, 1)
		for (size_t job = 0; job < JOBS; job++) {
			uint64_t *value = malloc(SIZE);

			bench_check(from && value, "no memory");
			if (kind == FILLED)
				fill(value, job);
			else
				memcpy(value, from, SIZE);
			value[0] = job;
#pragma omp critical
			reduce_value(value, kind);
			free(value);
		}
		free(from);
	}
	return rate(seconds + bench_now());
}

static double openmp_prepared(int np)
{
	return openmp(np, PREPARED);
}

static double openmp_filled(int np)
{
	return openmp(np, FILLED);
}

static const struct bench_case cases[] = {
	{ .what = "values from private memory", .size = "64 x 16 MiB", .unit = "GB/s",
	  .options = { .backend = POOL_FORK, .worker_begin = begin, .worker_end = end },
	  .ours = prepared, .goal = BENCH_AT_LEAST, .target = 10, .first = true, .row = 1,
	  .peer = { { "by hand", hand_prepared, NULL },
		    { "libgomp critical, malloc", openmp_prepared, NULL } } },
	{ .what = "values filled in place", .size = "64 x 16 MiB", .unit = "GB/s",
	  .options = { .backend = POOL_FORK }, .ours = filled, .goal = BENCH_AT_LEAST, .target = 20,
	  .first = true, .row = 1,
	  .peer = { { "by hand", hand_filled, NULL },
		    { "libgomp critical, malloc", openmp_filled, NULL } } },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, cases, sizeof cases / sizeof *cases);
}
