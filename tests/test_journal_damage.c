/* SPDX-License-Identifier: MIT */
/* A journal whose file was cut, torn or damaged goes on from its last whole record,
 * or is told and stays as it is, byte for byte. */
#include "test_journal.h"
#include "testing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "journal/checksum.h"
#include "journal/format.h"
#include "journal_file.h"

/* The number of records that end at or before `at`, the head being the first. */
static size_t whole(const size_t ends[SMALL_JOBS + 2], size_t at)
{
	size_t n = 0;

	while (n < SMALL_JOBS + 2 && ends[n] <= at)
		n++;
	return n;
}

START_TEST(a_file_that_ends_anywhere_goes_on_from_its_last_whole_record)
{
	size_t ends[SMALL_JOBS + 2], n;
	struct bytes small = small_make(ends);
	struct smi_journal *journal;

	for (size_t size = 0; size <= small.size; size++) {
		file_store(small.at, size);
		journal = journal_open();
		n = whole(ends, size);
		ck_assert_uint_eq(file_length(), n > 0 ? ends[n - 1] : ends[0]);
		smi_journal_close(journal);
		assert_goes_on(n > 2 ? n - 2 : 0, &small);
	}
	free(small.at);
}
END_TEST

START_TEST(a_file_of_which_the_end_is_zeros_goes_on_from_its_last_whole_record)
{
	static char zeros[5000];
	size_t ends[SMALL_JOBS + 2], n;
	struct bytes small = small_make(ends);

	for (size_t more = 0; more <= sizeof zeros; more += more < 100 ? 1 : 700)
		for (size_t size = more ? small.size : ends[0]; size <= small.size; size++) {
			char *copy = calloc(1, small.size + more);

			memcpy(copy, small.at, size);
			file_store(copy, small.size + more);
			/* Padding is zeros anyway. */
			for (n = whole(ends, size); n < SMALL_JOBS + 2 && !memcmp(copy, small.at, ends[n]); )
				n++;
			assert_goes_on(n > 2 ? n - 2 : 0, &small);
			free(copy);
		}
	free(small.at);
}
END_TEST

START_TEST(a_head_that_was_not_finished_is_a_new_journal)
{
	size_t ends[SMALL_JOBS + 2];
	struct bytes small = small_make(ends);
	char *copy = calloc(1, ends[0]);

	for (size_t size = 0; size < ends[0]; size++) {
		memcpy(copy, small.at, size);
		file_store(copy, ends[0]);
		assert_goes_on(0, &small);
	}
	free(copy);
	free(small.at);
}
END_TEST

/* _i: which bits. */
START_TEST(a_flipped_byte_is_told_or_cut_off_with_the_last_record)
{
	static const unsigned char flip[] = { 0x01, 0x80, 0xFF };
	size_t ends[SMALL_JOBS + 2], last;
	struct bytes small = small_make(ends);
	struct smi_journal *journal;

	last = ends[SMALL_JOBS];
	for (size_t i = 0; i < small.size; i++) {
		small.at[i] = (char)(small.at[i] ^ flip[_i]);
		file_store(small.at, small.size);
		if (journal_try_open(&journal, KEY) < 0) {
			ck_assert(file_is(small.at, small.size));
			small.at[i] = (char)(small.at[i] ^ flip[_i]);
			continue;
		}
		ck_assert_uint_ge(i, last);
		ck_assert_uint_eq(file_length(), last);
		smi_journal_close(journal);
		small.at[i] = (char)(small.at[i] ^ flip[_i]);
		assert_goes_on(SMALL_JOBS - 1, &small);
	}
	free(small.at);
}
END_TEST

START_TEST(bytes_behind_a_wrong_value_are_no_torn_end)
{
	size_t ends[SMALL_JOBS + 2];
	struct bytes small = small_make(ends);

	small.at[ends[1] + sizeof(struct smi_record)] ^= 1;
	file_store(small.at, ends[2]);
	smi_journal_close(journal_open());
	ck_assert_uint_eq(file_length(), ends[1]);
	file_store(small.at, ends[2] + 1);
	assert_refused(KEY, -EINVAL, "corrupted at byte");
	free(small.at);
}
END_TEST

START_TEST(records_that_make_no_sense_are_refused_though_their_checksums_are_right)
{
	const struct smi_record bad[] = {
		{ .kind = 0, .count = 1 },
		{ .kind = 77, .count = 1 },
		{ .kind = SMI_RECORD_JOB, .job = 10, .count = 1 },
		{ .kind = SMI_RECORD_JOB, .job = UINT64_MAX, .count = 1 },
		{ .kind = SMI_RECORD_JOB, .job = 5, .count = 6 },
		{ .kind = SMI_RECORD_JOB, .job = 5, .count = UINT64_MAX },
		{ .kind = SMI_RECORD_JOB, .job = 5, .count = 0 },
		{ .kind = SMI_RECORD_JOB, .map = 1, .job = 5, .count = 1 },
		{ .kind = SMI_RECORD_JOB, .job = 5, .count = 2, .size = 16 },
		{ .kind = SMI_RECORD_MAP, .count = 10, .size = 16 },
		{ .kind = SMI_RECORD_MAP, .count = 10, .job = 1 },
	};
	size_t size, ends[SMALL_JOBS + 2];
	struct bytes small = small_make(ends);
	struct {
		struct smi_record map, job;
		char value[16];
	} tail = { .map = { .kind = SMI_RECORD_MAP, .count = 10 } };

	size = ends[0];
	small.at = realloc(small.at, size + sizeof tail);
	smi_record_seal(&tail.map, size, NULL);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		tail.job = bad[i];
		smi_record_seal(&tail.job, size + sizeof tail.map, tail.value);
		memcpy(small.at + size, &tail, sizeof tail);
		file_store(small.at, size + sizeof tail - 16 + bad[i].size);
		assert_refused(KEY, -EINVAL, "corrupted at byte");
	}
	/* A job before any map. */
	tail.map = (struct smi_record){ .kind = SMI_RECORD_JOB, .count = 1 };
	smi_record_seal(&tail.map, size, NULL);
	memcpy(small.at + size, &tail, sizeof tail.map);
	file_store(small.at, size + sizeof tail.map);
	assert_refused(KEY, -EINVAL, "corrupted at byte");
	free(small.at);
}
END_TEST

/* Sealed by hand: the sizes are the header's only. */
START_TEST(a_size_beyond_the_file_is_a_torn_record_however_large)
{
	static const uint64_t sizes[] = { 1, 17, 1ull << 32, INT64_MAX, UINT64_MAX - 47, UINT64_MAX - 15,
					  UINT64_MAX - 14, UINT64_MAX };
	size_t ends[SMALL_JOBS + 2];
	struct bytes small = small_make(ends);

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct smi_record record = { .kind = SMI_RECORD_JOB, .count = 1, .size = sizes[i] };

		record.sum = (uint32_t)smi_checksum(&record, sizeof record, ends[1]);
		memcpy(small.at + ends[1], &record, sizeof record);
		file_store(small.at, ends[1] + sizeof record);
		smi_journal_close(journal_open());
		ck_assert_uint_eq(file_length(), ends[1]);
	}
	free(small.at);
}
END_TEST

START_TEST(a_record_in_another_place_is_none)
{
	size_t ends[SMALL_JOBS + 2];
	struct bytes small = small_make(ends);

	memmove(small.at + ends[1], small.at + ends[3], ends[5] - ends[3]);
	file_store(small.at, ends[1] + ends[5] - ends[3]);
	assert_refused(KEY, -EINVAL, "corrupted at byte");
	free(small.at);
}
END_TEST

/* Writes noise and other parts of the file over some of it, cuts it, and gives half
 * of such files headers that look right. Returns its size. */
static size_t damage(char *file, size_t size, const size_t ends[SMALL_JOBS + 2], uint64_t *state)
{
	for (uint64_t n = test_random(state) % 5; n > 0; n--) {
		size_t at = test_random(state) % size, from = test_random(state) % size / 16 * 16;
		size_t most = size - (at > from ? at : from), count = test_random(state) % 100 % (most + 1);

		if (n == 1)
			memmove(file + at, file + from, count);
		for (size_t i = at; n > 1 && i < at + count % 20; i++)
			file[i] = (char)test_random(state);
	}
	for (size_t i = test_random(state) % 2 ? SMALL_JOBS + 1 : 0; i-- > 0; ) {
		struct smi_record *record = (void *)(file + ends[i]);

		record->sum = 0;
		record->sum = (uint32_t)smi_checksum(record, sizeof *record, ends[i]);
	}
	return test_random(state) % 4 ? size : test_random(state) % size;
}

/* Lists and continues what can be; what it lists can be read. */
static void use_up(struct smi_journal *journal)
{
	const struct smi_journal_entry *entries;
	size_t count;

	for (uint64_t map = 0; map < 2; map++) {
		if (smi_journal_begin(journal, map, SMALL_JOBS, &entries, &count, why, sizeof why) < 0)
			continue;
		for (size_t i = 0; i < count; i++) {
			ck_assert_uint_lt(entries[i].job, SMALL_JOBS);
			ck_assert(i == 0 || entries[i].job >= entries[i - 1].job + entries[i - 1].count);
			smi_checksum(entries[i].value, entries[i].size, 0);
		}
		journal_append(journal, map, SMALL_JOBS - 1, 33);
		ck_assert_int_eq(smi_journal_end(journal), 0);
	}
	smi_journal_close(journal);
}

/* SMI_FUZZ: for so many seconds. */
START_TEST(random_damage_is_told_or_cut_off)
{
	size_t ends[SMALL_JOBS + 2], size, told = 0, taken = 0;
	struct bytes small = small_make(ends);
	double end = test_now() + (getenv("SMI_FUZZ") ? atof(getenv("SMI_FUZZ")) : 0.3);
	char *file = malloc(small.size);
	uint64_t state = (uint64_t)(end * 1e6);
	struct smi_journal *journal;

	while (test_now() < end) {
		memcpy(file, small.at, small.size);
		size = damage(file, small.size, ends, &state);
		file_store(file, size);
		if (journal_try_open(&journal, KEY) < 0) {
			ck_assert(file_is(file, size));
			told++;
			continue;
		}
		taken++;
		use_up(journal);
		smi_journal_close(journal_open());
	}
	if (getenv("SMI_FUZZ"))
		fprintf(stderr, "%zu files refused, %zu gone on with\n", told, taken);
	free(file);
	free(small.at);
}
END_TEST

void journal_damage_tests(Suite *suite)
{
	TCase *test = test_case(suite, "journal damage", 30);

	tcase_add_checked_fixture(test, journal_make_directory, journal_remove_directory);
	tcase_add_test(test, a_file_that_ends_anywhere_goes_on_from_its_last_whole_record);
	tcase_add_test(test, a_file_of_which_the_end_is_zeros_goes_on_from_its_last_whole_record);
	tcase_add_test(test, a_head_that_was_not_finished_is_a_new_journal);
	tcase_add_loop_test(test, a_flipped_byte_is_told_or_cut_off_with_the_last_record, 0, 3);
	tcase_add_test(test, bytes_behind_a_wrong_value_are_no_torn_end);
	tcase_add_test(test, records_that_make_no_sense_are_refused_though_their_checksums_are_right);
	tcase_add_test(test, a_size_beyond_the_file_is_a_torn_record_however_large);
	tcase_add_test(test, a_record_in_another_place_is_none);
	tcase_add_test(test, random_damage_is_told_or_cut_off);
}
