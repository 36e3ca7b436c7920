/* SPDX-License-Identifier: MIT */
/* Sorting on threads: argsort, sort, searchsorted, take. These functions work
 * on any memory, whatever the backend of a pool, and also inside its workers. */
#ifndef SHAREDMEM_SORT_H
#define SHAREDMEM_SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sharedmem/types.h>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* All zero, or a NULL pointer, means the defaults. A reserved field that is
 * not zero is EINVAL. */
struct shared_sort_options {
	int      np;          /* threads at most; 0: pool_cpu_count(), in a worker 1; negative: EINVAL */
	bool     descending;  /* largest first; equal keys stay in input order, NaN stays last */
	bool     unstable;    /* equal keys may change places, if that is faster */
	uint64_t reserved[6]; /* zero */
};

/* All functions here return 0 or an errno value: EINVAL for an argument that
 * makes no sense, ENOMEM when there is no memory for the scratch space. A
 * pointer may be NULL when it stands for no items. On error the keys or items
 * are as they were; what `order`, `positions` and `out` hold is undefined.
 *
 * Numbers are ordered as numpy orders them: -inf ... -0 = +0 ... inf, then
 * NaN. Keys need not be aligned. Equal keys keep their input order; -0 and +0
 * are equal, and so are all NaNs.
 *
 * The threads are the calling one and as many helpers as there is work for; the
 * library keeps these, asleep when idle. They block all signals, and keep off
 * the caller's CPU where each thread can have one. Two program threads may sort
 * at once; then the later one works alone. How the caller computes with floats
 * (its rounding, subnormals as zeros, traps) changes no order of numbers; the
 * comparators run in it, on helpers, too. */

/* Writes to order[0 ... n-1] the indices that sort `keys`: keys[order[0]] is
 * the first one. Scratch: 17 bytes a key up to 2^16 keys (where one thread does
 * all: as far as the second-level cache goes, at most 2^19); above, 1 or 2 MiB
 * a thread, and up to 9 bytes a key when most keys are much alike. A block of up
 * to 128 MiB is kept for the next call.
 *
 * The algorithm is a most significant digit radix sort of words that hold a
 * prefix of the key and its index (McIlroy, Bostic, McIlroy: "Engineering
 * radix sort", 1993, is the root of the family), with sorting networks
 * (Batcher, 1968) at the leaves. */
int shared_argsort(const void *keys, size_t n, enum shared_type type, size_t *order,
		   const struct shared_sort_options *options);

/* The same with 32-bit indices, which halves what is written; EOVERFLOW when n
 * is above 2^32. Scratch: 8 bytes a key more. */
int shared_argsort32(const void *keys, size_t n, enum shared_type type, uint32_t *order,
		     const struct shared_sort_options *options);

/* Sorts `keys` in place. Scratch, beside 1 or 2 MiB a thread: none for 1-byte
 * keys, at most 8 bytes a key for those of 2 and 4 bytes, at most 16 for those
 * of 8; and where -0 or NaN occurs, 1 byte a zero and 8 a NaN. */
int shared_sort(void *keys, size_t n, enum shared_type type,
		const struct shared_sort_options *options);

/* The order of two items, as for qsort_r: negative, zero or positive. It is
 * called by several threads at once. An answer that is no order (random, or
 * not transitive) makes the result some permutation, nothing worse. */
typedef int (*shared_compare_fn)(const void *a, const void *b, void *arg);

/* The indices that sort n items of `size` bytes, by a merge sort whose merges
 * are split between threads (Green, Odeh, Birk: "Merge Path", 2014). At most
 * n*log2(n) calls of `compare` and a few more; n - 1 for sorted items. Fastest
 * where `compare` has no jumps: (x > y) - (x < y). Scratch: 8 bytes an item. */
int shared_argsort_by(const void *items, size_t n, size_t size, shared_compare_fn compare,
		      void *arg, size_t *order, const struct shared_sort_options *options);

/* The same, in place. Scratch: `size` bytes an item, and 16 more where the
 * items are too large to be moved at each step (above 64 bytes). */
int shared_sort_by(void *items, size_t n, size_t size, shared_compare_fn compare, void *arg,
		   const struct shared_sort_options *options);

/* positions[i] is where needles[i] belongs in `sorted`, n keys in the order
 * that shared_sort makes (with `descending` set, if it was set then): the
 * first place (SHARED_LEFT) or the last one (SHARED_RIGHT) that keeps the
 * order. Binary searches, several in flight at once. */
int shared_searchsorted(const void *sorted, size_t n, enum shared_type type, const void *needles,
			size_t m, enum shared_side side, size_t *positions,
			const struct shared_sort_options *options);

/* out[i] = items[order[i]] for n items of `size` bytes. `out` must not overlap
 * `items`; indices are not checked. Of `options` only np matters. */
int shared_take(void *out, const void *items, size_t size, const size_t *order, size_t n,
		const struct shared_sort_options *options);

#ifdef __cplusplus
}
#endif
#ifdef __GNUC__
#pragma GCC visibility pop
#endif

#endif
