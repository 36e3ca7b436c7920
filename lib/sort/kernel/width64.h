/* SPDX-License-Identifier: MIT */
/* What group.h, bucket.h mean by their capitals: records of 64 bits. */
#undef RECORD
#undef N
#undef VEC
#undef V
#undef LANES
#undef RECORD_BITS
#undef STORE_DIGITS
#undef REAL
#undef REAL_ONE
#define RECORD uint64_t
#define RECORD_BITS 64
#define N(name) name##64
#define VEC v64
#define V(name) v64_##name
#define LANES V64_LANES
#define STORE_DIGITS v64_store_narrow
#define REAL double
#define REAL_ONE 0x3ff0000000000000 /* the bits of 1 */
