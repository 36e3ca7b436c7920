/* SPDX-License-Identifier: MIT */
/* Keys for the sort tests, and what their order must be. */
#ifndef SORT_DATA_H
#define SORT_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sharedmem/sort.h>

#define TYPES 10
enum shape { UNIFORM, SORTED, REVERSED, FEW, EQUAL, ZIPF, NEARLY, PIPE, EXTREMES, CLOSE, SHAPES };

extern const char *const shape_names[SHAPES];
extern const char *const type_names[TYPES];

size_t type_size(enum shared_type type);
uint64_t random_next(uint64_t *state);

/* n keys of a shape; CLOSE: in the last bits only, but for one far away. */
void make_keys(void *keys, size_t n, enum shared_type type, enum shape shape, uint64_t seed);

/* Key i, a float of either width, becomes x. */
void store_float(void *keys, size_t i, enum shared_type type, double x);

/* The order of two keys as the interface has it, ties not broken: <0, 0, >0. */
int key_order(enum shared_type type, bool descending, const void *a, const void *b);

/* The reference: a plain stable merge sort. */
void reference_order(const void *keys, size_t n, enum shared_type type, bool descending,
		     size_t *order);

/* Is it the stable order? Each place holds a larger (key, index) than the one
 * before, and such an order is unique. */
bool is_stable_order(const void *keys, size_t n, enum shared_type type, bool descending,
		     const size_t *order);

/* Is item i of `out` item order[i] of `items`, each? One answer for all: Check takes a
 * microsecond for an assertion. */
bool is_taken(const void *out, const void *items, size_t size, const size_t *order, size_t n);

#endif
