/* SPDX-License-Identifier: MIT */
/* Each thread counts values in a small hash table without chains: a
 * multiplier is looked for under which the values of a sample fall into slots
 * of their own. A value that the sample missed gets a slot if it finds an
 * empty one, else the attempt is over. */
#include "sort/few.h"

#include "sort/crew/cut.h"

#include <stdatomic.h>


enum { SLOTS = 256, VALUES = 64, SAMPLE = 64, TABLES = 16, TRIES = 32 };

/* By bits of the key. A slot that is not used holds a value of another slot. */
struct table {
	uint64_t bits[SLOTS];
	uint32_t count[2][SLOTS];  /* of keys at even and odd places: no waiting for the last store */
	uint8_t slot[VALUES];      /* those that are used */
	uint32_t used;
};

struct value {
	uint64_t bits, image, end;  /* end: where its keys end in the result */
};

struct few {
	struct smi_keys keys;
	size_t n, parts;
	uint64_t factor;
	_Atomic bool failed;
	struct table *table;        /* [parts] */
	struct value value[VALUES];
	size_t values;
	void *out;
};

static inline size_t slot_of(uint64_t bits, uint64_t factor)
{
	return (size_t)(bits * factor >> 56);
}

static void table_init(struct table *t)
{
	memset(t, 0, sizeof *t);
	/* 0 falls into slot 0, and 1 does not: factors are at least 2^56. */
	t->bits[0] = 1;
}

/* A slot for a value that has none; false when another value has it. */
static bool table_insert(struct table *t, uint64_t bits, size_t slot, uint64_t factor)
{
	if (slot_of(t->bits[slot], factor) == slot || t->used == VALUES)
		return false;
	t->bits[slot] = bits;
	t->slot[t->used++] = (uint8_t)slot;
	return true;
}

/* A factor under which the sampled values do not meet; 0: there are too many. */
static uint64_t factor_find(const struct smi_keys *keys, size_t n)
{
	uint64_t sample[SAMPLE / 2] = { 0 }, factor = 0x9e3779b97f4a7c15;
	uint8_t at[SLOTS] = { 0 }; /* an open table of places in the sample, from 1 on */
	size_t values = 0, step = n / SAMPLE + 1, j;
	bool met = true;

	for (size_t i = 0; i < n; i += step) {
		uint64_t bits = smi_key_load(smi_key_at(keys->base, keys->kind, i), keys->kind);
		size_t slot = slot_of(bits, factor);

		while (at[slot] && sample[at[slot] - 1] != bits)
			slot = (slot + 1) % SLOTS;
		if (at[slot])
			continue;
		if (values == SAMPLE / 2)
			return 0;
		sample[values++] = bits;
		at[slot] = (uint8_t)values;
	}
	for (int try = 0; met && try < TRIES; try++) {
		bool seen[SLOTS] = { false };

		factor = (factor * 0xd1342543de82ef95 + 2) | (uint64_t)1 << 56;
		met = false;
		for (j = 0; j < values && !met; j++) {
			met = seen[slot_of(sample[j], factor)];
			seen[slot_of(sample[j], factor)] = true;
		}
	}
	return met ? 0 : factor;
}

static inline __attribute__((always_inline)) bool count_keys(struct table *t, const char *p,
							     size_t n, enum smi_kind kind,
							     uint64_t factor)
{
	size_t size = smi_kind_size(kind);

	for (size_t i = 0; i < n; i++) {
		uint64_t bits = smi_key_load(p + i * size, kind);
		size_t slot = slot_of(bits, factor);

		if (t->bits[slot] != bits && !table_insert(t, bits, slot, factor))
			return false;
		t->count[i & 1][slot]++;
	}
	return true;
}

static void count_part(void *arg, size_t part, int rank)
{
	struct few *f = arg;
	struct table *t = &f->table[part];
	uint64_t factor = f->factor;
	const char *p;
	size_t lo, hi;
	bool counted;

	(void)rank;
	table_init(t);
	smi_cut(f->n, f->parts, part, &lo, &hi);
	p = smi_key_at(f->keys.base, f->keys.kind, lo);
	if (smi_kind_size(f->keys.kind) == 2)
		counted = count_keys(t, p, hi - lo, SMI_INT16, factor);
	else if (smi_kind_size(f->keys.kind) == 4)
		counted = count_keys(t, p, hi - lo, SMI_INT32, factor);
	else
		counted = count_keys(t, p, hi - lo, SMI_INT64, factor);
	if (!counted)
		atomic_store(&f->failed, true);
}

/* Adds to the list, sorted by image; false when another value has this image
 * (zeros, NaNs) or there is no room. */
static bool value_add(struct few *f, uint64_t bits, uint64_t count)
{
	uint64_t image = smi_image(f->keys.kind, f->keys.flip, bits);
	size_t j = 0;

	while (j < f->values && f->value[j].image < image)
		j++;
	if (j < f->values && f->value[j].bits == bits) {
		f->value[j].end += count;
		return true;
	}
	if (f->values == VALUES || (j < f->values && f->value[j].image == image))
		return false;
	memmove(&f->value[j + 1], &f->value[j], (f->values - j) * sizeof f->value[0]);
	f->value[j] = (struct value){ bits, image, count };
	f->values++;
	return true;
}

/* All tables become one sorted list with places. */
static bool values_gather(struct few *f)
{
	for (size_t part = 0; part < f->parts; part++)
		for (size_t i = 0; i < f->table[part].used; i++) {
			const struct table *t = &f->table[part];
			size_t slot = t->slot[i];

			if (!value_add(f, t->bits[slot], (uint64_t)t->count[0][slot] + t->count[1][slot]))
				return false;
		}
	for (size_t j = 1; j < f->values; j++)
		f->value[j].end += f->value[j - 1].end;
	return true;
}

void smi_few_fill(void *out, enum smi_kind kind, size_t lo, size_t hi, uint64_t bits)
{
	size_t size = smi_kind_size(kind), bytes = (hi - lo) * size;
	char *p = (char *)out + lo * size, line[64]; /* a line is written at once */

	for (size_t i = 0; i < sizeof line; i += size)
		smi_key_store(line + i, kind, bits);
	for (; bytes >= sizeof line; bytes -= sizeof line, p += sizeof line)
		memcpy(p, line, sizeof line);
	memcpy(p, line, bytes);
}

static void fill_part(void *arg, size_t part, int rank)
{
	struct few *f = arg;
	size_t lo, hi;

	(void)rank;
	smi_cut(f->n, f->parts, part, &lo, &hi);
	for (size_t j = 0; lo < hi; j++) {
		size_t end = f->value[j].end < hi ? f->value[j].end : hi;

		if (end > lo) {
			smi_few_fill(f->out, f->keys.kind, lo, end, f->value[j].bits);
			lo = end;
		}
	}
}

bool smi_few_sort(const struct smi_crew *crew, const struct smi_keys *keys, size_t n, void *out)
{
	struct table table[TABLES];
	struct few f = { .keys = *keys, .n = n, .table = table, .out = out };

	f.factor = factor_find(keys, n);
	if (f.factor == 0 || (uint64_t)n >> 32)
		return false;
	f.parts = crew->np < TABLES ? (size_t)crew->np : TABLES;
	smi_crew_each(crew, f.parts, count_part, &f);
	if (atomic_load(&f.failed) || !values_gather(&f))
		return false;
	smi_crew_each(crew, f.parts, fill_part, &f);
	return true;
}
