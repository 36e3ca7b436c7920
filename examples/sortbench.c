/* SPDX-License-Identifier: MIT */
/* Sorts the numbers of a binary file and says how fast:
 *
 *     sortbench [FILE [TYPE [THREADS]]]
 *
 * TYPE is one of i1 u1 i2 u2 i4 u4 i8 u8 f4 f8, f8 by default. The file is only
 * read. Without a file, a small one of random doubles is made and removed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sharedmem.h>

static const char *const names[] = { "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8" };
static const size_t sizes[] = { 1, 1, 2, 2, 4, 4, 8, 8, 4, 8 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Reads the whole file; n is how many items of `size` bytes it has. */
static void *read_items(const char *path, size_t size, size_t *n)
{
	FILE *file = fopen(path, "rb");
	void *items = NULL;
	long bytes = -1;

	if (file && fseek(file, 0, SEEK_END) == 0)
		bytes = ftell(file);
	if (bytes >= 0)
		items = malloc((size_t)bytes + 1);
	*n = bytes >= 0 ? (size_t)bytes / size : 0;
	if (items) {
		rewind(file);
		if (fread(items, size, *n, file) != *n) {
			free(items);
			items = NULL;
		}
	}
	if (file)
		fclose(file);
	return items;
}

/* A file of a million random doubles; its name replaces the Xs of `path`. */
static int make_file(char *path)
{
	int fd = mkstemp(path);
	FILE *file = fd >= 0 ? fdopen(fd, "wb") : NULL;
	unsigned long long x = 1;

	if (!file)
		return -1;
	for (int i = 0; i < 1000000; i++) {
		double key;

		x = x * 6364136223846793005u + 1442695040888963407u;
		key = (double)(x >> 11) / 9007199254740992.0;
		fwrite(&key, sizeof key, 1, file);
	}
	return fclose(file);
}

/* Is `order` a stable order of the keys that gives `sorted`? Where two sorted
 * keys are the same bytes, the indices must ascend; that the sorted keys
 * ascend is left to shared_searchsorted: each finds its own place. */
static int verify(const char *keys, const char *sorted, const size_t *order, size_t n,
		  enum shared_type type)
{
	size_t size = sizes[type], *first = malloc((n + 1) * sizeof *first);
	size_t *last = malloc((n + 1) * sizeof *last);
	int good = first && last &&
		   !shared_searchsorted(sorted, n, type, sorted, n, SHARED_LEFT, first, NULL) &&
		   !shared_searchsorted(sorted, n, type, sorted, n, SHARED_RIGHT, last, NULL);

	for (size_t i = 0; good && i < n; i++) {
		good = order[i] < n && memcmp(sorted + i * size, keys + order[i] * size, size) == 0 &&
		       first[i] <= i && i < last[i];
		if (good && i > first[i])
			good = order[i - 1] < order[i] && first[i - 1] == first[i];
	}
	free(first);
	free(last);
	return good;
}

static int run(const char *path, enum shared_type type, int np)
{
	struct shared_sort_options options = { .np = np };
	size_t n, *order;
	char *keys = read_items(path, sizes[type], &n), *sorted;
	double begin, argsorted, done;
	int r;

	if (!keys)
		return fprintf(stderr, "%s: %s\n", path, strerror(errno)), 1;
	order = malloc((n + 1) * sizeof *order);
	sorted = malloc((n + 1) * sizes[type]);
	if (!order || !sorted)
		return fprintf(stderr, "no memory for %zu keys\n", n), 1;
	memcpy(sorted, keys, n * sizes[type]);
	begin = now();
	r = shared_argsort(keys, n, type, order, &options);
	argsorted = now();
	if (r == 0)
		r = shared_sort(sorted, n, type, &options);
	done = now();
	if (r)
		return fprintf(stderr, "%s\n", strerror(r)), 1;
	printf("%zu keys of type %s\n", n, names[type]);
	printf("argsort %8.2f ms  %8.1f million keys/s\n", (argsorted - begin) * 1e3,
	       (double)n / (argsorted - begin) * 1e-6);
	printf("sort    %8.2f ms  %8.1f million keys/s\n", (done - argsorted) * 1e3,
	       (double)n / (done - argsorted) * 1e-6);
	r = !verify(keys, sorted, order, n, type);
	printf("%s\n", r ? "WRONG" : "verified");
	free(keys);
	free(order);
	free(sorted);
	return r;
}

int main(int argc, char **argv)
{
	const char *tmp = getenv("TMPDIR");
	unsigned type = SHARED_FLOAT64;
	char path[4096];
	int r;

	if (argc > 2)
		for (type = 0; type < 10 && strcmp(names[type], argv[2]) != 0; type++)
			;
	if (type == 10)
		return fprintf(stderr, "%s: no such type\n", argv[2]), 1;
	if (argc > 1)
		return run(argv[1], (enum shared_type)type, argc > 3 ? atoi(argv[3]) : 0);
	snprintf(path, sizeof path, "%s/sortbench.XXXXXX", tmp ? tmp : "/tmp");
	if (make_file(path))
		return perror(path), 1;
	r = run(path, SHARED_FLOAT64, 0);
	unlink(path);
	return r;
}
