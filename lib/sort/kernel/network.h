/* SPDX-License-Identifier: MIT */
/* Sorting networks in registers: 2, 4 or 8 vectors ("rows") sorted as one
 * sequence. Included once for each record width, after its lanes.
 *
 * First every lane sorts its own column. Then neighbours are merged, lanes in
 * pairs, pairs of pairs, ... by Batcher's bitonic merge, with number
 * `lane * rows + row` as the place in the sequence, so that most steps are
 * between registers and need no shuffle. (Batcher: "Sorting networks and their
 * applications", 1968; the columns by his odd-even merge.)
 *
 * Written out without loops, so that every compiler keeps rows in registers. */

#ifndef ORDER
#define ORDER(i, j) V(order)(&r[i], &r[j]);
#define MIRROR(i, j) N(mirror)(&r[i], &r[j], width);
#define HALVE(i) r[i] = V(min_max)(r[i], V(partner)(r[i], distance), distance);
#endif

/* The first step of merging blocks of width / 2 lanes: each number meets the
 * one as far from the end as it is from the beginning. */
INLINE void N(mirror)(VEC *a, VEC *b, const int width)
{
	VEC x = V(partner)(*b, width - 1), y = V(partner)(*a, width - 1);

	*a = V(min_max)(*a, x, width / 2);
	*b = V(min_max)(*b, y, width / 2);
}

INLINE void N(halve8)(VEC r[8], const int distance)
{
	HALVE(0) HALVE(1) HALVE(2) HALVE(3) HALVE(4) HALVE(5) HALVE(6) HALVE(7)
}

INLINE void N(merge8)(VEC r[8], const int width)
{
	MIRROR(0, 7) MIRROR(1, 6) MIRROR(2, 5) MIRROR(3, 4)
	if (width >= 16)
		N(halve8)(r, 4);
	if (width >= 8)
		N(halve8)(r, 2);
	if (width >= 4)
		N(halve8)(r, 1);
	ORDER(0, 4) ORDER(1, 5) ORDER(2, 6) ORDER(3, 7)
	ORDER(0, 2) ORDER(1, 3) ORDER(4, 6) ORDER(5, 7)
	ORDER(0, 1) ORDER(2, 3) ORDER(4, 5) ORDER(6, 7)
}

INLINE void N(sort_eight_)(VEC r[8])
{
	ORDER(0, 1) ORDER(2, 3) ORDER(4, 5) ORDER(6, 7)
	ORDER(0, 2) ORDER(1, 3) ORDER(4, 6) ORDER(5, 7)
	ORDER(1, 2) ORDER(5, 6)
	ORDER(0, 4) ORDER(1, 5) ORDER(2, 6) ORDER(3, 7)
	ORDER(2, 4) ORDER(3, 5)
	ORDER(1, 2) ORDER(3, 4) ORDER(5, 6)
	N(merge8)(r, 2);
	N(merge8)(r, 4);
	if (LANES >= 8)
		N(merge8)(r, LANES >= 8 ? 8 : 4);
	if (LANES >= 16)
		N(merge8)(r, LANES >= 16 ? 16 : 4);
}

INLINE void N(halve4)(VEC r[4], const int distance)
{
	HALVE(0) HALVE(1) HALVE(2) HALVE(3)
}

INLINE void N(merge4)(VEC r[4], const int width)
{
	MIRROR(0, 3) MIRROR(1, 2)
	if (width >= 16)
		N(halve4)(r, 4);
	if (width >= 8)
		N(halve4)(r, 2);
	if (width >= 4)
		N(halve4)(r, 1);
	ORDER(0, 2) ORDER(1, 3)
	ORDER(0, 1) ORDER(2, 3)
}

INLINE void N(sort_four_)(VEC r[4])
{
	ORDER(0, 1) ORDER(2, 3) ORDER(0, 2) ORDER(1, 3) ORDER(1, 2)
	N(merge4)(r, 2);
	N(merge4)(r, 4);
	if (LANES >= 8)
		N(merge4)(r, LANES >= 8 ? 8 : 4);
	if (LANES >= 16)
		N(merge4)(r, LANES >= 16 ? 16 : 4);
}

INLINE void N(halve2)(VEC r[2], const int distance)
{
	HALVE(0) HALVE(1)
}

INLINE void N(merge2)(VEC r[2], const int width)
{
	MIRROR(0, 1)
	if (width >= 16)
		N(halve2)(r, 4);
	if (width >= 8)
		N(halve2)(r, 2);
	if (width >= 4)
		N(halve2)(r, 1);
	ORDER(0, 1)
}

INLINE void N(sort_two_)(VEC r[2])
{
	ORDER(0, 1)
	N(merge2)(r, 2);
	N(merge2)(r, 4);
	if (LANES >= 8)
		N(merge2)(r, LANES >= 8 ? 8 : 4);
	if (LANES >= 16)
		N(merge2)(r, LANES >= 16 ? 16 : 4);
}
