/* SPDX-License-Identifier: MIT */
/* Tables of counted words, for wordcount.c. A table that is all zero needs
 * table_clear before anything is added; true is success, false no memory. */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The words of a table lie one behind the other, each padded to 8 bytes. So
 * they are in the form in which a job returns them, too. */
struct word {
	uint64_t count;
	uint32_t hash, length;
	char text[];
};

/* Open addressing; a slot holds its word's offset plus 1, or 0. */
struct table {
	char *words;
	size_t used, room; /* bytes of words */
	size_t *slots;
	size_t nwords, nslots, most_slots;
};

enum { FEW_SLOTS = 1024 };

static inline struct word *word_at(const struct table *table, size_t offset)
{
	return (void *)(table->words + offset);
}

static inline size_t word_size(size_t length)
{
	return sizeof(struct word) + (length + 7) / 8 * 8;
}

/* The slot of the word, or the free one that it would get. */
static inline size_t *table_slot(const struct table *table, const void *text, size_t length, uint32_t hash)
{
	for (size_t i = hash;; i++) {
		size_t *slot = &table->slots[i & (table->nslots - 1)];
		const struct word *word = *slot ? word_at(table, *slot - 1) : NULL;

		if (!word || (word->hash == hash && word->length == length &&
			      !memcmp(word->text, text, length)))
			return slot;
	}
}

static inline bool table_resize(struct table *table, size_t nslots)
{
	if (nslots > table->most_slots) {
		size_t *slots = reallocarray(table->slots, nslots, sizeof *slots);

		if (!slots)
			return false;
		table->slots = slots;
		table->most_slots = nslots;
	}
	table->nslots = nslots;
	memset(table->slots, 0, nslots * sizeof *table->slots);
	for (size_t at = 0; at < table->used; at += word_size(word_at(table, at)->length)) {
		const struct word *word = word_at(table, at);

		*table_slot(table, word->text, word->length, word->hash) = at + 1;
	}
	return true;
}

static inline bool table_clear(struct table *table)
{
	table->used = table->nwords = 0;
	return table_resize(table, FEW_SLOTS);
}

static inline void table_free(struct table *table)
{
	free(table->words);
	free(table->slots);
}

/* A new word at the end of the words; NULL when there is no memory. */
static inline struct word *table_append(struct table *table, size_t size)
{
	if (table->room - table->used < size) {
		size_t room = 2 * table->room + size;
		char *words = realloc(table->words, room);

		if (!words)
			return NULL;
		table->words = words;
		table->room = room;
	}
	table->used += size;
	return memset(table->words + table->used - size, 0, size);
}

static inline bool table_add(struct table *table, const void *text, size_t length, uint32_t hash,
		      uint64_t count)
{
	size_t *slot = table_slot(table, text, length, hash);
	struct word *word = *slot ? word_at(table, *slot - 1) : NULL;

	if (word) {
		word->count += count;
		return true;
	}
	*slot = table->used + 1;
	word = length <= UINT32_MAX ? table_append(table, word_size(length)) : NULL;
	if (!word)
		return false;
	*word = (struct word){ .count = count, .hash = hash, .length = length };
	memcpy(word->text, text, length);
	return ++table->nwords * 2 < table->nslots || table_resize(table, 2 * table->nslots);
}

/* Whether two tables hold the same words, each as often. */
static inline bool table_equal(const struct table *a, const struct table *b)
{
	for (size_t at = 0; at < a->used; at += word_size(word_at(a, at)->length)) {
		const struct word *word = word_at(a, at);
		size_t slot = *table_slot(b, word->text, word->length, word->hash);

		if (!slot || word_at(b, slot - 1)->count != word->count)
			return false;
	}
	return a->nwords == b->nwords;
}

#endif
