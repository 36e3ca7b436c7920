/* SPDX-License-Identifier: MIT */
/* Keys of one and two bytes, sorted by one byte after the other. */
#include <check.h>
#include <string.h>

#include "sort/bytes.h"
#include "sort_check.h"
#include "test_sort.h"

enum { MOST = 65537 };

static const enum shared_type short_types[] = { SHARED_INT8, SHARED_UINT8, SHARED_INT16, SHARED_UINT16 };

START_TEST(short_keys_of_any_number_are_sorted_stably)
{
	static const size_t sizes[] = { 127, 128, 129, 255, 256, 257, 511, 512, 1023, 5000, 32767, 32768,
					32769, 65535, 65536, MOST };
	struct buffers b;

	buffers_init(&b, MOST);
	for (size_t type = 0; type < 4; type++)
		for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
			for (int shape = 0; shape < SHAPES; shape++) {
				if (sizes[i] > 5000 && (shape + i + type) % 4 != 0)
					continue;
				make_keys(b.keys, sizes[i], short_types[type], shape, i + 1);
				check_all(&b, sizes[i], short_types[type], shape, threads, sizes[i] > 5000 ? 2 : 1);
			}
	buffers_fini(&b);
}
END_TEST

/* All keys have one byte in common, and of the other one those bits. */
static void make_halves(char *keys, size_t n, bool higher, unsigned bits, unsigned common)
{
	uint64_t seed = bits;

	for (size_t i = 0; i < n; i++) {
		unsigned differs = (unsigned)random_next(&seed) & bits;
		uint16_t key = (uint16_t)(higher ? differs << 8 | common : common << 8 | differs);

		memcpy(keys + i * sizeof key, &key, sizeof key);
	}
}

START_TEST(a_byte_that_all_keys_share_is_no_matter)
{
	static const size_t sizes[] = { 256, 257, 1000, 5001 };
	static const unsigned bits[] = { 255, 0x81, 0x0f }, common[] = { 0, 0x7f, 0x80, 255 };
	struct buffers b;

	buffers_init(&b, 5001);
	for (size_t type = 2; type < 4; type++)
		for (size_t i = 0; i < 4; i++)
			for (size_t j = 0; j < 3; j++)
				for (size_t k = 0; k < 8; k++) {
					make_halves(b.keys, sizes[i], k % 2, bits[j], common[k / 2]);
					check_all(&b, sizes[i], short_types[type], FEW, threads, 1);
				}
	buffers_fini(&b);
}
END_TEST

/* Which of these are sorted so at all. */
START_TEST(few_short_keys_are_sorted_by_bytes)
{
	ck_assert(smi_bytes_suit(SMI_INT8, 1000, SMI_TO_INDEX64));
	ck_assert(smi_bytes_suit(SMI_INT8, 1000, SMI_TO_INDEX32));
	ck_assert(!smi_bytes_suit(SMI_INT8, 1000, SMI_TO_KEY));
	ck_assert(smi_bytes_suit(SMI_INT16, 1000, SMI_TO_KEY));
	ck_assert(smi_bytes_suit(SMI_INT16, 1000, SMI_TO_INDEX64));
	ck_assert(!smi_bytes_suit(SMI_INT32, 1000, SMI_TO_INDEX64));
	ck_assert(!smi_bytes_suit(SMI_INT16, 100, SMI_TO_INDEX64));
	ck_assert(!smi_bytes_suit(SMI_INT16, (size_t)1 << 24, SMI_TO_INDEX64));
}
END_TEST

TCase *sort_bytes_tests(void)
{
	TCase *tcase = tcase_create("bytes");

	tcase_add_checked_fixture(tcase, share_all, NULL);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, short_keys_of_any_number_are_sorted_stably);
	tcase_add_test(tcase, a_byte_that_all_keys_share_is_no_matter);
	tcase_add_test(tcase, few_short_keys_are_sorted_by_bytes);
	return tcase;
}
