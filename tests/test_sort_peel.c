/* SPDX-License-Identifier: MIT */
/* What smi_kernel's peel and place promise, key by key. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sort/kernel/kernel.h"
#include "sort_check.h"
#include "test_sort.h"

enum { MOST = 3000, SLACK = 64, GAP = 3, INDEX_BITS = 12, CANARY = 0x5a };

/* Keys lo ... n-1 of which are looked at. */
struct scene {
	struct smi_keys keys;
	struct smi_frequent frequent;
	struct smi_pack pack;
	size_t lo, n;
	struct smi_peeled peeled;
	uint8_t mark[MOST + SLACK];
	uint64_t rest[MOST + SLACK];
};

static size_t mark_of(const struct scene *s, size_t i)
{
	size_t j = 0;

	while (j < s->frequent.n && s->frequent.image[j] != smi_key_image(&s->keys, i))
		j++;
	return j;
}

static const char *peel_wrong(struct scene *s)
{
	size_t count[SMI_PLACED + 1] = { 0 }, rest = 0;

	memset(s->mark, CANARY, sizeof s->mark);
	memset(s->rest, CANARY, sizeof s->rest);
	smi_kernel()->peel(&s->keys, &s->pack, s->lo, s->n, &s->frequent, &s->peeled, s->mark, s->rest);
	for (size_t i = 0; i < sizeof s->mark; i++)
		if (s->mark[i] != (i < s->lo || i >= s->n ? CANARY : mark_of(s, i)))
			return "a mark";
	for (size_t i = s->lo; i < s->n; i++) {
		count[s->mark[i]]++;
		if (s->mark[i] == s->frequent.n &&
		    s->rest[rest++] != (smi_key_image(&s->keys, i) >> s->pack.drop << INDEX_BITS | i))
			return "a record";
	}
	if (rest != s->peeled.rest)
		return "how many are left";
	for (size_t i = rest * 8 + SLACK; i < sizeof s->rest; i++)
		if (((unsigned char *)s->rest)[i] != CANARY)
			return "what lies behind the rest";
	for (size_t j = 0; j < s->frequent.n; j++)
		if (count[j] != s->peeled.count[j])
			return "a count";
	return NULL;
}

static uint64_t placed_at(const void *out, size_t width, size_t place)
{
	return width == 4 ? ((const uint32_t *)out)[place] : ((const uint64_t *)out)[place];
}

/* Behind the places of each value are some that are not to be touched. */
static const char *place_wrong(const struct scene *s, size_t width)
{
	static uint64_t out[MOST + (SMI_PLACED + 1) * GAP];
	size_t next[SMI_PLACED], end[SMI_PLACED], seen[SMI_PLACED], at = GAP;
	uint64_t untouched;

	memset(out, CANARY, sizeof out);
	untouched = placed_at(out, width, 0);
	for (size_t j = 0; j < s->frequent.n; j++, at += GAP) {
		next[j] = seen[j] = at;
		at = end[j] = at + s->peeled.count[j];
	}
	if (width == 4)
		smi_kernel()->place_narrow(s->mark, s->lo, s->n, s->frequent.n, next, end, (uint32_t *)out);
	else
		smi_kernel()->place(s->mark, s->lo, s->n, s->frequent.n, next, end, out);
	for (size_t i = s->lo; i < s->n; i++)
		if (s->mark[i] < s->frequent.n && placed_at(out, width, seen[s->mark[i]]++) != i)
			return "an index";
	for (size_t j = 0; j < s->frequent.n; j++)
		for (size_t k = 0; k < GAP; k++)
			if (placed_at(out, width, end[j] + k) != untouched)
				return "what lies behind a value's indices";
	return placed_at(out, width, GAP - 1) != untouched ? "what lies before" : NULL;
}

/* Of half of the keys, a stretch that begins at `from`, all are like the first one. */
static void crowd(char *keys, size_t size, size_t n, size_t from)
{
	for (size_t i = from; i < from + n / 2 && i < n; i++)
		memcpy(keys + i * size, keys, size);
}

START_TEST(every_kernel_marks_and_places_frequent_values)
{
	static const size_t sizes[] = { 1, 3, 7, 8, 9, 31, 32, 33, 63, 64, 65, 100, 1000, 1024, 1025, 2900 };
	static const size_t values[] = { 1, 2, 3, 4, 5, 8, 9, 15, 16 };
	static const enum shape shapes[] = { FEW, EXTREMES, ZIPF };
	static struct scene s;
	uint64_t seed = 1;
	struct buffers b;
	const char *bad;

	if (smi_sort_use(kernels[_i]) == -ENOTSUP || smi_sort_use(kernels[_i]) == -ENOENT)
		return;
	buffers_init(&b, MOST);
	for (int type = 0; type < TYPES; type++)
		for (int size = 0; size < 16; size++)
			for (int v = 0; v < 9 && values[v] <= smi_kernel()->placed; v++) {
				s.n = sizes[size];
				s.lo = s.n > 40 && v % 2 ? 33 : 0;
				make_keys(b.keys, s.n, type, shapes[(v + size) % 3], ++seed);
				if (v % 3 == 0)
					crowd(b.keys, type_size(type), s.n, random_next(&seed) % s.n);
				smi_keys_init(&s.keys, b.keys, type, size % 2);
				choose_frequent(&s.frequent, &s.keys, s.n, values[v]);
				s.pack = (struct smi_pack){ .drop = type_size(type) == 8 ? INDEX_BITS : 0,
							    .index_bits = INDEX_BITS, .indexed = true };
				bad = peel_wrong(&s);
				bad = bad ? bad : place_wrong(&s, 8);
				bad = bad ? bad : place_wrong(&s, 4);
				ck_assert_msg(!bad, "%s: %s, n %zu, %zu values", bad, type_names[type], s.n,
					      s.frequent.n);
			}
	buffers_fini(&b);
}
END_TEST

TCase *sort_peel_tests(void)
{
	TCase *tcase = tcase_create("peel");

	tcase_add_checked_fixture(tcase, share_all, best_kernel);
	tcase_add_loop_test(tcase, every_kernel_marks_and_places_frequent_values, 0, KERNELS);
	return tcase;
}
