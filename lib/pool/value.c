/* SPDX-License-Identifier: MIT */
/* pool_return and its kin: building a job's return value. */
#include <errno.h>
#include <string.h>

#include "pool/worker.h"

static void *no_space(struct smi_worker *worker, size_t size)
{
	if (smi_worker_is_stray(worker))
		errno = ECHILD;
	else if (worker->in_hook)
		smi_worker_trouble(worker, POOL_FAILED, errno = EINVAL, "a value was returned outside of a job");
	else
		smi_worker_trouble(worker, POOL_NO_RESOURCES, errno,
				   "could not get memory for %zu bytes of return value: %s", size,
				   strerror(errno));
	return NULL;
}

static inline void *append(struct smi_worker *worker, size_t size)
{
	bool may = !worker->in_hook && !smi_worker_is_stray(worker);
	void *space = may ? smi_writer_append(&worker->writer, size) : NULL;

	return __builtin_expect(space != NULL, 1) ? space : no_space(worker, size);
}

void *pool_return_space(struct pool_worker *self, size_t size)
{
	return append(smi_worker_of(self), size);
}

static __attribute__((noinline)) int return_bytes(struct pool_worker *self, const void *value, size_t size)
{
	void *space = append(smi_worker_of(self), size);

	if (space && size > 0)
		memcpy(space, value, size);
	return space ? 0 : -1;
}

/* A number is one load and one store, and no call. */
int pool_return(struct pool_worker *self, const void *value, size_t size)
{
	struct smi_worker *worker = smi_worker_of(self);

	if (__builtin_expect(size != 8 || worker->in_hook || smi_worker_is_stray(worker) ||
			     !smi_writer_fits(&worker->writer, 8), 0))
		return return_bytes(self, value, size);
	memcpy(smi_writer_take(&worker->writer, 8), value, 8);
	return 0;
}

void pool_return_trim(struct pool_worker *self, size_t used)
{
	smi_writer_trim(&smi_worker_of(self)->writer, used);
}
