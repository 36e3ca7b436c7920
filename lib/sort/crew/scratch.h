/* SPDX-License-Identifier: MIT */
/* Scratch memory that is kept from call to call, so that its pages are there
 * already: making a page costs more than sorting what fits into it. */
#ifndef SMI_SORT_SCRATCH_H
#define SMI_SORT_SCRATCH_H

#include <stddef.h>

/* `size` bytes of undefined content, aligned to 64 at least. NULL when there
 * is not that much memory. */
void *smi_scratch_take(size_t size);

/* Three blocks of up to so many bytes are kept: a sort has two beside its first one at most, and
 * what is sorted within a sort has scratch memory of its own. */
#define SMI_SCRATCH_KEPT ((size_t)128 << 20)

/* Gives it back; NULL is allowed. */
void smi_scratch_give(void *scratch);

#endif
