/* SPDX-License-Identifier: MIT */
/* Runs every suite; with arguments NAME..., only those, with -NAME..., all but those.
 * CK_RUN_CASE picks some cases, CK_FORK=no runs all in one process (valgrind). */
#include "suites.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	Suite *(*make)(void);
} suites[] = {
	{ "map", map_suite },
	{ "values", values_suite },
	{ "ring", ring_suite },
	{ "order", order_suite },
	{ "schedule", schedule_suite },
	{ "sections", sections_suite },
	{ "death", death_suite },
	{ "cancel", cancel_suite },
	{ "host", host_suite },
	{ "array", array_suite },
	{ "journal", journal_suite },
	{ "resume", resume_suite },
	{ "scribble", scribble_suite },
	{ "guests", guests_suite },
	{ "env", env_suite },
	{ "api", api_suite },
	{ "retries", retries_suite },
	{ "amid", amid_suite },
	{ "retried_values", retried_values_suite },
	{ "successors", successors_suite },
	{ "newborn", newborn_suite },
	{ "timeouts", timeouts_suite },
	{ "limits", limits_suite },
	{ "replay", replay_suite },
	{ "next_map", next_map_suite },
	{ "start", start_suite },
	{ "strays", strays_suite },
	{ "examples", examples_suite },
	{ "fault", fault_suite },
	{ "sort", sort_suite },
};

/* Deaths are what some tests are about: sanitizers must let them happen. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigill=0:handle_sigfpe=0:"
	       "allocator_may_return_null=1:use_sigaltstack=0";
}
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigill=0:handle_sigfpe=0:"
	       "allocator_may_return_null=1:use_sigaltstack=0:die_after_fork=0";
}

/* The caller's environment must not change what is tested. */
static void forget_environment(void)
{
	static const char *const names[] = {
		"OMP_NUM_THREADS", "OMP_SCHEDULE", "OMP_PROC_BIND", "OMP_WAIT_POLICY", "OMP_DISPLAY_ENV",
		"PBS_NUM_PPN", "SLURM_CPUS_PER_TASK", "NSLOTS", "LSB_DJOB_NUMPROC", "OAR_NCPUS",
		"SHAREDMEM_DEBUG", "SHAREDMEM_BACKEND", "SHAREDMEM_PROGRESS", "SHAREDMEM_TRACE",
		"SHAREDMEM_ONLY",
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
}

static bool is_chosen(const char *name, int argc, char **argv)
{
	bool all_but = argc < 2 || argv[1][0] == '-';

	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i] + (argv[i][0] == '-'), name))
			return !all_but;
	return all_but;
}

/* A name that is none would test nothing. */
static bool is_suite(const char *name)
{
	for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
		if (!strcmp(suites[i].name, name))
			return true;
	fprintf(stderr, "no suite is called %s\n", name);
	return false;
}

int main(int argc, char **argv)
{
	SRunner *runner;
	int failed;

	if (argc == 2 && !strncmp(argv[1], "probe-", 6))
		return env_probe(argv[1] + 6);
	if (strchr(argv[0], '/')) /* valgrind has a /proc/self/exe of its own */
		test_program = argv[0];
	for (int i = 1; i < argc; i++)
		if ((argv[i][0] == '-') != (argv[1][0] == '-') || !is_suite(argv[i] + (argv[i][0] == '-')))
			return 2;
	forget_environment();
	runner = srunner_create(NULL);
	for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
		if (is_chosen(suites[i].name, argc, argv))
			srunner_add_suite(runner, suites[i].make());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
