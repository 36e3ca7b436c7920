/* SPDX-License-Identifier: MIT */
/* The name of a code address of this program. */
#ifndef SMI_ERROR_SYMBOL_H
#define SMI_ERROR_SYMBOL_H

#include <stddef.h>
#include <stdint.h>

/* "function() [module+0xoffset]", or only the module where no name is known, or
 * "?" . Looks at exported names first, then at the module's own symbol table, so
 * static functions have names unless the file was stripped. */
void smi_symbol_name(uintptr_t address, char *name, size_t size);

#endif
