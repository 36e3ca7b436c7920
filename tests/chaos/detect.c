/* SPDX-License-Identifier: MIT */
/* How long pool_map takes to return once a worker has died: detect [deaths [np]] */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <sharedmem.h>

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* One job in the middle dies, the others sleep. */
static int work(struct pool_worker *self, size_t job, void *arg)
{
	double *died = arg;

	if (job == (size_t)self->np / 2) {
		nanosleep(&(struct timespec){ 0, 500000 }, NULL);
		*died = now_ms();
		kill(getpid(), SIGKILL);
	}
	nanosleep(&(struct timespec){ 5, 0 }, NULL);
	return 0;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	size_t deaths = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
	struct pool_options options = { .np = argc > 2 ? atoi(argv[2]) : 2, .chunk = 1 };
	struct pool *pool = pool_open(&options);
	double *died = shared_empty(1, sizeof *died), *ms = malloc(deaths * sizeof *ms);

	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	if (!pool || !died || !ms)
		return 2;
	for (size_t i = 0; i < deaths; i++) {
		if (pool_map(pool, (size_t)options.np, work, NULL, died) != POOL_CRASHED)
			return pool_report(pool, stderr), 1;
		ms[i] = now_ms() - *died;
	}
	qsort(ms, deaths, sizeof *ms, by_size);
	printf("detect: %zu deaths, np %d: death to return of pool_map p50 %.3f, p99 %.3f, max %.3f ms\n", deaths,
	       options.np, ms[deaths / 2], ms[deaths * 99 / 100], ms[deaths - 1]);
	pool_close(pool);
	shared_free(died);
	return ms[deaths * 99 / 100] >= 10;
}
