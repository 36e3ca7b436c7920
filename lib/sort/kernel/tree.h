/* SPDX-License-Identifier: MIT */
/* Sorting few records by vectors alone: blocks that fit the registers are sorted there and
 * then merged two by two, as braid.h does it, but from both ends at once: two chains of
 * steps that do not wait for each other. Of two neighbours the first one rises, the second
 * falls. Equal records are not told apart. Included after group.h for records of 32 bits;
 * wider ones are merged too slowly by AVX2. */
#define TREE32

enum { N(TREE_BLOCK) = 8 * LANES, N(TREE_MOST) = 4 * N(TREE_BLOCK) };

#define LEAF_LOAD(i) r[i] = V(bias)(V(load_some)(from + (i) * LANES, (long)m - (i) * LANES, (RECORD)-1));
#define LEAF_RISES(i) V(store)(to + (i) * LANES, V(bias)(r[i]));
#define LEAF_FALLS(i) V(store)(to + (7 - (i)) * LANES, V(turned)(V(bias)(r[i]), true));

/* The first m of a block's records, behind which the largest ones are put. */
INLINE void N(tree_leaf)(const RECORD *from, size_t m, RECORD *to, bool falling)
{
	VEC r[8];

	ROWS8(LEAF_LOAD)
	N(sort_eight_)(r);
	V(transpose8)(r);
	if (falling) {
		ROWS8(LEAF_FALLS)
	} else {
		ROWS8(LEAF_RISES)
	}
}

struct N(tree_merge) {
	const RECORD *a, *end;         /* where the run that rises begins, where the other one ends */
	const RECORD *low_a, *low_b; /* the next vectors with the least records, */
	const RECORD *high_a, *high_b; /* with the greatest */
	VEC low, high;               /* taken, not written; both rise */
};

/* One of both, without a branch, which no CPU would foresee. */
INLINE const RECORD *N(tree_either)(const RECORD *a, const RECORD *b, bool second)
{
	uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;

	return (const RECORD *)(x ^ ((x ^ y) & (0 - (uintptr_t)second)));
}

INLINE VEC N(tree_take_low)(struct N(tree_merge) *t, bool falling)
{
	/* Where one run ends the other one's greatest records begin. */
	bool second = t->low_b[LANES - 1] < t->low_a[0];
	const RECORD *p = N(tree_either)(t->low_a, t->low_b, second);

	t->low_a += LANES & ((size_t)second - 1);
	t->low_b -= LANES & (0 - (size_t)second);
	return V(bias)(V(turned)(V(load)(p), second != falling));
}

INLINE VEC N(tree_take_high)(struct N(tree_merge) *t, bool falling)
{
	bool greater = t->high_b[0] > t->high_a[LANES - 1];
	bool second = (t->high_a < t->a) | ((t->high_b < t->end) & greater);
	const RECORD *p = N(tree_either)(t->high_a, t->high_b, second);

	t->high_a -= LANES & ((size_t)second - 1);
	t->high_b += LANES & (0 - (size_t)second);
	return V(bias)(V(turned)(V(load)(p), second != falling));
}

/* The next vector from below, and from above. */
INLINE VEC N(tree_low)(struct N(tree_merge) *t)
{
	VEC next = N(tree_take_low)(t, true), low = t->low;

	V(bitonic)(&low, &next);
	t->low = next;
	return V(bias)(low);
}

INLINE VEC N(tree_high)(struct N(tree_merge) *t)
{
	VEC next = N(tree_take_high)(t, false), high = t->high;

	/* What rises comes first. */
	high = V(turned)(high, true);
	V(bitonic)(&next, &high);
	t->high = next;
	return V(bias)(high);
}

/* Merges a_n records that rise with b_n behind them that fall. */
INLINE void N(tree_join)(const RECORD *a, size_t a_n, size_t b_n, RECORD *to, bool falling)
{
	struct N(tree_merge) t = { .a = a, .end = a + a_n + b_n, .low_a = a,
				   .low_b = a + a_n + b_n - LANES, .high_a = a + a_n - LANES, .high_b = a + a_n };
	size_t vectors = (a_n + b_n) / LANES;
	RECORD *low = falling ? to + (a_n + b_n - LANES) : to, *high = falling ? to : to + (a_n + b_n - LANES);
	ptrdiff_t up = falling ? -(ptrdiff_t)LANES : (ptrdiff_t)LANES;

	t.low = N(tree_take_low)(&t, false);
	t.high = N(tree_take_high)(&t, false);
	for (size_t i = 0; i < vectors / 2; i++, low += up, high -= up) {
		V(store)(low, V(turned)(N(tree_low)(&t), falling));
		V(store)(high, V(turned)(N(tree_high)(&t), falling));
	}
	if (vectors % 2)
		V(store)(low, V(turned)(N(tree_low)(&t), falling));
}

/* Sorts so many blocks, of which there are m records, to `to`. */
static void N(tree_blocks)(const RECORD *from, size_t m, size_t blocks, RECORD *to, RECORD *other, bool falling)
{
	size_t first = blocks / 2, a_n = first * N(TREE_BLOCK);

	if (blocks == 1) {
		if (falling)
			N(tree_leaf)(from, m, to, true);
		else
			N(tree_leaf)(from, m, to, false);
		return;
	}
	N(tree_blocks)(from, a_n, first, other, to, false);
	N(tree_blocks)(from + a_n, m - a_n, blocks - first, other + a_n, to + a_n, true);
	if (falling)
		N(tree_join)(other, a_n, (blocks - first) * N(TREE_BLOCK), to, true);
	else
		N(tree_join)(other, a_n, (blocks - first) * N(TREE_BLOCK), to, false);
}

INLINE void N(tree_sort)(const struct smi_plan *plan, const RECORD *records, size_t m, size_t position)
{
	RECORD one[N(TREE_MOST) + 2 * LANES] __attribute__((aligned(64)));
	RECORD two[N(TREE_MOST) + 2 * LANES] __attribute__((aligned(64)));
	size_t blocks = (m + N(TREE_BLOCK) - 1) / N(TREE_BLOCK), end = LANES + blocks * N(TREE_BLOCK);

	/* What lies around is looked at, but not taken. */
	V(store)(one, V(set)(0));
	V(store)(two, V(set)(0));
	V(store)(one + end, V(set)(0));
	V(store)(two + end, V(set)(0));
	N(tree_blocks)(records, m, blocks, one + LANES, two + LANES, false);
	N(emit)(plan, one + LANES, m, position);
}
