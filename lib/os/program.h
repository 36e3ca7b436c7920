/* SPDX-License-Identifier: MIT */
/* The program that runs. */
#ifndef SMI_OS_PROGRAM_H
#define SMI_OS_PROGRAM_H

#include <stddef.h>

/* Room for any build id in hexadecimal digits, with the 0 at the end. */
#define SMI_BUILD_ID_SIZE 129

/* The linker's number for this build of the executable. 0, or -ENOENT when it
 * has none. */
int smi_program_build_id(char digits[SMI_BUILD_ID_SIZE]);

#endif
