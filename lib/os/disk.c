/* SPDX-License-Identifier: MIT */
#include "os/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/io.h"
#include "os/kept.h"

static int open_path(const char *path, int flags)
{
	int fd;

	do
		fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0666);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

int smi_disk_open(const char *path)
{
	int fd = open_path(path, O_RDWR | O_CREAT);
	struct stat st;
	int r = 0;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = -EINVAL;
	if (r < 0)
		smi_close(fd);
	return r < 0 ? r : fd;
}

int smi_disk_lock(int fd)
{
	int r;

	do
		r = flock(fd, LOCK_EX | LOCK_NB);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return 0;
}

void smi_disk_unlock(int fd)
{
	int saved = errno;

	flock(fd, LOCK_UN);
	smi_errno_restore(saved);
}

int smi_disk_length(int fd, uint64_t *length)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*length = (uint64_t)st.st_size;
	return 0;
}

int smi_disk_write(int fd, uint64_t offset, const void *bytes, size_t size, size_t *written)
{
	const char *from = bytes;
	ssize_t n;

	*written = 0;
	while (*written < size) {
		n = pwrite(fd, from + *written, size - *written, (off_t)(offset + *written));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		*written += (size_t)n;
	}
	return 0;
}

int smi_disk_cut(int fd, uint64_t length)
{
	int r;

	do
		r = ftruncate(fd, (off_t)length);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int smi_disk_sync(int fd)
{
	int r;

	do
		r = fdatasync(fd);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/* The directory of a path, to be freed; NULL: no memory. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strndup(".", 1);
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

int smi_disk_sync_name(const char *path)
{
	char *directory = directory_of(path);
	int fd, r = 0;

	if (!directory)
		return -ENOMEM;
	fd = open_path(directory, O_RDONLY | O_DIRECTORY);
	free(directory);
	if (fd < 0)
		return fd == -EACCES ? 0 : fd;
	while (fsync(fd) < 0 && r == 0)
		if (errno != EINTR)
			r = errno == EINVAL || errno == EROFS ? 1 : -errno;
	smi_close(fd);
	return r < 0 ? r : 0;
}

void *smi_disk_map(int fd, uint64_t size)
{
	void *p;

	if (size > PTRDIFF_MAX) {
		errno = EFBIG;
		return NULL;
	}
	p = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	return p == MAP_FAILED ? NULL : p;
}
