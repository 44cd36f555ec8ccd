# shellcheck shell=bash
#
# What tests/run.sh and tests/vm/run.sh make of a file's TAP.

# tap_count TAP STATUS: prints "passed failed skipped"; a file that ran less than it
# planned, or whose exit status is not 0, has failed.
tap_count() {
	awk -v status="$2" '
		/^not ok .*# *TODO/ { skipped++; seen++; next }
		/^not ok/ { failed++; seen++ }
		/^ok .*# *(skip|SKIP)/ { skipped++; seen++; next }
		/^ok/ { passed++; seen++ }
		/^1\.\.[0-9]+/ { planned = substr($1, 4); plan = 1 }
		END {
			if (!failed && (status != 0 || !plan || planned != seen))
				failed++
			printf "%d %d %d\n", passed, failed, skipped
		}' "$1"
}

# tap_report NAME STATUS START PASSED FAILED SKIPPED TAP ERR: a line for the file, and if
# it has failed what failed (not with an empty TAP) and the end of its standard error.
tap_report() {
	local name=$1 status=$2 start=$3 passed=$4 failed=$5 skipped=$6 tap=$7 err=$8

	{
		awk -v name="$name" -v passed="$passed" -v failed="$failed" -v skipped="$skipped" \
			-v start="$start" -v end="$EPOCHREALTIME" 'BEGIN {
				printf "%-4s  %-28s %5d passed", failed ? "FAIL" : "ok", name, passed
				if (failed)
					printf ", %d failed", failed
				if (skipped)
					printf ", %d skipped", skipped
				printf "  %.1f s\n", end - start
			}'
		if [ "$failed" != 0 ]; then
			[ -z "$tap" ] || awk '/^not ok/ { show = 1 } /^ok/ { show = 0 } show' "$tap" | head -n 60
			tail -n 20 "$err"
			[ "$status" = 0 ] || echo "exit status $status"
		fi
	} | sed '2,$s/^/      | /'
}
