#!/bin/sh
# Instructions that one event (frame, request) takes on the hot path, by callgrind, against the table
# tests/bench/counts: more than TOLERANCE percent above it is a failure, below it a word to update.
# Counts do not depend on what else the machine does; another compiler or libc shifts them a little.
#   UPDATE=1   writes the table anew
set -eu
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
TOLERANCE=${TOLERANCE:-3}
table=tests/bench/counts
out=$(mktemp)
fresh=$(mktemp)
trap 'rm -f "$out" "$fresh"' EXIT

# Instructions of so many rounds of a subject; events of a round go to $events.
run() {
	events=$(valgrind --tool=callgrind --callgrind-out-file="$out" \
		"$BUILD/tests/bench-micro" count "$1" "$2" 2>/dev/null)
	total=$(sed -n 's/^totals: //p' "$out")
}

# What the second half of the rounds costs is neither start nor end.
for name in "decode" "messages text" "messages code" "messages thinking" "messages tool" \
            "messages filters" "messages writer" "chat text" "responses text" \
            "request 400 KB" "request small" "store get" "pool pick of 5" "pool pick of 1000"; do
	run "$name" 2
	few=$total
	run "$name" 6
	printf '%-20s %10d\n' "$name" $(((total - few) / (4 * events)))
done >"$fresh"

if [ -n "${UPDATE:-}" ]; then
	cp "$fresh" "$table"
	cat "$table"
	exit 0
fi
awk -v tolerance="$TOLERANCE" '
	{ name = substr($0, 1, 20); count = substr($0, 21) + 0 }
	NR == FNR { was[name] = count; next }
	{
		change = was[name] ? 100 * (count - was[name]) / was[name] : 0
		printf "%s %10d  was %10d  %+6.1f %%\n", name, count, was[name], change
		if (!(name in was) || change > tolerance) bad = 1
		if (change < -tolerance) less = 1
	}
	END {
		if (less) print "some take less: UPDATE=1 make bench-counts"
		if (bad) print "some take more than " tolerance " % above the table"
		exit bad
	}' "$table" "$fresh"
