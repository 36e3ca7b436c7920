/* SPDX-License-Identifier: MIT */
/* Keys of which many have one of a few values. */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sort/count.h"
#include "sort/frequent.h"
#include "sort/kernel/kernel.h"
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
	static const size_t values[] = { 1, 2, 3, 4, 5, 8, 9, 12, 16, 17, 40, 200 };
	static const size_t sizes[] = { SMI_FREQUENT_WORTH - 1, SMI_FREQUENT_WORTH,
					SMI_FREQUENT_WORTH + 1, SMI_SAMPLE_MORE - 1, SMI_SAMPLE_MORE,
					SMI_SAMPLE_MORE + 1, 2000, 16385, 20003, SMI_SAMPLE_MOST,
					1024, 1023, 1039 };
	static const enum shape shapes[] = { UNIFORM, EXTREMES, CLOSE };
	uint64_t seed = 1;
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, SMI_SAMPLE_MOST);
	for (int type = 0; type < TYPES; type++)
		for (int percent = 0; percent < 5; percent++)
			for (int v = 0; v < 12; v++) {
				size_t n = sizes[random_next(&seed) % 13];
				enum shape shape = shapes[random_next(&seed) % 3];

				make_frequent(&b, n, type, shape, percents[percent], values[v],
					      ++seed);
				check_all(&b, n, type, shape, threads, n > 16384 ? 4 : 1);
			}
	buffers_fini(&b);
}
END_TEST

/* What cull and the specials' functions promise, key by key. -0 is not taken for zero,
 * but where NaN is frequent. */
struct culled {
	size_t count[SMI_FREQUENT], rest, nans, zeros;
	bool minus_zero;
	uint64_t image[3000], nan[3000];
	uint8_t sign[3000];
};

static void cull_plainly(const struct smi_keys *keys, size_t n, const struct smi_frequent *frequent,
			 struct culled *c)
{
	uint64_t mask = smi_kind_mask(keys->kind), zero = smi_image(keys->kind, keys->flip, 0);
	bool by_images = frequent->image[frequent->n - 1] == mask;

	memset(c, 0, sizeof *c);
	for (size_t i = 0; i < n; i++) {
		uint64_t bits = smi_key_load(smi_key_at(keys->base, keys->kind, i), keys->kind);
		uint64_t image = smi_key_image(keys, i);
		bool apart = smi_kind_float(keys->kind) && bits == (mask ^ mask >> 1) && !by_images;
		size_t j = 0;

		while (j < frequent->n && frequent->image[j] != image)
			j++;
		if (j < frequent->n && !apart)
			c->count[j]++;
		else
			c->image[c->rest++] = image;
		if (!smi_kind_float(keys->kind))
			continue;
		c->minus_zero |= bits == (mask ^ mask >> 1);
		if (image == mask)
			c->nan[c->nans++] = bits;
		else if (image == zero)
			c->sign[c->zeros++] = bits != 0;
	}
}

enum { SLACK = 64, CANARY = 0x5a };

static const char *cull_wrong(const struct smi_keys *keys, size_t n, const struct smi_frequent *frequent)
{
	static struct culled wanted;
	static uint64_t rest[3000 + SLACK], nan[3001];
	static uint8_t sign[3001];
	size_t width = smi_kind_size(keys->kind) == 8 ? 8 : 4, nans, zeros;
	struct smi_peeled got;

	cull_plainly(keys, n, frequent, &wanted);
	memset(rest, CANARY, sizeof rest);
	if (width == 4)
		smi_kernel()->cull_narrow(keys, 0, n, frequent, &got, (uint32_t *)rest);
	else
		smi_kernel()->cull(keys, 0, n, frequent, &got, rest);
	if (got.rest != wanted.rest || got.minus_zero != wanted.minus_zero)
		return "how many are left, or -0";
	for (size_t j = 0; j < frequent->n; j++)
		if (got.count[j] != wanted.count[j])
			return "a count";
	for (size_t i = 0; i < got.rest; i++)
		if ((width == 4 ? ((uint32_t *)rest)[i] : rest[i]) != wanted.image[i])
			return "an image";
	for (size_t i = got.rest * width + SLACK; i < sizeof rest; i++)
		if (((unsigned char *)rest)[i] != CANARY)
			return "what lies behind the rest";
	if (!smi_kind_float(keys->kind))
		return NULL;
	smi_kernel()->special_count(keys, 0, n, &nans, &zeros);
	if (nans != wanted.nans || zeros != wanted.zeros)
		return "how many NaNs and zeros";
	nan[nans] = sign[zeros] = CANARY;
	smi_kernel()->special_collect(keys, 0, n, nan, nans, sign);
	return memcmp(nan, wanted.nan, nans * 8) || memcmp(sign, wanted.sign, zeros) ? "a NaN or a zero" :
	       nan[nans] != CANARY || sign[zeros] != CANARY ? "what lies behind NaNs or zeros" : NULL;
}

START_TEST(every_kernel_takes_frequent_values_and_specials_out)
{
	static const size_t sizes[] = { 1, 3, 4, 7, 8, 9, 15, 16, 17, 33, 1000, 1023, 1024, 1025, 1040, 2047, 2900 };
	static const size_t values[] = { 1, 2, 4, 5, 8, 9, 12, 13, 16 };
	static const enum shape shapes[] = { FEW, EXTREMES };
	uint64_t seed = 1;
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, 3000);
	for (int type = SHARED_INT16; type < TYPES; type++)
		for (int size = 0; size < 17; size++)
			for (int v = 0; v < 9; v++) {
				size_t n = sizes[size];
				struct smi_frequent frequent;
				struct smi_keys keys;
				const char *bad;

				make_keys(b.keys, n, type, shapes[v % 2], ++seed);
				smi_keys_init(&keys, b.keys, type, size % 2);
				choose_frequent(&frequent, &keys, n, values[v]);
				bad = cull_wrong(&keys, n, &frequent);
				ck_assert_msg(!bad, "%s: %s, n %zu, %zu values", bad, type_names[type], n,
					      frequent.n);
			}
	buffers_fini(&b);
}
END_TEST

/* NaNs in front of negative numbers and zeros: behind what is sorted lie keys that were
 * there before. */
START_TEST(zeros_are_found_beside_many_nans)
{
	static const size_t sizes[] = { 5, 100, 300, 3000 };
	uint64_t seed = 1;
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, 3000);
	for (int size = 0; size < 4; size++)
		for (size_t percent = 20; percent <= 100; percent += 20)
			for (int wide = 0; wide < 2; wide++) {
				size_t n = sizes[size], nans = n * percent / 100;
				enum shared_type type = wide ? SHARED_FLOAT64 : SHARED_FLOAT32;

				for (size_t i = 0; i < n; i++) {
					uint64_t r = random_next(&seed) % 1000;

					store_float(b.keys, i, type, i < nans ? NAN : r < 100 ? -0.0 : r < 200 ? 0.0 : -(double)r);
				}
				check_all(&b, n, type, EXTREMES, threads, 1);
			}
	buffers_fini(&b);
}
END_TEST

/* All keys have one of a few values, among them NaN and both zeros. */
START_TEST(zeros_among_few_values_keep_their_signs)
{
	static const double values[] = { 0.0, -0.0, 1, -1, 2, -2, 3, NAN };
	static const size_t sizes[] = { 600, 5000, 70000 };
	uint64_t seed = 1;
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, 70000);
	for (int wide = 0; wide < 2; wide++)
		for (int i = 0; i < 3; i++)
			for (int count = 7; count <= 8; count++) {
				enum shared_type type = wide ? SHARED_FLOAT64 : SHARED_FLOAT32;

				for (size_t k = 0; k < sizes[i]; k++)
					store_float(b.keys, k, type, values[random_next(&seed) % (uint64_t)count]);
				check_all(&b, sizes[i], type, FEW, threads, 2);
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

static unsigned bit_length(uint64_t x)
{
	return x ? 64 - (unsigned)__builtin_clzll(x) : 0;
}

/* Keys of so many bits from `base` on, at m places: most of them crowd near the least one,
 * as far as a look at some tells, and most of them lie in one bucket, in which it is the
 * same again, as often as can be. Above `wide` bits buckets are twice as many. */
static void make_nested(uint64_t *keys, const size_t *place, size_t m, unsigned bits, unsigned wide,
			uint64_t base)
{
	enum { LOOKS = 16, NEAR = 12 };
	unsigned width = bit_length(m - 1) + (bits > wide), inner;
	size_t rest[1024], n = 0, near = 0;

	if (bits <= width) {
		for (size_t i = 0; i < m; i++)
			keys[place[i]] = base + i * (((uint64_t)1 << bits) - 1) / (m - 1);
		return;
	}
	if (bits <= 2 * width || m < 600) {
		keys[place[0]] = base;
		make_nested(keys, place + 1, m - 1, bits - width, wide,
			    base + ((((uint64_t)1 << width) - 1) << (bits - width)));
		return;
	}
	inner = bits - 1 - (width - bit_length(bits - 1));
	for (size_t i = 0; i < m; i++) {
		if (near < NEAR && i == near * m / LOOKS)
			keys[place[i]] = base + near++;
		else
			rest[n++] = place[i];
	}
	keys[rest[--n]] = base + ((uint64_t)2 << (bits - 1)) - ((uint64_t)1 << (bits > 45 ? bits - 45 : 0));
	make_nested(keys, rest, n, inner, wide, base + ((uint64_t)2 << (bits - 1)) - ((uint64_t)2 << inner));
}

/* Each level of a bucket has counts of its own: there is room for as many levels as keys
 * can make. */
START_TEST(crowds_may_lie_in_crowds)
{
	static const size_t sizes[] = { 700, 1000, 1023, 1024 };
	struct buffers b;
	size_t place[1024];

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, 1024);
	for (size_t i = 0; i < 1024; i++)
		place[i] = i;
	for (int i = 0; i < 4; i++) {
		uint64_t *images = (uint64_t *)(void *)b.keys;

		make_nested(images, place, sizes[i], 64, 64, 0);
		check_all(&b, sizes[i], SHARED_UINT64, EXTREMES, threads, 1);
		for (unsigned wide = 52; wide <= 64; wide += 12) {
			make_nested(images, place, sizes[i], 63, wide, (uint64_t)1 << 61);
			for (size_t k = 0; k < sizes[i]; k++)
				images[k] = smi_image_bits(SMI_FLOAT64, 0, images[k]);
			check_all(&b, sizes[i], SHARED_FLOAT64, EXTREMES, threads, 1);
		}
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
	tcase_add_checked_fixture(tcase, share_all, best_kernel);
	tcase_add_loop_test(tcase, every_kernel_sorts_frequent_values_stably, 0, KERNELS);
	tcase_add_loop_test(tcase, every_kernel_takes_frequent_values_and_specials_out, 0, KERNELS);
	tcase_add_loop_test(tcase, zeros_are_found_beside_many_nans, 0, KERNELS);
	tcase_add_loop_test(tcase, zeros_among_few_values_keep_their_signs, 0, KERNELS);
	tcase_add_loop_test(tcase, every_kernel_sorts_crowded_keys_stably, 0, KERNELS);
	tcase_add_loop_test(tcase, crowds_may_lie_in_crowds, 0, KERNELS);
	tcase_add_loop_test(tcase, short_keys_are_counted, SHARED_INT8, SHARED_UINT16 + 1);
	tcase_add_loop_test(tcase, nothing_behind_the_counted_keys_is_written, SHARED_INT8,
			    SHARED_UINT16 + 1);
	return tcase;
}
