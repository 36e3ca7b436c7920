/* SPDX-License-Identifier: MIT */
/* Keys for all programs of this folder, also as a shared library. */
#ifndef BENCH_SHAPES_H
#define BENCH_SHAPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Types are numbered as in enum shared_type; shapes: "uniform", "gauss",
 * "zipf", "few" (16 values), "equal", "sorted", "reversed", "nearly" (one key
 * in a hundred misplaced), "pipe", "nan" (uniform, a tenth NaN; only floats).
 * 0, or -1 when there is no such shape of this type. */
int shape_make(void *keys, size_t n, int type, const char *shape, uint64_t seed);

#ifdef __cplusplus
}
#endif

#endif
