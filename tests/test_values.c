/* SPDX-License-Identifier: MIT */
/* Return values of any size, in one piece and in many, in place and copied. */
#include "suites.h"
#include "testing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof (array) / sizeof *(array))

enum way { ONE_RETURN, ONE_SPACE, TRIMMED_SPACE, BYTES_AND_SPACES, DOUBLING_SPACES, WAYS };

static const int backends[] = { POOL_FORK, POOL_THREAD, POOL_SERIAL };
static const size_t sizes[] = { 0, 1, 15, 16, 17, 4095, 4096, 4097, 65535, 65536, 65537,
				1 << 20, 64 << 20 };

/* Word i of a job's value: nothing repeats, so that no piece can be swapped. */
static uint64_t word_of(size_t job, size_t i)
{
	return (job + 1) * 0xD1342543DE82EF95u + i * 0x9E3779B97F4A7C15u;
}

/* Bytes begin ... begin+size-1 of the value of `job`, anywhere in memory. */
static void fill(void *out, size_t job, size_t begin, size_t size)
{
	unsigned char *bytes = out;

	while (size) {
		uint64_t word = word_of(job, begin / 8);
		size_t skip = begin % 8, part = 8 - skip < size ? 8 - skip : size;

		memcpy(bytes, (char *)&word + skip, part);
		bytes += part;
		begin += part;
		size -= part;
	}
}

static bool is_filled(const void *value, size_t job, size_t size)
{
	const unsigned char *bytes = value;
	uint64_t bad = 0, word;
	size_t i;

	for (i = 0; i < size / 8; i++) {
		memcpy(&word, bytes + 8 * i, 8);
		bad |= word ^ word_of(job, i);
	}
	word = word_of(job, i);
	return !bad && (size % 8 == 0 || !memcmp(bytes + 8 * i, &word, size % 8));
}

struct values { size_t size, njobs; enum way way; bool in_order; char wrong[120]; size_t calls; };

static int return_one(struct pool_worker *self, size_t job, size_t size)
{
	char *mine = malloc(size + 1);
	int r;

	if (!mine)
		return 1;
	fill(mine, job, 0, size);
	r = pool_return(self, mine, size);
	memset(mine, 0xEE, size); /* it was copied */
	free(mine);
	return r;
}

static int return_space(struct pool_worker *self, size_t job, size_t size, size_t trim)
{
	void *space = pool_return_space(self, size + trim);

	if (!space)
		return 2;
	if ((uintptr_t)space % 16)
		return pool_fail(self, "space of %zu bytes at %p", size + trim, space);
	fill(space, job, 0, size);
	if (trim) {
		memset((char *)space + size, 0xEE, trim);
		pool_return_trim(self, size);
	}
	return 0;
}

/* Appends bytes done ... done+piece-1 through a space, trimmed when odd. */
static int append_space(struct pool_worker *self, size_t job, size_t done, size_t piece)
{
	size_t spare = piece % 2 ? piece / 2 + 1 : 0;
	char *space = pool_return_space(self, piece + spare);

	if (!space)
		return 3;
	if (!done && (uintptr_t)space % 16)
		return pool_fail(self, "first space at %p", (void *)space);
	memset(space, 0xEE, piece + spare);
	fill(space, job, done, piece);
	if (spare)
		pool_return_trim(self, piece);
	else
		pool_return_trim(self, piece + 1000); /* larger is ignored */
	return 0;
}

static int append_bytes(struct pool_worker *self, size_t job, size_t done, size_t piece)
{
	char bytes[5000];

	fill(bytes, job, done, piece);
	return pool_return(self, bytes, piece);
}

static int return_mixed(struct pool_worker *self, size_t job, size_t size)
{
	uint64_t random = job + size;
	size_t longest = size / 50 < 4999 ? 4999 : size / 50;

	for (size_t done = 0; done < size;) {
		size_t piece = test_random(&random) % (longest + 1);
		int r;

		piece = piece < size - done ? piece : size - done;
		if (test_random(&random) % 2 && piece <= 5000)
			r = append_bytes(self, job, done, piece);
		else
			r = append_space(self, job, done, piece);
		if (r)
			return r;
		done += piece;
	}
	return 0;
}

static int return_doubling(struct pool_worker *self, size_t job, size_t size)
{
	for (size_t done = 0; done < size;) {
		size_t piece = done + 1 < size - done ? done + 1 : size - done;

		if (append_space(self, job, done, piece))
			return 4;
		done += piece;
	}
	return 0;
}

static int return_value(struct pool_worker *self, size_t job, void *arg)
{
	const struct values *values = arg;
	size_t size = values->size;

	switch (values->way) {
	case ONE_RETURN: return return_one(self, job, size);
	case ONE_SPACE: return return_space(self, job, size, 0);
	case TRIMMED_SPACE: return return_space(self, job, size, size / 3 + 5);
	case BYTES_AND_SPACES: return return_mixed(self, job, size);
	default: return return_doubling(self, job, size);
	}
}

static int check_value(size_t job, const void *value, size_t size, void *arg)
{
	struct values *values = arg;

	values->calls++;
	if (values->wrong[0])
		return 1;
	if (size != values->size)
		snprintf(values->wrong, sizeof values->wrong, "job %zu: %zu bytes", job, size);
	else if ((uintptr_t)value % 16)
		snprintf(values->wrong, sizeof values->wrong, "job %zu: value at %p", job, value);
	else if (!size != !value)
		snprintf(values->wrong, sizeof values->wrong, "job %zu: %zu bytes at %p", job, size, value);
	else if (!is_filled(value, job, size))
		snprintf(values->wrong, sizeof values->wrong, "job %zu: other bytes", job);
	return values->wrong[0] != 0;
}

static void check_values(struct pool *pool, struct values *values)
{
	int status = pool_map(pool, values->njobs, return_value, check_value, values);

	ck_assert_msg(!status, "size %zu, way %d: %s: %s %s", values->size, (int)values->way,
		      pool_status_name(status), pool_error(pool)->message, values->wrong);
	ck_assert_uint_eq(values->calls, values->njobs);
}

/* _i: backend x way. */
START_TEST(a_value_of_any_size_arrives_as_it_was_sent)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .backend = backends[_i / WAYS] });

	for (size_t s = 0; s < COUNT(sizes); s++) {
		struct values values = { .size = sizes[s], .way = _i % WAYS, .njobs = 9 };

		if (sizes[s] > 1 << 20)
			values.njobs = 2;
		if (sizes[s] > 1 << 20 && test_slow())
			continue;
		check_values(pool, &values);
	}
	/* And smaller ones again, over what the larger ones left. */
	for (size_t s = COUNT(sizes); s-- > 0;)
		if (sizes[s] <= 1 << 20)
			check_values(pool, &(struct values){ .size = sizes[s], .way = _i % WAYS, .njobs = 5 });
	pool_close(pool);
}
END_TEST

static int return_random_size(struct pool_worker *self, size_t job, void *arg)
{
	struct values values = { 0 };
	uint64_t random = job;

	(void)arg;
	values.size = test_random(&random) >> (44 + job % 19); /* up to 1 MiB, mostly small */
	values.way = test_random(&random) % WAYS;
	return return_value(self, job, &values);
}

static int check_random_size(size_t job, const void *value, size_t size, void *arg)
{
	uint64_t random = job;
	struct values *values = arg, one = { .size = test_random(&random) >> (44 + job % 19) };

	values->calls++;
	if (check_value(job, value, size, &one)) {
		memcpy(values->wrong, one.wrong, sizeof one.wrong);
		return 1;
	}
	return 0;
}

START_TEST(values_of_mixed_sizes_follow_each_other)
{
	static const int nps[] = { 1, 2, 8, 33 };

	for (size_t p = 0; p < COUNT(nps); p++)
		for (int in_order = 0; in_order < 2; in_order++) {
			struct pool *pool = test_open(&(struct pool_options){ .np = nps[p],
				.backend = backends[_i], .in_order = in_order });
			struct values values = { 0 };
			int status = pool_map(pool, 500, return_random_size, check_random_size, &values);

			ck_assert_msg(!status, "np %d: %s: %s", nps[p], pool_error(pool)->message, values.wrong);
			ck_assert_uint_eq(values.calls, 500);
			pool_close(pool);
		}
}
END_TEST

START_TEST(many_workers_send_big_values)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 33, .backend = backends[_i / 2] });
	struct values values = { .size = (2 << 20) + 3, .way = _i % 2 ? ONE_SPACE : ONE_RETURN, .njobs = 66 };

	check_values(pool, &values);
	pool_close(pool);
}
END_TEST

static double children_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_CHILDREN, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static int slow_check(size_t job, const void *value, size_t size, void *arg)
{
	test_nap(10e-3);
	return check_value(job, value, size, arg);
}

START_TEST(a_full_pipe_makes_the_worker_wait_not_burn)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 2 });
	struct values values = { .size = 1 << 20, .way = ONE_SPACE, .njobs = 60 };
	double before = children_seconds(), start = test_now(), wall;

	assert_ok(pool, pool_map(pool, values.njobs, return_value, slow_check, &values));
	wall = test_now() - start;
	pool_close(pool);
	ck_assert_msg(!values.wrong[0], "%s", values.wrong);
	ck_assert_msg(test_slow() || children_seconds() - before < 0.5 * wall,
		      "workers burnt %.3f s in %.3f s", children_seconds() - before, wall);
}
END_TEST

static int nap_a_while(struct pool_worker *self, size_t job, void *arg)
{
	(void)self, (void)job, (void)arg;
	test_nap(0.25);
	return 0;
}

START_TEST(a_master_that_waits_sleeps)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .backend = backends[_i] });
	struct timespec before, after;
	double burnt;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	assert_ok(pool, pool_map(pool, 2, nap_a_while, NULL, NULL));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	burnt = (double)(after.tv_sec - before.tv_sec) + 1e-9 * (double)(after.tv_nsec - before.tv_nsec);
	ck_assert_msg(test_slow() || burnt < 0.1, "%.3f s burnt in a map of jobs that sleep", burnt);
	pool_close(pool);
}
END_TEST

static int return_too_much(struct pool_worker *self, size_t job, void *arg)
{
	void *space;

	if (job != 3)
		return pool_return(self, "fine", 5);
	space = pool_return_space(self, *(size_t *)arg);
	if (space)
		return pool_fail(self, "got more memory than there is: %p", space);
	return 0; /* it does not tell: the job fails all the same */
}

START_TEST(a_return_that_failed_fails_the_job)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .backend = backends[_i] });
	size_t too_much[] = { SIZE_MAX / 2 - 4096, (size_t)1 << 46, (size_t)1 << 40, pool_total_memory() + 4096 };

	for (size_t i = 0; i < COUNT(too_much); i++) {
		assert_status(pool, POOL_NO_RESOURCES, pool_map(pool, 10, return_too_much, NULL, &too_much[i]));
		ck_assert_uint_eq(pool_error(pool)->job, 3);
		ck_assert_int_eq(pool_error(pool)->code, ENOMEM);
		assert_usable(pool);
	}
	pool_close(pool);
}
END_TEST

static int return_empty_pieces(struct pool_worker *self, size_t job, void *arg)
{
	(void)arg;
	if (pool_return(self, NULL, 0) || !pool_return_space(self, 0) || pool_return(self, "", 0))
		return 1;
	pool_return_trim(self, 0);
	if (!pool_return_space(self, 100))
		return 2;
	pool_return_trim(self, 0);
	return job % 2 ? pool_return(self, "x", 1) : 0;
}

static int check_empty_pieces(size_t job, const void *value, size_t size, void *arg)
{
	(void)arg;
	return job % 2 ? size != 1 || *(const char *)value != 'x' : value || size;
}

START_TEST(pieces_of_no_bytes_add_nothing)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .backend = backends[_i] });

	assert_ok(pool, pool_map(pool, 100, return_empty_pieces, check_empty_pieces, NULL));
	pool_close(pool);
}
END_TEST

static int trim_after_return(struct pool_worker *self, size_t job, void *arg)
{
	char *space = pool_return_space(self, 8);

	(void)job, (void)arg;
	if (!space)
		return 1;
	memcpy(space, "abcdefgh", 8);
	pool_return_trim(self, 4);
	pool_return_trim(self, 6); /* larger than what is left: ignored */
	return pool_return(self, "XY", 2);
}

START_TEST(a_trimmed_space_is_followed_at_once)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .backend = backends[_i] });
	char out[5][6];

	assert_ok(pool, pool_collect(pool, 5, trim_after_return, out, 6, NULL));
	for (int i = 0; i < 5; i++)
		ck_assert_mem_eq(out[i], "abcdXY", 6);
	pool_close(pool);
}
END_TEST

/* Values may be many while reduce is away: none is lost, and none waits for
 * the next one to come. */
static int note_time(struct pool_worker *self, size_t job, void *arg)
{
	double now;

	(void)arg;
	if (job)
		test_nap(0.4);
	now = test_now();
	return pool_return(self, &now, sizeof now);
}

static int note_delay(size_t job, const void *value, size_t size, void *arg)
{
	(void)size;
	if (!job)
		*(double *)arg = test_now() - *(const double *)value;
	return 0;
}

START_TEST(a_value_is_reduced_while_other_jobs_run)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .backend = backends[_i] });
	double delay = -1;

	assert_ok(pool, pool_map(pool, 2, note_time, note_delay, &delay));
	ck_assert_double_ge(delay, 0);
	ck_assert_double_lt(delay, 0.25);
	pool_close(pool);
}
END_TEST

static size_t memory_available(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[100];
	size_t kib = 0;

	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "MemAvailable: %zu", &kib) == 1)
			break;
	if (file)
		fclose(file);
	kib *= 1024;
	return pool_total_memory() && pool_total_memory() < kib ? pool_total_memory() : kib;
}

static const size_t huge = (size_t)5 << 30, stride = 4 << 20;

/* Stamps in every 4 MiB, at the first and the last bytes. */
static int return_huge(struct pool_worker *self, size_t job, void *arg)
{
	char *space = pool_return_space(self, huge);

	(void)job, (void)arg;
	if (!space)
		return 1;
	for (size_t i = 0; i + 8 <= huge; i += stride)
		fill(space + i, 0, i, 8);
	fill(space + huge - 8, 0, huge - 8, 8);
	return 0;
}

static int check_huge(size_t job, const void *value, size_t size, void *arg)
{
	const char *bytes = value;
	char wanted[8];

	(void)job;
	if (size != huge)
		return 1;
	for (size_t i = 0; i + 8 <= huge; i += stride) {
		fill(wanted, 0, i, 8);
		if (memcmp(bytes + i, wanted, 8))
			return 2;
	}
	fill(wanted, 0, huge - 8, 8);
	++*(int *)arg;
	return memcmp(bytes + huge - 8, wanted, 8) ? 3 : 0;
}

START_TEST(a_value_of_5_gib_arrives)
{
	struct pool *pool;
	int calls = 0;

	if (memory_available() < (size_t)12 << 30 || test_slow()) {
		fprintf(stderr, "skipped: a_value_of_5_gib_arrives (needs 12 GiB of free memory)\n");
		return;
	}
	pool = test_open(&(struct pool_options){ .np = 2 });
	assert_ok(pool, pool_map(pool, 1, return_huge, check_huge, &calls));
	ck_assert_int_eq(calls, 1);
	pool_close(pool);
}
END_TEST

Suite *values_suite(void)
{
	Suite *suite = suite_create("values");
	TCase *test = test_case(suite, "values", 30);

	tcase_add_loop_test(test, a_value_of_any_size_arrives_as_it_was_sent, 0, 3 * WAYS);
	tcase_add_loop_test(test, values_of_mixed_sizes_follow_each_other, 0, 3);
	tcase_add_loop_test(test, many_workers_send_big_values, 0, 4);
	tcase_add_test(test, a_full_pipe_makes_the_worker_wait_not_burn);
	tcase_add_loop_test(test, a_master_that_waits_sleeps, 0, 2);
	tcase_add_loop_test(test, a_return_that_failed_fails_the_job, 0, 3);
	tcase_add_loop_test(test, pieces_of_no_bytes_add_nothing, 0, 3);
	tcase_add_loop_test(test, a_trimmed_space_is_followed_at_once, 0, 3);
	tcase_add_loop_test(test, a_value_is_reduced_while_other_jobs_run, 0, 2);

	/* All its pages are new: seconds, and on a crowded machine many. */
	test = test_case(suite, "5 GiB", 120);
	tcase_add_test(test, a_value_of_5_gib_arrives);
	return suite;
}
