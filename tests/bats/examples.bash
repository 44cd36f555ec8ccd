# shellcheck shell=bash
#
# The examples of the manuals, and how one is run: it succeeds, prints what the
# page shows, and nothing on standard error that it does not show.  Those that are
# about volumes ($VOLUMES is 1) are run on real LVM by tests/vm/manuals.bats, all
# others by manuals.bats here; both have a world of the hosts that they name, and
# a function in_world that runs a command there.  $RAN is how many were run.

page() {
	mandoc -T utf8 -O width=500 "$BATS_TEST_DIRNAME/../../man/$1" | sed 's/.\x08//g'
}

# extract [ARGUMENT...]: the examples in standard input, by examples.awk.
# shellcheck disable=SC2120 # who loads this has some
extract() {
	awk -v volumes="${VOLUMES:-0}" "$@" -f "$BATS_TEST_DIRNAME/../bats/examples.awk"
}

# run_examples OPEN: reads what examples.awk prints; what is shown is compared
# as it is, but for what those of sed's commands make equal.
run_examples() {
	local open=${1:-} line command='' shown='' shows='' status

	RAN=0
	while IFS= read -r line; do
		case $line in
		example) run_example && RAN=$((RAN + 1)) ;;
		'$ '*) run_example && command=${line#??} ;;
		'> '*) command+=$'\n'${line#??} ;;
		=*) shows=1 line=${line#=} shown+=${line# }$'\n' ;;
		:*) printf '%s\n' "${line#: }" >>file ;;
		*)
			echo "no example: $line" >&2
			return 1
			;;
		esac || return
	done
	run_example
}

# Runs $command, if there is one, which shows $shown if it $shows anything.
run_example() {
	[ -n "$command" ] || return 0
	status=0
	in_world bash -o pipefail -c "$command" >"$OUT" 2>"$ERR" </dev/null || status=$?
	if [ "$status" != 0 ]; then
		echo "failed: $command" >&2
		told
		return 1
	fi
	# That an archive was unpacked need not be shown where it is not the point.
	[ -n "$shows" ] || sed -i '/: unpacked from an lzop archive$/d' "$ERR"
	if [ -z "$shows" ] && [ -s "$ERR" ]; then
		echo "said what is not shown: $command" >&2
		told
		return 1
	fi
	if [ -n "$shows" ] && ! diff <(printf %s "$shown" | sed -E "$open") \
		<(cat "$ERR" "$OUT" | sed -E "$open"); then
		echo "does not show that (<) but that (>): $command" >&2
		return 1
	fi >&2
	command='' shown='' shows=''
}

# runs PAGE [OPEN]: all of its examples, in their order, in one world.
runs() {
	local count

	page "$1" | extract >"$BATS_TEST_TMPDIR/examples"
	run_examples "${2:-}" <"$BATS_TEST_TMPDIR/examples"
	count=$(examples_of "$1" "${VOLUMES:-0}")
	[ "$RAN" = "$count" ] || {
		echo "$RAN examples ran, but the page has $count" >&2
		return 1
	}
}

# examples_of PAGE VOLUMES: how many there are in its source, about volumes (1) or not (0).
examples_of() {
	awk -v volumes="$2" '
		/^\.Sh/ { inside = $2 == "EXAMPLES" }
		!inside { next }
		/^\.Dl/ { n += /\/dev\// == volumes + 0 }
		/^\.Bd -literal -offset indent/ { block = 1; has = 0 }
		block && /\/dev\// { has = 1 }
		/^\.Ed/ { n += block && has == volumes + 0; block = 0 }
		END { print n + 0 }' "$BATS_TEST_DIRNAME/../../man/$1"
}
