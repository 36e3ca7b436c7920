/* SPDX-License-Identifier: MIT */
/* The leaves: a group of records that fits the vector registers is sorted
 * there and goes from there to the sink. Included after network.h was, for
 * both widths. */

enum { GROUP64 = 8 * V64_LANES, GROUP32 = 8 * V32_LANES };

/* The keys' bits of images. */
INLINE v64 key_bits64(const struct smi_plan *plan, v64 record)
{
	v64 image = v64_add(record, v64_set(plan->pack.base)), sign = v64_set(1ull << 63);

	if (plan->keys.kind == SMI_FLOAT64) {
		image = v64_xor(image, v64_set(plan->keys.flip));
		return v64_xor(image, v64_or(sign, v64_xor(v64_negative(image),
							   v64_set(UINT64_MAX))));
	}
	return v64_xor(image, v64_set(plan->keys.flip));
}

INLINE v32 key_bits32(const struct smi_plan *plan, v32 record)
{
	v32 image = v32_add(record, v32_set((uint32_t)plan->pack.base));

	image = v32_xor(image, v32_set((uint32_t)plan->keys.flip));
	if (plan->keys.kind == SMI_FLOAT32)
		image = v32_xor(image, v32_or(v32_set(1u << 31), v32_xor(v32_negative(image),
									 v32_set(UINT32_MAX))));
	return image;
}

/* Writes the first n lanes to the sink; all, if n is larger. */
INLINE void put64(const struct smi_plan *plan, v64 record, size_t position, long n)
{
	v64 index = v64_and(record, v64_set(plan->index_mask));

	switch (plan->sink) {
	case SMI_TO_INDEX64:
		v64_store_some((uint64_t *)plan->out + position, index, n);
		break;
	case SMI_TO_INDEX32:
		v64_store_some_narrow((uint32_t *)plan->out + position, index, n);
		break;
	case SMI_TO_KEY:
		v64_store_some((char *)plan->out + position * 8, key_bits64(plan, record), n);
		break;
	}
}

INLINE void put32(const struct smi_plan *plan, v32 record, size_t position, long n)
{
	if (plan->keys.kind == SMI_INT16)
		v32_store_some_narrow((char *)plan->out + position * 2, key_bits32(plan, record), n);
	else
		v32_store_some((char *)plan->out + position * 4, key_bits32(plan, record), n);
}

/* Row i of a group: loading it, comparing it with the next one, writing it. */
#define LOAD64(i)                                                                                   \
	r[i] = v64_load_some(records + (i) * V64_LANES, (long)m - (i) * V64_LANES,                  \
			     as_doubles ? SMI_BELOW_DOUBLES - 1 : UINT64_MAX);
#define BIAS64(i) r[i] = v64_bias(r[i]);
#define TIES64(i, next)                                                                      \
	ties |= (uint64_t)v64_agree(r[i], v64_next(r[i], r[next]), prefix) << (i) * V64_LANES;
#define SAVE64(i) v64_store(sorted + (i) * V64_LANES, r[i]);
#define BACK64(i) r[i] = v64_load(sorted + (i) * V64_LANES);
#define PUT64(i) \
	put64(plan, r[i], position + (size_t)(i) * V64_LANES, (long)m - (i) * V64_LANES);
#define LOAD32(i) \
	r[i] = v32_load_some(records + (i) * V32_LANES, (long)m - (i) * V32_LANES, UINT32_MAX);
#define PUT32(i) \
	put32(plan, r[i], position + (size_t)(i) * V32_LANES, (long)m - (i) * V32_LANES);
#define ROWS2(X) X(0) X(1)
#define ROWS4(X) ROWS2(X) X(2) X(3)
#define ROWS8(X) ROWS4(X) X(4) X(5) X(6) X(7)

/* Settles m records, of which those agree with the next one that have a bit in `ties`. */
#define SETTLE64(ROWS)                                                                       \
	ties &= ((uint64_t)1 << (m - 1)) - 1;                                                \
	if (__builtin_expect(ties != 0, 0)) {                                                \
		ROWS(SAVE64)                                                                 \
		settle_ties(plan, sorted, ties);                                             \
		ROWS(BACK64)                                                                 \
	}

/* Other rows than AVX2's compare numbers as they are. */
#ifndef AS_DOUBLES
#define sort_eight_double sort_eight_64
#define sort_four_double sort_four_64
#define sort_two_double sort_two_64
enum { AS_DOUBLES = false };
#endif

INLINE void group64_of8(const bool as_doubles, const struct smi_plan *plan, const uint64_t *records,
			size_t m, size_t position)
{
	v64 prefix = v64_set(~plan->index_mask), r[8];
	uint64_t sorted[8 * V64_LANES], ties = 0;

	ROWS8(LOAD64)
	if (as_doubles) {
		sort_eight_double(r);
	} else {
		ROWS8(BIAS64)
		sort_eight_64(r);
		ROWS8(BIAS64)
	}
	v64_transpose8(r);
	if (!plan->exact) {
		TIES64(0, 1) TIES64(1, 2) TIES64(2, 3) TIES64(3, 4)
		TIES64(4, 5) TIES64(5, 6) TIES64(6, 7) TIES64(7, 7)
		SETTLE64(ROWS8)
	}
	ROWS8(PUT64)
}

INLINE void group64_of4(const bool as_doubles, const struct smi_plan *plan, const uint64_t *records,
			size_t m, size_t position)
{
	v64 prefix = v64_set(~plan->index_mask), r[4];
	uint64_t sorted[4 * V64_LANES], ties = 0;

	ROWS4(LOAD64)
	if (as_doubles) {
		sort_four_double(r);
	} else {
		ROWS4(BIAS64)
		sort_four_64(r);
		ROWS4(BIAS64)
	}
	v64_transpose4(r);
	if (!plan->exact) {
		TIES64(0, 1) TIES64(1, 2) TIES64(2, 3) TIES64(3, 3)
		SETTLE64(ROWS4)
	}
	ROWS4(PUT64)
}

INLINE void group64_of2(const bool as_doubles, const struct smi_plan *plan, const uint64_t *records,
			size_t m, size_t position)
{
	v64 prefix = v64_set(~plan->index_mask), r[2];
	uint64_t sorted[2 * V64_LANES], ties = 0;

	ROWS2(LOAD64)
	if (as_doubles) {
		sort_two_double(r);
	} else {
		ROWS2(BIAS64)
		sort_two_64(r);
		ROWS2(BIAS64)
	}
	v64_transpose2(r);
	if (!plan->exact) {
		TIES64(0, 1) TIES64(1, 1)
		SETTLE64(ROWS2)
	}
	ROWS2(PUT64)
}

INLINE void group64_as(const bool as_doubles, const struct smi_plan *plan, const uint64_t *records,
		       size_t m, size_t position)
{
	if (m > 4 * V64_LANES)
		group64_of8(as_doubles, plan, records, m, position);
	else if (m > 2 * V64_LANES)
		group64_of4(as_doubles, plan, records, m, position);
	else
		group64_of2(as_doubles, plan, records, m, position);
}

INLINE void group64(const struct smi_plan *plan, const uint64_t *records, size_t m, size_t position)
{
	if (AS_DOUBLES && plan->as_doubles)
		group64_as(true, plan, records, m, position);
	else
		group64_as(false, plan, records, m, position);
}

INLINE void group32(const struct smi_plan *plan, const uint32_t *records, size_t m,
		    size_t position)
{
	v32 r[8];

	ROWS8(LOAD32)
	sort_eight_32(r);
	v32_transpose8(r);
	ROWS8(PUT32)
}

static void kernel_emit(const struct smi_plan *plan, const uint64_t *records, size_t m,
			size_t position)
{
	for (size_t i = 0; i < m; i += V64_LANES)
		put64(plan, v64_load_some(records + i, (long)(m - i), 0), position + i,
		      (long)(m - i));
}

static void kernel_emit_narrow(const struct smi_plan *plan, const uint32_t *records, size_t m,
			       size_t position)
{
	for (size_t i = 0; i < m; i += V32_LANES)
		put32(plan, v32_load_some(records + i, (long)(m - i), 0), position + i,
		      (long)(m - i));
}

#define emit64 kernel_emit
#define emit32 kernel_emit_narrow
