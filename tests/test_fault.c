/* SPDX-License-Identifier: MIT */
/* The n-th system call or allocation fails, for all n until none does: an error
 * comes back that says so, nothing leaks, and the pool goes on. The linker puts
 * the functions below in the place of the C library's (--wrap). */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "suites.h"
#include "testing.h"

enum call { NONE, FORK, MMAP, MADVISE, MEMFD, FTRUNCATE, EVENTFD, EPOLL_CREATE, EPOLL_CTL, CALLOC, MALLOC,
	    THREAD, CALLS };

/* In shared memory, so that a failure in a worker is seen by the master. */
static struct fault {
	enum call call;
	_Atomic long left; /* calls until it fails */
	_Atomic int fired;
} *fault;

static bool fails(enum call call)
{
	if (!fault || fault->call != call || atomic_fetch_sub(&fault->left, 1) != 1)
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

/* Small values, and one that needs a slab. */
static int return_some(struct pool_worker *self, size_t job, void *arg)
{
	size_t size = job == 5 ? (size_t)3 << 20 : 8 * job;
	char *space = pool_return_space(self, size);

	(void)arg;
	if (!space)
		return -1;
	memset(space, (int)job, size);
	return 0;
}

static int check_some(size_t job, const void *value, size_t size, void *arg)
{
	const char *bytes = value;

	++*(size_t *)arg;
	if (size != (job == 5 ? (size_t)3 << 20 : 8 * job))
		return 1;
	return size > 0 && (bytes[0] != (char)job || bytes[size - 1] != (char)job);
}

/* Opens, maps, closes, with the n-th call failing. Whether it came so far. */
static bool survives(enum call call, long n, enum pool_backend backend)
{
	struct pool_options options = { .np = 3, .backend = backend, .in_order = true, .chunk = 1 };
	size_t reduced = 0;
	struct pool *pool;
	int status;

	fault->fired = 0;
	fault->left = n;
	fault->call = call;
	pool = pool_open(&options);
	if (!pool) {
		fault->call = NONE;
		ck_assert_int_ne(errno, 0);
		ck_assert_int_eq((int)pool_error(NULL)->status, POOL_NO_RESOURCES);
		ck_assert(pool_error(NULL)->message[0]);
		return fault->fired;
	}
	status = pool_map(pool, 12, return_some, check_some, &reduced);
	fault->call = NONE;
	if (status == POOL_OK) {
		ck_assert_uint_eq(reduced, 12);
	} else {
		ck_assert_msg(status == POOL_NO_RESOURCES, "%s: %s", pool_status_name(status), pool_error(pool)->message);
		ck_assert(fault->fired && pool_error(pool)->message[0]);
	}
	reduced = 0;
	assert_ok(pool, pool_map(pool, 12, return_some, check_some, &reduced));
	ck_assert_uint_eq(reduced, 12);
	pool_close(pool);
	return fault->fired;
}

/* _i: the call and the backend. */
START_TEST(the_nth_call_that_fails_is_told_and_survived)
{
	enum call call = (enum call)(_i / 2 + 1);
	long n = 1;

	fault = test_shared(sizeof *fault);
	while (n < 200 && survives(call, n, _i % 2 ? POOL_THREAD : POOL_FORK))
		n++;
	ck_assert_int_lt(n, 200);
	/* Each of them is called somewhere, but by the other backend. */
	ck_assert(n > 1 || call == MALLOC || call == (_i % 2 ? FORK : THREAD));
	test_unshare(fault, sizeof *fault);
	fault = NULL;
}
END_TEST

Suite *fault_suite(void)
{
	Suite *suite = suite_create("fault");
	TCase *test = test_case(suite, "fault", 30);

	tcase_add_loop_test(test, the_nth_call_that_fails_is_told_and_survived, 0, 2 * (CALLS - 1));
	return suite;
}
