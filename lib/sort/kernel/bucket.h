/* SPDX-License-Identifier: MIT */
/* Sorting one bucket: a radix pass from `a` to `b` by the leading bits in which
 * its records differ, then groups of whole sub-buckets go through the network
 * of the leaves, which writes the sink. Sub-buckets too large for a group are
 * buckets themselves. Included once for each record width. */

#include "sort/kernel/digit.h"

/* Records that are moved together: first their places are taken, then they are stored. A
 * store waits for the count that says where to, and until then for it all reads that follow.
 * All but the last few are whole vectors, too. */
enum { N(MOVED) = 8, N(WHOLE) = LANES > 8 ? LANES : 8 };

/* Counts, then turns counts into the places where sub-buckets begin. Neighbours are counted
 * apart: they may be of one digit, and a count that was just written must be waited for. */
INLINE void N(count_records)(bool by_value, const struct N(digits) *digits, const RECORD *a, size_t m,
			     uint32_t *count)
{
	uint32_t digit[AHEAD] __attribute__((aligned(64))), sum = 0, *odd = count + digits->n;
	size_t whole = m / N(WHOLE) * N(WHOLE), i = 0, n;

	memset(count, 0, 2 * digits->n * sizeof *count);
	for (; i < whole; i += n) {
		n = whole - i < AHEAD ? whole - i : AHEAD;
		for (size_t j = 0; j < n; j += LANES)
			N(digits_compute)(by_value, digits, a + i + j, digit + j);
		UNROLL
		for (size_t j = 0; j < n; j += 2) {
			count[digit[j]]++;
			odd[digit[j + 1]]++;
		}
	}
	for (; i < m; i++)
		count[N(digit_of)(digits, a[i])]++;
	for (uint32_t d = 0; d < digits->n; d++) {
		uint32_t here = count[d] + odd[d];

		count[d] = sum;
		sum += here;
	}
}

/* Moves records from a to b; count[d] becomes where sub-bucket d ends. */
INLINE void N(move_records)(bool by_value, const struct N(digits) *digits, const RECORD *restrict a,
			    RECORD *restrict b, size_t m, uint32_t *restrict count)
{
	uint32_t digit[AHEAD] __attribute__((aligned(64))), place[N(MOVED)];
	size_t whole = m / N(WHOLE) * N(WHOLE), i = 0, n;

	for (; i < whole; i += n) {
		n = whole - i < AHEAD ? whole - i : AHEAD;
		for (size_t j = 0; j < n; j += LANES)
			N(digits_compute)(by_value, digits, a + i + j, digit + j);
		for (size_t j = 0; j < n; j += N(MOVED)) {
			UNROLL
			for (size_t k = 0; k < N(MOVED); k++)
				place[k] = count[digit[j + k]]++;
			UNROLL
			for (size_t k = 0; k < N(MOVED); k++)
				b[place[k]] = a[i + j + k];
		}
	}
	for (; i < m; i++)
		b[count[N(digit_of)(digits, a[i])]++] = a[i];
}

/* Apart, so that other digits have the registers. */
static __attribute__((noinline)) void N(spread_by_value)(const struct N(digits) *digits, const RECORD *a,
							 RECORD *b, size_t m, uint32_t *count)
{
	N(count_records)(true, digits, a, m, count);
	N(move_records)(true, digits, a, b, m, count);
}

static void N(bucket_level)(const struct smi_plan *plan, RECORD *a, RECORD *b, size_t m,
			    size_t position, uint32_t *count, bool first);

/* Whole sub-buckets of b, as many as fit a group, to the sink. */
INLINE void N(finish_groups)(const struct smi_plan *plan, const struct N(digits) *digits,
			     RECORD *a, RECORD *b, size_t m, size_t position, const uint32_t *ends,
			     uint32_t *count)
{
	size_t done = 0, end;

	while (m - done > N(GROUP)) {
		/* The sub-bucket of the first record that is too many begins here: */
		RECORD d = N(digit_of)(digits, b[done + N(GROUP)]);

		end = d ? ends[d - 1] : 0;
		if (end > done) {
			N(group)(plan, b + done, end - done, position + done);
		} else {
			end = ends[d];
			N(bucket_level)(plan, b + done, a + done, end - done, position + done,
					count, false);
		}
		done = end;
	}
	if (done < m)
		N(group)(plan, b + done, m - done, position + done);
}

static void N(bucket_level)(const struct smi_plan *plan, RECORD *a, RECORD *b, size_t m,
			    size_t position, uint32_t *count, bool first)
{
	struct N(digits) digits;
#if RECORD_BITS == 64
	struct smi_plan finer;
#endif

	if (m <= N(GROUP)) {
		N(group)(plan, a, m, position);
		return;
	}
	if (!N(digits_choose)(plan, a, m, first, &digits)) {
#if RECORD_BITS == 64
		if (!plan->exact && unpack_prefix(plan, a, m, &finer)) {
			bucket_level64(&finer, a, b, m, position, count, false);
			return;
		}
#endif
		N(emit)(plan, a, m, position);
		return;
	}
#if RECORD_BITS == 32 && defined(TREE32)
	if (m <= TREE_MOST32) {
		tree_sort32(plan, a, m, position);
		return;
	}
#endif
	if (digits.kind == SMI_MAP_LINEAR) {
		N(spread_by_value)(&digits, a, b, m, count);
	} else {
		N(count_records)(false, &digits, a, m, count);
		N(move_records)(false, &digits, a, b, m, count);
	}
	if (digits.settles && plan->exact)
		N(emit)(plan, b, m, position);
	else
		N(finish_groups)(plan, &digits, a, b, m, position, count, count + digits.n);
}

static void N(kernel_bucket)(const struct smi_plan *plan, RECORD *a, RECORD *b, size_t m,
			     size_t position, uint32_t *count)
{
	N(bucket_level)(plan, a, b, m, position, count, true);
}
