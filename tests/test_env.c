/* SPDX-License-Identifier: MIT */
/* How many CPUs and how much memory, and what the environment says. */
#include "suites.h"
#include "testing.h"

#include <ctype.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof (array) / sizeof *(array))

static const char *const schedulers[] = { "PBS_NUM_PPN", "SLURM_CPUS_PER_TASK", "NSLOTS",
					  "LSB_DJOB_NUMPROC", "OAR_NCPUS" };

static void clear(void)
{
	unsetenv("OMP_NUM_THREADS");
	for (size_t i = 0; i < COUNT(schedulers); i++)
		unsetenv(schedulers[i]);
}

/* What pool_display_env says holds `text`. */
static bool displayed(const char *text)
{
	char *all = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&all, &size);
	bool found;

	pool_display_env(stream);
	fclose(stream);
	found = strstr(all, text) != NULL;
	free(all);
	return found;
}

START_TEST(omp_num_threads_counts)
{
	static const struct { const char *text; int count; } cases[] = {
		{ "4", 4 }, { "4,2", 4 }, { " 4 ", 4 }, { "\t5", 5 }, { "1", 1 }, { "7, 3 ,1", 7 },
		{ " 3 , 2", 3 }, { "64", 64 }, { "007", 7 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		setenv("OMP_NUM_THREADS", cases[i].text, 1);
		ck_assert_msg(pool_cpu_count() == cases[i].count, "\"%s\": %d", cases[i].text,
			      pool_cpu_count());
	}
	clear();
}
END_TEST

START_TEST(what_cannot_be_read_is_passed_over_and_said)
{
	static const char *const cases[] = { "0", "-1", "abc", "1.0", "4x", "99999999999", "0x4", "4 2", ",4",
		"-4,2", "18446744073709551620", "4;2", "+", "1e3" };
	int usual;

	clear();
	usual = pool_cpu_count();
	ck_assert_int_ge(usual, 1);
	for (size_t i = 0; i < COUNT(cases); i++) {
		setenv("OMP_NUM_THREADS", cases[i], 1);
		ck_assert_msg(pool_cpu_count() == usual, "\"%s\": %d", cases[i], pool_cpu_count());
		ck_assert_msg(displayed("OMP_NUM_THREADS"), "\"%s\" is not named", cases[i]);
		ck_assert_msg(displayed(cases[i]), "\"%s\" is not shown", cases[i]);
		setenv("NSLOTS", "13", 1); /* the next source speaks */
		ck_assert_int_eq(pool_cpu_count(), 13);
		unsetenv("NSLOTS");
	}
	setenv("OMP_NUM_THREADS", "", 1);
	ck_assert_int_eq(pool_cpu_count(), usual);
	setenv("OMP_NUM_THREADS", "  ", 1);
	ck_assert_int_eq(pool_cpu_count(), usual);
	clear();
}
END_TEST

/* The text that a source is shown with when its value can't be read differs
 * from that of a value that can. */
START_TEST(a_value_that_is_passed_over_does_not_win)
{
	char *all = NULL;
	size_t size = 0;
	FILE *stream;

	clear();
	setenv("OMP_NUM_THREADS", "abc", 1);
	setenv("NSLOTS", "13", 1);
	stream = open_memstream(&all, &size);
	pool_display_env(stream);
	fclose(stream);
	ck_assert_ptr_nonnull(strstr(all, "NSLOTS"));
	ck_assert_ptr_nonnull(strstr(all, "13"));
	free(all);
	clear();
}
END_TEST

START_TEST(batch_schedulers_count)
{
	static const char *const bad[] = { "0", "-3", "x", "2.5", "" };
	int usual;

	clear();
	usual = pool_cpu_count();
	for (size_t i = 0; i < COUNT(schedulers); i++) {
		clear();
		setenv(schedulers[i], "19", 1);
		ck_assert_msg(pool_cpu_count() == 19, "%s: %d", schedulers[i], pool_cpu_count());
		ck_assert(displayed(schedulers[i]));
		setenv("OMP_NUM_THREADS", "5", 1);
		ck_assert_int_eq(pool_cpu_count(), 5);
		unsetenv("OMP_NUM_THREADS");
		for (size_t k = 0; k < COUNT(bad); k++) {
			setenv(schedulers[i], bad[k], 1);
			ck_assert_msg(pool_cpu_count() == usual, "%s=\"%s\": %d", schedulers[i], bad[k],
				      pool_cpu_count());
		}
	}
	clear();
}
END_TEST

static int default_np(void)
{
	struct pool *pool = pool_open(NULL);
	int np = pool ? pool_np(pool) : -1;

	pool_close(pool);
	return np;
}

static int with_one_cpu(void *arg)
{
	cpu_set_t mask, one;
	int cpu = 0;

	(void)arg;
	clear();
	REQUIRE(!sched_getaffinity(0, sizeof mask, &mask));
	REQUIRE(pool_cpu_count() <= CPU_COUNT(&mask));
	while (!CPU_ISSET(cpu, &mask))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	REQUIRE(!sched_setaffinity(0, sizeof one, &one));
	REQUIRE(pool_cpu_count() == 1);
	REQUIRE(default_np() == 1);
	setenv("OMP_NUM_THREADS", "3", 1);
	REQUIRE(pool_cpu_count() == 3);
	REQUIRE(default_np() == 3);
	return 0;
}

START_TEST(the_affinity_mask_counts)
{
	ck_assert_int_eq(in_child(with_one_cpu, NULL, 5), 0);
}
END_TEST

START_TEST(memory_is_no_more_than_the_machine_has)
{
	FILE *file = fopen("/proc/meminfo", "r");
	size_t kib = 0;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "MemTotal: %zu", &kib), 1);
	fclose(file);
	ck_assert_uint_gt(pool_total_memory(), 1 << 20);
	ck_assert_uint_le(pool_total_memory(), kib * 1024);
	ck_assert(displayed("MemTotal") || displayed("memory"));
}
END_TEST

/* The display is text for people: it must not be empty, nor hold control
 * characters that a value brought in. */
START_TEST(the_display_is_plain_text)
{
	char *all = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&all, &size);

	setenv("OMP_NUM_THREADS", "4", 1);
	pool_display_env(stream);
	fclose(stream);
	ck_assert_uint_gt(size, 20);
	for (size_t i = 0; i < size; i++)
		ck_assert(all[i] == '\n' || all[i] == '\t' || isprint((unsigned char)all[i]));
	ck_assert_int_eq(all[size - 1], '\n');
	free(all);
	clear();
}
END_TEST

/* This program again, with another environment. */
static int probe(const char *name, const char *value, const char *what)
{
	pid_t pid;
	int status = 0;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		setenv(name, value, 1);
		execl(test_program, test_program, what, (char *)NULL);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct where { _Atomic pid_t pid, tid; }; /* of any of the jobs */

static int note_where(struct pool_worker *self, size_t job, void *arg)
{
	struct where *where = arg;

	(void)self, (void)job;
	where->pid = getpid();
	where->tid = (pid_t)syscall(SYS_gettid);
	return 0;
}

/* The backend that a default pool has here; "debug" adds 10 in debug mode. */
int env_probe(const char *what)
{
	struct where *where = test_shared(sizeof *where);
	struct pool *pool = pool_open(&(struct pool_options){ .np = 2 });
	int backend;

	if (!pool || pool_map(pool, 4, note_where, NULL, where))
		return 98;
	backend = where->pid != getpid() ? POOL_FORK :
		  where->tid != (pid_t)syscall(SYS_gettid) ? POOL_THREAD : POOL_SERIAL;
	pool_close(pool);
	if (!strcmp(what, "named") && !displayed("SHAREDMEM_BACKEND"))
		return 97;
	return backend + (!strcmp(what, "debug") && pool_get_debug() ? 10 : 0);
}

START_TEST(sharedmem_backend_is_the_default)
{
	ck_assert_int_eq(probe("NOTHING", "1", "probe-backend"), POOL_FORK);
	ck_assert_int_eq(probe("SHAREDMEM_BACKEND", "fork", "probe-backend"), POOL_FORK);
	ck_assert_int_eq(probe("SHAREDMEM_BACKEND", "thread", "probe-backend"), POOL_THREAD);
	ck_assert_int_eq(probe("SHAREDMEM_BACKEND", "serial", "probe-backend"), POOL_SERIAL);
	ck_assert_int_eq(probe("SHAREDMEM_BACKEND", "", "probe-backend"), POOL_FORK);
	ck_assert_int_eq(probe("SHAREDMEM_BACKEND", "threads", "probe-named"), POOL_FORK);
}
END_TEST

START_TEST(sharedmem_debug_turns_debug_mode_on)
{
	ck_assert_int_eq(probe("SHAREDMEM_DEBUG", "1", "probe-debug"), 10 + POOL_SERIAL);
	ck_assert_int_eq(probe("SHAREDMEM_DEBUG", "0", "probe-debug"), POOL_FORK);
	ck_assert_int_eq(probe("SHAREDMEM_DEBUG", "", "probe-debug"), POOL_FORK);
	ck_assert_int_eq(probe("NOTHING", "1", "probe-debug"), POOL_FORK);
}
END_TEST

Suite *env_suite(void)
{
	Suite *suite = suite_create("env");
	TCase *test = test_case(suite, "env", 20);

	tcase_add_test(test, omp_num_threads_counts);
	tcase_add_test(test, what_cannot_be_read_is_passed_over_and_said);
	tcase_add_test(test, a_value_that_is_passed_over_does_not_win);
	tcase_add_test(test, batch_schedulers_count);
	tcase_add_test(test, the_affinity_mask_counts);
	tcase_add_test(test, memory_is_no_more_than_the_machine_has);
	tcase_add_test(test, the_display_is_plain_text);
	tcase_add_test(test, sharedmem_backend_is_the_default);
	tcase_add_test(test, sharedmem_debug_turns_debug_mode_on);
	return suite;
}
