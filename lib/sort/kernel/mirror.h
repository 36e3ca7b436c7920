/* SPDX-License-Identifier: MIT */
/* Turning falling keys round in place. Included by each kernel after its lanes. */
#ifndef SMI_SORT_MIRROR_H
#define SMI_SORT_MIRROR_H

#include "sort/kernel/kernel.h"

/* Exchanges `bytes` from `a` on with those before `b`, key by key. */
INLINE void mirror_bytes(size_t size, char *a, char *b, size_t bytes)
{
	uint64_t one, other;
	v64 x, y;

	for (; bytes >= sizeof x; bytes -= sizeof x, a += sizeof x) {
		b -= sizeof x;
		memcpy(&x, a, sizeof x);
		memcpy(&y, b, sizeof y);
		x = v64_keys_turned(x, size);
		y = v64_keys_turned(y, size);
		memcpy(a, &y, sizeof y);
		memcpy(b, &x, sizeof x);
	}
	for (; bytes > 0; bytes -= size, a += size) {
		b -= size;
		memcpy(&one, a, size);
		memcpy(&other, b, size);
		memcpy(a, &other, size);
		memcpy(b, &one, size);
	}
}

static void kernel_mirror(size_t size, void *first, void *end, size_t n)
{
	if (size == 1)
		mirror_bytes(1, first, end, n);
	else if (size == 2)
		mirror_bytes(2, first, end, 2 * n);
	else if (size == 4)
		mirror_bytes(4, first, end, 4 * n);
	else
		mirror_bytes(8, first, end, 8 * n);
}

#endif
