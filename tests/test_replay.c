/* SPDX-License-Identifier: MIT */
/* What a crash is told as, and SHAREDMEM_ONLY, which runs what it names once more. */
#include "suites.h"
#include "testing.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { JOBS = 40, BAD_JOB = 17 };

/* In shared memory. */
struct scene {
	_Atomic int tried[JOBS], others, elsewhere, pid, rank;
	size_t reduced, last;
};

void write_to_a_field_of_nothing(void);
__attribute__((__noinline__, __no_sanitize__("undefined"))) void write_to_a_field_of_nothing(void)
{
	int *volatile nowhere = (int *)8;

	*nowhere = 1;
	__asm__ volatile("" ::: "memory");
}

static int crash_in_one(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;

	if (job == BAD_JOB) {
		scene->pid = getpid();
		scene->rank = self->rank;
		write_to_a_field_of_nothing();
	}
	return pool_return(self, &job, sizeof job);
}

static int note(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;

	if (job >= JOBS)
		scene->others++;
	else
		scene->tried[job]++;
	scene->pid = getpid();
	if (self->np != 1 || self->rank != 0)
		scene->elsewhere++;
	return pool_return(self, &job, sizeof job);
}

static int take(size_t job, const void *value, size_t size, void *arg)
{
	struct scene *scene = arg;

	if (size != sizeof job || memcmp(value, &job, sizeof job))
		scene->others++;
	scene->reduced++;
	scene->last = job;
	return 0;
}

/* Maps of this process are counted: the n-th of them crashes. */
START_TEST(a_crash_is_told_in_one_sentence)
{
	struct scene *scene = test_shared(sizeof *scene);
	struct pool *pool = test_open(&(struct pool_options){ .np = 5, .on_failure = _i ? POOL_CONTINUE : POOL_STOP });

	for (int map = 1; map < 4; map++) {
		const struct pool_error *error;
		char begins[120], ends[60];
		size_t count, length;

		assert_status(pool, _i ? POOL_INCOMPLETE : POOL_CRASHED, pool_map(pool, JOBS, crash_in_one, NULL, scene));
		error = pool_failures(pool, &count);
		ck_assert_uint_eq(count, 1);
		snprintf(begins, sizeof begins, "job %d (rank %d, pid %d) died of SIGSEGV at address 0x8%s", BAD_JOB,
			 scene->rank, scene->pid, test_slow() ? "" : " in write_to_a_field_of_nothing");
		if (map == 1)
			snprintf(ends, sizeof ends, "; replay: SHAREDMEM_ONLY=%d", BAD_JOB);
		else
			snprintf(ends, sizeof ends, "; replay: SHAREDMEM_ONLY=%d:%d", map, BAD_JOB);
		length = strlen(error->message);
		ck_assert_msg(!strncmp(error->message, begins, strlen(begins)), "%s, not %s", error->message, begins);
		ck_assert_msg(length > strlen(ends) && !strcmp(error->message + length - strlen(ends), ends), "%s",
			      error->message);
		ck_assert_ptr_null(strchr(error->message, '\n'));
	}
	pool_close(pool);
	test_unshare(scene, sizeof *scene);
}
END_TEST

static int replay(void *arg)
{
	static const struct pool_options many[] = {
		{ .np = 3 }, { .np = 3, .retries = 2, .job_timeout = 5, .kill_group = true, .jobs_per_worker = 1 },
		{ .np = 2, .in_order = true, .on_failure = POOL_CONTINUE }, { .np = 3, .backend = POOL_THREAD },
		{ .np = 1, .schedule = POOL_STATIC, .chunk = 5 },
	};
	struct scene *scene = arg;

	setenv("SHAREDMEM_ONLY", "17", 1);
	for (size_t i = 0; i < sizeof many / sizeof *many; i++) {
		struct pool *pool = pool_open(&many[i]);

		memset((void *)scene, 0, sizeof *scene);
		REQUIRE(pool && pool_map(pool, JOBS, note, take, scene) == POOL_INCOMPLETE);
		REQUIRE(pool_error(pool)->status == POOL_INCOMPLETE && strstr(pool_error(pool)->message, "17"));
		for (int job = 0; job < JOBS; job++)
			REQUIRE(scene->tried[job] == (job == BAD_JOB));
		REQUIRE(scene->pid == getpid() && scene->reduced == 1 && scene->last == BAD_JOB);
		REQUIRE(!scene->others && !scene->elsewhere);
		pool_close(pool);
	}
	return 0;
}

START_TEST(only_one_job_is_replayed_in_the_program_itself)
{
	struct scene *scene = test_shared(sizeof *scene);

	ck_assert_int_eq(in_child(replay, scene, 10), 0);
	test_unshare(scene, sizeof *scene);
}
END_TEST

static int crash_again(void *arg)
{
	struct pool *pool;

	setenv("SHAREDMEM_ONLY", "2:17", 1);
	pool = pool_open(&(struct pool_options){ .np = 3 });
	REQUIRE(pool && pool_map(pool, 10, crash_in_one, NULL, arg) == POOL_OK);
	pool_map(pool, JOBS, crash_in_one, NULL, arg);
	return __LINE__;
}

START_TEST(what_is_replayed_crashes_in_the_program_itself)
{
	struct scene *scene = test_shared(sizeof *scene);

	ck_assert_int_eq(in_child(crash_again, scene, 10), -SIGSEGV);
	test_unshare(scene, sizeof *scene);
}
END_TEST

static int second_map(void *arg)
{
	struct scene *scene = arg;
	struct pool *pool = pool_open(&(struct pool_options){ .np = 3 });

	setenv("SHAREDMEM_ONLY", "2:5", 1);
	REQUIRE(pool && pool_map(pool, JOBS, note, take, scene) == POOL_OK);
	REQUIRE(scene->reduced == JOBS && scene->pid != getpid());
	scene->reduced = 0;
	REQUIRE(pool_map(pool, JOBS, note, take, scene) == POOL_INCOMPLETE);
	REQUIRE(scene->reduced == 1 && scene->last == 5 && scene->pid == getpid());
	scene->reduced = 0;
	REQUIRE(pool_map(pool, JOBS, note, take, scene) == POOL_OK);
	REQUIRE(scene->reduced == JOBS && scene->pid != getpid());
	pool_close(pool);
	return 0;
}

START_TEST(a_map_may_be_named_beside_its_job)
{
	struct scene *scene = test_shared(sizeof *scene);

	ck_assert_int_eq(in_child(second_map, scene, 10), 0);
	test_unshare(scene, sizeof *scene);
}
END_TEST

static int unreadable(void *arg)
{
	static const char *const values[] = { "", " ", "x", "17x", "-1", "1:", ":5", "0:5", "1:2:3", "1.5",
		"99999999999999999999", "5:99999999999999999999", "+3", " 17" };
	struct scene *scene = arg;

	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		struct pool *pool = pool_open(&(struct pool_options){ .np = 2 });
		char *text = NULL;
		size_t size = 0;
		FILE *stream = open_memstream(&text, &size);

		setenv("SHAREDMEM_ONLY", values[i], 1);
		scene->reduced = 0;
		fprintf(stderr, "SHAREDMEM_ONLY='%s'\n", values[i]);
		REQUIRE(pool && pool_map(pool, JOBS, note, take, scene) == POOL_OK);
		REQUIRE(scene->reduced == JOBS && scene->pid != getpid());
		pool_display_env(stream);
		fclose(stream);
		REQUIRE(!values[i][0] || strstr(text, "SHAREDMEM_ONLY"));
		free(text);
		pool_close(pool);
	}
	return 0;
}

START_TEST(what_cannot_be_read_is_ignored_and_displayed)
{
	struct scene *scene = test_shared(sizeof *scene);

	ck_assert_int_eq(in_child(unreadable, scene, 10), 0);
	test_unshare(scene, sizeof *scene);
}
END_TEST

static int out_of_range(void *arg)
{
	static const char *const values[] = { "40", "1000000", "18446744073709551614" };
	struct scene *scene = arg;

	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		struct pool *pool = pool_open(&(struct pool_options){ .np = 2 });

		setenv("SHAREDMEM_ONLY", values[i], 1);
		REQUIRE(pool && pool_map(pool, JOBS, note, take, scene) == POOL_INCOMPLETE);
		REQUIRE(scene->reduced == 0 && scene->others == 0 && scene->pid == 0);
		REQUIRE(strstr(pool_error(pool)->message, values[i]));
		pool_close(pool);
	}
	return 0;
}

START_TEST(a_job_that_the_map_does_not_have_is_not_run)
{
	struct scene *scene = test_shared(sizeof *scene);

	ck_assert_int_eq(in_child(out_of_range, scene, 10), 0);
	test_unshare(scene, sizeof *scene);
}
END_TEST

Suite *replay_suite(void)
{
	Suite *suite = suite_create("replay");
	TCase *test = test_case(suite, "replay", 20);

	tcase_add_loop_test(test, a_crash_is_told_in_one_sentence, 0, 2);
	tcase_add_test(test, only_one_job_is_replayed_in_the_program_itself);
	tcase_add_test(test, what_is_replayed_crashes_in_the_program_itself);
	tcase_add_test(test, a_map_may_be_named_beside_its_job);
	tcase_add_test(test, what_cannot_be_read_is_ignored_and_displayed);
	tcase_add_test(test, a_job_that_the_map_does_not_have_is_not_run);
	return suite;
}
