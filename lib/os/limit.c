/* SPDX-License-Identifier: MIT */
#include "os/limit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os/io.h"

/* VmData of /proc/self/status is what RLIMIT_DATA is compared with. Bytes; 0: can't
 * be told. */
static size_t data_now(void)
{
	char text[4096];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	const char *line;

	smi_close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	line = strstr(text, "\nVmData:");
	return line ? strtoul(line + 8, NULL, 10) * 1024 : 0;
}

int smi_limit_data(size_t bytes)
{
	struct rlimit limit;
	size_t now = data_now();

	if (now == 0)
		return -ENOENT;
	if (getrlimit(RLIMIT_DATA, &limit) < 0)
		return -errno;
	if (bytes < RLIM_INFINITY - now && now + bytes < limit.rlim_cur)
		limit.rlim_cur = now + bytes;
	return setrlimit(RLIMIT_DATA, &limit) < 0 ? -errno : 0;
}
