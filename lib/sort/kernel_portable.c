/* SPDX-License-Identifier: MIT */
/* The inner loops in plain C. The leaves are insertion sorts: after the radix
 * pass a record is a few places from where it belongs. */
#include "sort/kernel.h"

#include "sort/lanes_portable.h"
#include "sort/width32.h"
#include "sort/look.h"
#include "sort/width64.h"
#include "sort/look.h"
#include "sort/scan.h"
#include "sort/mirror.h"
#include "sort/spread.h"
#include "sort/width32.h"
#include "sort/cull.h"
#include "sort/mark.h"
#include "sort/width64.h"
#include "sort/cull.h"
#include "sort/mark.h"
#include "sort/peel.h"
#include "sort/place.h"
#include "sort/special.h"
#include "sort/ties.h"

enum { GROUP64 = 24, GROUP32 = 24 };

static inline void put64(const struct smi_plan *plan, uint64_t record, size_t position)
{
	const struct smi_keys *keys = &plan->keys;
	size_t size = smi_kind_size(keys->kind);

	switch (plan->sink) {
	case SMI_TO_INDEX64:
		((uint64_t *)plan->out)[position] = record & plan->index_mask;
		break;
	case SMI_TO_INDEX32:
		((uint32_t *)plan->out)[position] = (uint32_t)(record & plan->index_mask);
		break;
	case SMI_TO_KEY:
		smi_key_store((char *)plan->out + position * size, keys->kind,
			      smi_image_bits(keys->kind, keys->flip, record + plan->pack.base));
		break;
	}
}

static void kernel_emit(const struct smi_plan *plan, const uint64_t *records, size_t m,
			size_t position)
{
	for (size_t i = 0; i < m; i++)
		put64(plan, records[i], position + i);
}

static void kernel_emit_narrow(const struct smi_plan *plan, const uint32_t *records, size_t m,
			       size_t position)
{
	for (size_t i = 0; i < m; i++)
		put64(plan, records[i], position + i);
}

/* Do two neighbours share their prefix? */
static inline bool ties_among(const uint64_t *records, size_t m, unsigned index_bits)
{
	bool ties = false;

	for (size_t i = 1; i < m; i++)
		ties |= (records[i] ^ records[i - 1]) >> index_bits == 0;
	return ties;
}

static void group64(const struct smi_plan *plan, uint64_t *records, size_t m, size_t position)
{
	size_t j;

	for (size_t i = 1; i < m; i++) {
		uint64_t record = records[i];

		for (j = i; j > 0 && records[j - 1] > record; j--)
			records[j] = records[j - 1];
		records[j] = record;
	}
	if (!plan->exact && ties_among(records, m, plan->pack.index_bits))
		settle_ties(plan, records, m);
	kernel_emit(plan, records, m, position);
}

static void group32(const struct smi_plan *plan, uint32_t *records, size_t m, size_t position)
{
	size_t j;

	for (size_t i = 1; i < m; i++) {
		uint32_t record = records[i];

		for (j = i; j > 0 && records[j - 1] > record; j--)
			records[j] = records[j - 1];
		records[j] = record;
	}
	kernel_emit_narrow(plan, records, m, position);
}

enum { LEAF_AVERAGE64 = 1, LEAF_AVERAGE32 = 1 };

#define emit64 kernel_emit
#define emit32 kernel_emit_narrow
#include "sort/width64.h"
#include "sort/bucket.h"
#include "sort/width32.h"
#include "sort/bucket.h"

const struct smi_kernel smi_kernel_portable = {
	.name = "portable",
	.lanes = V32_LANES,
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
