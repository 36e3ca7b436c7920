/* SPDX-License-Identifier: MIT */
/* The inner loops for CPUs with AVX-512. */
#include "sort/kernel/kernel.h"

#if defined(__x86_64__)

#include "sort/kernel/lanes_avx512.h"
#include "sort/kernel/width32.h"
#include "sort/kernel/look.h"
#include "sort/kernel/lie.h"
#include "sort/kernel/width64.h"
#include "sort/kernel/look.h"
#include "sort/kernel/lie.h"
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
#include "sort/kernel/place_avx512.h"
#include "sort/kernel/special.h"
#include "sort/kernel/ties.h"

#include "sort/kernel/rows_avx512.h"
#include "sort/kernel/width64.h"
#include "sort/kernel/network.h"
#include "sort/kernel/width32.h"
#include "sort/kernel/network.h"
#include "sort/kernel/group.h"

#include "sort/kernel/tree.h"

/* Records in a sub-bucket, several of which make a group. */
enum { LEAF_AVERAGE64 = GROUP64 / 8, LEAF_AVERAGE32 = GROUP32 / 8 };

#include "sort/kernel/width64.h"
#include "sort/kernel/bucket.h"
#include "sort/kernel/braid.h"
#include "sort/kernel/width32.h"
#include "sort/kernel/bucket.h"
#include "sort/kernel/braid.h"

static void kernel_weave(struct smi_piece piece[4], enum smi_weave form, uint64_t mask)
{
	braid_form64(piece, form, mask);
	braid_form32(piece, form, mask);
}

#define KERNEL(its_name, most, place_, place_narrow_) {	\
	.name = its_name,				\
	.lanes = V32_LANES,				\
	.record_bits = 64,				\
	.placed = most,					\
	.placed_from = 1 << 11,				\
	.order = kernel_order,				\
	.rising = kernel_rising,			\
	.run = kernel_run,				\
	.count_up = kernel_count_up,			\
	.count_up_narrow = kernel_count_up_narrow,	\
	.mirror = kernel_mirror,			\
	.range = kernel_range,				\
	.histogram = kernel_histogram,			\
	.scatter = kernel_scatter,			\
	.scatter_narrow = kernel_scatter_narrow,	\
	.pack = kernel_pack,				\
	.pack_narrow = kernel_pack_narrow,		\
	.cull = kernel_cull64,				\
	.cull_narrow = kernel_cull32,			\
	.peel = kernel_peel,				\
	.place = place_,				\
	.place_narrow = place_narrow_,			\
	.special_count = kernel_special_count,		\
	.special_collect = kernel_special_collect,	\
	.bucket = kernel_bucket64,			\
	.bucket_narrow = kernel_bucket32,		\
	.emit = kernel_emit,				\
	.emit_narrow = kernel_emit_narrow,		\
	.weave = kernel_weave,				\
}

const struct smi_kernel smi_kernel_avx512 = KERNEL("avx512", SMI_PLACED_ANYWHERE, kernel_place, kernel_place_narrow);
const struct smi_kernel smi_kernel_avx512_bytes = KERNEL("avx512 bytes", SMI_PLACED, kernel_place_by_bytes,
							 kernel_place_narrow_by_bytes);

#endif
