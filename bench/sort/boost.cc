/* SPDX-License-Identifier: MIT */
/* Boost.Sort: the stable parallel sort for indices; for keys the block
 * indirect sort, with one thread spreadsort. */
#include "peer.h"

#include <boost/sort/sort.hpp>
#include <numeric>

template <typename T> bool peer_argsort(const T *keys, size_t n, size_t *order, int np, bool)
{
	less_nan_last<T> less;
	auto by_key = [=](size_t a, size_t b) { return less(keys[a], keys[b]); };

	std::iota(order, order + n, (size_t)0);
	if (np == 1)
		boost::sort::spinsort(order, order + n, by_key);
	else
		boost::sort::parallel_stable_sort(order, order + n, by_key, (uint32_t)np);
	return true;
}

template <typename T> bool peer_sort(T *keys, size_t n, int np, bool nan)
{
	if (np > 1)
		boost::sort::block_indirect_sort(keys, keys + n, less_nan_last<T>(), (uint32_t)np);
	else if (nan)
		boost::sort::pdqsort(keys, keys + n, less_nan_last<T>());
	else
		boost::sort::spreadsort::spreadsort(keys, keys + n);
	return true;
}

template <typename T> bool peer_sort_by(T *keys, size_t n, int np)
{
	if (np == 1)
		boost::sort::spinsort(keys, keys + n, less_by_pointer<T>());
	else
		boost::sort::parallel_stable_sort(keys, keys + n, less_by_pointer<T>(), (uint32_t)np);
	return true;
}
