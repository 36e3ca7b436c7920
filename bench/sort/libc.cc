/* SPDX-License-Identifier: MIT */
/* The C library's qsort, one thread: glibc's is a merge sort where there is memory. */
#include "peer.h"

template <typename T> bool peer_argsort(const T *, size_t, size_t *, int, bool) { return false; }
template <typename T> bool peer_sort(T *, size_t, int, bool) { return false; }

template <typename T> bool peer_sort_by(T *keys, size_t n, int)
{
	qsort(keys, n, sizeof *keys, compare_keys<T>);
	return true;
}
