/* SPDX-License-Identifier: MIT */
/* Memory from the kernel: shared anonymous mappings, and a file without a name
 * of which several processes map parts that were made after they were forked. */
#ifndef SMI_OS_MAPPING_H
#define SMI_OS_MAPPING_H

#include <stddef.h>
#include <stdint.h>

/* Large mappings are made of these where the system grants it. Bytes. */
#define SMI_HUGE ((size_t)2 << 20)

static inline size_t smi_round_up(size_t size, size_t unit)
{
	return (size + unit - 1) / unit * unit;
}

/* `size` zeroed bytes that this process and its later children share; aligned
 * to SMI_HUGE when at least that large. NULL with errno. */
void *smi_map_shared(size_t size);

/* A private zeroed mapping, aligned and made of huge pages in the same way. */
void *smi_map_private(size_t size);

/* Zeroed memory that children do not inherit: what this process writes to it while
 * they live costs no copies. In a child the address is not its own to unmap. NULL
 * with errno. */
void *smi_map_own(size_t size);

/* Address NULL is allowed. errno is kept. */
void smi_unmap(void *address, size_t size);

/* Gets the pages of a shared mapping now, as huge ones where it can be, so that
 * a first touch costs no fault. Both multiples of SMI_HUGE. 0 or negative errno
 * (-ENOMEM when there is not that much memory). */
int smi_map_fill(void *address, size_t size);

/* A file in memory that only grows: nobody who holds it can make a mapping of
 * it fail. A descriptor or negative errno. */
int smi_file_open(void);
/* Makes the file at least `size` bytes long. 0 or negative errno. */
int smi_file_grow(int fd, uint64_t size);
/* Its length, and the bytes of memory that it holds. 0 or negative errno. */
int smi_file_size(int fd, uint64_t *size, uint64_t *held);
/* Maps a part, offset and size multiples of SMI_HUGE. NULL with errno. */
void *smi_file_map(int fd, uint64_t offset, size_t size);
/* Gives a part's memory back. */
void smi_file_drop(int fd, uint64_t offset, uint64_t size);

#endif
