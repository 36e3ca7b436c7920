/* SPDX-License-Identifier: MIT */
/* Radix sort from the lowest byte on (Knuth, "The Art of Computer Programming" 3, 5.2.5).
 * What lies in front and what lies behind is moved in turns, to the first and to the last
 * place that is free for its byte: neighbours may have the same byte, and a place that was
 * just written must be waited for. Order is kept. */
#include "sort/bytes.h"

#include <errno.h>

#include "sort/scratch.h"

#define INLINE static inline __attribute__((always_inline))

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

INLINE void put(enum smi_sink sink, void *out, size_t place, uint32_t item)
{
	if (sink == SMI_TO_INDEX64)
		((uint64_t *)out)[place] = item;
	else if (sink == SMI_TO_INDEX32)
		((uint32_t *)out)[place] = item;
	else
		smi_key_store((char *)out + 2 * place, SMI_INT16, item);
}

/* Indices of keys that differ in one byte. */
INLINE void place_indices(enum smi_sink sink, unsigned size, unsigned shift, const struct smi_keys *keys,
			  size_t n, struct places *p, void *out)
{
	for (size_t i = 0, j = n; i < j; i++) {
		put(sink, out, p->begin[image_at(size, keys, i) >> shift & 255]++, (uint32_t)i);
		if (i < --j)
			put(sink, out, --p->end[image_at(size, keys, j) >> shift & 255], (uint32_t)j);
	}
}

/* What moves: the image, or its higher byte above the index. */
INLINE uint32_t item_of(enum smi_sink sink, uint32_t image, size_t i)
{
	return sink == SMI_TO_KEY ? image : image >> 8 << INDEX_BITS | (uint32_t)i;
}

INLINE void by_lower_byte(enum smi_sink sink, const struct smi_keys *keys, size_t n, struct places *p,
			  uint32_t *items)
{
	for (size_t i = 0, j = n; i < j; i++) {
		uint32_t image = image_at(2, keys, i);

		items[p->begin[image & 255]++] = item_of(sink, image, i);
		if (i < --j) {
			image = image_at(2, keys, j);
			items[--p->end[image & 255]] = item_of(sink, image, j);
		}
	}
}

INLINE void put_item(enum smi_sink sink, void *out, size_t place, uint32_t item, uint32_t flip)
{
	put(sink, out, place, sink == SMI_TO_KEY ? item ^ flip : item & ((1u << INDEX_BITS) - 1));
}

INLINE void by_higher_byte(enum smi_sink sink, const uint32_t *items, size_t n, struct places *p,
			   uint32_t flip, void *out)
{
	const unsigned shift = sink == SMI_TO_KEY ? 8 : INDEX_BITS;

	for (size_t i = 0, j = n; i < j; i++) {
		put_item(sink, out, p->begin[items[i] >> shift]++, items[i], flip);
		if (i < --j)
			put_item(sink, out, --p->end[items[j] >> shift], items[j], flip);
	}
}

INLINE void sort_to(enum smi_sink sink, const struct smi_job *job, uint32_t *items)
{
	const struct smi_keys *keys = &job->plan.keys;
	struct places low, high;
	void *out = job->plan.out;
	size_t n = job->n;
	unsigned by;

	if (keys->kind == SMI_INT8) {
		find_places(1, keys, n, &low, &high);
		place_indices(sink, 1, 0, keys, n, &low, out);
		return;
	}
	by = find_places(2, keys, n, &low, &high);
	if (by == BY_HIGHER && sink != SMI_TO_KEY) {
		place_indices(sink, 2, 8, keys, n, &high, out);
	} else if (by == BY_LOWER && sink != SMI_TO_KEY) {
		place_indices(sink, 2, 0, keys, n, &low, out);
	} else {
		by_lower_byte(sink, keys, n, &low, items);
		by_higher_byte(sink, items, n, &high, (uint32_t)keys->flip, out);
	}
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
