/* SPDX-License-Identifier: MIT */
/* How deep this thread stands in maps: 0 in the master, 1 in its workers, ... */
#ifndef SMI_OS_LEVEL_H
#define SMI_OS_LEVEL_H

int smi_worker_level(void);
void smi_worker_level_set(int level);

#endif
