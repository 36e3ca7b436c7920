/* SPDX-License-Identifier: MIT */
/* How many small values a second reach reduce? */
#include <stdint.h>

#include "hand.h"

enum { JOBS = 1000000, BATCH = 4096 };

static uint64_t total; /* what was reduced */

/* Cheap, and any value that is lost, doubled or spoilt shows in the sum. */
static uint64_t value_of(size_t job)
{
	return job * 0x9e3779b97f4a7c15;
}

/* Millions a second, if the sum is right. */
static double rate(double seconds)
{
	uint64_t expected = (uint64_t)JOBS * (JOBS - 1) / 2 * 0x9e3779b97f4a7c15;

	bench_check(total == expected, "a wrong sum of values");
	return JOBS / seconds / 1e6;
}

static int work(struct pool_worker *self, size_t job, void *arg)
{
	uint64_t value = value_of(job);

	(void)arg;
	return pool_return(self, &value, sizeof value);
}

static int add(size_t job, const void *value, size_t size, void *arg)
{
	(void)job, (void)size;
	*(uint64_t *)arg += *(const uint64_t *)value;
	return 0;
}

static double ours(struct pool *pool)
{
	double seconds = -bench_now();

	total = 0;
	bench_map(pool, JOBS, work, add, &total);
	return rate(seconds + bench_now());
}

/* By hand: as many jobs at once as fill a batch of values, one write a batch. */
static void child(atomic_size_t *next, int out)
{
	uint64_t value[BATCH];
	size_t job;

	while ((job = atomic_fetch_add(next, BATCH)) < JOBS) {
		size_t n = JOBS - job < BATCH ? JOBS - job : BATCH;

		for (size_t i = 0; i < n; i++)
			value[i] = value_of(job + i);
		hand_write(out, value, n * sizeof *value);
	}
}

static ssize_t parent(int rank, int in)
{
	static char left[HAND_MOST][sizeof(uint64_t)];
	static size_t nleft[HAND_MOST];
	uint64_t value[BATCH + 1];
	ssize_t n = hand_read(in, (char *)value + nleft[rank], BATCH * sizeof *value);
	size_t bytes = nleft[rank] + n;

	memcpy(value, left[rank], nleft[rank]);
	for (size_t i = 0; i < bytes / sizeof *value; i++)
		total += value[i];
	nleft[rank] = bytes % sizeof *value;
	memcpy(left[rank], (char *)value + bytes - nleft[rank], nleft[rank]);
	return n;
}

static double hand(int np)
{
	double seconds = -bench_now();

	total = 0;
	hand_map(np, child, parent, 0);
	return rate(seconds + bench_now());
}

static double openmp(int np)
{
	double seconds = -bench_now();

	total = 0;
#pragma omp parallel for num_threads(np) schedule(dynamic, 1)
	for (size_t job = 0; job < JOBS; job++) {
		uint64_t value = value_of(job);
#pragma omp critical
		total += value;
	}
	return rate(seconds + bench_now());
}

#define VALUES(name, least) \
	.what = name, .size = "1000000 x 8 B", .unit = "M/s", .ours = ours, .goal = BENCH_AT_LEAST, \
	.target = least, \
	.peer = { { "by hand, batches of 4096", hand, NULL }, \
		  { "libgomp critical, dynamic,1", openmp, NULL } }

static const struct bench_case cases[] = {
	{ VALUES("values, chunk 1", 40), .options = { .backend = POOL_FORK, .chunk = 1 } },
	{ VALUES("values, default chunk", 150), .options = { .backend = POOL_FORK } },
	{ VALUES("values, chunk 1", 40), .options = { .backend = POOL_THREAD, .chunk = 1 } },
	{ VALUES("values, default chunk", 150), .options = { .backend = POOL_THREAD } },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, cases, sizeof cases / sizeof *cases);
}
