#!/bin/sh
# SPDX-License-Identifier: MIT
# What `make install` installs works, with README's program as it stands: linked
# with the shared library and with the archive, found by pkg-config; the shared
# library shows the public names and no others; uninstall leaves nothing.
# $1: the build directory.
set -e
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
	echo "install: $*" >&2
	exit 1
}

make -s install DESTDIR="$work/root" PREFIX=/opt/sharedmem >/dev/null
prefix=$work/root/opt/sharedmem
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
export PKG_CONFIG_SYSROOT_DIR="$work/root"

awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' README.md > "$work/readme.c"
compile() {
	${CC:-cc} -std=c11 -Wall -Wextra -Werror "$work/readme.c" "$@"
}
compile $(pkg-config --cflags --libs sharedmem) -o "$work/dynamic"
# All of the archive, not only what this program calls: none of it may need another library.
compile $(pkg-config --cflags sharedmem) -Wl,--whole-archive "$prefix/lib/libsharedmem.a" -Wl,--no-whole-archive \
	-pthread -o "$work/static"
[ "$(LD_LIBRARY_PATH=$prefix/lib "$work/dynamic")" = "10 words" ] || fail "the shared library"
[ "$("$work/static")" = "10 words" ] || fail "the archive"

# Each library that it brings along is one whose mappings every fork copies.
objdump -p "$prefix/lib/libsharedmem.so.0" | awk '$1 == "NEEDED" && $2 !~ /^(libc|libpthread|ld-)/ { bad = 1; print $2 }
	END { exit bad }' || fail "the shared library needs more than the C library"

# Every function that a header declares is there, and nothing else is.
nm -D --defined-only "$prefix/lib/libsharedmem.so.0" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' |
	sort > "$work/shown"
cat "$prefix"/include/sharedmem/*.h | grep -v '^#' |
	grep -oE '\b(pool|shared)_[a-z0-9_]+\(|\bsharedmem_version\(' | tr -d '(' | sort -u > "$work/named"
grep -vxFf "$work/named" "$work/shown" && fail "these names are shown and in no header"
for name in $(grep -ohE '^[a-z].*\b(pool|shared)_[a-z0-9_]+\(' "$prefix"/include/sharedmem/*.h |
	grep -v typedef | grep -oE '(pool|shared)_[a-z0-9_]+\($' | tr -d '('); do
	grep -qx "$name" "$work/shown" || fail "$name is declared and not there"
done

make -s uninstall DESTDIR="$work/root" PREFIX=/opt/sharedmem
[ -z "$(find "$work/root" -type f)" ] || fail "uninstall leaves files"
echo "install: shared library, archive, pkg-config, names, uninstall: as they should be"
