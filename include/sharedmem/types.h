/* SPDX-License-Identifier: MIT */
/* The enums that several parts of the interface share. */
#ifndef SHAREDMEM_TYPES_H
#define SHAREDMEM_TYPES_H

/* How workers exist. The default is what SHAREDMEM_BACKEND says ("fork",
 * "thread" or "serial"), else POOL_FORK. */
enum pool_backend {
	POOL_BACKEND_DEFAULT = 0,
	POOL_FORK = 1,
	POOL_THREAD = 2,
	POOL_SERIAL = 3
};

/* Which jobs a worker gets, as in OpenMP's schedule clause. The default is
 * dynamic; POOL_RUNTIME is what OMP_SCHEDULE says, else the default. */
enum pool_schedule {
	POOL_SCHEDULE_DEFAULT = 0,
	POOL_STATIC = 1,
	POOL_DYNAMIC = 2,
	POOL_GUIDED = 3,
	POOL_RUNTIME = 4
};

/* What a map does when a job has failed for good. */
enum pool_on_failure {
	POOL_STOP = 0,    /* ends */
	POOL_CONTINUE = 1 /* goes on with the others */
};

/* What an array's items are. */
enum shared_type {
	SHARED_INT8 = 0,
	SHARED_UINT8 = 1,
	SHARED_INT16 = 2,
	SHARED_UINT16 = 3,
	SHARED_INT32 = 4,
	SHARED_UINT32 = 5,
	SHARED_INT64 = 6,
	SHARED_UINT64 = 7,
	SHARED_FLOAT32 = 8,
	SHARED_FLOAT64 = 9
};

/* Where shared_searchsorted places a needle that equals some items: before
 * the first of them, or after the last. */
enum shared_side {
	SHARED_LEFT = 0,
	SHARED_RIGHT = 1
};

#endif
