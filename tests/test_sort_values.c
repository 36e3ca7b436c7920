/* SPDX-License-Identifier: MIT */
/* Keys of which many have one of a few values. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sort/count.h"
#include "sort/frequent.h"
#include "sort/kernel.h"
#include "sort/sample.h"
#include "sort_check.h"
#include "test_sort.h"

/* Of n keys of a shape, `percent` in a hundred become copies of the first
 * `values` ones, the earlier ones more often. */
static void make_frequent(struct buffers *b, size_t n, enum shared_type type, enum shape shape,
			  unsigned percent, size_t values, uint64_t seed)
{
	size_t size = type_size(type), value;

	make_keys(b->keys, n, type, shape, seed);
	for (size_t i = values; i < n; i++) {
		if (random_next(&seed) % 100 >= percent)
			continue;
		value = random_next(&seed) % values;
		if (random_next(&seed) % 2)
			value = random_next(&seed) % (value + 1);
		memcpy(b->keys + i * size, b->keys + value * size, size);
	}
}

START_TEST(every_kernel_sorts_frequent_values_stably)
{
	static const unsigned percents[] = { 30, 45, 60, 97, 100 };
	static const size_t values[] = { 1, 2, 3, 4, 5, 8, 9, 40, 200 };
	static const size_t sizes[] = { SMI_FREQUENT_WORTH - 1, SMI_FREQUENT_WORTH,
					SMI_FREQUENT_WORTH + 1, SMI_SAMPLE_MORE - 1, SMI_SAMPLE_MORE,
					SMI_SAMPLE_MORE + 1, 2000, 16385, 20003 };
	static const enum shape shapes[] = { UNIFORM, EXTREMES, CLOSE };
	uint64_t seed = 1;
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, 20003);
	for (int type = 0; type < TYPES; type++)
		for (int percent = 0; percent < 5; percent++)
			for (int v = 0; v < 9; v++) {
				size_t n = sizes[random_next(&seed) % 9];
				enum shape shape = shapes[random_next(&seed) % 3];

				make_frequent(&b, n, type, shape, percents[percent], values[v],
					      ++seed);
				check_all(&b, n, type, shape, threads, n > 16384 ? 4 : 1);
			}
	buffers_fini(&b);
}
END_TEST

/* Integers whose logarithms are even: most are near the least one. */
static void make_crowded(struct buffers *b, size_t n, enum shared_type type, uint64_t seed)
{
	size_t size = type_size(type);
	unsigned bits = 8 * (unsigned)size;

	for (size_t i = 0; i < n; i++) {
		uint64_t key = random_next(&seed) >> (64 - bits);

		key >>= random_next(&seed) % bits;
		memcpy(b->keys + i * size, &key, size);
	}
}

START_TEST(every_kernel_sorts_crowded_keys_stably)
{
	static const size_t sizes[] = { 65, 129, 500, 1000, 3000, 16385, 30000 };
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, 30000);
	for (int type = 0; type < TYPES; type++)
		for (int i = 0; i < 7; i++) {
			make_crowded(&b, sizes[i], type, (uint64_t)i + 1);
			check_all(&b, sizes[i], type, UNIFORM, threads, i < 5 ? 1 : 4);
		}
	buffers_fini(&b);
}
END_TEST

START_TEST(short_keys_are_counted)
{
	static const size_t sizes[] = { SMI_COUNT_WORTH - 1, SMI_COUNT_WORTH, SMI_COUNT_WORTH + 1,
					SMI_COUNT_ALONE - 1, SMI_COUNT_ALONE, SMI_COUNT_ALONE + 1,
					900001 };
	static const enum shape shapes[] = { UNIFORM, NEARLY, CLOSE, EXTREMES };
	enum shared_type type = (enum shared_type)_i;
	struct buffers b;

	buffers_init(&b, 900001);
	for (int size = 0; size < 7; size++)
		for (int shape = 0; shape < 4; shape++) {
			size_t n = sizes[size];
			struct shared_sort_options o = { .np = 1 + (size + shape) % 3,
							 .descending = size % 2 };
			const char *bad;

			make_keys(b.keys, n, type, shapes[shape], n);
			ck_assert_int_eq(shared_argsort(b.keys, n, type, b.expected, &o), 0);
			ck_assert(is_stable_order(b.keys, n, type, o.descending, b.expected));
			bad = sort_wrong(&b, n, type, &o);
			ck_assert_msg(!bad, "%s: %s, %s, n %zu", bad, type_names[type],
				      shape_names[shapes[shape]], n);
		}
	buffers_fini(&b);
}
END_TEST

START_TEST(nothing_behind_the_counted_keys_is_written)
{
	enum shared_type type = (enum shared_type)_i;
	size_t n = SMI_COUNT_ALONE + 1, bytes = n * type_size(type);
	struct shared_sort_options o = { .np = 1 };
	struct buffers b;

	buffers_init(&b, n + 64);
	make_keys(b.keys, n + 64, type, UNIFORM, 1);
	memcpy(b.sorted, b.keys, bytes + 64);
	ck_assert_int_eq(shared_sort(b.sorted, n, type, &o), 0);
	ck_assert_mem_eq(b.sorted + bytes, b.keys + bytes, 64);
	buffers_fini(&b);
}
END_TEST

TCase *sort_values_tests(void)
{
	TCase *tcase = tcase_create("values");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, NULL, best_kernel);
	tcase_add_loop_test(tcase, every_kernel_sorts_frequent_values_stably, 0, 3);
	tcase_add_loop_test(tcase, every_kernel_sorts_crowded_keys_stably, 0, 3);
	tcase_add_loop_test(tcase, short_keys_are_counted, SHARED_INT8, SHARED_UINT16 + 1);
	tcase_add_loop_test(tcase, nothing_behind_the_counted_keys_is_written, SHARED_INT8,
			    SHARED_UINT16 + 1);
	return tcase;
}
