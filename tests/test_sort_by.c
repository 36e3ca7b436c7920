/* SPDX-License-Identifier: MIT */
/* Sorting by a comparator, searchsorted, take. */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <sharedmem/sort.h>

#include "sort_check.h"
#include "sort_data.h"
#include "test_sort.h"

/* An item of any size begins with its key. */
struct counter {
	_Atomic uint64_t calls;
};

static int compare_counting(const void *a, const void *b, void *arg)
{
	struct counter *counter = arg;
	int32_t x, y;

	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	atomic_fetch_add_explicit(&counter->calls, 1, memory_order_relaxed);
	return (x > y) - (x < y);
}

static int compare_lying(const void *a, const void *b, void *arg)
{
	_Atomic uint64_t *state = arg;
	uint64_t x = atomic_fetch_add(state, 1);

	(void)a, (void)b;
	return (int)(random_next(&x) % 3) - 1;
}

/* Items of `size` bytes: a key from few values, then the item's number if it
 * has room. */
static void make_items(char *items, size_t n, size_t size, enum shape shape)
{
	uint32_t *keys = malloc(n * 4 + 4);

	make_keys(keys, n, SHARED_INT32, shape, n);
	memset(items, 0, n * size);
	for (size_t i = 0; i < n; i++) {
		memcpy(items + i * size, &keys[i], 4);
		if (size >= 8)
			memcpy(items + i * size + 4, &(uint32_t){ (uint32_t)i }, 4);
	}
	free(keys);
}

static const size_t counts[] = { 0, 1, 2, 3, 4, 5, 8, 15, 16, 17, 100, 1023, 1024, 1025,
				 2047, 2048, 2049, 30000 };

static const size_t sizes[] = { 4, 5, 7, 8, 9, 12, 16, 17, 24, 32, 33, 40, 63, 64, 65, 100 };
enum { SIZES = sizeof sizes / sizeof *sizes };

START_TEST(a_comparator_sorts_items_of_any_size_stably)
{
	static const int threads[] = { 1, 2, 3, 8 };
	size_t size = sizes[_i], most = 30000;
	char *items = malloc(most * size), *sorted = malloc(most * size);
	size_t *order = malloc(most * 8), *expected = malloc(most * 8);
	int32_t *keys = malloc(most * 4);
	struct counter counter;

	for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
		for (int shape = 0; shape < SHAPES; shape++) {
			size_t n = counts[c];
			int down = (shape + (int)c) % 2;
			struct shared_sort_options o = { .np = threads[(c + (size_t)shape) % 4],
							 .descending = down };

			make_items(items, n, size, shape);
			for (size_t i = 0; i < n; i++)
				memcpy(&keys[i], items + i * size, 4);
			reference_order(keys, n, SHARED_INT32, down, expected);
			counter.calls = 0;
			ck_assert_int_eq(shared_argsort_by(items, n, size, compare_counting,
							   &counter, order, &o), 0);
			ck_assert_mem_eq(order, expected, n * 8);
			memcpy(sorted, items, n * size);
			ck_assert_int_eq(shared_sort_by(sorted, n, size, compare_counting, &counter,
							&o), 0);
			ck_assert(is_taken(sorted, items, size, expected, n));
		}
	free(items);
	free(sorted);
	free(order);
	free(expected);
	free(keys);
}
END_TEST

/* Of few items, some more than n*log2(n) must do: to find them in order takes n - 1, and to
 * merge two runs from both ends takes as many as they have items. */
START_TEST(few_items_take_few_comparisons)
{
	struct counter counter;
	int32_t keys[300];

	for (size_t n = 2; n <= 300; n++)
		for (int shape = 0; shape < SHAPES; shape++) {
			counter.calls = 0;
			make_keys(keys, n, SHARED_INT32, shape, n);
			ck_assert_int_eq(shared_sort_by(keys, n, 4, compare_counting, &counter, NULL), 0);
			ck_assert_uint_le(counter.calls, (size_t)((double)n * log2((double)n)) + 5);
		}
}
END_TEST

/* Runs that rise or, where `falls` has their bit, fall; keys occur once or five times. */
static void make_runs(int32_t *keys, size_t n, size_t runs, unsigned falls, int rising, int falling)
{
	for (size_t i = 0; i < runs; i++) {
		size_t lo = n * i / runs, hi = n * (i + 1) / runs;

		for (size_t k = lo; k < hi; k++)
			keys[k] = falls >> i & 1 ? (int32_t)(hi - k) / falling : (int32_t)(k - lo) / rising;
	}
}

/* _i: bytes of an item. */
START_TEST(items_of_few_runs_are_merged_as_they_lie)
{
	size_t n = 20000, size = sizes[_i], *expected = malloc(n * 8);
	int32_t *keys = malloc(n * 4);
	char *items = calloc(n, size), *sorted = malloc(n * size);
	struct counter counter;

	for (size_t runs = 1; runs <= 10; runs++)
		for (unsigned way = 0; way < 16; way++) {
			struct shared_sort_options o = { .np = 1 + (int)(runs + way) % 3, .descending = way == 7 };
			/* To find them; equal keys that fall: twice more; and for each round. */
			size_t bound = 3 * n + (size_t)(ceil(log2((double)runs)) * (double)n) + n / 10;

			make_runs(keys, n, runs, way % 4 * 0x155, way & 4 ? 5 : 1, way & 8 ? 5 : 1);
			for (size_t i = 0; i < n; i++) {
				keys[i] = o.descending ? -keys[i] : keys[i];
				memcpy(items + i * size, &keys[i], 4);
				if (size >= 8)
					memcpy(items + i * size + 4, &(uint32_t){ (uint32_t)i }, 4);
			}
			reference_order(keys, n, SHARED_INT32, o.descending, expected);
			counter.calls = 0;
			memcpy(sorted, items, n * size);
			ck_assert_int_eq(shared_sort_by(sorted, n, size, compare_counting, &counter, &o), 0);
			ck_assert(is_taken(sorted, items, size, expected, n));
			if (runs <= 8)
				ck_assert_uint_le(counter.calls, bound);
		}
	free(expected);
	free(keys);
	free(items);
	free(sorted);
}
END_TEST

START_TEST(comparisons_are_few)
{
	size_t n = 30000, bound = (size_t)((double)n * log2((double)n)) + 1000;
	int32_t *keys = malloc(n * 4);
	size_t *order = malloc(n * 8);
	struct counter counter;

	for (int shape = 0; shape < SHAPES; shape++)
		for (int np = 1; np <= 8; np *= 2) {
			struct shared_sort_options o = { .np = np };

			make_keys(keys, n, SHARED_INT32, shape, 3);
			counter.calls = 0;
			ck_assert_int_eq(shared_argsort_by(keys, n, 4, compare_counting, &counter,
							   order, &o), 0);
			ck_assert_uint_ge(counter.calls, n - 1);
			ck_assert_uint_le(counter.calls, shape == SORTED || shape == EQUAL ? n - 1
											   : bound);
		}
	free(keys);
	free(order);
}
END_TEST

static int compare_keys(const void *a, const void *b)
{
	uint32_t x, y;

	memcpy(&x, a, 4);
	memcpy(&y, b, 4);
	return (x > y) - (x < y);
}

/* Sorts n items with a comparator that is no order: is each of them still there, once? */
static void sort_by_a_lie(size_t n, size_t size, int np, shared_compare_fn lie, void *arg)
{
	struct shared_sort_options o = { .np = np };
	char *items = malloc(n * size + 1), *seen = calloc(n + 1, 1);
	size_t *order = malloc(n * 8 + 8);

	memset(items, 0, n * size);
	for (uint32_t i = 0; i < n; i++)
		memcpy(items + i * size, &i, 4);
	ck_assert_int_eq(shared_argsort_by(items, n, size, lie, arg, order, &o), 0);
	for (size_t i = 0; i < n; i++)
		if (order[i] >= n || seen[order[i]]++)
			ck_abort_msg("place %zu of %zu: %zu", i, n, order[i]);
	ck_assert_int_eq(shared_sort_by(items, n, size, lie, arg, &o), 0);
	qsort(items, n, size, compare_keys);
	for (uint32_t i = 0; i < n; i++)
		if (memcmp(items + i * size, &i, 4) != 0)
			ck_abort_msg("item %u of %zu is lost", i, n);
	free(items);
	free(order);
	free(seen);
}

static int compare_answering(const void *a, const void *b, void *arg)
{
	(void)a, (void)b;
	return *(const int *)arg;
}

START_TEST(a_comparator_that_lies_costs_only_the_order)
{
	_Atomic uint64_t state = 1;

	for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
		for (int np = 1; np <= 8; np *= 2) {
			size_t size = sizes[(5 * c + (size_t)np) % SIZES];

			sort_by_a_lie(counts[c], size, np, compare_lying, &state);
			for (int answer = -1; answer <= 1; answer++)
				sort_by_a_lie(counts[c], size, np, compare_answering, &answer);
		}
}
END_TEST

/* Sorts a few thousand keys of its own before it answers. */
static int compare_sorting(const void *a, const void *b, void *arg)
{
	struct shared_sort_options o = { .np = 2 };
	enum { N = 7000 };
	double keys[N];
	uint32_t order[N];
	int32_t x, y;

	make_keys(keys, N, SHARED_FLOAT64, UNIFORM, 1);
	if (shared_argsort32(keys, N, SHARED_FLOAT64, order, &o) || keys[order[0]] > keys[order[N / 2]])
		atomic_fetch_add((_Atomic uint64_t *)arg, 1);
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return (x > y) - (x < y);
}

START_TEST(a_comparator_may_sort_too)
{
	/* The crew is taken then: the inner sorts are done by their callers. */
	struct shared_sort_options o = { .np = 2 };
	_Atomic uint64_t failures = 0;
	size_t n = 2100, *order = malloc(n * 8);
	int32_t *items = malloc(n * 4);

	make_keys(items, n, SHARED_INT32, FEW, 1);
	make_keys(items, n / 2, SHARED_INT32, SORTED, 1);
	ck_assert_int_eq(shared_argsort_by(items, n, 4, compare_sorting, &failures, order, &o), 0);
	ck_assert(is_stable_order(items, n, SHARED_INT32, false, order));
	ck_assert_uint_eq(failures, 0);
	free(order);
	free(items);
}
END_TEST

/* The place by definition: how many keys come before the needle. */
static size_t place(const char *sorted, size_t n, enum shared_type type, bool down,
		    const char *needle, enum shared_side side)
{
	size_t lo = 0, hi = n, size = type_size(type);

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int o = key_order(type, down, sorted + mid * size, needle);

		if (o < 0 || (o == 0 && side == SHARED_RIGHT))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

START_TEST(needles_are_found_on_both_sides_in_both_directions)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 7, 8, 9, 1000, 4097 };
	size_t m = 9000, size = type_size(_i);
	char *sorted = malloc(4097 * 8), *needles = malloc(m * 8);
	size_t *positions = malloc(m * 8);

	for (int c = 0; c < 9 * SHAPES; c++) {
		struct shared_sort_options o = { .np = c % 3 + 1, .descending = c % 2 };
		enum shared_side side = c / 2 % 2 ? SHARED_LEFT : SHARED_RIGHT;
		size_t n = sizes[c / SHAPES];

		make_keys(sorted, n, _i, c % SHAPES, 5);
		make_keys(needles, m, _i, c % 4 ? c % SHAPES : EXTREMES, 6);
		ck_assert_int_eq(shared_sort(sorted, n, _i, &o), 0);
		ck_assert_int_eq(shared_searchsorted(sorted, n, _i, needles, m, side, positions, &o),
				 0);
		for (size_t i = 0; i < m; i++)
			if (positions[i] != place(sorted, n, _i, o.descending, needles + i * size, side))
				ck_abort_msg("needle %zu in %zu: %zu", i, n, positions[i]);
	}
	free(sorted);
	free(needles);
	free(positions);
}
END_TEST

START_TEST(take_follows_the_order)
{
	static const size_t sizes_taken[] = { 1, 2, 3, 4, 8, 12, 16, 24, 32, 100 };
	size_t n = 70000, seed = 9;
	size_t *order = malloc(n * 8);
	char *items = malloc(n * 100), *out = malloc(n * 100);

	for (int c = 0; c < 30; c++) {
		struct shared_sort_options o = { .np = c % 4 + 1 };
		size_t size = sizes_taken[c % 10], count = c < 10 ? 10 : c < 20 ? 32769 : n;

		for (size_t i = 0; i < count; i++)
			order[i] = random_next(&seed) % count;
		for (size_t i = 0; i < count * size; i++)
			items[i] = (char)random_next(&seed);
		memset(out, 0, count * size);
		ck_assert_int_eq(shared_take(out, items, size, order, count, &o), 0);
		ck_assert(is_taken(out, items, size, order, count));
	}
	free(order);
	free(items);
	free(out);
}
END_TEST

START_TEST(arguments_of_the_others_are_checked_too)
{
	struct shared_sort_options o = { .np = -3 };
	int32_t items[2] = { 2, 1 };
	size_t order[2];
	struct counter counter;

	ck_assert_int_eq(shared_argsort_by(items, 2, 4, compare_counting, &counter, order, &o),
			 EINVAL);
	ck_assert_int_eq(shared_argsort_by(items, 2, 4, NULL, NULL, order, NULL), EINVAL);
	ck_assert_int_eq(shared_argsort_by(items, 2, 4, compare_counting, &counter, NULL, NULL),
			 EINVAL);
	ck_assert_int_eq(shared_sort_by(NULL, 2, 4, compare_counting, &counter, NULL), EINVAL);
	ck_assert_int_eq(shared_sort_by(items, SIZE_MAX / 4, 4, compare_counting, &counter, NULL),
			 ENOMEM);
	ck_assert_int_eq(shared_sort_by(NULL, 0, 4, compare_counting, &counter, NULL), 0);
	ck_assert_int_eq(shared_take(order, items, 4, NULL, 2, NULL), EINVAL);
	ck_assert_int_eq(shared_take(NULL, NULL, 4, NULL, 0, &o), EINVAL);
	ck_assert_int_eq(shared_take(NULL, NULL, 4, NULL, 0, NULL), 0);
	ck_assert_int_eq(shared_searchsorted(items, 2, SHARED_INT32, items, 2, (enum shared_side)2,
					     order, NULL), EINVAL);
	ck_assert_int_eq(shared_searchsorted(items, 2, SHARED_INT32, NULL, 2, SHARED_LEFT, order,
					     NULL), EINVAL);
	ck_assert_int_eq(shared_searchsorted(NULL, 0, SHARED_INT32, items, 2, SHARED_LEFT, order,
					     NULL), 0);
	ck_assert_uint_eq(order[0] + order[1], 0);
}
END_TEST

TCase *sort_by_tests(void)
{
	TCase *tcase = tcase_create("comparators and the rest");

	tcase_add_checked_fixture(tcase, share_all, NULL);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, a_comparator_sorts_items_of_any_size_stably, 0, SIZES);
	tcase_add_test(tcase, few_items_take_few_comparisons);
	tcase_add_loop_test(tcase, items_of_few_runs_are_merged_as_they_lie, 0, SIZES);
	tcase_add_test(tcase, comparisons_are_few);
	tcase_add_test(tcase, a_comparator_that_lies_costs_only_the_order);
	tcase_add_test(tcase, a_comparator_may_sort_too);
	tcase_add_loop_test(tcase, needles_are_found_on_both_sides_in_both_directions, 0, TYPES);
	tcase_add_test(tcase, take_follows_the_order);
	tcase_add_test(tcase, arguments_of_the_others_are_checked_too);
	return tcase;
}
