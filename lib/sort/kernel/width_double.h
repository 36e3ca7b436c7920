/* SPDX-License-Identifier: MIT */
/* What network.h means by its capitals: records of 64 bits that are compared as doubles. */
#undef N
#undef VEC
#undef V
#undef LANES
#define N(name) name##double
#define VEC v64
#define V(name) double_##name
#define LANES V64_LANES
