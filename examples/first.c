/* SPDX-License-Identifier: MIT */
/* first [FILE...]: counts the words in the files, one job per file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sharedmem.h>

struct query {
	char **path;
	long words;
};

static long words_in_file(const char *path)
{
	FILE *file = fopen(path, "r");
	long words = 0;

	if (!file)
		return -1;
	while (fscanf(file, "%*s") != EOF)
		words++;
	if (ferror(file))
		words = -1;
	fclose(file);
	return words;
}

/* Runs in a worker. Sees the program's memory as it was when pool_map was called. */
static int count(struct pool_worker *self, size_t job, void *arg)
{
	struct query *q = arg;
	long n = words_in_file(q->path[job]);

	if (n < 0)
		return pool_fail(self, "cannot read %s: %s", q->path[job], strerror(errno));
	return pool_return(self, &n, sizeof n);
}

/* Runs in the program itself, one call per job, never two at once. */
static int add(size_t job, const void *value, size_t size, void *arg)
{
	struct query *q = arg;

	(void)job, (void)size;
	q->words += *(const long *)value;
	return 0;
}

int main(int argc, char **argv)
{
	struct query q = { argv + 1, 0 };
	struct pool *pool = pool_open(NULL);

	if (!pool || pool_map(pool, argc - 1, count, add, &q)) {
		pool_report(pool, stderr);
		return 1;
	}
	printf("%ld words\n", q.words);
	pool_close(pool);
	return 0;
}
