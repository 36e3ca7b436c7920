/* SPDX-License-Identifier: MIT */
#ifndef SMI_ERROR_UNWIND_H
#define SMI_ERROR_UNWIND_H

/* The addresses of the caller's stack, from this call down: at most `most` of them, in
 * frame[]. How many. In a signal handler only when it has been called before. */
int smi_unwind(void **frame, int most);

#endif
