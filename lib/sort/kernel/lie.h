/* SPDX-License-Identifier: MIT */
/* Up to where keys lie in order, two vectors at a time. Included after look.h, for records
 * of 32 and then of 64 bits. */

/* A key up to which floats, none of which is NaN, lie to the one before as `order` says. */
INLINE size_t N(floats_lie_until)(enum smi_kind kind, unsigned order, const struct smi_keys *keys, size_t lo,
				  size_t hi)
{
	bool up = (order == SMI_RISING) != keys->descending;
	const char *low = smi_key_at(keys->base, kind, up ? 0 : 1), *high = smi_key_at(keys->base, kind, up ? 1 : 0);
	size_t size = smi_kind_size(kind), i = lo;

	for (; i + 2 * LANES < hi; i += 2 * LANES)
		if (!V(floats_below)(low + i * size, high + i * size, order == SMI_STRICTLY_FALLING) ||
		    !V(floats_below)(low + (i + LANES) * size, high + (i + LANES) * size,
				     order == SMI_STRICTLY_FALLING))
			break;
	return i;
}

/* The first key of lo+1 ... hi-1 that does not lie to the one before it as
 * `order` says, or hi. */
INLINE size_t N(lie_until)(enum smi_kind kind, unsigned order, const struct smi_keys *keys, size_t lo,
			   size_t hi)
{
	size_t i = lo;

	if (smi_kind_float(kind))
		i = N(floats_lie_until)(kind, order, keys, lo, hi);
	if (i + 3 * LANES <= hi) {
		VEC x = N(biased_images)(kind, keys, i);

		for (; i + 3 * LANES <= hi; i += 2 * LANES) {
			VEC z = N(biased_images)(kind, keys, i + LANES);
			VEC next = N(biased_images)(kind, keys, i + 2 * LANES);
			VEC y = V(shifted)(x, z), w = V(shifted)(z, next);

			if (order == SMI_RISING ? V(any_less)(y, x) || V(any_less)(w, z)
						: V(any_less)(x, y) || V(any_less)(z, w))
				break;
			if (order == SMI_STRICTLY_FALLING && (V(any_equal)(x, y) || V(any_equal)(z, w)))
				break;
			x = next;
		}
	}
	for (; i + 1 < hi; i++)
		if (!smi_pair_lies(order, smi_key_image(keys, i), smi_key_image(keys, i + 1)))
			return i + 1;
	return hi;
}

#if RECORD_BITS == 64
INLINE size_t lie_until(enum smi_kind kind, unsigned order, const struct smi_keys *keys, size_t lo,
			size_t hi)
{
	return smi_kind_size(kind) == 8 ? lie_until64(kind, order, keys, lo, hi) :
					  lie_until32(kind, order, keys, lo, hi);
}
#endif
