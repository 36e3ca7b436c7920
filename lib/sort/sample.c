/* SPDX-License-Identifier: MIT */
#include "sort/sample.h"

enum { FIRST = 16, FEW = 32, MANY = 128, MOST = 512, SLOTS = 2 * MOST, LEADING = 4 };

/* Of the first sampled keys so many must have a value that came before; of the fewest,
 * so many make a value frequent. */
enum { RECURRED = 3, OFTEN_OF_FEW = 2 };

/* Looks that so many keys are worth. */
static size_t sample_size(size_t n)
{
	return n < SMI_SAMPLE_MORE ? FEW : n < SMI_SAMPLE_MOST ? MANY : MOST;
}

struct counted {
	uint64_t image;
	uint16_t count;
};

static uint64_t sampled(const struct smi_keys *keys, size_t n, uint64_t *x)
{
	/* Steele, Vigna: "Computationally easy, spectrally good multipliers". */
	*x = *x * 0xd1342543de82ef95 + 1;
	return smi_key_image(keys, (size_t)((double)(*x >> 12) * 0x1p-52 * (double)n));
}

bool smi_sample_recurs(const struct smi_keys *keys, size_t n)
{
	uint64_t seen[256] = { 0 }, x = n, image;
	unsigned recurred = 0;
	size_t slot;

	for (int i = 0; i < FIRST; i++) {
		image = sampled(keys, n, &x);
		slot = (size_t)(image * 0x9e3779b97f4a7c15 >> 56);
		recurred += seen[slot] == image;
		seen[slot] = image;
	}
	return recurred >= RECURRED;
}

/* Adds the image to an open table. */
static void table_add(struct counted *table, size_t slots, uint64_t image)
{
	size_t slot = (size_t)((image * 0x9e3779b97f4a7c15 >> 32) * slots >> 32);

	while (table[slot].count && table[slot].image != image)
		slot = (slot + 1) % slots;
	table[slot].image = image;
	table[slot].count++;
}

/* The values that occur most among `size` sampled ones, in ascending order; how
 * often, together? */
static size_t most_frequent(const struct counted *table, size_t size, const struct smi_sample_wish *wish,
			    struct smi_frequent *frequent)
{
	struct counted best[SMI_FREQUENT + 1] = { { 0, 0 } };
	size_t covered = 0, beyond = 0, most = wish->most, j;
	unsigned often = size == FEW ? OFTEN_OF_FEW : wish->often;

	for (size_t i = 0; i < 2 * size; i++) {
		if (table[i].count < often)
			continue;
		for (j = most; j > 0 && best[j - 1].count < table[i].count; j--)
			best[j] = best[j - 1];
		best[j] = table[i];
	}
	for (size_t i = wish->few; i < most; i++)
		beyond += best[i].count;
	if (beyond * 100 < size * wish->beyond)
		most = wish->few;
	frequent->n = frequent->leading = 0;
	for (size_t i = 0; i < most && best[i].count; i++) {
		/* Two values are counted faster than more. */
		if (i == 2 && covered * 10 >= size * 9)
			break;
		covered += best[i].count;
		if (i < LEADING)
			frequent->leading = (unsigned)(100 * covered / size);
		frequent->n++;
	}
	frequent->all = covered == size;
	for (size_t i = 0; i < frequent->n; i++) {
		size_t below = 0;

		for (j = 0; j < frequent->n; j++)
			below += best[j].image < best[i].image;
		frequent->order[i] = (uint8_t)below;
		frequent->image[below] = best[i].image;
	}
	return covered;
}

unsigned smi_sample_frequent(struct smi_frequent *frequent, const struct smi_keys *keys, size_t n,
			     const struct smi_sample_wish *wish)
{
	struct counted table[SLOTS];
	size_t size = sample_size(n), slots = 2 * size;
	uint64_t x = n;

	if (!smi_sample_recurs(keys, n))
		return 0;
	for (size_t i = 0; i < slots; i++)
		table[i].count = 0;
	for (size_t i = 0; i < size; i++)
		table_add(table, slots, sampled(keys, n, &x));
	return (unsigned)(100 * most_frequent(table, size, wish, frequent) / size);
}
