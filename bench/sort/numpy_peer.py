# SPDX-License-Identifier: MIT
"""numpy as a measured program: see peer.h. Argument: "stable" or "quicksort"
(argsort of that kind, and sort of that kind). One thread."""
import ctypes
import os
import sys
import time

import numpy

TYPES = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]
shapes = ctypes.CDLL(os.path.join(os.path.abspath(sys.argv[2]), "libshapes.so"))
shapes.shape_make.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_char_p,
                              ctypes.c_uint64]


def measure(op, type_, shape, n):
    if op == "sort_by":
        return "-"
    keys = numpy.empty(n, TYPES[type_])
    if shapes.shape_make(keys.ctypes.data, n, type_, shape.encode(), n):
        return "-"
    times, start = [], time.perf_counter()
    while len(times) < 4 or (len(times) < 22 and time.perf_counter() - start < 0.3):
        work = keys.copy() if op == "sort" else keys
        begin = time.perf_counter()
        if op == "sort":
            work.sort(kind=sys.argv[1])
        else:
            work.argsort(kind=sys.argv[1])
        times.append(time.perf_counter() - begin)
    times = sorted(times[1:])
    return "%.6f" % (times[len(times) // 2] * 1e3)


for line in sys.stdin:
    op, type_, shape, n, np_ = line.split()
    print(measure(op, int(type_), shape, int(n)), flush=True)
