/* SPDX-License-Identifier: MIT */
/* Keys of frequent values are counted, the images of the others written side by
 * side. A block of keys is looked through for the most frequent values first; what is
 * left of it, in the nearest cache, for the next ones: where a few values are those of
 * most keys, most are compared with few; where they seem to be those of all keys, these
 * are only counted, as long as that holds. They are compared by their bits, and only
 * what is left in the end becomes images: -0 is among that. Where NaN is one of the
 * values all become images at once. Included once for each record width. */

#ifndef CULLED
#define CULLED 4        /* values that are looked for at once, */
#define TALLIED 8       /* where no key has another one */
#define CULL_BLOCK 1024 /* keys */
#endif

/* The values, bits or images, in the order of their frequency; those beyond the last are
 * copies of the first, of which nothing is left to count. */
struct N(culling) {
	RECORD value[SMI_FREQUENT];
	VEC other[SMI_FREQUENT];     /* keys that have neither this value nor one before it */
	size_t looked[SMI_FREQUENT / CULLED]; /* keys that were looked through for so many */
	size_t padded[SMI_FREQUENT]; /* copies of a value that were added, and counted */
	VEC has[SMI_FREQUENT];       /* keys of blocks in which there were no others */
	bool minus_zero;             /* a float -0 is left in the end */
	RECORD left[2][CULL_BLOCK + LANES];
};

/* What keys are looked through by, and what is left of them: bits or images. */
enum N(culled_by) { N(BITS_TO_BITS), N(BITS_TO_IMAGES), N(IMAGES_TO_IMAGES) };

#if RECORD_BITS == 32
/* cull_four in plain C: a loop that compilers make vectors of, and one that they cannot. Longer
 * keys, of which a vector has two, it makes slower. */
INLINE size_t N(cull_plainly)(struct N(culling) *c, size_t j0, enum smi_kind kind, uint64_t flip,
			      const void *from, size_t n, enum N(culled_by) by, RECORD *rest)
{
	const RECORD minus_zero = (RECORD)(smi_kind_mask(kind) ^ smi_kind_mask(kind) >> 1);
	RECORD record[CULL_BLOCK], other[CULL_BLOCK], others[CULLED] = { 0 }, zero = 0;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		RECORD bits = (RECORD)smi_key_load(smi_key_at(from, kind, i), kind), is, none = 1;

		V(store)(record + i, by == N(BITS_TO_BITS) ? V(set)(bits) : V(image)(kind, flip, smi_key_at(from, kind, i)));
		is = by == N(IMAGES_TO_IMAGES) ? record[i] : bits;
		UNROLL
		for (size_t j = 0; j < CULLED; j++) {
			none &= is != c->value[j0 + j];
			others[j] += none;
		}
		other[i] = none;
		zero |= bits == minus_zero;
	}
	for (size_t i = 0; i < n; i++) {
		rest[kept] = record[i];
		kept += other[i];
	}
	for (size_t j = 0; j < CULLED; j++)
		c->other[j0 + j] = V(add)(c->other[j0 + j], V(set)(others[j]));
	c->looked[j0 / CULLED] += n;
	c->minus_zero |= by != N(BITS_TO_BITS) && smi_kind_float(kind) && zero;
	return kept;
}
#endif

/* Looks for the values j ... j+3 in n keys, a multiple of LANES. How many are left, in
 * `rest`, which has room for one vector more. */
INLINE size_t N(cull_four)(struct N(culling) *c, size_t j0, enum smi_kind kind, uint64_t flip,
			   const void *from, size_t n, enum N(culled_by) by, RECORD *rest)
{
	const RECORD minus_zero = (RECORD)(smi_kind_mask(kind) ^ smi_kind_mask(kind) >> 1);
	VEC common[CULLED], other[CULLED];
	bool zero = false;
	size_t kept = 0;

#if RECORD_BITS == 32
	if (LANES == 1)
		return N(cull_plainly)(c, j0, kind, flip, from, n, by, rest);
#endif
	UNROLL
	for (size_t j = 0; j < CULLED; j++) {
		common[j] = V(set)(c->value[j0 + j]);
		other[j] = c->other[j0 + j];
	}
	for (size_t i = 0; i < n; i += LANES) {
		const void *p = smi_key_at(from, kind, i);
		VEC bits = V(bits)(kind, p);
		VEC image = by == N(BITS_TO_BITS) ? bits : V(image)(kind, flip, p);
		VEC seen = by == N(IMAGES_TO_IMAGES) ? image : bits;
		V(mask) others = V(all)();

		UNROLL
		for (size_t j = 0; j < CULLED; j++) {
			others = V(unlike)(others, seen, common[j]);
			other[j] = V(tally)(other[j], others);
		}
		V(store)(rest + kept, V(gather_lanes)(image, others));
		kept += (unsigned)__builtin_popcount(V(lanes)(others));
		if (by != N(BITS_TO_BITS) && smi_kind_float(kind))
			zero |= V(any_equal)(bits, V(set)(minus_zero));
	}
	UNROLL
	for (size_t j = 0; j < CULLED; j++)
		c->other[j0 + j] = other[j];
	c->looked[j0 / CULLED] += n;
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

/* How many of n keys, a multiple of LANES, have the bits j ... j+7. */
INLINE void N(tally_eight)(const RECORD *value, enum smi_kind kind, const void *from, size_t n, VEC *has)
{
	VEC common[TALLIED], count[TALLIED];

	UNROLL
	for (size_t j = 0; j < TALLIED; j++) {
		common[j] = V(set)(value[j]);
		count[j] = V(set)(0);
	}
	for (size_t i = 0; i < n; i += LANES) {
		VEC bits = V(bits)(kind, smi_key_at(from, kind, i));

		UNROLL
		for (size_t j = 0; j < TALLIED; j++)
			count[j] = V(tally)(count[j], V(equal)(bits, common[j]));
	}
	UNROLL
	for (size_t j = 0; j < TALLIED; j++)
		has[j] = count[j];
}

/* Counts the keys of a block if all of them have one of the values. */
INLINE bool N(tally_block)(struct N(culling) *c, size_t values, enum smi_kind kind, const void *from, size_t n)
{
	VEC has[SMI_FREQUENT], all = V(set)(0);

	for (size_t j = 0; j < values; j += TALLIED)
		N(tally_eight)(c->value + j, kind, from, n, has + j);
	for (size_t j = 0; j < values; j++)
		all = V(add)(all, has[j]);
	if (N(tally_sum)(all) != n)
		return false;
	for (size_t j = 0; j < values; j++)
		c->has[j] = V(add)(c->has[j], has[j]);
	return true;
}

/* Makes n a multiple of LANES by copies of value j. */
INLINE size_t N(pad)(struct N(culling) *c, RECORD *records, size_t n, size_t j)
{
	size_t whole = (n + LANES - 1) / LANES * LANES;

	V(store)(records + n, V(set)(c->value[j]));
	c->padded[j] += whole - n;
	return whole;
}

/* The first look at a block. */
INLINE size_t N(cull_first)(struct N(culling) *c, enum smi_kind kind, uint64_t flip, const void *p,
			    size_t n, bool by_images, bool once, RECORD *first)
{
	if (by_images)
		return N(cull_four)(c, 0, kind, flip, p, n, N(IMAGES_TO_IMAGES), first);
	if (once)
		return N(cull_four)(c, 0, kind, flip, p, n, N(BITS_TO_IMAGES), first);
	return N(cull_four)(c, 0, kind, flip, p, n, N(BITS_TO_BITS), first);
}

/* One block, whose first look is taken. m are left, at `from`; in the end, at `rest`. */
INLINE size_t N(cull_on)(struct N(culling) *c, size_t values, enum smi_kind kind, uint64_t flip,
			 RECORD *from, size_t m, RECORD *rest)
{
	size_t j = CULLED;
	RECORD *to;

	for (; j + CULLED < values; j += CULLED, from = to) {
		to = from == c->left[0] ? c->left[1] : c->left[0];
		m = N(cull_four)(c, j, kind, flip, from, N(pad)(c, from, m, j), N(BITS_TO_BITS), to);
	}
	return j < values ? N(cull_four)(c, j, kind, flip, from, N(pad)(c, from, m, j),
					 N(BITS_TO_IMAGES), rest) : m;
}

/* The last keys may be fewer than a vector: copies of the first value make it whole. */
INLINE size_t N(take_last)(struct N(culling) *c, const struct smi_keys *keys, size_t lo, size_t n,
			   uint64_t first)
{
	for (size_t i = 0; i < LANES; i++)
		c->left[1][i] = (RECORD)(i < n ? smi_key_load(smi_key_at(keys->base, keys->kind, lo + i),
							      keys->kind) :
						 first);
	c->padded[0] += LANES - n;
	return LANES;
}

/* `by_images`: the values are images. */
INLINE void N(cull_kind)(enum smi_kind kind, bool by_images, const struct smi_keys *keys, size_t lo,
			 size_t hi, const struct smi_frequent *frequent, struct smi_peeled *peeled,
			 RECORD *rest)
{
	/* What the keys are where each fills a record; what those are that are left. */
	const enum smi_kind wide = kind == SMI_INT16 ? SMI_INT32 : kind;
	const enum smi_kind left = by_images ? (RECORD_BITS == 64 ? SMI_INT64 : SMI_INT32) : wide;
	const uint64_t flip = by_images ? 0 : keys->flip;
	const size_t values = frequent->n;
	const bool once = values <= CULLED;
	bool no_other = frequent->all && !once && !by_images; /* so far; by images no -0 is seen */
	struct N(culling) c;
	size_t kept = 0, before = 0, after, n, m;

	c.minus_zero = false;
	memset(c.looked, 0, sizeof c.looked);
	for (size_t j = 0; j < SMI_FREQUENT; j++) {
		uint64_t image = frequent->image[frequent->order[j < values ? j : 0]];

		c.value[j] = (RECORD)(by_images ? image : smi_image_bits(kind, flip, image));
		c.other[j] = c.has[j] = V(set)(0);
		c.padded[j] = 0;
	}
	for (size_t i = lo; i < hi; i += n) {
		RECORD *first = once ? rest + kept : c.left[0];
		const void *p = smi_key_at(keys->base, kind, i);

		n = hi - i < CULL_BLOCK ? hi - i : CULL_BLOCK;
		if (n >= LANES) {
			n = n / LANES * LANES;
			no_other = no_other && N(tally_block)(&c, values, kind, p, n);
			if (no_other)
				continue;
			m = N(cull_first)(&c, kind, keys->flip, p, n, by_images, once, first);
		} else {
			m = N(take_last)(&c, keys, i, n,
					 smi_image_bits(kind, keys->flip, frequent->image[frequent->order[0]]));
			m = N(cull_first)(&c, wide, keys->flip, c.left[1], m, by_images, once, first);
		}
		kept += N(cull_on)(&c, values, left, flip, first, m, rest + kept);
	}
	*peeled = (struct smi_peeled){ .rest = kept, .minus_zero = c.minus_zero };
	for (size_t j = 0; j < values; j++, before = after) {
		if (j % CULLED == 0)
			before = c.looked[j / CULLED];
		after = N(tally_sum)(c.other[j]);
		peeled->count[frequent->order[j]] = before - after - c.padded[j] + N(tally_sum)(c.has[j]);
	}
}

/* NaNs are told by their image only. */
INLINE void N(cull_floats)(enum smi_kind kind, const struct smi_keys *keys, size_t lo, size_t hi,
			   const struct smi_frequent *frequent, struct smi_peeled *peeled, RECORD *rest)
{
	if (frequent->image[frequent->n - 1] == smi_kind_mask(kind))
		N(cull_kind)(kind, true, keys, lo, hi, frequent, peeled, rest);
	else
		N(cull_kind)(kind, false, keys, lo, hi, frequent, peeled, rest);
}

static void N(kernel_cull)(const struct smi_keys *keys, size_t lo, size_t hi,
			   const struct smi_frequent *frequent, struct smi_peeled *peeled, RECORD *rest)
{
	switch (keys->kind) {
#if RECORD_BITS == 64
	case SMI_INT64:
		N(cull_kind)(SMI_INT64, false, keys, lo, hi, frequent, peeled, rest);
		break;
	default:
		N(cull_floats)(SMI_FLOAT64, keys, lo, hi, frequent, peeled, rest);
#else
	case SMI_INT16:
		N(cull_kind)(SMI_INT16, false, keys, lo, hi, frequent, peeled, rest);
		break;
	case SMI_INT32:
		N(cull_kind)(SMI_INT32, false, keys, lo, hi, frequent, peeled, rest);
		break;
	default:
		N(cull_floats)(SMI_FLOAT32, keys, lo, hi, frequent, peeled, rest);
#endif
	}
}
