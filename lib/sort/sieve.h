/* SPDX-License-Identifier: MIT */
/* Keys that lie in order but for a few: these, the strays, are taken out; what is left are
 * stretches in order. */
#ifndef SMI_SORT_SIEVE_H
#define SMI_SORT_SIEVE_H

#include "sort/job.h"

struct smi_stray {
	uint64_t image;
	size_t index;
};

/* Keys begin ... end-1, in order. */
struct smi_stretch {
	size_t begin, end;
	uint64_t last; /* the image of the last one */
};

#define SMI_SIEVE_PARTS 256

/* What keys were parted into, in input order: at most `most` strays. */
struct smi_sieve {
	const struct smi_job *job;
	const struct smi_keys *keys; /* its keys */
	struct smi_stray *stray;     /* [most] */
	struct smi_stretch *stretch; /* [most + parts], and one behind that may be read */
	size_t most;
	size_t strays, stretches;
};

/* How many of n keys may be strays where they are sieved in so many parts. */
size_t smi_sieve_most(size_t n, size_t parts);

/* Parts the job's keys by all threads of its crew, in at most SMI_SIEVE_PARTS parts, to the
 * memory that `all` has for so many strays. False: they are too many. */
bool smi_sieve_run(struct smi_sieve *all, size_t parts);

static inline uint64_t smi_sieve_image(const struct smi_sieve *s, size_t i)
{
	return smi_key_image(s->keys, i);
}

#endif
