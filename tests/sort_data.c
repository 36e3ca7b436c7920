/* SPDX-License-Identifier: MIT */
#include "sort_data.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const shape_names[SHAPES] = { "uniform", "sorted", "reversed", "16 values", "equal",
					  "zipf", "nearly sorted", "organ pipe", "extremes", "close" };
const char *const type_names[TYPES] = { "int8", "uint8", "int16", "uint16", "int32",
					"uint32", "int64", "uint64", "float32", "float64" };

size_t type_size(enum shared_type type)
{
	static const size_t sizes[TYPES] = { 1, 1, 2, 2, 4, 4, 8, 8, 4, 8 };

	return sizes[type];
}

uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static double unit(uint64_t *state)
{
	return (double)(random_next(state) >> 11) * 0x1p-53;
}

/* A number 0 <= x < 1 whose order makes the shape. */
static double shape_value(enum shape shape, size_t i, size_t n, uint64_t *state)
{
	double place = (double)i / (double)n;

	switch (shape) {
	case SORTED:
		return place;
	case REVERSED:
		return 1 - (place + 0.5 / (double)n);
	case FEW:
		return (double)(random_next(state) % 16) / 16;
	case EQUAL:
		return 0.25;
	case ZIPF:
		return floor(1 / (unit(state) + 1e-6)) * 0.9e-6;
	case NEARLY:
		return random_next(state) % 100 ? place : unit(state);
	case PIPE:
		return i < n / 2 ? place : 1 - place;
	default:
		return unit(state);
	}
}

static void store_value(void *key, enum shared_type type, double x)
{
	int8_t i1 = (int8_t)((x - 0.5) * 256);
	int16_t i2 = (int16_t)((x - 0.5) * 65536);
	int32_t i4 = (int32_t)((x - 0.5) * 0x1p32);
	int64_t i8 = (int64_t)((x - 0.5) * 0x1p63);
	uint8_t u1 = (uint8_t)(x * 256);
	uint16_t u2 = (uint16_t)(x * 65536);
	uint32_t u4 = (uint32_t)(x * 0x1p32);
	uint64_t u8 = (uint64_t)(x * 0x1p63) * 2;
	float f4 = (float)((x - 0.25) * 1e6);
	double f8 = (x - 0.25) * 1e6;
	const void *all[TYPES] = { &i1, &u1, &i2, &u2, &i4, &u4, &i8, &u8, &f4, &f8 };

	memcpy(key, all[type], type_size(type));
}

static void store_extreme(void *key, enum shared_type type, uint64_t *state)
{
	static const uint64_t bits[] = { 0, 1, 2, UINT64_MAX, (uint64_t)1 << 63,
					 ((uint64_t)1 << 63) - 1, 0x80, 0x7f, 0x8000, 0x7fff,
					 0x80000000, 0x7fffffff, 0xfffffffe };
	static const double wide[] = { 0.0, -0.0, INFINITY, -INFINITY, DBL_MAX, -DBL_MAX, DBL_MIN,
				       0x1p-1074, -0x1p-1074, 1, -1 };
	static const float narrow[] = { 0.0f, -0.0f, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX,
					FLT_MIN, 0x1p-149f, -0x1p-149f, 1, -1 };
	uint64_t x = random_next(state), nan8 = 0x7ff0000000000001 | x << 63 | (x >> 40 & 0xfff);
	uint32_t nan4 = 0x7f800001 | (uint32_t)(x & 1) << 31 | (uint32_t)(x >> 40 & 0xfff);

	if (type == SHARED_FLOAT64)
		memcpy(key, x % 4 < 1 ? (const void *)&nan8 : &wide[(x >> 8) % 11], 8);
	else if (type == SHARED_FLOAT32)
		memcpy(key, x % 4 < 1 ? (const void *)&nan4 : &narrow[(x >> 8) % 11], 4);
	else
		memcpy(key, &bits[x % 13], type_size(type));
}

static void store_close(void *key, enum shared_type type, size_t i, uint64_t *state)
{
	uint64_t x = random_next(state) % 1000 + (type == SHARED_FLOAT64 ? 0x3ff0000000000000 :
						  type == SHARED_FLOAT32 ? 0x3f800000 : 0);
	double far = 1e300;
	float far4 = 1e30f;

	if (i != 7)
		memcpy(key, &x, type_size(type));
	else if (type == SHARED_FLOAT32)
		memcpy(key, &far4, 4);
	else if (type == SHARED_FLOAT64)
		memcpy(key, &far, 8);
	else
		memset(key, 0x7f, type_size(type));
}

void make_keys(void *keys, size_t n, enum shared_type type, enum shape shape, uint64_t seed)
{
	size_t size = type_size(type);

	for (size_t i = 0; i < n; i++) {
		char *key = (char *)keys + i * size;

		if (shape == EXTREMES)
			store_extreme(key, type, &seed);
		else if (shape == CLOSE)
			store_close(key, type, i, &seed);
		else
			store_value(key, type, shape_value(shape, i, n, &seed));
	}
}

void store_float(void *keys, size_t i, enum shared_type type, double x)
{
	float narrow = (float)x;

	if (type == SHARED_FLOAT32)
		memcpy((char *)keys + i * sizeof narrow, &narrow, sizeof narrow);
	else
		memcpy((char *)keys + i * sizeof x, &x, sizeof x);
}

/* The cases of key_order, each in the arithmetic of its own type. */
#define COMPARE(type, a, b)                              \
	do {                                             \
		type x, y;                               \
		memcpy(&x, a, sizeof x);                 \
		memcpy(&y, b, sizeof y);                 \
		/* NaN is unequal to itself */           \
		if (x != x || y != y)                    \
			return (x != x) - (y != y);      \
		return descending ? (x < y) - (x > y) : (x > y) - (x < y); \
	} while (0)

int key_order(enum shared_type type, bool descending, const void *a, const void *b)
{
	switch (type) {
	case SHARED_INT8:
		COMPARE(int8_t, a, b);
	case SHARED_UINT8:
		COMPARE(uint8_t, a, b);
	case SHARED_INT16:
		COMPARE(int16_t, a, b);
	case SHARED_UINT16:
		COMPARE(uint16_t, a, b);
	case SHARED_INT32:
		COMPARE(int32_t, a, b);
	case SHARED_UINT32:
		COMPARE(uint32_t, a, b);
	case SHARED_INT64:
		COMPARE(int64_t, a, b);
	case SHARED_UINT64:
		COMPARE(uint64_t, a, b);
	case SHARED_FLOAT32:
		COMPARE(float, a, b);
	default:
		COMPARE(double, a, b);
	}
}

static void merge_halves(const char *keys, enum shared_type type, bool descending, size_t *order,
			 size_t *room, size_t n)
{
	size_t size = type_size(type), half = n / 2, a = 0, b = half;

	if (n < 2)
		return;
	merge_halves(keys, type, descending, order, room, half);
	merge_halves(keys, type, descending, order + half, room, n - half);
	for (size_t i = 0; i < n; i++)
		if (b == n || (a < half && key_order(type, descending, keys + order[a] * size,
						     keys + order[b] * size) <= 0))
			room[i] = order[a++];
		else
			room[i] = order[b++];
	memcpy(order, room, n * sizeof *order);
}

void reference_order(const void *keys, size_t n, enum shared_type type, bool descending,
		     size_t *order)
{
	size_t *room = malloc((n + 1) * sizeof *room);

	for (size_t i = 0; i < n; i++)
		order[i] = i;
	merge_halves(keys, type, descending, order, room, n);
	free(room);
}

bool is_stable_order(const void *keys, size_t n, enum shared_type type, bool descending,
		     const size_t *order)
{
	size_t size = type_size(type);
	int o;

	for (size_t i = 0; i < n; i++) {
		if (order[i] >= n)
			return false;
		if (i == 0)
			continue;
		o = key_order(type, descending, (const char *)keys + order[i - 1] * size,
			      (const char *)keys + order[i] * size);
		if (o > 0 || (o == 0 && order[i - 1] >= order[i]))
			return false;
	}
	return true;
}

bool is_taken(const void *out, const void *items, size_t size, const size_t *order, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (memcmp((const char *)out + i * size, (const char *)items + order[i] * size, size) != 0)
			return false;
	return true;
}
