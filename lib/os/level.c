/* SPDX-License-Identifier: MIT */
#include "os/level.h"

static _Thread_local int level;
static bool worker_process;

int smi_worker_level(void)
{
	return level;
}

void smi_worker_level_set(int deep)
{
	level = deep;
}

bool smi_worker_process(void)
{
	return worker_process;
}

void smi_worker_process_set(void)
{
	worker_process = true;
}
