/* SPDX-License-Identifier: MIT */
/* wordcount [DIRECTORY...]: counts all words in all files below the
 * directories, serially and in parallel, and checks that both say the same.
 *
 * A word is a longest run of ASCII letters, made lower case, and of bytes from
 * 0x80 on, the letters of other alphabets. Regular files count, each name once;
 * symbolic links below the directories are not followed. A file with a NUL in
 * its first 8000 bytes is binary, which is git's rule, and is skipped; so is,
 * after it was named on stderr, what cannot be read.
 *
 * One file is one job. It returns a summary and its table of words; reduce
 * merges the tables, in any order, since addition does not mind. */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sharedmem.h>

#include "words.h"

enum { MOST_FREQUENT = 20, LONG_WORD = 40, BINARY_WITHIN = 8000, TEXT_ROOM = 256 * 1024 };

/* What a job says of its file, before the words. */
struct summary {
	uint64_t bytes, words;
	int32_t error; /* errno: it cannot be read */
	int32_t binary;
};

struct file {
	char *path;
	off_t size;
	struct summary summary; /* of the last count */
};

struct list {
	struct file *file;
	size_t n, room, unreadable; /* the last: directories and files that the walk stumbled over */
};

/* One count of all files; the reduce function fills it. */
struct tally {
	struct list *list;
	struct table table;
	uint64_t bytes, words;
	size_t files, binary, unreadable;
	double seconds;
};

static unsigned char letter[256]; /* what a byte is in a word; 0: not in one */

static void letters_init(void)
{
	for (int c = 0; c < 256; c++)
		letter[c] = c >= 0x80 || (c >= 'a' && c <= 'z') ? c : c >= 'A' && c <= 'Z' ? c + 32 : 0;
}

/* The whole file, malloc'ed, with an end of a word behind it; of a binary one
 * only the beginning. NULL: no memory; what else goes wrong is in the summary. */
static unsigned char *read_file(const char *path, struct summary *summary)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t room = TEXT_ROOM, n = 0;
	unsigned char *text = malloc(room), *longer;
	ssize_t got = fd < 0 ? -1 : 1;

	while (text && got > 0 && !summary->binary) {
		got = read(fd, text + n, room - n);
		n += got > 0 ? got : 0;
		summary->binary = memchr(text, 0, n < BINARY_WITHIN ? n : BINARY_WITHIN) != NULL;
		if (n == room) {
			longer = realloc(text, room *= 2);
			if (!longer)
				free(text);
			text = longer;
		}
	}
	if (got < 0)
		summary->error = errno;
	if (fd >= 0)
		close(fd);
	if (text)
		text[n] = ' ';
	summary->bytes = n;
	return text;
}

static bool count_words(struct table *table, unsigned char *text, struct summary *summary)
{
	for (size_t i = 0; i < summary->bytes; i++) {
		uint32_t hash = 2166136261; /* FNV-1a */
		size_t first = i;

		for (; letter[text[i]]; i++) {
			text[i] = letter[text[i]];
			hash = (hash ^ text[i]) * 16777619;
		}
		if (i > first && !table_add(table, text + first, i - first, hash, 1))
			return false;
		summary->words += i > first;
	}
	return true;
}

/* The work function. */
static int count(struct pool_worker *self, size_t job, void *arg)
{
	const char *path = ((struct tally *)arg)->list->file[job].path;
	struct summary summary = { 0 };
	struct table table = { 0 };
	unsigned char *text = read_file(path, &summary);
	int r;

	if (summary.error || summary.binary)
		summary.bytes = 0;
	if (text && table_clear(&table) && count_words(&table, text, &summary))
		r = pool_return(self, &summary, sizeof summary) ||
		    pool_return(self, table.words, table.used);
	else
		r = pool_fail(self, "no memory for the words of %s", path);
	table_free(&table);
	free(text);
	return r;
}

/* A name on one line, whatever it holds. */
static void name(const char *path, const char *what)
{
	fputs("wordcount: ", stderr);
	for (; *path; path++)
		fprintf(stderr, (unsigned char)*path < ' ' || *path == 127 || *path == '\\' ? "\\%03o" : "%c",
			(unsigned char)*path);
	fprintf(stderr, ": %s\n", what);
}

/* The reduce function. A file that is not what it was at the last count is
 * named, so that different counts find their explanation. */
static int merge(size_t job, const void *value, size_t size, void *arg)
{
	const struct summary *summary = value;
	struct tally *tally = arg;
	struct file *file = &tally->list->file[job];
	const char *at = value, *stop = at + size;

	if (summary->error && summary->error != file->summary.error)
		name(file->path, strerror(summary->error));
	else if (memcmp(summary, &file->summary, sizeof *summary) && file->summary.bytes)
		name(file->path, "changed while it was counted");
	file->summary = *summary;
	tally->unreadable += summary->error != 0;
	tally->binary += summary->binary && !summary->error;
	tally->files += !summary->error && !summary->binary;
	tally->bytes += summary->bytes;
	tally->words += summary->words;
	for (at += sizeof *summary; at < stop;) {
		const struct word *word = (const void *)at;

		if (!table_add(&tally->table, word->text, word->length, word->hash, word->count))
			return ENOMEM;
		at += word_size(word->length);
	}
	return 0;
}

static bool list_add(struct list *list, const char *path, off_t size)
{
	if (list->n == list->room) {
		size_t room = 2 * list->room + 1024;
		struct file *file = reallocarray(list->file, room, sizeof *file);

		if (!file)
			return false;
		list->file = file;
		list->room = room;
	}
	list->file[list->n] = (struct file){ strdup(path), size, { 0 } };
	return list->file[list->n++].path != NULL;
}

/* Largest first, which balances best; then by name. */
static int compare_files(const void *x, const void *y)
{
	const struct file *a = x, *b = y;

	return a->size != b->size ? (a->size < b->size) - (a->size > b->size) : strcmp(a->path, b->path);
}

static bool walk(struct list *list, char **directories)
{
	FTS *tree = fts_open(directories, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
	bool done = tree != NULL;
	FTSENT *entry;

	while (done && (errno = 0, entry = fts_read(tree))) {
		if (entry->fts_info == FTS_F) {
			done = list_add(list, entry->fts_path, entry->fts_statp->st_size);
		} else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
			   entry->fts_info == FTS_NS) {
			name(entry->fts_path, strerror(entry->fts_errno));
			list->unreadable++;
		}
	}
	done = done && errno == 0;
	if (!done)
		perror("wordcount");
	if (tree)
		fts_close(tree);
	if (list->n)
		qsort(list->file, list->n, sizeof *list->file, compare_files);
	return done;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* Counts all files; the time is that of the map. */
static bool run(struct pool *pool, struct tally *tally, bool serial)
{
	bool debug = pool_get_debug();
	int r;

	if (!table_clear(&tally->table))
		return false;
	pool_set_debug(serial || debug);
	tally->seconds = -now();
	r = pool_map(pool, tally->list->n, count, merge, tally);
	tally->seconds += now();
	pool_set_debug(debug);
	return r == POOL_OK;
}

static int compare_words(const void *x, const void *y)
{
	const struct word *a = *(struct word *const *)x, *b = *(struct word *const *)y;
	int order = memcmp(a->text, b->text, a->length < b->length ? a->length : b->length);

	if (a->count != b->count)
		return (a->count < b->count) - (a->count > b->count);
	return order ? order : (a->length > b->length) - (a->length < b->length);
}

static bool print_words(const struct table *table)
{
	const struct word **word = malloc((table->nwords + 1) * sizeof *word);
	size_t n = 0;

	if (!word)
		return false;
	for (size_t at = 0; at < table->used; at += word_size(word_at(table, at)->length))
		word[n++] = word_at(table, at);
	qsort(word, n, sizeof *word, compare_words);
	for (size_t i = 0; i < n && i < MOST_FREQUENT; i++) {
		bool whole = word[i]->length <= LONG_WORD;

		printf("%10" PRIu64 " %.*s%s\n", word[i]->count, whole ? (int)word[i]->length : LONG_WORD,
		       word[i]->text, whole ? "" : "...");
	}
	free(word);
	return true;
}

static bool tally_equal(const struct tally *a, const struct tally *b)
{
	return a->files == b->files && a->bytes == b->bytes && a->words == b->words &&
	       a->binary == b->binary && a->unreadable == b->unreadable &&
	       table_equal(&a->table, &b->table);
}

static bool report(const struct tally *serial, const struct tally *parallel, int np)
{
	bool equal = tally_equal(serial, parallel), printed = print_words(&parallel->table);

	printf("%zu files, %" PRIu64 " bytes, %" PRIu64 " words, %zu different\n", parallel->files,
	       parallel->bytes, parallel->words, parallel->table.nwords);
	printf("skipped: %zu binary, %zu unreadable\n", parallel->binary,
	       parallel->unreadable + parallel->list->unreadable);
	printf("serial %.3f s, parallel %.3f s with %d workers: %.2f times as fast\n", serial->seconds,
	       parallel->seconds, np, serial->seconds / parallel->seconds);
	puts(equal ? "both counted the same" : "THE COUNTS DIFFER");
	return equal && printed && fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
	char *usual[] = { "/usr/share/doc", NULL };
	struct list list = { 0 };
	struct tally serial = { .list = &list }, parallel = { .list = &list };
	struct pool *pool = pool_open(NULL);
	bool good = false;

	letters_init();
	/* The first count is not timed: it may have to wait for a disk. */
	if (!walk(&list, argc > 1 ? argv + 1 : usual))
		;
	else if (!pool || pool_map(pool, list.n, count, NULL, &serial) || !run(pool, &serial, true) ||
		 !run(pool, &parallel, false))
		pool_report(pool, stderr);
	else
		good = report(&serial, &parallel, pool_np(pool));
	pool_close(pool);
	table_free(&serial.table);
	table_free(&parallel.table);
	while (list.n)
		free(list.file[--list.n].path);
	free(list.file);
	return good ? 0 : 1;
}
