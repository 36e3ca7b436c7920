/* SPDX-License-Identifier: MIT */
/* Nothing behind the caller's arrays is read or written: they end where a page begins that
 * nobody may touch. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sort/kernel/kernel.h"
#include "sort_check.h"
#include "test_sort.h"

/* `size` bytes in front of such a page. */
static void *guarded(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (size + page - 1) / page * page;
	char *p = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert(p != MAP_FAILED);
	ck_assert_int_eq(mprotect(p + whole, page, PROT_NONE), 0);
	return p + whole - size;
}

static void give(void *guarded, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (size + page - 1) / page * page;

	ck_assert_int_eq(munmap((char *)guarded + size - whole, whole + page), 0);
}

static int compare_words(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

enum { MOST = 1200 };

/* Sorts m records of so many bytes, which fill their bits or crowd near the least one. */
static bool bucket_is_sorted(const struct smi_kernel *kernel, size_t width, size_t m, bool crowded, uint64_t *random,
			     uint32_t *counts)
{
	char *records = guarded(m * width), *spare = guarded(m * width), *out = guarded(m * width);
	struct smi_plan plan = { .keys = { out, width == 4 ? SMI_INT32 : SMI_INT64, false, 0 },
				 .exact = true, .sink = SMI_TO_KEY, .out = out };
	uint64_t expected[MOST], key = 0;
	bool sorted = true;

	for (size_t i = 0; i < m; i++) {
		expected[i] = random_next(random) >> (64 - 8 * width);
		expected[i] >>= crowded && i % 16 ? i % (8 * (unsigned)width) : 0;
		memcpy(records + i * width, &expected[i], width);
	}
	qsort(expected, m, sizeof *expected, compare_words);
	if (width == 4)
		kernel->bucket_narrow(&plan, (uint32_t *)(void *)records, (uint32_t *)(void *)spare, m, 0, counts);
	else
		kernel->bucket(&plan, (uint64_t *)(void *)records, (uint64_t *)(void *)spare, m, 0, counts);
	for (size_t i = 0; i < m; i++) {
		memcpy(&key, out + i * width, width);
		sorted = sorted && key == expected[i];
	}
	give(records, m * width);
	give(spare, m * width);
	give(out, m * width);
	return sorted;
}

START_TEST(buckets_touch_only_their_memory)
{
	uint32_t *counts;
	uint64_t random = 1;

	if (smi_sort_use(kernels[_i]))
		return;
	counts = guarded(SMI_COUNTS * sizeof *counts);
	for (size_t m = 1; m <= MOST; m += m < 300 ? 1 : m / 20)
		for (size_t width = 4; width <= 8; width += 4)
			for (int crowded = 0; crowded < 2; crowded++)
				ck_assert_msg(bucket_is_sorted(smi_kernel(), width, m, crowded, &random, counts),
					      "%zu records of %zu bytes, crowded %d", m, width, crowded);
	give(counts, SMI_COUNTS * sizeof *counts);
}
END_TEST

static double of_image(uint64_t image)
{
	uint64_t bits = smi_image_bits(SMI_FLOAT64, 0, image);
	double x;

	return memcpy(&x, &bits, sizeof x), x;
}

enum { CROWD = 44000, OTHERS = 24, INDEX_BITS = 17 };

/* Doubles most of which lie in one sub-bucket at each level of the prefixes by value from -1 to
 * 1, and then at each level of the images of those that share the prefix of 0; others are the
 * ends of these levels' ranges. How many there are. */
static size_t make_deep_crowd(double *keys, unsigned room)
{
	static const uint64_t prefixes[] = { 0, 0xfffffffff, 0x95a000000, 0x95affffff, 0x95a6b7000, 0x95a6b7fff };
	const double zero = 0x95a6b7c8d, unit = ldexp(2, -(int)room);
	uint64_t low = smi_image(SMI_FLOAT64, 0, 0xbc80000000000000), random = 1; /* -2^-55 */
	uint64_t crowd = 0x12b5ull << 50 | 0x6b7ull << 38 | 0xc8dull << 26 | 0x255ull << 16 | 0x7a50;
	const unsigned shifts[] = { 63, 50, 38, 26, 16, 63 - room };
	size_t n = 0;

	for (size_t i = 0; i < 6; i++)
		keys[n++] = ((double)prefixes[i] - zero) * unit;
	keys[n++] = of_image(low);
	keys[n++] = 0x1p-55;
	for (size_t i = 1; i < 6; i++) {
		uint64_t begin = crowd >> shifts[i] << shifts[i];

		keys[n++] = of_image(low + begin);
		keys[n++] = of_image(low + begin + ((uint64_t)1 << shifts[i]) - 1);
	}
	for (size_t i = 0; i < CROWD; i++)
		keys[n++] = of_image(low + crowd + random_next(&random) % 16);
	return n;
}

START_TEST(levels_of_values_and_images_fit_their_counts)
{
	double *keys = malloc((CROWD + OTHERS) * sizeof *keys);
	size_t bytes = (CROWD + OTHERS) * sizeof(uint64_t), n;
	uint64_t *records, *spare;
	uint32_t *counts;

	if (smi_sort_use(kernels[_i])) {
		free(keys);
		return;
	}
	records = guarded(bytes);
	spare = guarded(bytes);
	counts = guarded(SMI_COUNTS * sizeof *counts);
	for (int descending = 0; descending < 2; descending++) {
		unsigned room = smi_kernel()->record_bits - INDEX_BITS;
		struct smi_plan plan = { .room = room, .index_mask = (1u << INDEX_BITS) - 1, .sink = SMI_TO_INDEX64,
					 .as_doubles = smi_kernel()->record_bits == SMI_DOUBLES_BITS, .out = records };

		n = make_deep_crowd(keys, room);
		for (size_t i = 0; i < n; i++)
			keys[i] = descending ? -keys[i] : keys[i];
		ck_assert(smi_keys_init(&plan.keys, keys, SHARED_FLOAT64, descending));
		plan.pack = (struct smi_pack){ .index_bits = INDEX_BITS, .indexed = true, .mapped = true };
		plan.pack.map = (struct smi_map){ .kind = SMI_MAP_LINEAR, .low = descending ? 1 : -1,
						  .scale = ldexp(descending ? -0.5 : 0.5, (int)room),
						  .top = ((uint64_t)1 << room) - 1 };
		smi_kernel()->pack(&plan.keys, &plan.pack, 0, n, records);
		smi_kernel()->bucket(&plan, records, spare, n, 0, counts);
		ck_assert(is_stable_order(keys, n, SHARED_FLOAT64, descending, (const size_t *)records));
	}
	give(records, bytes);
	give(spare, bytes);
	give(counts, SMI_COUNTS * sizeof *counts);
	free(keys);
}
END_TEST

START_TEST(sorts_touch_only_the_callers_memory)
{
	enum shape shapes[] = { UNIFORM, SORTED, REVERSED, FEW, ZIPF, NEARLY, PIPE, EXTREMES };
	static const size_t sizes[] = { 1, 2, 7, 31, 63, 64, 65, 100, 257, 700, 1100, 5000 };

	if (smi_sort_use(kernels[_i]))
		return;
	for (size_t c = 0; c < sizeof sizes / sizeof *sizes * TYPES * 8; c++) {
		size_t n = sizes[c / (8 * TYPES)];
		enum shape shape = shapes[c / TYPES % 8];
		enum shared_type type = (enum shared_type)(c % TYPES);
		size_t size = type_size(type) * n, *order = guarded(n * sizeof *order);
		uint32_t *order32 = guarded(n * sizeof *order32);
		char *keys = guarded(size), *sorted = guarded(size), *aligned = malloc(size);

		ck_assert(aligned != NULL);
		make_keys(aligned, n, type, shape, c);
		memcpy(keys, aligned, size);
		memcpy(sorted, aligned, size);
		ck_assert_int_eq(shared_argsort(keys, n, type, order, NULL), 0);
		ck_assert_int_eq(shared_argsort32(keys, (uint32_t)n, type, order32, NULL), 0);
		ck_assert_int_eq(shared_sort(sorted, n, type, NULL), 0);
		ck_assert(is_stable_order(aligned, n, type, false, order));
		for (size_t i = 0; i < n; i++)
			if (order32[i] != order[i])
				ck_abort_msg("argsort32 of %zu keys, type %d", n, type);
		free(aligned);
		give(keys, size);
		give(sorted, size);
		give(order, n * sizeof *order);
		give(order32, n * sizeof *order32);
	}
}
END_TEST

TCase *sort_memory_tests(void)
{
	TCase *tcase = tcase_create("memory");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, share_all, best_kernel);
	tcase_add_loop_test(tcase, buckets_touch_only_their_memory, 0, KERNELS);
	tcase_add_loop_test(tcase, levels_of_values_and_images_fit_their_counts, 0, KERNELS);
	tcase_add_loop_test(tcase, sorts_touch_only_the_callers_memory, 0, KERNELS);
	return tcase;
}
