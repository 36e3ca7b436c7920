/* SPDX-License-Identifier: MIT */
/* Counting sort. Parts of the keys are counted in tables of their own, two by each
 * thread, side by side: neighbours may be equal, and a count that was just written
 * must be waited for. Then slices of the values are written, each to its place. */
#include "sort/count.h"

#include <errno.h>

#include "sort/crew/cut.h"
#include "sort/crew/scratch.h"
#include "sort/few.h"

enum {
	SLICES = 64,
	PART_LOG = 31,   /* a part has fewer keys than 2^this */
	AT_ONCE = 16,    /* bytes that are written at once */
};

struct counting {
	const struct smi_job *job;
	size_t pairs, values;       /* pairs of parts */
	size_t slices;              /* SLICES, or 1 for one thread */
	size_t tables;              /* 2 * pairs, until the first one has the sum of all */
	uint32_t *count;            /* [2 * pairs][values] by image */
	uint64_t begin[SLICES + 1]; /* where a slice's keys begin */
};

static void count_bytes(const uint8_t *p, size_t n, uint64_t flip, uint32_t *count)
{
	uint32_t four[4][256] = { { 0 } };
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		uint64_t eight;

		memcpy(&eight, p + i, 8);
		four[0][eight & 255]++;
		four[1][eight >> 8 & 255]++;
		four[2][eight >> 16 & 255]++;
		four[3][eight >> 24 & 255]++;
		four[0][eight >> 32 & 255]++;
		four[1][eight >> 40 & 255]++;
		four[2][eight >> 48 & 255]++;
		four[3][eight >> 56]++;
	}
	for (; i < n; i++)
		four[0][p[i]]++;
	for (size_t v = 0; v < 256; v++)
		count[v ^ flip] = four[0][v] + four[1][v] + four[2][v] + four[3][v];
}

/* Keys of both halves of lo ... hi-1. */
static void count_pairs(const struct smi_keys *keys, size_t lo, size_t hi, uint32_t *one,
			uint32_t *two)
{
	const char *p = smi_key_at(keys->base, SMI_INT16, lo);
	size_t half = (hi - lo) / 2, bytes = 2 * half, flip = (size_t)keys->flip;

	for (size_t i = 0; i < bytes; i += 2) {
		one[smi_key_load(p + i, SMI_INT16) ^ flip]++;
		two[smi_key_load(p + bytes + i, SMI_INT16) ^ flip]++;
	}
	if ((hi - lo) % 2)
		two[smi_key_load(p + 2 * bytes, SMI_INT16) ^ flip]++;
}

static void count_part(void *arg, size_t part, int rank)
{
	struct counting *c = arg;
	const struct smi_keys *keys = &c->job->plan.keys;
	uint32_t *count = c->count + 2 * part * c->values;
	size_t lo, hi;

	(void)rank;
	smi_cut(c->job->n, c->pairs, part, &lo, &hi);
	memset(count, 0, 2 * c->values * sizeof *count);
	if (keys->kind == SMI_INT8)
		count_bytes((const uint8_t *)keys->base + lo, hi - lo, keys->flip, count);
	else
		count_pairs(keys, lo, hi, count, count + c->values);
}

/* How many keys have this image, by tables that are `values` apart. */
static inline uint64_t sum_of(const uint32_t *count, size_t tables, size_t values)
{
	uint64_t sum = count[0];

	if (tables == 2)
		return sum + count[values];
	for (size_t i = 1; i < tables; i++)
		sum += count[i * values];
	return sum;
}

static void sum_slice(void *arg, size_t slice, int rank)
{
	struct counting *c = arg;
	size_t values = c->values, width = values / c->slices, tables = c->tables;
	uint32_t *count = c->count + slice * width;
	bool fits = c->job->n <= UINT32_MAX;
	uint64_t sum = 0, here;

	(void)rank;
	for (size_t v = 0; v < width; v++) {
		here = sum_of(count + v, tables, values);
		if (fits)
			count[v] = (uint32_t)here;
		sum += here;
	}
	c->begin[slice + 1] = sum;
}

/* Where the slices begin; if the sums fit, they become the first table. */
static void add_up(struct counting *c, const struct smi_crew *crew)
{
	smi_crew_each(crew, c->slices, sum_slice, c);
	if (c->job->n <= UINT32_MAX)
		c->tables = 1;
	for (size_t slice = 0; slice < c->slices; slice++)
		c->begin[slice + 1] += c->begin[slice];
}

/* Writes `times` keys of 1 or 2 bytes; there is room up to `end`. Some too many are
 * written, which the next value's keys overwrite. */
static inline char *fill(char *p, const char *end, size_t times, size_t size, uint16_t bits)
{
	uint64_t word = size == 2 ? bits * (uint64_t)0x0001000100010001 : bits * (uint64_t)0x0101010101010101;
	size_t bytes = size * times, done = 0;

	if (__builtin_expect((size_t)(end - p) < bytes + AT_ONCE, 0)) {
		if (times > 0)
			smi_few_fill(p, size == 2 ? SMI_INT16 : SMI_INT8, 0, times, bits);
		return p + bytes;
	}
	do {
		memcpy(p + done, &word, sizeof word);
		memcpy(p + done + sizeof word, &word, sizeof word);
		done += AT_ONCE;
	} while (done < bytes);
	return p + bytes;
}

static void fill_slice(void *arg, size_t slice, int rank)
{
	const struct counting *c = arg;
	const struct smi_keys *keys = &c->job->plan.keys;
	size_t values = c->values, width = values / c->slices, first = slice * width, times;
	size_t size = smi_kind_size(keys->kind), flip = (size_t)keys->flip, tables = c->tables;
	const uint32_t *count = c->count + first;
	char *p = (char *)c->job->plan.out + c->begin[slice] * size;
	const char *end = (char *)c->job->plan.out + c->begin[slice + 1] * size;

	(void)rank;
	for (size_t v = 0; v < width && p < end; v++) {
		times = sum_of(count + v, tables, values);
		p = size == 1 ? fill(p, end, times, 1, (uint16_t)((first + v) ^ flip))
			      : fill(p, end, times, 2, (uint16_t)((first + v) ^ flip));
	}
}

bool smi_count_suits(const struct smi_job *job)
{
	unsigned size = smi_kind_size(job->plan.keys.kind);

	return job->plan.sink == SMI_TO_KEY &&
	       (size == 1 || (size == 2 && job->n >= SMI_COUNT_WORTH));
}

unsigned smi_count_takes(const struct smi_job *job)
{
	if (job->n < SMI_COUNT_ALONE)
		return 0;
	return smi_kind_size(job->plan.keys.kind) == 1 ? 400 : 500;
}

int smi_count_sort(struct smi_job *job)
{
	struct smi_crew crew = { .np = job->n < SMI_COUNT_ALONE ? 1 : job->crew.np };
	struct counting c = { .job = job };

	c.pairs = (size_t)crew.np > job->n >> PART_LOG ? (size_t)crew.np
						       : (job->n >> PART_LOG) + 1;
	c.tables = 2 * c.pairs;
	c.slices = crew.np > 1 ? SLICES : 1;
	c.values = job->plan.keys.kind == SMI_INT8 ? 256 : 65536;
	c.count = smi_scratch_take(c.tables * c.values * sizeof *c.count);
	if (!c.count)
		return -ENOMEM;
	smi_crew_each(&crew, c.pairs, count_part, &c);
	c.begin[c.slices] = job->n;
	if (c.slices > 1)
		add_up(&c, &crew);
	smi_crew_each(&crew, c.slices, fill_slice, &c);
	smi_scratch_give(c.count);
	return 0;
}
