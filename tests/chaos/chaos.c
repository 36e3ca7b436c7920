/* SPDX-License-Identifier: MIT */
/* A murderer against maps that retry: chaos [kills [seed [np [interval in us]]]]
 *
 * One process runs maps; this one ends its children, workers and spares, at random
 * instants, by SIGKILL, SIGSEGV, SIGTERM and SIGSTOP, until so many have been hit. Each
 * map's values are checked: every job reduced once, with its value, and with in_order
 * the same bits as a serial run. Maps without critical sections must return POOL_OK,
 * those with them may also return POOL_TAINTED. A map that gets nowhere for
 * PATIENCE seconds hangs; CHAOS_KEEP=1 leaves it to a debugger, CHAOS_FIRST=n begins
 * with the n-th map of the seed. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sharedmem.h>

enum { PATIENCE = 20, MOST_JOBS = 1500, WORKERS = 1 << 16, NEWBORN_PAUSE_MS = 25,
       HIT_MS = 2000, LONG_MS = 4000 };

/* In shared memory. */
static struct scene {
	_Atomic long maps, ok, tainted, jobs, tries, begun, wrong;
	_Atomic long map_began; /* ms; 0: none runs */
	_Atomic bool over;
	_Atomic bool working[WORKERS]; /* by pid: has begun a job */
	_Atomic long reduced; /* by the map that runs */
	char now[200], what[400];
} *scene;

/* By pid, when it was hit, ms: it may take a while to die of it. */
static long hit_at[WORKERS];

static struct { long workers, newborn, spares, by_signal[32]; } hits;

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static uint64_t draw(uint64_t *state, uint64_t below)
{
	*state += 0x9e3779b97f4a7c15;
	return mix(*state) % below;
}

/* ---- the maps ---- */

struct plan {
	uint64_t seed;
	size_t njobs;
	bool in_order, critical, ordered;
	uint64_t hash, sum; /* of what reduce saw; in order, and in any order */
	size_t reduced;
	unsigned char seen[MOST_JOBS];
	_Atomic long *shared; /* a counter behind the critical section */
};

static size_t size_of(const struct plan *plan, size_t job)
{
	static const size_t sizes[] = { 0, 8, 8, 8, 24, 300, 4000, 100000 };
	uint64_t r = mix(plan->seed ^ job);

	return r % 400 == 7 ? (size_t)3 << 20 : sizes[r % 8];
}

static void pass_time(uint64_t r)
{
	struct timespec t = { 0, (long)(r % 1000) * 1000 };

	if (r >> 20 & 1)
		nanosleep(&t, NULL);
	else
		for (volatile int i = 0; i < (int)(r % 100000); i++)
			;
}

/* Pids come round. */
static int begin(struct pool_worker *self, void *arg)
{
	(void)self, (void)arg;
	atomic_store(&scene->working[getpid() % WORKERS], false);
	return 0;
}

static int work(struct pool_worker *self, size_t job, void *arg)
{
	const struct plan *plan = arg;
	uint64_t r = mix(plan->seed ^ job);
	size_t size = size_of(plan, job);
	char *space;

	atomic_store(&scene->working[getpid() % WORKERS], true);
	atomic_fetch_add(&scene->tries, 1);
	pass_time(r);
	if (plan->ordered)
		POOL_ORDERED(self) { pass_time(r >> 40 & 0x7f); }
	if (plan->critical)
		POOL_CRITICAL(self) { atomic_fetch_add(plan->shared, 1); }
	space = pool_return_space(self, size);
	if (!space)
		return pool_fail(self, "no space");
	for (size_t i = 0; i + 8 <= size; i += 8)
		memcpy(space + i, &(uint64_t){ r + i }, 8);
	if (size % 8)
		memset(space + size / 8 * 8, (int)r, size % 8);
	/* One in fifty fails every other time. */
	return r % 50 == 3 && atomic_load(&scene->tries) % 2 ? pool_fail(self, "a bad day") : 0;
}

static int reduce(size_t job, const void *value, size_t size, void *arg)
{
	struct plan *plan = arg;
	uint64_t r = mix(plan->seed ^ job), h = mix(job ^ size);
	const char *bytes = value;

	if (size != size_of(plan, job) || plan->seen[job]++ != 0)
		return 1;
	for (size_t i = 0; i + 8 <= size; i += 8) {
		uint64_t x;

		memcpy(&x, bytes + i, 8);
		if (x != r + i)
			return 2;
		h = mix(h ^ x);
	}
	plan->hash = mix(plan->hash ^ h);
	plan->sum += h;
	plan->reduced++;
	atomic_fetch_add(&scene->reduced, 1);
	return 0;
}

static void describe(const struct plan *plan, const struct pool_options *options)
{
	atomic_store(&scene->reduced, 0);
	snprintf(scene->now, sizeof scene->now,
		 "seed %llx, %zu jobs, schedule %d, chunk %zu, in_order %d, early %zu, critical %d, ordered %d, life %zu",
		 (unsigned long long)plan->seed, plan->njobs, options->schedule, options->chunk, plan->in_order,
		 options->early_bytes, plan->critical, plan->ordered, options->jobs_per_worker);
}

static void complain(const char *why, const char *more)
{
	atomic_fetch_add(&scene->wrong, 1);
	if (!*scene->what)
		snprintf(scene->what, sizeof scene->what, "%s: %s", why, more);
}

/* What reduce makes of the values in the order of their ids. */
static uint64_t serially(const struct plan *plan)
{
	uint64_t hash = 0;

	for (size_t job = 0; job < plan->njobs; job++) {
		uint64_t r = mix(plan->seed ^ job);
		size_t size = size_of(plan, job);
		uint64_t h = mix(job ^ size);

		for (size_t i = 0; i + 8 <= size; i += 8)
			h = mix(h ^ (r + i));
		hash = mix(hash ^ h);
	}
	return hash;
}

/* `skip`: only draws what the map would have drawn. */
static void run_map(uint64_t *state, int np, bool skip)
{
	static const size_t chunks[] = { 0, 1, 7, 50 };
	static struct plan plan;
	struct pool_options options = { .np = np,
					.retries = 1000000,
					.job_timeout = 0.02,
					.worker_begin = begin,
					.schedule = (enum pool_schedule)(1 + draw(state, 3)),
					.chunk = chunks[draw(state, 4)] };
	struct pool *pool;
	int status;

	memset(&plan, 0, sizeof plan);
	plan.seed = mix(*state);
	plan.njobs = 1 + draw(state, MOST_JOBS);
	plan.in_order = options.in_order = draw(state, 2);
	options.early_bytes = draw(state, 4) == 0 ? 100000 : 0;
	options.jobs_per_worker = draw(state, 8) == 0 ? 20 : 0;
	plan.critical = draw(state, 2);
	plan.ordered = draw(state, 3) == 0;
	if (skip)
		return;
	plan.shared = shared_empty(1, sizeof *plan.shared);
	describe(&plan, &options);
	pool = pool_open(&options);
	if (!pool || !plan.shared) {
		complain("could not open", pool_error(NULL)->message);
		return;
	}
	atomic_store(&scene->map_began, now_ms());
	status = pool_map(pool, plan.njobs, work, reduce, &plan);
	atomic_store(&scene->map_began, 0);
	atomic_fetch_add(&scene->maps, 1);
	atomic_fetch_add(&scene->jobs, (long)plan.reduced);
	if (status == POOL_OK) {
		atomic_fetch_add(&scene->ok, 1);
		if (plan.reduced != plan.njobs)
			complain("POOL_OK", "and not all were reduced");
		else if (plan.in_order && plan.hash != serially(&plan))
			complain("POOL_OK", "and not the bits of a serial run");
	} else if (status == POOL_TAINTED && plan.critical) {
		atomic_fetch_add(&scene->tainted, 1);
	} else {
		complain(pool_status_name(status), pool_error(pool)->message);
	}
	pool_close(pool);
	shared_free(plan.shared);
}

static void run_maps(uint64_t seed, int np)
{
	const char *first = getenv("CHAOS_FIRST");
	uint64_t state = seed;

	if (!getenv("CHAOS_KEEP"))
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (long i = 0; !atomic_load(&scene->over) && atomic_load(&scene->wrong) == 0; i++)
		run_map(&state, np, i < (first ? atol(first) : 0));
	_exit(0);
}

/* ---- the murderer ---- */

/* The children of `parent`, as /proc lists them. */
static int children_of(pid_t parent, pid_t *list, int room)
{
	char path[64];
	FILE *f;
	int n = 0;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", parent, parent);
	f = fopen(path, "re");
	while (f && n < room && fscanf(f, "%d", &list[n]) == 1)
		n++;
	if (f)
		fclose(f);
	return n;
}

/* Its state and name, if it is a child of `parent` and has not just been hit. */
static char look_at(pid_t pid, pid_t parent, char *name)
{
	char path[64], state = 0;
	int ppid = 0, n = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (f) {
		n = fscanf(f, "%*d (%31[^)]) %c %d", name, &state, &ppid);
		fclose(f);
	}
	return n == 3 && ppid == parent && now_ms() - hit_at[pid % WORKERS] > HIT_MS ? state : 0;
}

/* Whether another one waits that could make a successor. */
static bool is_other_spare(pid_t pid, const pid_t *list, int n, pid_t parent)
{
	for (int i = 0; i < n; i++) {
		char name[32] = "", state = look_at(list[i], parent, name);

		if (list[i] != pid && state && !strchr("ZXT", state) && strcmp(name, "pool-spare") == 0)
			return true;
	}
	return false;
}

/* When one that has not begun a job may be hit again: three of one rank in a row
 * would rightly end the map. Time alone does not tell on a busy machine. */
static struct { long ms, tries; } newborn_after;

static bool may_hit_newborn(void)
{
	return now_ms() >= newborn_after.ms && atomic_load(&scene->tries) >= newborn_after.tries;
}

static void note_newborn(int np)
{
	newborn_after.ms = now_ms() + NEWBORN_PAUSE_MS;
	newborn_after.tries = atomic_load(&scene->tries) + 4 * np;
}

static bool hit(pid_t pid, pid_t parent, int sig, const pid_t *list, int n)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	char name[32] = "", state;
	bool spare, working, done = false;

	if (fd < 0)
		return false;
	state = look_at(pid, parent, name);
	spare = strncmp(name, "pool-", 5) == 0;
	working = !spare && atomic_load(&scene->working[pid % WORKERS]);
	/* Both spares, before either could make the other anew, would rightly end it too. */
	if (!working && (!may_hit_newborn() || !is_other_spare(pid, list, n, parent)))
		state = 0;
	if (state && !strchr("ZXT", state))
		done = syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0) == 0;
	close(fd);
	if (!done)
		return false;
	if (!working)
		note_newborn(n);
	hit_at[pid % WORKERS] = now_ms();
	hits.by_signal[sig]++;
	*(spare ? &hits.spares : working ? &hits.workers : &hits.newborn) += 1;
	atomic_store(&scene->working[pid % WORKERS], false);
	return true;
}

/* No map that runs has got anywhere for so long. */
static bool hangs(void)
{
	static long reduced, tries, since;

	if (since == 0 || atomic_load(&scene->map_began) == 0 || reduced != atomic_load(&scene->reduced) ||
	    tries != atomic_load(&scene->tries))
		since = now_ms();
	reduced = atomic_load(&scene->reduced);
	tries = atomic_load(&scene->tries);
	return now_ms() - since > PATIENCE * 1000;
}

/* Where jobs wait for each other's turns, none may live long enough for its own: a
 * map that takes long is let breathe. */
static bool takes_long(void)
{
	long began = atomic_load(&scene->map_began);

	return began && now_ms() - began > LONG_MS;
}

static long murder(pid_t master, long kills, uint64_t state, long interval)
{
	static const int signals[] = { SIGKILL, SIGKILL, SIGKILL, SIGKILL, SIGSEGV, SIGSEGV, SIGSEGV, SIGTERM, SIGTERM };
	long done = 0;
	pid_t list[256];

	while (done < kills && !hangs() && atomic_load(&scene->wrong) == 0) {
		struct timespec t = { 0, (long)draw(&state, (uint64_t)(2 * interval)) * 1000 };
		int n, sig;

		nanosleep(&t, NULL);
		for (int i = 0; i < 9 && takes_long(); i++)
			nanosleep(&t, NULL);
		n = children_of(master, list, 256);
		sig = draw(&state, 40) == 0 ? SIGSTOP : signals[draw(&state, sizeof signals / sizeof *signals)];
		if (n > 0)
			done += hit(list[draw(&state, (uint64_t)n)], master, sig, list, n);
	}
	return done;
}

int main(int argc, char **argv)
{
	long kills = argc > 1 ? atol(argv[1]) : 10000, interval = argc > 4 ? atol(argv[4]) : 700, began = now_ms(), done;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	int np = argc > 3 ? atoi(argv[3]) : 6, status = 0;
	struct rlimit none = { 0, 0 };
	pid_t master;

	setvbuf(stdout, NULL, _IOLBF, 0);
	setrlimit(RLIMIT_CORE, &none);
	scene = mmap(NULL, sizeof *scene, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (scene == MAP_FAILED)
		return 2;
	printf("chaos: %ld kills, seed %llu, np %d\n", kills, (unsigned long long)seed, np);
	fflush(stdout);
	master = fork();
	if (master == 0)
		run_maps(seed, np);
	done = murder(master, kills, mix(seed), interval);
	atomic_store(&scene->over, true);
	while (waitpid(master, &status, WNOHANG) == 0 && !hangs())
		nanosleep(&(struct timespec){ 0, 5000000 }, NULL);
	printf("hit %ld: %ld at work, %ld before their first job, %ld spares; KILL %ld SEGV %ld TERM %ld STOP %ld\n",
	       done, hits.workers, hits.newborn, hits.spares, hits.by_signal[SIGKILL], hits.by_signal[SIGSEGV],
	       hits.by_signal[SIGTERM], hits.by_signal[SIGSTOP]);
	printf("%ld maps in %.1f s: %ld POOL_OK, %ld POOL_TAINTED, %ld wrong; %ld jobs reduced, %ld tries\n",
	       atomic_load(&scene->maps), (double)(now_ms() - began) / 1000, atomic_load(&scene->ok),
	       atomic_load(&scene->tainted), atomic_load(&scene->wrong), atomic_load(&scene->jobs),
	       atomic_load(&scene->tries));
	if (*scene->what)
		printf("%s (%s)\n", scene->what, scene->now);
	if (hangs()) {
		printf("a map hangs (pid %d; %s; %ld reduced)\n", master, scene->now, atomic_load(&scene->reduced));
		if (!getenv("CHAOS_KEEP"))
			kill(master, SIGKILL);
		return 1;
	}
	return status != 0 || done < kills || atomic_load(&scene->wrong) != 0;
}
