/* SPDX-License-Identifier: MIT */
/* What does it cost to enter a critical section, alone and contended, and an
 * ordered one that every job enters? */
#include <stdint.h>

#include "bench.h"

/* So many that forking the workers hardly counts. */
enum { ENTRIES = 1000000, MANY_ENTRIES = 100000, JOBS = 500000, MANY_JOBS = 100000 };

/* What the sections protect: shared by our workers, private to a peer. */
struct protected {
	uint64_t entered;
	uint64_t entries; /* a worker, in critical */
};

static struct protected *ours(void)
{
	static struct protected *shared;

	if (!shared)
		shared = shared_empty(1, sizeof *shared);
	bench_check(shared != NULL, "no memory");
	shared->entered = 0;
	return shared;
}

static double ns_each(double seconds, const struct protected *p, uint64_t expected)
{
	bench_check(p->entered == expected, "a section let two in at once");
	return seconds / expected * 1e9;
}

static int enter_critical(struct pool_worker *self, size_t job, void *arg)
{
	struct protected *p = arg;

	(void)job;
	for (uint64_t i = p->entries; i; i--)
		POOL_CRITICAL(self)
			p->entered++;
	return 0;
}

static double critical(struct pool *pool, uint64_t entries)
{
	struct protected *p = ours();
	double seconds = -bench_now();
	int np = pool_np(pool);

	p->entries = entries;
	bench_map(pool, np, enter_critical, NULL, p);
	return ns_each(seconds + bench_now(), p, entries * np);
}

static double critical_few(struct pool *pool)
{
	return critical(pool, ENTRIES);
}

static double critical_many(struct pool *pool)
{
	return critical(pool, MANY_ENTRIES);
}

static int enter_ordered(struct pool_worker *self, size_t job, void *arg)
{
	struct protected *p = arg;
	int r = -1;

	POOL_ORDERED(self)
		r = p->entered++ == job ? 0 : pool_fail(self, "job %zu out of turn", job);
	return r;
}

static double ordered(struct pool *pool, size_t njobs)
{
	struct protected *p = ours();
	double seconds = -bench_now();

	bench_map(pool, njobs, enter_ordered, NULL, p);
	return ns_each(seconds + bench_now(), p, njobs);
}

static double ordered_few(struct pool *pool)
{
	return ordered(pool, JOBS);
}

static double ordered_many(struct pool *pool)
{
	return ordered(pool, MANY_JOBS);
}

static double openmp_critical(int np, uint64_t entries)
{
	static struct protected p;
	double seconds = -bench_now();

	p.entered = 0;
#pragma omp parallel num_threads(np)
	for (uint64_t i = entries; i; i--) {
#pragma omp critical
		p.entered++;
	}
	return ns_each(seconds + bench_now(), &p, entries * np);
}

static double openmp_critical_few(int np)
{
	return openmp_critical(np, ENTRIES);
}

static double openmp_critical_many(int np)
{
	return openmp_critical(np, MANY_ENTRIES);
}

static double openmp_ordered(int np, size_t njobs)
{
	static struct protected p;
	double seconds = -bench_now();

	p.entered = 0;
#pragma omp parallel for ordered num_threads(np) schedule(dynamic, 1)
	for (size_t job = 0; job < njobs; job++) {
#pragma omp ordered
		bench_check(p.entered++ == job, "a job out of turn");
	}
	return ns_each(seconds + bench_now(), &p, njobs);
}

static double openmp_ordered_few(int np)
{
	return openmp_ordered(np, JOBS);
}

static double openmp_ordered_many(int np)
{
	return openmp_ordered(np, MANY_JOBS);
}

#define SECTION(name, how_many, function, policy, most) \
	.what = name, .size = how_many, .unit = "ns", .ours = function, \
	.goal = BENCH_RATIO_AT_MOST, .target = most, \
	.peer = { { policy ? "libgomp passive" : "libgomp", openmp_##function, policy } }

static const struct bench_case cases[] = {
	{ SECTION("critical alone", "1000000", critical_few, NULL, 1.0),
	  .options = { .backend = POOL_FORK, .np = 1 } },
	{ SECTION("critical contended", "1000000 a worker", critical_few, NULL, 0.6),
	  .options = { .backend = POOL_FORK } },
	{ SECTION("critical, too many workers", "100000 a worker", critical_many, "passive", 1.0),
	  .options = { .backend = POOL_FORK, .np = 8 } },
	{ SECTION("ordered, chunk 1", "500000 jobs", ordered_few, NULL, 1.0),
	  .options = { .backend = POOL_FORK, .chunk = 1 } },
	{ SECTION("ordered, too many workers", "100000 jobs", ordered_many, "passive", 1.0),
	  .options = { .backend = POOL_FORK, .chunk = 1, .np = 8 }, .row = 1 },
	{ SECTION("critical alone", "1000000", critical_few, NULL, 1.0),
	  .options = { .backend = POOL_THREAD, .np = 1 } },
	{ SECTION("critical contended", "1000000 a worker", critical_few, NULL, 0.6),
	  .options = { .backend = POOL_THREAD } },
	{ SECTION("ordered, chunk 1", "500000 jobs", ordered_few, NULL, 1.0),
	  .options = { .backend = POOL_THREAD, .chunk = 1 } },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, cases, sizeof cases / sizeof *cases);
}
