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

passed=0
failed=0
for check in tests/lint/*.sh; do
	name=${check##*/}
	name=${name%.sh}
	if [ $# != 0 ] && [[ " $* " != *" $name "* ]]; then
		continue
	fi
	if problems=$(bash "$check" 2>&1); then
		echo "ok    lint $name"
		passed=$((passed + 1))
	else
		echo "FAIL  lint $name"
		# shellcheck disable=SC2001 # every line of it
		sed 's/^/      | /' <<<"${problems:-(it said nothing)}"
		failed=$((failed + 1))
	fi
done
[ -z "${TALLY:-}" ] || echo "$passed $failed 0" >>"$TALLY"
((failed == 0 && passed > 0))
