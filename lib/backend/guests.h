/* SPDX-License-Identifier: MIT */
/* Other runtimes in the program, found by their symbols: they have threads or
 * connections of which a forked child has only the memory. */
#ifndef SMI_BACKEND_GUESTS_H
#define SMI_BACKEND_GUESTS_H

#include <stdbool.h>

/* Before the forks: OpenMP's threads are ended (omp_pause_resource_all, OpenMP 5.0);
 * a child's first parallel region would wait for them for ever. The program's next
 * one starts new ones. */
void smi_guests_pause(void);

/* In a worker: one thread inside, or what the second level of OMP_NUM_THREADS says,
 * for OpenMP and OpenBLAS. */
void smi_guests_limit(void);

/* MPI is initialised, and not finalised: workers must not call it. */
bool smi_guests_have_mpi(void);

#endif
