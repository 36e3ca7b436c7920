/* SPDX-License-Identifier: MIT */
#include "journal_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/format.h"

char journal_directory[] = "/tmp/sharedmem-journal-XXXXXX", journal_path[64];
char why[200];
const size_t small_size[SMALL_JOBS] = { 40, 0, 16, 21 };

void journal_make_directory(void)
{
	strcpy(strchr(journal_directory, '\0') - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(journal_directory));
	snprintf(journal_path, sizeof journal_path, "%s/journal", journal_directory);
}

void journal_remove_directory(void)
{
	unlink(journal_path);
	ck_assert_int_eq(rmdir(journal_directory), 0);
}

struct bytes file_load(void)
{
	struct bytes bytes = { NULL, 0 };
	FILE *f = fopen(journal_path, "rb");

	ck_assert_ptr_nonnull(f);
	fseek(f, 0, SEEK_END);
	bytes.size = (size_t)ftell(f);
	rewind(f);
	bytes.at = malloc(bytes.size + 1);
	ck_assert_uint_eq(fread(bytes.at, 1, bytes.size, f), bytes.size);
	fclose(f);
	return bytes;
}

void file_store(const void *at, size_t size)
{
	FILE *f = fopen(journal_path, "wb");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(at, 1, size, f), size);
	ck_assert_int_eq(fclose(f), 0);
}

size_t file_length(void)
{
	struct stat st;

	return stat(journal_path, &st) == 0 ? (size_t)st.st_size : SIZE_MAX;
}

bool file_is(const void *at, size_t size)
{
	struct bytes now = file_load();
	bool same = now.size == size && !memcmp(now.at, at, size);

	free(now.at);
	return same;
}

int journal_try_open(struct smi_journal **journal, const char *key)
{
	int r;

	*journal = NULL;
	strcpy(why, "untouched");
	r = smi_journal_open(journal, journal_path, key, why, sizeof why);
	if (r < 0 ? *journal || !strcmp(why, "untouched") : !*journal || strcmp(why, "untouched"))
		ck_abort_msg("%d, and then %p and '%s'", r, (void *)*journal, why);
	return r;
}

struct smi_journal *journal_open(void)
{
	struct smi_journal *journal;
	int r = journal_try_open(&journal, KEY);

	ck_assert_msg(r == 0, "%d: %s", r, why);
	return journal;
}

void assert_refused(const char *key, int wanted, const char *sentence)
{
	struct bytes before = file_load();
	struct smi_journal *journal;
	int r = journal_try_open(&journal, key);

	ck_assert_int_eq(r, wanted);
	ck_assert_msg(strstr(why, sentence) != NULL, "'%s', not '%s'", why, sentence);
	ck_assert(file_is(before.at, before.size));
	free(before.at);
}

size_t journal_begin(struct smi_journal *journal, uint64_t map, uint64_t njobs,
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

int journal_append(struct smi_journal *journal, uint64_t map, uint64_t job, size_t size)
{
	unsigned char *value = value_of(map, job, size);
	int r = smi_journal_append(journal, job, 1, value, size);

	free(value);
	return r;
}

bool entry_is(const struct smi_journal_entry *entry, uint64_t map, uint64_t job, size_t size)
{
	unsigned char *value = value_of(map, job, size);
	bool same = entry->job == job && entry->count == 1 && entry->size == size &&
		    (size == 0 ? !entry->value : entry->value && !memcmp(entry->value, value, size)) &&
		    (uintptr_t)entry->value % 16 == 0;

	free(value);
	return same;
}

struct bytes small_make(size_t ends[SMALL_JOBS + 2])
{
	const struct smi_journal_entry *entries;
	struct smi_journal *journal = journal_open();
	size_t at;

	at = ends[0] = file_length();
	journal_begin(journal, 0, SMALL_JOBS, &entries);
	ends[1] = at += sizeof(struct smi_record);
	for (uint64_t job = 0; job < SMALL_JOBS; job++) {
		ck_assert_int_eq(journal_append(journal, 0, job, small_size[job]), 0);
		ends[job + 2] = at += sizeof(struct smi_record) + smi_padded(small_size[job]);
	}
	ck_assert_int_eq(smi_journal_end(journal), 0);
	smi_journal_close(journal);
	ck_assert_uint_eq(file_length(), at);
	return file_load();
}

void assert_goes_on(size_t jobs, const struct bytes *small)
{
	const struct smi_journal_entry *entries;
	struct smi_journal *journal = journal_open();

	ck_assert_uint_eq(journal_begin(journal, 0, SMALL_JOBS, &entries), jobs);
	for (size_t i = 0; i < jobs; i++)
		ck_assert(entry_is(&entries[i], 0, i, small_size[i]));
	for (size_t i = jobs; i < SMALL_JOBS; i++)
		ck_assert_int_eq(journal_append(journal, 0, i, small_size[i]), 0);
	ck_assert_int_eq(smi_journal_end(journal), 0);
	smi_journal_close(journal);
	ck_assert(file_is(small->at, small->size));
}
