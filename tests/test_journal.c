/* SPDX-License-Identifier: MIT */
/* The journal: what was appended comes back, whatever happened to the file; and
 * what is no journal of ours stays as it is, byte for byte. */
#include "suites.h"
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/checksum.h"
#include "journal/format.h"
#include "journal/journal.h"

#define KEY "a key"

static char directory[] = "/tmp/sharedmem-journal-XXXXXX", path[64];
static char why[200];

static void make_directory(void)
{
	strcpy(strchr(directory, '\0') - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/journal", directory);
}

static void remove_directory(void)
{
	unlink(path);
	ck_assert_int_eq(rmdir(directory), 0);
}

/* A file, whole. */
struct bytes {
	char *at;
	size_t size;
};

static struct bytes load(void)
{
	struct bytes bytes = { NULL, 0 };
	FILE *f = fopen(path, "rb");

	ck_assert_ptr_nonnull(f);
	fseek(f, 0, SEEK_END);
	bytes.size = (size_t)ftell(f);
	rewind(f);
	bytes.at = malloc(bytes.size + 1);
	ck_assert_uint_eq(fread(bytes.at, 1, bytes.size, f), bytes.size);
	fclose(f);
	return bytes;
}

static void store(const void *at, size_t size)
{
	FILE *f = fopen(path, "wb");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(at, 1, size, f), size);
	ck_assert_int_eq(fclose(f), 0);
}

static size_t length(void)
{
	struct stat st;

	return stat(path, &st) == 0 ? (size_t)st.st_size : SIZE_MAX;
}

static bool file_is(const void *at, size_t size)
{
	struct bytes now = load();
	bool same = now.size == size && !memcmp(now.at, at, size);

	free(now.at);
	return same;
}

static int try_open(struct smi_journal **journal, const char *key)
{
	int r;

	*journal = NULL;
	strcpy(why, "untouched");
	r = smi_journal_open(journal, path, key, why, sizeof why);
	if (r < 0 ? *journal || !strcmp(why, "untouched") : !*journal || strcmp(why, "untouched"))
		ck_abort_msg("%d, and then %p and '%s'", r, (void *)*journal, why);
	return r;
}

static struct smi_journal *open_it(void)
{
	struct smi_journal *journal;
	int r = try_open(&journal, KEY);

	ck_assert_msg(r == 0, "%d: %s", r, why);
	return journal;
}

/* Opening must fail, say this, and leave the file alone. */
static void assert_refused(const char *key, int wanted, const char *sentence)
{
	struct bytes before = load();
	struct smi_journal *journal;
	int r = try_open(&journal, key);

	ck_assert_int_eq(r, wanted);
	ck_assert_msg(strstr(why, sentence) != NULL, "'%s', not '%s'", why, sentence);
	ck_assert(file_is(before.at, before.size));
	free(before.at);
}

static size_t begin(struct smi_journal *journal, uint64_t map, uint64_t njobs,
		    const struct smi_journal_entry **entries)
{
	size_t count = SIZE_MAX;
	int r = smi_journal_begin(journal, map, njobs, entries, &count, why, sizeof why);

	ck_assert_msg(r == 0, "%d: %s", r, why);
	return count;
}

/* What job `job` of map `map` returns. */
static unsigned char *value_of(uint64_t map, uint64_t job, size_t size)
{
	unsigned char *value = malloc(size + 1);
	uint64_t state = map * 1000003 + job;

	for (size_t i = 0; i < size; i++)
		value[i] = (unsigned char)(test_random(&state) | 1);
	return value;
}

static int append(struct smi_journal *journal, uint64_t map, uint64_t job, size_t size)
{
	unsigned char *value = value_of(map, job, size);
	int r = smi_journal_append(journal, job, 1, value, size);

	free(value);
	return r;
}

static bool entry_is(const struct smi_journal_entry *entry, uint64_t map, uint64_t job, size_t size)
{
	unsigned char *value = value_of(map, job, size);
	bool same = entry->job == job && entry->count == 1 && entry->size == size &&
		    (size == 0 ? !entry->value : entry->value && !memcmp(entry->value, value, size)) &&
		    (uintptr_t)entry->value % 16 == 0;

	free(value);
	return same;
}

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
	struct smi_journal *journal = open_it();

	ck_assert_uint_eq(begin(journal, 0, COUNT, &entries), 0);
	for (uint64_t i = 0; i < COUNT; i++)
		ck_assert_int_eq(append(journal, 0, COUNT - 1 - i, sizes[COUNT - 1 - i]), 0);
	ck_assert_int_eq(smi_journal_end(journal), 0);
	smi_journal_close(journal);
	journal = open_it();
	ck_assert_uint_eq(begin(journal, 0, COUNT, &entries), COUNT);
	for (uint64_t i = 0; i < COUNT; i++)
		ck_assert(entry_is(&entries[i], 0, i, sizes[i]));
	ck_assert_int_eq(smi_journal_end(journal), 0);
	smi_journal_close(journal);
}
END_TEST

START_TEST(runs_of_nothing_are_one_entry)
{
	const struct smi_journal_entry *entries;
	struct smi_journal *journal = open_it();

	begin(journal, 0, 1ull << 60, &entries);
	ck_assert_int_eq(smi_journal_append(journal, 1000, (1ull << 60) - 1000, NULL, 0), 0);
	ck_assert_int_eq(smi_journal_append(journal, 0, 10, NULL, 0), 0);
	ck_assert_int_eq(append(journal, 0, 10, 5), 0);
	smi_journal_close(journal); /* ends the map, too */
	journal = open_it();
	ck_assert_uint_eq(begin(journal, 0, 1ull << 60, &entries), 3);
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
		struct smi_journal *journal = open_it();

		for (uint64_t map = 0; map < MAPS; map++) {
			const struct smi_journal_entry *entries;
			size_t count = begin(journal, map, JOBS, &entries), k = 0;

			for (uint64_t job = 0; job < JOBS; job++)
				if (done[map][job])
					ck_assert(k < count && entry_is(&entries[k++], map, job, job % 40));
			ck_assert_uint_eq(k, count);
			for (size_t i = test_random(&state) % (10 + 10 * map); i > 0; i--) {
				uint64_t job = test_random(&state) % JOBS;

				if (done[map][job])
					continue;
				ck_assert_int_eq(append(journal, map, job, job % 40), 0);
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
		struct smi_journal *journal = open_it();

		for (uint64_t map = 0; map < 4; map++) {
			if (begin(journal, map, 1, &entries) == 0)
				ck_assert_int_eq(append(journal, map, 0, 8), 0);
			ck_assert_int_eq(smi_journal_end(journal), 0);
		}
		smi_journal_close(journal);
		if (round == 0)
			size = length();
		ck_assert_uint_eq(length(), size);
	}
}
END_TEST

/* A small file, and where its records end: the map's, then one a job. */
enum { SMALL_JOBS = 4 };
static const size_t small_size[SMALL_JOBS] = { 40, 0, 16, 21 };

static struct bytes make_small(size_t ends[SMALL_JOBS + 2])
{
	const struct smi_journal_entry *entries;
	struct smi_journal *journal = open_it();
	size_t at;

	at = ends[0] = length();
	begin(journal, 0, SMALL_JOBS, &entries);
	ends[1] = at += sizeof(struct smi_record);
	for (uint64_t job = 0; job < SMALL_JOBS; job++) {
		ck_assert_int_eq(append(journal, 0, job, small_size[job]), 0);
		ends[job + 2] = at += sizeof(struct smi_record) + smi_padded(small_size[job]);
	}
	ck_assert_int_eq(smi_journal_end(journal), 0);
	smi_journal_close(journal);
	ck_assert_uint_eq(length(), at);
	return load();
}

/* The file has the first `jobs` of the small one; it can be completed, and is then
 * as it was made. */
static void assert_goes_on(size_t jobs, const struct bytes *small)
{
	const struct smi_journal_entry *entries;
	struct smi_journal *journal = open_it();

	ck_assert_uint_eq(begin(journal, 0, SMALL_JOBS, &entries), jobs);
	for (size_t i = 0; i < jobs; i++)
		ck_assert(entry_is(&entries[i], 0, i, small_size[i]));
	for (size_t i = jobs; i < SMALL_JOBS; i++)
		ck_assert_int_eq(append(journal, 0, i, small_size[i]), 0);
	ck_assert_int_eq(smi_journal_end(journal), 0);
	smi_journal_close(journal);
	ck_assert(file_is(small->at, small->size));
}

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
	struct bytes small = make_small(ends);
	struct smi_journal *journal;

	for (size_t size = 0; size <= small.size; size++) {
		store(small.at, size);
		journal = open_it();
		n = whole(ends, size);
		ck_assert_uint_eq(length(), n > 0 ? ends[n - 1] : ends[0]);
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
	struct bytes small = make_small(ends);

	for (size_t more = 0; more <= sizeof zeros; more += more < 100 ? 1 : 700)
		for (size_t size = more ? small.size : ends[0]; size <= small.size; size++) {
			char *copy = calloc(1, small.size + more);

			memcpy(copy, small.at, size);
			store(copy, small.size + more);
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
	struct bytes small = make_small(ends);
	char *copy = calloc(1, ends[0]);

	for (size_t size = 0; size < ends[0]; size++) {
		memcpy(copy, small.at, size);
		store(copy, ends[0]);
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
	struct bytes small = make_small(ends);
	struct smi_journal *journal;

	last = ends[SMALL_JOBS];
	for (size_t i = 0; i < small.size; i++) {
		small.at[i] = (char)(small.at[i] ^ flip[_i]);
		store(small.at, small.size);
		if (try_open(&journal, KEY) < 0) {
			ck_assert(file_is(small.at, small.size));
			small.at[i] = (char)(small.at[i] ^ flip[_i]);
			continue;
		}
		ck_assert_uint_ge(i, last);
		ck_assert_uint_eq(length(), last);
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
	struct bytes small = make_small(ends);

	small.at[ends[1] + sizeof(struct smi_record)] ^= 1;
	store(small.at, ends[2]);
	smi_journal_close(open_it());
	ck_assert_uint_eq(length(), ends[1]);
	store(small.at, ends[2] + 1);
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
	struct bytes small = make_small(ends);
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
		store(small.at, size + sizeof tail - 16 + bad[i].size);
		assert_refused(KEY, -EINVAL, "corrupted at byte");
	}
	/* A job before any map. */
	tail.map = (struct smi_record){ .kind = SMI_RECORD_JOB, .count = 1 };
	smi_record_seal(&tail.map, size, NULL);
	memcpy(small.at + size, &tail, sizeof tail.map);
	store(small.at, size + sizeof tail.map);
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
	struct bytes small = make_small(ends);

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct smi_record record = { .kind = SMI_RECORD_JOB, .count = 1, .size = sizes[i] };

		record.sum = (uint32_t)smi_checksum(&record, sizeof record, ends[1]);
		memcpy(small.at + ends[1], &record, sizeof record);
		store(small.at, ends[1] + sizeof record);
		smi_journal_close(open_it());
		ck_assert_uint_eq(length(), ends[1]);
	}
	free(small.at);
}
END_TEST

START_TEST(a_record_in_another_place_is_none)
{
	size_t ends[SMALL_JOBS + 2];
	struct bytes small = make_small(ends);

	memmove(small.at + ends[1], small.at + ends[3], ends[5] - ends[3]);
	store(small.at, ends[1] + ends[5] - ends[3]);
	assert_refused(KEY, -EINVAL, "corrupted at byte");
	free(small.at);
}
END_TEST

START_TEST(another_key_is_refused)
{
	size_t ends[SMALL_JOBS + 2];
	struct bytes small = make_small(ends);

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

	if (try_open(&journal, NULL) < 0) {
		ck_assert_str_eq(why, "the program has no build id; give a journal_key");
		ck_assert_uint_eq(length(), SIZE_MAX);
		return;
	}
	begin(journal, 0, 1, &entries);
	ck_assert_int_eq(append(journal, 0, 0, 100), 0);
	smi_journal_close(journal);
	ck_assert_int_eq(try_open(&journal, NULL), 0);
	ck_assert_uint_eq(begin(journal, 0, 1, &entries), 1);
	smi_journal_close(journal);
	assert_refused(KEY, -EINVAL, "another key");
}
END_TEST

START_TEST(another_number_of_jobs_is_refused)
{
	const struct smi_journal_entry *entries = NULL;
	size_t ends[SMALL_JOBS + 2], count = 7;
	struct bytes small = make_small(ends);
	struct smi_journal *journal = open_it();

	ck_assert_int_eq(smi_journal_begin(journal, 0, 5, &entries, &count, why, sizeof why), -EINVAL);
	ck_assert_str_eq(why, "the journal's map 0 has 4 jobs, not 5");
	ck_assert(!entries && count == 7);
	ck_assert_uint_eq(begin(journal, 1, 5, &entries), 0);
	smi_journal_close(journal);
	assert_goes_on(SMALL_JOBS, &small);
	free(small.at);
}
END_TEST

START_TEST(a_job_that_is_there_twice_is_refused)
{
	const struct smi_journal_entry *entries;
	struct smi_journal *journal = open_it();
	size_t count;

	begin(journal, 0, 10, &entries);
	ck_assert_int_eq(smi_journal_append(journal, 7, 1, "x", 1), 0);
	ck_assert_int_eq(smi_journal_append(journal, 2, 6, NULL, 0), 0);
	smi_journal_close(journal);
	journal = open_it();
	ck_assert_int_eq(smi_journal_begin(journal, 0, 10, &entries, &count, why, sizeof why), -EINVAL);
	ck_assert_str_eq(why, "the journal is corrupted: it has job 7 of map 0 twice");
	smi_journal_close(journal);
}
END_TEST

START_TEST(jobs_and_maps_out_of_range_change_nothing)
{
	const struct smi_journal_entry *entries;
	struct smi_journal *journal = open_it();
	size_t count, size = length();

	ck_assert_int_eq(smi_journal_append(journal, 0, 1, NULL, 0), -EINVAL);
	begin(journal, 3, 10, &entries);
	ck_assert_int_eq(smi_journal_begin(journal, 4, 10, &entries, &count, why, sizeof why), -EINVAL);
	ck_assert_int_eq(smi_journal_append(journal, 10, 1, NULL, 0), -EINVAL);
	ck_assert_int_eq(smi_journal_append(journal, 5, 6, NULL, 0), -EINVAL);
	ck_assert_int_eq(smi_journal_append(journal, 5, UINT64_MAX, NULL, 0), -EINVAL);
	ck_assert_int_eq(smi_journal_append(journal, 5, 0, NULL, 0), -EINVAL);
	ck_assert_int_eq(smi_journal_append(journal, 5, 2, "x", 1), -EINVAL);
	ck_assert_int_eq(smi_journal_end(journal), 0);
	ck_assert_int_eq(smi_journal_begin(journal, 3, 10, &entries, &count, why, sizeof why), -EINVAL);
	smi_journal_close(journal);
	ck_assert_uint_eq(length(), size);
}
END_TEST

START_TEST(what_is_no_journal_stays_as_it_is)
{
	static const char zeros[1000];
	size_t ends[SMALL_JOBS + 2];
	struct bytes small;

	store("hello", 5);
	assert_refused(KEY, -EINVAL, "not a journal");
	store("smijrnl\r and a long text, longer than any head can be, that says nothing at all", 75);
	assert_refused(KEY, -EINVAL, "not a journal");
	store(zeros, sizeof zeros);
	assert_refused(KEY, -EINVAL, "not a journal");
	unlink(path);
	small = make_small(ends);
	small.at[offsetof(struct smi_head, version)]++;
	store(small.at, small.size);
	assert_refused(KEY, -EINVAL, "newer version");
	memcpy(small.at + offsetof(struct smi_head, order), (uint32_t[]){ __builtin_bswap32(SMI_ORDER) }, 4);
	store(small.at, small.size);
	assert_refused(KEY, -EINVAL, "another byte order");
	free(small.at);
}
END_TEST

static int open_too(void *arg)
{
	struct smi_journal *journal;

	(void)arg;
	REQUIRE(smi_journal_open(&journal, path, KEY, why, sizeof why) == -EBUSY);
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
	struct smi_journal *journal = open_it();

	begin(journal, 0, 10, &entries);
	ck_assert_int_eq(append(journal, 0, 1, 10), 0);
	ck_assert_int_eq(in_child(open_too, NULL, 10), 0);
	ck_assert_int_eq(open_too(NULL), 0);
	ck_assert_int_eq(in_child(close_inherited, journal, 10), 0);
	ck_assert_int_eq(in_child(open_too, NULL, 10), 0);
	ck_assert_int_eq(append(journal, 0, 2, 20), 0);
	smi_journal_close(journal);
	journal = open_it();
	ck_assert_uint_eq(begin(journal, 0, 10, &entries), 2);
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
	struct smi_journal *journal = open_it();
	pid_t child = fork();

	if (child == 0)
		_exit(hold_on(word) != 0);
	ck_assert(test_await(word, 1, 10));
	smi_journal_close(journal);
	smi_journal_close(open_it());
	atomic_store(word, 2);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	test_unshare(word, sizeof *word);
}
END_TEST

static int die_after_flush(void *arg)
{
	const struct smi_journal_entry *entries;
	struct smi_journal *journal = open_it();

	(void)arg;
	begin(journal, 0, 10, &entries);
	REQUIRE(append(journal, 0, 0, 1000) == 0 && append(journal, 0, 1, 100000) == 0);
	REQUIRE(append(journal, 0, 2, 7) == 0 && smi_journal_flush(journal) == 0);
	REQUIRE(append(journal, 0, 3, 8) == 0);
	raise(SIGKILL);
	return 0;
}

START_TEST(a_killed_process_loses_nothing_that_was_flushed)
{
	const struct smi_journal_entry *entries;
	struct smi_journal *journal;

	ck_assert_int_eq(in_child(die_after_flush, NULL, 10), -SIGKILL);
	journal = open_it();
	ck_assert_uint_eq(begin(journal, 0, 10, &entries), 3);
	ck_assert(entry_is(&entries[0], 0, 0, 1000) && entry_is(&entries[1], 0, 1, 100000) &&
		  entry_is(&entries[2], 0, 2, 7));
	smi_journal_close(journal);
}
END_TEST

/* Root may write anywhere. */
static int open_as_nobody(void *arg)
{
	struct smi_journal *journal;

	(void)arg;
	if (geteuid() == 0)
		REQUIRE(setgid(65534) == 0 && setuid(65534) == 0);
	REQUIRE(smi_journal_open(&journal, path, KEY, why, sizeof why) == -EACCES);
	REQUIRE(strstr(why, strerror(EACCES)) != NULL);
	return 0;
}

START_TEST(a_file_that_may_not_be_written_is_told)
{
	size_t ends[SMALL_JOBS + 2];
	struct bytes small = make_small(ends);

	ck_assert_int_eq(chmod(directory, 0755), 0);
	ck_assert_int_eq(chmod(path, 0444), 0);
	ck_assert_int_eq(in_child(open_as_nobody, NULL, 10), 0);
	ck_assert(file_is(small.at, small.size));
	free(small.at);
	unlink(path);
	ck_assert_int_eq(chmod(directory, 0555), 0);
	ck_assert_int_eq(in_child(open_as_nobody, NULL, 10), 0);
	ck_assert_int_eq(chmod(directory, 0755), 0);
}
END_TEST

START_TEST(a_path_that_is_no_file_is_told)
{
	struct smi_journal *journal;

	ck_assert_int_eq(smi_journal_open(&journal, directory, KEY, why, sizeof why), -EISDIR);
	ck_assert_ptr_nonnull(strstr(why, strerror(EISDIR)));
	ck_assert_int_eq(smi_journal_open(&journal, "/dev/null", KEY, why, sizeof why), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "not a file"));
	ck_assert_int_eq(smi_journal_open(&journal, "", KEY, why, sizeof why), -ENOENT);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(smi_journal_open(&journal, path, KEY, why, sizeof why), -EINVAL);
	unlink(path);
	strcat(path, "/there");
	ck_assert_int_eq(smi_journal_open(&journal, path, KEY, NULL, 0), -ENOENT);
	*strrchr(path, '/') = '\0';
	smi_journal_close(NULL);
}
END_TEST

START_TEST(a_name_without_a_slash_is_one_here)
{
	int here = open(".", O_RDONLY | O_DIRECTORY);
	struct smi_journal *journal;

	ck_assert_int_eq(chdir(directory), 0);
	ck_assert_int_eq(smi_journal_open(&journal, "journal", KEY, why, sizeof why), 0);
	ck_assert_int_eq(fchdir(here), 0);
	close(here);
	smi_journal_close(journal);
	smi_journal_close(open_it());
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
	struct smi_journal *journal = open_it();
	uint64_t job = 0;
	size_t count, size;
	int r = 0;

	signal(SIGXFSZ, SIG_IGN);
	REQUIRE(begin(journal, 0, 10000, &entries) == 0);
	REQUIRE(setrlimit(RLIMIT_FSIZE, &full) == 0);
	while (r == 0 && job < 10000) {
		r = append(journal, 0, job, size_of(job));
		if (r == 0 && job++ % 4 == 0)
			r = smi_journal_flush(journal);
	}
	REQUIRE(r == -EFBIG);
	size = length();
	REQUIRE(size <= full.rlim_cur);
	REQUIRE(setrlimit(RLIMIT_FSIZE, &enough) == 0);
	REQUIRE(append(journal, 0, job, 0) == -EFBIG && smi_journal_flush(journal) == -EFBIG);
	REQUIRE(smi_journal_end(journal) == -EFBIG);
	smi_journal_close(journal);
	journal = open_it();
	REQUIRE(length() == size);
	count = begin(journal, 0, 10000, &entries);
	REQUIRE(count <= job && full.rlim_cur - size < sizeof(struct smi_record) + smi_padded(size_of(count)));
	for (size_t i = 0; i < count; i++)
		REQUIRE(entry_is(&entries[i], 0, i, size_of(i)));
	REQUIRE(append(journal, 0, count, 10) == 0 && smi_journal_end(journal) == 0);
	smi_journal_close(journal);
	return 0;
}

START_TEST(a_full_disk_ends_the_file_with_its_last_whole_record)
{
	for (rlim_t full = 96; full < 300000; full = full < 1000 ? full + 37 : full * 3 / 2) {
		ck_assert_int_eq(in_child(fill_disk, &full, 10), 0);
		unlink(path);
	}
}
END_TEST

static int create_on_full_disk(void *arg)
{
	const struct rlimit full = { *(rlim_t *)arg, RLIM_INFINITY };
	struct smi_journal *journal;

	signal(SIGXFSZ, SIG_IGN);
	REQUIRE(setrlimit(RLIMIT_FSIZE, &full) == 0);
	REQUIRE(try_open(&journal, KEY) == -EFBIG);
	REQUIRE(length() == 0);
	return 0;
}

START_TEST(a_disk_too_full_for_a_new_journal_leaves_it_empty)
{
	for (rlim_t full = 0; full < 48; full++)
		ck_assert_int_eq(in_child(create_on_full_disk, &full, 10), 0);
	smi_journal_close(open_it());
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
		append(journal, map, SMALL_JOBS - 1, 33);
		ck_assert_int_eq(smi_journal_end(journal), 0);
	}
	smi_journal_close(journal);
}

/* SMI_FUZZ: for so many seconds. */
START_TEST(random_damage_is_told_or_cut_off)
{
	size_t ends[SMALL_JOBS + 2], size, told = 0, taken = 0;
	struct bytes small = make_small(ends);
	double end = test_now() + (getenv("SMI_FUZZ") ? atof(getenv("SMI_FUZZ")) : 0.3);
	char *file = malloc(small.size);
	uint64_t state = (uint64_t)(end * 1e6);
	struct smi_journal *journal;

	while (test_now() < end) {
		memcpy(file, small.at, small.size);
		size = damage(file, small.size, ends, &state);
		store(file, size);
		if (try_open(&journal, KEY) < 0) {
			ck_assert(file_is(file, size));
			told++;
			continue;
		}
		taken++;
		use_up(journal);
		smi_journal_close(open_it());
	}
	if (getenv("SMI_FUZZ"))
		fprintf(stderr, "%zu files refused, %zu gone on with\n", told, taken);
	free(file);
	free(small.at);
}
END_TEST

Suite *journal_suite(void)
{
	Suite *suite = suite_create("journal");
	TCase *test = test_case(suite, "journal", 30);

	tcase_add_checked_fixture(test, make_directory, remove_directory);
	tcase_add_test(test, the_checksum_is_xxh64);
	tcase_add_test(test, values_of_every_size_come_back);
	tcase_add_test(test, runs_of_nothing_are_one_entry);
	tcase_add_test(test, maps_go_on_from_opening_to_opening);
	tcase_add_test(test, a_complete_journal_does_not_grow);
	tcase_add_test(test, a_file_that_ends_anywhere_goes_on_from_its_last_whole_record);
	tcase_add_test(test, a_file_of_which_the_end_is_zeros_goes_on_from_its_last_whole_record);
	tcase_add_test(test, a_head_that_was_not_finished_is_a_new_journal);
	tcase_add_loop_test(test, a_flipped_byte_is_told_or_cut_off_with_the_last_record, 0, 3);
	tcase_add_test(test, bytes_behind_a_wrong_value_are_no_torn_end);
	tcase_add_test(test, records_that_make_no_sense_are_refused_though_their_checksums_are_right);
	tcase_add_test(test, a_size_beyond_the_file_is_a_torn_record_however_large);
	tcase_add_test(test, a_record_in_another_place_is_none);
	tcase_add_test(test, another_key_is_refused);
	tcase_add_test(test, without_a_key_the_build_is_the_key);
	tcase_add_test(test, another_number_of_jobs_is_refused);
	tcase_add_test(test, a_job_that_is_there_twice_is_refused);
	tcase_add_test(test, jobs_and_maps_out_of_range_change_nothing);
	tcase_add_test(test, what_is_no_journal_stays_as_it_is);
	tcase_add_test(test, a_journal_is_one_process_at_a_time);
	tcase_add_test(test, a_child_that_lives_on_does_not_keep_a_closed_journal);
	tcase_add_test(test, a_killed_process_loses_nothing_that_was_flushed);
	tcase_add_test(test, a_file_that_may_not_be_written_is_told);
	tcase_add_test(test, a_path_that_is_no_file_is_told);
	tcase_add_test(test, a_name_without_a_slash_is_one_here);
	tcase_add_test(test, a_full_disk_ends_the_file_with_its_last_whole_record);
	tcase_add_test(test, a_disk_too_full_for_a_new_journal_leaves_it_empty);
	tcase_add_test(test, random_damage_is_told_or_cut_off);
	return suite;
}
