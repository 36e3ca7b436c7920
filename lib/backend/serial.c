/* SPDX-License-Identifier: MIT */
/* The calling thread is the one worker: start returns when it has lived. */
#include "backend/backend.h"
#include "os/level.h"

static int serial_start(struct smi_crew *crew, int *why)
{
	int level = smi_worker_level();

	(void)why;
	smi_worker_level_set(level + 1);
	crew->live(crew->context, 0);
	smi_worker_level_set(level);
	return 0;
}

static bool serial_ended(struct smi_crew *crew, uint32_t tag)
{
	(void)crew, (void)tag;
	return true;
}

static void nothing(struct smi_crew *crew)
{
	(void)crew;
}

static void serial_fini(struct smi_crew *crew, bool inherited)
{
	(void)crew, (void)inherited;
}

const struct smi_backend smi_backend_serial = {
	.name = "serial",
	.inline_ = true,
	.start = serial_start,
	.ended = serial_ended,
	.stop = nothing,
	.release = nothing,
	.fini = serial_fini,
};
