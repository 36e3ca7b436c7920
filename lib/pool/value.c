/* SPDX-License-Identifier: MIT */
/* pool_return and its kin: building a job's return value. */
#include <errno.h>
#include <string.h>

#include "pool/worker.h"

void *pool_return_space(struct pool_worker *self, size_t size)
{
	struct smi_worker *worker = smi_worker_of(self);
	void *space;

	if (worker->job == UINT64_MAX) {
		smi_worker_trouble(worker, POOL_FAILED, -1, "a value was returned outside of a job");
		errno = EINVAL;
		return NULL;
	}
	space = smi_writer_append(&worker->writer, size);
	if (!space)
		smi_worker_trouble(worker, POOL_NO_RESOURCES, errno,
				   "could not get memory for %zu bytes of return value: %s", size,
				   strerror(errno));
	return space;
}

int pool_return(struct pool_worker *self, const void *value, size_t size)
{
	void *space = pool_return_space(self, size);

	if (!space)
		return -1;
	if (size > 0)
		memcpy(space, value, size);
	return 0;
}

void pool_return_trim(struct pool_worker *self, size_t used)
{
	smi_writer_trim(&smi_worker_of(self)->writer, used);
}
