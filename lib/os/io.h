/* SPDX-License-Identifier: MIT */
/* Descriptors: the bell that workers ring, and one wait for it and for deaths.
 * All are close-on-exec. */
#ifndef SMI_OS_IO_H
#define SMI_OS_IO_H

#include <stdbool.h>
#include <stdint.h>

/* Closes a descriptor that is not negative; returns -1, the dead value. errno
 * is kept. */
int smi_close(int fd);

/* Closes all but the standard streams and `kept`. False where that cannot be done. */
bool smi_close_others(int kept);

/* A counter that makes its descriptor readable. A descriptor or negative errno. */
int smi_bell_open(void);
/* Async-signal-safe; errno is kept. */
void smi_bell_ring(int fd);
void smi_bell_clear(int fd);

/* A set of descriptors to wait for; each is told by its tag. */
int smi_watch_open(void);
int smi_watch_add(int watch, int fd, uint32_t tag);
void smi_watch_remove(int watch, int fd);
/* Waits `timeout` ns at most (0: only looks; UINT64_MAX: for ever) until one is
 * readable or hung up. The number of tags stored, 0 after the time or a signal. */
int smi_watch_wait(int watch, uint32_t *tags, int room, uint64_t timeout);

#endif
