/* SPDX-License-Identifier: MIT */
/* Keys that lie in runs already. */
#include <check.h>
#include <math.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sort/kernel/kernel.h"
#include "sort/runs.h"
#include "sort_check.h"
#include "test_sort.h"

/* Orders keys lo ... hi-1 among themselves, rising or falling. */
static void make_run(struct buffers *b, enum shared_type type, size_t lo, size_t hi, bool falling)
{
	size_t size = type_size(type), n = hi - lo;
	char *run = b->keys + lo * size;

	reference_order(run, n, type, false, b->order);
	for (size_t i = 0; i < n; i++)
		memcpy(b->sorted + i * size, run + b->order[falling ? n - 1 - i : i] * size, size);
	memcpy(run, b->sorted, n * size);
}

/* Keys of a shape in `count` runs of any length. */
static void make_runs(struct buffers *b, size_t n, enum shared_type type, enum shape shape,
		      size_t count, uint64_t seed)
{
	size_t lo = 0, hi;

	make_keys(b->keys, n, type, shape, seed);
	for (size_t i = 0; i < count; i++, lo = hi) {
		hi = i + 1 == count ? n : lo + (n - lo) * (random_next(&seed) % 1000) / 1000;
		make_run(b, type, lo, hi, random_next(&seed) % 2);
	}
}

START_TEST(every_kernel_merges_runs_stably)
{
	static const size_t counts[] = { 2, 3, 4, 5, SMI_RUNS - 1, SMI_RUNS, SMI_RUNS + 1, 40 };
	static const size_t sizes[] = { 2, 10, 65, 257, 1000, 16385, 20000 };
	static const enum shape shapes[] = { UNIFORM, FEW, EXTREMES, CLOSE, EQUAL, ZIPF };
	uint64_t seed = 1;
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, 20000);
	for (int type = 0; type < TYPES; type++)
		for (int shape = 0; shape < 6; shape++)
			for (int count = 0; count < 8; count++) {
				size_t n = sizes[random_next(&seed) % 7];

				make_runs(&b, n, type, shapes[shape], counts[count], ++seed);
				check_all(&b, n, type, shapes[shape], threads, n > 16384 ? 4 : 1);
			}
	buffers_fini(&b);
}
END_TEST

START_TEST(runs_are_found_as_they_lie)
{
	double keys[1000];
	struct smi_job job = { .kernel = smi_kernel(), .crew = { .np = 1 }, .n = 1000 };
	struct smi_runs runs;

	smi_keys_init(&job.plan.keys, keys, SHARED_FLOAT64, false);
	for (int i = 0; i < 1000; i++)
		keys[i] = i < 300 ? i : i < 700 ? 2000 - i : i < 701 ? 5000 : i - 800;
	ck_assert(smi_runs_find(&runs, &job));
	ck_assert_uint_eq(runs.count, 4);
	ck_assert(!runs.falling[0] && runs.start[1] == 301);
	ck_assert(runs.falling[1] && runs.start[2] == 700);
	ck_assert(runs.falling[2] && runs.start[3] == 702);
	ck_assert(!runs.falling[3] && runs.start[4] == 1000);
	for (int i = 0; i < 1000; i++)
		keys[i] = i % 100;
	ck_assert(!smi_runs_find(&runs, &job));
	job.n = 800;
	ck_assert(smi_runs_find(&runs, &job));
	ck_assert_uint_eq(runs.count, SMI_RUNS);
}
END_TEST

START_TEST(a_run_goes_on_where_threads_meet)
{
	size_t n = 100000;
	double *keys = malloc(n * sizeof *keys);
	struct smi_job job = { .kernel = smi_kernel(), .crew = { .np = 1 }, .n = n };
	struct smi_runs runs;

	ck_assert(keys);
	smi_keys_init(&job.plan.keys, keys, SHARED_FLOAT64, false);
	for (size_t i = 0; i < n; i++)
		keys[i] = i < n / 5 ? (double)i : -(double)i;
	for (int np = 1; np <= 8; np++) {
		smi_crew_enter(&job.crew, np, SMI_CREW_MUCH);
		ck_assert(smi_runs_find(&runs, &job));
		ck_assert_uint_eq(runs.count, 2);
		ck_assert_uint_eq(runs.start[1], n / 5);
		smi_crew_leave(&job.crew);
	}
	free(keys);
}
END_TEST

/* Equal keys, where a part begins or ends, neither rise nor fall. */
START_TEST(equal_keys_go_on_where_threads_meet)
{
	enum { N = 1 << 17, FLAT = 40 };
	int *keys = malloc(N * sizeof *keys);
	struct smi_job job = { .kernel = smi_kernel(), .crew = { .np = 1 }, .n = N };
	struct smi_runs runs;
	size_t begin;

	ck_assert(keys);
	smi_keys_init(&job.plan.keys, keys, SHARED_INT32, false);
	smi_crew_enter(&job.crew, 2, SMI_CREW_MUCH);
	for (int falling = 0; falling < 2; falling++)
		for (int shift = 0; shift <= FLAT; shift++) {
			begin = N / 2 - FLAT + (size_t)shift;
			for (size_t i = 0; i < N; i++)
				keys[i] = (int)i - N;
			for (size_t i = begin; i < N; i++)
				keys[i] = i < begin + FLAT ? -N : falling ? -(int)i - N : (int)i;
			ck_assert(smi_runs_find(&runs, &job));
			ck_assert_uint_eq(runs.count, 2);
			ck_assert_uint_eq(runs.start[1], begin);
			ck_assert(runs.falling[1] == falling);
		}
	for (size_t i = 0; i < N; i++) /* one part is flat */
		keys[i] = i < N / 4 ? -(int)i : i < N - 2 ? -N : -2 * N;
	ck_assert(smi_runs_find(&runs, &job));
	ck_assert_uint_eq(runs.count, 1);
	ck_assert(runs.falling[0]);
	smi_crew_leave(&job.crew);
	free(keys);
}
END_TEST

START_TEST(zeros_in_runs_keep_their_signs)
{
	static const double values[] = { -1, -0.0, 0.0, 2 };
	uint64_t seed = 1;
	struct buffers b;

	buffers_init(&b, 100);
	for (int round = 0; round < 200; round++) {
		enum shared_type type = round % 2 ? SHARED_FLOAT32 : SHARED_FLOAT64;
		size_t cut = random_next(&seed) % 100;

		for (size_t i = 0; i < 100; i++)
			store_float(b.keys, i, type, values[random_next(&seed) % 4]);
		make_run(&b, type, 0, cut, false);
		make_run(&b, type, cut, 100, round % 3);
		check_all(&b, 100, type, CLOSE, threads, 1);
	}
	buffers_fini(&b);
}
END_TEST

/* What keeps keys of 8 bytes from being merged as they are, and what does not; and whether
 * one mask makes floats of images. */
enum oddity { NONE, POSITIVE, NEGATIVE, TWINS, NAN_AT_TOP, NAN_BEHIND_TOP, NEGATIVE_NAN, ZEROS,
	      MINUS_ZERO_RISING, MINUS_ZERO_FALLING, MINUS_ZERO_LOWEST, ODDITIES };

/* Keys rise up to `top`, then fall. */
static void make_mountain(double *keys, size_t n, size_t top, enum oddity odd)
{
	double lowest = odd == POSITIVE || odd == MINUS_ZERO_LOWEST ? 0 : -(double)n * (odd == NEGATIVE ? 4 : 0.25);
	size_t up = 0, down = n - 1;

	for (size_t i = 0; i < n; i++)
		keys[i] = lowest + (double)(i < top ? 3 * i / 2 : 2 * (n - 1 - i));
	while (up + 1 < top && keys[up] < 0)
		up++;
	while (down > top && keys[down] < 0)
		down--;
	if (odd >= ZEROS) {
		keys[up] = odd == MINUS_ZERO_RISING ? -0.0 : 0.0;
		keys[down] = odd > MINUS_ZERO_RISING ? -0.0 : 0.0;
	}
	if (odd == TWINS && top + 3 < n)
		keys[top + 2] = keys[top + 1];
	if (odd == NAN_AT_TOP)
		keys[top - 1] = NAN;
	if (odd == NAN_BEHIND_TOP || odd == NEGATIVE_NAN)
		keys[top] = odd == NEGATIVE_NAN ? -NAN : NAN;
}

/* _i: what is odd. */
START_TEST(keys_that_rise_and_then_fall_are_merged)
{
	static const size_t sizes[] = { 2, 3, 5, 64, 301, 5000, 70001 };
	struct buffers b;

	buffers_init(&b, 70002);
	for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
		for (size_t top = 1; top < sizes[s]; top += 1 + sizes[s] / 3) {
			size_t n = sizes[s];
			double *keys = (double *)b.keys;

			make_mountain(keys, n, top, (enum oddity)_i);
			check_all(&b, n, SHARED_FLOAT64, PIPE, threads, 4);
			for (size_t i = 0; i < n; i++)
				store_float(b.keys, i, SHARED_FLOAT32, keys[i]);
			check_all(&b, n, SHARED_FLOAT32, PIPE, threads, 1);
			make_mountain(keys, n, top, (enum oddity)_i);
			for (size_t i = 0; i < n; i++)
				((int64_t *)keys)[i] = isnan(keys[i]) ? INT64_MAX : (int64_t)keys[i];
			check_all(&b, n, SHARED_INT64, PIPE, threads, 4);
			check_all(&b, n, SHARED_UINT64, PIPE, threads, 4);
		}
	buffers_fini(&b);
}
END_TEST

TCase *sort_runs_tests(void)
{
	TCase *tcase = tcase_create("runs");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, share_all, best_kernel);
	tcase_add_loop_test(tcase, every_kernel_merges_runs_stably, 0, KERNELS);
	tcase_add_loop_test(tcase, keys_that_rise_and_then_fall_are_merged, 0, ODDITIES);
	tcase_add_test(tcase, zeros_in_runs_keep_their_signs);
	tcase_add_test(tcase, runs_are_found_as_they_lie);
	tcase_add_test(tcase, a_run_goes_on_where_threads_meet);
	tcase_add_test(tcase, equal_keys_go_on_where_threads_meet);
	return tcase;
}
