/* SPDX-License-Identifier: MIT */
/* Masters that are killed: orphans [masters [seed [side by side]]]
 *
 * Each master runs maps with workers and spares and is ended by SIGKILL at a random
 * instant. What it leaves becomes this program's children (it is their subreaper):
 * all must have ended 100 ms later, and nothing may be left in /dev/shm and /tmp. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sharedmem.h>

enum { LIMIT_US = 100000, GIVE_UP_US = 5000000 };

/* In shared memory: one a killer. */
struct tally {
	long masters, late, worst_us, orphans;
};

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void nap_us(long us)
{
	nanosleep(&(struct timespec){ us / 1000000, us % 1000000 * 1000 }, NULL);
}

static int work(struct pool_worker *self, size_t job, void *arg)
{
	char bytes[200] = { (char)job };

	(void)arg;
	if (job % 3 == 0)
		nap_us(200);
	POOL_ORDERED(self) { bytes[1] = 1; }
	return pool_return(self, bytes, sizeof bytes);
}

static int reduce(size_t job, const void *value, size_t size, void *arg)
{
	(void)job, (void)value, (void)arg;
	return size != 200;
}

static void be_master(unsigned seed)
{
	struct pool_options options = { .np = 1 + (int)(seed % 5), .retries = seed % 4 ? 3 : 0 };
	struct pool *pool = pool_open(&options);

	while (pool && pool_map(pool, 50, work, reduce, NULL) == POOL_OK)
		;
	_exit(1);
}

/* Kills a master after `us`; how long its children outlived it. */
static long kill_one(unsigned seed, long us, long *orphans)
{
	pid_t master = fork();
	long began;
	int status;

	if (master == 0)
		be_master(seed);
	nap_us(us);
	kill(master, SIGKILL);
	waitpid(master, &status, 0);
	began = now_us();
	for (;;) {
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid < 0)
			return now_us() - began;
		if (pid > 0)
			++*orphans;
		else if (now_us() - began > GIVE_UP_US)
			return GIVE_UP_US;
		else
			nap_us(100);
	}
}

/* The latest instant: a map has long begun by then, also where a fork takes a while. */
static long longest_us(void)
{
	long began = now_us(), most = 6000;
	struct pool *pool = pool_open(&(struct pool_options){ .np = 3, .retries = 3 });

	if (pool)
		pool_map(pool, 50, work, reduce, NULL);
	pool_close(pool);
	return 8 * (now_us() - began) > most ? 8 * (now_us() - began) : most;
}

static void be_killer(struct tally *tally, long masters, unsigned seed, long most_us)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (long i = 0; i < masters; i++) {
		long us = kill_one(seed + (unsigned)i, rand_r(&seed) % most_us, &tally->orphans);

		tally->masters++;
		tally->late += us > LIMIT_US;
		tally->worst_us = us > tally->worst_us ? us : tally->worst_us;
	}
	_exit(0);
}

static int count_files(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	long masters = argc > 1 ? atol(argv[1]) : 10000;
	unsigned seed = argc > 2 ? (unsigned)atol(argv[2]) : 1;
	int killers = argc > 3 ? atoi(argv[3]) : 6, files = count_files("/dev/shm") + count_files("/tmp");
	struct tally *tally = mmap(NULL, (size_t)killers * sizeof *tally, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0), all = { 0 };

	long most_us = longest_us();

	if (tally == MAP_FAILED)
		return 2;
	for (int k = 0; k < killers; k++)
		if (fork() == 0)
			be_killer(&tally[k], masters / killers + (k < masters % killers), seed + (unsigned)k * 7919, most_us);
	while (wait(NULL) > 0)
		;
	for (int k = 0; k < killers; k++) {
		all.masters += tally[k].masters;
		all.late += tally[k].late;
		all.orphans += tally[k].orphans;
		all.worst_us = tally[k].worst_us > all.worst_us ? tally[k].worst_us : all.worst_us;
	}
	files = count_files("/dev/shm") + count_files("/tmp") - files;
	printf("orphans: %ld masters killed, %d side by side, seed %u, within %ld ms; %ld orphans, all gone after at most %.1f ms, "
	       "%ld times later than 100 ms; %d files left\n",
	       all.masters, killers, seed, most_us / 1000, all.orphans, (double)all.worst_us / 1000, all.late, files);
	return all.late > 0 || files > 0 || all.masters < masters;
}
