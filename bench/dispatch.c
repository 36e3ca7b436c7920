/* SPDX-License-Identifier: MIT */
/* What does it cost to hand out a job that does nothing? */
#include "hand.h"

enum { JOBS = 1000000 };

static int nothing(struct pool_worker *self, size_t job, void *arg)
{
	(void)self, (void)job, (void)arg;
	return 0;
}

static double ours(struct pool *pool)
{
	double seconds = -bench_now();

	bench_map(pool, JOBS, nothing, NULL, NULL);
	return (seconds + bench_now()) / JOBS * 1e9;
}

static void take(atomic_size_t *next, size_t chunk)
{
	size_t job;

	while ((job = atomic_fetch_add(next, chunk)) < JOBS)
		for (size_t i = 0; i < chunk; i++)
			__asm__ volatile("" ::"r"(job + i) : "memory");
}

static void one_by_one(atomic_size_t *next, int out)
{
	(void)out;
	take(next, 1);
}

static void in_chunks(atomic_size_t *next, int out)
{
	(void)out;
	take(next, 64);
}

static double hand_one(int np)
{
	double seconds = -bench_now();

	hand_map(np, one_by_one, hand_silence, 0);
	return (seconds + bench_now()) / JOBS * 1e9;
}

static double hand_chunks(int np)
{
	double seconds = -bench_now();

	hand_map(np, in_chunks, hand_silence, 0);
	return (seconds + bench_now()) / JOBS * 1e9;
}

static double openmp_one(int np)
{
	double seconds = -bench_now();

#pragma omp parallel for num_threads(np) schedule(dynamic, 1)
	for (size_t job = 0; job < JOBS; job++)
		__asm__ volatile("" ::"r"(job) : "memory");
	return (seconds + bench_now()) / JOBS * 1e9;
}

static double openmp_guided(int np)
{
	double seconds = -bench_now();

#pragma omp parallel for num_threads(np) schedule(guided)
	for (size_t job = 0; job < JOBS; job++)
		__asm__ volatile("" ::"r"(job) : "memory");
	return (seconds + bench_now()) / JOBS * 1e9;
}

#define CHUNK_1 \
	.what = "empty jobs, chunk 1", .size = "1000000 jobs", .unit = "ns/job", .ours = ours, \
	.goal = BENCH_RATIO_AT_MOST, .target = 1.2, \
	.peer = { { "libgomp dynamic,1", openmp_one, NULL }, { "by hand, chunk 1", hand_one, NULL } }

#define CHUNK_FOUND \
	.what = "empty jobs, default chunk", .size = "1000000 jobs", .unit = "ns/job", .ours = ours, \
	.goal = BENCH_AT_MOST, .target = 2.5, \
	.peer = { { "libgomp guided", openmp_guided, NULL }, \
		  { "by hand, chunk 64", hand_chunks, NULL } }

static const struct bench_case cases[] = {
	{ CHUNK_1, .options = { .backend = POOL_FORK, .chunk = 1 } },
	{ CHUNK_1, .options = { .backend = POOL_THREAD, .chunk = 1 } },
	{ CHUNK_FOUND, .options = { .backend = POOL_FORK } },
	{ CHUNK_FOUND, .options = { .backend = POOL_THREAD } },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, cases, sizeof cases / sizeof *cases);
}
