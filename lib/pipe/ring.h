/* SPDX-License-Identifier: MIT */
/* Where the bytes of a pipe lie, by their position: bytes since the map began. The
 * first ones have a place of their own, small and beside the other shared words,
 * so that a map with few values touches no more memory; all others go round in a
 * ring that is larger than a core's cache. A ring that fits there is the slower
 * one: each of its lines is taken from one core's cache to the other's and back. */
#ifndef SMI_PIPE_RING_H
#define SMI_PIPE_RING_H

#include <stddef.h>
#include <stdint.h>

struct smi_ring {
	char *first, *memory;
	size_t first_size; /* bytes, a power of two, or 0 */
	size_t size;       /* bytes, a power of two, not below first_size; as many may be unread */
};

/* How far into its part: 0 where a part begins. */
static inline size_t smi_ring_offset(const struct smi_ring *ring, uint64_t position)
{
	return position < ring->first_size ? position : position & (ring->size - 1);
}

static inline char *smi_ring_at(const struct smi_ring *ring, uint64_t position)
{
	return (position < ring->first_size ? ring->first : ring->memory) + smi_ring_offset(ring, position);
}

/* Bytes from there to the end of its part. */
static inline size_t smi_ring_rest(const struct smi_ring *ring, uint64_t position)
{
	return (position < ring->first_size ? ring->first_size : ring->size) - smi_ring_offset(ring, position);
}

#endif
