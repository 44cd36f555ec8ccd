# shellcheck shell=bash
#
# Shared by crash*.bats, beside common.bash: a command's helper is killed at its system calls.
# The commands run from a copy of the build whose helper is started by strace (traced_build).

CALLS=openat,pwrite64,fsync,fdatasync,ftruncate,fallocate,rename,renameat,renameat2,unlink,unlinkat
CALLS+=,link,linkat,fsetxattr,fremovexattr,fchown,fchmod,utimensat
MAY_MISS=      # set if a program has threads that share its calls in another way each time
CHILD_STATUS=7 # if a program is killed that the helper runs

# run_traced WORD...: runs a command of the copy; $1 is its name.
run_traced() {
	status=0
	timeout -k 10 60 "$TRACED/bin/$1" -F "$SSH_CONFIG" "${@:2}" >"$OUT" 2>"$ERR" || status=$?
}

# count_points WORD...: runs it without a fault, and prints its "CALL N", the Nth in a thread,
# without those calls that only read.
count_points() {
	printf '%s\n' -e "trace=$CALLS" "${ALWAYS[@]}" >"$INJECT"
	run_traced "$@"
	[ "$status" = 0 ] || return 1
	awk '$2 ~ /^[a-z0-9_]+\(/ {
		call = $2
		sub(/\(.*/, "", call)
		n = ++count[$1, call]
		if (call == "openat" && ($0 !~ /O_CREAT|O_WRONLY|O_RDWR/ || $0 ~ /"\/(dev|proc)\//))
			next
		if (!seen[call, n]++)
			print call, n
	}' "$TRACE"
}

# crash SCENARIO WORD...: kills the helper, or a program that it runs, at each of its points.
# SCENARIO_make prepares the empty directory w, SCENARIO_check examines it, and the words of
# $AFTER, if any, are run as a command after that; there are $LEAST points or more, of which
# each $EVERYth is tried; $ALWAYS has more options for strace.
crash() {
	local scenario=$1 call n killed=0
	shift

	rm -rf w
	mkdir w
	"$scenario"_make
	count_points "$@" >points
	[ "$(wc -l <points)" -ge "$LEAST" ]
	awk -v every="${EVERY:-1}" 'NR % every == 0' points >tried
	while read -r call n; do
		rm -rf w
		mkdir w
		"$scenario"_make
		printf '%s\n' -e "trace=$CALLS" "${ALWAYS[@]}" -e "inject=$call:signal=KILL:when=$n" >"$INJECT"
		run_traced "$@"
		if [ -n "${MAY_MISS:-}" ] && [ "$status" = 0 ]; then
			continue
		fi
		if [[ ! $status =~ ^(7|$CHILD_STATUS)$ ]] || ! one_line "$1: "; then
			echo "killed at $call $n:" >&2
			told
			return 1
		fi
		wait_until 10 no_process
		# shellcheck disable=SC2086 # words
		if ! "$scenario"_check || ! cleaned "$scenario" || ! ${AFTER:-true}; then
			echo "after a kill at $call $n:" >&2
			told
			ls -lA w >&2
			return 1
		fi
		killed=$((killed + 1))
	done <tried
	echo "killed $killed times"
}

# cleaned SCENARIO: img-clean removes everything of ours, and nothing else.
cleaned() {
	try img-clean w
	[ "$status" = 0 ] && [ ! -s "$ERR" ] && [ -z "$(find w -name '.*.img-tools')" ] && "$1"_check
}

is() {
	cmp -s "$1" "$2"
}
