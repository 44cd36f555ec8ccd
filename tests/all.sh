#!/bin/bash
# Installs what the tests need, then runs lint, all tests, the tests under sanitizers,
# and the short form of the benchmark, which only shows that it works.  At the end it prints
# "N passed, N failed"; the status is 0 only if everything passed.
#
# Of long series of inputs the tests try a sample, which is the same in every run, and under
# sanitizers only some files run.  "tests/all.sh soak" (make soak) tries and runs all of them
# instead, which takes hours.
set -u
cd "$(dirname "$0")/.." || exit
B=${B:-build}
TALLY=$(mktemp)
export TALLY
trap 'rm -f "$TALLY"' EXIT
broken=0

step() {
	local start=$SECONDS status=0

	echo "== $*"
	"$@" </dev/null || status=$?
	if [ "$status" != 0 ]; then
		echo "== failed with status $status: $*"
		# A step in which a test failed has counted it already.
		[ "$(wc -l <"$TALLY")" != "$steps" ] || broken=$((broken + 1))
	fi
	steps=$(wc -l <"$TALLY")
	echo "== $((SECONDS - start)) s"
}
steps=0

step tests/deps.sh test
jobs=$(nproc)
step make -s -j"$jobs" dev B="$B"
if [ "${1:-}" = soak ]; then
	export IMG_SOAK=yes IMG_TRIES=5000000 LIMIT=14400 # seconds for each file
	step make -s -j"$jobs" check B="$B" WERROR=-Werror
	step make -s -j"$jobs" asan B="$B" WERROR=-Werror ASAN=
	step make -s -j"$jobs" tsan B="$B" WERROR=-Werror TSAN=
	step make -s -j"$jobs" fuzz B="$B" N="${N:-5000000}"
	unset IMG_SOAK # memcheck is slow
	step make -s -j"$jobs" valgrind B="$B" WERROR=-Werror
else
	step make -s lint B="$B" WERROR=-Werror
	step make -s -j"$jobs" check B="$B" WERROR=-Werror
	step make -s -j"$jobs" asan B="$B" WERROR=-Werror
	step make -s -j"$jobs" tsan B="$B" WERROR=-Werror
	step make -s -j"$jobs" bench-short B="$B"
fi

read -r passed failed skipped < <(awk '{ p += $1; f += $2; s += $3 }
	END { printf "%d %d %d\n", p, f, s }' "$TALLY")
failed=$((failed + broken))
if ((skipped > 0)); then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
((failed == 0 && passed > 0))
