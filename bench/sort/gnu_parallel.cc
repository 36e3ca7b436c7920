/* SPDX-License-Identifier: MIT */
/* libstdc++'s parallel mode; with one thread its plain algorithms. */
#include "peer.h"

#include <numeric>
#include <omp.h>
#include <parallel/algorithm>

template <typename T> bool peer_argsort(const T *keys, size_t n, size_t *order, int np, bool)
{
	less_nan_last<T> less;

	omp_set_num_threads(np);
	std::iota(order, order + n, (size_t)0);
	__gnu_parallel::stable_sort(order, order + n,
				    [=](size_t a, size_t b) { return less(keys[a], keys[b]); });
	return true;
}

template <typename T> bool peer_sort(T *keys, size_t n, int np, bool nan)
{
	omp_set_num_threads(np);
	if (nan)
		__gnu_parallel::sort(keys, keys + n, less_nan_last<T>());
	else
		__gnu_parallel::sort(keys, keys + n);
	return true;
}

template <typename T> bool peer_sort_by(T *keys, size_t n, int np)
{
	omp_set_num_threads(np);
	__gnu_parallel::stable_sort(keys, keys + n, less_by_pointer<T>());
	return true;
}
