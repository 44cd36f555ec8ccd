#!/bin/bash
# Makes table.txt, data.tsv and the plots in a folder: report.sh DATA FOLDER [LINE...]
# The LINEs, which say what was measured and on what, go before the table.
set -eu -o pipefail
here=$(dirname "$0")
data=$1
out=$2
shift 2

mkdir -p "$out"
[ "$data" -ef "$out/data.tsv" ] || cp "$data" "$out/data.tsv"
awk -f "$here/summary.awk" "$data" >"$out/summary.tsv"
{
	[ $# = 0 ] || printf '%s\n' "$@"
	awk -f "$here/table.awk" "$out/summary.tsv"
} >"$out/table.txt"

plot() {
	local name=$1 title=$2
	shift 2

	awk -f "$here/plot.awk" -v title="$title; in brackets: times the best peer's" "$@" \
		"$out/summary.tsv" >"$out/$name.svg"
}
plot wall 'Seconds' -v value=4 -v low=5 -v high=6 -v ratio=12 -v unit=1
plot cpu 'Processor seconds, both sides' -v value=7 -v ratio=13 -v unit=1
plot memory 'Peak memory of all processes, MiB' -v value=8 -v ratio=14 -v unit=1024
plot wire 'Megabytes on the wire' -v value=10 -v ratio=15 -v unit=1000000
