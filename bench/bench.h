/* SPDX-License-Identifier: MIT */
/* What the benchmarks share. A program is a table of cases; a case is one of
 * our figures, the peers it is measured beside, and the figure it is to reach.
 *
 * Ours and the peers alternate in one run, and what is printed is the median of
 * each and of the ratio within a round, since machines drift. In a round each
 * measures some times in a row and gives the median, so that all are seen at
 * work and not on waking up. A peer lives in a process of its own, the same
 * program started anew, which measures whenever it is asked: a team that still
 * spins would disturb whoever comes next. */
#ifndef BENCH_H
#define BENCH_H

#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sharedmem.h>

enum { BENCH_PEERS = 3, BENCH_ROUNDS = 9, BENCH_ROW = 5, BENCH_NP = 2 };

/* A measurement: prepares, works, and returns the figure in the case's unit. */
typedef double (*bench_peer_fn)(int np);
typedef double (*bench_ours_fn)(struct pool *pool);

struct bench_peer {
	const char *name;
	bench_peer_fn measure;
	const char *wait_policy; /* OMP_WAIT_POLICY; NULL: not set */
};

enum bench_goal {
	BENCH_NO_GOAL,
	BENCH_RATIO_AT_MOST, /* ours / the first peer's */
	BENCH_AT_MOST,
	BENCH_AT_LEAST
};

struct bench_case {
	const char *what, *size, *unit;
	struct pool_options options; /* np 0: what the command line says */
	bench_ours_fn ours;
	struct bench_peer peer[BENCH_PEERS];
	enum bench_goal goal;
	double target;
	bool first; /* print the first figure, too: that of a fresh pool */
	int row;    /* measurements in a row; 0: BENCH_ROW, which is the most */
};

/* A peer's process: a byte asks, a double answers. */
struct bench_server {
	pid_t pid;
	int ask, answer;
};

static inline double bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static inline void bench_pause(double seconds)
{
	struct timespec t = { (time_t)seconds, (seconds - (time_t)seconds) * 1e9 };

	nanosleep(&t, NULL);
}

/* A wrong result is not worth a figure. */
static inline void bench_check(bool right, const char *what)
{
	if (!right) {
		fprintf(stderr, "bench: %s\n", what);
		exit(1);
	}
}

static inline void bench_map(struct pool *pool, size_t njobs, pool_work_fn work,
			     pool_reduce_fn reduce, void *arg)
{
	if (pool_map(pool, njobs, work, reduce, arg)) {
		pool_report(pool, stderr);
		exit(1);
	}
}

static inline int bench_compare(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

/* The value below which `part` of all lie; 0.5 is the median. */
static inline double bench_quantile(const double *value, int n, double part)
{
	double sorted[BENCH_ROUNDS];

	memcpy(sorted, value, n * sizeof *value);
	qsort(sorted, n, sizeof *sorted, bench_compare);
	return sorted[(int)((n - 1) * part + 0.5)];
}

static inline double bench_median(const double *value, int n)
{
	return bench_quantile(value, n, 0.5);
}

static inline int bench_row(const struct bench_case *c)
{
	return c->row ? c->row : BENCH_ROW;
}

static inline void bench_serve(const struct bench_case *c, int ipeer, int np)
{
	char ask;

	while (read(STDIN_FILENO, &ask, 1) == 1) {
		int n = bench_row(c);
		double figure[BENCH_ROW];

		for (int i = 0; i < n; i++)
			figure[i] = c->peer[ipeer].measure(np);
		figure[0] = bench_median(figure, n);
		bench_check(write(STDOUT_FILENO, figure, sizeof *figure) == sizeof *figure, "no listener");
	}
	exit(0);
}

static inline double bench_ours(const struct bench_case *c, struct pool *pool)
{
	int n = bench_row(c);
	double figure[BENCH_ROW];

	for (int i = 0; i < n; i++)
		figure[i] = c->ours(pool);
	return bench_median(figure, n);
}

static inline void bench_exec(const char *wait_policy, int icase, int ipeer, int np)
{
	char arg[3][16];

	snprintf(arg[0], sizeof arg[0], "%d", icase);
	snprintf(arg[1], sizeof arg[1], "%d", ipeer);
	snprintf(arg[2], sizeof arg[2], "%d", np);
	setenv("OMP_NUM_THREADS", arg[2], 1);
	setenv("OMP_DYNAMIC", "false", 1);
	unsetenv("OMP_PROC_BIND");
	unsetenv("OMP_PLACES");
	unsetenv("GOMP_SPINCOUNT");
	unsetenv("OMP_WAIT_POLICY");
	if (wait_policy)
		setenv("OMP_WAIT_POLICY", wait_policy, 1);
	execl("/proc/self/exe", "bench", "--peer", arg[0], arg[1], arg[2], (char *)NULL);
	_exit(127);
}

static inline struct bench_server bench_start(const struct bench_peer *peer, int icase, int ipeer,
					      int np)
{
	struct bench_server server;
	int ask[2], answer[2];

	bench_check(!pipe2(ask, O_CLOEXEC) && !pipe2(answer, O_CLOEXEC), "no pipe");
	fflush(stdout);
	server = (struct bench_server){ fork(), ask[1], answer[0] };
	bench_check(server.pid >= 0, "no process");
	if (server.pid == 0) {
		dup2(ask[0], STDIN_FILENO);
		dup2(answer[1], STDOUT_FILENO);
		bench_exec(peer->wait_policy, icase, ipeer, np);
	}
	close(ask[0]);
	close(answer[1]);
	return server;
}

/* Until the answer is there the asking process sleeps; after it, a team that
 * waits by spinning is given the time to fall asleep. */
static inline double bench_ask(const struct bench_server *server)
{
	double figure = 0;

	bench_check(write(server->ask, "", 1) == 1 &&
			    read(server->answer, &figure, sizeof figure) == sizeof figure,
		    "a peer failed");
	bench_pause(0.02);
	return figure;
}

static inline void bench_stop(const struct bench_server *server)
{
	close(server->ask);
	close(server->answer);
	waitpid(server->pid, NULL, 0);
}

static inline void bench_verdict(const struct bench_case *c, double ours, double ratio)
{
	double figure = c->goal == BENCH_RATIO_AT_MOST ? ratio : ours;
	bool reached = c->goal == BENCH_AT_LEAST ? figure >= c->target : figure <= c->target;

	if (c->goal != BENCH_NO_GOAL)
		printf("  %s %s %g%s: %s", c->goal == BENCH_RATIO_AT_MOST ? "ratio" : "ours",
		       c->goal == BENCH_AT_LEAST ? ">=" : "<=", c->target,
		       c->goal == BENCH_RATIO_AT_MOST ? "" : c->unit, reached ? "reached" : "missed");
}

static inline void bench_print_ours(const struct bench_case *c, const char *what, int np, double ours)
{
	static const char *const backend[] = { "default", "fork", "thread", "serial" };

	printf("%-36s %-6s np %d  %-16s %8.4g %s", what, backend[c->options.backend], np, c->size, ours,
	       c->unit);
}

/* One line: what, backend, workers, size, figure; the peer, its figure, the
 * ratio and its quartiles; with the first peer, the verdict. */
static inline void bench_print(const struct bench_case *c, int np, const double *ours, int ipeer,
			       const double *peer, const double *ratio)
{
	bench_print_ours(c, c->what, np, bench_median(ours, BENCH_ROUNDS));
	printf("  %s %.4g %s, ratio %.2f (%.2f-%.2f)", c->peer[ipeer].name,
	       bench_median(peer, BENCH_ROUNDS), c->unit, bench_median(ratio, BENCH_ROUNDS),
	       bench_quantile(ratio, BENCH_ROUNDS, 0.25), bench_quantile(ratio, BENCH_ROUNDS, 0.75));
	if (ipeer == 0)
		bench_verdict(c, bench_median(ours, BENCH_ROUNDS), bench_median(ratio, BENCH_ROUNDS));
	putchar('\n');
	fflush(stdout);
}

static inline void bench_case_run(const struct bench_case *c, int icase, int np)
{
	struct pool_options options = c->options;
	struct bench_server server[BENCH_PEERS];
	double ours[BENCH_ROUNDS], peer[BENCH_PEERS][BENCH_ROUNDS], ratio[BENCH_PEERS][BENCH_ROUNDS];
	double first;
	struct pool *pool;
	int npeers = 0;

	np = options.np ? options.np : np;
	options.np = np;
	for (; npeers < BENCH_PEERS && c->peer[npeers].name; npeers++) {
		server[npeers] = bench_start(&c->peer[npeers], icase, npeers, np);
		bench_ask(&server[npeers]); /* warm up */
	}
	pool = pool_open(&options);
	if (!pool)
		pool_report(NULL, stderr);
	bench_check(pool != NULL, "no pool");
	first = c->ours(pool);

	for (int round = 0; round < BENCH_ROUNDS; round++) {
		ours[round] = bench_ours(c, pool);
		for (int i = 0; i < npeers; i++) {
			peer[i][round] = bench_ask(&server[i]);
			ratio[i][round] = ours[round] / peer[i][round];
		}
	}
	pool_close(pool);
	for (int i = 0; i < npeers; i++)
		bench_stop(&server[i]);

	for (int i = 0; i < npeers; i++)
		bench_print(c, np, ours, i, peer[i], ratio[i]);
	if (c->first) {
		char what[64];

		snprintf(what, sizeof what, "%s, first map", c->what);
		bench_print_ours(c, what, np, first);
		putchar('\n');
	}
}

/* The whole main function: PROGRAM [NP]. */
static inline int bench_main(int argc, char **argv, const struct bench_case *table, int ncases)
{
	int np = argc > 1 ? atoi(argv[1]) : BENCH_NP;

	if (argc == 5 && !strcmp(argv[1], "--peer"))
		bench_serve(&table[atoi(argv[2])], atoi(argv[3]), atoi(argv[4]));
	if (np < 1) {
		fprintf(stderr, "usage: %s [WORKERS]\n", argv[0]);
		return 2;
	}
	for (int i = 0; i < ncases; i++)
		bench_case_run(&table[i], i, np);
	return 0;
}

#endif
