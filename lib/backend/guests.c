/* SPDX-License-Identifier: MIT */
#include "backend/guests.h"

#include <stdlib.h>

#include "machine/cpu.h"
#include "os/level.h"

/* Absent where nobody else brings them. */
extern int omp_pause_resource_all(int kind) __attribute__((weak));
extern int omp_get_max_threads(void) __attribute__((weak));
extern void omp_set_num_threads(int threads) __attribute__((weak));
extern void openblas_set_num_threads(int threads) __attribute__((weak));
extern int MPI_Initialized(int *flag) __attribute__((weak));
extern int MPI_Finalized(int *flag) __attribute__((weak));

#define OMP_PAUSE_SOFT 1

/* What the program has; set by pause, for resume on the same thread. */
static _Thread_local int omp_threads;

/* Threads that a worker at this depth may use. */
static int threads_inside(int level)
{
	const char *list = getenv("OMP_NUM_THREADS");
	int threads = list ? smi_cpu_list(list, level) : 0;

	return threads > 0 ? threads : 1;
}

void smi_guests_pause(void)
{
	if (omp_pause_resource_all)
		omp_pause_resource_all(OMP_PAUSE_SOFT);
	if (!omp_get_max_threads || !omp_set_num_threads)
		return;
	/* Here and not in each child, where it would cost as much as all the rest. */
	omp_threads = omp_get_max_threads();
	omp_set_num_threads(threads_inside(smi_worker_level() + 1));
}

void smi_guests_resume(void)
{
	if (omp_get_max_threads && omp_set_num_threads)
		omp_set_num_threads(omp_threads);
}

void smi_guests_limit(void)
{
	if (openblas_set_num_threads)
		openblas_set_num_threads(threads_inside(smi_worker_level()));
}

bool smi_guests_have_mpi(void)
{
	int begun = 0, ended = 0;

	if (MPI_Initialized)
		MPI_Initialized(&begun);
	if (MPI_Finalized)
		MPI_Finalized(&ended);
	return begun && !ended;
}
