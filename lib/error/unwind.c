/* SPDX-License-Identifier: MIT */
/* By the compiler's unwinder, and not by the C library's backtrace(), which loads that as
 * a shared library: six more mappings, which each fork has to copy. */
#include "error/unwind.h"

#include <unwind.h>

struct walk {
	void **frame;
	int count, most;
};

static _Unwind_Reason_Code take(struct _Unwind_Context *context, void *arg)
{
	struct walk *walk = arg;
	void *address = (void *)_Unwind_GetIP(context);

	if (!address || walk->count == walk->most)
		return _URC_END_OF_STACK;
	walk->frame[walk->count++] = address;
	return _URC_NO_REASON;
}

int smi_unwind(void **frame, int most)
{
	struct walk walk = { frame, 0, most };

	_Unwind_Backtrace(take, &walk);
	return walk.count;
}
