/* SPDX-License-Identifier: MIT */
/* Which kernel runs: the best that the CPU has, found out once. */
#include "sort/kernel/kernel.h"

#include <errno.h>
#include <stdatomic.h>

static _Atomic(const struct smi_kernel *) chosen;

static bool runs_here(const struct smi_kernel *kernel)
{
#if defined(__x86_64__)
	if (kernel == &smi_kernel_avx512_bytes && !__builtin_cpu_supports("avx512vbmi2"))
		return false;
	if (kernel == &smi_kernel_avx512 || kernel == &smi_kernel_avx512_bytes)
		return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
		       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
		       __builtin_cpu_supports("bmi2");
	if (kernel == &smi_kernel_avx2)
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
#endif
	return kernel == &smi_kernel_portable;
}

static const struct smi_kernel *const kernels[] = {
#if defined(__x86_64__)
	&smi_kernel_avx512_bytes,
	&smi_kernel_avx512,
	&smi_kernel_avx2,
#endif
	&smi_kernel_portable,
};

enum { KERNELS = sizeof kernels / sizeof kernels[0] };

static const struct smi_kernel *best(void)
{
	size_t i = 0;

	/* The last one runs everywhere. */
	while (i + 1 < KERNELS && !runs_here(kernels[i]))
		i++;
	return kernels[i];
}

const struct smi_kernel *smi_kernel(void)
{
	const struct smi_kernel *kernel = atomic_load_explicit(&chosen, memory_order_relaxed);

	if (kernel)
		return kernel;
	kernel = best();
	/* Constant data: whoever reads the pointer may follow it. */
	atomic_store_explicit(&chosen, kernel, memory_order_relaxed);
	return kernel;
}

int smi_sort_use(const char *name)
{
	const struct smi_kernel *kernel = NULL;

	for (size_t i = 0; name && i < KERNELS; i++)
		if (strcmp(kernels[i]->name, name) == 0)
			kernel = kernels[i];
	if (name && !kernel)
		return -ENOENT;
	if (kernel && !runs_here(kernel))
		return -ENOTSUP;
	atomic_store_explicit(&chosen, kernel, memory_order_relaxed);
	return 0;
}
