/* SPDX-License-Identifier: MIT */
/* The journal: what was appended comes back, whatever becomes of the process and
 * of the disk. */
#include "suites.h"
#include "test_journal.h"
#include "testing.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/checksum.h"
#include "journal/format.h"
#include "journal_file.h"

START_TEST(the_checksum_is_xxh64)
{
	static const struct {
		const char *text;
		uint64_t seed, sum;
	} known[] = {
		{ "", 0, 0xEF46DB3751D8E999u },
		{ "a", 0, 0xD24EC4F1A98C6E5Bu },
		{ "abc", 0, 0x44BC2CF5AD770999u },
		{ "Nobody inspects the spammish repetition", 0, 0xFBCEA83C8A378BF1u },
		{ "xxhash", 20141025, 13067679811253438005u },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		ck_assert_uint_eq(smi_checksum(known[i].text, strlen(known[i].text), known[i].seed), known[i].sum);
}
END_TEST

START_TEST(values_of_every_size_come_back)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 100000, 5 << 20, 131072 - 48, 131072, 65536, 65537, 3 };
	enum { COUNT = sizeof sizes / sizeof *sizes };
	const struct smi_journal_entry *entries;
	struct smi_journal *journal = journal_open();

	ck_assert_uint_eq(journal_begin(journal, 0, COUNT, &entries), 0);
	for (uint64_t i = 0; i < COUNT; i++)
		ck_assert_int_eq(journal_append(journal, 0, COUNT - 1 - i, sizes[COUNT - 1 - i]), 0);
	ck_assert_int_eq(smi_journal_end(journal), 0);
	smi_journal_close(journal);
	journal = journal_open();
	ck_assert_uint_eq(journal_begin(journal, 0, COUNT, &entries), COUNT);
	for (uint64_t i = 0; i < COUNT; i++)
		ck_assert(entry_is(&entries[i], 0, i, sizes[i]));
	ck_assert_int_eq(smi_journal_end(journal), 0);
	smi_journal_close(journal);
}
END_TEST

START_TEST(runs_of_nothing_are_one_entry)
{
	const struct smi_journal_entry *entries;
	struct smi_journal *journal = journal_open();

	journal_begin(journal, 0, 1ull << 60, &entries);
	ck_assert_int_eq(smi_journal_append(journal, 1000, (1ull << 60) - 1000, NULL, 0), 0);
	ck_assert_int_eq(smi_journal_append(journal, 0, 10, NULL, 0), 0);
	ck_assert_int_eq(journal_append(journal, 0, 10, 5), 0);
	smi_journal_close(journal); /* ends the map, too */
	journal = journal_open();
	ck_assert_uint_eq(journal_begin(journal, 0, 1ull << 60, &entries), 3);
	ck_assert(entries[0].job == 0 && entries[0].count == 10 && !entries[0].value && !entries[0].size);
	ck_assert(entry_is(&entries[1], 0, 10, 5));
	ck_assert(entries[2].job == 1000 && entries[2].count == (1ull << 60) - 1000);
	smi_journal_close(journal);
}
END_TEST

/* Three maps of 300 jobs, of which each opening finishes some, one map more than
 * the others, until all are done. */
START_TEST(maps_go_on_from_opening_to_opening)
{
	enum { MAPS = 3, JOBS = 300 };
	bool done[MAPS][JOBS] = { { false } };
	uint64_t state = 1;
	size_t left = MAPS * JOBS;

	while (left > 0) {
		struct smi_journal *journal = journal_open();

		for (uint64_t map = 0; map < MAPS; map++) {
			const struct smi_journal_entry *entries;
			size_t count = journal_begin(journal, map, JOBS, &entries), k = 0;

			for (uint64_t job = 0; job < JOBS; job++)
				if (done[map][job])
					ck_assert(k < count && entry_is(&entries[k++], map, job, job % 40));
			ck_assert_uint_eq(k, count);
			for (size_t i = test_random(&state) % (10 + 10 * map); i > 0; i--) {
				uint64_t job = test_random(&state) % JOBS;

				if (done[map][job])
					continue;
				ck_assert_int_eq(journal_append(journal, map, job, job % 40), 0);
				ck_assert_int_eq(i % 3 ? 0 : smi_journal_flush(journal), 0);
				done[map][job] = true;
				left--;
			}
			ck_assert_int_eq(smi_journal_end(journal), 0);
		}
		smi_journal_close(journal);
	}
}
END_TEST

START_TEST(a_complete_journal_does_not_grow)
{
	const struct smi_journal_entry *entries;
	size_t size = 0;

	for (int round = 0; round < 5; round++) {
		struct smi_journal *journal = journal_open();

		for (uint64_t map = 0; map < 4; map++) {
			if (journal_begin(journal, map, 1, &entries) == 0)
				ck_assert_int_eq(journal_append(journal, map, 0, 8), 0);
			ck_assert_int_eq(smi_journal_end(journal), 0);
		}
		smi_journal_close(journal);
		if (round == 0)
			size = file_length();
		ck_assert_uint_eq(file_length(), size);
	}
}
END_TEST

static int open_too(void *arg)
{
	struct smi_journal *journal;

	(void)arg;
	REQUIRE(smi_journal_open(&journal, journal_path, KEY, why, sizeof why) == -EBUSY);
	REQUIRE(strcmp(why, "the journal is in use") == 0);
	return 0;
}

static int close_inherited(void *arg)
{
	struct smi_journal *journal = arg;

	REQUIRE(smi_journal_append(journal, 3, 1, "child", 5) == 0); /* no more than its own buffer */
	REQUIRE(smi_journal_flush(journal) == -EPERM);
	REQUIRE(smi_journal_end(journal) == -EPERM);
	smi_journal_close(journal);
	return 0;
}

START_TEST(a_journal_is_one_process_at_a_time)
{
	const struct smi_journal_entry *entries;
	struct smi_journal *journal = journal_open();

	journal_begin(journal, 0, 10, &entries);
	ck_assert_int_eq(journal_append(journal, 0, 1, 10), 0);
	ck_assert_int_eq(in_child(open_too, NULL, 10), 0);
	ck_assert_int_eq(open_too(NULL), 0);
	ck_assert_int_eq(in_child(close_inherited, journal, 10), 0);
	ck_assert_int_eq(in_child(open_too, NULL, 10), 0);
	ck_assert_int_eq(journal_append(journal, 0, 2, 20), 0);
	smi_journal_close(journal);
	journal = journal_open();
	ck_assert_uint_eq(journal_begin(journal, 0, 10, &entries), 2);
	ck_assert(entry_is(&entries[0], 0, 1, 10) && entry_is(&entries[1], 0, 2, 20));
	smi_journal_close(journal);
}
END_TEST

static int hold_on(void *arg)
{
	_Atomic int *word = arg;

	atomic_store(word, 1);
	return test_await(word, 2, 10) ? 0 : __LINE__;
}

START_TEST(a_child_that_lives_on_does_not_keep_a_closed_journal)
{
	_Atomic int *word = test_shared(sizeof *word);
	struct smi_journal *journal = journal_open();
	pid_t child = fork();

	if (child == 0)
		_exit(hold_on(word) != 0);
	ck_assert(test_await(word, 1, 10));
	smi_journal_close(journal);
	smi_journal_close(journal_open());
	atomic_store(word, 2);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	test_unshare(word, sizeof *word);
}
END_TEST

static int die_after_flush(void *arg)
{
	const struct smi_journal_entry *entries;
	struct smi_journal *journal = journal_open();

	(void)arg;
	journal_begin(journal, 0, 10, &entries);
	REQUIRE(journal_append(journal, 0, 0, 1000) == 0 && journal_append(journal, 0, 1, 100000) == 0);
	REQUIRE(journal_append(journal, 0, 2, 7) == 0 && smi_journal_flush(journal) == 0);
	REQUIRE(journal_append(journal, 0, 3, 8) == 0);
	raise(SIGKILL);
	return 0;
}

START_TEST(a_killed_process_loses_nothing_that_was_flushed)
{
	const struct smi_journal_entry *entries;
	struct smi_journal *journal;

	ck_assert_int_eq(in_child(die_after_flush, NULL, 10), -SIGKILL);
	journal = journal_open();
	ck_assert_uint_eq(journal_begin(journal, 0, 10, &entries), 3);
	ck_assert(entry_is(&entries[0], 0, 0, 1000) && entry_is(&entries[1], 0, 1, 100000) &&
		  entry_is(&entries[2], 0, 2, 7));
	smi_journal_close(journal);
}
END_TEST

/* Jobs of many sizes, some of them large, until the disk is full. */
static size_t size_of(uint64_t job)
{
	return job % 10 == 9 ? 70000 : job * 7 % 300;
}

static int fill_disk(void *arg)
{
	const struct rlimit full = { *(rlim_t *)arg, RLIM_INFINITY }, enough = { RLIM_INFINITY, RLIM_INFINITY };
	const struct smi_journal_entry *entries;
	struct smi_journal *journal = journal_open();
	uint64_t job = 0;
	size_t count, size;
	int r = 0;

	signal(SIGXFSZ, SIG_IGN);
	REQUIRE(journal_begin(journal, 0, 10000, &entries) == 0);
	REQUIRE(setrlimit(RLIMIT_FSIZE, &full) == 0);
	while (r == 0 && job < 10000) {
		r = journal_append(journal, 0, job, size_of(job));
		if (r == 0 && job++ % 4 == 0)
			r = smi_journal_flush(journal);
	}
	REQUIRE(r == -EFBIG);
	size = file_length();
	REQUIRE(size <= full.rlim_cur);
	REQUIRE(setrlimit(RLIMIT_FSIZE, &enough) == 0);
	REQUIRE(journal_append(journal, 0, job, 0) == -EFBIG && smi_journal_flush(journal) == -EFBIG);
	REQUIRE(smi_journal_end(journal) == -EFBIG);
	smi_journal_close(journal);
	journal = journal_open();
	REQUIRE(file_length() == size);
	count = journal_begin(journal, 0, 10000, &entries);
	REQUIRE(count <= job && full.rlim_cur - size < sizeof(struct smi_record) + smi_padded(size_of(count)));
	for (size_t i = 0; i < count; i++)
		REQUIRE(entry_is(&entries[i], 0, i, size_of(i)));
	REQUIRE(journal_append(journal, 0, count, 10) == 0 && smi_journal_end(journal) == 0);
	smi_journal_close(journal);
	return 0;
}

START_TEST(a_full_disk_ends_the_file_with_its_last_whole_record)
{
	for (rlim_t full = 96; full < 300000; full = full < 1000 ? full + 37 : full * 3 / 2) {
		ck_assert_int_eq(in_child(fill_disk, &full, 10), 0);
		unlink(journal_path);
	}
}
END_TEST

static int create_on_full_disk(void *arg)
{
	const struct rlimit full = { *(rlim_t *)arg, RLIM_INFINITY };
	struct smi_journal *journal;

	signal(SIGXFSZ, SIG_IGN);
	REQUIRE(setrlimit(RLIMIT_FSIZE, &full) == 0);
	REQUIRE(journal_try_open(&journal, KEY) == -EFBIG);
	REQUIRE(file_length() == 0);
	return 0;
}

START_TEST(a_disk_too_full_for_a_new_journal_leaves_it_empty)
{
	for (rlim_t full = 0; full < 48; full++)
		ck_assert_int_eq(in_child(create_on_full_disk, &full, 10), 0);
	smi_journal_close(journal_open());
}
END_TEST

Suite *journal_suite(void)
{
	Suite *suite = suite_create("journal");
	TCase *test = test_case(suite, "journal", 30);

	tcase_add_checked_fixture(test, journal_make_directory, journal_remove_directory);
	tcase_add_test(test, the_checksum_is_xxh64);
	tcase_add_test(test, values_of_every_size_come_back);
	tcase_add_test(test, runs_of_nothing_are_one_entry);
	tcase_add_test(test, maps_go_on_from_opening_to_opening);
	tcase_add_test(test, a_complete_journal_does_not_grow);
	tcase_add_test(test, a_journal_is_one_process_at_a_time);
	tcase_add_test(test, a_child_that_lives_on_does_not_keep_a_closed_journal);
	tcase_add_test(test, a_killed_process_loses_nothing_that_was_flushed);
	tcase_add_test(test, a_full_disk_ends_the_file_with_its_last_whole_record);
	tcase_add_test(test, a_disk_too_full_for_a_new_journal_leaves_it_empty);
	journal_damage_tests(suite);
	journal_refusal_tests(suite);
	return suite;
}
