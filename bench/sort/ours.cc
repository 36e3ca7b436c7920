/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include <sharedmem/sort.h>

/* The first of the ten types that T is. */
template <typename T> enum shared_type type_of()
{
	if (std::is_floating_point<T>::value)
		return sizeof(T) == 4 ? SHARED_FLOAT32 : SHARED_FLOAT64;
	int width = sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 2 : sizeof(T) == 4 ? 4 : 6;

	return (enum shared_type)(width + std::is_unsigned<T>::value);
}

template <typename T> bool peer_argsort(const T *keys, size_t n, size_t *order, int np, bool)
{
	struct shared_sort_options o = {};

	o.np = np;
	return shared_argsort(keys, n, type_of<T>(), order, &o) == 0;
}

template <typename T> int compare(const void *a, const void *b, void *)
{
	return compare_keys<T>(a, b);
}

template <typename T> bool peer_sort_by(T *keys, size_t n, int np)
{
	struct shared_sort_options o = {};

	o.np = np;
	return shared_sort_by(keys, n, sizeof *keys, compare<T>, nullptr, &o) == 0;
}

template <typename T> bool peer_sort(T *keys, size_t n, int np, bool)
{
	struct shared_sort_options o = {};

	o.np = np;
	return shared_sort(keys, n, type_of<T>(), &o) == 0;
}
