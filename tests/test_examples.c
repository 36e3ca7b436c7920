/* SPDX-License-Identifier: MIT */
/* Each program in examples/ runs with no arguments and ends with 0. */
#include "suites.h"
#include "testing.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where the examples were built: beside the tests. */
static void examples_path(char *path, size_t size)
{
	const char *build = getenv("SMI_BUILD");
	char self[PATH_MAX];
	ssize_t length;

	if (build) {
		snprintf(path, size, "%s/examples", build);
		return;
	}
	length = readlink("/proc/self/exe", self, sizeof self - 1);
	self[length < 0 ? 0 : length] = 0;
	for (int up = 0; up < 2 && strrchr(self, '/'); up++)
		*strrchr(self, '/') = 0;
	snprintf(path, size, "%s/examples", self);
}

/* The exit status; what it wrote goes to `output`. */
static int run(const char *program, FILE *output)
{
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		int nothing = open("/dev/null", O_RDONLY);

		dup2(nothing, 0);
		dup2(fileno(output), 1);
		dup2(fileno(output), 2);
		execl(program, program, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

START_TEST(every_example_runs)
{
	char directory[PATH_MAX + 16], program[PATH_MAX + 300], last[2000];
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	examples_path(directory, sizeof directory);
	dir = opendir(directory);
	ck_assert_msg(dir != NULL, "no %s", directory);
	while ((entry = readdir(dir))) {
		FILE *output;
		size_t size;
		int status;

		if (strchr(entry->d_name, '.'))
			continue;
		snprintf(program, sizeof program, "%s/%s", directory, entry->d_name);
		output = tmpfile();
		ck_assert_ptr_nonnull(output);
		status = run(program, output);
		if (fseek(output, -(long)sizeof last + 1, SEEK_END))
			rewind(output);
		size = fread(last, 1, sizeof last - 1, output);
		last[size] = 0;
		fclose(output);
		if (status)
			fprintf(stderr, "%s: %d\n%s\n", program, status, last);
		ck_assert_msg(!status, "%s: %d", entry->d_name, status);
		ck_assert_msg(size > 0, "%s says nothing", entry->d_name);
		count++;
	}
	closedir(dir);
	ck_assert_int_gt(count, 0);
}
END_TEST

Suite *examples_suite(void)
{
	Suite *suite = suite_create("examples");

	tcase_add_test(test_case(suite, "examples", 60), every_example_runs);
	return suite;
}
