/* SPDX-License-Identifier: MIT */
/* What the control groups of this process allow. A group is bound by its own
 * limit and those of all its ancestors, so each file is looked for from our path
 * in /proc/self/cgroup up to the root. Inside a container that path may not exist
 * below the mount; the walk up then finds what does. Files that are absent, empty
 * or say "max" set no limit. */
#include "machine/cpu.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 4096

/* The first line of a file without its newline; false when it can't be read. */
static bool read_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");
	bool ok;

	if (!f)
		return false;
	ok = fgets(line, (int)size, f) != NULL;
	fclose(f);
	if (ok)
		line[strcspn(line, "\n")] = '\0';
	return ok;
}

/* Calls `look` on each directory from our own group up to `mount`. */
static void walk_up(const char *mount, const char *group,
		    void (*look)(const char *directory, void *arg), void *arg)
{
	char path[2 * PATH_SIZE];
	size_t top = strlen(mount);

	snprintf(path, sizeof path, "%s%s", mount, group);
	for (;;) {
		char *slash;

		look(path, arg);
		slash = strrchr(path, '/');
		if (strlen(path) <= top || !slash || slash < path + top)
			return;
		*slash = '\0';
	}
}

/* Our path in a hierarchy: `controller` NULL for version 2. */
static bool own_group(const char *root, const char *controller, char *group, size_t size)
{
	char path[PATH_SIZE], line[PATH_SIZE];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof line, f)) {
		char *names = strchr(line, ':'), *where = names ? strchr(names + 1, ':') : NULL;

		if (!where)
			continue;
		*names++ = *where++ = '\0';
		where[strcspn(where, "\n")] = '\0';
		if (!controller)
			found = *names == '\0' && strcmp(line, "0") == 0;
		for (char *name = strtok(names, ","); controller && name; name = strtok(NULL, ","))
			found |= strcmp(name, controller) == 0;
		if (found)
			snprintf(group, size, "%s", strcmp(where, "/") == 0 ? "" : where);
	}
	fclose(f);
	return found;
}

static void least_cpus(int *cpus, double quota, double period)
{
	double n = period > 0 ? quota / period : 0;
	int whole = n > 0 && n < INT_MAX ? (int)n + ((double)(int)n < n) : 0;

	if (whole > 0 && (*cpus == 0 || whole < *cpus))
		*cpus = whole;
}

static void look_cpu_max(const char *directory, void *arg)
{
	char path[3 * PATH_SIZE], line[128];
	double quota, period;

	snprintf(path, sizeof path, "%s/cpu.max", directory);
	if (read_line(path, line, sizeof line) && sscanf(line, "%lf %lf", &quota, &period) == 2)
		least_cpus(arg, quota, period);
}

static void look_cfs(const char *directory, void *arg)
{
	char path[3 * PATH_SIZE], quota[128], period[128];

	snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", directory);
	if (!read_line(path, quota, sizeof quota))
		return;
	snprintf(path, sizeof path, "%s/cpu.cfs_period_us", directory);
	if (read_line(path, period, sizeof period))
		least_cpus(arg, strtod(quota, NULL), strtod(period, NULL));
}

/* Version 1 says "no limit" by a number near 2^63. */
static void least_bytes(const char *path, size_t *bytes)
{
	char line[128], *end;
	unsigned long long n;

	if (!read_line(path, line, sizeof line))
		return;
	n = strtoull(line, &end, 10);
	if (end != line && n > 0 && n < (1ull << 62) && (*bytes == 0 || n < *bytes))
		*bytes = (size_t)n;
}

static void look_memory(const char *directory, void *arg)
{
	char path[3 * PATH_SIZE];

	snprintf(path, sizeof path, "%s/memory.max", directory);
	least_bytes(path, arg);
	snprintf(path, sizeof path, "%s/memory.limit_in_bytes", directory);
	least_bytes(path, arg);
}

static void walk_hierarchy(const char *root, const char *controller,
			   void (*look)(const char *directory, void *arg), void *arg)
{
	char mount[PATH_SIZE], group[PATH_SIZE];

	if (!own_group(root, controller, group, sizeof group))
		return;
	snprintf(mount, sizeof mount, "%s/sys/fs/cgroup%s%s", root, controller ? "/" : "",
		 controller ? controller : "");
	walk_up(mount, group, look, arg);
}

int smi_cgroup_cpus(const char *root)
{
	int cpus = 0;

	walk_hierarchy(root, NULL, look_cpu_max, &cpus);
	walk_hierarchy(root, "cpu", look_cfs, &cpus);
	return cpus;
}

size_t smi_cgroup_memory(const char *root)
{
	size_t bytes = 0;

	walk_hierarchy(root, NULL, look_memory, &bytes);
	walk_hierarchy(root, "memory", look_memory, &bytes);
	return bytes;
}
