/* SPDX-License-Identifier: MIT */
/* What does an empty map cost, from the call to its return? */
#include "hand.h"

enum { FORKED_MAPS = 100, TEAM_MAPS = 2000 };

static int nothing(struct pool_worker *self, size_t job, void *arg)
{
	(void)self, (void)job, (void)arg;
	return 0;
}

static double maps(struct pool *pool, int n)
{
	double seconds = -bench_now();

	for (int i = 0; i < n; i++)
		bench_map(pool, pool_np(pool), nothing, NULL, NULL);
	seconds += bench_now();
	return seconds / n * 1e6;
}

static double forked(struct pool *pool)
{
	return maps(pool, FORKED_MAPS);
}

static double team(struct pool *pool)
{
	return maps(pool, TEAM_MAPS);
}

static void child(atomic_size_t *next, int out)
{
	(void)out;
	atomic_fetch_add(next, 1);
}

static double hand(int np)
{
	double seconds = -bench_now();

	for (int i = 0; i < FORKED_MAPS; i++)
		hand_map(np, child, hand_silence, 0);
	seconds += bench_now();
	return seconds / FORKED_MAPS * 1e6;
}

static double openmp(int np)
{
	double seconds = -bench_now();

	for (int i = 0; i < TEAM_MAPS; i++) {
#pragma omp parallel num_threads(np)
		__asm__ volatile("" ::: "memory");
	}
	seconds += bench_now();
	return seconds / TEAM_MAPS * 1e6;
}

static const struct bench_case cases[] = {
	{ .what = "empty map", .size = "a job a worker", .unit = "us", .ours = forked,
	  .options.backend = POOL_FORK, .goal = BENCH_RATIO_AT_MOST, .target = 1.3,
	  .peer = { { "by hand", hand, NULL } } },
	{ .what = "empty map, kept threads", .size = "a job a worker", .unit = "us", .ours = team,
	  .options.backend = POOL_THREAD, .goal = BENCH_RATIO_AT_MOST, .target = 1.0,
	  .peer = { { "libgomp parallel, passive", openmp, "passive" },
		    { "libgomp parallel", openmp, NULL } } },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, cases, sizeof cases / sizeof *cases);
}
