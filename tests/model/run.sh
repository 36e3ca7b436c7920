#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the model: what must hold holds, and each crosstest, where one rule is taken
# away, fails. One line each; README.md has the larger runs.
#   tests/model/run.sh build/model
command -v spin >/dev/null || { echo "make model needs spin: apt-get install -y spin"; exit 1; }
model=$(cd "$(dirname "$0")" && pwd)/map.pml
mkdir -p "$1" && cd "$1" || exit 1
bad=0
: >log

# `safe` or `fails`, a name, spin's options, the compiler's, pan's
try() {
	rm -f ./*.trail out
	spin -a $3 "$model" >out 2>&1 && ${CC:-cc} -O2 -w -DMEMLIM=6000 $4 -o pan pan.c >out 2>&1 &&
		./pan -m1000000 $5 >out 2>&1
	errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' out)
	states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' out)
	found=$(sed -n 's/^pan:1: \(assertion violated\|invalid end state\|acceptance cycle\).*/\1/p' out)
	said=ok
	if grep -q 'max search depth too small\|out of memory' out; then
		said="NOT SEARCHED"
	elif [ "$1" = safe ]; then
		[ "$errors" = 0 ] || said=WRONG
	else
		[ "${errors:-0}" -gt 0 ] || said="WRONG: it should fail"
	fi
	[ "$said" = ok ] || bad=1
	cat out >>log
	printf '%-52s %9s states  %-20s %s\n' "$2" "$states" "${found:-no error}" "$said"
}

exact="-DSAFETY -DCOLLAPSE"
two="-DNW=2 -DNJOBS=3"
three="-DNW=3 -DNJOBS=3"

try safe "2 workers, 2 deaths, 2 successors" "$two -DORDERED=7 -DDEATHS=2 -DSPARES=2" "$exact"
try safe "2 workers, 2 deaths, 1 successor" "$two -DORDERED=7 -DDEATHS=2 -DSPARES=1 -DPASS_ANYWAY" "$exact"
try safe "2 workers, 2 deaths, no successor" "$two -DORDERED=7 -DDEATHS=2 -DSPARES=0 -DPASS_ANYWAY" "$exact"
try safe "not all jobs enter" "$two -DORDERED=6 -DDEATHS=2 -DSPARES=1" "$exact"
try safe "critical" "$two -DCRITICAL=7 -DDEATHS=2 -DSPARES=2" "$exact"
try safe "critical with repair, and ordered" "$two -DCRITICAL=7 -DORDERED=2 -DDEATHS=2 -DSPARES=1 -DREPAIR" "$exact"
try safe "chunk 2" "-DNW=2 -DNJOBS=4 -DCHUNK=2 -DORDERED=15 -DDEATHS=2 -DSPARES=1" "$exact"
try safe "the map ends, weakly fair" "$two -DORDERED=7 -DDEATHS=2 -DSPARES=1 -DENDS" \
	"-DCOLLAPSE -DNOREDUCE -DNFAIR=3" "-a -f"
try safe "3 workers, 1 death in a claim, no successor" "$three -DORDERED=2 -DDEATHS=1 -DSPARES=0 -DIN_CLAIM" "$exact"

try fails "- ids are searched while others claim" "$two -DORDERED=7 -DDEATHS=2 -DSPARES=2 -DCROSS_NOWAIT" "$exact"
try fails "- a dead worker's bound is raised" "$two -DORDERED=7 -DDEATHS=1 -DSPARES=0 -DCROSS_LOW" "$exact"
try fails "- judged before its pipe is drained" "$two -DORDERED=7 -DDEATHS=1 -DSPARES=0 -DCROSS_EARLY" "$exact"
try fails "- a claim is read while it is recorded" "$two -DORDERED=7 -DDEATHS=1 -DSPARES=0 -DCROSS_TORN" "$exact"
try fails "- the inbox is not looked at in ordered_end" "$two -DORDERED=7 -DDEATHS=2 -DSPARES=2 -DCROSS_INBOX" "$exact"
try fails "- turns without the count of moves" "$three -DORDERED=6 -DDEATHS=1 -DSPARES=0 -DCROSS_ONE_LOOK" "$exact"
try fails "- the bound is raised before the count" "$three -DORDERED=6 -DDEATHS=1 -DSPARES=0 -DCROSS_RAISE_FIRST" "$exact"
try fails "- ids that are found are no move" "$three -DORDERED=2 -DDEATHS=2 -DSPARES=2 -DIN_CLAIM -DCROSS_STILL" "$exact"
try fails "- whoever carries ids is no hope" "$two -DORDERED=7 -DDEATHS=1 -DSPARES=0 -DPASS_ANYWAY -DCROSS_HOPE" "$exact"
try fails "- whoever has passed still counts as asleep" "$two -DORDERED=7 -DDEATHS=1 -DSPARES=0 -DPASS_ANYWAY -DCROSS_SLEEP" "$exact"
exit $bad
