/* SPDX-License-Identifier: MIT */
/* Other runtimes in the program: stand-ins for OpenBLAS and MPI are found by their
 * symbols, as the real ones are. OpenMP itself: tests/openmp.sh. */
#include <stdlib.h>
#include <string.h>

#include "suites.h"
#include "testing.h"

static int blas_threads, mpi_begun, mpi_ended;

void openblas_set_num_threads(int threads);
void openblas_set_num_threads(int threads)
{
	blas_threads = threads;
}

int MPI_Initialized(int *flag), MPI_Finalized(int *flag);
int MPI_Initialized(int *flag)
{
	*flag = mpi_begun;
	return 0;
}

int MPI_Finalized(int *flag)
{
	*flag = mpi_ended;
	return 0;
}

static int return_threads(struct pool_worker *self, size_t job, void *arg)
{
	(void)job, (void)arg;
	return pool_return(self, &blas_threads, sizeof blas_threads);
}

static int collect_threads(void)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 2 });
	int threads[8];

	assert_ok(pool, pool_collect(pool, 8, return_threads, threads, sizeof *threads, NULL));
	pool_close(pool);
	for (int i = 1; i < 8; i++)
		ck_assert_int_eq(threads[i], threads[0]);
	return threads[0];
}

START_TEST(openblas_has_one_thread_in_a_worker_or_what_the_second_level_says)
{
	ck_assert_int_eq(collect_threads(), 1);
	setenv("OMP_NUM_THREADS", "2,3", 1);
	ck_assert_int_eq(collect_threads(), 3);
	unsetenv("OMP_NUM_THREADS");
	/* The program's own setting is left alone. */
	ck_assert_int_eq(blas_threads, 0);
}
END_TEST

static const char *warning(enum pool_backend backend)
{
	static char text[1024];
	struct pool *pool = test_open(&(struct pool_options){ .np = 2, .backend = backend });

	assert_ok(pool, pool_map(pool, 4, return_threads, NULL, NULL));
	snprintf(text, sizeof text, "%s", pool_error(pool)->message);
	pool_close(pool);
	return text;
}

START_TEST(mpi_is_warned_of)
{
	ck_assert_str_eq(warning(POOL_FORK), "");
	mpi_begun = 1;
	ck_assert_ptr_nonnull(strstr(warning(POOL_FORK), "MPI"));
	ck_assert_str_eq(warning(POOL_THREAD), "");
	mpi_ended = 1;
	ck_assert_str_eq(warning(POOL_FORK), "");
	mpi_begun = mpi_ended = 0;
}
END_TEST

Suite *guests_suite(void)
{
	Suite *suite = suite_create("guests");
	TCase *test = test_case(suite, "guests", 10);

	tcase_add_test(test, openblas_has_one_thread_in_a_worker_or_what_the_second_level_says);
	tcase_add_test(test, mpi_is_warned_of);
	return suite;
}
