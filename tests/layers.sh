#!/bin/sh
# SPDX-License-Identifier: MIT
# A folder of lib/ includes only folders above it in this list, and public
# headers; public headers include only public ones.
order="os machine error observe array sync queue journal pipe backend team pool region task
	sort/crew sort/kernel sort"
cd "$(dirname "$0")/.." || exit 1
bad=0

place() {
	n=0
	for folder in $order; do
		n=$((n + 1))
		[ "$folder" = "$1" ] && echo $n && return
	done
	echo 0
}

for folder in lib/*/ lib/*/*/; do
	folder=${folder#lib/}; folder=${folder%/}
	mine=$(place "$folder")
	if [ "$mine" = 0 ]; then
		echo "lib/$folder: a folder that the list does not name"; bad=1; continue
	fi
	for used in $(sed -n 's/^#include "\(.*\)\/.*/\1/p' "lib/$folder"/*.[ch] | sort -u); do
		theirs=$(place "$used")
		if [ "$theirs" = 0 ] || [ "$theirs" -gt "$mine" ]; then
			echo "lib/$folder includes $used, which is not above it"; bad=1
		fi
	done
	case $folder in sort*)
		if grep -lE '#include "(sync|queue|pipe|backend|team|pool|region|task)/' lib/$folder/*.[ch]; then
			echo "lib/$folder knows no pool"; bad=1
		fi ;;
	esac
	case $folder in os|backend) ;; *)
		if grep -nE '#include <(sys/(syscall|epoll|eventfd|wait|prctl|mman)|linux/[a-z]*)\.h>' lib/$folder/*.[ch]; then
			echo "lib/$folder: only lib/os and lib/backend know Linux"; bad=1
		fi ;;
	esac
done
if grep -n '#include "' include/sharedmem.h include/sharedmem/*.h; then
	echo "public headers include public headers only"; bad=1
fi
[ $bad = 0 ] && echo "layers: in order"
exit $bad
