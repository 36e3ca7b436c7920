/* SPDX-License-Identifier: MIT */
/* argsort, argsort32 and sort: ten types, ten shapes, both directions, every
 * kernel that the CPU has, any number of threads. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sharedmem.h>

#include "sort/job.h"
#include "sort_check.h"
#include "sort_data.h"
#include "test_sort.h"

/* Sizes at which something changes, and their neighbours. */
static const size_t small_sizes[] = { 0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32,
				      33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1023, 1024,
				      1025 };

START_TEST(every_kernel_sorts_small_arrays_stably)
{
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, 1025);
	for (int type = 0; type < TYPES; type++)
		for (int shape = 0; shape < SHAPES; shape++)
			for (size_t i = 0; i < sizeof small_sizes / sizeof *small_sizes; i++) {
				make_keys(b.keys, small_sizes[i], type, shape, i + 1);
				check_all(&b, small_sizes[i], type, shape, threads, 1);
			}
	buffers_fini(&b);
}
END_TEST

START_TEST(every_kernel_sorts_stably_around_the_thresholds)
{
	static const size_t sizes[] = { 2048, 2049, 12288, 12289, 16384, 16385, 24576, 24577, 32769 };
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, 32769);
	for (int type = 0; type < TYPES; type++)
		for (int shape = 0; shape < SHAPES; shape++) {
			size_t n = sizes[(type + shape) % 9];

			make_keys(b.keys, n, type, shape, n);
			check_all(&b, n, type, shape, threads, 4);
		}
	buffers_fini(&b);
}
END_TEST

/* Each group of 64 keys has a range of its own. */
static void make_steps(char *keys, size_t n, uint64_t seed)
{
	uint64_t order = random_next(&seed);

	for (size_t i = 0; i < n; i++) {
		uint32_t key = (uint32_t)(random_next(&seed) % 1000 + 1000 * (order >> i / 64 * 4 & 7));

		memcpy(keys + i * sizeof key, &key, sizeof key);
	}
}

/* One group of records, or several, which are sorted apart and merged. */
START_TEST(any_number_of_few_keys_is_sorted)
{
	static const enum shared_type types[] = { SHARED_INT32, SHARED_UINT32, SHARED_FLOAT32, SHARED_INT16 };
	static const enum shape shapes[] = { UNIFORM, EXTREMES, CLOSE, FEW };
	enum { MOST = 540 };
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, MOST);
	for (size_t n = 1; n < MOST; n++)
		for (size_t i = 0; i < 4; i++) {
			make_keys(b.keys, n, types[i], shapes[(n + i) % 4], n);
			check_all(&b, n, types[i], shapes[(n + i) % 4], threads, 1);
			make_keys(b.keys, n, types[i], UNIFORM, n);
			check_all(&b, n, types[i], UNIFORM, threads, 1);
			make_steps(b.keys, n, n * 4 + i);
			check_all(&b, n, SHARED_UINT32, PIPE, threads, 1);
		}
	buffers_fini(&b);
}
END_TEST

START_TEST(a_million_keys_of_any_shape_are_sorted_stably)
{
	struct buffers b;
	size_t n = 1000000;

	buffers_init(&b, n);
	for (int type = 0; type < TYPES; type++)
		check_many(&b, n, type, _i, threads[(type + _i) % 4], (type / 2 + _i) % 2);
	buffers_fini(&b);
}
END_TEST

START_TEST(large_buckets_are_shared_out)
{
	/* Around the largest bucket that one thread sorts, by each kernel. */
	static const enum shape shapes[] = { CLOSE, ZIPF, EXTREMES };
	size_t n = 131072 + (size_t)_i % 3 - 1;
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP)
		return;
	buffers_init(&b, 4 * n);
	for (int i = 0; i < 3; i++)
		for (int np = 1; np <= 3; np++) {
			check_many(&b, n, SHARED_FLOAT64, shapes[i], np, np == 2);
			check_many(&b, 2 * n, SHARED_FLOAT64, shapes[i], np, np == 1);
			check_many(&b, 3 * n, SHARED_INT32, shapes[i], np, np == 1);
			check_many(&b, n, SHARED_UINT64, shapes[i], np, np == 2);
		}
	buffers_fini(&b);
}
END_TEST

START_TEST(one_bucket_is_what_the_cache_holds)
{
	static const enum shape shapes[] = { UNIFORM, EXTREMES, CLOSE };
	static const enum shared_type types[] = { SHARED_INT32, SHARED_FLOAT32, SHARED_INT64, SHARED_FLOAT64 };
	size_t cache = smi_job_cache();
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, cache / 4 + 1);
	for (int i = 0; i < 4; i++)
		for (int shape = 0; shape < 3; shape++) {
			size_t all = cache / (2 * type_size(types[i]));

			check_many(&b, all + (size_t)shape % 2, types[i], shapes[shape], 1, shape == 2);
			check_many(&b, 2 * all + (size_t)(i + shape) % 2, types[i], shapes[shape], 1, shape == 1);
		}
	buffers_fini(&b);
}
END_TEST

START_TEST(random_arrays_agree_with_the_reference)
{
	const char *given = getenv("SORT_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL), first = seed;
	struct buffers b;

	printf("sort tests: SORT_SEED=%llu\n", (unsigned long long)seed);
	buffers_init(&b, 20000);
	for (int round = 0; round < 300; round++) {
		size_t n = random_next(&seed) % (round % 10 ? 2000 : 20000);
		enum shared_type type = random_next(&seed) % TYPES;
		enum shape shape = random_next(&seed) % SHAPES;
		int np = threads[random_next(&seed) % 4];
		size_t size = type_size(type);

		smi_sort_use(kernels[random_next(&seed) % KERNELS]);
		make_keys(b.keys, n, type, shape, random_next(&seed));
		/* Some bytes of noise, or a stretch of another shape. */
		if (n > 8 && random_next(&seed) % 2)
			for (int i = 0; i < 8; i++)
				b.keys[random_next(&seed) % (n * size)] ^= (char)random_next(&seed);
		if (n > 8 && random_next(&seed) % 2)
			make_keys(b.keys + n / 2 * size, n / 3, type, random_next(&seed) % SHAPES,
				  random_next(&seed));
		for (int down = 0; down < 2; down++) {
			struct shared_sort_options o = { .np = np, .descending = down };
			const char *bad;

			reference_order(b.keys, n, type, down, b.expected);
			bad = sort_wrong(&b, n, type, &o);
			ck_assert_msg(!bad, "%s: SORT_SEED=%llu, round %d, %s, n %zu, np %d, %s",
				      bad, (unsigned long long)first, round, type_names[type], n,
				      np, smi_kernel()->name);
		}
	}
	buffers_fini(&b);
}
END_TEST

START_TEST(keys_may_be_misaligned)
{
	static const size_t sizes[] = { 100, 3000, 40000 };
	struct buffers b;
	char *keys;

	buffers_init(&b, 40001);
	keys = b.keys;
	for (int type = 0; type < TYPES; type++)
		for (int i = 0; i < 3; i++) {
			size_t n = sizes[i], size = type_size(type);
			struct shared_sort_options o = { .np = 2 };

			b.keys = keys + 1 + i;
			make_keys(b.keys, n, type, UNIFORM, 7);
			reference_order(b.keys, n, type, false, b.expected);
			ck_assert_int_eq(shared_argsort(b.keys, n, type, b.order, &o), 0);
			ck_assert_mem_eq(b.order, b.expected, n * sizeof *b.order);
			memcpy(b.sorted + 3, b.keys, n * size);
			ck_assert_int_eq(shared_sort(b.sorted + 3, n, type, &o), 0);
			ck_assert(is_taken(b.sorted + 3, b.keys, size, b.expected, n));
		}
	b.keys = keys;
	buffers_fini(&b);
}
END_TEST

START_TEST(arguments_that_make_no_sense_are_refused)
{
	struct shared_sort_options o = { .np = -1 };
	double keys[3] = { 3, 1, 2 };
	size_t order[3];
	uint32_t order32[3];

	ck_assert_int_eq(shared_argsort(keys, 3, SHARED_FLOAT64, order, &o), EINVAL);
	ck_assert_int_eq(shared_sort(keys, 3, SHARED_FLOAT64, &o), EINVAL);
	o = (struct shared_sort_options){ .reserved = { 0, 0, 0, 0, 0, 1 } };
	ck_assert_int_eq(shared_argsort32(keys, 3, SHARED_FLOAT64, order32, &o), EINVAL);
	ck_assert_int_eq(shared_argsort(keys, 3, (enum shared_type)10, order, NULL), EINVAL);
	ck_assert_int_eq(shared_sort(keys, 3, (enum shared_type)-1, NULL), EINVAL);
	ck_assert_int_eq(shared_argsort(NULL, 3, SHARED_FLOAT64, order, NULL), EINVAL);
	ck_assert_int_eq(shared_argsort(keys, 3, SHARED_FLOAT64, NULL, NULL), EINVAL);
	ck_assert_int_eq(shared_sort(NULL, 3, SHARED_INT8, NULL), EINVAL);
	ck_assert_int_eq(shared_argsort32(keys, ((size_t)1 << 32) + 1, SHARED_FLOAT64, order32,
					  NULL), EOVERFLOW);
	ck_assert(keys[0] == 3 && keys[1] == 1 && keys[2] == 2);
	ck_assert_int_eq(shared_argsort(NULL, 0, SHARED_FLOAT64, NULL, NULL), 0);
	ck_assert_int_eq(shared_argsort32(NULL, 0, SHARED_INT8, NULL, NULL), 0);
	ck_assert_int_eq(shared_sort(NULL, 0, SHARED_INT16, NULL), 0);
}
END_TEST

START_TEST(a_forked_child_sorts_with_threads_of_its_own)
{
	size_t n = 100000;
#if defined(__SANITIZE_THREAD__)
	/* That sanitizer has no threads in children of programs with threads. */
	struct shared_sort_options o = { .np = 1 };
#else
	struct shared_sort_options o = { .np = 2 };
#endif
	struct buffers b;
	int status;
	pid_t pid;

	buffers_init(&b, n);
	make_keys(b.keys, n, SHARED_FLOAT64, UNIFORM, 1);
	ck_assert_int_eq(shared_argsort(b.keys, n, SHARED_FLOAT64, b.order, &o), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int r = shared_argsort(b.keys, n, SHARED_FLOAT64, b.expected, &o);

		r |= memcmp(b.order, b.expected, n * sizeof *b.order);
		_exit(r ? 1 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	buffers_fini(&b);
}
END_TEST

/* Sanitizers need address space of their own, which is limited here. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static int compare_never(const void *a, const void *b, void *arg)
{
	(void)a, (void)b, (void)arg;
	abort();
}

START_TEST(without_memory_the_keys_stay_as_they_were)
{
	/* The limit holds for the process of this test only. */
	struct shared_sort_options o = { .np = 2 };
	struct rlimit limit;
	size_t n = 10000000;
	struct buffers b;
	pid_t pid;
	int status;

	buffers_init(&b, n);
	make_keys(b.keys, n, SHARED_FLOAT64, UNIFORM, 1);
	memcpy(b.sorted, b.keys, n * 8);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int r;

		getrlimit(RLIMIT_AS, &limit);
		limit.rlim_cur = 1 << 20;
		setrlimit(RLIMIT_AS, &limit);
		r = shared_sort(b.sorted, n, SHARED_FLOAT64, &o) != ENOMEM ||
		    shared_argsort32(b.sorted, n, SHARED_FLOAT64, b.order32, &o) != ENOMEM ||
		    shared_sort_by(b.sorted, n, 8, compare_never, NULL, &o) != ENOMEM ||
		    memcmp(b.sorted, b.keys, n * 8) != 0;
		_exit(r);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	buffers_fini(&b);
}
END_TEST
#endif

START_TEST(indices_above_32_bits_come_out)
{
	size_t n = ((size_t)1 << 32) + 10, i;
	uint8_t *keys;
	size_t *order;

	if (pool_total_memory() < (size_t)100 << 30)
		return;
	keys = malloc(n);
	order = malloc(n * sizeof *order);
	ck_assert(keys && order);
	for (i = 0; i < n; i++)
		keys[i] = (uint8_t)((n - i) >> 8);
	ck_assert_int_eq(shared_argsort(keys, n, SHARED_UINT8, order, NULL), 0);
	ck_assert(is_stable_order(keys, n, SHARED_UINT8, false, order));
	free(keys);
	free(order);
}
END_TEST

Suite *sort_suite(void)
{
	Suite *suite = suite_create("sort");
	TCase *tcase = tcase_create("numbers");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, share_all, best_kernel);
	tcase_add_loop_test(tcase, every_kernel_sorts_small_arrays_stably, 0, KERNELS);
	tcase_add_loop_test(tcase, any_number_of_few_keys_is_sorted, 0, KERNELS);
	tcase_add_loop_test(tcase, every_kernel_sorts_stably_around_the_thresholds, 0, KERNELS);
	tcase_add_loop_test(tcase, a_million_keys_of_any_shape_are_sorted_stably, 0, SHAPES);
	tcase_add_loop_test(tcase, large_buckets_are_shared_out, 0, KERNELS);
	tcase_add_loop_test(tcase, one_bucket_is_what_the_cache_holds, 0, KERNELS);
	tcase_add_test(tcase, random_arrays_agree_with_the_reference);
	tcase_add_test(tcase, keys_may_be_misaligned);
	tcase_add_test(tcase, arguments_that_make_no_sense_are_refused);
	tcase_add_test(tcase, a_forked_child_sorts_with_threads_of_its_own);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	tcase_add_test(tcase, without_memory_the_keys_stay_as_they_were);
#endif
	tcase_add_test(tcase, indices_above_32_bits_come_out);
	suite_add_tcase(suite, tcase);
	suite_add_tcase(suite, sort_straight_tests());
	suite_add_tcase(suite, sort_stray_tests());
	suite_add_tcase(suite, sort_runs_tests());
	suite_add_tcase(suite, sort_values_tests());
	suite_add_tcase(suite, sort_map_tests());
	suite_add_tcase(suite, sort_far_tests());
	suite_add_tcase(suite, sort_signs_tests());
	suite_add_tcase(suite, sort_split_tests());
	suite_add_tcase(suite, sort_near_tests());
	suite_add_tcase(suite, sort_memory_tests());
	suite_add_tcase(suite, sort_records_tests());
	suite_add_tcase(suite, sort_bytes_tests());
	suite_add_tcase(suite, sort_peel_tests());
	suite_add_tcase(suite, sort_arithmetic_tests());
	suite_add_tcase(suite, sort_crew_tests());
	suite_add_tcase(suite, sort_by_tests());
	return suite;
}
