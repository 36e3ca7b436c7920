/* SPDX-License-Identifier: MIT */
/* Keys whose digits are computed as real numbers, by the kernels of each instruction set. */
#include <check.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sort/buckets.h"
#include "sort/choose.h"
#include "sort/kernel/kernel.h"
#include "sort_check.h"
#include "test_sort.h"

enum { MANY = 100000 }; /* more than one bucket */

/* Even values of `span` around `middle`, and here and there what is far from them. */
static void make_even(char *keys, size_t n, enum shared_type type, double middle, double span)
{
	uint64_t seed = 1;

	for (size_t i = 0; i < n; i++) {
		double unit = (double)(random_next(&seed) >> 11) * 0x1p-53 - 0.5;
		uint64_t r = random_next(&seed) % 1000;

		store_float(keys, i, type, r == 0 ? INFINITY : r == 1 ? -INFINITY : r == 2 ? NAN : middle + unit * span);
	}
}

START_TEST(floats_of_any_span_are_sorted_stably)
{
	static const double spans[] = { 0x1p-140, 0x1p-126, 1e-30, 1, 1e30, 2.0 * FLT_MAX };
	static const double wide[] = { 0x1p-1060, 0x1p-1022, 1e-300, 1, 1e300, DBL_MAX };
	static const double middles[] = { 0, 1, -3e38 };
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, MANY);
	for (size_t span = 0; span < sizeof spans / sizeof spans[0]; span++)
		for (size_t middle = 0; middle < sizeof middles / sizeof middles[0]; middle++) {
			make_even(b.keys, MANY, SHARED_FLOAT32, middles[middle], spans[span]);
			check_all(&b, MANY, SHARED_FLOAT32, UNIFORM, threads, 2);
			make_even(b.keys, MANY, SHARED_FLOAT64, middles[middle], wide[span]);
			check_all(&b, MANY, SHARED_FLOAT64, UNIFORM, threads, 2);
		}
	buffers_fini(&b);
}
END_TEST

/* Sorted keys: integers near the least one and far from it, even floats. */
static void make_sorted(struct buffers *b, size_t n, enum shared_type type)
{
	size_t size = type_size(type);
	uint64_t seed = type;

	for (size_t i = 0; i < n; i++) {
		uint64_t x = random_next(&seed) >> (64 - 8 * size);

		if (type >= SHARED_FLOAT32) {
			store_float(b->keys, i, type, (double)(x >> 1) - 0x1p30);
			continue;
		}
		x >>= random_next(&seed) % (8 * size - 2);
		memcpy(b->keys + i * size, &x, size);
	}
	reference_order(b->keys, n, type, false, b->expected);
	for (size_t i = 0; i < n; i++)
		memcpy(b->sorted + i * size, b->keys + b->expected[i] * size, size);
}

/* The digit of one key, by the loop's tail. */
static size_t digit_at(const struct smi_keys *keys, const struct smi_map *map, size_t i)
{
	uint32_t count[SMI_DIGITS] = { 0 };
	size_t digit = 0;

	smi_kernel()->histogram(keys, map, i, i + 1, count);
	while (digit < map->top && !count[digit])
		digit++;
	ck_assert_uint_eq(count[digit], 1);
	return digit;
}

/* Of sorted keys the digit never decreases, some have one of the larger half, and all keys
 * together have the digits that each has alone. */
START_TEST(digits_of_every_kernel_never_decrease)
{
	static const enum shared_type types[] = { SHARED_UINT32, SHARED_UINT64, SHARED_FLOAT32, SHARED_FLOAT64 };
	enum { N = 4099, WIDTH = 10 };
	struct smi_plan plan = { .exact = true };
	struct smi_range range;
	struct smi_map map;
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, N);
	for (size_t type = 0; type < 4; type++) {
		uint32_t alone[SMI_DIGITS] = { 0 }, together[SMI_DIGITS] = { 0 };
		size_t last = 0, digit;

		make_sorted(&b, N, types[type]);
		ck_assert(smi_keys_init(&plan.keys, b.sorted, types[type], false));
		smi_kernel()->range(&plan.keys, 0, N, &range);
		smi_map_choose(&map, &plan, N, &range, WIDTH, NULL);
		ck_assert_int_eq(map.kind, type < 2 ? SMI_MAP_LOG : SMI_MAP_LINEAR);
		for (size_t i = 0; i < N; i++, last = digit) {
			digit = digit_at(&plan.keys, &map, i);
			ck_assert_uint_ge(digit, last);
			alone[digit]++;
		}
		ck_assert_uint_gt(last, map.top / 2);
		smi_kernel()->histogram(&plan.keys, &map, 0, N, together);
		ck_assert(memcmp(alone, together, sizeof alone) == 0);
	}
	buffers_fini(&b);
}
END_TEST

/* Doubles whose prefixes are by value: pairs that differ in their last bits only, the larger
 * one first, some twice; the ends of the range lie at the ends of the array or elsewhere. */
static void make_pairs(double *keys, size_t n, double middle, double span, uint64_t seed)
{
	for (size_t i = 0; i < n; i++) {
		double unit = (double)(random_next(&seed) >> 11) * 0x1p-53 - 0.5;

		keys[i] = i % 2 ? nextafter(keys[i - 1], seed % 3 ? -INFINITY : keys[i - 1]) : middle + unit * span;
	}
	keys[seed % n] = middle - span / 2;
	keys[n - 1] = middle + span / 2;
}

/* Leading bits, as many as there is room for. */
static void pack_plainly(struct smi_plan *plan, const struct smi_range *range)
{
	unsigned bits = smi_bits(range->max - range->min);

	plan->pack.base = range->min;
	plan->pack.drop = bits > plan->room ? bits - plan->room : 0;
}

/* Prefixes by value of sorted keys never decrease, of some keys they are shared, and what is
 * shared is in order all the same. */
START_TEST(doubles_of_prefixes_by_value_are_sorted_stably)
{
	static const double spans[] = { 0x1p-1018, 0x1p-900, 1e-3, 1, 1e300, DBL_MAX };
	static const double middles[] = { 0, 1, -1e308 };
	enum { N = (1 << 17) + 13, WIDTH = 9, INDEX_BITS = 18, ROOM = 40 };
	unsigned valued = 0;
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, N);
	for (size_t s = 0; s < 6 * 3 * 2; s++) {
		struct smi_plan plan = { .room = ROOM, .pack.index_bits = INDEX_BITS };
		const bool descending = s % 2;
		uint64_t *records = (uint64_t *)b.order;
		struct smi_range range;
		struct smi_map map;
		size_t shared = 0;

		make_pairs((double *)(void *)b.keys, N, middles[s / 2 % 3], spans[s / 6], s);
		check_all(&b, N, SHARED_FLOAT64, UNIFORM, threads, 2);
		reference_order(b.keys, N, SHARED_FLOAT64, descending, b.expected);
		for (size_t i = 0; i < N; i++)
			memcpy(b.sorted + i * 8, b.keys + b.expected[i] * 8, 8);
		ck_assert(smi_keys_init(&plan.keys, b.sorted, SHARED_FLOAT64, descending));
		smi_kernel()->range(&plan.keys, 0, N, &range);
		pack_plainly(&plan, &range);
		smi_map_choose(&map, &plan, N, &range, WIDTH, NULL);
		if (!plan.pack.mapped)
			continue;
		valued++;
		smi_kernel()->pack(&plan.keys, &plan.pack, 0, N, records);
		for (size_t i = 1; i < N; i++) {
			ck_assert_msg(records[i] >= records[i - 1], "place %zu of %zu", i, s);
			shared += records[i] == records[i - 1];
		}
		ck_assert_uint_ge(shared, N / 8);
		ck_assert_uint_eq(records[0] >> INDEX_BITS, 0);
		ck_assert_uint_ge(records[N - 1] >> INDEX_BITS, plan.pack.map.top - 1);
	}
	ck_assert_uint_ge(valued, 12);
	buffers_fini(&b);
}
END_TEST

/* Not where a part of the keys would share a prefix: in a tenth of these doubles every
 * exponent occurs, far below the others. */
START_TEST(prefixes_are_not_by_value_if_many_would_be_shared)
{
	enum { N = 1 << 17, WIDTH = 7, INDEX_BITS = 17 };
	double *keys = malloc(N * sizeof *keys);
	struct smi_range range;
	struct smi_map map;
	uint64_t seed = 1;

	for (int tiny = 0; tiny < 2; tiny++) {
		struct smi_plan plan = { .room = 64 - INDEX_BITS, .pack.index_bits = INDEX_BITS };

		for (size_t i = 0; i < N; i++) {
			double unit = (double)(random_next(&seed) >> 11) * 0x1p-53;

			keys[i] = tiny && i % 10 == 0 ? ldexp(1 + unit, -60 - (int)(i % 900)) : 1 + unit;
		}
		keys[0] = 0;
		ck_assert(smi_keys_init(&plan.keys, keys, SHARED_FLOAT64, false));
		smi_kernel()->range(&plan.keys, 0, N, &range);
		pack_plainly(&plan, &range);
		smi_map_choose(&map, &plan, N, &range, WIDTH, NULL);
		ck_assert_int_eq(map.kind, SMI_MAP_LINEAR);
		ck_assert_int_eq(plan.pack.mapped, !tiny);
	}
	free(keys);
}
END_TEST

/* So many that they are small, but more than 512 only where those would be too large. */
START_TEST(buckets_are_as_many_as_are_needed)
{
	struct smi_job job = { .bucket = 4096, .large = 6 * 20000 };

	ck_assert_uint_eq(smi_buckets_width(&job, 1000), 7);
	ck_assert_uint_eq(smi_buckets_width(&job, 127 * 4096), 7);
	ck_assert_uint_eq(smi_buckets_width(&job, 129 * 4096), 8);
	ck_assert_uint_eq(smi_buckets_width(&job, 257 * 4096), 9);
	ck_assert_uint_eq(smi_buckets_width(&job, 512 * 20000), 9);
	ck_assert_uint_eq(smi_buckets_width(&job, 513 * 20000), 10);
	ck_assert_uint_eq(smi_buckets_width(&job, (size_t)1 << 40), 10);
	job.large = 4096;
	ck_assert_uint_eq(smi_buckets_width(&job, 511 * 4096), 9);
	ck_assert_uint_eq(smi_buckets_width(&job, 513 * 4096), 10);
}
END_TEST

TCase *sort_map_tests(void)
{
	TCase *tcase = tcase_create("maps");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, share_all, best_kernel);
	tcase_add_loop_test(tcase, floats_of_any_span_are_sorted_stably, 0, KERNELS);
	tcase_add_loop_test(tcase, digits_of_every_kernel_never_decrease, 0, KERNELS);
	tcase_add_test(tcase, prefixes_are_not_by_value_if_many_would_be_shared);
	tcase_add_test(tcase, buckets_are_as_many_as_are_needed);
	tcase_add_loop_test(tcase, doubles_of_prefixes_by_value_are_sorted_stably, 0, KERNELS);
	return tcase;
}
