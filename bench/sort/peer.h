/* SPDX-License-Identifier: MIT */
/* What every measured program is: it reads lines "op type shape n np", op
 * being argsort, sort or sort_by (stable, by a comparator), and answers each
 * with the median of some runs in milliseconds, or "-" when it has no such
 * function. The result of the first run is verified. */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <vector>

#include "shapes.h"

/* NaN last; for types without NaN, and data without, the plain order. */
template <typename T> struct less_nan_last {
	bool operator()(T a, T b) const
	{
		if (std::is_floating_point<T>::value)
			return a < b || (b != b && a == a);
		return a < b;
	}
};

/* How sort_by compares: by a C function behind a pointer that nobody can see through, which is
 * what a C program's sort has. NaN last. */
template <typename T> int compare_keys(const void *a, const void *b)
{
	T x = *(const T *)a, y = *(const T *)b;

	return (x > y) - (x < y) + (x != x) - (y != y);
}

template <typename T> struct less_by_pointer {
	static int (*volatile const compare)(const void *a, const void *b);
	int (*by)(const void *a, const void *b) = compare;

	bool operator()(const T &a, const T &b) const { return by(&a, &b) < 0; }
};
template <typename T> int (*volatile const less_by_pointer<T>::compare)(const void *, const void *) = compare_keys<T>;

/* Sorts `order`, which holds 0 ... n-1 or nothing in particular. */
template <typename T> bool peer_argsort(const T *keys, size_t n, size_t *order, int np, bool nan);
template <typename T> bool peer_sort(T *keys, size_t n, int np, bool nan);
template <typename T> bool peer_sort_by(T *keys, size_t n, int np);

static double now_ms()
{
	return std::chrono::duration<double, std::milli>(
		       std::chrono::steady_clock::now().time_since_epoch()).count();
}

template <typename T> bool verified(const T *keys, size_t n, const size_t *order)
{
	std::vector<bool> seen(n);

	for (size_t i = 0; i < n; i++) {
		if (order[i] >= n || seen[order[i]])
			return false;
		seen[order[i]] = true;
		if (i && less_nan_last<T>()(keys[order[i]], keys[order[i - 1]]))
			return false;
	}
	return true;
}

template <typename T> double measure(const char *op, int type, const char *shape, size_t n, int np)
{
	std::vector<T> keys(n), work(n);
	std::vector<size_t> order(n);
	std::vector<double> times;
	bool nan = strcmp(shape, "nan") == 0, by_index = strcmp(op, "argsort") == 0, ran;
	double begin, all = now_ms();

	if (shape_make(keys.data(), n, type, shape, n))
		return -1;
	for (int run = -1; run < 3 || (run < 21 && now_ms() - all < 300); run++) {
		if (!by_index)
			work = keys;
		begin = now_ms();
		ran = by_index		       ? peer_argsort<T>(keys.data(), n, order.data(), np, nan)
		      : strcmp(op, "sort") == 0 ? peer_sort<T>(work.data(), n, np, nan)
						: peer_sort_by<T>(work.data(), n, np);
		begin = now_ms() - begin;
		if (!ran)
			return -1;
		if (run >= 0)
			times.push_back(begin);
		else if (by_index ? !verified(keys.data(), n, order.data())
				  : !std::is_sorted(work.begin(), work.end(), less_nan_last<T>()))
			return -2;
	}
	std::sort(times.begin(), times.end());
	return times[times.size() / 2];
}

int main()
{
	char op[20], shape[20];
	size_t n;
	int type, np;

	while (scanf("%19s %d %19s %zu %d", op, &type, shape, &n, &np) == 5) {
		double t = type == 0   ? measure<int8_t>(op, type, shape, n, np)
			   : type == 1 ? measure<uint8_t>(op, type, shape, n, np)
			   : type == 2 ? measure<int16_t>(op, type, shape, n, np)
			   : type == 3 ? measure<uint16_t>(op, type, shape, n, np)
			   : type == 4 ? measure<int32_t>(op, type, shape, n, np)
			   : type == 5 ? measure<uint32_t>(op, type, shape, n, np)
			   : type == 6 ? measure<int64_t>(op, type, shape, n, np)
			   : type == 7 ? measure<uint64_t>(op, type, shape, n, np)
			   : type == 8 ? measure<float>(op, type, shape, n, np)
				       : measure<double>(op, type, shape, n, np);

		if (t >= 0)
			printf("%.6f\n", t);
		else
			printf(t == -1 ? "-\n" : "wrong\n");
		fflush(stdout);
	}
	return 0;
}

#endif
