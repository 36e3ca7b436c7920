/* SPDX-License-Identifier: MIT */
/* crash: a job that crashes ends its map, not the program. The report names the
 * job, the signal and where it happened, and the pool stays usable. */
#include <stdio.h>
#include <string.h>

#include <sharedmem.h>

enum { NAMES = 100, BROKEN = 41 };

struct names {
	const char *name[NAMES];
	size_t letters;
};

/* Trusts its input. */
static int measure(struct pool_worker *self, size_t job, void *arg)
{
	const struct names *names = arg;
	size_t length = strlen(names->name[job]);

	return pool_return(self, &length, sizeof length);
}

static int add(size_t job, const void *value, size_t size, void *arg)
{
	struct names *names = arg;
	size_t length;

	(void)job;
	memcpy(&length, value, size);
	names->letters += length;
	return 0;
}

int main(void)
{
	struct pool_options options = { .backend = POOL_FORK }; /* a process for each worker */
	struct names names = { .letters = 0 };
	struct pool *pool = pool_open(&options);
	int status, right;

	if (!pool) {
		pool_report(NULL, stderr);
		return 1;
	}
	for (int i = 0; i < NAMES; i++)
		names.name[i] = i == BROKEN ? NULL : "anonymous";
	status = pool_map(pool, NAMES, measure, add, &names);
	right = status == POOL_CRASHED && pool_error(pool)->job == BROKEN;
	printf("%s%s:\n", pool_status_name(status), right ? ", as expected" : "");
	fflush(stdout);
	pool_report(pool, stdout);

	/* What was reduced before the crash does not count: start anew. */
	names.name[BROKEN] = "mended";
	names.letters = 0;
	if (pool_map(pool, NAMES, measure, add, &names))
		pool_report(pool, stderr);
	printf("%zu letters\n", names.letters);
	pool_close(pool);
	return right && names.letters == 9 * (NAMES - 1) + 6 ? 0 : 1;
}
