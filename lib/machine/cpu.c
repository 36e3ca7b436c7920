/* SPDX-License-Identifier: MIT */
/* Whoever speaks first in this order wins: OMP_NUM_THREADS, a batch scheduler's
 * grant; then the least of what the kernel lets this process use. */
#include "machine/cpu.h"

#include <ctype.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sharedmem/env.h>

static const char *skip_blanks(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

int smi_cpu_list(const char *list, int level)
{
	int found = 0;

	for (int i = 0;; i++) {
		char *end;
		long n;

		list = skip_blanks(list);
		if (!isdigit((unsigned char)*list))
			return -1;
		n = strtol(list, &end, 10);
		if (n < 1 || n > INT_MAX)
			return -1;
		if (i == level)
			found = (int)n;
		list = skip_blanks(end);
		if (*list == '\0')
			return found;
		if (*list++ != ',')
			return -1;
	}
}

static void ask_environment(struct smi_cpu_source *source, const char *name)
{
	const char *value = getenv(name);
	int n;

	source->name = name;
	if (!value)
		return;
	snprintf(source->said, sizeof source->said, "%s", *value ? value : "(empty)");
	n = smi_cpu_list(value, 0);
	source->cpus = n > 0 ? n : 0;
}

static void ask_affinity(struct smi_cpu_source *source)
{
	/* More CPUs than a cpu_set_t holds make the call fail: ask again with more. */
	for (int cpus = CPU_SETSIZE; cpus <= CPU_SETSIZE << 8; cpus <<= 1) {
		cpu_set_t *set = CPU_ALLOC(cpus);
		size_t size = CPU_ALLOC_SIZE(cpus);

		if (set && sched_getaffinity(0, size, set) == 0)
			source->cpus = CPU_COUNT_S(size, set);
		CPU_FREE(set);
		if (source->cpus > 0)
			break;
	}
	source->name = "affinity mask";
	if (source->cpus > 0)
		snprintf(source->said, sizeof source->said, "%d", source->cpus);
}

static void ask_cgroup(struct smi_cpu_source *source)
{
	source->name = "cgroup quota";
	source->cpus = smi_cgroup_cpus("");
	if (source->cpus > 0)
		snprintf(source->said, sizeof source->said, "%d", source->cpus);
}

static int winner(const struct smi_cpu_count *count, int asked)
{
	int best = -1;

	for (int i = 0; i < asked; i++)
		if (count->source[i].cpus > 0)
			return i;
	for (int i = asked; i < count->sources; i++)
		if (count->source[i].cpus > 0 &&
		    (best < 0 || count->source[i].cpus < count->source[best].cpus))
			best = i;
	return best;
}

void smi_cpu_count(struct smi_cpu_count *count)
{
	static const char *const name[] = { "OMP_NUM_THREADS", "PBS_NUM_PPN", "SLURM_CPUS_PER_TASK",
					    "NSLOTS", "LSB_DJOB_NUMPROC", "OAR_NCPUS" };
	int asked = (int)(sizeof name / sizeof *name);

	memset(count, 0, sizeof *count);
	for (int i = 0; i < asked; i++)
		ask_environment(&count->source[i], name[i]);
	ask_affinity(&count->source[asked]);
	ask_cgroup(&count->source[asked + 1]);
	count->sources = asked + 2;
	count->winner = winner(count, asked);
	count->cpus = count->winner < 0 ? 1 : count->source[count->winner].cpus;
}

int pool_cpu_count(void)
{
	struct smi_cpu_count count;

	smi_cpu_count(&count);
	return count.cpus;
}
