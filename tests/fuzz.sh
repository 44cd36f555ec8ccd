#!/bin/bash
# Runs libFuzzer targets: tests/fuzz.sh BUILD EXECUTIONS [NAME...]
# Inputs that they find are added to BUILD/corpus, and those that fail to BUILD/found;
# tests/fuzz/corpus is not changed.  TALLY as in run.sh: a target counts as a test.
set -eu
cd "$(dirname "$0")/.."
build=$1 runs=$2
shift 2
passed=0
failed=0
for source in tests/fuzz/fuzz_*.c; do
	name=${source#tests/fuzz/fuzz_}
	name=${name%.c}
	if [ $# != 0 ] && [[ " $* " != *" $name "* && " $* " != *" fuzz_$name "* ]]; then
		continue
	fi
	mkdir -p "$build/corpus/$name" "$build/found"
	echo "fuzz $name: $runs executions"
	if "$build/libfuzzer/fuzz_$name" -runs="$runs" -seed=1 -print_final_stats=1 -verbosity=0 \
		-artifact_prefix="$build/found/$name-" -timeout=20 -rss_limit_mb=2048 \
		"$build/corpus/$name" "tests/fuzz/corpus/$name" >"$build/$name.log" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		tail -n 40 "$build/$name.log"
	fi
	grep -E '^stat::(number_of_executed|average_exec)' "$build/$name.log" || true
done
[ -z "${TALLY:-}" ] || echo "$passed $failed 0" >>"$TALLY"
((failed == 0 && passed > 0))
