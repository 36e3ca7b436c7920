/* SPDX-License-Identifier: MIT */
/* Sorting networks in registers: `rows` vectors, at most 8, sorted as one
 * sequence. Included once for each record width, after its lanes.
 *
 * First every lane sorts its own column of `rows` numbers. Then neighbours are
 * merged, lanes in pairs, pairs of pairs, ... by Batcher's bitonic merge, with
 * number `lane * rows + row` as the place in the sequence, so that most steps
 * are between registers and need no shuffle. (Batcher: "Sorting networks and
 * their applications", 1968; the columns by his odd-even merge.) */

#define UNROLL _Pragma("GCC unroll 8")

INLINE void N(sort_columns)(VEC *r, int rows)
{
	static const uint8_t pairs[19][2] = {
		{ 0, 1 },                                         /* two rows */
		{ 2, 3 }, { 0, 2 }, { 1, 3 }, { 1, 2 },           /* four */
		{ 4, 5 }, { 6, 7 }, { 4, 6 }, { 5, 7 }, { 5, 6 }, /* eight */
		{ 0, 4 }, { 1, 5 }, { 2, 6 }, { 3, 7 }, { 2, 4 }, { 3, 5 },
		{ 1, 2 }, { 3, 4 }, { 5, 6 },
	};
	const int steps = rows == 2 ? 1 : rows == 4 ? 5 : 19;

	_Pragma("GCC unroll 19")
	for (int i = 0; i < steps; i++)
		V(order)(&r[pairs[i][0]], &r[pairs[i][1]]);
}

/* Merges neighbouring sorted blocks of width / 2 lanes. */
INLINE void N(merge_lanes)(VEC *r, const int rows, const int width)
{
	UNROLL
	for (int i = 0; i < rows / 2; i++) {
		VEC a = r[i], b = r[rows - 1 - i];

		r[i] = V(min_max)(a, V(partner)(b, width - 1), width / 2);
		r[rows - 1 - i] = V(min_max)(b, V(partner)(a, width - 1), width / 2);
	}
	UNROLL
	for (int d = width / 4; d >= 1; d /= 2) {
		UNROLL
		for (int i = 0; i < rows; i++)
			r[i] = V(min_max)(r[i], V(partner)(r[i], d), d);
	}
	UNROLL
	for (int d = rows / 2; d >= 1; d /= 2) {
		UNROLL
		for (int i = 0; i < rows; i++)
			if ((i & d) == 0)
				V(order)(&r[i], &r[i + d]);
	}
}

INLINE void N(sort_vectors)(VEC *r, const int rows)
{
	N(sort_columns)(r, rows);
	N(merge_lanes)(r, rows, 2);
	N(merge_lanes)(r, rows, 4);
	if (LANES >= 8)
		N(merge_lanes)(r, rows, LANES < 8 ? 4 : 8);
	if (LANES >= 16)
		N(merge_lanes)(r, rows, LANES < 16 ? 4 : 16);
}
