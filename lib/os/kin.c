/* SPDX-License-Identifier: MIT */
/* How children stand to others: siblings by clone, death with the parent, groups. */
#include "os/process.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/kept.h"

void smi_process_die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
}

/* clone() with the order of arguments that the machine's kernel has. */
static pid_t clone_sibling(_Atomic int32_t *born, void *tid)
{
	unsigned long flags = CLONE_PARENT | CLONE_PARENT_SETTID | (tid ? CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID : 0);

#if defined(__x86_64__)
	return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, born, tid, NULL);
#else
	return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, born, NULL, tid);
#endif
}

/* What the C library's fork would have done for the child and clone does not: the
 * thread's number where the library keeps it, which the kernel stores, and the list
 * of robust mutexes. pthread_atfork handlers ran in the calling process. */
int smi_process_fork_sibling(pid_t parent, _Atomic int32_t *born)
{
	void *tid = NULL, *robust = NULL;
	size_t size = 0;
	pid_t pid;

	prctl(PR_GET_TID_ADDRESS, &tid);
	syscall(SYS_get_robust_list, 0, &robust, &size);
	pid = clone_sibling(born, tid);
	if (pid < 0)
		return -errno;
	if (pid > 0)
		return 1;
	if (robust)
		syscall(SYS_set_robust_list, robust, size);
	smi_process_die_with(parent);
	return 0;
}

void smi_process_lead(void)
{
	setpgid(0, 0);
}

void smi_process_group(struct smi_process *process)
{
	int saved = errno;

	setpgid(process->pid, process->pid);
	process->leads = true;
	smi_errno_restore(saved);
}

bool smi_process_stopped(const struct smi_process *process)
{
	siginfo_t info = { 0 };

	return process->pid > 0 && !process->gone &&
	       waitid(P_PID, (id_t)process->pid, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == process->pid;
}
