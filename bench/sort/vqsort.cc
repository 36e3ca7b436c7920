/* SPDX-License-Identifier: MIT */
/* Highway's vqsort, one thread, not stable. Indices: an image of the key that
 * sorts upwards and the index, in one word or, for keys of 8 bytes, a pair;
 * making and reading them is measured too. (Its pairs of 32 bits are no faster,
 * and lose values of equal keys in version 1.0.3 where the CPU has AVX2 only.) */
#include "peer.h"

#include <hwy/contrib/sort/vqsort.h>

static uint64_t image(double x)
{
	uint64_t u;

	memcpy(&u, &x, 8);
	return x != x ? UINT64_MAX : u >> 63 ? ~u : u | 1ull << 63;
}

static uint32_t image(float x)
{
	uint32_t u;

	memcpy(&u, &x, 4);
	return x != x ? UINT32_MAX : u >> 31 ? ~u : u | 1u << 31;
}

template <typename T> uint64_t image(T x)
{
	const int bits = 8 * sizeof(T);

	return std::is_signed<T>::value ? (uint64_t)x + (1ull << (bits - 1)) : (uint64_t)x;
}

template <typename T> bool peer_argsort(const T *keys, size_t n, size_t *order, int, bool)
{
	static std::vector<hwy::K64V64> wide;
	static std::vector<uint64_t> narrow;
	hwy::Sorter sort;

	if (sizeof(T) == 8) {
		wide.resize(n);
		for (size_t i = 0; i < n; i++)
			wide[i] = { i, (uint64_t)image(keys[i]) };
		sort(wide.data(), n, hwy::SortAscending());
		for (size_t i = 0; i < n; i++)
			order[i] = wide[i].value;
	} else {
		narrow.resize(n);
		for (size_t i = 0; i < n; i++)
			narrow[i] = (uint64_t)(uint32_t)image(keys[i]) << 32 | i;
		sort(narrow.data(), n, hwy::SortAscending());
		for (size_t i = 0; i < n; i++)
			order[i] = (uint32_t)narrow[i];
	}
	return true;
}

template <> bool peer_sort(int8_t *, size_t, int, bool) { return false; }
template <> bool peer_sort(uint8_t *, size_t, int, bool) { return false; }

template <typename T> bool peer_sort(T *keys, size_t n, int, bool nan)
{
	hwy::Sorter sort;

	if (nan)
		return false;
	sort(keys, n, hwy::SortAscending());
	return true;
}

template <typename T> bool peer_sort_by(T *, size_t, int) { return false; }
