/* SPDX-License-Identifier: MIT */
/* Which of a few frequent values each key has, as a byte. Included once for each record
 * width: keys of up to 4 bytes are compared in lanes of 32 bits. */

#ifndef MARK_SOME
#define MARK_SOME 8 /* values: so many are looked for faster than SMI_PLACED */
#define UNROLL_ALL _Pragma("GCC unroll 16")

/* Which of the frequent images this is, or their number. */
INLINE size_t frequent_at(const struct smi_frequent *frequent, uint64_t image)
{
	size_t j = 0;

	while (j < frequent->n && frequent->image[j] != image)
		j++;
	return j;
}
#endif

/* Those beyond the last value are copies of the first, which is looked for last. */
INLINE void N(mark_keys)(enum smi_kind kind, const size_t values, const struct smi_keys *shared, size_t lo,
			 size_t hi, const struct smi_frequent *frequent, uint8_t *restrict mark)
{
	const struct smi_keys own = *shared, *keys = &own; /* no store can change it */
	const VEC none = V(set)((RECORD)frequent->n);
	VEC common[SMI_PLACED];
	size_t i = lo;

	UNROLL_ALL
	for (size_t j = 0; j < values; j++)
		common[j] = V(set)((RECORD)frequent->image[j < frequent->n ? j : 0]);
	for (; i + LANES <= hi; i += LANES) {
		VEC image = V(image)(kind, keys->flip, smi_key_at(keys->base, kind, i)), which = none;

		UNROLL_ALL
		for (size_t j = values; j-- > 0;)
			which = V(choose)(which, V(equal)(image, common[j]), V(set)((RECORD)j));
		V(store_bytes)(mark + i, which);
	}
	for (; i < hi; i++)
		mark[i] = (uint8_t)frequent_at(frequent, smi_key_image(keys, i));
}

INLINE void N(mark_kind)(enum smi_kind kind, const struct smi_keys *keys, size_t lo, size_t hi,
			 const struct smi_frequent *frequent, uint8_t *mark)
{
	if (frequent->n <= SMI_PLACED_ANYWHERE)
		N(mark_keys)(kind, SMI_PLACED_ANYWHERE, keys, lo, hi, frequent, mark);
	else if (frequent->n <= MARK_SOME)
		N(mark_keys)(kind, MARK_SOME, keys, lo, hi, frequent, mark);
	else
		N(mark_keys)(kind, SMI_PLACED, keys, lo, hi, frequent, mark);
}
