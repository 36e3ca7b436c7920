/* SPDX-License-Identifier: MIT */
/* Files on a disk: each call is complete or failed, never short, never EINTR.
 * Descriptors are close-on-exec. */
#ifndef SMI_OS_DISK_H
#define SMI_OS_DISK_H

#include <stddef.h>
#include <stdint.h>

/* Opens a regular file for reading and writing, or creates it. A descriptor or
 * negative errno; -EINVAL when the path names something that has no length. */
int smi_disk_open(const char *path);

/* Takes the lock that all openings of the file share; -EBUSY when another one
 * has it. It belongs to the opening: forked children hold it too, and it is
 * given back by any of them that unlocks, or by the last one that closes. */
int smi_disk_lock(int fd);
/* errno is kept. */
void smi_disk_unlock(int fd);

/* 0 or negative errno. */
int smi_disk_length(int fd, uint64_t *length);

/* Writes at `offset`. 0 or negative errno; *written, never NULL, says either way
 * how many of the bytes are in the file. */
int smi_disk_write(int fd, uint64_t offset, const void *bytes, size_t size, size_t *written);

/* Makes the file `length` bytes long. 0 or negative errno. */
int smi_disk_cut(int fd, uint64_t length);

/* Returns when the file's bytes and length are on the disk. 0 or negative errno. */
int smi_disk_sync(int fd);

/* The same for the name of a file in its directory. A directory that may not be
 * read, or that its file system does not sync, is no error. */
int smi_disk_sync_name(const char *path);

/* A private mapping of the first bytes, for reading; smi_unmap ends it. Reading
 * it is a SIGBUS where another process has made the file shorter. NULL with errno. */
void *smi_disk_map(int fd, uint64_t size);

#endif
