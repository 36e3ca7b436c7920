/* SPDX-License-Identifier: MIT */
/* The inner loops in plain C. The leaves are insertion sorts: after the radix
 * pass a record is a few places from where it belongs. */
#include "sort/kernel/kernel.h"

#include "sort/kernel/lanes_portable.h"
#include "sort/kernel/width32.h"
#include "sort/kernel/look.h"
#include "sort/kernel/width64.h"
#include "sort/kernel/look.h"
#include "sort/kernel/lie_portable.h"
#include "sort/kernel/scan.h"
#include "sort/kernel/mirror.h"
#include "sort/kernel/spread.h"
#include "sort/kernel/width32.h"
#include "sort/kernel/cull.h"
#include "sort/kernel/mark.h"
#include "sort/kernel/width64.h"
#include "sort/kernel/cull.h"
#include "sort/kernel/mark.h"
#include "sort/kernel/peel.h"
#include "sort/kernel/place.h"
#include "sort/kernel/special.h"
#include "sort/kernel/ties.h"

enum { GROUP64 = 24, GROUP32 = 24 };

/* Makes keys of records of so many bytes. */
INLINE void put_keys(enum smi_kind kind, const struct smi_plan *plan, const void *records, size_t width, size_t m,
		     size_t position)
{
	const uint64_t base = plan->pack.base, flip = plan->keys.flip;
	char *to = (char *)plan->out + position * smi_kind_size(kind);

	for (size_t i = 0; i < m; i++, to += smi_kind_size(kind)) {
		uint64_t record = width == 4 ? ((const uint32_t *)records)[i] : ((const uint64_t *)records)[i];

		smi_key_store(to, kind, smi_image_bits(kind, flip, record + base));
	}
}

static void kernel_emit(const struct smi_plan *plan, const uint64_t *records, size_t m,
			size_t position)
{
	const uint64_t mask = plan->index_mask;

	if (plan->sink == SMI_TO_INDEX64) {
		uint64_t *to = (uint64_t *)plan->out + position;

		for (size_t i = 0; i < m; i++)
			to[i] = records[i] & mask;
	} else if (plan->sink == SMI_TO_INDEX32) {
		uint32_t *to = (uint32_t *)plan->out + position;

		for (size_t i = 0; i < m; i++)
			to[i] = (uint32_t)(records[i] & mask);
	} else if (plan->keys.kind == SMI_FLOAT64) {
		put_keys(SMI_FLOAT64, plan, records, 8, m, position);
	} else {
		put_keys(SMI_INT64, plan, records, 8, m, position);
	}
}

static void kernel_emit_narrow(const struct smi_plan *plan, const uint32_t *records, size_t m,
			       size_t position)
{
	if (plan->keys.kind == SMI_INT16)
		put_keys(SMI_INT16, plan, records, 4, m, position);
	else if (plan->keys.kind == SMI_INT32)
		put_keys(SMI_INT32, plan, records, 4, m, position);
	else
		put_keys(SMI_FLOAT32, plan, records, 4, m, position);
}

/* Do two neighbours share their prefix? */
static inline bool ties_among(const uint64_t *records, size_t m, unsigned index_bits)
{
	bool ties = false;

	for (size_t i = 1; i < m; i++)
		ties |= (records[i] ^ records[i - 1]) >> index_bits == 0;
	return ties;
}

/* Records most of which are in order, or change places with a neighbour: a first round does
 * that without branches, by insertion the others find theirs. */
#define SORT_NEARLY(name, record_t)                                               \
	static inline void name(record_t *records, size_t m)                      \
	{                                                                         \
		record_t greatest = records[0], record;                           \
		size_t j;                                                         \
                                                                                  \
		for (size_t i = 1; i < m; i++) {                                  \
			record = records[i];                                      \
			records[i - 1] = record < greatest ? record : greatest;   \
			greatest = record < greatest ? greatest : record;         \
		}                                                                 \
		records[m - 1] = greatest;                                        \
		for (size_t i = 1; i < m; i++) {                                  \
			record = records[i];                                      \
			for (j = i; j > 0 && records[j - 1] > record; j--)        \
				records[j] = records[j - 1];                      \
			records[j] = record;                                      \
		}                                                                 \
	}
SORT_NEARLY(sort_nearly64, uint64_t)
SORT_NEARLY(sort_nearly32, uint32_t)

static void group64(const struct smi_plan *plan, uint64_t *records, size_t m, size_t position)
{
	uint64_t ties = 0;

	sort_nearly64(records, m);
	if (!plan->exact && ties_among(records, m, plan->pack.index_bits)) {
		for (size_t i = 1; i < m; i++)
			ties |= (uint64_t)((records[i] ^ records[i - 1]) <= plan->index_mask) << (i - 1);
		settle_ties(plan, records, ties);
	}
	kernel_emit(plan, records, m, position);
}

static void group32(const struct smi_plan *plan, uint32_t *records, size_t m, size_t position)
{
	sort_nearly32(records, m);
	kernel_emit_narrow(plan, records, m, position);
}

enum { LEAF_AVERAGE64 = 1, LEAF_AVERAGE32 = 1 };

#define emit64 kernel_emit
#define emit32 kernel_emit_narrow
#include "sort/kernel/width64.h"
#include "sort/kernel/bucket.h"
#include "sort/kernel/width32.h"
#include "sort/kernel/bucket.h"

const struct smi_kernel smi_kernel_portable = {
	.name = "portable",
	.lanes = V32_LANES,
	.record_bits = 64,
	.placed = SMI_PLACED_ANYWHERE,
	.placed_from = 0,
	.order = kernel_order,
	.rising = kernel_rising,
	.run = kernel_run,
	.count_up = kernel_count_up,
	.count_up_narrow = kernel_count_up_narrow,
	.mirror = kernel_mirror,
	.range = kernel_range,
	.histogram = kernel_histogram,
	.scatter = kernel_scatter,
	.scatter_narrow = kernel_scatter_narrow,
	.pack = kernel_pack,
	.pack_narrow = kernel_pack_narrow,
	.cull = kernel_cull64,
	.cull_narrow = kernel_cull32,
	.peel = kernel_peel,
	.place = kernel_place,
	.place_narrow = kernel_place_narrow,
	.special_count = kernel_special_count,
	.special_collect = kernel_special_collect,
	.bucket = kernel_bucket64,
	.bucket_narrow = kernel_bucket32,
	.emit = kernel_emit,
	.emit_narrow = kernel_emit_narrow,
};
