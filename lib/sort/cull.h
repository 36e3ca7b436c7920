/* SPDX-License-Identifier: MIT */
/* Keys of frequent values are counted, the images of the others written side by
 * side. A block of keys is looked through for the most frequent values first; what is
 * left of it, in the nearest cache, for the next ones: where a few values are those of
 * most keys, most are compared with few. Included once for each record width. */

#ifndef CULLED
#define CULLED 4        /* values that are looked for at once */
#define CULL_BLOCK 1024 /* keys */
#endif

/* The values in the order of their frequency; those beyond the last are copies of the
 * first, of which nothing is left to count. */
struct N(culling) {
	RECORD value[SMI_FREQUENT];
	VEC count[SMI_FREQUENT];
	size_t padded[SMI_FREQUENT]; /* copies of a value that were added, and counted */
	bool minus_zero;             /* a float -0 was there */
	RECORD left[2][CULL_BLOCK + LANES];
};

/* Looks for the values j ... j+3 in n keys, a multiple of LANES. How many are left, in
 * `rest`, which has room for one vector more. */
INLINE size_t N(cull_four)(struct N(culling) *c, size_t j0, enum smi_kind kind, uint64_t flip,
			   const void *from, size_t n, RECORD *rest)
{
	const RECORD minus_zero = (RECORD)(smi_kind_mask(kind) ^ smi_kind_mask(kind) >> 1);
	VEC common[CULLED], sum[CULLED];
	bool zero = false;
	size_t kept = 0;

	UNROLL
	for (size_t j = 0; j < CULLED; j++) {
		common[j] = V(set)(c->value[j0 + j]);
		sum[j] = c->count[j0 + j];
	}
	for (size_t i = 0; i < n; i += LANES) {
		const void *p = smi_key_at(from, kind, i);
		VEC image = V(image)(kind, flip, p);
		V(mask) frequent_ones = V(none)();
		unsigned others;

		UNROLL
		for (size_t j = 0; j < CULLED; j++) {
			V(mask) here = V(equal)(image, common[j]);

			sum[j] = V(tally)(sum[j], here);
			frequent_ones = V(either)(frequent_ones, here);
		}
		others = V(lanes)(frequent_ones) ^ (unsigned)((1ull << LANES) - 1);
		V(store)(rest + kept, V(gather_lanes)(image, others));
		kept += (unsigned)__builtin_popcount(others);
		if (smi_kind_float(kind))
			zero |= V(any_equal)(V(bits)(kind, p), V(set)(minus_zero));
	}
	UNROLL
	for (size_t j = 0; j < CULLED; j++)
		c->count[j0 + j] = sum[j];
	c->minus_zero |= zero;
	return kept;
}

INLINE size_t N(tally_sum)(VEC count)
{
	RECORD one[LANES];
	size_t sum = 0;

	V(store)(one, count);
	for (size_t i = 0; i < LANES; i++)
		sum += one[i];
	return sum;
}

/* Makes n a multiple of LANES by copies of value j. */
INLINE size_t N(pad)(struct N(culling) *c, RECORD *records, size_t n, size_t j)
{
	size_t whole = (n + LANES - 1) / LANES * LANES;

	V(store)(records + n, V(set)(c->value[j]));
	c->padded[j] += whole - n;
	return whole;
}

/* One block, whose first look is taken. m are left, at `from`; in the end, at `rest`. */
INLINE size_t N(cull_on)(struct N(culling) *c, size_t values, RECORD *from, size_t m, RECORD *rest)
{
	const enum smi_kind kind = RECORD_BITS == 64 ? SMI_INT64 : SMI_INT32;

	for (size_t j = CULLED; j < values; j += CULLED) {
		RECORD *to = j + CULLED >= values ? rest : from == c->left[0] ? c->left[1] : c->left[0];

		m = N(cull_four)(c, j, kind, 0, from, N(pad)(c, from, m, j), to);
		from = to;
	}
	return m;
}

/* The last keys may be fewer than a vector. */
INLINE void N(take_images)(struct N(culling) *c, const struct smi_keys *keys, size_t lo, size_t n)
{
	uint64_t mask = smi_kind_mask(keys->kind);

	for (size_t i = 0; i < n; i++) {
		uint64_t bits = smi_key_load(smi_key_at(keys->base, keys->kind, lo + i), keys->kind);

		c->left[1][i] = (RECORD)smi_image(keys->kind, keys->flip, bits);
		c->minus_zero |= bits == (mask ^ mask >> 1);
	}
}

INLINE void N(cull_kind)(enum smi_kind kind, const struct smi_keys *keys, size_t lo, size_t hi,
			 const struct smi_frequent *frequent, struct smi_peeled *peeled, RECORD *rest)
{
	const enum smi_kind same = RECORD_BITS == 64 ? SMI_INT64 : SMI_INT32;
	const size_t values = frequent->n;
	struct N(culling) c;
	size_t kept = 0, n, m;

	c.minus_zero = false;
	for (size_t j = 0; j < SMI_FREQUENT; j++) {
		c.value[j] = (RECORD)frequent->image[frequent->order[j < values ? j : 0]];
		c.count[j] = V(set)(0);
		c.padded[j] = 0;
	}
	for (size_t i = lo; i < hi; i += n) {
		RECORD *first = values > CULLED ? c.left[0] : rest + kept;

		n = hi - i < CULL_BLOCK ? hi - i : CULL_BLOCK;
		if (n >= LANES) {
			n = n / LANES * LANES;
			m = N(cull_four)(&c, 0, kind, keys->flip, smi_key_at(keys->base, kind, i), n, first);
		} else {
			N(take_images)(&c, keys, i, n);
			m = N(cull_four)(&c, 0, same, 0, c.left[1], N(pad)(&c, c.left[1], n, 0), first);
		}
		kept += N(cull_on)(&c, values, first, m, rest + kept);
	}
	*peeled = (struct smi_peeled){ .rest = kept, .minus_zero = c.minus_zero && smi_kind_float(kind) };
	for (size_t j = 0; j < values; j++)
		peeled->count[frequent->order[j]] = N(tally_sum)(c.count[j]) - c.padded[j];
}

static void N(kernel_cull)(const struct smi_keys *keys, size_t lo, size_t hi,
			   const struct smi_frequent *frequent, struct smi_peeled *peeled, RECORD *rest)
{
	switch (keys->kind) {
#if RECORD_BITS == 64
	case SMI_INT64:
		N(cull_kind)(SMI_INT64, keys, lo, hi, frequent, peeled, rest);
		break;
	default:
		N(cull_kind)(SMI_FLOAT64, keys, lo, hi, frequent, peeled, rest);
#else
	case SMI_INT16:
		N(cull_kind)(SMI_INT16, keys, lo, hi, frequent, peeled, rest);
		break;
	case SMI_INT32:
		N(cull_kind)(SMI_INT32, keys, lo, hi, frequent, peeled, rest);
		break;
	default:
		N(cull_kind)(SMI_FLOAT32, keys, lo, hi, frequent, peeled, rest);
#endif
	}
}
