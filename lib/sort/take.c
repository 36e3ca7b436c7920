/* SPDX-License-Identifier: MIT */
/* shared_take: items in a given order. */
#include <sharedmem/sort.h>

#include <errno.h>
#include <string.h>

#include "sort/crew/crew.h"
#include "sort/options.h"

enum { PART = 1 << 14, AHEAD = 16 };

struct taking {
	char *out;
	const char *items;
	size_t size, n;
	const size_t *order;
};

static inline __attribute__((always_inline)) void take(const struct taking *t, size_t lo,
						       size_t hi, size_t size)
{
	/* Else they would be read again behind each store, which might have changed them. */
	const char *items = t->items;
	const size_t *order = t->order;
	char *out = t->out;
	size_t i = lo;

	for (; i + AHEAD < hi; i++) {
		__builtin_prefetch(items + order[i + AHEAD] * size);
		memcpy(out + i * size, items + order[i] * size, size);
	}
	for (; i < hi; i++)
		memcpy(out + i * size, items + order[i] * size, size);
}

static void take_part(void *arg, size_t part, int rank)
{
	const struct taking *t = arg;
	size_t lo = part * PART, hi = lo + PART < t->n ? lo + PART : t->n;

	(void)rank;
	switch (t->size) {
	case 1:
		take(t, lo, hi, 1);
		break;
	case 2:
		take(t, lo, hi, 2);
		break;
	case 4:
		take(t, lo, hi, 4);
		break;
	case 8:
		take(t, lo, hi, 8);
		break;
	case 12:
		take(t, lo, hi, 12);
		break;
	case 16:
		take(t, lo, hi, 16);
		break;
	case 24:
		take(t, lo, hi, 24);
		break;
	case 32:
		take(t, lo, hi, 32);
		break;
	default:
		take(t, lo, hi, t->size);
	}
}

int shared_take(void *out, const void *items, size_t size, const size_t *order, size_t n,
		const struct shared_sort_options *options)
{
	struct taking t = { out, items, size, n, order };
	struct smi_crew crew = { .np = 1 };
	int r = smi_options_check(options);

	if (r < 0)
		return -r;
	if (n == 0 || size == 0)
		return 0;
	if (!out || !items || !order)
		return EINVAL;
	if (n > PART) /* a nanosecond an item, and one for 8 bytes */
		smi_crew_enter(&crew, smi_options_np(options), n * (1 + size / 8));
	smi_crew_each(&crew, (n + PART - 1) / PART, take_part, &t);
	smi_crew_leave(&crew);
	return 0;
}
