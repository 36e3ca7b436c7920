/* SPDX-License-Identifier: MIT */
#include "os/level.h"

static _Thread_local int level;

int smi_worker_level(void)
{
	return level;
}

void smi_worker_level_set(int deep)
{
	level = deep;
}
