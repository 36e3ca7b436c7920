/* SPDX-License-Identifier: MIT */
/* Digits of floats' records by their numbers. Where these lie on both sides of zero, or some near
 * it, most images are those of tiny numbers, of which there are hardly any, and leading bits tell
 * keys of equal sign apart only by their exponents. Included by bucket.h, for each width. */

struct N(scale) {
	const struct smi_plan *plan;
	REAL low, scale;  /* (number - low) * scale, cut off to 0 ... top */
	uint32_t top;
};

/* The bits of the numbers that images are those of; downwards, those with the other sign. */
INLINE VEC N(number_bits)(const struct smi_plan *plan, VEC record)
{
#if RECORD_BITS == 64
	const struct smi_pack *pack = &plan->pack;
	v64 image = v64_add(v64_left(v64_right(record, pack->index_bits), pack->drop), v64_set(pack->base));
	v64 sign = v64_set(1ull << 63), ones = v64_set(UINT64_MAX), below, size;

	if (plan->keys.kind == SMI_FLOAT64)
		return v64_xor(image, v64_or(sign, v64_xor(v64_negative(image), ones)));
	/* Of 4 bytes: as a double's, which a subnormal one's bits only resemble, in order all the same. */
	below = v64_xor(v64_negative(v64_left(image, 32)), ones);
	size = v64_and(v64_xor(image, below), v64_set(0x7fffffff));
	return v64_or(v64_add(v64_left(size, 29), v64_set(896ull << 52)), v64_and(below, sign));
#else
	v32 image = v32_add(record, v32_set((uint32_t)plan->pack.base));

	return v32_xor(image, v32_or(v32_set(1u << 31), v32_xor(v32_negative(image), v32_set(UINT32_MAX))));
#endif
}

INLINE REAL N(number)(const struct smi_plan *plan, RECORD record)
{
	RECORD bits[LANES];
	REAL x;

	V(store)(bits, N(number_bits)(plan, V(set)(record)));
	return memcpy(&x, bits, sizeof x), x;
}

static __attribute__((noinline)) RECORD N(value_digit)(const struct N(scale) *s, RECORD record)
{
	REAL x = (N(number)(s->plan, record) - s->low) * s->scale;

	x = x > 0 ? x : 0;
	return x < (REAL)s->top ? (RECORD)x : s->top;
}

INLINE VEC N(value_digits)(const struct N(scale) *s, VEC record)
{
	return V(linear)(N(number_bits)(s->plan, record), s->low, s->scale, s->top);
}

/* Is that the way for m records from low to high, none of them a NaN? A few of them tell whether
 * most lie together. */
static __attribute__((noinline)) bool N(scale_choose)(struct N(scale) *s, const struct smi_plan *plan,
						      const RECORD *a, size_t m, RECORD low, RECORD high,
						      unsigned width)
{
	enum { LOOKS = 32, CELLS_LOG = 4, MOST = 230 };
	unsigned in_cell[1 << CELLS_LOG] = { 0 }, crowded = 0;
	uint32_t cell[LOOKS];
	RECORD look[LOOKS];
	REAL first, last, tiny;

	/* By AVX2 doubles of floats take as long as they gain. */
	if (!smi_kind_float(plan->keys.kind) || plan->pack.mapped ||
	    (LANES == 4 && plan->keys.kind == SMI_FLOAT32))
		return false;
	first = N(number)(plan, low);
	last = N(number)(plan, high);
	s->plan = plan;
	s->low = first;
	s->scale = (REAL)(1 << CELLS_LOG) / (last - first);
	s->top = (1 << CELLS_LOG) - 1;
	tiny = (last - first) * (REAL)0x1p-60;
	if (!(first <= tiny && last >= -tiny && __builtin_isfinite(tiny) && __builtin_isfinite(s->scale * (1 << 16))))
		return false;
	for (size_t i = 0; i < LOOKS; i++)
		look[i] = a[i * m / LOOKS];
	for (size_t i = 0; i < LOOKS; i += LANES)
		STORE_DIGITS(cell + i, N(value_digits)(s, V(load)(look + i)));
	for (size_t i = 0; i < LOOKS; i++)
		crowded += 2 * in_cell[cell[i]]++ + 1;
	s->scale *= (REAL)((uint32_t)1 << width >> CELLS_LOG);
	s->top = ((uint32_t)1 << width) - 1;
	return crowded <= MOST;
}
