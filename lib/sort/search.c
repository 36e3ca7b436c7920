/* SPDX-License-Identifier: MIT */
/* shared_searchsorted: binary searches without branches, several at once, so
 * that their cache misses overlap. */
#include <sharedmem/sort.h>

#include <errno.h>

#include "sort/crew/crew.h"
#include "sort/kernel/key.h"
#include "sort/options.h"

enum { PART = 1 << 12, AT_ONCE = 16 };

struct searching {
	struct smi_keys sorted, needles;
	size_t n, m;
	bool right;
	size_t *positions;
};

/* After each step the answer of search j lies in base[j] ... base[j] + length. */
static inline __attribute__((always_inline)) void search(const struct searching *s,
							 enum smi_kind kind, size_t first,
							 size_t count)
{
	uint64_t flip = s->sorted.flip, needle[AT_ONCE];
	size_t base[AT_ONCE], length = s->n, half;

	for (size_t j = 0; j < count; j++) {
		const void *p = smi_key_at(s->needles.base, kind, first + j);

		needle[j] = smi_image(kind, flip, smi_key_load(p, kind));
		base[j] = 0;
	}
	for (; length > 0; length -= half) {
		half = length - length / 2;
		for (size_t j = 0; j < count; j++) {
			const void *p = smi_key_at(s->sorted.base, kind, base[j] + half - 1);
			uint64_t image = smi_image(kind, flip, smi_key_load(p, kind));
			bool below = s->right ? image <= needle[j] : image < needle[j];

			base[j] += below ? half : 0;
		}
	}
	for (size_t j = 0; j < count; j++)
		s->positions[first + j] = base[j];
}

static inline __attribute__((always_inline)) void search_all(const struct searching *s,
							     enum smi_kind kind, size_t lo,
							     size_t hi)
{
	for (; lo + AT_ONCE <= hi; lo += AT_ONCE)
		search(s, kind, lo, AT_ONCE);
	search(s, kind, lo, hi - lo);
}

static void search_part(void *arg, size_t part, int rank)
{
	const struct searching *s = arg;
	size_t lo = part * PART, hi = lo + PART < s->m ? lo + PART : s->m;

	(void)rank;
	switch (s->sorted.kind) {
	case SMI_INT8:
		search_all(s, SMI_INT8, lo, hi);
		break;
	case SMI_INT16:
		search_all(s, SMI_INT16, lo, hi);
		break;
	case SMI_INT32:
		search_all(s, SMI_INT32, lo, hi);
		break;
	case SMI_INT64:
		search_all(s, SMI_INT64, lo, hi);
		break;
	case SMI_FLOAT32:
		search_all(s, SMI_FLOAT32, lo, hi);
		break;
	case SMI_FLOAT64:
		search_all(s, SMI_FLOAT64, lo, hi);
		break;
	}
}

int shared_searchsorted(const void *sorted, size_t n, enum shared_type type, const void *needles,
			size_t m, enum shared_side side, size_t *positions,
			const struct shared_sort_options *options)
{
	struct searching s = { .n = n, .m = m, .right = side == SHARED_RIGHT,
			       .positions = positions };
	bool descending = smi_options_descending(options);
	struct smi_crew crew = { .np = 1 };
	int r = smi_options_check(options);

	if (r < 0)
		return -r;
	if (!smi_keys_init(&s.sorted, sorted, type, descending) ||
	    !smi_keys_init(&s.needles, needles, type, descending))
		return EINVAL;
	if (side != SHARED_LEFT && side != SHARED_RIGHT)
		return EINVAL;
	if (m == 0)
		return 0;
	if (!needles || !positions || (n > 0 && !sorted))
		return EINVAL;
	if (m > PART)
		smi_crew_enter(&crew, smi_options_np(options), m * smi_bits(n));
	smi_crew_each(&crew, (m + PART - 1) / PART, search_part, &s);
	smi_crew_leave(&crew);
	return 0;
}
