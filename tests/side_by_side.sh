#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs commands, an argument each, side by side, and says what each has said when all
# have ended. Fails when one does.
set -u
said=$(mktemp -d) || exit 1
trap 'rm -rf "$said"' EXIT
i=0
for command; do
	i=$((i + 1))
	(sh -c "$command" >"$said/$i" 2>&1 || echo "$command" >"$said/$i.failed") &
done
wait
i=0
for command; do
	i=$((i + 1))
	echo "== $command"
	cat "$said/$i"
done
failed=$(cat "$said"/*.failed 2>/dev/null)
[ -z "$failed" ] || { printf 'FAILED:\n%s\n' "$failed"; exit 1; }
