/* SPDX-License-Identifier: MIT */
#include "os/io.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/kept.h"

#define EVENTS 64

int smi_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	smi_errno_restore(saved);
	return -1;
}

/* Of those from `first` to `last`, where there are any such numbers. */
static bool close_range_(int first, unsigned last)
{
#ifdef SYS_close_range
	return (unsigned)first > last || syscall(SYS_close_range, first, last, 0) == 0;
#else
	(void)first, (void)last;
	return false;
#endif
}

bool smi_close_others(int kept)
{
	if (kept <= STDERR_FILENO)
		return close_range_(STDERR_FILENO + 1, UINT_MAX);
	return close_range_(STDERR_FILENO + 1, (unsigned)kept - 1) && close_range_(kept + 1, UINT_MAX);
}

int smi_bell_open(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

void smi_bell_ring(int fd)
{
	uint64_t one = 1;
	int saved = errno;

	/* EAGAIN: rung 2^64 - 2 times already, which is loud enough. */
	while (write(fd, &one, sizeof one) < 0 && errno == EINTR)
		;
	smi_errno_restore(saved);
}

void smi_bell_clear(int fd)
{
	uint64_t count;

	while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
		;
}

int smi_watch_open(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int smi_watch_add(int watch, int fd, uint32_t tag)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = tag };

	return epoll_ctl(watch, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

void smi_watch_remove(int watch, int fd)
{
	epoll_ctl(watch, EPOLL_CTL_DEL, fd, NULL);
}

/* Kernels before 5.11 wait in whole milliseconds. */
static int wait_events(int watch, struct epoll_event *events, int room, uint64_t timeout)
{
	int n = -1;

#ifdef SYS_epoll_pwait2
	static _Atomic int missing;
	struct timespec t = { .tv_sec = (time_t)(timeout / SMI_S), .tv_nsec = (long)(timeout % SMI_S) };

	if (!missing) {
		n = (int)syscall(SYS_epoll_pwait2, watch, events, room, timeout == UINT64_MAX ? NULL : &t,
				 NULL, 0);
		if (n < 0 && errno == ENOSYS)
			missing = 1;
	}
	if (missing)
#endif
		n = epoll_wait(watch, events, room,
			       timeout > 1000 * SMI_S ? -1 : (int)((timeout + SMI_MS - 1) / SMI_MS));
	return n;
}

int smi_watch_wait(int watch, uint32_t *tags, int room, uint64_t timeout)
{
	struct epoll_event events[EVENTS];
	int n = wait_events(watch, events, room < EVENTS ? room : EVENTS, timeout);

	for (int i = 0; i < n; i++)
		tags[i] = events[i].data.u32;
	return n < 0 ? 0 : n;
}
