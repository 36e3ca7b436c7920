#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs all benchmarks in DIRECTORY, one after the other: run.sh DIRECTORY [WORKERS]
# Figures mean nothing where something else runs beside them.
set -u
if [ $# -lt 1 ] || [ ! -d "$1" ]; then
	echo "usage: $0 DIRECTORY [WORKERS]" >&2
	exit 2
fi
echo "$(uname -srm), $(nproc) CPUs, $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1), load $(cut -d ' ' -f 1 /proc/loadavg)"
echo "median of each and of the ratio ours / peer; a ratio of times is good below 1, of rates above"
lines=$(mktemp) || exit 1
trap 'rm -f "$lines"' EXIT
for program in "$1"/*; do
	[ -f "$program" ] && [ -x "$program" ] || continue
	"$program" ${2:+"$2"} || echo "$(basename "$program"): FAILED"
done | tee "$lines"
echo "reached $(grep -c ': reached$' "$lines"), missed $(grep -c ': missed$' "$lines")"
! grep -q ': FAILED$' "$lines"
