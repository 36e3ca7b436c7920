/* SPDX-License-Identifier: MIT */
/* Shared arrays. */
#include "suites.h"
#include "testing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool all_bytes(const void *memory, size_t size, int byte)
{
	const unsigned char *bytes = memory;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != byte)
			return false;
	return true;
}

START_TEST(an_empty_array_is_zero_and_aligned)
{
	static const size_t counts[] = { 0, 1, 7, 64, 4095, 4096, 4097, 1000003 };

	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		for (size_t size = 1; size <= 24; size += 23) {
			char *array = shared_empty(counts[i], size);

			ck_assert_ptr_nonnull(array);
			ck_assert_uint_eq((uintptr_t)array % 64, 0);
			ck_assert_uint_eq(shared_length(array), counts[i] * size);
			ck_assert(all_bytes(array, counts[i] * size, 0));
			memset(array, 0xAA, counts[i] * size);
			shared_free(array);
		}
}
END_TEST

START_TEST(a_freed_array_leaves_nothing_in_the_next)
{
	for (int i = 0; i < 100; i++) {
		char *array = shared_empty(100, 100);

		ck_assert(all_bytes(array, 10000, 0));
		memset(array, 0xAA, 10000);
		shared_free(array);
	}
}
END_TEST

START_TEST(a_full_array_repeats_its_value)
{
	static const size_t sizes[] = { 1, 2, 3, 4, 8, 12, 16, 24, 100, 5000 };

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (size_t count = 0; count < 1030; count = count * 2 + 1) {
			unsigned char value[5000], *array;

			for (size_t b = 0; b < sizes[i]; b++)
				value[b] = (unsigned char)(b * 7 + 1);
			array = shared_full(count, sizes[i], value);
			ck_assert_ptr_nonnull(array);
			ck_assert_uint_eq((uintptr_t)array % 64, 0);
			ck_assert_uint_eq(shared_length(array), count * sizes[i]);
			for (size_t k = 0; k < count; k++)
				if (memcmp(array + k * sizes[i], value, sizes[i]))
					ck_abort_msg("item %zu of %zu bytes", k, sizes[i]);
			shared_free(array);
		}
}
END_TEST

START_TEST(a_copy_is_a_copy)
{
	int items[1001];
	int *copy, *again;

	for (int i = 0; i < 1001; i++)
		items[i] = i * i;
	copy = shared_copy(items, 1001, sizeof *items);
	ck_assert_ptr_nonnull(copy);
	ck_assert_ptr_ne(copy, items);
	ck_assert_mem_eq(copy, items, sizeof items);
	again = shared_copy(copy, 1001, sizeof *items);
	copy[0] = 99;
	ck_assert_mem_eq(again, items, sizeof items);
	ck_assert_uint_eq(shared_length(again), sizeof items);
	shared_free(copy);
	shared_free(again);
	copy = shared_copy(NULL, 0, 8);
	ck_assert_ptr_nonnull(copy);
	shared_free(copy);
}
END_TEST

START_TEST(zero_sized_arrays_are_valid)
{
	void *arrays[] = { shared_empty(0, 8), shared_empty(8, 0), shared_empty(0, 0),
			   shared_full(0, 8, "12345678"), shared_copy("x", 0, 1) };

	for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
		ck_assert_ptr_nonnull(arrays[i]);
		ck_assert_uint_eq(shared_length(arrays[i]), 0);
		for (size_t k = 0; k < i; k++)
			ck_assert_ptr_ne(arrays[i], arrays[k]);
	}
	for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
		shared_free(arrays[i]);
}
END_TEST

START_TEST(too_large_arrays_are_enomem)
{
	static const size_t cases[][2] = { { SIZE_MAX, 2 }, { 2, SIZE_MAX }, { SIZE_MAX, 1 }, { 1, SIZE_MAX },
		{ SIZE_MAX - 63, 1 }, { SIZE_MAX - 4096, 1 }, { (SIZE_MAX >> 32) + 1, (SIZE_MAX >> 32) + 1 },
		{ SIZE_MAX / 2 + 1, 2 }, { SIZE_MAX / 4, 1 } };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (test_slow() && cases[i][0] * cases[i][1] / cases[i][1] == cases[i][0])
			continue; /* too large for any system, but not for valgrind's own mmap */
		errno = 0;
		ck_assert_ptr_null(shared_empty(cases[i][0], cases[i][1]));
		ck_assert_int_eq(errno, ENOMEM);
		errno = 0;
		ck_assert_ptr_null(shared_full(cases[i][0], cases[i][1], "x"));
		ck_assert_int_eq(errno, ENOMEM);
		errno = 0;
		ck_assert_ptr_null(shared_copy("x", cases[i][0], cases[i][1]));
		ck_assert_int_eq(errno, ENOMEM);
	}
}
END_TEST

START_TEST(nothing_is_no_array)
{
	ck_assert_uint_eq(shared_length(NULL), 0);
	errno = 77;
	shared_free(NULL);
	ck_assert_int_eq(errno, 77);
	shared_free(shared_empty(10, 10));
	ck_assert_int_eq(errno, 77);
}
END_TEST

static int mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int lines = 0, c;

	while (maps && (c = getc(maps)) != EOF)
		lines += c == '\n';
	if (maps)
		fclose(maps);
	return lines;
}

START_TEST(arrays_hold_no_descriptor_and_give_their_memory_back)
{
	int descriptors = test_descriptors(), before;
	void *array[200];

	shared_free(shared_empty(1, 1));
	before = mappings();
	for (int i = 0; i < 200; i++)
		ck_assert_ptr_nonnull(array[i] = shared_empty((size_t)i * 1000 + 1, 3));
	ck_assert_int_eq(test_descriptors(), descriptors);
	for (int i = 0; i < 200; i++)
		shared_free(array[i]);
	/* ThreadSanitizer maps its own memory beside each. */
	ck_assert(test_slow() || mappings() <= before + 5);
}
END_TEST

struct grid { size_t *cells, count; void *address; };

static int write_cells(struct pool_worker *self, size_t job, void *arg)
{
	struct grid *grid = arg;

	if ((void *)grid->cells != grid->address)
		return pool_fail(self, "moved");
	if (shared_length(grid->cells) != grid->count * sizeof *grid->cells)
		return pool_fail(self, "another length");
	grid->cells[job] += job + 1;
	return 0;
}

START_TEST(what_workers_write_the_master_and_later_workers_see)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 3, .backend = _i + 1 });
	struct grid grid = { .count = 10007 };

	grid.address = grid.cells = shared_empty(grid.count, sizeof *grid.cells);
	for (size_t round = 1; round <= 3; round++) {
		assert_ok(pool, pool_map(pool, grid.count, write_cells, NULL, &grid));
		for (size_t i = 0; i < grid.count; i++)
			if (grid.cells[i] != round * (i + 1))
				ck_abort_msg("cell %zu: %zu", i, grid.cells[i]);
	}
	shared_free(grid.cells);
	pool_close(pool);
}
END_TEST

static int free_view(struct pool_worker *self, size_t job, void *arg)
{
	(void)self;
	if (job == 0)
		shared_free(arg);
	return 0;
}

START_TEST(a_worker_frees_its_own_view_only)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 1 });
	char *array = shared_full(5000, 1, "q");

	assert_ok(pool, pool_map(pool, 3, free_view, NULL, array));
	ck_assert(all_bytes(array, 5000, 'q'));
	ck_assert_uint_eq(shared_length(array), 5000);
	shared_free(array);
	pool_close(pool);
}
END_TEST

static int make_own(struct pool_worker *self, size_t job, void *arg)
{
	int *own = shared_empty(1000, sizeof *own);

	(void)arg;
	if (!own)
		return 1;
	own[999] = (int)job;
	own[0] = own[999] + (int)shared_length(own);
	if (pool_return(self, own, sizeof *own))
		return 2;
	shared_free(own);
	return 0;
}

START_TEST(workers_may_make_arrays_for_themselves)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 3, .backend = _i + 1 });
	int out[500];

	assert_ok(pool, pool_collect(pool, 500, make_own, out, sizeof *out, NULL));
	for (int i = 0; i < 500; i++)
		ck_assert_int_eq(out[i], i + 4000);
	pool_close(pool);
}
END_TEST

Suite *array_suite(void)
{
	Suite *suite = suite_create("array");
	TCase *test = test_case(suite, "array", 20);

	tcase_add_test(test, an_empty_array_is_zero_and_aligned);
	tcase_add_test(test, a_freed_array_leaves_nothing_in_the_next);
	tcase_add_test(test, a_full_array_repeats_its_value);
	tcase_add_test(test, a_copy_is_a_copy);
	tcase_add_test(test, zero_sized_arrays_are_valid);
	tcase_add_test(test, too_large_arrays_are_enomem);
	tcase_add_test(test, nothing_is_no_array);
	tcase_add_test(test, arrays_hold_no_descriptor_and_give_their_memory_back);
	tcase_add_loop_test(test, what_workers_write_the_master_and_later_workers_see, 0, 3);
	tcase_add_test(test, a_worker_frees_its_own_view_only);
	tcase_add_loop_test(test, workers_may_make_arrays_for_themselves, 0, 3);
	return suite;
}
