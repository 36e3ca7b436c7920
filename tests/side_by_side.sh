#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs commands side by side, an argument each: a program and its own arguments; says
# what each has said once it has ended. Fails when one does, or its words are lost.
set -u
[ $# -gt 0 ] || { echo "usage: $0 COMMAND..." >&2; exit 2; }
said=$(mktemp -d) || exit 1
pids=
stop() {
	trap - EXIT INT TERM HUP
	kill $pids 2>/dev/null
	rm -rf "$said"
	exit 130
}
trap 'rm -rf "$said"' EXIT
trap stop INT TERM HUP
n=0
for command; do
	n=$((n + 1))
	# What a shell starts in the background ignores the terminal's signals.
	env --default-signal=INT,QUIT sh -c "exec $command" >"$said/$n" 2>&1 &
	pids="$pids $!"
done
failed=0
n=0
for pid in $pids; do
	n=$((n + 1))
	wait "$pid"
	status=$?
	echo "== $1"
	cat "$said/$n" || status=1
	[ $status = 0 ] || { echo "FAILED ($status): $1"; failed=1; }
	shift
done
exit $failed
