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
	v32_store_some((char *)plan->out + position * 4, key_bits32(plan, record), n);
}

/* Is a record's prefix that of the next one, among the m of r? */
INLINE bool any_ties(const struct smi_plan *plan, const v64 *r, const int rows, size_t m)
{
	v64 prefix = v64_set(~plan->index_mask);
	uint64_t ties = 0;

	UNROLL
	for (int i = 0; i < rows; i++)
		ties |= (uint64_t)v64_agree(r[i], v64_next(r[i], r[i + 1 < rows ? i + 1 : i]),
					    prefix) << i * V64_LANES;
	return (ties & (((uint64_t)1 << (m - 1)) - 1)) != 0;
}

INLINE void sort_group64(const struct smi_plan *plan, const uint64_t *records, size_t m,
			 size_t position, const int rows)
{
	uint64_t sorted[GROUP64];
	v64 r[8];

	UNROLL
	for (int i = 0; i < rows; i++)
		r[i] = v64_bias(v64_load_some(records + i * V64_LANES, (long)m - i * V64_LANES));
	sort_vectors64(r, rows);
	if (rows == 8)
		v64_transpose8(r);
	else if (rows == 4)
		v64_transpose4(r);
	else
		v64_transpose2(r);
	UNROLL
	for (int i = 0; i < rows; i++)
		r[i] = v64_bias(r[i]);
	if (!plan->exact && any_ties(plan, r, rows, m)) {
		UNROLL
		for (int i = 0; i < rows; i++)
			v64_store(sorted + i * V64_LANES, r[i]);
		settle_ties(plan, sorted, m);
		UNROLL
		for (int i = 0; i < rows; i++)
			r[i] = v64_load(sorted + i * V64_LANES);
	}
	UNROLL
	for (int i = 0; i < rows; i++)
		put64(plan, r[i], position + (size_t)i * V64_LANES, (long)m - i * V64_LANES);
}

INLINE void group64(const struct smi_plan *plan, const uint64_t *records, size_t m,
		    size_t position)
{
	if (m <= 2 * V64_LANES)
		sort_group64(plan, records, m, position, 2);
	else if (m <= 4 * V64_LANES)
		sort_group64(plan, records, m, position, 4);
	else
		sort_group64(plan, records, m, position, 8);
}

INLINE void group32(const struct smi_plan *plan, const uint32_t *records, size_t m,
		    size_t position)
{
	v32 r[8];

	UNROLL
	for (int i = 0; i < 8; i++)
		r[i] = v32_load_some(records + i * V32_LANES, (long)m - i * V32_LANES);
	sort_vectors32(r, 8);
	v32_transpose8(r);
	UNROLL
	for (int i = 0; i < 8; i++)
		put32(plan, r[i], position + (size_t)i * V32_LANES, (long)m - i * V32_LANES);
}

static void kernel_emit(const struct smi_plan *plan, const uint64_t *records, size_t m,
			size_t position)
{
	for (size_t i = 0; i < m; i += V64_LANES)
		put64(plan, v64_load_some(records + i, (long)(m - i)), position + i,
		      (long)(m - i));
}

static void kernel_emit_narrow(const struct smi_plan *plan, const uint32_t *records, size_t m,
			       size_t position)
{
	for (size_t i = 0; i < m; i += V32_LANES)
		put32(plan, v32_load_some(records + i, (long)(m - i)), position + i,
		      (long)(m - i));
}

#define emit64 kernel_emit
#define emit32 kernel_emit_narrow
