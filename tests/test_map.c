/* SPDX-License-Identifier: MIT */
/* The contract of pool_map and pool_collect, the same on every backend. */
#include "suites.h"
#include "testing.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(array) (sizeof (array) / sizeof *(array))

static const int backends[] = { POOL_FORK, POOL_THREAD, POOL_SERIAL };
static const int nps[] = { 1, 2, 3, 8, 33 };
static const size_t chunks[] = { 0, 1, 7 };
static const size_t sizes[] = { 0, 1, 2, 7, 1000, 100003 };

static int workers_of(const struct pool_options *options, size_t njobs)
{
	return options->backend == POOL_SERIAL ? 1 : smaller(options->np, njobs);
}

static void check_map(struct pool *pool, const struct pool_options *options, size_t njobs)
{
	struct ledger ledger;
	const char *wrong;
	int status;

	ledger_open(&ledger, njobs, workers_of(options, njobs));
	ledger.in_order = options->in_order || options->backend == POOL_SERIAL;
	status = pool_map(pool, njobs, ledger_work, ledger_reduce, &ledger);
	wrong = status ? pool_error(pool)->message : ledger_complete(&ledger);
	ck_assert_msg(!wrong, "backend %d, schedule %d, chunk %zu, np %d, n %zu, in_order %d: %s: %s",
		      (int)options->backend, (int)options->schedule, options->chunk, options->np, njobs,
		      options->in_order, pool_status_name(status), wrong);
	ck_assert_uint_eq(ledger.calls, njobs);
	ledger_close(&ledger);
}

/* _i: backend x schedule. */
START_TEST(every_job_runs_once_and_is_reduced_once)
{
	struct pool_options options = { .backend = backends[_i / 3], .schedule = POOL_STATIC + _i % 3 };

	for (size_t c = 0; c < COUNT(chunks); c++)
		for (size_t p = 0; p < COUNT(nps); p++)
			for (int in_order = 0; in_order < 2; in_order++) {
				struct pool *pool;

				options.chunk = chunks[c];
				options.np = nps[p];
				options.in_order = in_order;
				pool = test_open(&options);
				for (size_t n = 0; n < COUNT(sizes); n++) {
					bool large = sizes[n] > 1000;

					if (large && (options.np == 1 || options.np == 33))
						continue;
					check_map(pool, &options, large && test_slow() ? 5003 : sizes[n]);
				}
				pool_close(pool);
			}
}
END_TEST

struct place { pid_t pid, tid; int np, rank; bool local; };

static int note_place(struct pool_worker *self, size_t job, void *arg)
{
	((struct place *)arg)[job] = (struct place){ getpid(), (pid_t)syscall(SYS_gettid), self->np,
						     self->rank, self->local != NULL };
	self->local = arg;
	return 0;
}

START_TEST(jobs_run_where_their_backend_says)
{
	struct place *place = test_shared(4 * sizeof *place);
	pid_t pid = getpid(), tid = (pid_t)syscall(SYS_gettid);

	for (int np = 1; np <= 2; np++)
		for (size_t b = 0; b < COUNT(backends); b++) {
			struct pool *pool = test_open(&(struct pool_options){ .np = np, .backend = backends[b] });

			assert_ok(pool, pool_map(pool, 4, note_place, NULL, place));
			for (int i = 0; i < 4; i++) {
				ck_assert_int_eq(place[i].pid == pid, backends[b] != POOL_FORK);
				ck_assert_int_eq(place[i].tid == tid, backends[b] == POOL_SERIAL);
			}
			pool_close(pool);
		}
	test_unshare(place, 4 * sizeof *place);
}
END_TEST

START_TEST(local_is_null_when_a_life_begins)
{
	struct place *place = test_shared(4 * sizeof *place);
	struct pool *pool = test_open(&(struct pool_options){ .np = 1, .backend = backends[_i] });

	for (int map = 0; map < 3; map++) {
		assert_ok(pool, pool_map(pool, 4, note_place, NULL, place));
		for (int i = 0; i < 4; i++)
			ck_assert_int_eq(place[i].local, i != 0);
	}
	pool_close(pool);
	test_unshare(place, 4 * sizeof *place);
}
END_TEST

START_TEST(pool_np_is_what_a_large_map_gets)
{
	struct pool *pool = test_open(NULL);

	ck_assert_int_eq(pool_np(pool), pool_cpu_count());
	pool_close(pool);
	pool = test_open(&(struct pool_options){ .np = 5 });
	ck_assert_int_eq(pool_np(pool), 5);
	pool_close(pool);
	pool = test_open(&(struct pool_options){ .np = 5, .backend = POOL_SERIAL });
	ck_assert_int_eq(pool_np(pool), 1);
	pool_close(pool);
}
END_TEST

static int add_to_private(struct pool_worker *self, size_t job, void *arg)
{
	(void)self, (void)job;
	++*(int *)arg;
	return 0;
}

START_TEST(a_forked_job_writes_its_own_memory)
{
	static const int left[] = { 0, 5, 5 };
	struct pool *pool = test_open(&(struct pool_options){ .np = 1, .backend = backends[_i] });
	int private = 0;

	assert_ok(pool, pool_map(pool, 5, add_to_private, NULL, &private));
	ck_assert_int_eq(private, left[_i]);
	pool_close(pool);
}
END_TEST

static int see_private(struct pool_worker *self, size_t job, void *arg)
{
	(void)job;
	return pool_return(self, arg, sizeof(int));
}

START_TEST(each_map_sees_memory_as_it_is_when_called)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .backend = backends[_i] });
	int private, seen[3];

	for (private = 7; private < 10; private++) {
		assert_ok(pool, pool_collect(pool, 3, see_private, seen, sizeof *seen, &private));
		ck_assert_int_eq(seen[2], private);
	}
	pool_close(pool);
}
END_TEST

START_TEST(fewer_jobs_than_min_jobs_run_in_the_calling_thread)
{
	struct place *place = test_shared(6 * sizeof *place);

	for (int b = 0; b < 2; b++) {
		struct pool *pool = test_open(&(struct pool_options){ .np = 3, .min_jobs = 6,
								      .backend = backends[b] });

		assert_ok(pool, pool_map(pool, 5, note_place, NULL, place));
		for (int i = 0; i < 5; i++) {
			ck_assert_int_eq(place[i].tid, (int)syscall(SYS_gettid));
			ck_assert_int_eq(place[i].np, 1);
			ck_assert_int_eq(place[i].rank, 0);
		}
		assert_ok(pool, pool_map(pool, 6, note_place, NULL, place));
		for (int i = 0; i < 6; i++) {
			ck_assert_int_ne(place[i].tid, (int)syscall(SYS_gettid));
			ck_assert_int_eq(place[i].np, 3);
		}
		pool_close(pool);
	}
	test_unshare(place, 6 * sizeof *place);
}
END_TEST

/* A map within a job; the value is how many of its jobs ran here, one by one. */
static int nest(struct pool_worker *self, size_t job, void *arg)
{
	struct pool *inner = pool_open(&(struct pool_options){ .np = 4, .backend = *(int *)arg });
	struct place place[10];
	int here = 0, status;

	(void)job;
	memset(place, 0, sizeof place);
	if (!inner)
		return pool_fail(self, "%s", pool_error(NULL)->message);
	status = pool_map(inner, 10, note_place, NULL, place);
	if (status)
		return pool_fail(self, "%s", pool_error(inner)->message);
	for (int i = 0; i < 10; i++)
		here += place[i].tid == (pid_t)syscall(SYS_gettid) && place[i].np == 1;
	pool_close(inner);
	return pool_return(self, &here, sizeof here);
}

START_TEST(a_map_in_a_worker_runs_serially)
{
	int backend = backends[_i], here[6];
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .backend = backend });

	assert_ok(pool, pool_collect(pool, 6, nest, here, sizeof *here, &backend));
	for (int i = 0; i < 6 && backend != POOL_SERIAL; i++)
		ck_assert_int_eq(here[i], 10);
	pool_close(pool);
}
END_TEST

static int square(struct pool_worker *self, size_t job, void *arg)
{
	long value = (long)(job * job);

	if (arg && job == *(size_t *)arg)
		return pool_return(self, &value, 3);
	return pool_return(self, &value, sizeof value);
}

START_TEST(collect_stores_each_value_in_its_place)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 3, .backend = backends[_i] });
	static long out[1000];

	memset(out, 0, sizeof out);
	assert_ok(pool, pool_collect(pool, COUNT(out), square, out, sizeof *out, NULL));
	for (size_t i = 0; i < COUNT(out); i++)
		if (out[i] != (long)(i * i))
			ck_abort_msg("%zu: %ld", i, out[i]);
	pool_close(pool);
}
END_TEST

START_TEST(collect_fails_the_job_of_another_size)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 3, .backend = backends[_i] });
	long out[51] = { 0 };
	size_t bad = 37;

	out[50] = 12345;
	assert_status(pool, POOL_FAILED, pool_collect(pool, 50, square, out, sizeof *out, &bad));
	ck_assert_uint_eq(pool_error(pool)->job, 37);
	ck_assert_ptr_nonnull(strstr(pool_error(pool)->message, "37"));
	ck_assert_int_eq(out[50], 12345);
	ck_assert_int_eq(out[37], 0);
	/* A job that returns nothing has the wrong size too. */
	assert_status(pool, POOL_FAILED, pool_collect(pool, 3, note_place, out, 8, out));
	assert_usable(pool);
	pool_close(pool);
}
END_TEST

static int nothing(struct pool_worker *self, size_t job, void *arg)
{
	(void)self, (void)job, (void)arg;
	return 0;
}

START_TEST(collect_of_nothing_needs_no_results)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 3, .backend = backends[_i] });

	assert_ok(pool, pool_collect(pool, 100, nothing, NULL, 0, NULL));
	assert_ok(pool, pool_collect(pool, 0, nothing, NULL, 8, NULL));
	assert_status(pool, POOL_FAILED, pool_collect(pool, 100, square, NULL, 0, NULL));
	pool_close(pool);
}
END_TEST

START_TEST(a_map_without_work_is_the_callers_mistake)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .backend = backends[_i] });

	assert_status(pool, POOL_INVALID, pool_map(pool, 5, NULL, NULL, NULL));
	ck_assert_int_eq(pool_error(pool)->code, EINVAL);
	ck_assert_uint_eq(pool_error(pool)->job, SIZE_MAX);
	ck_assert_int_ne(pool_error(pool)->message[0], 0);
	assert_status(pool, POOL_INVALID, pool_collect(pool, 5, NULL, NULL, 0, NULL));
	assert_status(pool, POOL_INVALID, pool_collect(pool, 5, square, NULL, 8, NULL));
	assert_usable(pool);
	pool_close(pool);
}
END_TEST

struct stopper { size_t at; int code, calls; };

static int stop_reducing(size_t job, const void *value, size_t size, void *arg)
{
	struct stopper *stopper = arg;

	(void)value, (void)size;
	stopper->calls++;
	if (job != stopper->at)
		return 0;
	stopper->at = SIZE_MAX;
	stopper->calls = 0; /* from here on there should be none */
	return stopper->code;
}

START_TEST(a_reduce_that_fails_ends_the_map)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 3, .backend = backends[_i / 2],
							      .in_order = _i % 2 });
	struct stopper stopper = { .at = 20, .code = 77 };

	assert_status(pool, POOL_REDUCE_FAILED, pool_map(pool, 1000, nothing, stop_reducing, &stopper));
	ck_assert_int_eq(pool_error(pool)->code, 77);
	ck_assert_uint_eq(pool_error(pool)->job, 20);
	ck_assert_ptr_nonnull(strstr(pool_error(pool)->message, "20"));
	ck_assert_int_eq(stopper.calls, 0);
	assert_no_child();
	assert_usable(pool);
	pool_close(pool);
}
END_TEST

START_TEST(a_reduce_that_has_enough_ends_the_map_well)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 3, .backend = backends[_i / 2],
							      .in_order = _i % 2 });
	struct stopper stopper = { .at = 20, .code = POOL_ENOUGH };

	assert_ok(pool, pool_map(pool, 1000, nothing, stop_reducing, &stopper));
	ck_assert_int_eq(stopper.calls, 0);
	assert_usable(pool);
	pool_close(pool);
}
END_TEST

static int nap_long(struct pool_worker *self, size_t job, void *arg)
{
	(void)arg;
	for (int i = 0; job && i < 1000 && !pool_stopping(self); i++)
		test_nap(10e-3);
	return 0;
}

START_TEST(enough_does_not_wait_for_running_jobs)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 3, .backend = backends[_i] });
	struct stopper stopper = { .at = 0, .code = POOL_ENOUGH };
	double start = test_now();

	assert_ok(pool, pool_map(pool, 3, nap_long, stop_reducing, &stopper));
	ck_assert_double_lt(test_now() - start, 5);
	assert_usable(pool);
	pool_close(pool);
}
END_TEST

struct hooks { _Atomic int begun[8], ended[8], wrong, jobs; int fail_rank, code; };

static int hook_begin(struct pool_worker *self, void *arg)
{
	struct hooks *hooks = arg;

	if (self->local || self->np < 1 || self->rank >= self->np)
		hooks->wrong++;
	hooks->begun[self->rank]++;
	self->local = &hooks->begun[self->rank];
	if (hooks->code && self->rank == hooks->fail_rank)
		return pool_fail(self, "no licence for rank %d", self->rank), hooks->code;
	return 0;
}

static int hook_work(struct pool_worker *self, size_t job, void *arg)
{
	struct hooks *hooks = arg;

	(void)job;
	hooks->jobs++;
	if (self->local != &hooks->begun[self->rank] || hooks->begun[self->rank] != 1 ||
	    hooks->ended[self->rank])
		hooks->wrong++;
	return 0;
}

static int hook_end(struct pool_worker *self, void *arg)
{
	struct hooks *hooks = arg;

	if (self->local != &hooks->begun[self->rank])
		hooks->wrong++;
	hooks->ended[self->rank]++;
	return 0;
}

START_TEST(hooks_run_once_in_each_workers_life)
{
	struct hooks *hooks = test_shared(sizeof *hooks);
	int backend = backends[_i], np = backend == POOL_SERIAL ? 1 : 5;
	struct pool *pool = test_open(&(struct pool_options){ .np = 5, .backend = backend,
		.worker_begin = hook_begin, .worker_end = hook_end, .hook_arg = hooks });

	for (int map = 0; map < 3; map++) {
		memset(hooks, 0, sizeof *hooks);
		assert_ok(pool, pool_map(pool, 100, hook_work, NULL, hooks));
		ck_assert_int_eq(hooks->jobs, 100);
		ck_assert_int_eq(hooks->wrong, 0);
		for (int rank = 0; rank < np; rank++) {
			ck_assert_int_eq(hooks->begun[rank], 1);
			ck_assert_int_eq(hooks->ended[rank], 1);
		}
		for (int rank = np; rank < 8; rank++)
			ck_assert_int_eq(hooks->begun[rank], 0);
	}
	memset(hooks, 0, sizeof *hooks);
	assert_ok(pool, pool_map(pool, 2, hook_work, NULL, hooks));
	ck_assert_int_eq(hooks->begun[2] + hooks->begun[3] + hooks->begun[4], 0);
	pool_close(pool);
	test_unshare(hooks, sizeof *hooks);
}
END_TEST

START_TEST(a_worker_begin_that_fails_ends_the_map)
{
	struct hooks *hooks = test_shared(sizeof *hooks);
	struct pool *pool = test_open(&(struct pool_options){ .np = 3, .backend = backends[_i],
		.worker_begin = hook_begin, .worker_end = hook_end, .hook_arg = hooks });

	hooks->code = 55;
	hooks->fail_rank = backends[_i] == POOL_SERIAL ? 0 : 2;
	assert_status(pool, POOL_FAILED, pool_map(pool, 100, nothing, NULL, hooks));
	ck_assert_uint_eq(pool_error(pool)->job, SIZE_MAX);
	ck_assert_int_eq(pool_error(pool)->code, 55);
	ck_assert_int_eq(pool_error(pool)->rank, hooks->fail_rank);
	ck_assert_ptr_nonnull(strstr(pool_error(pool)->message, "no licence for rank"));
	assert_no_child();
	memset(hooks, 0, sizeof *hooks);
	assert_ok(pool, pool_map(pool, 100, hook_work, NULL, hooks));
	ck_assert_int_eq(hooks->wrong, 0);
	pool_close(pool);
	test_unshare(hooks, sizeof *hooks);
}
END_TEST

struct failing { size_t job; int code; bool explain; };

static int fail_at(struct pool_worker *self, size_t job, void *arg)
{
	struct failing *failing = arg;

	if (job != failing->job)
		return 0;
	if (failing->explain)
		pool_fail(self, "cannot read page %d of %s", 7, "the book");
	return failing->code;
}

START_TEST(a_failed_job_is_named_with_its_code)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 3, .backend = backends[_i] });
	struct failing failing = { 137, 42, false };
	const struct pool_error *error;

	assert_status(pool, POOL_FAILED, pool_map(pool, 300, fail_at, NULL, &failing));
	error = pool_error(pool);
	ck_assert_uint_eq(error->job, 137);
	ck_assert_int_eq(error->code, 42);
	ck_assert_int_ge(error->rank, 0);
	ck_assert_int_lt(error->rank, 3);
	ck_assert_ptr_nonnull(strstr(error->message, "137"));
	ck_assert_ptr_nonnull(strstr(error->message, "42"));
	ck_assert_ptr_nonnull(error->backtrace);
	assert_no_child();
	assert_usable(pool);
	pool_close(pool);
}
END_TEST

START_TEST(pool_fail_says_why)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 3, .backend = backends[_i] });
	struct failing failing = { 137, 9, true };

	assert_status(pool, POOL_FAILED, pool_map(pool, 300, fail_at, NULL, &failing));
	ck_assert_ptr_nonnull(strstr(pool_error(pool)->message, "cannot read page 7 of the book"));
	ck_assert_ptr_nonnull(strstr(pool_error(pool)->message, "137"));
	ck_assert_int_eq(pool_error(pool)->code, 9);
	failing.code = 0; /* a failure all the same */
	assert_status(pool, POOL_FAILED, pool_map(pool, 300, fail_at, NULL, &failing));
	ck_assert_ptr_nonnull(strstr(pool_error(pool)->message, "cannot read page 7 of the book"));
	ck_assert_int_eq(pool_error(pool)->code, -1);
	ck_assert_uint_eq(pool_error(pool)->job, 137);
	pool_close(pool);
}
END_TEST

static int fail_long(struct pool_worker *self, size_t job, void *arg)
{
	char text[20000] = { 0 };

	(void)job, (void)arg;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	memcpy(text, "a long story ", 13);
	return pool_fail(self, "%s", text);
}

START_TEST(a_long_message_is_cut_and_harms_nobody)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 3, .backend = backends[_i] });

	assert_status(pool, POOL_FAILED, pool_map(pool, 30, fail_long, NULL, NULL));
	ck_assert_ptr_nonnull(strstr(pool_error(pool)->message, "a long story"));
	assert_usable(pool);
	pool_close(pool);
}
END_TEST

static int return_and_fail(struct pool_worker *self, size_t job, void *arg)
{
	struct ledger *ledger = arg;

	if (job == 500) {
		uint64_t value[4] = { 0 };

		if (pool_return(self, value, sizeof value))
			return 2;
		return 1;
	}
	return ledger_work(self, job, ledger);
}

START_TEST(nothing_of_a_failed_job_is_reduced)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 3, .backend = backends[_i] });
	struct ledger ledger;
	const char *wrong;

	ledger_open(&ledger, 1000, 0);
	assert_status(pool, POOL_FAILED, pool_map(pool, 1000, return_and_fail, ledger_reduce, &ledger));
	ck_assert_int_eq(ledger.reduced[500], 0);
	wrong = ledger_at_most_once(&ledger);
	ck_assert_msg(!wrong, "%s", wrong);
	pool_close(pool);
	ledger_close(&ledger);
}
END_TEST

START_TEST(an_error_stays_until_the_next_call)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .backend = backends[_i] });
	struct failing failing = { 3, 42, false };
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	ck_assert_int_eq(pool_error(pool)->status, POOL_OK);
	pool_report(pool, stream);
	fflush(stream);
	ck_assert_uint_eq(size, 0);
	assert_status(pool, POOL_FAILED, pool_map(pool, 5, fail_at, NULL, &failing));
	pool_report(pool, stream);
	fflush(stream);
	ck_assert_ptr_nonnull(strstr(text, pool_error(pool)->message));
	ck_assert_int_eq(text[size - 1], '\n');
	ck_assert_uint_eq(pool_error(pool)->job, 3);
	assert_ok(pool, pool_map(pool, 2, fail_at, NULL, &failing));
	ck_assert_uint_eq(pool_error(pool)->job, SIZE_MAX);
	ck_assert_int_eq(pool_error(pool)->rank, -1);
	ck_assert_int_eq(pool_error(pool)->pid, 0);
	ck_assert_ptr_nonnull(pool_error(pool)->message);
	fclose(stream);
	free(text);
	pool_close(pool);
}
END_TEST

struct mapper { int backend, maps; const char *wrong; char text[200]; };

static void *map_many_times(void *arg)
{
	struct mapper *mapper = arg;
	struct pool *pool = pool_open(&(struct pool_options){ .np = 2, .backend = mapper->backend });

	for (int i = 0; pool && i < mapper->maps && !mapper->wrong; i++) {
		struct ledger ledger;

		ledger_open(&ledger, 200, mapper->backend == POOL_SERIAL ? 1 : 2);
		mapper->wrong = pool_map(pool, 200, ledger_work, ledger_reduce, &ledger) ?
				pool_error(pool)->message : ledger_at_most_once(&ledger);
		if (!mapper->wrong && ledger.calls != 200)
			mapper->wrong = "jobs are missing";
		if (mapper->wrong) {
			snprintf(mapper->text, sizeof mapper->text, "map %d: %.150s", i, mapper->wrong);
			mapper->wrong = mapper->text;
		}
		ledger_close(&ledger);
	}
	pool_close(pool);
	return NULL;
}

START_TEST(pools_of_several_threads_map_at_once)
{
	struct mapper mapper[3];
	pthread_t thread[3];

	for (int i = 0; i < 3; i++) {
		mapper[i] = (struct mapper){ .backend = _i < 3 ? backends[_i] : backends[i], .maps = 30 };
		pthread_create(&thread[i], NULL, map_many_times, &mapper[i]);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < 3; i++)
		ck_assert_msg(!mapper[i].wrong, "thread %d: %s", i, mapper[i].wrong);
}
END_TEST

struct inner { struct pool *pool; int status, maps; const char *wrong; };

static int map_in_reduce(size_t job, const void *value, size_t size, void *arg)
{
	struct inner *inner = arg;
	struct ledger ledger;

	(void)job, (void)value, (void)size;
	ledger_open(&ledger, 50, 0);
	inner->status = pool_map(inner->pool, 50, ledger_work, ledger_reduce, &ledger);
	inner->wrong = inner->status ? "status" : ledger_complete(&ledger);
	inner->maps++;
	ledger_close(&ledger);
	return inner->wrong != NULL;
}

START_TEST(reduce_may_map_on_another_pool)
{
	struct pool_options options = { .np = 2, .backend = backends[_i] };
	struct pool *pool = test_open(&options);
	struct inner inner = { .pool = test_open(&options) };

	assert_ok(pool, pool_map(pool, 10, nothing, map_in_reduce, &inner));
	ck_assert_int_eq(inner.maps, 10);
	pool_close(pool);
	pool_close(inner.pool);
}
END_TEST

static int map_on_the_same(size_t job, const void *value, size_t size, void *arg)
{
	struct inner *inner = arg;

	(void)job, (void)value, (void)size;
	inner->maps += pool_map(inner->pool, 3, nothing, NULL, NULL) == POOL_INVALID &&
		       pool_collect(inner->pool, 3, nothing, NULL, 0, NULL) == POOL_INVALID;
	return 0;
}

START_TEST(a_running_pool_takes_no_second_map)
{
	struct inner inner = { .pool = test_open(&(struct pool_options){ .np = 2, .backend = backends[_i] }) };

	assert_ok(inner.pool, pool_map(inner.pool, 10, nothing, map_on_the_same, &inner));
	ck_assert_int_eq(inner.maps, 10);
	assert_usable(inner.pool);
	pool_close(inner.pool);
}
END_TEST

static int debug_order(size_t job, const void *value, size_t size, void *arg)
{
	size_t *next = arg;

	(void)value, (void)size;
	return job != (*next)++;
}

START_TEST(debug_mode_runs_jobs_in_the_calling_thread)
{
	struct place place[5];
	struct pool *pool = test_open(&(struct pool_options){ .np = 3, .backend = backends[_i] });
	size_t next = 0;

	memset(place, 0, sizeof place);
	ck_assert(!pool_get_debug());
	pool_set_debug(true);
	ck_assert(pool_get_debug());
	assert_ok(pool, pool_map(pool, 5, note_place, NULL, place));
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(place[i].tid, (int)syscall(SYS_gettid));
		ck_assert_int_eq(place[i].np, 1);
	}
	assert_ok(pool, pool_map(pool, 50, nothing, debug_order, &next));
	ck_assert_uint_eq(next, 50);
	pool_set_debug(false);
	ck_assert(!pool_get_debug());
	assert_usable(pool);
	pool_close(pool);
}
END_TEST

START_TEST(after_a_map_that_failed_no_worker_is_left)
{
	struct failing failing = { 0, 1, false };
	struct pool *pool = test_open(&(struct pool_options){ .np = 8 });

	for (int i = 0; i < 50; i++) {
		failing.job = (size_t)i * 3;
		assert_status(pool, POOL_FAILED, pool_map(pool, 200, fail_at, NULL, &failing));
		assert_no_child();
	}
	pool_close(pool);
}
END_TEST

/* Threads that have no part in a small map may still be waking up to it when the
 * next one begins: they live once in that one too. */
START_TEST(small_and_large_maps_may_alternate)
{
	struct hooks *hooks = test_shared(sizeof *hooks);
	struct pool *pool = test_open(&(struct pool_options){ .np = 8, .backend = backends[_i],
		.worker_begin = hook_begin, .worker_end = hook_end, .hook_arg = hooks });
	int maps = test_slow() || backends[_i] == POOL_FORK ? 200 : 5000;

	for (int i = 0; i < maps; i++) {
		int np = i % 2 ? 1 : 8;

		memset(hooks, 0, sizeof *hooks);
		assert_ok(pool, pool_map(pool, (size_t)np, nothing, NULL, NULL));
		for (int rank = 0; rank < 8; rank++)
			if (hooks->begun[rank] != (rank < np) || hooks->ended[rank] != (rank < np))
				ck_abort_msg("map %d of %d: rank %d began %d times", i, np, rank,
					     hooks->begun[rank]);
	}
	pool_close(pool);
	test_unshare(hooks, sizeof *hooks);
}
END_TEST

START_TEST(a_pool_maps_a_thousand_times)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .backend = backends[_i] });
	int maps = test_slow() ? 100 : 1000, before;

	assert_ok(pool, pool_map(pool, 2, nothing, NULL, NULL));
	before = test_descriptors();
	for (int i = 0; i < maps; i++)
		if (pool_map(pool, 1 + (size_t)i % 5, nothing, NULL, NULL))
			ck_abort_msg("map %d: %s", i, pool_error(pool)->message);
	ck_assert_int_le(test_descriptors(), before + 8);
	pool_close(pool);
}
END_TEST

Suite *map_suite(void)
{
	Suite *suite = suite_create("map");
	TCase *test = test_case(suite, "contract", 40);

	tcase_add_loop_test(test, every_job_runs_once_and_is_reduced_once, 0, 9);

	test = test_case(suite, "map", 40);
	tcase_add_test(test, jobs_run_where_their_backend_says);
	tcase_add_loop_test(test, local_is_null_when_a_life_begins, 0, 3);
	tcase_add_test(test, pool_np_is_what_a_large_map_gets);
	tcase_add_loop_test(test, a_forked_job_writes_its_own_memory, 0, 3);
	tcase_add_loop_test(test, each_map_sees_memory_as_it_is_when_called, 0, 3);
	tcase_add_test(test, fewer_jobs_than_min_jobs_run_in_the_calling_thread);
	tcase_add_loop_test(test, a_map_in_a_worker_runs_serially, 0, 3);
	tcase_add_loop_test(test, collect_stores_each_value_in_its_place, 0, 3);
	tcase_add_loop_test(test, collect_fails_the_job_of_another_size, 0, 3);
	tcase_add_loop_test(test, collect_of_nothing_needs_no_results, 0, 3);
	tcase_add_loop_test(test, a_map_without_work_is_the_callers_mistake, 0, 3);
	tcase_add_loop_test(test, a_reduce_that_fails_ends_the_map, 0, 6);
	tcase_add_loop_test(test, a_reduce_that_has_enough_ends_the_map_well, 0, 6);
	tcase_add_loop_test(test, enough_does_not_wait_for_running_jobs, 0, 2);
	tcase_add_loop_test(test, hooks_run_once_in_each_workers_life, 0, 3);
	tcase_add_loop_test(test, a_worker_begin_that_fails_ends_the_map, 0, 3);
	tcase_add_loop_test(test, a_failed_job_is_named_with_its_code, 0, 3);
	tcase_add_loop_test(test, pool_fail_says_why, 0, 3);
	tcase_add_loop_test(test, a_long_message_is_cut_and_harms_nobody, 0, 3);
	tcase_add_loop_test(test, nothing_of_a_failed_job_is_reduced, 0, 3);
	tcase_add_loop_test(test, an_error_stays_until_the_next_call, 0, 3);
	tcase_add_loop_test(test, pools_of_several_threads_map_at_once, 0, 4);
	tcase_add_loop_test(test, reduce_may_map_on_another_pool, 0, 3);
	tcase_add_loop_test(test, a_running_pool_takes_no_second_map, 0, 3);
	tcase_add_loop_test(test, debug_mode_runs_jobs_in_the_calling_thread, 0, 3);
	tcase_add_test(test, after_a_map_that_failed_no_worker_is_left);
	tcase_add_loop_test(test, small_and_large_maps_may_alternate, 0, 2);
	tcase_add_loop_test(test, a_pool_maps_a_thousand_times, 0, 3);
	return suite;
}
