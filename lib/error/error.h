/* SPDX-License-Identifier: MIT */
/* The error record of a pool or a thread: the first failure wins, and of several
 * that are known when the map stops the one of the lowest job id. Written by the
 * thread that uses the pool only. */
#ifndef SMI_ERROR_ERROR_H
#define SMI_ERROR_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

#include <sharedmem/pool.h>

struct smi_error {
	struct pool_error told; /* its pointers lead into the buffers below */
	bool placed; /* the message says where it happened, and how to see it again */
	char message[1024];
	char backtrace[8192];
};

/* The record of this thread, for calls that have no pool. */
struct smi_error *smi_error_here(void);

/* Back to POOL_OK without a message. Also initialises. */
void smi_error_clear(struct smi_error *error);

void smi_error_copy(struct smi_error *to, const struct smi_error *from);

/* A warning: a sentence more, with POOL_OK. */
void smi_error_warn(struct smi_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Records a failure over whatever is there. Returns the status. */
int smi_error_set(struct smi_error *error, enum pool_status status, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
int smi_error_vset(struct smi_error *error, enum pool_status status, int code, const char *format,
		   va_list args) __attribute__((format(printf, 4, 0)));

/* Whom to blame, for the failure just set. */
void smi_error_blame(struct smi_error *error, size_t job, int rank, pid_t pid);

/* Whether a failure of `job` should replace what is recorded. */
bool smi_error_wins(const struct smi_error *error, size_t job);

#endif
