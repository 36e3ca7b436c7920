/* SPDX-License-Identifier: MIT */
/* Keys that lie in order, but for one of them perhaps. */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "sort/kernel/kernel.h"
#include "sort/radix.h"
#include "sort/straight.h"
#include "sort_check.h"
#include "test_sort.h"
#include "testing.h"

enum { STRAIGHT = 1 << 19 }; /* keys */

/* Key i becomes another one. */
static void disturb(struct buffers *b, size_t i, enum shared_type type)
{
	b->keys[i * type_size(type)] ^= 1;
}

START_TEST(every_kernel_sees_the_one_key_that_differs)
{
	static const enum shape shapes[] = { EQUAL, SORTED, REVERSED };
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, 600);
	for (int type = 0; type < TYPES; type++)
		for (int shape = 0; shape < 3; shape++)
			for (size_t n = 250; n < 600; n += 29)
				for (size_t i = n % 5; i < n; i += 1 + i / 2 + n % 3) {
					make_keys(b.keys, n, type, shapes[shape], n);
					disturb(&b, i, type);
					check_all(&b, n, type, shapes[shape], threads, 1);
					disturb(&b, i, type);
					disturb(&b, n - 1 - i, type);
					check_all(&b, n, type, shapes[shape], threads, 1);
				}
	buffers_fini(&b);
}
END_TEST

START_TEST(straight_keys_are_found_alone_and_by_threads)
{
	static const enum shape shapes[] = { EQUAL, SORTED, REVERSED };
	struct buffers b;

	buffers_init(&b, STRAIGHT + 1);
	for (size_t n = STRAIGHT - 1; n <= STRAIGHT + 1; n++)
		for (int shape = 0; shape < 3; shape++)
			for (int type = _i; type < TYPES; type += 2)
				for (int disturbed = 0; disturbed < 2; disturbed++) {
					struct shared_sort_options o = { .np = 3 };
					const char *bad;

					make_keys(b.keys, n, type, shapes[shape], n);
					if (disturbed)
						disturb(&b, n - 1, type);
					ck_assert_int_eq(shared_argsort(b.keys, n, type, b.expected,
									&o), 0);
					ck_assert(is_stable_order(b.keys, n, type, false,
								  b.expected));
					bad = sort_wrong(&b, n, type, &o);
					ck_assert_msg(!bad, "%s: %s, %s, n %zu", bad,
						      type_names[type], shape_names[shapes[shape]],
						      n);
				}
	buffers_fini(&b);
}
END_TEST

/* Keys fall, but for twins: none, at one place, at random ones, everywhere. */
START_TEST(falling_keys_with_twins_keep_the_order_of_twins)
{
	static const unsigned every[] = { 1, 2, 15, 16, 17, 255, 256, 257, 1000, 1u << 30 };
	uint64_t random = 1;
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, STRAIGHT + 7);
	for (size_t e = 0; e < sizeof every / sizeof *every; e++)
		for (size_t n = 2000; n <= STRAIGHT + 7; n += n < 3000 ? 83 : STRAIGHT + 7 - n + (n > 4000))
			for (int np = 1; np <= 3; np += 2) {
				struct shared_sort_options o = { .np = np };
				int32_t *keys = (int32_t *)b.keys, key = 1 << 30;

				for (size_t i = 0; i < n; i++)
					keys[i] = key -= test_random(&random) % every[e] != 0 || i < 2;
				ck_assert_int_eq(shared_argsort(keys, n, SHARED_INT32, b.expected, &o), 0);
				ck_assert(is_stable_order(b.keys, n, SHARED_INT32, false, b.expected));
			}
	buffers_fini(&b);
}
END_TEST

/* What kernel->order, ->rising and ->run are to find, by one image after the other. */
static size_t lies_until(const struct smi_keys *keys, unsigned order, size_t lo, size_t hi)
{
	for (size_t i = lo; i + 1 < hi; i++) {
		uint64_t x = smi_key_image(keys, i), y = smi_key_image(keys, i + 1);

		if (order == SMI_RISING ? y < x : order == SMI_FALLING ? y > x : y >= x)
			return i + 1;
	}
	return hi;
}

static bool is_seen_as_it_lies(const struct smi_kernel *kernel, const struct smi_keys *keys, size_t lo, size_t hi)
{
	static const unsigned orders[] = { SMI_RISING, SMI_FALLING, SMI_STRICTLY_FALLING };
	size_t up = lies_until(keys, SMI_RISING, lo, hi), down = lies_until(keys, SMI_FALLING, lo, hi);
	unsigned seen = kernel->order(keys, lo, hi), lies = 0;
	bool falling;

	for (int i = 0; i < 3; i++)
		if (lies_until(keys, orders[i], lo, hi) == hi)
			lies |= orders[i];
	/* Of keys that are all equal, and of one, that they fall strictly need not be said. */
	return (seen & ~lies) == 0 && (seen != 0) == (lies != 0) && (seen & SMI_RISING) == (lies & SMI_RISING) &&
	       kernel->rising(keys, lo, hi) == up && kernel->run(keys, lo, hi, &falling) == (down > up ? down : up) &&
	       falling == (down > up);
}

/* Floats in order, but for: nothing; a NaN, or only NaNs, from a place on; zeros of both
 * signs around it; a key too large; a NaN of its neighbours' sign; twins of one
 * sign; that they turn round when the sign has changed. */
START_TEST(every_kernel_sees_how_floats_lie)
{
	enum { MOST = 150, WAYS = 8 };
	_Alignas(8) unsigned char base[8 * MOST];
	const double other[WAYS] = { 0, NAN, NAN, 0, 1e9 };
	const double far = 1000;
	const struct smi_kernel *kernel;
	struct smi_keys keys;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	kernel = smi_kernel();
	for (int type = SHARED_FLOAT32; type <= SHARED_FLOAT64; type++)
		for (int turn = 0; turn < 4 * WAYS; turn++)
			for (size_t n = 1; n <= MOST; n += 1 + n / 20)
				for (size_t place = 0; place < n; place += 1 + n / 30) {
					int way = turn / 4;
					double step = turn & 1 ? -1 : 1;

					ck_assert(smi_keys_init(&keys, base, type, turn & 2));
					for (size_t i = 0; i < n; i++) {
						double x = step * ((double)i - (double)place);

						if (way == 2 ? i >= place : (way == 1 || way == 4) && i == place)
							x = other[way];
						if (way == 3 && i + 3 > place && i < place + 3)
							x = i % 2 ? 0. : -0.;
						if (way == 5)
							x = copysign(i == place ? NAN : far + x, place % 2 ? 1 : -1);
						if (way == 6)
							x = (place % 2 ? far : -far) + step * (double)(i - (i > place));
						if (way == 7)
							x = i <= place ? step * ((double)(place - i) + 0.5)
								       : -step / (double)(i - place);
						store_float(base, i, type, x);
					}
					ck_assert(is_seen_as_it_lies(kernel, &keys, place % 3 % n, n));
				}
}
END_TEST

TCase *sort_straight_tests(void)
{
	TCase *tcase = tcase_create("straight");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, share_all, best_kernel);
	tcase_add_loop_test(tcase, every_kernel_sees_the_one_key_that_differs, 0, KERNELS);
	tcase_add_loop_test(tcase, every_kernel_sees_how_floats_lie, 0, KERNELS);
	tcase_add_loop_test(tcase, straight_keys_are_found_alone_and_by_threads, 0, 2);
	tcase_add_loop_test(tcase, falling_keys_with_twins_keep_the_order_of_twins, 0, KERNELS);
	return tcase;
}
