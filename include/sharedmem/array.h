/* SPDX-License-Identifier: MIT */
/* Shared arrays: anonymous memory that the master and the workers forked
 * after its creation see at the same address and may both write. */
#ifndef SHAREDMEM_ARRAY_H
#define SHAREDMEM_ARRAY_H

#include <stddef.h>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* A new array of `count` items of `size` bytes, zero-filled, aligned to 64
 * bytes at least. It holds no descriptor and has no name. Zero-sized arrays are
 * valid. NULL with errno: ENOMEM, also when count * size overflows. */
void *shared_empty(size_t count, size_t size);

/* The same, each item a copy of the `size` bytes at `value`. */
void *shared_full(size_t count, size_t size, const void *value);

/* The same, filled with the `count * size` bytes at `array`, which may be any
 * memory. */
void *shared_copy(const void *array, size_t count, size_t size);

/* Gives back this process's view of an array made by the functions above; the
 * memory goes when the last process that sees it has given it back or ended.
 * NULL is allowed. errno is kept. */
void shared_free(void *array);

/* The bytes asked for when the array was made: count * size; 0 for NULL. */
size_t shared_length(const void *array);

#ifdef __cplusplus
}
#endif
#ifdef __GNUC__
#pragma GCC visibility pop
#endif

#endif
