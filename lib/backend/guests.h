/* SPDX-License-Identifier: MIT */
/* Other runtimes in the program, found by their symbols: they have threads or
 * connections of which a forked child has only the memory. */
#ifndef SMI_BACKEND_GUESTS_H
#define SMI_BACKEND_GUESTS_H

#include <stdbool.h>

/* Around the forks of workers. OpenMP's threads are ended (omp_pause_resource_all,
 * OpenMP 5.0): a child's first parallel region would wait for them for ever, and the
 * program's next one starts new ones. What is forked meanwhile has one thread inside,
 * or what the second level of OMP_NUM_THREADS says; afterwards the program has what
 * it had. */
void smi_guests_pause(void);
void smi_guests_resume(void);

/* In a worker: the same for OpenBLAS. */
void smi_guests_limit(void);

/* MPI is initialised, and not finalised: workers must not call it. */
bool smi_guests_have_mpi(void);

#endif
