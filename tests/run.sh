#!/bin/bash
# Runs a build's tests: unit tests, fuzz targets over their corpora, bats files.
#
#   tests/run.sh BUILD [NAME...]     NAME: foo for test_foo, fuzz_foo and foo.bats, or one of these
#
# KINDS (unit fuzz bats), WRAP (a command before each unit test), JOBS and LIMIT (seconds per
# file) are taken from the environment.  A file passes if it ran all tests that it planned, exited
# with 0, and no sanitizer reported anything.  The output of each file is in BUILD/results.  A
# process that is left running afterwards is a failure, too.  With TALLY, "passed failed skipped"
# is appended to that file.
set -u
cd "$(dirname "$0")/.." || exit
# shellcheck source=tests/tap.bash
. tests/tap.bash
mkdir -p "$1" || exit
build=$(cd "$1" && pwd)
shift
kinds=${KINDS:-unit fuzz bats}
limit=${LIMIT:-900}
jobs=${JOBS:-$(($(nproc) + 1))} # bats files often wait
read -ra wrap <<<"${WRAP:-}"
results=$build/results
rm -rf "$results" "$build"/san.*
mkdir -p "$results"
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/img.XXXXXX")
export TMPDIR IMG_BUILD=$build

# Prints the processes that run a program of this build, or that belong to these tests by their
# arguments or environment, as a copy of the helper does that a test has sent to a host.
left_running() {
	local proc exe

	for proc in /proc/[0-9]*; do
		exe=$(readlink "$proc/exe" 2>/dev/null) || continue
		case $exe in
		"$build"/bin/* | "$build"/libexec/* | "$build"/tests/* | "$TMPDIR"/*) ;;
		*) grep -qsF "$TMPDIR/" "$proc/cmdline" "$proc/environ" || continue ;;
		esac
		echo "${proc#/proc/}"
	done
}

leave() {
	trap '' TERM
	jobs -p | xargs -r kill 2>/dev/null
	wait
	rm -rf "$TMPDIR"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Runs one test file and prints the result.
run_one() {
	local kind=$1 name=$2 tap=$results/$2.tap err=$results/$2.err status=0 start=$EPOCHREALTIME
	local command passed failed skipped pid

	case $kind in
	unit) command=("${wrap[@]}" "$build/tests/$name") ;;
	fuzz) command=("$build/tests/$name" "tests/fuzz/corpus/${name#fuzz_}") ;;
	bats) command=(bats --tap "tests/bats/$name") ;;
	esac
	env --default-signal timeout --kill-after=10 "$limit" "${command[@]}" >"$tap" 2>"$err" </dev/null &
	pid=$!
	trap 'kill "$pid" 2>/dev/null; wait "$pid"; exit 1' TERM
	wait "$pid" || status=$?
	read -r passed failed skipped < <(tap_count "$tap" "$status")
	echo "$passed $failed $skipped" >"$results/$name.count"
	tap_report "$name" "$status" "$start" "$passed" "$failed" "$skipped" "$tap" "$err" \
		>"$results/$name.report"
	cat "$results/$name.report" # at once, because other files report at the same time
}

wanted() {
	local base=${1#test_} name

	base=${base#fuzz_}
	[ ${#names[@]} != 0 ] || return 0
	for name in "${names[@]}"; do
		case $name in "$1" | "$base" | "${base%.bats}") return 0 ;; esac
	done
	return 1
}

names=("$@")
tests=()
for kind in $kinds; do
	case $kind in
	unit) files=(tests/unit/test_*.c) ;;
	fuzz) files=(tests/fuzz/fuzz_*.c) ;;
	bats) files=(tests/bats/*.bats) ;;
	esac
	for file in "${files[@]}"; do
		[ -e "$file" ] || continue
		name=${file##*/}
		wanted "${name%.c}" && tests+=("$kind ${name%.c}")
	done
done

running=0
for test in "${tests[@]}"; do
	if ((running == jobs)); then
		wait -n
		running=$((running - 1))
	fi
	# shellcheck disable=SC2086 # kind and name
	run_one $test &
	running=$((running + 1))
done
wait

read -r passed failed skipped < <(cat /dev/null "$results"/*.count 2>/dev/null |
	awk '{ p += $1; f += $2; s += $3 } END { printf "%d %d %d\n", p, f, s }')
declare -A reported
for report in "$build"/san.*; do
	[ -e "$report" ] || continue
	failed=$((failed + 1))
	summary=$(grep -m 1 -E '^SUMMARY|runtime error' "$report")
	summary=${summary:-without a summary}
	reported[$summary]=$((${reported[$summary]:-0} + 1))
	[ "${reported[$summary]}" = 1 ] || continue
	echo "FAIL  a sanitizer's report: ${report#"$PWD/"}"
	head -n 60 "$report" | sed 's/^/      | /'
done
for summary in "${!reported[@]}"; do
	echo "FAIL  ${reported[$summary]} reports: $summary"
done
for pid in $(left_running); do
	failed=$((failed + 1))
	echo "FAIL  left running: $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
	kill -KILL "$pid" 2>/dev/null
done
if ((passed + failed == 0)); then
	echo "no test ran"
	failed=1
fi
[ -z "${TALLY:-}" ] || echo "$passed $failed $skipped" >>"$TALLY"
echo "tests in ${build#"$PWD/"}: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
