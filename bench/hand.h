/* SPDX-License-Identifier: MIT */
/* The peer that is written by hand: fork, a shared atomic counter that hands out
 * jobs, a pipe from each child, and poll. No more than the task at hand needs. */
#ifndef HAND_H
#define HAND_H

#include <poll.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "bench.h"

enum { HAND_MOST = 64 };

/* In a child: takes jobs from *next and writes what it has to say to `out`. */
typedef void (*hand_child_fn)(atomic_size_t *next, int out);

/* In the parent: reads once from child `rank`; 0 at the end of its pipe. */
typedef ssize_t (*hand_parent_fn)(int rank, int in);

static inline void hand_write(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size) {
		ssize_t n = write(fd, at, size);

		if (n < 0)
			_exit(1);
		at += n;
		size -= n;
	}
}

static inline ssize_t hand_read(int fd, void *data, size_t size)
{
	ssize_t n = read(fd, data, size);

	bench_check(n >= 0, "read");
	return n;
}

static inline atomic_size_t *hand_counter(void)
{
	static atomic_size_t *next;

	if (!next)
		next = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bench_check(next != MAP_FAILED, "no memory");
	atomic_store(next, 0);
	return next;
}

/* Reads from whoever has something to say until all have ended. */
static inline void hand_collect(struct pollfd *in, int np, hand_parent_fn parent)
{
	for (int open = np; open;) {
		bench_check(poll(in, np, -1) > 0, "poll");
		for (int rank = 0; rank < np; rank++) {
			if (in[rank].revents && parent(rank, in[rank].fd) == 0) {
				close(in[rank].fd);
				in[rank].fd = -1;
				open--;
			}
		}
	}
}

/* pipe_size: bytes of each pipe's buffer, 0: the usual. */
static inline void hand_map(int np, hand_child_fn child, hand_parent_fn parent, int pipe_size)
{
	atomic_size_t *next = hand_counter();
	struct pollfd in[HAND_MOST];
	pid_t pid[HAND_MOST];
	int status;

	bench_check(np <= HAND_MOST, "too many workers");
	for (int rank = 0; rank < np; rank++) {
		int pair[2];

		bench_check(pipe2(pair, O_CLOEXEC) == 0, "no pipe");
		if (pipe_size)
			fcntl(pair[1], F_SETPIPE_SZ, pipe_size);
		pid[rank] = fork();
		bench_check(pid[rank] >= 0, "no process");
		if (pid[rank] == 0) {
			child(next, pair[1]);
			_exit(0);
		}
		close(pair[1]);
		in[rank] = (struct pollfd){ pair[0], POLLIN, 0 };
	}
	hand_collect(in, np, parent);
	for (int rank = 0; rank < np; rank++)
		bench_check(waitpid(pid[rank], &status, 0) == pid[rank] && status == 0, "a child died");
}

/* For children that have nothing to say. */
static inline ssize_t hand_silence(int rank, int in)
{
	char byte;

	(void)rank;
	return hand_read(in, &byte, 1);
}

#endif
