#!/usr/bin/env bats
# Images that change, vanish or are replaced while a command works on them; several jobs
# on one target at once; and targets without free space.

load common

setup_file() { img_setup_file a b; }
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	head -c 3M /dev/urandom >x.img
}
teardown() { img_teardown; }

# begins EVENT WORDS...: starts it, slowly, and waits for EVENT; $run is its pid.
begins() {
	local event=$1
	shift

	"$1" -F "$SSH_CONFIG" --bwlimit 2M "${@:2}" >"$OUT" 2>"$ERR" 3>&- &
	run=$!
	wait_until 20 eval "$event"
}

# ended STATUS [START]: it ended with that status, and one line unless STATUS is 0.
ended() {
	status=0
	wait "$run" || status=$?
	if [ "$status" != "$1" ] || { [ "$1" != 0 ] && ! one_line "${2:-img-}"; }; then
		told
		return 1
	fi
	wait_until 10 no_process
}

# reads FILE: a helper has FILE open, and has read more than its beginning, which it does once
# it has looked at the file's times.
reads() {
	local pid file key value

	find_processes
	for pid in "${PROCESSES[@]}"; do
		for file in "/proc/$pid/fd/"*; do
			[ "$file" -ef "$1" ] || continue
			while read -r key value; do
				[[ $key != rchar: ]] || ((value <= 262144)) || return 0
			done <"/proc/$pid/io"
		done
	done
	return 1
}

no_mark() {
	[ "$(img-info --json "$1" | jq .unfinished)" = false ]
}

# What may happen to an image meanwhile.
shrinks() { truncate -s 2500000 "$1"; }
grows() { truncate -s 4M "$1"; }
is_written() { printf X | put "$1" 3000000; }
is_written_quietly() {
	touch -r "$1" ref
	is_written "$1"
	touch -r ref "$1"
}
vanishes() { mv "$1" gone; }
is_replaced() {
	echo stranger >new
	mv new "$1"
}

@test "changes: the source of img-write" {
	local how where

	for how in shrinks grows is_written is_written_quietly; do
		for where in '' a: b:; do
			[ -z "$where" ] || where+=$DIR/
			head -c 3M /dev/urandom >x.img
			head -c 4M /dev/zero >y.img
			begins 'begun x.img y.img' img-write "${where}x.img" y.img
			$how x.img
			ended 8 "img-write: ${where}x.img: "
			has_mark y.img # it is a mixture
			rm y.img
		done
	done
}

# What may happen to the name of an image that is written in place.
gives_way() { mv new.img "$1"; }
is_swapped() {
	mv "$1" gone
	mv new.img "$1"
}

@test "changes: the name of an image that is written in place" {
	local how now

	mkfifo one
	for how in vanishes gives_way is_swapped; do
		echo stranger >new.img
		head -c 4M /dev/urandom >y.img
		ln y.img written
		img-write --allow-links - y.img <one >"$OUT" 2>"$ERR" 3>&- &
		run=$!
		exec 5>one
		head -c 2M x.img >&5
		wait_until 20 begun x.img y.img
		$how y.img
		now=$(cat y.img 2>&1 || true)
		exec 5>&-
		ended 5 'img-write: y.img: was renamed or replaced while it was written'
		[ "$(cat y.img 2>&1 || true)" = "$now" ]
		has_mark written
		rm -f y.img written gone new.img
	done
}

@test "changes: what img-verify reads" {
	local how

	for how in shrinks grows is_written is_written_quietly; do
		head -c 3M /dev/urandom >x.img
		begins "reads $DIR/x.img" img-verify x.img
		$how x.img
		ended 8 'img-verify: x.img: '
		[ ! -s "$OUT" ]
		head -c 3M /dev/urandom >x.img
		begins "reads $DIR/x.img" img-verify "a:$DIR/x.img"
		$how x.img
		ended 8 "img-verify: a:$DIR/x.img: "
		[ ! -s "$OUT" ]
	done
}

@test "changes: what img-archive packs; the original is kept" {
	local how where before

	for how in shrinks grows is_written is_written_quietly is_replaced vanishes; do
		for where in '' "a:$DIR/"; do
			head -c 3M /dev/urandom >x.img
			begins 'test -e .x.img.lzo.img-tools' img-archive "${where}x.img"
			$how x.img
			before=$(cat x.img | sha256sum) 2>/dev/null || true
			case $how in
			is_replaced | vanishes) # the read file was complete, the new one is not ours
				status=0
				wait "$run" || status=$?
				[ "$status" != 0 ] || lzop -t x.img.lzo
				rm -f x.img.lzo
				;;
			*) ended 8 "img-archive: ${where}x.img: " ;;
			esac
			wait_until 10 no_process
			[ "$(cat x.img | sha256sum)" = "$before" ] 2>/dev/null
			[ ! -e x.img.lzo ]
			no_partial
			rm -f gone ref x.img
		done
	done
}

@test "changes: what img-unarchive unpacks; the archive is kept" {
	local how before

	cp x.img orig
	for how in shrinks is_written is_written_quietly is_replaced; do
		cp orig x.img
		img-archive x.img
		begins 'test -e .x.img.img-tools' img-unarchive "x.img.lzo"
		$how x.img.lzo
		before=$(sha256sum <x.img.lzo)
		status=0
		wait "$run" || status=$?
		if [ $how != is_replaced ]; then
			[ "$status" = 8 ]
			[ ! -e x.img ]
		elif [ "$status" = 0 ]; then
			same orig x.img
		fi
		wait_until 10 no_process
		[ "$(sha256sum <x.img.lzo)" = "$before" ]
		no_partial
		rm -f x.img*
	done
}

@test "changes: a source that vanishes is copied nevertheless" {
	cp x.img orig
	begins 'test -e .y.img.img-tools' img-copy x.img y.img
	rm x.img
	ended 0
	same orig y.img
	cp orig x.img
	begins 'test -e .z.img.img-tools' img-copy "a:$DIR/x.img" "b:$DIR/z.img"
	rm x.img
	ended 0
	same orig z.img
}

when_told() {
	until [ -e go ]; do :; done
	exec "$1" -F "$SSH_CONFIG" "${@:2}"
}

# at_once COMMAND...: runs it twice at the same moment.  The statuses are in $statuses,
# the better one first.
at_once() {
	local first second

	rm -f go
	when_told "$@" >"$OUT" 2>"$ERR" 3>&- &
	first=$!
	when_told "$@" >"$OUT.2" 2>"$ERR.2" 3>&- &
	second=$!
	: >go
	statuses=(0 0)
	wait "$first" || statuses[0]=$?
	wait "$second" || statuses[1]=$?
	rm go
	if ((statuses[0] > statuses[1])); then
		statuses=("${statuses[1]}" "${statuses[0]}")
	fi
	if ((statuses[0] != 0)); then
		cat "$ERR" "$ERR.2" >&2
		return 1
	fi
	[ "$(cat "$ERR" "$ERR.2" | wc -l)" = $((statuses[1] != 0)) ]
}

@test "at once: two jobs copy to one new name" {
	local words _

	for words in 'x.img y.img' "a:$DIR/x.img y.img" "x.img b:$DIR/y.img" '--archive x.img y.img'; do
		for _ in 1 2 3; do
			# shellcheck disable=SC2086 # several words
			at_once img-copy $words
			[[ ${statuses[1]} == [56] ]]
			if [[ $words == --* ]]; then
				lzop -dc y.img | same x.img -
			else
				same x.img y.img
			fi
			no_partial
			rm y.img
		done
	done
}

# two_make WORDS...: a job makes x.img from the pipe "one", its hidden file is removed, and another
# job, which makes it again, reads the pipe "two".  Both pipes, 5 and 6, are open then.
two_make() {
	mkfifo one two
	"$@" - x.img <one >"$OUT" 2>"$ERR" 3>&- &
	run=$!
	exec 5>one
	head -c 1M "$IMAGE" >&5
	wait_until 20 test -s .x.img.img-tools
	rm .x.img.img-tools
	"$@" - x.img <two >second.out 2>&1 3>&- 5>&- &
	second=$!
	exec 6>two
	head -c 1M "$IMAGE" >&6
	wait_until 20 test -s .x.img.img-tools
}

second_is_made() {
	cut_out "$IMAGE" 1048576 8388608 >&6
	exec 6>&-
	wait "$second"
	[ ! -s second.out ]
	same "$IMAGE" x.img
	no_partial
	rm one two x.img
}

# not_published WORDS...: the first of two such jobs fails and changes nothing, and the second succeeds.
not_published() {
	local before

	before=$(cat x.img 2>&1 || true)
	two_make "$@"
	exec 5>&-
	status=0
	wait "$run" || status=$?
	[ "$status" = 5 ]
	one_line 'img-copy: x.img: its unfinished file was removed or replaced meanwhile'
	[ -e .x.img.img-tools ]
	[ "$(cat x.img 2>&1 || true)" = "$before" ]
	second_is_made
}

@test "at once: a job whose hidden file was removed does not publish that of another" {
	rm x.img
	not_published img-copy
	echo old >x.img
	not_published img-copy --overwrite
}

@test "at once: an interrupted job does not remove the hidden file of another" {
	rm x.img
	two_make env --default-signal=INT img-copy
	kill -INT "$run"
	status=0
	wait "$run" || status=$?
	[ "$status" = 130 ]
	exec 5>&-
	[ -e .x.img.img-tools ]
	second_is_made
}

@test "at once: two jobs create one image" {
	local _

	for _ in 1 2 3 4 5; do
		at_once img-create y.img 1M
		[[ ${statuses[1]} == [56] ]]
		[ "$(stat -c %s y.img)" = 1048576 ]
		rm y.img
	done
}

@test "at once: two jobs replace one image" {
	local words _

	for words in 'x.img y.img' "x.img a:$DIR/y.img"; do
		for _ in 1 2 3; do
			echo old >y.img
			# shellcheck disable=SC2086 # several words
			at_once img-copy --overwrite $words
			[[ ${statuses[1]} == [05] ]]
			same x.img y.img
			no_partial
		done
	done
}

@test "at once: two jobs write to one image" {
	local words _

	for words in 'x.img y.img' "a:$DIR/x.img b:$DIR/y.img"; do
		for _ in 1 2 3; do
			head -c 4M /dev/urandom >y.img
			# shellcheck disable=SC2086 # several words
			at_once img-write $words
			[[ ${statuses[1]} == [05] ]]
			cmp -n 3145728 x.img y.img
			cmp -n 1048576 -i 3145728:0 y.img /dev/zero
			no_mark y.img
		done
	done
}

@test "at once: two jobs archive one image, and two unpack it" {
	local where _

	cp x.img orig
	for where in '' "a:$DIR/"; do
		for _ in 1 2 3; do
			at_once img-archive "${where}x.img"
			[[ ${statuses[1]} == [356] ]]
			[ "$(ls)" = $'orig\nx.img.lzo' ]
			lzop -dc x.img.lzo | same orig -
			at_once img-unarchive "${where}x.img.lzo"
			[[ ${statuses[1]} == [356] ]]
			[ "$(ls)" = $'orig\nx.img' ]
			same orig x.img
		done
	done
}

@test "at once: two jobs delete or rename one image" {
	local _

	for _ in 1 2 3; do
		cp x.img y.img
		at_once img-delete y.img
		[ "${statuses[1]}" = 3 ]
		[ ! -e y.img ]
		cp x.img y.img
		at_once img-rename y.img z.img
		[[ ${statuses[1]} == [36] ]]
		same x.img z.img
		rm z.img
	done
}

# too_small before|later WORDS...: img-write to y.img, of 1 MiB, fails with 9, either before
# the first byte is written, or later and with a mark.
too_small() {
	local marked=$1 before
	shift

	rm -f y.img # together with its mark
	head -c 1M /dev/zero | tr '\0' '\252' >y.img
	before=$(state_of y.img)
	refuses 9 "${*: -1}" img-write "$@"
	[ "$(stat -c %s y.img)" = 1048576 ]
	if [ "$marked" = before ]; then # before the first byte
		[ "$(state_of y.img)" = "$before" ]
		no_mark y.img
	else
		has_mark y.img
	fi
}

@test "space: img-write of a source larger than the target, wherever its length is known from" {
	img-archive -k x.img
	lzop -o theirs.lzo x.img
	too_small before x.img y.img
	too_small before "a:$DIR/x.img" y.img
	too_small before x.img.lzo y.img
	too_small before x.img.lzo "b:$DIR/y.img"
	too_small before --sparse x.img.lzo y.img
	too_small before theirs.lzo y.img
	too_small before "a:$DIR/theirs.lzo" y.img
	too_small later - y.img < <(cat x.img)
	too_small later - y.img < <(cat theirs.lzo)
	too_small before - y.img < <(cat x.img.lzo)
	too_small later - "a:$DIR/y.img" < <(cat theirs.lzo)
}

@test "space: img-write to a sparse image on a full filesystem" {
	local words

	small_fs m 2M
	for words in 'x.img m/y.img' "x.img a:$DIR/m/y.img" "- m/y.img"; do
		truncate -s 4M m/y.img
		# shellcheck disable=SC2086 # several words
		refuses 9 "${words#* }" img-write $words < <(cat x.img)
		[ "$(stat -c %s m/y.img)" = 4194304 ]
		rm m/y.img
	done
}

@test "space: an archive on a filesystem without free space for it" {
	local words before

	small_fs m 2M
	echo old >m/old.lzo
	before=$(state_of m/old.lzo)
	for words in 'x.img m/y.lzo' "x.img a:$DIR/m/y.lzo" "a:$DIR/x.img b:$DIR/m/y.lzo" \
		'--overwrite x.img m/old.lzo' "--overwrite x.img a:$DIR/m/old.lzo"; do
		# shellcheck disable=SC2086 # several words
		refuses 9 "${words##* }" img-copy -a $words
		[ "$(ls -A m)" = old.lzo ]
		[ "$(state_of m/old.lzo)" = "$before" ]
	done
}
