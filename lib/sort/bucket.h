/* SPDX-License-Identifier: MIT */
/* Sorting one bucket: a radix pass from `a` to `b` by the leading bits in which
 * its records differ, then groups of whole sub-buckets go through the network
 * of the leaves, which writes the sink. Sub-buckets too large for a group are
 * buckets themselves. Included once for each record width. */

#include "sort/own.h"
#include "sort/value.h"

/* From so many records on, and up to so many, they may be floats that are worth digits by value. Of
 * more wide ones digits by exponents, which go to fewer places, are sooner done, twice; without
 * vectors, always. */
enum {
	N(VALUE_FROM) = 256,
	N(VALUE_MOST) = LANES == 1 ? 0 : RECORD_BITS == 32 ? INT32_MAX : LANES == 8 ? 1 << 15 : 1 << 13
};

/* Records that are moved together: first their places are taken, then they are stored. A
 * store waits for the count that says where to, and until then for it all reads that follow.
 * All but the last few are whole vectors, too. */
enum { N(MOVED) = 8, N(WHOLE) = LANES > 8 ? LANES : 8 };

struct N(digits) {
	RECORD base;      /* of the smallest record, with the index cleared */
	unsigned shift;
	uint32_t n;
	bool settles;     /* records of one digit have the same key bits */
	enum smi_map_kind kind; /* SMI_MAP_LOG: by the logarithm of what is above the base */
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

/* The most bits of a digit where floats' exponents differ; else 12. More counts beside as many wide
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
	most = more ? N(MOST_LOG) : 12;
	width = width < 3 ? 3 : width > most ? most : width;
	by_value = first && m >= N(VALUE_FROM) && m <= N(VALUE_MOST) && bits > 2 * width &&
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

/* Counts, then turns counts into the places where sub-buckets begin. Neighbours are counted
 * apart: they may be of one digit, and a count that was just written must be waited for. */
INLINE void N(count_records)(bool by_value, const struct N(digits) *digits, const RECORD *a, size_t m,
			     uint32_t *count)
{
	uint32_t digit[AHEAD] __attribute__((aligned(64))), sum = 0, *odd = count + digits->n;
	size_t whole = m / N(WHOLE) * N(WHOLE), i = 0, n;

	memset(count, 0, 2 * digits->n * sizeof *count);
	for (; i < whole; i += n) {
		n = whole - i < AHEAD ? whole - i : AHEAD;
		for (size_t j = 0; j < n; j += LANES)
			N(digits_compute)(by_value, digits, a + i + j, digit + j);
		UNROLL
		for (size_t j = 0; j < n; j += 2) {
			count[digit[j]]++;
			odd[digit[j + 1]]++;
		}
	}
	for (; i < m; i++)
		count[N(digit_of)(digits, a[i])]++;
	for (uint32_t d = 0; d < digits->n; d++) {
		uint32_t here = count[d] + odd[d];

		count[d] = sum;
		sum += here;
	}
}

/* Moves records from a to b; count[d] becomes where sub-bucket d ends. */
INLINE void N(move_records)(bool by_value, const struct N(digits) *digits, const RECORD *restrict a,
			    RECORD *restrict b, size_t m, uint32_t *restrict count)
{
	uint32_t digit[AHEAD] __attribute__((aligned(64))), place[N(MOVED)];
	size_t whole = m / N(WHOLE) * N(WHOLE), i = 0, n;

	for (; i < whole; i += n) {
		n = whole - i < AHEAD ? whole - i : AHEAD;
		for (size_t j = 0; j < n; j += LANES)
			N(digits_compute)(by_value, digits, a + i + j, digit + j);
		for (size_t j = 0; j < n; j += N(MOVED)) {
			UNROLL
			for (size_t k = 0; k < N(MOVED); k++)
				place[k] = count[digit[j + k]]++;
			UNROLL
			for (size_t k = 0; k < N(MOVED); k++)
				b[place[k]] = a[i + j + k];
		}
	}
	for (; i < m; i++)
		b[count[N(digit_of)(digits, a[i])]++] = a[i];
}

/* Apart, so that other digits have the registers. */
static __attribute__((noinline)) void N(spread_by_value)(const struct N(digits) *digits, const RECORD *a,
							 RECORD *b, size_t m, uint32_t *count)
{
	N(count_records)(true, digits, a, m, count);
	N(move_records)(true, digits, a, b, m, count);
}

static void N(bucket_level)(const struct smi_plan *plan, RECORD *a, RECORD *b, size_t m,
			    size_t position, uint32_t *count, bool first);

/* Whole sub-buckets of b, as many as fit a group, to the sink. */
INLINE void N(finish_groups)(const struct smi_plan *plan, const struct N(digits) *digits,
			     RECORD *a, RECORD *b, size_t m, size_t position, const uint32_t *ends,
			     uint32_t *count)
{
	size_t done = 0, end;

	while (m - done > N(GROUP)) {
		/* The sub-bucket of the first record that is too many begins here: */
		RECORD d = N(digit_of)(digits, b[done + N(GROUP)]);

		end = d ? ends[d - 1] : 0;
		if (end > done) {
			N(group)(plan, b + done, end - done, position + done);
		} else {
			end = ends[d];
			N(bucket_level)(plan, b + done, a + done, end - done, position + done,
					count, false);
		}
		done = end;
	}
	if (done < m)
		N(group)(plan, b + done, m - done, position + done);
}

static void N(bucket_level)(const struct smi_plan *plan, RECORD *a, RECORD *b, size_t m,
			    size_t position, uint32_t *count, bool first)
{
	struct N(digits) digits;
#if RECORD_BITS == 64
	struct smi_plan finer;
#endif

	if (m <= N(GROUP)) {
		N(group)(plan, a, m, position);
		return;
	}
	if (!N(digits_choose)(plan, a, m, first, &digits)) {
#if RECORD_BITS == 64
		if (!plan->exact && unpack_prefix(plan, a, m, &finer)) {
			bucket_level64(&finer, a, b, m, position, count, false);
			return;
		}
#endif
		N(emit)(plan, a, m, position);
		return;
	}
#if RECORD_BITS == 32 && defined(TREE32)
	if (m <= TREE_MOST32) {
		tree_sort32(plan, a, m, position);
		return;
	}
#endif
	if (digits.kind == SMI_MAP_LINEAR) {
		N(spread_by_value)(&digits, a, b, m, count);
	} else {
		N(count_records)(false, &digits, a, m, count);
		N(move_records)(false, &digits, a, b, m, count);
	}
	if (digits.settles && plan->exact)
		N(emit)(plan, b, m, position);
	else
		N(finish_groups)(plan, &digits, a, b, m, position, count, count + digits.n);
}

static void N(kernel_bucket)(const struct smi_plan *plan, RECORD *a, RECORD *b, size_t m,
			     size_t position, uint32_t *count)
{
	N(bucket_level)(plan, a, b, m, position, count, true);
}
