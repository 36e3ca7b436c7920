/* SPDX-License-Identifier: MIT */
/* How well are heavy-tailed jobs balanced? A job spins by the clock for its
 * time, so that only the order in which jobs run decides; ideal is the time that
 * nobody can beat: the work divided by the workers, or the longest job. Two
 * workers that take the largest jobs last, one by one, come to 97.6% of it if
 * nothing else costs them any time; the other orders, to 100%. */
#include <stdint.h>

#include "bench.h"

enum { JOBS = 4000 };

static const double WORK = 0.4; /* seconds, all jobs together */

enum order { LARGEST_FIRST, LARGEST_LAST, RANDOM };

static double duration[JOBS];

/* Steele, Lea and Flood's SplitMix64. */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void shuffle(double *value, size_t n)
{
	uint64_t state = 1;

	for (size_t i = n; i > 1; i--) {
		size_t j = random_next(&state) % i;
		double other = value[j];

		value[j] = value[i - 1];
		value[i - 1] = other;
	}
}

/* The quantiles of a Pareto distribution with exponent 1.5: the longest job is
 * about 400 times the shortest and 3% of all the work. */
static void durations(enum order order)
{
	double sum = 0;

	for (int i = 0; i < JOBS; i++) {
		int rank = order == LARGEST_LAST ? JOBS - 1 - i : i;

		duration[i] = pow((rank + 0.5) / JOBS, -1 / 1.5);
		sum += duration[i];
	}
	for (int i = 0; i < JOBS; i++)
		duration[i] *= WORK / sum;
	if (order == RANDOM)
		shuffle(duration, JOBS);
}

static double percent_of_ideal(double seconds, int np)
{
	double ideal = WORK / np;

	for (int i = 0; i < JOBS; i++)
		ideal = fmax(ideal, duration[i]);
	return ideal / seconds * 100;
}

static void spin(double seconds)
{
	double end = bench_now() + seconds;

	while (bench_now() < end)
		;
}

static int work(struct pool_worker *self, size_t job, void *arg)
{
	(void)self, (void)arg;
	spin(duration[job]);
	return 0;
}

static double ours(struct pool *pool, enum order order)
{
	double seconds;

	durations(order);
	seconds = -bench_now();
	bench_map(pool, JOBS, work, NULL, NULL);
	return percent_of_ideal(seconds + bench_now(), pool_np(pool));
}

static double openmp(int np, enum order order)
{
	double seconds;

	durations(order);
	seconds = -bench_now();
#pragma omp parallel for num_threads(np) schedule(dynamic, 1)
	for (size_t job = 0; job < JOBS; job++)
		spin(duration[job]);
	return percent_of_ideal(seconds + bench_now(), np);
}

#define ORDER(name, ORDER_) \
	static double name(struct pool *pool) \
	{ \
		return ours(pool, ORDER_); \
	} \
	static double openmp_##name(int np) \
	{ \
		return openmp(np, ORDER_); \
	}
ORDER(random_order, RANDOM)
ORDER(largest_last, LARGEST_LAST)
ORDER(largest_first, LARGEST_FIRST)

#define BALANCE(name, order) \
	.what = "heavy-tailed jobs, " name, .size = "4000 jobs, 0.4 s", .unit = "%", .ours = order, \
	.goal = BENCH_AT_LEAST, .target = 96, .row = 3, .peer = { { "libgomp dynamic,1", openmp_##order, NULL } }

static const struct bench_case cases[] = {
	{ BALANCE("random", random_order), .options = { .backend = POOL_FORK } },
	{ BALANCE("largest last", largest_last), .options = { .backend = POOL_FORK } },
	{ BALANCE("largest first", largest_first), .options = { .backend = POOL_FORK } },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, cases, sizeof cases / sizeof *cases);
}
