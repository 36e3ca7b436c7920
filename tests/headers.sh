#!/bin/sh
# SPDX-License-Identifier: MIT
# Each public header compiles alone, twice in a row and after any other, as C99
# and as C++17, with each compiler that is there.
cd "$(dirname "$0")/.." || exit 1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
headers=$(cd include && find . -name '*.h' | sed 's|^\./||' | sort)
bad=0

compile() { # name compiler flags...
	name=$1; shift
	if ! "$@" -Iinclude -Wall -Wextra -Wpedantic -Werror -fsyntax-only "$dir/$name" 2>"$dir/log"; then
		echo "headers: $* $name:"; sed 's/^/    /' "$dir/$name" "$dir/log"; bad=1
	fi
}

for first in $headers; do
	for second in $headers; do
		printf '#include <%s>\n#include <%s>\nint main(void) { return 0; }\n' \
			"$first" "$second" > "$dir/pair.c"
		cp "$dir/pair.c" "$dir/pair.cc"
		for cc in cc gcc clang; do
			command -v $cc >/dev/null && compile pair.c $cc -std=c99
		done
		for cxx in c++ g++ clang++; do
			command -v $cxx >/dev/null && compile pair.cc $cxx -std=c++17
		done
	done
done

# The block forms are macros: only their use compiles them.
cat > "$dir/use.c" <<'END'
#include <sharedmem.h>
int use(struct pool_worker *self);
int use(struct pool_worker *self)
{
	POOL_CRITICAL(self) {
		POOL_ORDERED(self)
			break;
	}
	POOL_ORDERED(self)
		POOL_CRITICAL(self)
			return 1;
	return 0;
}
END
sed 's/int use(struct pool_worker \*self);//' "$dir/use.c" > "$dir/use.cc"
for cc in cc gcc clang; do
	command -v $cc >/dev/null && compile use.c $cc -std=c99
done
for cxx in c++ g++ clang++; do
	command -v $cxx >/dev/null && compile use.cc $cxx -std=c++17
done
[ $bad = 0 ] && echo "headers: in order"
exit $bad
