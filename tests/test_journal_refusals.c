/* SPDX-License-Identifier: MIT */
/* What is no journal, is another's, or can't be written is told and stays as it is,
 * byte for byte. */
#include "test_journal.h"
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/format.h"
#include "journal_file.h"

START_TEST(another_key_is_refused)
{
	size_t ends[SMALL_JOBS + 2];
	struct bytes small = small_make(ends);

	assert_refused("a kez", -EINVAL, "another key");
	assert_refused("a key ", -EINVAL, "another key");
	assert_refused("", -EINVAL, "another key");
	assert_refused("a key that is so long that its head is longer than this journal's head and than "
		       "all its records together, of which there are only some, and so it goes on, and on, "
		       "and on, and on, and on, and on, and on, and on, and on, and on, and on, and on, and "
		       "on, and on, and on, and on, and on, and on, and on, and on, and on, and on, and on", -EINVAL,
		       "another key");
	assert_goes_on(SMALL_JOBS, &small);
	free(small.at);
}
END_TEST

START_TEST(without_a_key_the_build_is_the_key)
{
	const struct smi_journal_entry *entries;
	struct smi_journal *journal;

	if (journal_try_open(&journal, NULL) < 0) {
		ck_assert_str_eq(why, "the program has no build id; give a journal_key");
		ck_assert_uint_eq(file_length(), SIZE_MAX);
		return;
	}
	journal_begin(journal, 0, 1, &entries);
	ck_assert_int_eq(journal_append(journal, 0, 0, 100), 0);
	smi_journal_close(journal);
	ck_assert_int_eq(journal_try_open(&journal, NULL), 0);
	ck_assert_uint_eq(journal_begin(journal, 0, 1, &entries), 1);
	smi_journal_close(journal);
	assert_refused(KEY, -EINVAL, "another key");
}
END_TEST

START_TEST(another_number_of_jobs_is_refused)
{
	const struct smi_journal_entry *entries = NULL;
	size_t ends[SMALL_JOBS + 2], count = 7;
	struct bytes small = small_make(ends);
	struct smi_journal *journal = journal_open();

	ck_assert_int_eq(smi_journal_begin(journal, 0, 5, &entries, &count, why, sizeof why), -EINVAL);
	ck_assert_str_eq(why, "the journal's map 0 has 4 jobs, not 5");
	ck_assert(!entries && count == 7);
	ck_assert_uint_eq(journal_begin(journal, 1, 5, &entries), 0);
	smi_journal_close(journal);
	assert_goes_on(SMALL_JOBS, &small);
	free(small.at);
}
END_TEST

START_TEST(a_job_that_is_there_twice_is_refused)
{
	const struct smi_journal_entry *entries;
	struct smi_journal *journal = journal_open();
	size_t count;

	journal_begin(journal, 0, 10, &entries);
	ck_assert_int_eq(smi_journal_append(journal, 7, 1, "x", 1), 0);
	ck_assert_int_eq(smi_journal_append(journal, 2, 6, NULL, 0), 0);
	smi_journal_close(journal);
	journal = journal_open();
	ck_assert_int_eq(smi_journal_begin(journal, 0, 10, &entries, &count, why, sizeof why), -EINVAL);
	ck_assert_str_eq(why, "the journal is corrupted: it has job 7 of map 0 twice");
	smi_journal_close(journal);
}
END_TEST

START_TEST(jobs_and_maps_out_of_range_change_nothing)
{
	const struct smi_journal_entry *entries;
	struct smi_journal *journal = journal_open();
	size_t count, size = file_length();

	ck_assert_int_eq(smi_journal_append(journal, 0, 1, NULL, 0), -EINVAL);
	journal_begin(journal, 3, 10, &entries);
	ck_assert_int_eq(smi_journal_begin(journal, 4, 10, &entries, &count, why, sizeof why), -EINVAL);
	ck_assert_int_eq(smi_journal_append(journal, 10, 1, NULL, 0), -EINVAL);
	ck_assert_int_eq(smi_journal_append(journal, 5, 6, NULL, 0), -EINVAL);
	ck_assert_int_eq(smi_journal_append(journal, 5, UINT64_MAX, NULL, 0), -EINVAL);
	ck_assert_int_eq(smi_journal_append(journal, 5, 0, NULL, 0), -EINVAL);
	ck_assert_int_eq(smi_journal_append(journal, 5, 2, "x", 1), -EINVAL);
	ck_assert_int_eq(smi_journal_end(journal), 0);
	ck_assert_int_eq(smi_journal_begin(journal, 3, 10, &entries, &count, why, sizeof why), -EINVAL);
	smi_journal_close(journal);
	ck_assert_uint_eq(file_length(), size);
}
END_TEST

START_TEST(what_is_no_journal_stays_as_it_is)
{
	static const char zeros[1000];
	size_t ends[SMALL_JOBS + 2];
	struct bytes small;

	file_store("hello", 5);
	assert_refused(KEY, -EINVAL, "not a journal");
	file_store("smijrnl\r and a long text, longer than any head can be, that says nothing at all", 75);
	assert_refused(KEY, -EINVAL, "not a journal");
	file_store(zeros, sizeof zeros);
	assert_refused(KEY, -EINVAL, "not a journal");
	unlink(journal_path);
	small = small_make(ends);
	small.at[offsetof(struct smi_head, version)]++;
	file_store(small.at, small.size);
	assert_refused(KEY, -EINVAL, "newer version");
	memcpy(small.at + offsetof(struct smi_head, order), (uint32_t[]){ __builtin_bswap32(SMI_ORDER) }, 4);
	file_store(small.at, small.size);
	assert_refused(KEY, -EINVAL, "another byte order");
	free(small.at);
}
END_TEST

/* Root may write anywhere. */
static int open_as_nobody(void *arg)
{
	struct smi_journal *journal;

	(void)arg;
	if (geteuid() == 0)
		REQUIRE(setgid(65534) == 0 && setuid(65534) == 0);
	REQUIRE(smi_journal_open(&journal, journal_path, KEY, why, sizeof why) == -EACCES);
	REQUIRE(strstr(why, strerror(EACCES)) != NULL);
	return 0;
}

START_TEST(a_file_that_may_not_be_written_is_told)
{
	size_t ends[SMALL_JOBS + 2];
	struct bytes small = small_make(ends);

	ck_assert_int_eq(chmod(journal_directory, 0755), 0);
	ck_assert_int_eq(chmod(journal_path, 0444), 0);
	ck_assert_int_eq(in_child(open_as_nobody, NULL, 10), 0);
	ck_assert(file_is(small.at, small.size));
	free(small.at);
	unlink(journal_path);
	ck_assert_int_eq(chmod(journal_directory, 0555), 0);
	ck_assert_int_eq(in_child(open_as_nobody, NULL, 10), 0);
	ck_assert_int_eq(chmod(journal_directory, 0755), 0);
}
END_TEST

START_TEST(a_path_that_is_no_file_is_told)
{
	struct smi_journal *journal;

	ck_assert_int_eq(smi_journal_open(&journal, journal_directory, KEY, why, sizeof why), -EISDIR);
	ck_assert_ptr_nonnull(strstr(why, strerror(EISDIR)));
	ck_assert_int_eq(smi_journal_open(&journal, "/dev/null", KEY, why, sizeof why), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "not a file"));
	ck_assert_int_eq(smi_journal_open(&journal, "", KEY, why, sizeof why), -ENOENT);
	ck_assert_int_eq(mkfifo(journal_path, 0600), 0);
	ck_assert_int_eq(smi_journal_open(&journal, journal_path, KEY, why, sizeof why), -EINVAL);
	unlink(journal_path);
	strcat(journal_path, "/there");
	ck_assert_int_eq(smi_journal_open(&journal, journal_path, KEY, NULL, 0), -ENOENT);
	*strrchr(journal_path, '/') = '\0';
	smi_journal_close(NULL);
}
END_TEST

START_TEST(a_name_without_a_slash_is_one_here)
{
	int here = open(".", O_RDONLY | O_DIRECTORY);
	struct smi_journal *journal;

	ck_assert_int_eq(chdir(journal_directory), 0);
	ck_assert_int_eq(smi_journal_open(&journal, "journal", KEY, why, sizeof why), 0);
	ck_assert_int_eq(fchdir(here), 0);
	close(here);
	smi_journal_close(journal);
	smi_journal_close(journal_open());
}
END_TEST

void journal_refusal_tests(Suite *suite)
{
	TCase *test = test_case(suite, "journal refusals", 30);

	tcase_add_checked_fixture(test, journal_make_directory, journal_remove_directory);
	tcase_add_test(test, another_key_is_refused);
	tcase_add_test(test, without_a_key_the_build_is_the_key);
	tcase_add_test(test, another_number_of_jobs_is_refused);
	tcase_add_test(test, a_job_that_is_there_twice_is_refused);
	tcase_add_test(test, jobs_and_maps_out_of_range_change_nothing);
	tcase_add_test(test, what_is_no_journal_stays_as_it_is);
	tcase_add_test(test, a_file_that_may_not_be_written_is_told);
	tcase_add_test(test, a_path_that_is_no_file_is_told);
	tcase_add_test(test, a_name_without_a_slash_is_one_here);
}
