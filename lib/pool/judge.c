/* SPDX-License-Identifier: MIT */
/* What the end of a worker means. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "pool/master.h"

/* So many workers of one rank may end in a row before they begin a job. */
#define EARLY_MOST 3

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

size_t smi_master_job_of(const struct smi_master *master, int rank)
{
	const struct smi_map *map = master->map;
	uint64_t at = atomic_load(&master->team->block.slot[rank].at);

	if (at >= map->njobs)
		return SIZE_MAX;
	if (map->settled.word)
		return smi_settled_has(&map->settled, at) ? SIZE_MAX : at;
	return at < master->reader[rank].committed ? SIZE_MAX : at;
}

static void say_who(const struct smi_master *master, int rank, size_t job, char *who, size_t size)
{
	struct smi_slot *slot = &master->team->block.slot[rank];
	int pid = atomic_load(&slot->pid);
	static const char *const when[] = {
		[SMI_PHASE_NEW] = "before it began", [SMI_PHASE_BEGIN] = "in worker_begin",
		[SMI_PHASE_JOBS] = "between two jobs", [SMI_PHASE_IDLE] = "after its last job",
		[SMI_PHASE_END] = "in worker_end",
	};
	uint32_t phase = atomic_load(&slot->phase);

	if (job != SIZE_MAX)
		snprintf(who, size, "job %zu (rank %d, pid %d)", job, rank, pid);
	else
		snprintf(who, size, "rank %d (pid %d), %s,", rank, pid,
			 phase <= SMI_PHASE_END ? when[phase] : "somewhere");
}

/* Appends to the message. */
static void add(struct smi_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct smi_error *error, const char *format, ...)
{
	size_t used = strlen(error->message);
	va_list args;

	va_start(args, format);
	vsnprintf(error->message + used, sizeof error->message - used, format, args);
	va_end(args);
}

/* Where it died, and how to see it again. Names cost milliseconds: only for what is
 * told. */
static void add_place(const struct smi_master *master, struct smi_error *error)
{
	const struct smi_map *map = master->map;
	struct smi_crash *crash = &master->team->block.slot[error->told.rank].crash;
	size_t job = error->told.job;
	char first[256];

	if (error->placed)
		return;
	error->placed = true;
	if (atomic_load(&crash->signal) != 0) {
		smi_crash_backtrace(crash, error->backtrace, sizeof error->backtrace);
		if (sscanf(error->backtrace, "#0 %*s %255[^\n]", first) == 1)
			add(error, " in %s", first);
	}
	if (job != SIZE_MAX && map->number == 1)
		add(error, "; replay: SHAREDMEM_ONLY=%zu", job);
	else if (job != SIZE_MAX && map->number > 1)
		add(error, "; replay: SHAREDMEM_ONLY=%llu:%zu", (unsigned long long)map->number, job);
}

/* The job that it had run for too long when it was ended for that. */
static bool was_overdue(const struct smi_master *master, int rank, size_t job)
{
	return job != SIZE_MAX && master->life[rank].due == job;
}

/* The death as a record: who, what and how. */
static void describe(const struct smi_master *master, int rank, size_t job, struct smi_error *error)
{
	const struct smi_map *map = master->map;
	struct smi_slot *slot = &master->team->block.slot[rank];
	int status = master->team->crew.status[rank];
	char who[96], how[160];

	say_who(master, rank, job, who, sizeof who);
	say_how(&slot->crash, status, how, sizeof how);
	if (was_overdue(master, rank, job))
		smi_error_set(error, POOL_TIMED_OUT, status, "%s ran for longer than %g s", who,
			      map->pool->options.job_timeout);
	else if (master->life[rank].scribbled)
		smi_error_set(error, POOL_CRASHED, status, "%s wrote over its result pipe", who);
	else
		smi_error_set(error, POOL_CRASHED, status, "%s %s", who, how);
	smi_error_blame(error, job, rank, atomic_load(&slot->pid));
}

/* It died inside a critical section. Whether what that guards is in order again. */
static bool is_mended(struct smi_master *master, int rank, struct smi_error *death)
{
	const struct pool_options *options = &master->map->pool->options;
	struct smi_critical *critical = &master->team->block.head->critical;

	if (!smi_critical_held_by(critical, rank))
		return true;
	add(death, " inside a critical section");
	add_place(master, death);
	if (options->repair && options->repair(&death->told, options->hook_arg) == 0) {
		smi_critical_free(critical, rank);
		return true;
	}
	smi_critical_seize(critical, rank);
	death->told.status = POOL_TAINTED;
	return false;
}

/* Ends the map with this death, if no other one wins. */
static void end_with(struct smi_master *master, struct smi_error *death)
{
	master->ending = true;
	if (!smi_error_wins(master->error, death->told.job))
		return;
	add_place(master, death);
	smi_error_copy(master->error, death);
}

/* The job has failed for good. */
static void lose(struct smi_master *master, struct smi_error *death)
{
	add_place(master, death);
	smi_master_lose(master, death);
}

/* Whose death it is. One that wrote over its pipe did so in the first job that could
 * not be read, as far as can be told; it may have run others since. */
static size_t whose(const struct smi_master *master, int rank)
{
	const struct smi_map *map = master->map;
	struct smi_range claim, gap = { 0, 0 };

	if (!master->life[rank].scribbled)
		return smi_master_job_of(master, rank);
	if (smi_claim_read(&master->team->block.slot[rank].claim, &claim))
		gap = smi_settled_gap((struct smi_settled *)&map->settled, claim);
	return gap.begin < gap.end ? gap.begin : SIZE_MAX;
}

/* A death of no job. What its rank has to run others can do, unless it goes on so. */
static void judge_idle(struct smi_master *master, int rank, struct smi_error *death)
{
	struct smi_slot *slot = &master->team->block.slot[rank];
	struct smi_life *life = &master->life[rank];
	bool began = atomic_load(&slot->at) != UINT64_MAX || atomic_load(&slot->phase) >= SMI_PHASE_IDLE;

	life->early = began ? 0 : life->early + 1;
	if (life->early >= EARLY_MOST)
		add(death, ", as did those before it: %d in a row before a first job", EARLY_MOST);
	else if (atomic_load(&slot->phase) != SMI_PHASE_END || !master->map->pool->options.worker_end) {
		smi_master_bereave(master, rank, UINT64_MAX, 0);
		return;
	}
	end_with(master, death);
}

/* Whether what ended this job was meant for one before it. At most once a life. */
static bool was_mistaken(const struct smi_master *master, int rank, size_t job)
{
	const struct smi_life *life = &master->life[rank];
	int status = master->team->crew.status[rank];

	if (life->due == job || (life->due == UINT64_MAX && !life->termed))
		return false;
	return life->killed || status == SIGTERM || status == SMI_STATUS_UNKNOWN;
}

/* A death within a job. One that was ended for another job's sake has not failed. */
static void judge_job(struct smi_master *master, int rank, struct smi_error *death)
{
	const struct smi_map *map = master->map;
	size_t job = death->told.job;
	uint32_t tries = smi_master_tries(master, rank, job);
	bool blamed = !was_mistaken(master, rank, job);

	master->life[rank].early = 0;
	if (blamed && tries >= map->retries)
		lose(master, death);
	smi_master_bereave(master, rank, job, tries + blamed);
}

void smi_master_judge(struct smi_master *master, int rank)
{
	struct smi_slot *slot = &master->team->block.slot[rank];
	uint32_t phase = atomic_load(&slot->phase);
	struct smi_error death;

	if (phase == SMI_PHASE_FINISHED)
		return;
	if (phase == SMI_PHASE_RETIRED && master->map->mends) {
		master->life[rank].early = 0;
		smi_master_bereave(master, rank, UINT64_MAX, 0);
		return;
	}
	describe(master, rank, whose(master, rank), &death);
	if (!is_mended(master, rank, &death)) {
		end_with(master, &death);
		return;
	}
	if (!master->map->mends && death.told.job == SIZE_MAX)
		end_with(master, &death);
	else if (!master->map->mends)
		lose(master, &death);
	else if (death.told.job == SIZE_MAX)
		judge_idle(master, rank, &death);
	else
		judge_job(master, rank, &death);
}

/* It was inside when all were ended, for longer than it had time to leave. What has ended the
 * map stands; without a failure this is one. */
static void judge_holder(struct smi_master *master, int rank)
{
	struct smi_error *error = master->error, death;
	size_t job = smi_master_job_of(master, rank);
	char who[96];

	describe(master, rank, job, &death);
	say_who(master, rank, job, who, sizeof who);
	/* Not of its own. */
	if (death.told.code == SIGKILL)
		snprintf(death.message, sizeof death.message, "%s was ended with the map", who);
	if (is_mended(master, rank, &death))
		return;
	if (error->told.status == POOL_OK)
		smi_error_copy(error, &death);
	else
		add(error, "; %s was ended inside a critical section", who);
}

int smi_master_judge_holder(struct smi_master *master)
{
	for (int r = 0; r < master->map->np; r++)
		if (smi_critical_held_by(&master->team->block.head->critical, r))
			judge_holder(master, r);
	return (int)master->error->told.status;
}
