/* SPDX-License-Identifier: MIT */
/* Slabs: where the writer builds values that are too large for the ring. Each
 * writer has SMI_SLABS; one that was lent with a value is its own again when the
 * reader is done with it. A slab is a range of the file; its pages are got before
 * they are written, so that a lack of memory is an error and not a SIGBUS. */
#include <errno.h>
#include <string.h>

#include <sharedmem/env.h>

#include "os/mapping.h"
#include "pipe/writer.h"

static bool is_lent(const struct smi_writer *writer, int i)
{
	return atomic_load(&writer->words->lent[i]) != 0;
}

/* Room for `size` bytes more: a slab that is free, and either nothing lent or
 * not too much. */
static bool may_use(struct smi_writer *writer, size_t size)
{
	size_t lent = 0;
	int free = 0;

	for (int i = 0; i < SMI_SLABS; i++) {
		if (is_lent(writer, i))
			lent += writer->slabs[i].filled;
		else
			free++;
	}
	return free == SMI_SLABS || (free > 0 && lent + size <= writer->slab_budget);
}

/* The smallest free slab that holds `size`, else the largest free one. */
static int choose(const struct smi_writer *writer, size_t size)
{
	int best = -1;

	for (int i = 0; i < SMI_SLABS; i++) {
		const struct smi_slab *slab = &writer->slabs[i], *other = &writer->slabs[best < 0 ? i : best];

		if (is_lent(writer, i))
			continue;
		if (best < 0 || (other->capacity < size ? slab->capacity > other->capacity :
							  slab->capacity >= size && slab->capacity < other->capacity))
			best = i;
	}
	return best;
}

/* A view of a range of the file that this writer owns. */
static int map_range(struct smi_writer *writer, uint64_t offset, uint64_t capacity, char **address)
{
	int r = smi_file_grow(writer->file, offset + capacity);

	if (r < 0)
		return r;
	*address = smi_file_map(writer->file, offset, capacity);
	return *address ? 0 : -errno;
}

/* The slab lies elsewhere now, and the words say where. */
static void replace(struct smi_writer *writer, struct smi_slab *slab, char *address, uint64_t offset,
		    uint64_t capacity)
{
	struct smi_slab_place *place = &writer->words->slab[slab - writer->slabs];

	atomic_store_explicit(&place->offset, offset, memory_order_relaxed);
	atomic_store_explicit(&place->capacity, capacity, memory_order_relaxed);
	if (!slab->borrowed)
		smi_unmap(slab->address, slab->capacity);
	slab->address = address;
	slab->offset = offset;
	slab->capacity = capacity;
	slab->borrowed = false;
}

/* Lengthens a slab where it is: only the last range of the file can. */
static int lengthen(struct smi_writer *writer, struct smi_slab *slab, uint64_t capacity)
{
	uint64_t end = slab->offset + slab->capacity;
	char *address;
	int r;

	if (!slab->address ||
	    !atomic_compare_exchange_strong(writer->file_end, &end, slab->offset + capacity))
		return -EAGAIN;
	r = map_range(writer, slab->offset, capacity, &address);
	if (r == 0)
		replace(writer, slab, address, slab->offset, capacity);
	return r;
}

/* Moves a slab, and the `keep` bytes in it, to a new range. */
static int move(struct smi_writer *writer, struct smi_slab *slab, uint64_t capacity, size_t keep)
{
	uint64_t offset = atomic_fetch_add(writer->file_end, capacity), held = smi_round_up(keep, SMI_HUGE);
	struct smi_slab old = *slab;
	char *address;
	int r = map_range(writer, offset, capacity, &address);

	if (r < 0)
		return r;
	if (keep > 0 && (r = smi_map_fill(address, held)) < 0) {
		smi_unmap(address, capacity);
		smi_file_drop(writer->file, offset, capacity);
		return r;
	}
	if (keep > 0)
		memcpy(address, slab->address, keep);
	slab->filled = keep > 0 ? held : 0;
	replace(writer, slab, address, offset, capacity);
	if (old.capacity > 0)
		smi_file_drop(writer->file, old.offset, old.capacity);
	return 0;
}

/* Values beyond this are rare enough to look how much memory there is: the kernel counts a
 * file's pages only when they come, and then it ends somebody for them. */
#define LARGE ((size_t)1 << 30)

static bool is_hopeless(size_t size)
{
	size_t all = size > LARGE ? pool_total_memory() : 0;

	return all > 0 && size > all;
}

/* Makes a slab hold `size` bytes, of which `keep` are there already. A value that
 * grows by pieces is moved at most once for each doubling. */
static int enlarge(struct smi_writer *writer, struct smi_slab *slab, size_t size, size_t keep)
{
	uint64_t capacity = smi_round_up(size, SMI_HUGE);
	uint64_t wish = keep > 0 && capacity < 2 * slab->capacity ? 2 * slab->capacity : capacity;
	uint64_t filled;
	int r = 0;

	if (slab->filled < size && is_hopeless(size))
		return -ENOMEM;
	if (slab->capacity < size) {
		r = lengthen(writer, slab, wish);
		if (r < 0)
			r = move(writer, slab, wish, keep);
		if (r < 0 && wish > capacity)
			r = move(writer, slab, capacity, keep);
	}
	if (r == 0 && slab->filled < size) {
		filled = keep > 0 ? size + size / 8 : size;
		filled = smi_round_up(filled, SMI_HUGE);
		if (filled > slab->capacity)
			filled = slab->capacity;
		r = smi_map_fill(slab->address + slab->filled, filled - slab->filled);
		if (r == 0)
			slab->filled = filled;
	}
	return r;
}

int smi_writer_use_slab(struct smi_writer *writer, size_t size)
{
	int k = writer->slab, r;
	size_t keep = k >= 0 ? writer->length : 0;

	if (writer->file < 0)
		return -ENOMEM;
	if (k < 0) {
		r = may_use(writer, size) ? 0 : smi_writer_wait(writer, may_use, size);
		if (r < 0)
			return r;
		k = choose(writer, size);
	}
	r = enlarge(writer, &writer->slabs[k], size, keep);
	if (r < 0)
		return r;
	/* What was begun in the ring. */
	if (writer->slab < 0 && writer->length > 0)
		memcpy(writer->slabs[k].address, writer->value, writer->length);
	writer->slab = k;
	writer->value = writer->slabs[k].address;
	writer->capacity = writer->slabs[k].filled;
	return 0;
}
