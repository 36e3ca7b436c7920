/* SPDX-License-Identifier: MIT */
/* Anonymous shared arrays: a mapping, with a header in the 64 bytes before the
 * first item. Arrays of 2 MiB and more, up to a quarter of the memory that this
 * program may use, get their pages at once and huge: a first touch of a small
 * shared page costs 2-5 us, ten times a huge one's share. Larger ones are filled
 * by whoever touches them, so that a sparse array takes no more than is used. */
#include <sharedmem/array.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <sharedmem/env.h>

#include "os/mapping.h"

struct header {
	size_t length; /* bytes asked for */
	size_t mapped; /* bytes of the mapping, this header's included */
	char pad[64 - 2 * sizeof(size_t)];
};

static struct header *header_of(const void *array)
{
	return (struct header *)array - 1;
}

static void fill_now(struct header *header)
{
	if (header->mapped >= SMI_HUGE && header->mapped <= pool_total_memory() / 4)
		smi_map_fill(header, header->mapped);
}

void *shared_empty(size_t count, size_t size)
{
	struct header *header;
	size_t length, mapped;

	if (__builtin_mul_overflow(count, size, &length) || length > SIZE_MAX / 2) {
		errno = ENOMEM;
		return NULL;
	}
	mapped = length + sizeof *header;
	if (mapped >= SMI_HUGE)
		mapped = smi_round_up(mapped, SMI_HUGE);
	header = smi_map_shared(mapped);
	if (!header)
		return NULL;
	header->length = length;
	header->mapped = mapped;
	fill_now(header);
	return header + 1;
}

void *shared_full(size_t count, size_t size, const void *value)
{
	char *array = shared_empty(count, size);

	for (size_t i = 0; array && size > 0 && i < count; i++)
		memcpy(array + i * size, value, size);
	return array;
}

void *shared_copy(const void *array, size_t count, size_t size)
{
	void *copy = shared_empty(count, size);

	if (copy && shared_length(copy) > 0)
		memcpy(copy, array, shared_length(copy));
	return copy;
}

void shared_free(void *array)
{
	if (array)
		smi_unmap(header_of(array), header_of(array)->mapped);
}

size_t shared_length(const void *array)
{
	return array ? header_of(array)->length : 0;
}
