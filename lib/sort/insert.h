/* SPDX-License-Identifier: MIT */
/* Strays that are sorted are put back where they belong, on the way to the sink. */
#ifndef SMI_SORT_INSERT_H
#define SMI_SORT_INSERT_H

#include "sort/sieve.h"

/* sorted[i]: which stray comes i-th. `copy` has room for all keys, if these are sorted. */
void smi_insert(const struct smi_sieve *sieve, const uint32_t *sorted, char *copy, size_t parts);

#endif
