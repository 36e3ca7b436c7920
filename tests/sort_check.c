/* SPDX-License-Identifier: MIT */
#include "sort_check.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "sort/crew/worth.h"
#include "sort/kernel/kernel.h"

const char *const kernels[KERNELS] = { "portable", "avx2", "avx512", "avx512 bytes" };
const int threads[] = { 1, 2, 3, 8 };

enum { ENOUGH = 4000 }; /* ns */

void share_all(void)
{
	smi_worth_assume(ENOUGH, ENOUGH);
}

void best_kernel(void)
{
	smi_sort_use(NULL);
}

void choose_frequent(struct smi_frequent *frequent, const struct smi_keys *keys, size_t n, size_t most)
{
	frequent->n = 0;
	frequent->all = n % 2; /* a sample may be wrong */
	for (size_t i = 0; i < n && frequent->n < most; i++) {
		uint64_t image = smi_key_image(keys, i);
		size_t j = 0, k;

		while (j < frequent->n && frequent->image[j] < image)
			j++;
		if (j < frequent->n && frequent->image[j] == image)
			continue;
		for (k = frequent->n++; k > j; k--)
			frequent->image[k] = frequent->image[k - 1];
		frequent->image[j] = image;
	}
	/* Any order will do, with NaN neither first nor last. */
	for (size_t j = 0; j < frequent->n; j++)
		frequent->order[j] = (uint8_t)((j + frequent->n / 2) % frequent->n);
}

void buffers_init(struct buffers *b, size_t n)
{
	b->keys = malloc(n * 8 + 8);
	b->sorted = malloc(n * 8 + 8);
	b->order = malloc(n * 8 + 8);
	b->expected = malloc(n * 8 + 8);
	b->order32 = malloc(n * 4 + 8);
	ck_assert(b->keys && b->sorted && b->order && b->expected && b->order32);
}

void buffers_fini(struct buffers *b)
{
	free(b->keys);
	free(b->sorted);
	free(b->order);
	free(b->expected);
	free(b->order32);
}

const char *sort_wrong(struct buffers *b, size_t n, enum shared_type type,
		       const struct shared_sort_options *options)
{
	size_t size = type_size(type);

	memset(b->order, 0xff, n * sizeof *b->order);
	if (shared_argsort(b->keys, n, type, b->order, options))
		return "argsort: error";
	if (memcmp(b->order, b->expected, n * sizeof *b->order) != 0)
		return "argsort";
	memset(b->order32, 0xff, n * sizeof *b->order32);
	if (shared_argsort32(b->keys, n, type, b->order32, options))
		return "argsort32: error";
	for (size_t i = 0; i < n; i++)
		if (b->order32[i] != b->expected[i])
			return "argsort32";
	memcpy(b->sorted, b->keys, n * size);
	if (shared_sort(b->sorted, n, type, options))
		return "sort: error";
	return is_taken(b->sorted, b->keys, size, b->expected, n) ? NULL : "sort";
}

void check_all(struct buffers *b, size_t n, enum shared_type type, enum shape shape,
	       const int *np, size_t np_count)
{
	for (int descending = 0; descending < 2; descending++) {
		reference_order(b->keys, n, type, descending, b->expected);
		for (size_t i = 0; i < np_count; i++) {
			struct shared_sort_options o = { .np = np[i], .descending = descending };
			const char *bad = sort_wrong(b, n, type, &o);

			ck_assert_msg(!bad, "%s: %s, %s, n %zu, np %d, %s, %s", bad, type_names[type],
				      shape_names[shape], n, np[i], descending ? "down" : "up",
				      smi_kernel()->name);
		}
	}
}

void check_many(struct buffers *b, size_t n, enum shared_type type, enum shape shape,
		       int np, bool descending)
{
	struct shared_sort_options o = { .np = np, .descending = descending };
	const char *bad;

	make_keys(b->keys, n, type, shape, n);
	ck_assert_int_eq(shared_argsort(b->keys, n, type, b->expected, &o), 0);
	ck_assert_msg(is_stable_order(b->keys, n, type, descending, b->expected),
		      "argsort: %s, %s, n %zu, np %d, %s", type_names[type], shape_names[shape], n,
		      np, descending ? "down" : "up");
	bad = sort_wrong(b, n, type, &o);
	ck_assert_msg(!bad, "%s: %s, %s, n %zu, np %d", bad, type_names[type], shape_names[shape],
		      n, np);
}
