/* SPDX-License-Identifier: MIT */
/* Workers that write over their result pipe: the master believes nothing, and what it
 * could not read is run again. These tests know where the pipe is. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suites.h"
#include "testing.h"

#include "pool/map.h"

enum { JOBS = 60, BAD_JOB = 23 };

enum where { TAIL_FAR, TAIL_BACK, TAIL_ODD, ALL_WORDS, WHOLE_RING, CLAIM, NO_CLAIM, WHERES };

struct scene {
	struct pool *pool;
	int where;
	_Atomic int left; /* times that the job still scribbles */
	_Atomic int ran[JOBS];
	int reduced[JOBS]; /* written by the master */
};

static void scribble(struct scene *scene, int rank)
{
	struct smi_block *block = &scene->pool->team.block;
	struct smi_pipe *pipe = &block->pipe[rank];
	struct smi_pipe_words *words = pipe->words;
	uint64_t tail = atomic_load(&words->tail);

	switch (scene->where) {
	case TAIL_FAR: atomic_store(&words->tail, tail + 10 * pipe->ring.size); break;
	case TAIL_BACK: atomic_store(&words->tail, tail - 4096); break;
	case TAIL_ODD: atomic_store(&words->tail, tail + 5); break;
	case ALL_WORDS: memset(words, 0x5A, offsetof(struct smi_pipe_words, head)); break;
	case WHOLE_RING:
		memset(pipe->ring.first, 0x77, pipe->ring.first_size);
		memset(pipe->ring.memory, 0x77, pipe->ring.size);
		atomic_store(&words->tail, tail + 64);
		break;
	case CLAIM: atomic_store(&block->slot[rank].claim.end, UINT64_MAX); break;
	case NO_CLAIM:
		atomic_store(&block->slot[rank].claim.begin, 0);
		atomic_store(&block->slot[rank].claim.end, 0);
		break;
	default: break;
	}
}

static int work(struct pool_worker *self, size_t job, void *arg)
{
	struct scene *scene = arg;

	atomic_fetch_add(&scene->ran[job], 1);
	test_nap(0.0005);
	if (job == BAD_JOB && atomic_fetch_sub(&scene->left, 1) > 0) {
		test_nap(0.02); /* what it had committed is taken in */
		scribble(scene, self->rank);
		if (scene->where >= CLAIM)
			_exit(9);
		/* Its next commit would put the words right again: the master looks before. */
		test_nap(5);
	}
	return pool_return(self, &job, sizeof job);
}

static int reduce(size_t job, const void *value, size_t size, void *arg)
{
	struct scene *scene = arg;

	scene->reduced[job]++;
	return size != sizeof job || memcmp(value, &job, size) != 0;
}

/* _i: what is written over. */
START_TEST(who_scribbles_once_is_run_again_and_all_are_reduced_once)
{
	struct pool_options options = { .np = 3, .chunk = 5, .retries = 2, .in_order = _i % 2 };
	struct scene *scene = test_shared(sizeof *scene);

	scene->where = _i;
	scene->left = 1;
	scene->pool = test_open(&options);
	assert_ok(scene->pool, pool_map(scene->pool, JOBS, work, reduce, scene));
	for (int job = 0; job < JOBS; job++)
		ck_assert_int_eq(scene->reduced[job], 1);
	ck_assert_int_le(atomic_load(&scene->left), 0);
	pool_close(scene->pool);
	test_unshare(scene, sizeof *scene);
}
END_TEST

START_TEST(who_scribbles_always_loses_its_own_job)
{
	struct pool_options options = { .np = 3, .chunk = 5, .retries = 1, .on_failure = POOL_CONTINUE };
	struct scene *scene = test_shared(sizeof *scene);
	const struct pool_error *failed;
	size_t count;

	scene->where = _i;
	scene->left = 1000;
	scene->pool = test_open(&options);
	assert_status(scene->pool, POOL_INCOMPLETE, pool_map(scene->pool, JOBS, work, reduce, scene));
	failed = pool_failures(scene->pool, &count);
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(failed->job, BAD_JOB);
	ck_assert_int_eq((int)failed->status, POOL_CRASHED);
	for (int job = 0; job < JOBS; job++)
		ck_assert_int_eq(scene->reduced[job], job != BAD_JOB);
	pool_close(scene->pool);
	test_unshare(scene, sizeof *scene);
}
END_TEST

START_TEST(without_retries_the_map_ends)
{
	struct scene *scene = test_shared(sizeof *scene);

	scene->where = WHOLE_RING;
	scene->left = 1;
	scene->pool = test_open(&(struct pool_options){ .np = 3 });
	assert_status(scene->pool, POOL_CRASHED, pool_map(scene->pool, JOBS, work, reduce, scene));
	ck_assert_ptr_nonnull(strstr(pool_error(scene->pool)->message, "result pipe"));
	for (int job = 0; job < JOBS; job++)
		ck_assert_int_le(scene->reduced[job], 1);
	assert_usable(scene->pool);
	pool_close(scene->pool);
	test_unshare(scene, sizeof *scene);
}
END_TEST

Suite *scribble_suite(void)
{
	Suite *suite = suite_create("scribble");
	TCase *test = test_case(suite, "scribble", 20);

	tcase_add_loop_test(test, who_scribbles_once_is_run_again_and_all_are_reduced_once, 0, WHERES);
	tcase_add_loop_test(test, who_scribbles_always_loses_its_own_job, 0, WHERES);
	tcase_add_test(test, without_retries_the_map_ends);
	return suite;
}
