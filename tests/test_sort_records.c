/* SPDX-License-Identifier: MIT */
/* Records below 2^62 are compared as doubles, where that is faster; others are not. */
#include <check.h>
#include <errno.h>
#include <math.h>

#include "sort/job.h"
#include "sort_check.h"
#include "test_sort.h"

START_TEST(a_vector_has_one_record_or_more)
{
	struct smi_job job = { .width = 4 };

	if (smi_sort_use(kernels[_i]))
		return;
	job.kernel = smi_kernel();
	ck_assert_uint_eq(smi_job_lanes(&job), job.kernel->lanes);
	job.width = 8;
	ck_assert_uint_eq(smi_job_lanes(&job), job.kernel->lanes == 1 ? 1 : job.kernel->lanes / 2);
}
END_TEST

START_TEST(keys_are_sorted_up_to_any_bit)
{
	static const uint64_t tops[] = { 1, (1ull << 52) - 1, 1ull << 52, (1ull << 62) - 1, 1ull << 62,
					 (1ull << 62) + 1, 1ull << 63, UINT64_MAX };
	uint64_t random = 1;
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, 1024);
	for (size_t top = 0; top < sizeof tops / sizeof *tops; top++)
		for (size_t n = 2; n <= 1024; n += 1 + n / 8) {
			uint64_t *keys = (uint64_t *)(void *)b.keys;

			for (size_t i = 0; i < n; i++) {
				keys[i] = i < 2 ? i * tops[top] : random_next(&random) >> i % 64;
				keys[i] = keys[i] <= tops[top] ? keys[i] : tops[top] - keys[i] % 3;
			}
			check_all(&b, n, SHARED_UINT64, EXTREMES, threads, 1);
		}
	buffers_fini(&b);
}
END_TEST

/* The range of images is small, NaN's among them, but the records are whole images, since
 * NaNs were taken out. */
START_TEST(large_floats_are_sorted_among_nans)
{
	uint64_t random = 1;
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, 1024);
	for (int type = SHARED_FLOAT32; type <= SHARED_FLOAT64; type++)
		for (size_t n = 2; n <= 1024; n += 1 + n / 8) {
			for (size_t i = 0; i < n; i++)
				store_float(b.keys, i, type, i % 5 == 1 ? NAN : ldexp(1, 2 + (int)(random_next(&random) % 100)));
			check_all(&b, n, type, EXTREMES, threads, 1);
		}
	buffers_fini(&b);
}
END_TEST

TCase *sort_records_tests(void)
{
	TCase *tcase = tcase_create("records");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, share_all, best_kernel);
	tcase_add_loop_test(tcase, a_vector_has_one_record_or_more, 0, KERNELS);
	tcase_add_loop_test(tcase, keys_are_sorted_up_to_any_bit, 0, KERNELS);
	tcase_add_loop_test(tcase, large_floats_are_sorted_among_nans, 0, KERNELS);
	return tcase;
}
