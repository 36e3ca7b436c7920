/* SPDX-License-Identifier: MIT */
#include <sharedmem/env.h>

#include <stdio.h>

#include "machine/cpu.h"

/* MemTotal of /proc/meminfo in bytes; 0 when it can't be read. */
static size_t installed(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	char line[128];

	if (!f)
		return 0;
	while (kib == 0 && fgets(line, sizeof line, f))
		if (sscanf(line, "MemTotal: %llu kB", &kib) != 1)
			kib = 0;
	fclose(f);
	return (size_t)kib * 1024;
}

size_t pool_total_memory(void)
{
	size_t all = installed(), limit = smi_cgroup_memory("");

	return limit > 0 && (all == 0 || limit < all) ? limit : all;
}
