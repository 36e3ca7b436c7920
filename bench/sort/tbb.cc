/* SPDX-License-Identifier: MIT */
/* oneTBB: its stable sort is the one behind std::execution::par. */
#include "peer.h"

#include <execution>
#include <numeric>
#include <tbb/global_control.h>
#include <tbb/parallel_sort.h>

template <typename T> bool peer_argsort(const T *keys, size_t n, size_t *order, int np, bool)
{
	tbb::global_control limit(tbb::global_control::max_allowed_parallelism, (size_t)np);
	less_nan_last<T> less;

	std::iota(order, order + n, (size_t)0);
	std::stable_sort(std::execution::par, order, order + n,
			 [=](size_t a, size_t b) { return less(keys[a], keys[b]); });
	return true;
}

template <typename T> bool peer_sort(T *keys, size_t n, int np, bool nan)
{
	tbb::global_control limit(tbb::global_control::max_allowed_parallelism, (size_t)np);

	if (nan)
		tbb::parallel_sort(keys, keys + n, less_nan_last<T>());
	else
		tbb::parallel_sort(keys, keys + n);
	return true;
}

template <typename T> bool peer_sort_by(T *keys, size_t n, int np)
{
	tbb::global_control limit(tbb::global_control::max_allowed_parallelism, (size_t)np);

	std::stable_sort(std::execution::par, keys, keys + n, less_by_pointer<T>());
	return true;
}
