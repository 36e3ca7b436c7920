/* SPDX-License-Identifier: MIT */
/* Runs every suite. CK_RUN_SUITE and CK_RUN_CASE pick some, CK_FORK=no runs
 * all in one process (valgrind). */
#include "suites.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>

static Suite *(*const suites[])(void) = {
	map_suite,
	values_suite,
	ring_suite,
	order_suite,
	schedule_suite,
	sections_suite,
	death_suite,
	cancel_suite,
	host_suite,
	array_suite,
	journal_suite,
	resume_suite,
	scribble_suite,
	guests_suite,
	env_suite,
	api_suite,
	retries_suite,
	amid_suite,
	retried_values_suite,
	successors_suite,
	newborn_suite,
	timeouts_suite,
	limits_suite,
	replay_suite,
	next_map_suite,
	start_suite,
	examples_suite,
	fault_suite,
	sort_suite,
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

int main(int argc, char **argv)
{
	SRunner *runner;
	int failed;

	if (argc == 2 && !strncmp(argv[1], "probe-", 6))
		return env_probe(argv[1] + 6);
	if (strchr(argv[0], '/')) /* valgrind has a /proc/self/exe of its own */
		test_program = argv[0];
	forget_environment();
	runner = srunner_create(NULL);
	for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
		srunner_add_suite(runner, suites[i]());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
