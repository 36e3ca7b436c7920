/* SPDX-License-Identifier: MIT */
#include "sort/options.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#include <sharedmem/env.h>

#include "os/level.h"

int smi_options_check(const struct shared_sort_options *options)
{
	if (!options)
		return 0;
	if (options->np < 0)
		return -EINVAL;
	for (size_t i = 0; i < sizeof options->reserved / sizeof options->reserved[0]; i++)
		if (options->reserved[i])
			return -EINVAL;
	return 0;
}

/* pool_cpu_count reads files: what it said holds for a tenth of a second. */
static int cpu_count(void)
{
	static _Atomic uint64_t known; /* time of reading << 16 | count */
	uint64_t was = atomic_load_explicit(&known, memory_order_relaxed), now;
	struct timespec t;
	int count;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	now = (uint64_t)t.tv_sec * 10 + (uint64_t)t.tv_nsec / 100000000 + 1;
	if (was >> 16 == now)
		return (int)(was & 0xffff);
	count = pool_cpu_count();
	count = count > 0xffff ? 0xffff : count;
	atomic_store_explicit(&known, now << 16 | (uint64_t)count, memory_order_relaxed);
	return count;
}

int smi_options_np(const struct shared_sort_options *options)
{
	if (options && options->np)
		return options->np;
	return smi_worker_level() > 0 ? 1 : cpu_count();
}
