/* SPDX-License-Identifier: MIT */
/* What group.h, bucket.h mean by their capitals: records of 32 bits. */
#undef RECORD
#undef N
#undef VEC
#undef V
#undef LANES
#undef RECORD_BITS
#undef STORE_DIGITS
#undef REAL
#undef REAL_ONE
#define RECORD uint32_t
#define RECORD_BITS 32
#define N(name) name##32
#define VEC v32
#define V(name) v32_##name
#define LANES V32_LANES
#define STORE_DIGITS v32_store
#define REAL float
#define REAL_ONE 0x3f800000 /* the bits of 1 */
