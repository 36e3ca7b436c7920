/* SPDX-License-Identifier: MIT */
/* How many CPUs this program may use, and every source that has a say. */
#ifndef SMI_MACHINE_CPU_H
#define SMI_MACHINE_CPU_H

#include <stdbool.h>
#include <stddef.h>

#define SMI_CPU_SOURCES 8

struct smi_cpu_source {
	const char *name;
	char said[64]; /* as found; "" when absent */
	int cpus;      /* 0: absent, or can't be read */
};

struct smi_cpu_count {
	struct smi_cpu_source source[SMI_CPU_SOURCES];
	int sources, winner; /* an index; -1: nothing could be read */
	int cpus;            /* at least 1 */
};

void smi_cpu_count(struct smi_cpu_count *count);

/* Level `level` (0: the first) of a list in OpenMP's grammar: positive numbers
 * between commas, blanks around them. 0 when the list does not reach so far; -1
 * when it can't be read. */
int smi_cpu_list(const char *list, int level);

/* CPUs that the cgroup of this process grants, a fraction rounded up; 0 without a
 * limit. `root` stands before /proc and /sys, "" outside of tests. */
int smi_cgroup_cpus(const char *root);

/* The cgroup's memory limit in bytes; 0 without one. */
size_t smi_cgroup_memory(const char *root);

#endif
