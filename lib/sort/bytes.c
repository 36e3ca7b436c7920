/* SPDX-License-Identifier: MIT */
/* Radix sort from the lowest byte on (Knuth, "The Art of Computer Programming" 3, 5.2.5).
 * What lies in front and what lies behind is moved in turns, to the first and to the last
 * place that is free for its byte: neighbours may have the same byte, and a place that was
 * just written must be waited for. Order is kept. */
#include "sort/bytes.h"

#include <errno.h>

#include "sort/crew/scratch.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")

enum {
	VALUES = 256,
	LEAST = 128, MOST = 1 << 15, /* keys that are worth it, for each of their bytes */
	INDEX_BITS = 24              /* below the higher byte */
};

/* For each value of a byte the first place that is free, and the one behind the last. */
struct places {
	uint32_t begin[VALUES], end[VALUES];
};

INLINE uint32_t image_at(unsigned size, const struct smi_keys *keys, size_t i)
{
	enum smi_kind kind = size == 1 ? SMI_INT8 : SMI_INT16;

	return (uint32_t)(smi_key_load(smi_key_at(keys->base, kind, i), kind) ^ keys->flip);
}

/* `behind` counts those of the second half. Do all keys have the same byte? */
static bool places_settle(struct places *p, const uint32_t *behind, size_t n)
{
	uint32_t sum = 0, most = 0;

	for (size_t v = 0; v < VALUES; v++) {
		uint32_t count = p->begin[v] + behind[v];

		p->begin[v] = sum;
		sum += count;
		p->end[v] = sum;
		most = count > most ? count : most;
	}
	return most == n;
}

/* What is to be sorted by: bytes in which keys differ. */
enum { BY_LOWER = 1, BY_HIGHER = 2 };

INLINE unsigned find_places(unsigned size, const struct smi_keys *keys, size_t n, struct places *low,
			    struct places *high)
{
	uint32_t behind[2][VALUES] = { { 0 } };
	size_t half = n / 2;
	unsigned by = 0;

	memset(low->begin, 0, sizeof low->begin);
	memset(high->begin, 0, sizeof high->begin);
	for (size_t i = 0; i < n - half; i++) {
		uint32_t front = image_at(size, keys, i), back = image_at(size, keys, n - 1 - i);
		uint32_t second = i < half; /* the one in the middle is not counted twice */

		low->begin[front & 255]++;
		behind[0][back & 255] += second;
		if (size == 2) {
			high->begin[front >> 8]++;
			behind[1][back >> 8] += second;
		}
	}
	by |= places_settle(low, behind[0], n) ? 0 : BY_LOWER;
	if (size == 2)
		by |= places_settle(high, behind[1], n) ? 0 : BY_HIGHER;
	return by;
}

/* One pass: items are read, keys or what the first of two passes has written, and go to where
 * one of their bytes belongs. */
struct pass {
	const struct smi_keys *keys; /* NULL: items are read */
	const uint32_t *items;
	unsigned shift;              /* to the byte */
	enum smi_sink sink;
	bool last;                   /* written is what the sink wants, and not items */
	uint32_t flip;
	void *out;
};

INLINE uint32_t read_at(unsigned size, const struct pass *p, size_t i)
{
	return p->keys ? image_at(size, p->keys, i) : p->items[i];
}

/* An item is the image, or its higher byte above the index. */
INLINE void write_at(unsigned size, const struct pass *p, size_t place, size_t i)
{
	uint32_t item = read_at(size, p, i), index = p->keys ? (uint32_t)i : item & ((1u << INDEX_BITS) - 1);

	if (!p->last)
		((uint32_t *)p->out)[place] = p->sink == SMI_TO_KEY ? item : item >> 8 << INDEX_BITS | index;
	else if (p->sink == SMI_TO_INDEX64)
		((uint64_t *)p->out)[place] = index;
	else if (p->sink == SMI_TO_INDEX32)
		((uint32_t *)p->out)[place] = index;
	else
		smi_key_store((char *)p->out + 2 * place, SMI_INT16, item ^ p->flip);
}

/* The places of two items at each end are taken before they are written: a store whose place
 * is not known yet holds up all reads that follow. */
INLINE void pass_over(unsigned size, const struct pass *p, size_t n, struct places *places)
{
	enum { FEW = 2 };
	uint32_t front[FEW], back[FEW];
	size_t i = 0, j = n;

	for (; j - i >= 2 * FEW; i += FEW, j -= FEW) {
		UNROLL
		for (size_t k = 0; k < FEW; k++) {
			front[k] = places->begin[read_at(size, p, i + k) >> p->shift & 255]++;
			back[k] = --places->end[read_at(size, p, j - 1 - k) >> p->shift & 255];
		}
		UNROLL
		for (size_t k = 0; k < FEW; k++) {
			write_at(size, p, front[k], i + k);
			write_at(size, p, back[k], j - 1 - k);
		}
	}
	for (; i < j; i++)
		write_at(size, p, places->begin[read_at(size, p, i) >> p->shift & 255]++, i);
}

INLINE void sort_to(enum smi_sink sink, const struct smi_job *job, uint32_t *items)
{
	const struct smi_keys keys = job->plan.keys;
	const uint32_t flip = (uint32_t)keys.flip;
	struct pass by_one = { .keys = &keys, .sink = sink, .last = true, .out = job->plan.out };
	struct pass lower = { .keys = &keys, .sink = sink, .out = items };
	struct pass higher = { .items = items, .shift = sink == SMI_TO_KEY ? 8 : INDEX_BITS, .sink = sink,
			       .last = true, .flip = flip, .out = job->plan.out };
	struct places low, high;
	size_t n = job->n;
	unsigned by;

	if (keys.kind == SMI_INT8) {
		find_places(1, &keys, n, &low, &high);
		pass_over(1, &by_one, n, &low);
		return;
	}
	by = find_places(2, &keys, n, &low, &high);
	if (sink != SMI_TO_KEY && by != (BY_LOWER | BY_HIGHER)) {
		by_one.shift = by == BY_HIGHER ? 8 : 0;
		pass_over(2, &by_one, n, by == BY_HIGHER ? &high : &low);
		return;
	}
	pass_over(2, &lower, n, &low);
	pass_over(2, &higher, n, &high);
}

bool smi_bytes_suit(enum smi_kind kind, size_t n, enum smi_sink sink)
{
	unsigned size = smi_kind_size(kind);

	return (size == 2 || (size == 1 && sink != SMI_TO_KEY)) && n >= LEAST * size && n <= MOST * size;
}

int smi_bytes_sort(struct smi_job *job)
{
	uint32_t *items = NULL;

	if (job->plan.keys.kind == SMI_INT16) {
		items = smi_scratch_take(job->n * sizeof *items);
		if (!items)
			return -ENOMEM;
	}
	if (job->plan.sink == SMI_TO_INDEX64)
		sort_to(SMI_TO_INDEX64, job, items);
	else if (job->plan.sink == SMI_TO_INDEX32)
		sort_to(SMI_TO_INDEX32, job, items);
	else
		sort_to(SMI_TO_KEY, job, items);
	smi_scratch_give(items);
	return 0;
}
