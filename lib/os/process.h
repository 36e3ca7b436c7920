/* SPDX-License-Identifier: MIT */
/* Forked children: made without doubling stdio, watched by a descriptor, ended,
 * and reaped without touching a child that is not ours. */
#ifndef SMI_OS_PROCESS_H
#define SMI_OS_PROCESS_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct smi_process {
	pid_t pid;  /* 0: none, or reaped */
	int fd;     /* readable once the process has ended */
	bool gone;  /* it ended, and the host program's SIGCHLD rule took it, before we looked */
	bool leads; /* a process group of its own, which is killed with it */
};

/* How a process ended: the signal; -1-(exit status); or INT_MIN when the host
 * program took the status. */
#define SMI_STATUS_UNKNOWN INT_MIN

/* Before the first fork of several: writes out what stdout and stderr hold, or
 * all streams when this is the program's only thread, without waiting for a
 * stream that another thread holds; and blocks all signals but those of faults.
 * After the last one: unblocks them. In between: those that wait may come. */
void smi_process_prepare(void);
void smi_process_prepared(void);
void smi_process_let_signals_in(void);

/* The program has no other threads; false where that can't be told. */
bool smi_process_is_alone(void);

/* Forks. In the child: 0, with the parent's death fatal to it, signals still
 * blocked, no atexit handler of the program to run, and nothing of the parent's in
 * its stdio buffers. In the parent: 1 and *process. Negative errno on failure. */
int smi_process_fork(struct smi_process *process);

/* The signals that have handlers, signal s as bit s - 1. Each is a system call. */
uint64_t smi_process_handlers(void);

/* In the child: those go back to the default, SIGINT is ignored, and the program's
 * signal mask holds again. */
void smi_process_hear_signals(uint64_t handled);

/* In a child made by smi_process_fork: makes a child of its own parent, `parent`,
 * with this process's memory. Its pid is stored in shared memory before it runs,
 * so that it can't be lost whoever dies. 0 in that child, 1 here, or negative
 * errno. Nothing but the calling thread may run here. */
int smi_process_fork_sibling(pid_t parent, _Atomic int32_t *born);

/* In the parent: takes charge of a sibling that was born so. 0 or negative errno,
 * and then it has been ended. */
int smi_process_adopt(struct smi_process *process, pid_t pid);

/* Another number in each child of fork() (not of _Fork, which runs no handlers): who keeps it
 * can tell later whether this is still the same process, and need not ask the system. */
extern unsigned smi_process_lineage;

/* Whether there are pidfds here, without which siblings can't be watched. */
bool smi_process_have_pidfd(void);

/* In a child: dies with the thread of `parent` that is its parent. */
void smi_process_die_with(pid_t parent);

/* In a child: leads a process group from now on. The parent does the same for it,
 * by smi_process_group, so that it holds for both at once. */
void smi_process_lead(void);
void smi_process_group(struct smi_process *process);

/* In the child: writes out what it wrote, and leaves. */
void smi_process_leave(int status) __attribute__((noreturn));
void smi_process_flush_own(void);

/* In the child: it has touched little memory since it was forked. */
bool smi_process_is_light(void);

/* With the group that it leads. */
void smi_process_kill(const struct smi_process *process, int signal);

/* It is stopped, as by SIGSTOP. */
bool smi_process_stopped(const struct smi_process *process);

/* Reaps: true when it has ended, and then how. `wait`: until it has. Closes fd. */
bool smi_process_reap(struct smi_process *process, bool wait, int *status);

#endif
