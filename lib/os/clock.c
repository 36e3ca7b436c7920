/* SPDX-License-Identifier: MIT */
#include "os/clock.h"

#include <time.h>

uint64_t smi_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SMI_S + (uint64_t)t.tv_nsec;
}
