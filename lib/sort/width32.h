/* SPDX-License-Identifier: MIT */
/* What group.h, bucket.h mean by their capitals: records of 32 bits. */
#undef RECORD
#undef N
#undef VEC
#undef V
#undef LANES
#undef RECORD_BITS
#undef STORE_DIGITS
#define RECORD uint32_t
#define RECORD_BITS 32
#define N(name) name##32
#define VEC v32
#define V(name) v32_##name
#define LANES V32_LANES
#define STORE_DIGITS v32_store
