/* SPDX-License-Identifier: MIT */
/* The map by splitting images, for keys that lie in clusters, which no formula follows: a sample
 * says where buckets begin. Each has a prefix of its own, relative to where most of its keys
 * lie, so that narrow clusters have exact ones however far they lie apart. Plain C: to gather from
 * a table takes vectors as long. */
#ifndef SMI_SORT_SPLIT_H
#define SMI_SORT_SPLIT_H

#include <stdatomic.h>

#include "sort/kernel/kernel.h"

struct smi_map_sample;

#define SMI_SPLIT_LOG 8
#define SMI_SPLITS ((size_t)1 << SMI_SPLIT_LOG)

struct smi_split {
	uint64_t node[SMI_SPLITS];  /* where buckets 1 ... SMI_SPLITS - 1 begin: a search tree, the
				       children of node i are 2 i and 2 i + 1 */
	uint64_t low[SMI_SPLITS];   /* prefix: (image - low) >> drop, cut off to 0 ... most */
	uint8_t drop[SMI_SPLITS];
	_Atomic bool sure[SMI_SPLITS]; /* equal prefixes in this bucket are equal images: no bits are
				       dropped, and no key was cut off */
	uint64_t most;
	uint8_t *digit;             /* of each key, once they are counted: to search twice costs more */
};

/* Buckets that the sample, which is sorted, is spread over evenly, cut where neighbours lie far
 * apart; prefixes of at most `room` bits. */
void smi_split_choose(struct smi_split *split, const struct smi_map_sample *sample, const struct smi_range *range,
		      unsigned room);

/* What the kernels do by other maps, for keys of 8 bytes and records with an index; the scatter
 * knows the digits from the histogram. */
void smi_split_histogram(const struct smi_split *split, const struct smi_keys *keys, size_t lo, size_t hi,
			 uint32_t *count);
void smi_split_scatter(struct smi_split *split, const struct smi_keys *keys, const struct smi_pack *pack,
		       size_t lo, size_t hi, uint64_t *next, uint64_t *out);

/* The bucket of an image, and its prefix there. */
size_t smi_split_bucket(const struct smi_split *split, uint64_t image);
uint64_t smi_split_prefix(const struct smi_split *split, size_t bucket, uint64_t image);

#endif
