/* SPDX-License-Identifier: MIT */
/* The inner loops, one set for each instruction set, and what they work on.
 *
 * A record is what moves: either a prefix of the key's image, or of its value, and, below
 * it, the key's index (argsort), or the image itself (sort). Records are numbers that sort
 * upwards; that two are equal in everything but the index means a tie, which the index
 * decides unless the prefix does not tell the whole key. */
#ifndef SMI_SORT_KERNEL_H
#define SMI_SORT_KERNEL_H

#include "sort/kernel/key.h"
#include "sort/kernel/weave.h"

#define SMI_DIGITS 1024 /* most buckets of one partition */

/* How a key's image becomes the number of its bucket; never decreasing. */
enum smi_map_kind {
	SMI_MAP_SHIFT,  /* (image - base) >> shift */
	SMI_MAP_LINEAR, /* (value - low) * scale, computed in the floats' own precision */
	SMI_MAP_LOG,    /* the bits of a real number image - base, a float for keys of 4 bytes and
			   else a double, less those of 1, >> shift */
	SMI_MAP_SPLIT   /* of keys of 8 bytes, the bucket among those that a sample made: split.h */
};

struct smi_map {
	enum smi_map_kind kind;
	unsigned shift;
	uint64_t base, last;  /* images below the one or above the other count as that */
	double low, scale;
	uint64_t top;         /* the last bucket; LINEAR: larger digits become this one */
	struct smi_split *split;
};

/* record = prefix << index_bits | index, where the prefix is (image - base) >> drop or, of
 * longer keys, `mapped`: the digit by a map whose kind is that of the first partition's, and
 * whose top < 2^52 if that is LINEAR; by SPLIT, the bucket's own prefix. */
struct smi_pack {
	uint64_t base;
	unsigned drop;
	unsigned index_bits;
	bool indexed;    /* false: no index is added */
	bool mapped;
	struct smi_map map;
};

/* Records below this are doubles' bits, of none but normal and subnormal numbers, and lie in
 * the order of these. */
#define SMI_BELOW_DOUBLES ((uint64_t)1 << SMI_DOUBLES_BITS)
#define SMI_DOUBLES_BITS 62

/* What becomes of sorted records. */
enum smi_sink {
	SMI_TO_INDEX64,
	SMI_TO_INDEX32,
	SMI_TO_KEY
};

struct smi_plan {
	struct smi_keys keys;
	struct smi_pack pack;
	unsigned room;       /* bits of the prefix, at most */
	bool exact;          /* equal prefixes are equal keys: no bits were dropped in which these differ */
	size_t sure, unsure; /* if not: buckets of the first partition, from one up to before the
				other, in which they are */
	bool as_doubles;     /* all records are below SMI_BELOW_DOUBLES */
	uint64_t index_mask;
	enum smi_sink sink;
	void *out;           /* size_t, uint32_t, or the keys (maybe misaligned) */
};

struct smi_range {
	uint64_t min, max;
	uint64_t varying;    /* bits in which some key differs from key lo */
	bool minus_zero;     /* a float -0 is there */
};

#define SMI_FREQUENT 16 /* as many values as smi_kernel.cull counts, at most */
#define SMI_PLACED 16   /* as smi_kernel.place writes the indices of, at most; */
#define SMI_PLACED_ANYWHERE 4 /* in all kernels */

/* Images that many keys have, in ascending order; `order` has them from the most
 * frequent one on. */
struct smi_frequent {
	uint64_t image[SMI_FREQUENT];
	uint8_t order[SMI_FREQUENT];
	size_t n;
	unsigned leading; /* percent of the sampled keys that have one of the first four */
	bool all;         /* no sampled key had another one */
};

/* Keys without those of frequent images. */
struct smi_peeled {
	size_t count[SMI_FREQUENT];  /* how often each of those occurred */
	size_t rest;                 /* all others */
	bool minus_zero;             /* a float -0 was there */
};

/* What smi_kernel.order answers, or-ed; 0: none of them. */
enum {
	SMI_RISING = 1,           /* no key is below the one before it */
	SMI_FALLING = 2,          /* no key is above it */
	SMI_STRICTLY_FALLING = 4  /* every key is below it */
};

/* Does a pair of images lie as one of these says? */
static inline bool smi_pair_lies(unsigned order, uint64_t x, uint64_t y)
{
	return order == SMI_RISING ? y >= x : order == SMI_FALLING ? y <= x : y < x;
}

struct smi_kernel {
	const char *name;
	unsigned lanes; /* records of 32 bits in a vector; of 64 bits half as many */
	unsigned record_bits; /* of a record with an index, at most */
	unsigned placed; /* frequent values that are worth marking, */
	size_t placed_from; /* if keys are so many; else SMI_PLACED_ANYWHERE */

	/* How keys lo ... hi-1 lie, lo < hi; reads no further than it must. */
	unsigned (*order)(const struct smi_keys *keys, size_t lo, size_t hi);

	/* The first key of lo+1 ... hi-1 that is below the one before it, or hi. */
	size_t (*rising)(const struct smi_keys *keys, size_t lo, size_t hi);

	/* Where the longest run from lo on ends that no key before hi breaks. */
	size_t (*run)(const struct smi_keys *keys, size_t lo, size_t hi, bool *falling);

	/* out[i] = first + i * step, modulo 2^64 or 2^32 */
	void (*count_up)(uint64_t *out, size_t n, uint64_t first, uint64_t step);
	void (*count_up_narrow)(uint32_t *out, size_t n, uint64_t first, uint64_t step);

	/* Exchanges n keys of so many bytes from `first` on with those before `end`, the first
	 * one with the last. */
	void (*mirror)(size_t size, void *first, void *end, size_t n);

	/* Smallest and largest image of keys lo ... hi-1, lo < hi. */
	void (*range)(const struct smi_keys *keys, size_t lo, size_t hi, struct smi_range *range);

	/* Adds the keys lo ... hi-1, fewer than 2^32, to count[digit]. */
	void (*histogram)(const struct smi_keys *keys, const struct smi_map *map, size_t lo,
			  size_t hi, uint32_t *count);

	/* Puts the record of each key at out[next[digit]++]; keys of one digit
	 * stay in order. The narrow one stores the low half of the record. */
	void (*scatter)(const struct smi_keys *keys, const struct smi_map *map,
			const struct smi_pack *pack, size_t lo, size_t hi, uint64_t *next,
			uint64_t *out);
	void (*scatter_narrow)(const struct smi_keys *keys, const struct smi_map *map,
			       const struct smi_pack *pack, size_t lo, size_t hi, uint64_t *next,
			       uint32_t *out);

	/* The records of keys lo ... hi-1, in order. */
	void (*pack)(const struct smi_keys *keys, const struct smi_pack *pack, size_t lo,
		     size_t hi, uint64_t *records);
	void (*pack_narrow)(const struct smi_keys *keys, const struct smi_pack *pack, size_t lo,
			    size_t hi, uint32_t *records);

	/* Writes the images of keys lo ... hi-1, fewer than 2^32, that are not frequent, in
	 * order, to `rest`, which has room for one vector more. -0 is among them, but
	 * where NaN is frequent. The narrow one takes keys of 2 and 4 bytes, the other
	 * one those of 8. */
	void (*cull)(const struct smi_keys *keys, size_t lo, size_t hi, const struct smi_frequent *frequent,
		     struct smi_peeled *peeled, uint64_t *rest);
	void (*cull_narrow)(const struct smi_keys *keys, size_t lo, size_t hi,
			    const struct smi_frequent *frequent, struct smi_peeled *peeled,
			    uint32_t *rest);

	/* The same of records with indices, at most `placed` images; mark[i] becomes which of
	 * them key i has, or frequent->n. */
	void (*peel)(const struct smi_keys *keys, const struct smi_pack *pack, size_t lo, size_t hi,
		     const struct smi_frequent *frequent, struct smi_peeled *peeled, uint8_t *mark,
		     uint64_t *rest);

	/* Writes each of lo ... hi-1 of which the mark is below `values`, j, to
	 * out[next[j]++], up to end[j]. What is there up to end[j] need not be kept. */
	void (*place)(const uint8_t *mark, size_t lo, size_t hi, size_t values, size_t *next,
		      const size_t *end, uint64_t *out);
	void (*place_narrow)(const uint8_t *mark, size_t lo, size_t hi, size_t values, size_t *next,
			     const size_t *end, uint32_t *out);

	/* Zeros and NaNs among the floats lo ... hi-1; then the bits of the NaNs, which are
	 * so many, and which zeros are -0 (1, else 0), in order. */
	void (*special_count)(const struct smi_keys *keys, size_t lo, size_t hi, size_t *nans,
			      size_t *zeros);
	void (*special_collect)(const struct smi_keys *keys, size_t lo, size_t hi, uint64_t *nan,
				size_t nans, uint8_t *sign);

	/* Sorts m < 2^32 records, which must be in input order where equal, and
	 * writes what they stand for to the plan's sink from `position` on. May
	 * overwrite both arrays of m; `records` may be the sink's own memory.
	 * `count` has room for SMI_COUNTS. Narrow records are images of keys of 2 or
	 * 4 bytes, which are the sink; wide ones make keys of 8 bytes only. */
	void (*bucket)(const struct smi_plan *plan, uint64_t *records, uint64_t *spare, size_t m,
		       size_t position, uint32_t *count);
	void (*bucket_narrow)(const struct smi_plan *plan, uint32_t *records, uint32_t *spare,
			      size_t m, size_t position, uint32_t *count);

	/* Writes records that are in order already to the sink. */
	void (*emit)(const struct smi_plan *plan, const uint64_t *records, size_t m,
		     size_t position);
	void (*emit_narrow)(const struct smi_plan *plan, const uint32_t *records, size_t m,
			    size_t position);

	/* Does of smi_weave's work what vectors can: the pieces are then shorter. NULL:
	 * nothing. */
	void (*weave)(struct smi_piece piece[4], enum smi_weave form, uint64_t mask);
};

/* Room for the counts of all levels that one bucket can need: each level has at most 2^12
 * digits, where floats' exponents differ 2^13, of at most SMI_FEW records 2^10, and as long as it
 * counts twice as many. A level by leading bits settles as many bits as its digits have; one by
 * logarithm, some of whose digits' bits are the exponent's, as few as the others, 5 of 10: for
 * 64 bits less than 37500 and 9900. A mapped prefix, of at most 52 bits, settles none of an
 * image's: many keys may go through the levels of one, and then through those of the other,
 * less than 66400 in all. A first level by value, which settles none, comes before these: 8192
 * and 512 more; without vectors one of 2^14 digits: 32768. */
#define SMI_COUNTS ((size_t)25 << 12)
#define SMI_FEW 1024
#define SMI_FEW_COUNTS (11 << 10)

extern const struct smi_kernel smi_kernel_portable;
#if defined(__x86_64__)
extern const struct smi_kernel smi_kernel_avx2;
extern const struct smi_kernel smi_kernel_avx512;
extern const struct smi_kernel smi_kernel_avx512_bytes; /* the same, and VBMI2 */
#endif

/* The best kernel that this CPU and its system can run. */
const struct smi_kernel *smi_kernel(void);

/* For tests: sort with the kernel of this name from now on, NULL: with the
 * best. 0, -ENOENT when there is none of that name, -ENOTSUP when the CPU
 * cannot run it. */
int smi_sort_use(const char *name);

#endif
