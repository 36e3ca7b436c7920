/* SPDX-License-Identifier: MIT */
#ifndef SMI_JOURNAL_CHECKSUM_H
#define SMI_JOURNAL_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* XXH64 of the bytes, at any address: 64 bits against accident, not against
 * intent. */
uint64_t smi_checksum(const void *bytes, size_t size, uint64_t seed);

#endif
