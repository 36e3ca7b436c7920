/* SPDX-License-Identifier: MIT */
/* How a bucket's records are taken apart: which sub-bucket each belongs to, by leading bits, by
 * logarithm or by value. Included by bucket.h, for each record width. */

#include "sort/kernel/own.h"
#include "sort/kernel/value.h"

/* From so many records on, and up to so many, they may be floats that are worth digits by value. Of
 * more wide ones digits by exponents, which go to fewer places, are sooner done, twice; without
 * vectors, always. */
enum {
	N(VALUE_FROM) = RECORD_BITS == 32 ? 4 * N(GROUP) + 1 : 256, /* fewer narrow ones are tree.h's */
	N(VALUE_MOST) = LANES == 1 ? 0 : RECORD_BITS == 32 ? INT32_MAX : LANES == 8 ? 1 << 15 : 1 << 13
};

struct N(digits) {
	RECORD base;      /* of the smallest record, with the index cleared */
	unsigned shift;
	uint32_t n;
	bool settles;     /* records of one digit have the same key bits */
	enum smi_map_kind kind; /* SMI_MAP_LOG: of what is above the base; SMI_MAP_LINEAR: by value */
	unsigned index_bits;
	struct N(scale) scale;  /* for SMI_MAP_LINEAR */
};

INLINE unsigned N(bit_length)(RECORD x)
{
	return x ? 64 - (unsigned)__builtin_clzll(x) : 0;
}

/* Do most of the records lie in a small part of their range, near the base? */
INLINE bool N(crowded)(const struct N(digits) *digits, const RECORD *a, size_t m, unsigned bits)
{
	enum { LOOKS = 16, MOST = 12, PART_LOG = 4 };
	unsigned near = 0;

	for (size_t i = 0; i < LOOKS; i++)
		near += (RECORD)(a[i * m / LOOKS] - digits->base) >> digits->index_bits >> (bits - PART_LOG) == 0;
	return near >= MOST;
}

INLINE RECORD N(log_digit)(const struct N(digits) *digits, RECORD record)
{
	REAL x = (REAL)((RECORD)(record - digits->base) >> digits->index_bits);
	RECORD u;

	memcpy(&u, &x, sizeof u);
	return u > REAL_ONE ? (RECORD)(u - REAL_ONE) >> digits->shift : 0;
}

/* Digits by the bits of a real number, whose exponent is a logarithm. */
INLINE void N(digits_log)(struct N(digits) *digits, RECORD high, unsigned width)
{
	unsigned bits;

	digits->shift = 0;
	bits = N(bit_length)(N(log_digit)(digits, high));
	digits->shift = bits > width ? bits - width : 0;
	digits->n = (uint32_t)N(log_digit)(digits, high) + 1;
	digits->settles = false;
	digits->kind = SMI_MAP_LOG;
}

INLINE void N(digits_linear)(struct N(digits) *digits, RECORD high)
{
	digits->n = (uint32_t)N(value_digit)(&digits->scale, high) + 1;
	digits->settles = false;
	digits->kind = SMI_MAP_LINEAR;
}

/* The most bits of a digit where floats' exponents differ; else 12. Without vectors, which sort some
 * records of a digit as fast as one, 14 the first time. More counts beside as many wide
 * records as vectors make worth it would leave the nearest cache. */
enum { N(MOST_LOG) = N(LEAF_AVERAGE) == 1 || RECORD_BITS == 32 ? 13 : 12 };

/* Do the exponents of floats differ? Where they do most keys lie in a few of them, and there are
 * to be twice as many sub-buckets; not of few records that each have about one anyhow. */
INLINE bool N(exponents_differ)(const struct smi_plan *plan, size_t m, unsigned bits)
{
	unsigned fraction = plan->keys.kind == SMI_FLOAT32 ? 23 : 52;

	return (N(LEAF_AVERAGE) > 1 || m > SMI_FEW) && smi_kind_float(plan->keys.kind) &&
	       bits + plan->pack.drop > fraction;
}

/* How to take m records apart; false when they have the same key bits. `first`: the first time. */
INLINE bool N(digits_choose)(const struct smi_plan *plan, RECORD *a, size_t m, bool first,
			     struct N(digits) *digits)
{
	VEC min = V(bias)(V(load)(a)), max = min, min2 = min, max2 = min;
	unsigned index_bits = plan->pack.index_bits, bits, width, most;
	size_t i = 0;
	RECORD low, high;
	bool more, by_value;

	for (; i + 2 * LANES <= m; i += 2 * LANES) {
		VEC x = V(bias)(V(load)(a + i)), y = V(bias)(V(load)(a + i + LANES));

		if (i * sizeof *a % SMI_LINE == 0)
			smi_own(a + i, 2 * LANES * sizeof *a);
		min = V(min)(min, x);
		max = V(max)(max, x);
		min2 = V(min)(min2, y);
		max2 = V(max)(max2, y);
	}
	low = V(lowest)(V(bias)(V(min)(min, min2)));
	high = V(highest)(V(bias)(V(max)(max, max2)));
	for (; i < m; i++) {
		low = a[i] < low ? a[i] : low;
		high = a[i] > high ? a[i] : high;
	}
	low = low >> index_bits << index_bits;
	bits = N(bit_length)((high - low) >> index_bits);
	if (bits == 0)
		return false;
	width = N(bit_length)((RECORD)((m - 1) / N(LEAF_AVERAGE)));
	more = N(exponents_differ)(plan, m, bits);
	width += more;
	most = first && LANES == 1 ? 14 : more ? N(MOST_LOG) : 12;
	width = width < 3 ? 3 : width > most ? most : width;
	by_value = first && m >= N(VALUE_FROM) && m <= N(VALUE_MOST) && bits > width &&
		   N(scale_choose)(&digits->scale, plan, a, m, low, high, width - more);
	width = width > bits ? bits : width;
	digits->base = low;
	digits->index_bits = index_bits;
	digits->kind = SMI_MAP_SHIFT;
	digits->shift = index_bits + bits - width;
	if (by_value) {
		N(digits_linear)(digits, high);
		return true;
	}
	if (bits > 2 * width && N(crowded)(digits, a, m, bits)) {
		N(digits_log)(digits, high, width);
		return true;
	}
	digits->n = (uint32_t)((high - low) >> digits->shift) + 1;
	digits->settles = bits == width;
	return true;
}

INLINE RECORD N(digit_of)(const struct N(digits) *digits, RECORD record)
{
	if (digits->kind == SMI_MAP_LOG)
		return N(log_digit)(digits, record);
	if (digits->kind == SMI_MAP_LINEAR)
		return N(value_digit)(&digits->scale, record);
	return (RECORD)(record - digits->base) >> digits->shift;
}

INLINE void N(digits_compute)(bool by_value, const struct N(digits) *digits, const RECORD *a, uint32_t *digit)
{
	if (by_value) {
		STORE_DIGITS(digit, N(value_digits)(&digits->scale, V(load)(a)));
		return;
	}
	if (digits->kind == SMI_MAP_LOG) {
		const VEC one = V(set)(REAL_ONE);
		VEC x = V(right)(V(sub)(V(load)(a), V(set)(digits->base)), digits->index_bits);

		x = V(sub)(V(max)(V(real_bits)(x), one), one);
		STORE_DIGITS(digit, V(right)(x, digits->shift));
		return;
	}
	STORE_DIGITS(digit, V(right)(V(sub)(V(load)(a), V(set)(digits->base)), digits->shift));
}
