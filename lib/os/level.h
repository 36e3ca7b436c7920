/* SPDX-License-Identifier: MIT */
/* How deep this thread stands in maps: 0 in the master, 1 in its workers, ... */
#ifndef SMI_OS_LEVEL_H
#define SMI_OS_LEVEL_H

#include <stdbool.h>

int smi_worker_level(void);
void smi_worker_level_set(int level);

/* Whether this process is a forked worker, or a child of one. */
bool smi_worker_process(void);
void smi_worker_process_set(void);

#endif
