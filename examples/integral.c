/* SPDX-License-Identifier: MIT */
/* integral [N [CHUNK]]: the integral of 4 / (1 + x^2) from 0 to 1, which is pi,
 * by N rectangles, whose heights all workers write into one shared array.
 *
 * The heights are added up in three ways: each job adds its chunk's sum to a
 * shared total, in a critical section; each job returns its chunk's sum and
 * reduce adds; the program itself adds up the finished array. With in_order,
 * reduce adds in the order in which the program does, so those two agree to the
 * last bit. The critical sections come in any order: N / CHUNK additions of
 * positive terms, each wrong by half an ulp at most. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <sharedmem.h>

struct integral {
	size_t n, chunk;
	double *height; /* shared, n */
	double *total;  /* shared, 1 */
	double reduced;
};

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static double sum(const double *value, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += value[i];
	return sum;
}

static int rectangles(struct pool_worker *self, size_t job, void *arg)
{
	struct integral *f = arg;
	size_t begin = job * f->chunk, end = begin + smaller(f->chunk, f->n - begin);
	double part;

	for (size_t i = begin; i < end; i++) {
		double x = (i + 0.5) / f->n;

		f->height[i] = 4 / (1 + x * x);
	}
	part = sum(f->height + begin, end - begin);
	POOL_CRITICAL(self)
		*f->total += part;
	return pool_return(self, &part, sizeof part);
}

static int add(size_t job, const void *value, size_t size, void *arg)
{
	struct integral *f = arg;

	(void)job, (void)size;
	f->reduced += *(const double *)value;
	return 0;
}

static double array_sum(const struct integral *f)
{
	double total = 0;

	for (size_t begin = 0; begin < f->n; begin += smaller(f->chunk, f->n - begin))
		total += sum(f->height + begin, smaller(f->chunk, f->n - begin));
	return total;
}

/* Whether the three sums agree with each other, and the integral with pi: to
 * the rule's own error, 1 / (12 n^2) here, and the rounding of all sums. */
static int check(const struct integral *f, size_t njobs)
{
	double direct = array_sum(f), area = direct / f->n;
	double rule = 1.01 / 12 / f->n / f->n;
	double rounding = ((double)smaller(f->chunk, f->n) + njobs + 8) * DBL_EPSILON;

	printf("critical %.17g\nreduced  %.17g\narray    %.17g\n", *f->total / f->n,
	       f->reduced / f->n, area);
	return f->reduced == direct && fabs(*f->total - direct) <= njobs * DBL_EPSILON * direct &&
	       fabs(area - M_PI) <= rule + rounding * M_PI;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static size_t number(const char *text, size_t otherwise)
{
	return text ? strtoull(text, NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	struct pool_options options = { .in_order = true };
	struct integral f = { .n = number(argv[argc > 1 ? 1 : argc], 128 << 20),
			      .chunk = number(argv[argc > 2 ? 2 : argc], 1 << 20) };
	size_t njobs = f.n && f.chunk ? (f.n - 1) / f.chunk + 1 : 0;
	struct pool *pool = pool_open(&options);
	double seconds = now();
	int agree = 0;

	f.height = shared_empty(f.n, sizeof *f.height);
	f.total = shared_empty(1, sizeof *f.total);
	if (njobs == 0) {
		fputs("usage: integral [N [CHUNK]]\n", stderr);
	} else if (!f.height || !f.total) {
		perror("integral");
	} else if (!pool || pool_map(pool, njobs, rectangles, add, &f)) {
		pool_report(pool, stderr);
	} else {
		printf("%.3f s with %d workers\n", now() - seconds, pool_np(pool));
		agree = check(&f, njobs);
		puts(agree ? "all agree" : "THEY DIFFER");
	}
	pool_close(pool);
	shared_free(f.total);
	shared_free(f.height);
	return agree ? 0 : 1;
}
