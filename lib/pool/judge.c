/* SPDX-License-Identifier: MIT */
/* What the end of a worker means. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "pool/master.h"

static void name_signal(int number, char *name, size_t size)
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 32)
	if (sigabbrev_np(number)) {
		snprintf(name, size, "SIG%s", sigabbrev_np(number));
		return;
	}
#endif
	snprintf(name, size, "signal %d", number);
}

/* "died of SIGSEGV at address 0x8", "ended its process with exit status 3". */
static void say_how(const struct smi_crash *crash, int status, char *how, size_t size)
{
	int told = atomic_load_explicit(&((struct smi_crash *)crash)->signal, memory_order_acquire);
	char name[32], where[64] = "";

	if (status == SMI_STATUS_UNKNOWN && told > 0 && told < NSIG)
		status = told;
	if (status == SMI_STATUS_UNKNOWN) {
		snprintf(how, size, "died; the program took its exit status");
	} else if (status < 0) {
		snprintf(how, size, "ended its process with exit status %d", -1 - status);
	} else {
		name_signal(status, name, sizeof name);
		if (told == status && (status == SIGSEGV || status == SIGBUS))
			snprintf(where, sizeof where, " at address %#lx", (unsigned long)crash->address);
		snprintf(how, size, "died of %s%s%s", name, where,
			 status == SIGKILL ? ", from outside or for lack of memory" : "");
	}
}

/* The job that died with the worker; SIZE_MAX when it was between two. */
static size_t lost_job(const struct smi_master *master, int rank)
{
	uint64_t at = atomic_load(&master->team->block.slot[rank].at);

	if (at >= master->map->njobs || at < master->reader[rank].committed)
		return SIZE_MAX;
	return at;
}

static void say_who(const struct smi_master *master, int rank, size_t job, char *who, size_t size)
{
	const struct smi_slot *slot = &master->team->block.slot[rank];
	int pid = atomic_load(&((struct smi_slot *)slot)->pid);
	static const char *const when[] = {
		[SMI_PHASE_NEW] = "before it began",
		[SMI_PHASE_BEGIN] = "in worker_begin",
		[SMI_PHASE_JOBS] = "between two jobs",
		[SMI_PHASE_END] = "in worker_end",
	};
	uint32_t phase = atomic_load(&((struct smi_slot *)slot)->phase);

	if (job != SIZE_MAX)
		snprintf(who, size, "job %zu (rank %d, pid %d)", job, rank, pid);
	else
		snprintf(who, size, "rank %d (pid %d), %s,", rank, pid,
			 phase <= SMI_PHASE_END ? when[phase] : "somewhere");
}

void smi_master_judge(struct smi_master *master, int rank)
{
	struct smi_slot *slot = &master->team->block.slot[rank];
	int status = master->team->crew.status[rank];
	bool tainted = smi_critical_held_by(&master->team->block.head->critical, rank);
	char who[96], how[160];
	size_t job;

	if (atomic_load(&slot->phase) == SMI_PHASE_FINISHED)
		return;
	job = lost_job(master, rank);
	say_who(master, rank, job, who, sizeof who);
	say_how(&slot->crash, status, how, sizeof how);
	if (!smi_error_wins(master->error, job)) {
		master->ending = true;
		return;
	}
	smi_master_fail(master, tainted ? POOL_TAINTED : POOL_CRASHED, status, job, rank, "%s %s%s", who,
			how, tainted ? " inside a critical section" : "");
	if (atomic_load(&slot->crash.signal) != 0) {
		char first[256], *text = master->error->message;
		size_t used = strlen(text);

		smi_crash_backtrace(&slot->crash, master->error->backtrace,
				    sizeof master->error->backtrace);
		if (sscanf(master->error->backtrace, "#0 %*s %255[^\n]", first) == 1)
			snprintf(text + used, sizeof master->error->message - used, " in %s", first);
	}
}
