/* SPDX-License-Identifier: MIT */
#include "sort/split.h"

#include "sort/choose.h"
#include "sort/kernel/own.h"

enum { ABREAST = 8 }; /* searches that go on at once, since each step waits for the one before */

#define UNROLL _Pragma("GCC unroll 8")

/* Where a bucket begins, among the sampled images and all others. */
struct begin {
	size_t sampled;
	uint64_t image;
};

/* Near the sampled image that would be first, between the two that lie farthest apart. */
static struct begin begin_of(const struct smi_map_sample *sample, size_t bucket)
{
	size_t step = sample->n / SMI_SPLITS, from = bucket * step - step / 2, best = from;
	const uint64_t *image = sample->image;

	for (size_t j = from + 1; j < from + step; j++)
		if (image[j] - image[j - 1] > image[best] - image[best - 1])
			best = j;
	return (struct begin){ best, image[best] - (image[best] - image[best - 1]) / 2 };
}

/* `more` below and above, but within first ... last. */
static void widen(uint64_t *low, uint64_t *high, uint64_t more, uint64_t first, uint64_t last)
{
	*low = *low - first > more ? *low - more : first;
	*high = last - *high > more ? *high + more : last;
}

/* Prefixes where most of a bucket's keys lie, not much further to either side than the sampled
 * ones, if that saves bits; as far as there is room for whole images. */
static void narrow(struct smi_split *split, size_t bucket, uint64_t first, uint64_t last, const uint64_t *sampled,
		   size_t n)
{
	unsigned room = smi_bits(split->most), bits;
	uint64_t low = first, high = last;

	while (n > 0 && sampled[n - 1] > last) /* equal ones lie where the next bucket begins */
		n--;
	if (last - first > split->most && n > 1) {
		low = sampled[0];
		high = sampled[n - 1];
		widen(&low, &high, high - low, first, last);
		if (high - low < split->most)
			widen(&low, &high, (split->most - (high - low)) / 2, first, last);
	}
	bits = smi_bits(high - low);
	split->low[bucket] = low;
	split->drop[bucket] = (uint8_t)(bits > room ? bits - room : 0);
	split->sure[bucket] = bits <= room;
}

/* The tree's nodes in ascending order. */
static void plant(struct smi_split *split, const struct begin *begin)
{
	for (size_t level = 0; level < SMI_SPLIT_LOG; level++)
		for (size_t i = 0, n = (size_t)1 << level; i < n; i++)
			split->node[n + i] = begin[(2 * i + 1) * (SMI_SPLITS / 2 >> level)].image;
}

void smi_split_choose(struct smi_split *split, const struct smi_map_sample *sample, const struct smi_range *range,
		      unsigned room)
{
	struct begin begin[SMI_SPLITS];
	uint64_t last;
	size_t end;

	begin[0] = (struct begin){ 0, range->min };
	for (size_t d = 1; d < SMI_SPLITS; d++)
		begin[d] = begin_of(sample, d);
	plant(split, begin);
	split->most = ((uint64_t)1 << room) - 1;
	for (size_t d = 0; d < SMI_SPLITS; d++) {
		end = d + 1 < SMI_SPLITS ? begin[d + 1].sampled : sample->n;
		last = d + 1 == SMI_SPLITS ? range->max : begin[d + 1].image - (begin[d + 1].image > begin[d].image);
		narrow(split, d, begin[d].image, last, sample->image + begin[d].sampled, end - begin[d].sampled);
	}
}

/* Without a branch: Khuong, Morin: "Array layouts for comparison-based searching". */
static inline size_t step_down(const struct smi_split *split, size_t i, uint64_t image)
{
	return 2 * i + (split->node[i] <= image);
}

size_t smi_split_bucket(const struct smi_split *split, uint64_t image)
{
	size_t i = 1;

	while (i < SMI_SPLITS)
		i = step_down(split, i, image);
	return i - SMI_SPLITS;
}

uint64_t smi_split_prefix(const struct smi_split *split, size_t bucket, uint64_t image)
{
	uint64_t low = split->low[bucket];
	uint64_t prefix = ((image > low ? image : low) - low) >> split->drop[bucket];

	return prefix < split->most ? prefix : split->most;
}

static inline __attribute__((always_inline)) uint64_t image_at(const struct smi_keys *keys, enum smi_kind kind, size_t i)
{
	return smi_image(kind, keys->flip, smi_key_load(smi_key_at(keys->base, kind, i), kind));
}

static inline __attribute__((always_inline)) void find(const struct smi_split *split, const struct smi_keys *keys,
						       enum smi_kind kind, size_t i, uint8_t *digit)
{
	size_t node[ABREAST];
	uint64_t image[ABREAST];

	UNROLL
	for (size_t k = 0; k < ABREAST; k++) {
		node[k] = 1;
		image[k] = image_at(keys, kind, i + k);
	}
	for (int level = 0; level < SMI_SPLIT_LOG; level++) {
		UNROLL
		for (size_t k = 0; k < ABREAST; k++)
			node[k] = step_down(split, node[k], image[k]);
	}
	UNROLL
	for (size_t k = 0; k < ABREAST; k++)
		digit[k] = (uint8_t)node[k];
}

/* Neighbours are counted apart: they may be of one bucket, and a count that was just written
 * must be waited for. */
static inline __attribute__((always_inline)) void histogram(const struct smi_split *split, const struct smi_keys *keys,
							    enum smi_kind kind, size_t lo, size_t hi, uint32_t *count)
{
	uint32_t odd[SMI_SPLITS] = { 0 };
	size_t i = lo;

	for (; i + ABREAST <= hi; i += ABREAST) {
		find(split, keys, kind, i, split->digit + i);
		UNROLL
		for (size_t k = 0; k < ABREAST; k += 2) {
			count[split->digit[i + k]]++;
			odd[split->digit[i + k + 1]]++;
		}
	}
	for (; i < hi; i++)
		count[split->digit[i] = (uint8_t)smi_split_bucket(split, image_at(keys, kind, i))]++;
	for (size_t d = 0; d < SMI_SPLITS; d++)
		count[d] += odd[d];
}

void smi_split_histogram(const struct smi_split *split, const struct smi_keys *keys, size_t lo, size_t hi,
			 uint32_t *count)
{
	if (keys->kind == SMI_INT64)
		histogram(split, keys, SMI_INT64, lo, hi, count);
	else
		histogram(split, keys, SMI_FLOAT64, lo, hi, count);
}

/* The prefix of a key that is cut off, which others share: few are. */
static __attribute__((noinline, cold)) uint64_t cut_off(struct smi_split *split, size_t bucket, uint64_t image)
{
	atomic_store_explicit(&split->sure[bucket], false, memory_order_relaxed);
	return smi_split_prefix(split, bucket, image);
}

static inline __attribute__((always_inline)) void scatter(struct smi_split *split, const struct smi_keys *keys,
							  enum smi_kind kind, const struct smi_pack *pack, size_t lo,
							  size_t hi, uint64_t *next, uint64_t *out)
{
	const unsigned index_bits = pack->index_bits;
	const uint64_t most = split->most;

	for (size_t i = lo; i < hi; i++) {
		size_t bucket = split->digit[i];
		uint64_t *to = out + next[bucket]++, image = image_at(keys, kind, i);
		uint64_t prefix = (image - split->low[bucket]) >> split->drop[bucket];

		if (__builtin_expect((image < split->low[bucket]) | (prefix > most), 0))
			prefix = cut_off(split, bucket, image);
		*to = prefix << index_bits | i;
		__builtin_prefetch((char *)to + SMI_LINE, 1);
	}
}

void smi_split_scatter(struct smi_split *split, const struct smi_keys *keys, const struct smi_pack *pack,
		       size_t lo, size_t hi, uint64_t *next, uint64_t *out)
{
	if (keys->kind == SMI_INT64)
		scatter(split, keys, SMI_INT64, pack, lo, hi, next, out);
	else
		scatter(split, keys, SMI_FLOAT64, pack, lo, hi, next, out);
}
