#!/bin/bash
# Runs the checks in tests/lint over the files of the checkout:
#
#   tests/lint.sh BUILD [NAME...]
#
# A check is tests/lint/NAME.sh: it prints what is wrong, and then exits non-zero.
# Each gets the names of the files from "files" below.  TALLY as in run.sh.
set -u
cd "$(dirname "$0")/.." || exit
BUILD=$1
shift
CLANG_FORMAT=${CLANG_FORMAT:-clang-format-19}
export BUILD CLANG_FORMAT
unset MAKEFLAGS MAKELEVEL MFLAGS

# files PATTERN...: prints the files that are, or are about to be, in the repository.
files() {
	local file

	git ls-files -co --exclude-standard -- "$@" | while IFS= read -r file; do
		[ ! -e "$file" ] || printf '%s\n' "$file"
	done
}
export -f files

# check_one CHECK: runs it, and prints the result at once, since others print at the same time.
check_one() {
	local name=${1##*/} problems

	name=${name%.sh}
	if problems=$(bash "$1" 2>&1); then
		echo "ok    lint $name"
	else
		# shellcheck disable=SC2001 # every line of it
		problems=$(sed 's/^/      | /' <<<"${problems:-(it said nothing)}")
		printf 'FAIL  lint %s\n%s\n' "$name" "$problems"
		return 1
	fi
}

passed=0
failed=0
count_one() {
	if wait -n; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
}

running=0
for check in tests/lint/*.sh; do
	name=${check##*/}
	if [ $# != 0 ] && [[ " $* " != *" ${name%.sh} "* ]]; then
		continue
	fi
	if ((running == $(nproc))); then
		count_one
		running=$((running - 1))
	fi
	check_one "$check" &
	running=$((running + 1))
done
while ((running-- > 0)); do count_one; done
[ -z "${TALLY:-}" ] || echo "$passed $failed 0" >>"$TALLY"
((failed == 0 && passed > 0))
