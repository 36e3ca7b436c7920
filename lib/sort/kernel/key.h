/* SPDX-License-Identifier: MIT */
/* Keys of ten types in two directions, seen as unsigned numbers.
 *
 * The image of a key is a number as wide as the key whose order is the order
 * that was asked for: signed integers have their sign bit flipped, floats
 * their sign bit or (negative ones) all bits, and for a descending order every
 * bit is flipped once more. -0 counts as +0. NaN is the largest image in both
 * directions; no other float has it. So all that follows sorts unsigned
 * numbers upwards, and there are six kinds of keys instead of twenty. */
#ifndef SMI_SORT_KEY_H
#define SMI_SORT_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <sharedmem/types.h>

enum smi_kind {
	SMI_INT8,
	SMI_INT16,
	SMI_INT32,
	SMI_INT64,
	SMI_FLOAT32,
	SMI_FLOAT64
};

struct smi_keys {
	const void *base;  /* may be misaligned */
	enum smi_kind kind;
	bool descending;
	uint64_t flip;     /* bits to flip; for floats after the fold of the sign */
};

static inline unsigned smi_kind_size(enum smi_kind kind)
{
	switch (kind) {
	case SMI_INT8:
		return 1;
	case SMI_INT16:
		return 2;
	case SMI_INT32:
	case SMI_FLOAT32:
		return 4;
	default:
		return 8;
	}
}

static inline bool smi_kind_float(enum smi_kind kind)
{
	return kind == SMI_FLOAT32 || kind == SMI_FLOAT64;
}

/* All ones, as wide as a key of this kind. */
static inline uint64_t smi_kind_mask(enum smi_kind kind)
{
	return UINT64_MAX >> (64 - 8 * smi_kind_size(kind));
}

static inline const void *smi_key_at(const void *base, enum smi_kind kind, size_t i)
{
	return (const char *)base + i * smi_kind_size(kind);
}

/* The bits of a key, from an address that may be misaligned. */
static inline uint64_t smi_key_load(const void *p, enum smi_kind kind)
{
	uint64_t u8;
	uint32_t u4;
	uint16_t u2;

	switch (smi_kind_size(kind)) {
	case 1:
		return *(const uint8_t *)p;
	case 2:
		return memcpy(&u2, p, 2), u2;
	case 4:
		return memcpy(&u4, p, 4), u4;
	default:
		return memcpy(&u8, p, 8), u8;
	}
}

static inline void smi_key_store(void *p, enum smi_kind kind, uint64_t bits)
{
	uint32_t u4 = (uint32_t)bits;
	uint16_t u2 = (uint16_t)bits;

	switch (smi_kind_size(kind)) {
	case 1:
		*(uint8_t *)p = (uint8_t)bits;
		break;
	case 2:
		memcpy(p, &u2, 2);
		break;
	case 4:
		memcpy(p, &u4, 4);
		break;
	default:
		memcpy(p, &bits, 8);
	}
}

static inline uint64_t smi_image(enum smi_kind kind, uint64_t flip, uint64_t bits)
{
	uint64_t mask = smi_kind_mask(kind), sign = mask ^ mask >> 1;
	uint64_t infinity = kind == SMI_FLOAT32 ? 0x7f800000 : 0x7ff0000000000000;

	if (!smi_kind_float(kind))
		return bits ^ flip;
	if ((bits & ~sign) > infinity)
		return mask;
	if (bits == sign)
		bits = 0;
	return (bits & sign ? bits ^ mask : bits ^ sign) ^ flip;
}

/* The key that has this image; +0 for both zeros, some NaN for all of them. */
static inline uint64_t smi_image_bits(enum smi_kind kind, uint64_t flip, uint64_t image)
{
	uint64_t mask = smi_kind_mask(kind), sign = mask ^ mask >> 1;

	if (!smi_kind_float(kind))
		return image ^ flip;
	if (image == mask)
		return mask;
	image ^= flip;
	return image & sign ? image ^ sign : image ^ mask;
}

static inline uint64_t smi_key_image(const struct smi_keys *keys, size_t i)
{
	return smi_image(keys->kind, keys->flip,
			 smi_key_load(smi_key_at(keys->base, keys->kind, i), keys->kind));
}

/* Describes keys; false when the type is none of the ten. */
static inline bool smi_keys_init(struct smi_keys *keys, const void *base, enum shared_type type,
				 bool descending)
{
	static const uint8_t kinds[] = { SMI_INT8, SMI_INT8, SMI_INT16, SMI_INT16, SMI_INT32,
					 SMI_INT32, SMI_INT64, SMI_INT64, SMI_FLOAT32, SMI_FLOAT64 };
	bool is_signed = (type & 1) == 0 && type < SHARED_FLOAT32;
	uint64_t mask;

	if ((unsigned)type >= sizeof kinds)
		return false;
	keys->base = base;
	keys->kind = (enum smi_kind)kinds[type];
	keys->descending = descending;
	mask = smi_kind_mask(keys->kind);
	keys->flip = (descending ? mask : 0) ^ (is_signed ? mask ^ mask >> 1 : 0);
	return true;
}

/* How many bits a number takes; 0 takes none. */
static inline unsigned smi_bits(uint64_t x)
{
	return x ? 64 - (unsigned)__builtin_clzll(x) : 0;
}

#endif
