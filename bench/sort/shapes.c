/* SPDX-License-Identifier: MIT */
#include "shapes.h"

#include <math.h>
#include <string.h>

static uint64_t state;

static double unit(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

/* The key at place i of n as a number from 0 to below 1. */
static double value(const char *shape, double i, double n)
{
	double x;

	if (strcmp(shape, "gauss") == 0) {
		x = sqrt(-2 * log(unit() + 1e-300)) * cos(6.283185307179586 * unit()) / 16 + 0.5;
		return x < 0 ? 0 : x >= 1 ? 0.999999 : x;
	}
	if (strcmp(shape, "zipf") == 0)
		return floor(1 / (unit() + 1e-6)) * 0.9e-6;
	if (strcmp(shape, "few") == 0)
		return floor(unit() * 16) / 16;
	if (strcmp(shape, "equal") == 0)
		return 0.5;
	if (strcmp(shape, "sorted") == 0)
		return i / n;
	if (strcmp(shape, "reversed") == 0)
		return 1 - (i + 0.5) / n;
	if (strcmp(shape, "nearly") == 0)
		return unit() < 0.01 ? unit() : i / n;
	if (strcmp(shape, "pipe") == 0)
		return i < n / 2 ? i / n : 1 - i / n;
	if (strcmp(shape, "nan") == 0 && unit() < 0.1)
		return NAN;
	return unit();
}

int shape_make(void *keys, size_t n, int type, const char *shape, uint64_t seed)
{
	static const char *const names[] = { "uniform", "gauss", "zipf", "few", "equal", "sorted",
					     "reversed", "nearly", "pipe", "nan" };
	int known = 0;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		known |= strcmp(names[i], shape) == 0;
	if (!known || (strcmp(shape, "nan") == 0 && type < 8))
		return -1;
	state = seed;
	for (size_t i = 0; i < n; i++) {
		double x = value(shape, (double)i, (double)n);

		switch (type) {
		case 0:
			((int8_t *)keys)[i] = (int8_t)((x - 0.5) * 0x1p8);
			break;
		case 1:
			((uint8_t *)keys)[i] = (uint8_t)(x * 0x1p8);
			break;
		case 2:
			((int16_t *)keys)[i] = (int16_t)((x - 0.5) * 0x1p16);
			break;
		case 3:
			((uint16_t *)keys)[i] = (uint16_t)(x * 0x1p16);
			break;
		case 4:
			((int32_t *)keys)[i] = (int32_t)((x - 0.5) * 0x1p32);
			break;
		case 5:
			((uint32_t *)keys)[i] = (uint32_t)(x * 0x1p32);
			break;
		case 6:
			((int64_t *)keys)[i] = (int64_t)((x - 0.5) * 0x1p64);
			break;
		case 7:
			((uint64_t *)keys)[i] = (uint64_t)(x * 0x1p64);
			break;
		case 8:
			((float *)keys)[i] = (float)x;
			break;
		default:
			((double *)keys)[i] = x;
		}
	}
	return 0;
}
