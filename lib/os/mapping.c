/* SPDX-License-Identifier: MIT */
#include "os/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/kept.h"

/* Newer than some C libraries' headers. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define SMALL_PAGE 4096

/* Maps so that huge pages fit: `size` bytes at a multiple of SMI_HUGE, cut out of
 * a larger reservation that takes no memory. */
static void *map_aligned(size_t size, int flags, int fd, off_t offset)
{
	char *base, *start, *end;

	if (size > SIZE_MAX - 2 * SMI_HUGE) {
		errno = ENOMEM;
		return NULL;
	}
	base = mmap(NULL, size + SMI_HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return NULL;
	start = (char *)smi_round_up((uintptr_t)base, SMI_HUGE);
	end = (char *)smi_round_up((uintptr_t)start + size, SMALL_PAGE);
	if (mmap(start, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, offset) == MAP_FAILED) {
		smi_unmap(base, size + SMI_HUGE);
		return NULL;
	}
	if (start > base)
		smi_unmap(base, (size_t)(start - base));
	if (base + size + SMI_HUGE > end)
		smi_unmap(end, (size_t)(base + size + SMI_HUGE - end));
	return start;
}

static void *map_anonymous(size_t size, int flags)
{
	void *p;

	if (size >= SMI_HUGE) {
		p = map_aligned(size, flags | MAP_ANONYMOUS, -1, 0);
		if (p)
			madvise(p, size, MADV_HUGEPAGE);
		return p;
	}
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

void *smi_map_shared(size_t size)
{
	return map_anonymous(size, MAP_SHARED);
}

void *smi_map_private(size_t size)
{
	return map_anonymous(size, MAP_PRIVATE);
}

void *smi_map_own(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, size, MADV_DONTFORK);
	return p;
}

void smi_unmap(void *address, size_t size)
{
	int saved = errno;

	if (address)
		munmap(address, size);
	smi_errno_restore(saved);
}

int smi_map_fill(void *address, size_t size)
{
	char *p = address;

	/* A range collapses only where a page of it exists. */
	for (size_t i = 0; i < size; i += SMI_HUGE)
		if (madvise(p + i, SMALL_PAGE, MADV_POPULATE_WRITE) < 0)
			return errno == EINVAL ? 0 : -ENOMEM;
	if (madvise(p, size, MADV_COLLAPSE) == 0)
		return 0;
	return madvise(p, size, MADV_POPULATE_WRITE) < 0 ? -ENOMEM : 0;
}

int smi_file_open(void)
{
	int fd = memfd_create("sharedmem", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int smi_file_grow(int fd, uint64_t size)
{
	struct stat st;

	if (ftruncate(fd, (off_t)size) == 0)
		return 0;
	/* Refused by the seal: somebody has made it longer meanwhile. */
	if (errno == EPERM && fstat(fd, &st) == 0 && (uint64_t)st.st_size >= size)
		return 0;
	return -errno;
}

int smi_file_size(int fd, uint64_t *size, uint64_t *held)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*size = (uint64_t)st.st_size;
	*held = (uint64_t)st.st_blocks * 512;
	return 0;
}

void *smi_file_map(int fd, uint64_t offset, size_t size)
{
	return map_aligned(size, MAP_SHARED, fd, (off_t)offset);
}

void smi_file_drop(int fd, uint64_t offset, uint64_t size)
{
	fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size);
}
