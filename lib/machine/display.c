/* SPDX-License-Identifier: MIT */
#include <sharedmem/env.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "machine/cpu.h"
#include "machine/schedule.h"

static _Atomic int debug = -1; /* -1: ask the environment */

static const char *debug_variable(void)
{
	const char *value = getenv("SHAREDMEM_DEBUG");

	return value ? value : "";
}

bool pool_get_debug(void)
{
	int on = atomic_load_explicit(&debug, memory_order_relaxed);

	return on < 0 ? strcmp(debug_variable(), "1") == 0 : on;
}

void pool_set_debug(bool on)
{
	atomic_store_explicit(&debug, on, memory_order_relaxed);
}

const char *sharedmem_version(void)
{
	return SMI_VERSION;
}

static void display_cpus(FILE *stream)
{
	struct smi_cpu_count count;

	smi_cpu_count(&count);
	for (int i = 0; i < count.sources; i++) {
		const struct smi_cpu_source *s = &count.source[i];

		fprintf(stream, "  %-20s %s%s%s\n", s->name, *s->said ? s->said : "-",
			*s->said && s->cpus == 0 ? "  (can't be read as a list of positive numbers: ignored)" : "",
			i == count.winner ? "  <- taken" : "");
	}
	fprintf(stream, "  %-20s %d\n", "workers", count.cpus);
}

static void display_variable(FILE *stream, const char *name, bool readable)
{
	const char *value = getenv(name);

	fprintf(stream, "  %-20s %s%s\n", name, value ? value : "-",
		readable ? "" : "  (can't be read: ignored)");
}

void pool_display_env(FILE *stream)
{
	enum pool_schedule schedule;
	enum pool_backend backend;
	const char *on = debug_variable();
	uint64_t map, job;
	size_t chunk;

	fprintf(stream, "sharedmem %s\n", sharedmem_version());
	display_cpus(stream);
	fprintf(stream, "  %-20s %zu MiB\n", "memory", pool_total_memory() >> 20);
	display_variable(stream, "OMP_SCHEDULE", smi_env_schedule(&schedule, &chunk));
	display_variable(stream, "SHAREDMEM_BACKEND", smi_env_backend(&backend));
	display_variable(stream, "SHAREDMEM_DEBUG", !*on || !strcmp(on, "0") || !strcmp(on, "1"));
	display_variable(stream, "SHAREDMEM_ONLY", smi_env_only(&map, &job) || !getenv("SHAREDMEM_ONLY"));
	fprintf(stream, "  %-20s %s\n", "debug mode", pool_get_debug() ? "on" : "off");
}
