/* SPDX-License-Identifier: MIT */
#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define ALONE __libc_single_threaded
#else
#define ALONE 0
#endif

#include "os/io.h"
#include "os/kept.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* Coverage data would be lost with _exit; absent in other builds. */
extern void __gcov_dump(void) __attribute__((weak));

/* What the last smi_process_prepare of this thread found, for the children: the
 * streams that it could not write out, which hold what is the parent's to write,
 * and the program's signal mask. */
static _Thread_local bool stale_out, stale_err;
static _Thread_local sigset_t program_mask;

static bool flush_if_free(FILE *stream)
{
	if (ftrylockfile(stream) != 0)
		return false;
	fflush_unlocked(stream);
	funlockfile(stream);
	return true;
}

/* What a fault or a trap raises in the thread itself cannot wait. */
static void block_signals(sigset_t *before)
{
	static const int own[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS };
	sigset_t most;

	sigfillset(&most);
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		sigdelset(&most, own[i]);
	pthread_sigmask(SIG_SETMASK, &most, before);
}

void smi_process_prepare(void)
{
	int saved = errno;
	bool out = ALONE || flush_if_free(stdout), err = ALONE || flush_if_free(stderr);

	if (ALONE)
		fflush(NULL);
	if (out == stale_out || err == stale_err) {
		stale_out = !out;
		stale_err = !err;
	}
	block_signals(&program_mask);
	smi_errno_restore(saved);
}

void smi_process_prepared(void)
{
	pthread_sigmask(SIG_SETMASK, &program_mask, NULL);
}

void smi_process_let_signals_in(void)
{
	smi_process_prepared();
	block_signals(NULL);
}

bool smi_process_is_alone(void)
{
	return ALONE;
}

static bool has_handler(int signal)
{
	struct sigaction action;

	return sigaction(signal, NULL, &action) == 0 && action.sa_handler != SIG_DFL &&
	       action.sa_handler != SIG_IGN;
}

/* Those of 32 on that are below SIGRTMIN are the C library's own. */
uint64_t smi_process_handlers(void)
{
	uint64_t handled = 0;

	for (int s = 1; s <= 64 && s < NSIG; s = s == 31 ? SIGRTMIN : s + 1)
		if (has_handler(s))
			handled |= (uint64_t)1 << (s - 1);
	return handled;
}

void smi_process_hear_signals(uint64_t handled)
{
	for (; handled; handled &= handled - 1)
		signal(__builtin_ctzll(handled) + 1, SIG_DFL);
	signal(SIGINT, SIG_IGN);
	sigprocmask(SIG_SETMASK, &program_mask, NULL);
}

void smi_process_flush_own(void)
{
	if (ALONE) {
		fflush(NULL);
	} else {
		fflush(stdout);
		fflush(stderr);
	}
}

void smi_process_leave(int status)
{
	smi_process_flush_own();
	if (__gcov_dump)
		__gcov_dump();
	_exit(status);
}

/* Of so many pages, or huge pages. */
#define LIGHT 64

bool smi_process_is_light(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_minflt + usage.ru_majflt <= LIGHT;
}

/* exit() in a job comes here before the program's own handlers. */
#ifdef __GLIBC__
static void leave_early(int status, void *unused)
{
	(void)unused;
	smi_process_flush_own();
	_exit(status);
}
#define GUARD_EXIT() on_exit(leave_early, NULL)
#else
static void leave_early(void)
{
	smi_process_flush_own();
	_exit(EXIT_FAILURE);
}
#define GUARD_EXIT() atexit(leave_early)
#endif

unsigned smi_process_lineage;

static void branch_off(void)
{
	smi_process_lineage++;
}

static __attribute__((constructor)) void watch_forks(void)
{
	pthread_atfork(NULL, NULL, branch_off);
}

static int pidfd_open_(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* Kernels before 5.3 and some filters have no pidfd: a pipe that only the child
 * holds the other end of stands in for it. */
bool smi_process_have_pidfd(void)
{
	static _Atomic int known;
	int have = atomic_load_explicit(&known, memory_order_relaxed);

	if (have == 0) {
		int fd = pidfd_open_(getpid());

		/* No descriptor left says nothing about the next time. */
		if (fd < 0 && (errno == EMFILE || errno == ENFILE))
			return true;
		have = fd >= 0 ? 1 : -1;
		smi_close(fd);
		atomic_store_explicit(&known, have, memory_order_relaxed);
	}
	return have > 0;
}

static void begin_child(pid_t parent)
{
	smi_process_die_with(parent);
	if (stale_out)
		__fpurge(stdout);
	if (stale_err)
		__fpurge(stderr);
	GUARD_EXIT();
}

/* The child is there; the descriptor that tells its end may still be refused. */
static int watch_child(struct smi_process *process, pid_t pid, int life)
{
	int r;

	process->pid = pid;
	process->leads = false;
	process->fd = life >= 0 ? life : pidfd_open_(pid);
	process->gone = process->fd < 0 && errno == ESRCH;
	if (process->gone)
		process->fd = eventfd(1, EFD_CLOEXEC);
	if (process->fd >= 0)
		return 1;
	r = -errno;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	process->pid = 0;
	return r;
}

int smi_process_fork(struct smi_process *process)
{
	int life[2] = { -1, -1 }, r;
	pid_t parent = getpid(), pid;

	if (!smi_process_have_pidfd() && pipe2(life, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		smi_close(life[0]);
		begin_child(parent);
		return 0;
	}
	r = -errno;
	smi_close(life[1]);
	if (pid > 0)
		return watch_child(process, pid, life[0]);
	smi_close(life[0]);
	return r;
}

int smi_process_adopt(struct smi_process *process, pid_t pid)
{
	int r = watch_child(process, pid, -1);

	return r < 0 ? r : 0;
}

/* A group's number is not given away again as long as anybody is in it. Its leader may
 * have left it; if not it gets the signal once, with the others. */
void smi_process_kill(const struct smi_process *process, int signal)
{
	int saved = errno;
	bool reached = process->pid > 0 && process->leads && getpgid(process->pid) == process->pid;

	if (process->pid > 0 && process->leads)
		kill(-process->pid, signal);
	if (process->pid > 0 && !process->gone && !reached) {
		if (smi_process_have_pidfd())
			syscall(SYS_pidfd_send_signal, process->fd, signal, NULL, 0);
		else
			kill(process->pid, signal);
	}
	smi_errno_restore(saved);
}

static int status_of(const siginfo_t *info)
{
	return info->si_code == CLD_EXITED ? -1 - info->si_status : info->si_status;
}

bool smi_process_reap(struct smi_process *process, bool wait, int *status)
{
	siginfo_t info = { 0 };
	int flags = WEXITED | (wait ? 0 : WNOHANG), r = -1;

	while (!process->gone) {
		r = smi_process_have_pidfd() ? waitid(P_PIDFD, (id_t)process->fd, &info, flags) : (errno = EINVAL, -1);
		/* Kernel 5.3 has the descriptor and can't wait by it. */
		if (r < 0 && errno == EINVAL)
			r = waitid(P_PID, (id_t)process->pid, &info, flags);
		if (r == 0 || errno != EINTR)
			break;
	}
	if (r == 0 && info.si_pid == 0)
		return false;
	*status = r == 0 ? status_of(&info) : SMI_STATUS_UNKNOWN;
	process->fd = smi_close(process->fd);
	process->pid = 0;
	process->leads = false;
	return true;
}
