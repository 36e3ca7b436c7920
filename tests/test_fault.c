/* SPDX-License-Identifier: MIT */
/* The n-th system call or allocation fails, for all n until none does: an error
 * comes back that says so, nothing leaks, and the pool goes on. The linker puts
 * the functions below in the place of the C library's (--wrap). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "suites.h"
#include "testing.h"

#include "journal/journal.h"

enum call { NONE, FORK, MMAP, MADVISE, MEMFD, FTRUNCATE, EVENTFD, EPOLL_CREATE, EPOLL_CTL, CALLOC, MALLOC,
	    THREAD, CLONE, PIDFD_OPEN, SETRLIMIT, POOL_CALLS, PWRITE = POOL_CALLS, FDATASYNC, FSYNC, FLOCK, FSTAT,
	    STRDUP, REALLOC, CALLS };

/* In shared memory, so that a failure in a worker is seen by the master. */
static struct fault {
	enum call call;
	_Atomic long left; /* calls until it fails */
	bool lasting;      /* and so do all that follow */
	_Atomic int fired;
} *fault;

static bool fails(enum call call)
{
	long left = fault && fault->call == call ? atomic_fetch_sub(&fault->left, 1) : 2;

	if (left > 1 || (left < 1 && !fault->lasting))
		return false;
	atomic_store(&fault->fired, 1);
	return true;
}

pid_t __real_fork(void), __wrap_fork(void);
pid_t __wrap_fork(void)
{
	return fails(FORK) ? (errno = EAGAIN, -1) : __real_fork();
}

void *__real_mmap(void *, size_t, int, int, int, off_t), *__wrap_mmap(void *, size_t, int, int, int, off_t);
void *__wrap_mmap(void *address, size_t size, int access, int flags, int fd, off_t offset)
{
	return fails(MMAP) ? (errno = ENOMEM, MAP_FAILED) : __real_mmap(address, size, access, flags, fd, offset);
}

int __real_madvise(void *, size_t, int), __wrap_madvise(void *, size_t, int);
int __wrap_madvise(void *address, size_t size, int advice)
{
	return fails(MADVISE) ? (errno = ENOMEM, -1) : __real_madvise(address, size, advice);
}

int __real_memfd_create(const char *, unsigned), __wrap_memfd_create(const char *, unsigned);
int __wrap_memfd_create(const char *name, unsigned flags)
{
	return fails(MEMFD) ? (errno = EMFILE, -1) : __real_memfd_create(name, flags);
}

int __real_ftruncate(int, off_t), __wrap_ftruncate(int, off_t);
int __wrap_ftruncate(int fd, off_t size)
{
	return fails(FTRUNCATE) ? (errno = ENOMEM, -1) : __real_ftruncate(fd, size);
}

int __real_eventfd(unsigned, int), __wrap_eventfd(unsigned, int);
int __wrap_eventfd(unsigned count, int flags)
{
	return fails(EVENTFD) ? (errno = EMFILE, -1) : __real_eventfd(count, flags);
}

int __real_epoll_create1(int), __wrap_epoll_create1(int);
int __wrap_epoll_create1(int flags)
{
	return fails(EPOLL_CREATE) ? (errno = EMFILE, -1) : __real_epoll_create1(flags);
}

int __real_epoll_ctl(int, int, int, struct epoll_event *), __wrap_epoll_ctl(int, int, int, struct epoll_event *);
int __wrap_epoll_ctl(int watch, int what, int fd, struct epoll_event *event)
{
	return what == EPOLL_CTL_ADD && fails(EPOLL_CTL) ? (errno = ENOSPC, -1) : __real_epoll_ctl(watch, what, fd, event);
}

void *__real_calloc(size_t, size_t), *__wrap_calloc(size_t, size_t);
void *__wrap_calloc(size_t count, size_t size)
{
	return fails(CALLOC) ? (errno = ENOMEM, NULL) : __real_calloc(count, size);
}

void *__real_malloc(size_t), *__wrap_malloc(size_t);
void *__wrap_malloc(size_t size)
{
	return fails(MALLOC) ? (errno = ENOMEM, NULL) : __real_malloc(size);
}

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *),
	__wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*life)(void *), void *arg)
{
	return fails(THREAD) ? EAGAIN : __real_pthread_create(thread, attr, life, arg);
}

ssize_t __real_pwrite(int, const void *, size_t, off_t), __wrap_pwrite(int, const void *, size_t, off_t);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	return fails(PWRITE) ? (errno = ENOSPC, -1) : __real_pwrite(fd, bytes, size, offset);
}

int __real_fdatasync(int), __wrap_fdatasync(int);
int __wrap_fdatasync(int fd)
{
	return fails(FDATASYNC) ? (errno = EIO, -1) : __real_fdatasync(fd);
}

int __real_fsync(int), __wrap_fsync(int);
int __wrap_fsync(int fd)
{
	return fails(FSYNC) ? (errno = EIO, -1) : __real_fsync(fd);
}

int __real_flock(int, int), __wrap_flock(int, int);
int __wrap_flock(int fd, int what)
{
	return fails(FLOCK) ? (errno = ENOLCK, -1) : __real_flock(fd, what);
}

int __real_fstat(int, struct stat *), __wrap_fstat(int, struct stat *);
int __wrap_fstat(int fd, struct stat *st)
{
	return fails(FSTAT) ? (errno = EIO, -1) : __real_fstat(fd, st);
}

char *__real_strndup(const char *, size_t), *__wrap_strndup(const char *, size_t);
char *__wrap_strndup(const char *text, size_t size)
{
	return fails(STRDUP) ? (errno = ENOMEM, NULL) : __real_strndup(text, size);
}

void *__real_realloc(void *, size_t), *__wrap_realloc(void *, size_t);
void *__wrap_realloc(void *memory, size_t size)
{
	return fails(REALLOC) ? (errno = ENOMEM, NULL) : __real_realloc(memory, size);
}

int __real_setrlimit(__rlimit_resource_t, const struct rlimit *),
	__wrap_setrlimit(__rlimit_resource_t, const struct rlimit *);
int __wrap_setrlimit(__rlimit_resource_t what, const struct rlimit *limit)
{
	return fails(SETRLIMIT) ? (errno = EPERM, -1) : __real_setrlimit(what, limit);
}

long __real_syscall(long, ...), __wrap_syscall(long, ...);
long __wrap_syscall(long number, ...)
{
	long a[6];
	va_list args;

	if ((number == SYS_clone && fails(CLONE)) || (number == SYS_pidfd_open && fails(PIDFD_OPEN))) {
		errno = number == SYS_clone ? EAGAIN : EMFILE;
		return -1;
	}
	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* What the map under test is asked for. */
enum mode { PLAIN, RETRIES = 1, JOURNAL = 2, MODES = 4 };

struct task {
	size_t reduced;
	_Atomic int *deaths; /* shared: still to be died by job 3; NULL: none */
};

/* Small values, and one that needs a slab. */
static int return_some(struct pool_worker *self, size_t job, void *arg)
{
	const struct task *task = arg;
	size_t size = job == 5 ? (size_t)3 << 20 : 8 * job;
	char *space = pool_return_space(self, size);

	if (!space)
		return -1;
	memset(space, (int)job, size);
	if (job == 3 && task->deaths && atomic_exchange(task->deaths, 0))
		kill(getpid(), SIGKILL);
	return 0;
}

static int check_some(size_t job, const void *value, size_t size, void *arg)
{
	const char *bytes = value;

	((struct task *)arg)->reduced++;
	if (size != (job == 5 ? (size_t)3 << 20 : 8 * job))
		return 1;
	return size > 0 && (bytes[0] != (char)job || bytes[size - 1] != (char)job);
}

/* A map of 12 jobs, or none of it. */
static void check_map(struct pool *pool, struct task *task, bool must)
{
	int status;

	task->reduced = 0;
	status = pool_map(pool, 12, return_some, check_some, task);
	fault->call = NONE;
	if (status == POOL_OK) {
		ck_assert_uint_eq(task->reduced, 12);
		return;
	}
	ck_assert_msg(!must && status == POOL_NO_RESOURCES, "%s: %s", pool_status_name(status),
		      pool_error(pool)->message);
	ck_assert(pool_error(pool)->message[0]);
}

/* Opens, maps, closes, with the n-th call failing; then all is well again. Whether
 * it came so far. */
static bool survives(enum call call, long n, enum pool_backend backend, enum mode mode, const char *path)
{
	struct pool_options options = { .np = 3, .backend = backend, .in_order = true, .chunk = 1,
					.retries = mode & RETRIES ? 2 : 0,
					.worker_memory = mode & RETRIES && backend == POOL_FORK ? (size_t)1 << 30 : 0,
					.journal = mode & JOURNAL ? path : NULL };
	struct task task = { 0, mode & RETRIES && backend == POOL_FORK ? test_shared(sizeof(int)) : NULL };
	struct pool *pool;

	if (task.deaths)
		*task.deaths = 1;
	ck_assert_int_eq(truncate(path, 0), 0);
	fault->fired = 0;
	fault->left = n;
	fault->call = call;
	pool = pool_open(&options);
	if (!pool) {
		fault->call = NONE;
		ck_assert_int_ne(errno, 0);
		ck_assert_int_eq((int)pool_error(NULL)->status, POOL_NO_RESOURCES);
		ck_assert(pool_error(NULL)->message[0]);
	} else {
		check_map(pool, &task, false);
		/* A journal that could not be written stays so until it is opened again. */
		check_map(pool, &task, !(mode & JOURNAL));
		pool_close(pool);
	}
	pool = test_open(&options);
	check_map(pool, &task, true);
	pool_close(pool);
	if (task.deaths)
		test_unshare((void *)task.deaths, sizeof(int));
	return fault->fired;
}

/* Calls that a map of this kind makes for sure. */
static bool is_made(enum call call, enum pool_backend backend, enum mode mode)
{
	switch (call) {
	case MALLOC: return false;
	case FORK: case PIDFD_OPEN: return backend == POOL_FORK;
	case CLONE: case SETRLIMIT: return backend == POOL_FORK && mode & RETRIES;
	case THREAD: return backend == POOL_THREAD;
	default: return true;
	}
}

/* _i: the call, the backend and the mode. */
START_TEST(the_nth_call_that_fails_is_told_and_survived)
{
	enum call call = (enum call)(_i / (2 * MODES) + 1);
	enum pool_backend backend = _i % 2 ? POOL_THREAD : POOL_FORK;
	enum mode mode = (enum mode)(_i / 2 % MODES);
	char path[] = "/tmp/sharedmem-fault-XXXXXX";
	int fd = mkstemp(path);
	long n = 1;

	ck_assert_int_ge(fd, 0);
	close(fd);
	fault = test_shared(sizeof *fault);
	while (n < 200 && survives(call, n, backend, mode, path))
		n++;
	ck_assert_int_lt(n, 200);
	ck_assert_msg(n > 1 || !is_made(call, backend, mode), "the call is never made");
	test_unshare(fault, sizeof *fault);
	fault = NULL;
	unlink(path);
}
END_TEST

enum { JOURNAL_JOBS = 40 };

/* Goes on with a journal, by `more` jobs at most, the last of which is a large
 * one. The number of jobs that it then has, or the first error. */
static int journal_jobs(const char *path, size_t more)
{
	static char value[100000];
	const struct smi_journal_entry *entries;
	struct smi_journal *journal;
	size_t count = 0;
	char why[100];
	int r = smi_journal_open(&journal, path, "key", why, sizeof why), last;

	if (r < 0)
		return r;
	r = smi_journal_begin(journal, 0, JOURNAL_JOBS, &entries, &count, why, sizeof why);
	for (; more > 0 && count < JOURNAL_JOBS && r == 0; more--) {
		r = smi_journal_append(journal, count, 1, value, more > 1 ? 100 : sizeof value);
		count += r == 0;
		if (r == 0 && more % 2)
			r = smi_journal_flush(journal);
	}
	last = smi_journal_end(journal);
	smi_journal_close(journal);
	return r < 0 ? r : last < 0 ? last : (int)count;
}

/* Begins a journal, and goes on with one whose end is torn, with the n-th call
 * failing. Whether it came so far. */
static bool journal_survives(enum call call, long n, const char *path)
{
	bool fired = false;
	int had = 0, r;

	for (int round = 0; round < 2; round++) {
		int fd = open(path, O_WRONLY | O_APPEND | (round == 0 ? O_CREAT | O_TRUNC : 0), 0600);

		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq((int)write(fd, "torn", round == 0 ? 0 : 4), round == 0 ? 0 : 4);
		close(fd);
		fault->fired = 0;
		fault->left = n;
		fault->call = call;
		r = journal_jobs(path, 5);
		fault->call = NONE;
		fired |= fault->fired;
		ck_assert_msg(r < 0 ? fault->fired : r == had + 5, "call %d, the %ld-th: %d", call, n, r);
		had = journal_jobs(path, 0);
		ck_assert_int_ge(had, r < 0 ? 0 : r);
	}
	return fired;
}

/* _i: the call. */
START_TEST(a_journal_survives_the_nth_call_that_fails)
{
	char path[] = "/tmp/sharedmem-fault-XXXXXX";
	int fd = mkstemp(path);
	long n = 1;

	ck_assert_int_ge(fd, 0);
	close(fd);
	fault = test_shared(sizeof *fault);
	while (n < 100 && journal_survives((enum call)_i, n, path))
		n++;
	ck_assert_int_lt(n, 100);
	ck_assert(n > 1 || _i < PWRITE); /* the others are calls of the pool */
	test_unshare(fault, sizeof *fault);
	fault = NULL;
	unlink(path);
}
END_TEST

/* Half of the keys have one of three values, so that argsort takes these out first. */
static void fill_keys(double *keys, size_t n)
{
	uint64_t random = 7;

	for (size_t i = 0; i < n; i++) {
		uint64_t x = test_random(&random);

		keys[i] = x % 4 ? (double)(x % 3) : (double)(x >> 20);
	}
}

static bool is_order(const double *keys, const uint32_t *order, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (keys[order[i - 1]] > keys[order[i]] ||
		    (keys[order[i - 1]] == keys[order[i]] && order[i - 1] >= order[i]))
			return false;
	return true;
}

/* _i: the first mapping that is refused x np x one only or all that follow. */
START_TEST(argsort_survives_memory_that_is_refused)
{
	size_t n = 300000;
	uint32_t *order = malloc(n * sizeof *order);
	struct shared_sort_options options = { .np = 1 + _i / 2 % 2 };
	double *keys = malloc(n * sizeof *keys);
	int r;

	fill_keys(keys, n);
	fault = test_shared(sizeof *fault);
	fault->lasting = _i % 2;
	fault->left = 1 + _i / 4;
	fault->call = MMAP;
	r = shared_argsort32(keys, n, SHARED_FLOAT64, order, &options);
	fault->call = NONE;
	ck_assert(r == ENOMEM || (r == 0 && is_order(keys, order, n)));
	for (int again = 0; again < 2; again++) {
		ck_assert_int_eq(shared_argsort32(keys, n, SHARED_FLOAT64, order, &options), 0);
		ck_assert(is_order(keys, order, n));
	}
	test_unshare(fault, sizeof *fault);
	fault = NULL;
	free(keys);
	free(order);
}
END_TEST

/* Whether the next map need not wait for a worker that has finished: it has touched few pages
 * and can close its descriptors. */
static bool workers_linger(void)
{
	return !test_slow() && syscall(SYS_close_range, INT_MAX, INT_MAX, 0) == 0;
}

/* The last map's workers may be what there are too many of: how many maps had all their
 * workers although a fork was refused. _i: which fork of the map. */
START_TEST(a_fork_is_tried_again_when_those_who_leave_are_gone)
{
	struct pool *pool = test_open(&(struct pool_options){ .np = 3 });
	struct task task = { 0, NULL };
	int whole = 0;

	fault = test_shared(sizeof *fault);
	for (int i = 0; i < 500 && whole < 3; i++) {
		check_map(pool, &task, true);
		fault->fired = 0;
		fault->left = 1 + _i;
		fault->call = FORK;
		check_map(pool, &task, false);
		ck_assert(fault->fired);
		whole += task.reduced == 12 && !pool_error(pool)->message[0];
	}
	ck_assert_int_eq(whole, 3);
	pool_close(pool);
	test_unshare(fault, sizeof *fault);
	fault = NULL;
}
END_TEST

Suite *fault_suite(void)
{
	Suite *suite = suite_create("fault");
	TCase *test = test_case(suite, "fault", 30);

	tcase_add_loop_test(test, the_nth_call_that_fails_is_told_and_survived, 0, 2 * MODES * (POOL_CALLS - 1));
	tcase_add_loop_test(test, a_journal_survives_the_nth_call_that_fails, NONE + 1, CALLS);
	tcase_add_loop_test(test, a_fork_is_tried_again_when_those_who_leave_are_gone, 0,
			    workers_linger() ? 3 : 0);
	tcase_add_loop_test(test, argsort_survives_memory_that_is_refused, 0, 16);
	return suite;
}
