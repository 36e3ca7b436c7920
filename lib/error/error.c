/* SPDX-License-Identifier: MIT */
#include "error/error.h"

#include <stdio.h>
#include <string.h>

struct smi_error *smi_error_here(void)
{
	static _Thread_local struct smi_error here;

	if (!here.told.message)
		smi_error_clear(&here);
	return &here;
}

void smi_error_clear(struct smi_error *error)
{
	error->message[0] = error->backtrace[0] = '\0';
	error->placed = false;
	error->told = (struct pool_error){ .status = POOL_OK,
					   .job = SIZE_MAX,
					   .rank = -1,
					   .message = error->message,
					   .backtrace = error->backtrace };
}

void smi_error_copy(struct smi_error *to, const struct smi_error *from)
{
	*to = *from;
	to->told.message = to->message;
	to->told.backtrace = to->backtrace;
}

void smi_error_warn(struct smi_error *error, const char *format, ...)
{
	size_t used = strlen(error->message);
	va_list args;

	if (used > 0 && used + 2 < sizeof error->message)
		used = (size_t)(stpcpy(error->message + used, "; ") - error->message);
	va_start(args, format);
	vsnprintf(error->message + used, sizeof error->message - used, format, args);
	va_end(args);
}

int smi_error_vset(struct smi_error *error, enum pool_status status, int code, const char *format,
		   va_list args)
{
	smi_error_clear(error);
	error->told.status = status;
	error->told.code = code;
	vsnprintf(error->message, sizeof error->message, format, args);
	return status;
}

int smi_error_set(struct smi_error *error, enum pool_status status, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	smi_error_vset(error, status, code, format, args);
	va_end(args);
	return status;
}

void smi_error_blame(struct smi_error *error, size_t job, int rank, pid_t pid)
{
	error->told.job = job;
	error->told.rank = rank;
	error->told.pid = pid;
}

bool smi_error_wins(const struct smi_error *error, size_t job)
{
	return error->told.status == POOL_OK || job < error->told.job;
}

const char *pool_status_name(int status)
{
	static const char *const name[] = {
		[POOL_OK] = "POOL_OK",
		[POOL_FAILED] = "POOL_FAILED",
		[POOL_REDUCE_FAILED] = "POOL_REDUCE_FAILED",
		[POOL_CRASHED] = "POOL_CRASHED",
		[POOL_TIMED_OUT] = "POOL_TIMED_OUT",
		[POOL_TAINTED] = "POOL_TAINTED",
		[POOL_CANCELLED] = "POOL_CANCELLED",
		[POOL_INCOMPLETE] = "POOL_INCOMPLETE",
		[POOL_INVALID] = "POOL_INVALID",
		[POOL_NO_RESOURCES] = "POOL_NO_RESOURCES",
	};

	if (status < 0 || status >= (int)(sizeof name / sizeof *name))
		return "unknown";
	return name[status];
}
