/* SPDX-License-Identifier: MIT */
/* A journal in a directory of its own: its file, whole, and what its jobs return. */
#ifndef TESTS_JOURNAL_FILE_H
#define TESTS_JOURNAL_FILE_H

#include "testing.h"

#include "journal/journal.h"

#define KEY "a key"

extern char journal_directory[], journal_path[64];
extern char why[200]; /* what the last call that failed said */

/* A fixture: each test has a directory, and no file in it. */
void journal_make_directory(void);
void journal_remove_directory(void);

/* A file, whole. */
struct bytes {
	char *at;
	size_t size;
};

struct bytes file_load(void); /* to be freed by the caller */
void file_store(const void *at, size_t size);
size_t file_length(void);     /* SIZE_MAX: there is no file */
bool file_is(const void *at, size_t size);

/* Asserts that there is either a journal or an error with a sentence. */
int journal_try_open(struct smi_journal **journal, const char *key);

/* The journal at journal_path, with KEY; and how many entries of the map it lists. */
struct smi_journal *journal_open(void);
size_t journal_begin(struct smi_journal *journal, uint64_t map, uint64_t njobs,
		     const struct smi_journal_entry **entries);

/* Opening must fail, say this, and leave the file alone. */
void assert_refused(const char *key, int wanted, const char *sentence);

/* Appends what job `job` of map `map` returns; whether that is what came back. */
int journal_append(struct smi_journal *journal, uint64_t map, uint64_t job, size_t size);
bool entry_is(const struct smi_journal_entry *entry, uint64_t map, uint64_t job, size_t size);

/* A small file, and where its records end: the head, the map's, then one a job. */
enum { SMALL_JOBS = 4 };
extern const size_t small_size[SMALL_JOBS];
struct bytes small_make(size_t ends[SMALL_JOBS + 2]);

/* The file has the first `jobs` of the small one; it can be completed, and is then
 * as it was made. */
void assert_goes_on(size_t jobs, const struct bytes *small);

#endif
