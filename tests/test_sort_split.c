/* SPDX-License-Identifier: MIT */
/* Keys that lie in clusters: no formula spreads them, and prefixes of the whole range are shared
 * by whole clusters. A sample says where buckets begin. */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sort/choose.h"
#include "sort/job.h"
#include "sort/split.h"
#include "sort_check.h"
#include "test_sort.h"

enum clusters { THREE, HUNDRED, NESTED, NOISY, HALVES, ENDS, TWINS, CLUSTERS };

static const enum shared_type types[] = { SHARED_INT64, SHARED_UINT64, SHARED_FLOAT64 };

/* An image of one of the clusters. */
static uint64_t clustered(enum clusters clusters, uint64_t *seed)
{
	uint64_t x = random_next(seed), y = random_next(seed);

	switch (clusters) {
	case THREE:
		return x % 3 * 0x4000000000000000 + y % (1 << 30);
	case HUNDRED:
		return x % 100 * 0x9e3779b97f4a7c15 + y % (1 << 16);
	case NESTED: /* clusters of clusters */
		return ((uint64_t)1 << x % 8 * 8) + ((y & 3) << x / 8 % 3 * 8) + (y >> 60);
	case NOISY:
		return x % 10 ? 0x8000000000000000 + y % 1000000000 : y;
	case HALVES:
		return x % 2 ? y % 1024 : y;
	case ENDS:
		return x % 2 ? y >> 40 : ~(y >> 40);
	default: /* of two values each */
		return x % 1000 * 0x9e3779b97f4a7c15 + (y & 1);
	}
}

/* Numbers of any image may be NaNs: those of clusters are made otherwise. */
static void make_clusters(char *keys, size_t n, enum shared_type type, enum clusters clusters, uint64_t seed)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t image = clustered(clusters, &seed);

		if (type == SHARED_FLOAT64) {
			store_float(keys, i, type, (double)(image >> 32) * 1e9 + (double)(uint32_t)image * 0x1p-20);
			continue;
		}
		image ^= type == SHARED_INT64 ? (uint64_t)INT64_MIN : 0;
		memcpy(keys + i * sizeof image, &image, sizeof image);
	}
}

/* Pages of memory that are mapped. */
static size_t mapped(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%lu", &pages), 1);
	fclose(file);
	return pages;
}

/* A third of the keys are equal, in one of many clusters: a bucket of more than one thread sorts is
 * partitioned again. No memory is left behind. */
START_TEST(clusters_may_hold_a_large_bucket)
{
	enum { N = 150001, TIMES = 20, PAGES = 4096 };
	struct shared_sort_options o = { .np = 8 };
	struct buffers b;
	size_t before = 0;

	buffers_init(&b, N);
	make_clusters(b.keys, N, SHARED_UINT64, HUNDRED, 1);
	for (size_t i = 0; i < N; i += 3)
		memcpy(b.keys + i * 8, b.keys, 8);
	reference_order(b.keys, N, SHARED_UINT64, false, b.expected);
	for (int i = 0; i < TIMES; i++) {
		ck_assert_ptr_null(sort_wrong(&b, N, SHARED_UINT64, &o));
		before = i == 1 ? mapped() : before;
	}
	ck_assert_uint_lt(mapped(), before + PAGES);
	buffers_fini(&b);
}
END_TEST

START_TEST(clusters_are_sorted)
{
	static const size_t sizes[] = { 30000, 65537, (1 << 17) + 5 };
	static const int np[] = { 1, 2, 3 };
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, sizes[2]);
	for (size_t c = 0; c < 3 * 3 * CLUSTERS; c++) {
		size_t n = sizes[c % 3];

		make_clusters(b.keys, n, types[c / 3 % 3], (enum clusters)(c / 9), c);
		check_all(&b, n, types[c / 3 % 3], CLOSE, np + (c + c / 3) % 3, 1);
	}
	buffers_fini(&b);
}
END_TEST

/* Sorted keys of some type, and what a sort of 2^24 such would settle: the map's kind. */
static enum smi_map_kind settle(struct smi_job *job, struct smi_map *map, struct smi_split *split, const struct buffers *b,
				size_t n, enum shared_type type, bool descending)
{
	*job = (struct smi_job){ .kernel = smi_kernel(), .crew = { .np = 1 }, .n = (size_t)1 << 24,
				 .plan.sink = SMI_TO_INDEX64 };
	reference_order(b->keys, n, type, descending, b->expected);
	for (size_t i = 0; i < n; i++)
		memcpy(b->sorted + i * 8, b->keys + b->expected[i] * 8, 8);
	ck_assert(smi_keys_init(&job->plan.keys, b->sorted, type, descending));
	smi_kernel()->range(&job->plan.keys, 0, n, &job->range);
	smi_job_plan(job);
	smi_map_choose(map, &job->plan, n, &job->range, 9, split);
	return map->kind;
}

/* By the split that is chosen neither digits nor prefixes of one digit ever decrease, digits are
 * what a search from the beginning finds, and in sure buckets equal prefixes are equal keys. */
START_TEST(prefixes_of_clusters_tell_keys_apart)
{
	enum { N = (1 << 17) + 5 };
	struct smi_split split;
	struct buffers b;
	unsigned falls = 0, unlike = 0, unsure = 0, shared = 0, elsewhere = 0;

	buffers_init(&b, N);
	for (size_t c = 0; c < 3 * CLUSTERS * 2; c++) {
		enum clusters clusters = (enum clusters)(c / 2 % CLUSTERS);
		uint64_t *records = (uint64_t *)b.order, next[SMI_SPLITS], place, sum = 0;
		uint32_t counts[SMI_SPLITS] = { 0 };
		struct smi_job job;
		struct smi_map map;
		unsigned bits;

		make_clusters(b.keys, N, types[c / 2 / CLUSTERS], clusters, c);
		if (settle(&job, &map, &split, &b, N, types[c / 2 / CLUSTERS], c % 2) != SMI_MAP_SPLIT) {
			ck_assert_msg(clusters == NESTED || clusters == HALVES || clusters == TWINS ||
				      types[c / 2 / CLUSTERS] == SHARED_FLOAT64, "case %zu", c);
			continue;
		}
		bits = job.plan.pack.index_bits;
		split.digit = malloc(N);
		ck_assert(split.digit);
		smi_split_histogram(&split, &job.plan.keys, 0, 1001, counts);
		smi_split_histogram(&split, &job.plan.keys, 1001, N, counts);
		for (size_t d = 0; d < SMI_SPLITS; sum += counts[d++])
			next[d] = sum;
		ck_assert_uint_eq(sum, N);
		smi_split_scatter(&split, &job.plan.keys, &job.plan.pack, 0, N, next, records);
		for (size_t i = 0; i < N; i++) {
			uint64_t image = smi_key_image(&job.plan.keys, i);
			size_t digit = smi_split_bucket(&split, image), begun = 0;

			for (size_t node = 1; node < SMI_SPLITS && i % 512 == 0; node++)
				begun += split.node[node] <= image;
			elsewhere += digit != split.digit[i] || (i % 512 == 0 && begun != digit);
			if (i == 0)
				continue;
			falls += digit < split.digit[i - 1];
			if (digit != split.digit[i - 1])
				continue;
			falls += records[i] >> bits < records[i - 1] >> bits;
			place = smi_key_image(&job.plan.keys, i - 1);
			if (records[i] >> bits != records[i - 1] >> bits || image == place)
				continue;
			shared++;
			unlike += split.sure[digit];
		}
		for (size_t d = 0; d < SMI_SPLITS; d++)
			unsure += counts[d] > 0 && !split.sure[d];
		free(split.digit);
	}
	ck_assert_uint_eq(falls, 0);
	ck_assert_uint_eq(elsewhere, 0);
	ck_assert_uint_eq(unlike, 0);
	ck_assert_uint_gt(unsure, 0);
	ck_assert_uint_gt(shared, 0);
	ck_assert_uint_lt(shared, N / 2);
	buffers_fini(&b);
}
END_TEST

/* What is beyond where sampled keys lie makes a bucket unsure. */
START_TEST(a_bucket_is_sure_until_a_key_is_cut_off)
{
	enum { ROOM = 40, FAR = 77 };
	static uint64_t keys[2] = { FAR * 1000000 + 5, 0 };
	struct smi_keys described = { keys, SMI_INT64, false, 0 };
	struct smi_range range = { 0, UINT64_MAX, UINT64_MAX, false };
	struct smi_pack pack = { .index_bits = 24, .indexed = true, .mapped = true };
	uint64_t next[SMI_SPLITS] = { 0 }, records[SMI_SPLITS];
	uint32_t counts[SMI_SPLITS] = { 0 };
	struct smi_map_sample sample = { .n = SMI_MAP_SAMPLE };
	struct smi_split split;
	uint8_t digits[2];

	for (size_t i = 0; i < sample.n; i++)
		sample.image[i] = i < 512 ? i * 1000000 : ((uint64_t)1 << 62) + i;
	smi_split_choose(&split, &sample, &range, ROOM);
	split.digit = digits;
	keys[1] = (uint64_t)1 << 61; /* after the gap's middle: a bucket's least key, far below the others */
	for (size_t i = 0; i < 2; i++) {
		smi_split_histogram(&split, &described, i, i + 1, counts);
		ck_assert(split.sure[digits[i]]);
		smi_split_scatter(&split, &described, &pack, i, i + 1, next, records);
		ck_assert_int_eq(split.sure[digits[i]], i == 0);
	}
}
END_TEST

/* Where a bucket's prefixes begin at `low`, and drop as many bits as there are beside them, what
 * is below looks like a prefix. */
START_TEST(a_key_far_below_its_bucket_is_cut_off)
{
	enum { ROOM = 40 };
	static const uint64_t few[] = { 6, 7, 9, 10 };
	uint64_t key = 0, record = 1, next[SMI_SPLITS] = { 0 };
	struct smi_keys described = { &key, SMI_INT64, false, 0 };
	struct smi_range range = { 0, UINT64_MAX, UINT64_MAX, false };
	struct smi_pack pack = { .index_bits = 24, .indexed = true, .mapped = true };
	uint32_t counts[SMI_SPLITS] = { 0 };
	struct smi_map_sample sample = { .n = SMI_MAP_SAMPLE };
	struct smi_split split;
	uint8_t digit;

	for (size_t i = 0; i < sample.n; i++)
		sample.image[i] = i < 4 ? few[i] << 60 : UINT64_MAX - sample.n + i;
	smi_split_choose(&split, &sample, &range, ROOM);
	ck_assert_uint_gt(split.low[0], 0);
	ck_assert_uint_eq(split.drop[0], 64 - ROOM);
	split.digit = &digit;
	smi_split_histogram(&split, &described, 0, 1, counts);
	smi_split_scatter(&split, &described, &pack, 0, 1, next, &record);
	ck_assert_uint_eq(record, 0);
}
END_TEST

/* Prefixes that hardly any key shares are left as they are. */
START_TEST(even_keys_are_not_split)
{
	static const enum shape shapes[] = { UNIFORM, NEARLY, CLOSE };
	enum { N = 1 << 17 };
	struct smi_split split;
	struct smi_job job;
	struct smi_map map;
	struct buffers b;

	buffers_init(&b, N);
	for (size_t c = 0; c < 3 * 3; c++) {
		make_keys(b.keys, N, types[c % 3], shapes[c / 3], c);
		ck_assert_int_ne(settle(&job, &map, &split, &b, N, types[c % 3], false), SMI_MAP_SPLIT);
	}
	buffers_fini(&b);
}
END_TEST

/* Most records of a bucket may lie close together in it, too. */
START_TEST(digits_of_records_never_tear_a_prefix_apart)
{
	enum { N = 50000, INDEX_BITS = 16, WIDTH = 8 };
	uint64_t *records = malloc(N * sizeof *records), seed = 1, last, digit;
	struct smi_keys view = { records, SMI_INT64, false, 0 };
	uint32_t counts[SMI_DIGITS];
	struct smi_range range;
	struct smi_map map;

	ck_assert(records);
	for (unsigned near = 4; near < 40; near++) {
		uint32_t most = 0;

		for (size_t i = 0; i < N; i++) {
			records[i] = random_next(&seed) >> (i % 1000 == 7 ? 16 : 64 - near);
			records[i] = (records[i] + ((uint64_t)1 << 40)) << INDEX_BITS | i;
		}
		smi_kernel()->range(&view, 0, N, &range);
		smi_map_choose_records(&map, &view, N, &range, INDEX_BITS, WIDTH);
		ck_assert_uint_lt(map.top, 1 << WIDTH);
		for (size_t i = 0; i < N; i++) {
			uint64_t first = records[i] >> INDEX_BITS << INDEX_BITS;

			digit = smi_map_digit(&map, &view, first);
			last = smi_map_digit(&map, &view, first + (1 << INDEX_BITS) - 1);
			ck_assert_uint_eq(digit, last);
		}
		memset(counts, 0, sizeof counts);
		smi_kernel()->histogram(&view, &map, 0, N, counts);
		for (size_t d = 0; d < SMI_DIGITS; d++)
			most = counts[d] > most ? counts[d] : most;
		ck_assert_msg(near < WIDTH || most < N / 50, "%u of %u bits", most, near);
	}
	free(records);
}
END_TEST

TCase *sort_split_tests(void)
{
	TCase *tcase = tcase_create("split");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, share_all, best_kernel);
	tcase_add_loop_test(tcase, clusters_are_sorted, 0, KERNELS);
	tcase_add_test(tcase, clusters_may_hold_a_large_bucket);
	tcase_add_test(tcase, a_key_far_below_its_bucket_is_cut_off);
	tcase_add_test(tcase, prefixes_of_clusters_tell_keys_apart);
	tcase_add_test(tcase, a_bucket_is_sure_until_a_key_is_cut_off);
	tcase_add_test(tcase, even_keys_are_not_split);
	tcase_add_test(tcase, digits_of_records_never_tear_a_prefix_apart);
	return tcase;
}
