/* SPDX-License-Identifier: MIT */
#include "backend/backend.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "os/futex.h"

const struct smi_backend *smi_backend_of(enum pool_backend backend)
{
	static const struct smi_backend *const table[] = {
		[POOL_FORK] = &smi_backend_fork,
		[POOL_THREAD] = &smi_backend_thread,
		[POOL_SERIAL] = &smi_backend_serial,
	};

	return table[backend];
}

int smi_crew_init(struct smi_crew *crew, int most, int watch, int bell, struct smi_gate *gate)
{
	*crew = (struct smi_crew){ .most = most, .watch = watch, .bell = bell, .gate = gate };
	crew->process = calloc(2 * (size_t)most, sizeof *crew->process);
	crew->status = calloc((size_t)most, sizeof *crew->status);
	for (int r = 0; crew->process && r < 2 * most; r++)
		crew->process[r].fd = -1;
	if (crew->process && crew->status)
		return 0;
	smi_crew_fini(crew);
	return -ENOMEM;
}

void smi_crew_fini(struct smi_crew *crew)
{
	free(crew->process);
	free(crew->status);
	crew->process = NULL;
	crew->status = NULL;
}

void smi_crew_open_gate(struct smi_crew *crew)
{
	atomic_store(&crew->gate->np, (uint32_t)crew->np);
	smi_futex_wake(&crew->gate->np, INT_MAX);
}
