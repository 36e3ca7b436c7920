/* SPDX-License-Identifier: MIT */
/* Time, in nanoseconds of CLOCK_MONOTONIC. */
#ifndef SMI_OS_CLOCK_H
#define SMI_OS_CLOCK_H

#include <stdint.h>

#define SMI_US 1000ull
#define SMI_MS 1000000ull
#define SMI_S 1000000000ull

uint64_t smi_now(void);

#endif
