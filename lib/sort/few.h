/* SPDX-License-Identifier: MIT */
/* Sorting keys of few different values in place: they are counted, no key is
 * moved. */
#ifndef SMI_SORT_FEW_H
#define SMI_SORT_FEW_H

#include "sort/crew/crew.h"
#include "sort/kernel/key.h"

/* Sorts n > 0 keys of 2, 4 or 8 bytes, whose memory is `out`, when they are of
 * at most some dozens of values; else returns false and has changed nothing. A
 * sample tells most inputs apart at once. */
bool smi_few_sort(const struct smi_crew *crew, const struct smi_keys *keys, size_t n, void *out);

/* Writes the key `bits` over keys lo ... hi-1 of `out`. */
void smi_few_fill(void *out, enum smi_kind kind, size_t lo, size_t hi, uint64_t bits);

#endif
