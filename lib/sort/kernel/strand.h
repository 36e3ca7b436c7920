/* SPDX-License-Identifier: MIT */
/* Merging four pieces at a time, of records of one type. Included once for each
 * type, by weave.c, with NAME, RECORD, OUT, IMAGE(record, mask), and RESULT(record, mask)
 * or RAW: written is where the record stands.
 *
 * Each step of a merge waits for the comparison before it, so four merges that
 * have nothing to do with each other take hardly longer than one. */

#define W_(name, x) name##_##x
#define W(name, x) W_(name, x)

#ifdef RAW
/* Places are those in the array that begins with record 0: written is a place. */
struct W(NAME, strand) {
	const RECORD *base;
	ptrdiff_t a;           /* where a goes on */
	ptrdiff_t ahead;       /* how much further b did, less the steps before the last moving on */
	OUT *to;
};

INLINE struct W(NAME, strand) W(NAME, begin)(const struct smi_piece *p)
{
	const RECORD *a = p->a, *b = p->b;

	return (struct W(NAME, strand)){ p->base, a - (const RECORD *)p->base, b - a, p->to };
}

/* Step i after the last moving on. */
INLINE void W(NAME, step)(struct W(NAME, strand) *s, ptrdiff_t i, ptrdiff_t stride, uint64_t mask)
{
	ptrdiff_t b = s->a + s->ahead - i;
	bool second = IMAGE(s->base[b], mask) < IMAGE(s->base[s->a], mask);

	s->to[i * stride] = (OUT)(second ? b : s->a);
	s->a += !second;
}

INLINE void W(NAME, move_on)(struct W(NAME, strand) *s, ptrdiff_t n, ptrdiff_t stride)
{
	s->ahead -= n;
	s->to += n * stride;
}

/* After n steps. */
INLINE void W(NAME, end)(const struct W(NAME, strand) *s, struct smi_piece *p, size_t n)
{
	const RECORD *a = s->base + s->a;
	size_t taken = (size_t)(a - (const RECORD *)p->a);

	p->a = a;
	p->b = a + s->ahead;
	p->a_left -= taken;
	p->b_left -= n - taken;
	p->left -= n;
	p->to = s->to;
}

/* What is written for the i-th record that is left, of the one run that goes on. */
INLINE OUT W(NAME, rest_at)(const struct smi_piece *p, ptrdiff_t i, uint64_t mask)
{
	(void)mask;
	return (OUT)((p->a_left ? (const RECORD *)p->a + i : (const RECORD *)p->b - i) - (const RECORD *)p->base);
}
#else
struct W(NAME, strand) {
	const RECORD *a, *b;   /* b: as many places further down as steps were done */
	size_t at;             /* taken from a */
	OUT *to;
};

INLINE struct W(NAME, strand) W(NAME, begin)(const struct smi_piece *p)
{
	return (struct W(NAME, strand)){ p->a, p->b, 0, p->to };
}

INLINE void W(NAME, step)(struct W(NAME, strand) *s, ptrdiff_t i, ptrdiff_t stride, uint64_t mask)
{
	const RECORD *x = s->a + s->at, *y = s->b + (ptrdiff_t)s->at - i;
	bool second = IMAGE(*y, mask) < IMAGE(*x, mask);

	(void)mask;
	s->to[i * stride] = RESULT(*(second ? y : x), mask);
	s->at += !second;
}

INLINE void W(NAME, move_on)(struct W(NAME, strand) *s, ptrdiff_t n, ptrdiff_t stride)
{
	s->b -= n;
	s->to += n * stride;
}

INLINE void W(NAME, end)(const struct W(NAME, strand) *s, struct smi_piece *p, size_t n)
{
	p->a = s->a + s->at;
	p->b = s->b + s->at;
	p->a_left -= s->at;
	p->b_left -= n - s->at;
	p->left -= n;
	p->to = s->to;
}

INLINE OUT W(NAME, rest_at)(const struct smi_piece *p, ptrdiff_t i, uint64_t mask)
{
	(void)mask;
	return RESULT(*(p->a_left ? (const RECORD *)p->a + i : (const RECORD *)p->b - i), mask);
}
#endif

INLINE void W(NAME, four)(struct smi_piece *p, size_t n, ptrdiff_t stride, uint64_t mask)
{
	struct W(NAME, strand) one = W(NAME, begin)(p), two = W(NAME, begin)(p + 1);
	struct W(NAME, strand) three = W(NAME, begin)(p + 2), four = W(NAME, begin)(p + 3);

	for (size_t i = 0; i < n; i += AT_ONCE) {
		_Pragma("GCC unroll 4")
		for (ptrdiff_t k = 0; k < AT_ONCE; k++) {
			W(NAME, step)(&one, k, stride, mask);
			W(NAME, step)(&two, k, stride, mask);
			W(NAME, step)(&three, k, stride, mask);
			W(NAME, step)(&four, k, stride, mask);
		}
		W(NAME, move_on)(&one, AT_ONCE, stride);
		W(NAME, move_on)(&two, AT_ONCE, stride);
		W(NAME, move_on)(&three, AT_ONCE, stride);
		W(NAME, move_on)(&four, AT_ONCE, stride);
	}
	W(NAME, end)(&one, p, n);
	W(NAME, end)(&two, p + 1, n);
	W(NAME, end)(&three, p + 2, n);
	W(NAME, end)(&four, p + 3, n);
}

/* What is left of one piece. */
INLINE void W(NAME, rest)(struct smi_piece *p, ptrdiff_t stride, uint64_t mask)
{
	struct W(NAME, strand) s;
	size_t n;

	while ((n = steps(p)) != 0) {
		s = W(NAME, begin)(p);
		for (size_t i = 0; i < n; i++) {
			W(NAME, step)(&s, 0, stride, mask);
			W(NAME, move_on)(&s, 1, stride);
		}
		W(NAME, end)(&s, p, n);
	}
	for (ptrdiff_t i = 0; i < (ptrdiff_t)p->left; i++)
		((OUT *)p->to)[i * stride] = W(NAME, rest_at)(p, i, mask);
}

INLINE void W(NAME, all)(struct smi_piece p[4], ptrdiff_t stride, uint64_t mask)
{
	size_t n;

	do {
		n = least(least(steps(p), steps(p + 1)), least(steps(p + 2), steps(p + 3)));
		W(NAME, four)(p, n / AT_ONCE * AT_ONCE, stride, mask);
	} while (n >= AT_ONCE);
	for (int i = 0; i < 4; i++)
		W(NAME, rest)(p + i, stride, mask);
}

static void W(NAME, weave)(struct smi_piece p[4], uint64_t mask)
{
	if (p->down)
		W(NAME, all)(p, -1, mask);
	else
		W(NAME, all)(p, 1, mask);
}

#undef W
#undef W_
#undef NAME
#undef RECORD
#undef OUT
#undef IMAGE
#undef RESULT
#undef RAW
