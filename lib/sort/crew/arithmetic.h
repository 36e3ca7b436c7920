/* SPDX-License-Identifier: MIT */
/* How a thread computes with floats: how it rounds, whether subnormals count as zeros
 * (a program linked with -Ofast starts so), what traps. Images and digits are right in
 * the usual arithmetic only, and the threads of a sort must agree on digits. */
#ifndef SMI_SORT_ARITHMETIC_H
#define SMI_SORT_ARITHMETIC_H

#include <stdint.h>

#if defined(__x86_64__)

#include <xmmintrin.h>

/* To the nearest, subnormals as they are, no traps. */
#define SMI_ARITHMETIC_USUAL 0x1f80

static inline uint64_t smi_arithmetic(void)
{
	return _mm_getcsr();
}

static inline void smi_arithmetic_set(uint64_t how)
{
	_mm_setcsr((uint32_t)how);
}

#elif defined(__aarch64__)

#define SMI_ARITHMETIC_USUAL 0

static inline uint64_t smi_arithmetic(void)
{
	uint64_t how;

	__asm__ volatile("mrs %0, fpcr" : "=r"(how));
	return how;
}

static inline void smi_arithmetic_set(uint64_t how)
{
	__asm__ volatile("msr fpcr, %0" ::"r"(how) : "memory");
}

#else

#define SMI_ARITHMETIC_USUAL 0

static inline uint64_t smi_arithmetic(void)
{
	return SMI_ARITHMETIC_USUAL;
}

static inline void smi_arithmetic_set(uint64_t how)
{
	(void)how;
}

#endif
#endif
