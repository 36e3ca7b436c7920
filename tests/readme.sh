#!/bin/sh
# SPDX-License-Identifier: MIT
# README's program compiles as it stands, and says what it should. $1: the build
# directory.
set -e
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' README.md > "$work/readme.c"
${CC:-cc} -std=c11 -Wall -Wextra -Werror -Iinclude "$work/readme.c" "${1:-build}/libsharedmem.a" \
	-pthread -o "$work/readme"
[ "$("$work/readme")" = "10 words" ]
echo "README's program: as it says"
