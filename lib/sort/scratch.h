/* SPDX-License-Identifier: MIT */
/* Scratch memory that is kept from call to call, so that its pages are there
 * already: making a page costs more than sorting what fits into it. */
#ifndef SMI_SORT_SCRATCH_H
#define SMI_SORT_SCRATCH_H

#include <stddef.h>

/* `size` bytes of undefined content, aligned to 64 at least. NULL when there
 * is not that much memory. */
void *smi_scratch_take(size_t size);

/* Gives it back; NULL is allowed. One block of up to 128 MiB is kept. */
void smi_scratch_give(void *scratch);

#endif
