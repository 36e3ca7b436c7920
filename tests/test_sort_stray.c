/* SPDX-License-Identifier: MIT */
/* Keys that lie in order but for a few. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sort/crew/cut.h"
#include "sort/insert.h"
#include "sort/radix.h"
#include "sort/stray.h"
#include "sort_check.h"
#include "test_sort.h"
#include "testing.h"

enum place { ANYWHERE, NEAR, LEAST, GREATEST, PLACES };

/* Key i becomes a copy of another one: of any, of one a few places away, of the first
 * or the last. */
static void lead_astray(struct buffers *b, size_t i, size_t n, enum shared_type type, enum place place,
			uint64_t *random)
{
	size_t size = type_size(type), from = test_random(random) % n;

	if (place == NEAR)
		from = (i + n + test_random(random) % 9 - 4) % n;
	else if (place != ANYWHERE)
		from = place == LEAST ? 0 : n - 1;
	memmove(b->keys + i * size, b->keys + from * size, size);
}

/* Whether the keys were seen as few strays, and then their order is right. */
static bool is_sorted_so(struct buffers *b, size_t n, enum shared_type type, bool descending)
{
	struct smi_keys keys;
	struct smi_job job = { .kernel = smi_kernel(), .crew = { .np = 1 }, .n = n,
			       .plan = { .sink = SMI_TO_INDEX64, .out = b->order } };
	bool seen;

	ck_assert(smi_keys_init(&keys, b->keys, type, descending));
	job.plan.keys = keys;
	job.width = smi_job_width(job.plan.sink, keys.kind);
	seen = smi_stray_sort(&job) == 0;
	smi_crew_leave(&job.crew);
	ck_assert(!seen || is_stable_order(b->keys, n, type, descending, b->order));
	return seen;
}

/* _i: the kernel. */
START_TEST(a_few_strays_are_put_where_they_belong)
{
	static const size_t sizes[] = { SMI_SHORT, SMI_SHORT + 1, SMI_SHORT + 2, 255, 256, 257, 1023, 1024,
					1025, 6000 };
	static const unsigned every[] = { 2000, 300, 100, 50, 25, 8 };
	uint64_t random = 7;
	struct buffers b;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, 6000);
	for (int type = 0; type < TYPES; type++)
		for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
			for (size_t e = 0; e < sizeof every / sizeof *every; e++)
				for (int place = 0; place < PLACES; place++) {
					size_t n = sizes[s];

					make_keys(b.keys, n, type, place % 2 ? SORTED : REVERSED, n);
					for (size_t i = 0; i < n; i++)
						if (test_random(&random) % every[e] == 0)
							lead_astray(&b, i, n, type, place, &random);
					lead_astray(&b, place % 2 ? 0 : n - 1, n, type, ANYWHERE, &random);
					check_all(&b, n, type, NEARLY, threads, 1);
				}
	buffers_fini(&b);
}
END_TEST

/* One in a hundred, from a few keys to a million. _i: the type. */
START_TEST(strays_are_seen_as_such)
{
	size_t seen = 0, all = 0;
	uint64_t random = 3;
	struct buffers b;

	buffers_init(&b, 1000000);
	for (size_t n = SMI_SHORT + 1; n <= 1000000; n = n < 900000 ? n * 5 / 2 : 1000000 + (n == 1000000))
		for (int descending = 0; descending < 2; descending++) {
			make_keys(b.keys, n, _i, descending ? REVERSED : SORTED, n);
			for (size_t i = 0; i < n; i++)
				if (test_random(&random) % 100 == 0)
					lead_astray(&b, i, n, _i, ANYWHERE, &random);
			seen += is_sorted_so(&b, n, _i, descending);
			all++;
		}
	/* A few keys may look otherwise. */
	ck_assert_uint_ge(seen, all - 2);
	buffers_fini(&b);
}
END_TEST

static int compare_strays(const void *a, const void *b)
{
	const struct smi_stray *x = a, *y = b;

	if (x->image != y->image)
		return x->image < y->image ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* Sieves keys in so many parts and puts the strays back; false if they seem too many. */
static bool is_sorted_in_parts(struct buffers *b, size_t n, enum shared_type type, bool descending, size_t parts)
{
	struct smi_job job = { .kernel = smi_kernel(), .crew = { .np = 1 }, .n = n,
			       .plan = { .sink = SMI_TO_INDEX64, .out = b->order } };
	size_t most = smi_sieve_most(n, parts), in_order = 0;
	struct smi_sieve sieve = { .job = &job, .keys = &job.plan.keys, .stray = malloc(most * sizeof *sieve.stray),
				   .stretch = malloc((most + parts + 1) * sizeof *sieve.stretch) };
	struct smi_stray *strays = sieve.stray;
	struct smi_stretch *stretches = sieve.stretch;
	bool seen;

	ck_assert(smi_keys_init(&job.plan.keys, b->keys, type, descending));
	seen = smi_sieve_run(&sieve, parts);
	if (seen) {
		uint32_t *sorted = malloc((sieve.strays + 1) * sizeof *sorted);
		struct smi_stray *ranked = malloc((sieve.strays + 1) * sizeof *ranked);

		memcpy(ranked, sieve.stray, sieve.strays * sizeof *ranked);
		for (size_t i = 0; i < sieve.strays; i++) {
			ck_assert(i == 0 || ranked[i - 1].index < ranked[i].index);
			ranked[i].index = i; /* they lie in input order */
		}
		qsort(ranked, sieve.strays, sizeof *ranked, compare_strays);
		for (size_t i = 0; i < sieve.strays; i++)
			sorted[i] = (uint32_t)ranked[i].index;
		for (size_t i = 0; i < sieve.stretches; i++)
			in_order += sieve.stretch[i].end - sieve.stretch[i].begin;
		ck_assert_uint_eq(in_order + sieve.strays, n);
		smi_insert(&sieve, sorted, NULL, parts);
		ck_assert_msg(is_stable_order(b->keys, n, type, descending, b->order), "%zu %s in %zu parts", n,
			      type_names[type], parts);
		free(ranked);
		free(sorted);
	}
	free(stretches);
	free(strays);
	return seen;
}

/* Strays lie anywhere, most of them near the ends of parts. _i: the type. */
START_TEST(strays_are_found_in_parts)
{
	static const size_t sizes[] = { 64, 65, 1000, 1024, 3001 };
	size_t seen = 0, all = 0;
	uint64_t random = 5;
	struct buffers b;

	buffers_init(&b, 3001);
	for (size_t c = 0; c < 5 * 9 * 60; c++) {
		size_t n = sizes[c % 5], parts = c / 5 % 9 + 1, lo, hi;
		bool descending = c % 2;

		make_keys(b.keys, n, _i, descending ? REVERSED : SORTED, n);
		for (size_t part = 0; part < parts; part++) {
			smi_cut(n, parts, part, &lo, &hi);
			for (size_t i = test_random(&random) % 4; i > 0; i--)
				lead_astray(&b, (lo + n + test_random(&random) % 9 - 4) % n, n, _i,
					    (enum place)(test_random(&random) % PLACES), &random);
		}
		seen += is_sorted_in_parts(&b, n, _i, descending, parts);
		all++;
	}
	ck_assert_uint_ge(seen, all / 2);
	buffers_fini(&b);
}
END_TEST

/* What lies otherwise is given up, and nothing is changed. */
START_TEST(other_keys_are_left_alone)
{
	static const enum shape shapes[] = { UNIFORM, REVERSED, PIPE, ZIPF, FEW };
	size_t n = 20000;
	struct buffers b;
	char *before = malloc(n * 8);

	buffers_init(&b, n);
	for (int type = 2; type < TYPES; type++)
		for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
			struct smi_keys keys;
			struct smi_job job = { .kernel = smi_kernel(), .crew = { .np = 1 }, .n = n,
					       .plan = { .sink = SMI_TO_KEY, .out = b.keys } };

			make_keys(b.keys, n, type, shapes[s], n);
			memcpy(before, b.keys, n * type_size(type));
			ck_assert(smi_keys_init(&keys, b.keys, type, false));
			job.plan.keys = keys;
			ck_assert_msg(smi_stray_sort(&job) == 1, "%s %s", type_names[type], shape_names[shapes[s]]);
			ck_assert(memcmp(before, b.keys, n * type_size(type)) == 0);
			ck_assert(!job.scratch);
		}
	buffers_fini(&b);
	free(before);
}
END_TEST

TCase *sort_stray_tests(void)
{
	TCase *tcase = tcase_create("stray");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, share_all, best_kernel);
	tcase_add_loop_test(tcase, a_few_strays_are_put_where_they_belong, 0, KERNELS);
	tcase_add_loop_test(tcase, strays_are_seen_as_such, 0, TYPES);
	tcase_add_loop_test(tcase, strays_are_found_in_parts, 0, TYPES);
	tcase_add_test(tcase, other_keys_are_left_alone);
	return tcase;
}
