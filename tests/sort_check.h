/* SPDX-License-Identifier: MIT */
/* Do argsort, argsort32 and sort agree with a reference? */
#ifndef SORT_CHECK_H
#define SORT_CHECK_H

#include "sort/kernel/kernel.h"
#include "sort_data.h"

enum { KERNELS = 4 };
extern const char *const kernels[KERNELS];
extern const int threads[4];

/* That sanitizer has a thread of its own, which cannot be told from a helper. */
#if defined(__SANITIZE_THREAD__)
enum { STRANGERS = 1 };
#else
enum { STRANGERS = 0 };
#endif

/* From now on work of some 16 000 keys is worth all threads, whatever these cost. */
void share_all(void);

/* Goes back to the best kernel, whatever a failed test left. */
void best_kernel(void);

/* The images of the first keys, as many different ones as there are, up to `most`. */
void choose_frequent(struct smi_frequent *frequent, const struct smi_keys *keys, size_t n, size_t most);

/* All that is sorted from one array of keys. */
struct buffers {
	char *keys, *sorted;
	size_t *order, *expected;
	uint32_t *order32;
};

void buffers_init(struct buffers *b, size_t n);
void buffers_fini(struct buffers *b);

/* b->expected is the order; do all three functions agree with it? NULL, or what
 * did not. */
const char *sort_wrong(struct buffers *b, size_t n, enum shared_type type,
		       const struct shared_sort_options *options);

/* Asserts that, in both directions, with each number of threads. */
void check_all(struct buffers *b, size_t n, enum shared_type type, enum shape shape,
	       const int *np, size_t np_count);

/* The same of keys that are made here, in one direction. Of many the order is verified
 * instead of compared with a reference. */
void check_many(struct buffers *b, size_t n, enum shared_type type, enum shape shape, int np, bool descending);

#endif
