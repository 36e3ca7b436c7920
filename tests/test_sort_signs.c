/* SPDX-License-Identifier: MIT */
/* Floats on both sides of zero: their records' digits go by value (lib/sort/kernel/value.h); and records
 * with equal prefixes, which are those of equal keys or not (ties.h). */
#include <check.h>
#include <errno.h>
#include <float.h>
#include <math.h>

#include "sort_check.h"
#include "test_sort.h"

/* What floats are like: some lie nearer to zero than others by as much as there is. */
enum like { EVEN, ONE_ZERO, ZEROS, BELOW, TINY, SUBNORMAL, VAST, INFINITE, NANS, TWO_SCALES, SKEWED, LIKES };

static double number_like(enum like like, size_t i, size_t n, enum shared_type type, uint64_t *seed)
{
	double most = type == SHARED_FLOAT32 ? (double)FLT_MAX : DBL_MAX, least = type == SHARED_FLOAT32 ? 0x1p-149 : 0x1p-1074;
	double unit = (double)(random_next(seed) >> 11) * 0x1p-53;
	bool now_and_then = random_next(seed) % 16 == 0;

	switch (like) {
	case ONE_ZERO:
		return i == n / 2 ? -0.0 : unit;
	case ZEROS:
		return now_and_then ? (unit < 0.5 ? 0.0 : -0.0) : 1 + unit;
	case BELOW:
		return i == n / 2 ? 0 : -unit;
	case TINY:
		return now_and_then ? (unit - 0.5) * 0x1p-80 : unit - 0.25;
	case SUBNORMAL:
		return floor((unit - 0.5) * 0x1p20) * least;
	case VAST:
		return (unit * 2 - 1) * most;
	case INFINITE:
		return now_and_then ? (unit < 0.5 ? (double)INFINITY : -(double)INFINITY) : unit - 0.5;
	case NANS:
		return now_and_then ? (double)NAN : unit - 0.5;
	case TWO_SCALES:
		return (unit - 0.5) * (i % 2 ? 1 : 0x1p-40);
	case SKEWED:
		return exp(20 * unit) * (i % 3 ? 1 : -1);
	default:
		return unit - 0.5;
	}
}

START_TEST(floats_on_both_sides_of_zero_are_sorted)
{
	static const size_t sizes[] = { 255, 256, 257, 1000, 8192, 8193, 32768, 32769, 70001 };
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, 70001);
	for (enum shared_type type = SHARED_FLOAT32; type <= SHARED_FLOAT64; type++)
		for (enum like like = 0; like < LIKES; like++)
			for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
				uint64_t seed = s + 1;

				for (size_t i = 0; i < sizes[s]; i++)
					store_float(b.keys, i, type, number_like(like, i, sizes[s], type, &seed));
				check_all(&b, sizes[s], type, UNIFORM, threads, 2);
			}
	buffers_fini(&b);
}
END_TEST

/* Of most values there are some keys; every tenth value is another one's neighbour, which shares its
 * prefix. */
START_TEST(equal_prefixes_are_settled_whether_keys_are_twins_or_not)
{
	enum { N = 20000, VALUES = 3000 };
	static double value[VALUES];
	struct buffers b;
	uint64_t seed = 1;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, N);
	for (int neighbours = 0; neighbours < 2; neighbours++) {
		for (size_t v = 0; v < VALUES; v++)
			value[v] = neighbours && v % 10 == 9 ? nextafter(value[v - 1], 2)
							     : 1 / (double)(random_next(&seed) % 1000003 + 1);
		for (size_t n = N / 40; n <= N; n *= 6) {
			for (size_t i = 0; i < n; i++)
				store_float(b.keys, i, SHARED_FLOAT64, value[random_next(&seed) % VALUES]);
			check_all(&b, n, SHARED_FLOAT64, FEW, threads, 2);
		}
	}
	buffers_fini(&b);
}
END_TEST

TCase *sort_signs_tests(void)
{
	TCase *tcase = tcase_create("signs");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, share_all, best_kernel);
	tcase_add_loop_test(tcase, floats_on_both_sides_of_zero_are_sorted, 0, KERNELS);
	tcase_add_loop_test(tcase, equal_prefixes_are_settled_whether_keys_are_twins_or_not, 0, KERNELS);
	return tcase;
}
