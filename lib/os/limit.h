/* SPDX-License-Identifier: MIT */
/* A limit on what a process may add to its memory. */
#ifndef SMI_OS_LIMIT_H
#define SMI_OS_LIMIT_H

#include <stddef.h>

/* From now on this process may get `bytes` more of data: RLIMIT_DATA, which counts
 * private writable memory, not shared mappings and not the stack. 0 or negative
 * errno; -ENOENT: /proc does not say how much there is. */
int smi_limit_data(size_t bytes);

#endif
