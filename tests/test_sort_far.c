/* SPDX-License-Identifier: MIT */
/* Some keys lie far from all others: missing values, heavy tails. Digits and prefixes go by
 * where most lie, and keys beyond are cut off to share one. */
#include <check.h>
#include <errno.h>
#include <math.h>

#include "sort/choose.h"
#include "sort/job.h"
#include "sort/prefix.h"
#include "sort_check.h"
#include "test_sort.h"

enum far { BELOW, ABOVE, BOTH, OFTEN, MOSTLY, WIDE, TAIL, TWINS, FARS };

static const enum shared_type types[] = { SHARED_INT64, SHARED_UINT64, SHARED_FLOAT64, SHARED_INT32, SHARED_FLOAT32 };
enum { FAR_TYPES = sizeof types / sizeof *types };

/* Is this key to be far away, and on which side? */
static int side_of(enum far far, size_t i, size_t n)
{
	switch (far) {
	case BELOW:
	case WIDE:
		return i == n / 3 ? -1 : 0;
	case ABOVE:
		return i == n / 2 ? 1 : 0;
	case BOTH:
	case TWINS:
		return i % (n / 5) == 7 ? (i / (n / 5) % 2 ? 1 : -1) : 0;
	case OFTEN:
		return i % 9 == 1 ? -1 : 0;
	case MOSTLY:
		return i % 10 < 7 ? -1 : 0;
	default:
		return 0;
	}
}

static void make_far(struct buffers *b, size_t n, enum shared_type type, enum far far, uint64_t seed)
{
	size_t size = type_size(type);
	double x = 0;

	for (size_t i = 0; i < n; i++) {
		double unit = (double)(random_next(&seed) >> 11) * 0x1p-53;
		int side = side_of(far, i, n);
		int64_t whole;
		int32_t narrow;
		int apart;

		/* Of these every other one mostly has the prefix of the one before it. */
		if (far == TAIL)
			x = i % 2 ? x + 1 : 0x1p20 / (unit + 0x1p-30);
		else if (far == WIDE)
			x = i % 2 ? x - ldexp(1, (int)(i % 8)) : floor(unit * 0x1p52);
		else
			x = 0x1p20 + floor(unit * (far == TWINS ? 999 : 0x1p26));
		apart = far == MOSTLY ? 0 : (int)(i % 3); /* keys far away are one, or three */
		if (type >= SHARED_FLOAT32) {
			store_float(b->keys, i, type, side ? side * (apart == 1 ? (double)INFINITY : 1e30 + apart * 1e29) : x);
		} else if (size == 4) {
			narrow = (int32_t)(x / (far == WIDE ? 0x1p26 : 0x1p20));
			narrow = side < 0 ? INT32_MIN + apart : side > 0 ? INT32_MAX - apart : narrow;
			memcpy(b->keys + i * size, &narrow, size);
		} else {
			whole = side < 0 ? INT64_MIN + apart : side > 0 ? INT64_MAX - apart : (int64_t)x;
			whole ^= type == SHARED_UINT64 ? INT64_MIN : 0;
			memcpy(b->keys + i * size, &whole, size);
		}
	}
}

START_TEST(keys_are_sorted_wherever_some_of_them_lie)
{
	static const size_t sizes[] = { 8191, 8192, 20000, 50001 };
	static const int np[] = { 1, 2, 3 };
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, 50001);
	for (size_t c = 0; c < 4 * FAR_TYPES * FARS; c++) {
		size_t n = sizes[c % 4];
		enum shared_type type = types[c / 4 % FAR_TYPES];

		make_far(&b, n, type, (enum far)(c / 4 / FAR_TYPES), c);
		check_all(&b, n, type, CLOSE, np + (n > 16384 ? c % 3 : 0), 1);
	}
	buffers_fini(&b);
}
END_TEST

/* Those that have the value of most keys are counted, and prefixes are to tell the others apart. */
START_TEST(most_keys_may_lie_far_away)
{
	static const int np[] = { 1, 3 };
	enum { N = (1 << 17) + 1 };
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, N);
	for (size_t type = 0; type < 3; type++) {
		make_far(&b, N, types[type], MOSTLY, type);
		check_all(&b, N, types[type], CLOSE, np, 2);
	}
	buffers_fini(&b);
}
END_TEST

/* What a sort of 2^28 such keys as b->sorted has would settle. */
static void settle(struct smi_job *job, struct smi_map *map, const struct buffers *b, size_t n,
		   enum shared_type type, bool descending, unsigned width)
{
	*job = (struct smi_job){ .kernel = smi_kernel(), .crew = { .np = 1 }, .n = (size_t)1 << 28,
				 .plan.sink = SMI_TO_INDEX64 };
	ck_assert(smi_keys_init(&job->plan.keys, b->sorted, type, descending));
	smi_kernel()->range(&job->plan.keys, 0, n, &job->range);
	smi_job_plan(job);
	smi_map_choose(map, &job->plan, n, &job->range, width, NULL);
}

static void sort_far(struct buffers *b, size_t n, enum shared_type type, bool descending)
{
	size_t size = type_size(type);

	reference_order(b->keys, n, type, descending, b->expected);
	for (size_t i = 0; i < n; i++)
		memcpy(b->sorted + i * size, b->keys + b->expected[i] * size, size);
}

/* Of sorted keys neither digits nor prefixes ever decrease; where a bucket is sure, equal
 * prefixes are equal keys; no digit has many of those keys that are near each other. */
START_TEST(prefixes_rise_and_tell_keys_apart)
{
	enum { N = (1 << 17) + 1, WIDTH = 9 };
	struct buffers b;
	unsigned sure = 0, mapped = 0, falls = 0, unlike = 0, shared;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, N);
	for (size_t c = 0; c < 3 * FARS * 2; c++) {
		enum far far = (enum far)(c % FARS);
		enum shared_type type = types[c / FARS % 3];
		uint64_t *records = (uint64_t *)b.order;
		uint32_t counts[SMI_DIGITS] = { 0 };
		struct smi_job job;
		struct smi_map map;
		size_t digit, last = 0, most = 0;
		unsigned bits;

		make_far(&b, N, type, far, c);
		sort_far(&b, N, type, c % 2);
		settle(&job, &map, &b, N, type, c % 2, WIDTH);
		ck_assert_uint_lt(map.top, 1 << WIDTH);
		bits = job.plan.pack.index_bits;
		mapped += job.plan.pack.mapped;
		shared = 0;
		smi_kernel()->histogram(&job.plan.keys, &map, 0, N, counts);
		smi_kernel()->pack(&job.plan.keys, &job.plan.pack, 0, N, records);
		for (size_t i = 0; i < N; i++, last = digit) {
			uint64_t image = smi_key_image(&job.plan.keys, i);

			digit = smi_map_digit(&map, &job.plan.keys, image);
			counts[digit]--;
			if (i == 0)
				continue;
			falls += digit < last || records[i] >> bits < records[i - 1] >> bits;
			shared += records[i] >> bits == records[i - 1] >> bits && image != smi_key_image(&job.plan.keys, i - 1);
			if (records[i] >> bits != records[i - 1] >> bits || digit < job.plan.sure || digit >= job.plan.unsure)
				continue;
			unlike += image != smi_key_image(&job.plan.keys, i - 1);
			sure++;
		}
		ck_assert_msg(shared < (far == WIDE ? N * 3 / 5 : N / 20), "%u shared of case %zu", shared, c);
		for (size_t d = 0; d <= map.top; d++)
			unlike += counts[d] != 0;
		smi_kernel()->histogram(&job.plan.keys, &map, 0, N, counts);
		for (size_t d = 1; d < map.top; d++)
			most = counts[d] > most ? counts[d] : most;
		ck_assert_uint_lt(most, far == TAIL && type != SHARED_FLOAT64 ? N / 6 : N / 25);
	}
	ck_assert_uint_eq(falls, 0);
	ck_assert_uint_eq(unlike, 0);
	ck_assert_uint_gt(sure, N);
	ck_assert_uint_ge(mapped, 2 * FARS * 2 - 2);
	buffers_fini(&b);
}
END_TEST

/* The buckets of what is cut off are among those that there may be. */
START_TEST(buckets_are_not_too_many)
{
	enum { N = 10000, WIDTH = 10 };
	struct buffers b;
	uint64_t seed = 1;

	buffers_init(&b, N);
	for (uint64_t span = 7150; span < 7400; span++) { /* a sixteenth more on both sides: some 2^13 */
		uint64_t *keys = (uint64_t *)(void *)b.sorted;
		struct smi_job job;
		struct smi_map map;

		for (size_t i = 0; i < N; i++)
			keys[i] = ((uint64_t)1 << 40) + random_next(&seed) % (span << span % 4);
		keys[N / 2] = 0;
		keys[N / 3] = UINT64_MAX;
		settle(&job, &map, &b, N, SHARED_UINT64, false, WIDTH);
		ck_assert_uint_gt(map.base, 0);
		ck_assert_uint_lt(map.last, UINT64_MAX);
		ck_assert_uint_lt(map.top, SMI_DIGITS);
		ck_assert(smi_map_has_far(&job.plan.keys, N, &job.range));
	}
	buffers_fini(&b);
}
END_TEST

/* Where no key is far away, nothing is cut off, and prefixes are leading bits. */
START_TEST(keys_of_even_shapes_are_not_cut_off)
{
	static const enum shape shapes[] = { UNIFORM, NEARLY, PIPE };
	enum { N = 150001, WIDTH = 9 };
	struct buffers b;

	buffers_init(&b, N);
	for (size_t s = 0; s < 3; s++) {
		struct smi_job job;
		struct smi_map map;

		make_keys(b.sorted, N, SHARED_INT64, shapes[s], s);
		settle(&job, &map, &b, N, SHARED_INT64, false, WIDTH);
		ck_assert_int_eq(map.kind, SMI_MAP_SHIFT);
		ck_assert(map.base == job.range.min && map.last == job.range.max);
		ck_assert(!job.plan.pack.mapped);
		ck_assert(!smi_map_has_far(&job.plan.keys, N, &job.range));
	}
	buffers_fini(&b);
}
END_TEST

TCase *sort_far_tests(void)
{
	TCase *tcase = tcase_create("far");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, share_all, best_kernel);
	tcase_add_loop_test(tcase, keys_are_sorted_wherever_some_of_them_lie, 0, KERNELS);
	tcase_add_loop_test(tcase, most_keys_may_lie_far_away, 0, KERNELS);
	tcase_add_loop_test(tcase, prefixes_rise_and_tell_keys_apart, 0, KERNELS);
	tcase_add_test(tcase, buckets_are_not_too_many);
	tcase_add_test(tcase, keys_of_even_shapes_are_not_cut_off);
	return tcase;
}
