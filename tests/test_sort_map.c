/* SPDX-License-Identifier: MIT */
/* Keys whose digits are computed as real numbers, by the kernels of each instruction set. */
#include <check.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "sort/kernel.h"
#include "sort/map.h"
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
	enum { N = 4099, WIDTH = 9 };
	struct smi_range range;
	struct smi_keys keys;
	struct smi_map map;
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, N);
	for (size_t type = 0; type < 4; type++) {
		uint32_t alone[SMI_DIGITS] = { 0 }, together[SMI_DIGITS] = { 0 };
		size_t last = 0, digit;

		make_sorted(&b, N, types[type]);
		ck_assert(smi_keys_init(&keys, b.sorted, types[type], false));
		smi_kernel()->range(&keys, 0, N, &range);
		smi_map_choose(&map, &keys, N, &range, WIDTH);
		ck_assert_int_eq(map.kind, type < 2 ? SMI_MAP_LOG : SMI_MAP_LINEAR);
		for (size_t i = 0; i < N; i++, last = digit) {
			digit = digit_at(&keys, &map, i);
			ck_assert_uint_ge(digit, last);
			alone[digit]++;
		}
		ck_assert_uint_gt(last, map.top / 2);
		smi_kernel()->histogram(&keys, &map, 0, N, together);
		ck_assert(memcmp(alone, together, sizeof alone) == 0);
	}
	buffers_fini(&b);
}
END_TEST

TCase *sort_map_tests(void)
{
	TCase *tcase = tcase_create("maps");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, NULL, best_kernel);
	tcase_add_loop_test(tcase, floats_of_any_span_are_sorted_stably, 0, KERNELS);
	tcase_add_loop_test(tcase, digits_of_every_kernel_never_decrease, 0, KERNELS);
	return tcase;
}
