/* SPDX-License-Identifier: MIT */
/* Counting sort. Each thread counts its part of the keys in a table of its
 * own; then each writes the keys of a range of values. */
#include "sort/count.h"

#include <errno.h>
#include <stdlib.h>

#include "sort/crew.h"
#include "sort/kernel.h"
#include "sort/options.h"
#include "sort/straight.h"

enum { ALONE = 1 << 15, SLICES = 64 };

struct counting {
	struct smi_keys keys;
	size_t n, parts, values;
	uint64_t *count;     /* [parts][values] by image; then place of a value's first key */
	void *out;
};

static void count_bytes(const uint8_t *p, size_t n, uint64_t flip, uint64_t *count)
{
	uint32_t four[4][256];
	size_t i = 0, end;

	while (i < n) {
		memset(four, 0, sizeof four);
		end = n - i > 1u << 30 ? i + (1u << 30) : n;
		for (; i + 4 <= end; i += 4)
			for (int j = 0; j < 4; j++)
				four[j][p[i + (size_t)j]]++;
		for (; i < end; i++)
			four[0][p[i]]++;
		for (size_t v = 0; v < 256; v++)
			count[v ^ flip] += (uint64_t)four[0][v] + four[1][v] + four[2][v] + four[3][v];
	}
}

static void count_part(void *arg, size_t part, int rank)
{
	struct counting *c = arg;
	uint64_t *count = c->count + part * c->values;
	size_t lo, hi;

	(void)rank;
	smi_cut(c->n, c->parts, part, &lo, &hi);
	memset(count, 0, c->values * sizeof *count);
	if (c->keys.kind == SMI_INT8) {
		count_bytes((const uint8_t *)c->keys.base + lo, hi - lo, c->keys.flip, count);
		return;
	}
	for (; lo < hi; lo++)
		count[smi_key_image(&c->keys, lo)]++;
}

static void fill(struct counting *c, size_t place, size_t times, size_t value)
{
	uint16_t bits = (uint16_t)smi_image_bits(c->keys.kind, c->keys.flip, value);
	char *p;

	if (c->keys.kind == SMI_INT8) {
		memset((char *)c->out + place, bits, times);
		return;
	}
	p = (char *)c->out + place * 2;
	for (size_t i = 0; i < times; i++)
		memcpy(p + i * 2, &bits, 2);
}

static void fill_slice(void *arg, size_t slice, int rank)
{
	struct counting *c = arg;
	size_t width = c->values / SLICES;

	(void)rank;
	for (size_t v = slice * width; v < (slice + 1) * width; v++) {
		size_t end = v + 1 < c->values ? c->count[v + 1] : c->n;

		if (end > c->count[v])
			fill(c, c->count[v], end - c->count[v], v);
	}
}

/* Counts of all parts become the place where each value begins. */
static void places(struct counting *c)
{
	uint64_t sum = 0;

	for (size_t v = 0; v < c->values; v++) {
		uint64_t here = 0;

		for (size_t part = 0; part < c->parts; part++)
			here += c->count[part * c->values + v];
		c->count[v] = sum;
		sum += here;
	}
}

int smi_count_sort(const struct smi_keys *keys, size_t n, void *out,
		   const struct shared_sort_options *options)
{
	struct counting c = { .keys = *keys, .n = n, .out = out };
	struct smi_crew crew = { 1 };
	int r = 0;

	if (n < 2)
		return 0;
	if (n > ALONE)
		smi_crew_enter(&crew, smi_options_np(options));
	if (smi_straight(smi_kernel(), &crew, keys, n, SMI_TO_KEY, out))
		goto finish;
	c.parts = (size_t)crew.np;
	c.values = keys->kind == SMI_INT8 ? 256 : 65536;
	c.count = malloc(c.parts * c.values * sizeof *c.count);
	if (!c.count) {
		r = -ENOMEM;
		goto finish;
	}
	smi_crew_each(&crew, c.parts, count_part, &c);
	places(&c);
	smi_crew_each(&crew, SLICES, fill_slice, &c);
finish:
	free(c.count);
	smi_crew_leave(&crew);
	return r;
}
