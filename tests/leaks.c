/* SPDX-License-Identifier: MIT */
#include "leaks.h"

#include <check.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_ENTRIES = 512, LONGEST = 160 };

struct listing {
	int count;
	char name[MOST_ENTRIES][LONGEST];
};

static struct listing descriptors, shm;

static bool list_has(const struct listing *list, const char *name)
{
	for (int i = 0; i < list->count; i++)
		if (!strcmp(list->name[i], name))
			return true;
	return false;
}

/* Each descriptor with what it stands for: "5 pipe:[1234]". Check's own file for
 * its messages comes and goes. */
static void list_descriptors(struct listing *list)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	list->count = 0;
	if (!dir)
		return;
	while ((entry = readdir(dir)) && list->count < MOST_ENTRIES) {
		char target[LONGEST - 32];
		ssize_t length;

		if (!isdigit((unsigned char)entry->d_name[0]) || atoi(entry->d_name) == dirfd(dir))
			continue;
		length = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
		target[length < 0 ? 0 : length] = 0;
		if (strstr(target, "/check_"))
			continue;
		snprintf(list->name[list->count++], LONGEST, "%.16s %s", entry->d_name, target);
	}
	closedir(dir);
}

/* Other programs use /dev/shm too: only names that could be the library's. */
static bool name_is_ours(const char *name)
{
	char pid[16];

	snprintf(pid, sizeof pid, "%d", (int)getpid());
	return strstr(name, "smi") || strstr(name, "sharedmem") || strstr(name, "pool") ||
	       strstr(name, pid);
}

static void list_shm(struct listing *list)
{
	DIR *dir = opendir("/dev/shm");
	struct dirent *entry;

	list->count = 0;
	if (!dir)
		return;
	while ((entry = readdir(dir)) && list->count < MOST_ENTRIES)
		if (name_is_ours(entry->d_name))
			snprintf(list->name[list->count++], LONGEST, "%.150s", entry->d_name);
	closedir(dir);
}

static void assert_same(const struct listing *before, const struct listing *after, const char *what)
{
	for (int i = 0; i < after->count; i++)
		ck_assert_msg(list_has(before, after->name[i]), "%s left behind: %s", what, after->name[i]);
	for (int i = 0; i < before->count; i++)
		ck_assert_msg(list_has(after, before->name[i]), "%s lost: %s", what, before->name[i]);
}

void leaks_begin(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	list_descriptors(&descriptors);
	list_shm(&shm);
}

void leaks_end(void)
{
	static struct listing now;
	pid_t child = waitpid(-1, NULL, WNOHANG | __WALL);

	ck_assert_msg(child == -1 && errno == ECHILD,
		      child > 0 ? "process %d was left, a zombie" : "a process was left running (%d)",
		      (int)child);
	list_descriptors(&now);
	assert_same(&descriptors, &now, "descriptor");
	list_shm(&now);
	assert_same(&shm, &now, "/dev/shm name");
}
