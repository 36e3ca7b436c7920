/* SPDX-License-Identifier: MIT */
/* Keeping errno. */
#ifndef SMI_OS_KEPT_H
#define SMI_OS_KEPT_H

#include <errno.h>

/* No store where nothing has changed: near a fork each page that is written to is
 * a page to be copied. */
static inline void smi_errno_restore(int saved)
{
	if (errno != saved)
		errno = saved;
}

#endif
