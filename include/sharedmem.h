/* SPDX-License-Identifier: MIT */
/* sharedmem: map/reduce over forked workers, and the memory they share. */
#ifndef SHAREDMEM_H
#define SHAREDMEM_H

#include <sharedmem/array.h>
#include <sharedmem/env.h>
#include <sharedmem/pool.h>
#include <sharedmem/sort.h>
#include <sharedmem/types.h>

#endif
