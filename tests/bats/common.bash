# shellcheck shell=bash
#
# What all bats files share.  A file calls img_setup_file in its setup_file,
# img_setup in setup, and img_teardown in teardown, which fails the test if a
# process or a partial file is left behind.
#
#   $IMG_TEST          in the environment of all processes of this file and of the peers
#   $IMAGE             8 MiB with an ext4 filesystem, files, some holes, some random data
#   $OUT, $ERR         standard output and standard error of the last `try`
#
# Each test has an empty current directory of its own, $DIR.

bats_require_minimum_version 1.5.0

# bats runs a function before each command of a test, to know the line of a failure.  That costs
# 0.3 ms for a command, and 7 ms without hardware virtualisation.  Bash 5 knows the line when a
# command has failed, so it is recorded then.
set +T
bats_error_trap() {
	bats_check_status_from_trap
	if [ -z "$BATS_DEBUG_LAST_STACK_TRACE_IS_VALID" ]; then
		bats_capture_stack_trace
		BATS_DEBUG_LAST_STACK_TRACE_IS_VALID=1
	fi
}

# This file is read for each test, and a process can take 10 ms.  So it starts none, and what runs
# around every test and after every command starts as few as it can.
if [[ ${IMG_BUILD:-} != /* ]]; then
	IMG_BUILD=$(cd "$BATS_TEST_DIRNAME/../.." && cd "${IMG_BUILD:-build}" && pwd)
	export IMG_BUILD
fi
PATH=$IMG_BUILD/bin:$PATH:/usr/sbin:/sbin

# shellcheck source=tests/bats/sshd.bash
source "$BATS_TEST_DIRNAME/sshd.bash"

BLOCK=262144 # the number of bytes of an image in one block

# img_setup_file [HOST...]: starts an sshd for each HOST.
img_setup_file() {
	unset SSH_AUTH_SOCK SSH_ASKPASS SSH_ASKPASS_REQUIRE IMG_RSH DISPLAY XDG_CACHE_HOME XDG_RUNTIME_DIR SSHD_DIR
	export IMG_TEST="${BATS_TEST_FILENAME##*/}.$$.$RANDOM" LC_ALL=C HOME="$BATS_FILE_TMPDIR/home"
	if [ ! -x "$IMG_BUILD/bin/img-copy" ]; then
		echo "no programs in $IMG_BUILD: make them first" >&2
		return 1
	fi
	mkdir "$HOME"
	export IMAGE="$BATS_FILE_TMPDIR/image"
	make_image "$IMAGE"
	local host
	for host; do
		start_host "$host"
	done
}

img_teardown_file() {
	sshd_stop
	if mountpoint -q "$BATS_RUN_TMPDIR"; then
		as_root umount -l "$BATS_RUN_TMPDIR"
	fi
}

img_setup() {
	DIR=$BATS_TEST_TMPDIR/work
	OUT=$BATS_TEST_TMPDIR/out
	ERR=$BATS_TEST_TMPDIR/err
	MOUNTS=()
	mkdir "$DIR"
	cd "$DIR" || return
	umask 022
}

img_teardown() {
	local clean=0 mount

	nothing_left || clean=1
	kill_processes
	cd / || return
	for mount in "${MOUNTS[@]}"; do
		as_root umount "$mount" || as_root umount -l "$mount"
	done
	return $clean
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

# by USER COMMAND...: runs it as a user who may look into the test's directories.
by() {
	local user=$1
	shift
	as_root env "PATH=$PATH" "HOME=$HOME" "IMG_TEST=$IMG_TEST" setpriv --reuid "$user" \
		--regid "$user" --clear-groups --inh-caps=+dac_read_search \
		--ambient-caps=+dac_read_search --bounding-set=-all,+dac_read_search "$@"
}

# start_host NAME [LINE...]: an sshd (sshd.bash) whose sessions have $IMG_TEST,
# a home of their own, $BATS_FILE_TMPDIR/home-NAME, and the NAME=VALUE words
# in $HOST_ENV.  If $HOST_MOUNTS, lines of shell, makes mounts, or a helper is
# installed here, the sshd has a mount namespace of its own: the installed helper
# must be hidden, because it would be used instead of the one under test.
start_host() {
	local name=$1 mounts=${HOST_MOUNTS:-} place sshd_program=$sshd_program
	shift
	mkdir -p "$BATS_FILE_TMPDIR/home-$name"
	for place in {/usr,/usr/local}/libexec/img-tools; do
		if [ "$(id -u)" = 0 ] && [ -d "$place" ]; then
			share_mounts
			mounts+=$'\n'$(hide "$place")
		fi
	done
	if [ -n "$mounts" ]; then
		make_sshd "$BATS_FILE_TMPDIR/sshd-$name" "$mounts"
		sshd_program=$BATS_FILE_TMPDIR/sshd-$name
	fi
	sshd_start "$name" \
		"SetEnv IMG_TEST=$IMG_TEST HOME=$BATS_FILE_TMPDIR/home-$name ${HOST_ENV:-}" "$@"
}

# hide DIRECTORY...: lines for $HOST_MOUNTS that hide the content of existing directories.
hide() {
	local place

	for place; do
		[ ! -d "$place" ] || echo "mount -t tmpfs -o mode=700 tmpfs $place"
	done
}

# hide_helpers: lines for $HOST_MOUNTS that hide the places other than home where an earlier job may have
# left a helper, so that none is found or left there.  The directories are made, and stay, empty.
hide_helpers() {
	local place uid

	uid=$(id -u)
	for place in {/var/tmp,/tmp,/dev/shm}/img-tools-"$uid"; do
		echo "mkdir -p -m 700 $place && mount -t tmpfs -o mode=700 tmpfs $place"
	done
	hide "/run/user/$uid/img-tools"
}

# Hosts with mounts of their own must see what tests mount from now on.
share_mounts() {
	if ! mountpoint -q "$BATS_RUN_TMPDIR"; then
		as_root mount --bind "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"
		as_root mount --make-shared "$BATS_RUN_TMPDIR"
	fi
}

# make_sshd FILE SCRIPT: a program that runs SCRIPT in a mount namespace and then sshd.
make_sshd() {
	cat >"$1" <<-END
		#!/bin/sh
		[ "\$1" = inside ] || exec unshare -m --propagation slave "\$0" inside "\$@"
		shift
		set -e
		$2
		exec $sshd_program "\$@"
	END
	chmod +x "$1"
}

# The other hosts share our file system: "a:$DIR/x" and "x" are the same file.

make_image() {
	local tree=$BATS_FILE_TMPDIR/tree

	mkdir -p "$tree/etc" "$tree/srv"
	seq 1 150000 >"$tree/srv/numbers"
	head -c 700000 /dev/urandom >"$tree/srv/random"
	echo guest >"$tree/etc/hostname"
	mke2fs -q -F -t ext4 -L guest -d "$tree" "$1" 8M
	rm -r "$tree"
}

# make_sparse FILE: a bit more than 4 MiB with holes, data, and two blocks of written
# zeros; neither its length nor its data are a multiple of the block size.
make_sparse() {
	truncate -s $((16 * BLOCK + 1234)) "$1"
	head -c 300000 /dev/urandom | put "$1" 5000
	head -c $((2 * BLOCK)) /dev/zero | put "$1" $((6 * BLOCK))
	seq 1 9000 | put "$1" $((10 * BLOCK))
	printf end | put "$1" $((16 * BLOCK + 1231))
}

# Prints the number of bytes that FILE takes on disk.
allocated() {
	echo $(($(stat -c '%b * %B' "$1")))
}

# Prints the number of bytes in the pieces of 4096 bytes of FILE that are not all zeros.
data_bytes() {
	od -An -v -w4096 -tx1 "$1" | awk '/[1-9a-f]/ { n += NF } END { print n + 0 }'
}

# traced_build OPTION...: makes $TRACED, a copy of the build whose helper, $TRACED_HELPER, is
# started by strace with these options and those in the file $INJECT, one per line.  The
# output of strace goes to $TRACE.
traced_build() {
	local helper

	helper=libexec/img-tools/img-helper-$(uname -m)
	export TRACED=$BATS_FILE_TMPDIR/traced INJECT=$BATS_FILE_TMPDIR/inject
	export TRACE=$BATS_FILE_TMPDIR/trace TRACED_HELPER=$TRACED/$helper
	mkdir -p "$TRACED/bin" "$TRACED/${helper%/*}"
	cp "$IMG_BUILD"/bin/img-* "$TRACED/bin"
	: >"$INJECT"
	# shellcheck disable=SC2016 # it is a script
	printf '#!/bin/bash\nexport ASAN_OPTIONS=detect_leaks=0\nmapfile -t words <%q\n%s\n' "$INJECT" \
		"exec strace -f $* -o $TRACE \"\${words[@]}\" $IMG_BUILD/$helper \"\$@\"" \
		>"$TRACED_HELPER"
	chmod 755 "$TRACED_HELPER"
}

# Prints the properties of FILE that must not change if a command does not touch it.
state_of() {
	stat -c '%i %a %u %g %h %s %Y' "$1"
	sha256sum <"$1"
}

le64() {
	local i octal

	for ((i = 0; i < 64; i += 8)); do
		printf -v octal '\\%03o' $(($1 >> i & 255))
		# shellcheck disable=SC2059 # it is the format
		printf "$octal"
	done
}

xxh128() {
	xxhsum -q -H2 - | cut -d' ' -f1
}

unhex() {
	local i

	for ((i = 0; i < ${#1}; i += 2)); do
		# shellcheck disable=SC2059 # it is the format
		printf "\\x${1:i:2}"
	done
}

# Prints the digest of FILE, an image of some blocks: XXH3-128 over its length and, for
# each block that is not all zero, its index and its XXH3-128.
digest_of() {
	local size i blocks block=$BATS_TEST_TMPDIR/block

	size=$(stat -L -c %s "$1")
	blocks=$(((size + BLOCK - 1) / BLOCK))
	{
		le64 "$size"
		for ((i = 0; i < blocks; i++)); do
			dd if="$1" of="$block" bs=$BLOCK skip="$i" count=1 status=none
			truncate -s $BLOCK "$block"
			if ! cmp -s -n $BLOCK "$block" /dev/zero; then
				le64 "$i"
				unhex "$(xxh128 <"$block")"
			fi
		done
	} | xxh128
}

# try COMMAND...: runs it and sets $status, $OUT and $ERR.  The programs under
# test are given the SSH configuration of the file's hosts (-F).
try() {
	if [[ $1 == img-* && -n ${SSH_CONFIG:-} ]]; then
		set -- "$1" -F "$SSH_CONFIG" "${@:2}"
	fi
	if ! declare -F "$1" >/dev/null; then
		set -- timeout -k 10 120 "$@"
	fi
	status=0
	"$@" >"$OUT" 2>"$ERR" || status=$?
}

told() {
	echo "status: $status"
	echo "standard output:"
	head -c 2000 "$OUT"
	echo "standard error:"
	head -c 2000 "$ERR"
} >&2

# succeeds COMMAND...: status 0, and nothing on standard error but the note that an archive was
# unpacked.
succeeds() {
	try "$@"
	if [ "$status" != 0 ] ||
		{ [ -s "$ERR" ] && grep -qv ': unpacked from an lzop archive$' "$ERR"; }; then
		echo "did not just succeed: $*" >&2
		told
		return 1
	fi
}

# refuses STATUS LOCATION COMMAND...: fails with STATUS; standard error is one line
# "PROGRAM: LOCATION: ..." (without LOCATION if that is empty) without control
# characters; standard output is empty.
refuses() {
	local want=$1 where=$2 start
	shift 2

	for start; do
		[[ $start != img-* ]] || break
	done
	start="$start: ${where:+$where: }"
	try "$@"
	if [ "$status" != "$want" ] || [ -s "$OUT" ] || ! one_line "$start"; then
		echo "should have failed with $want and one line of '$start': $*" >&2
		told
		return 1
	fi
}

# one_line START: $ERR is one line that begins with START.
one_line() {
	local lines

	mapfile lines <"$ERR"
	[ ${#lines[@]} = 1 ] || return 1
	[[ ${lines[0]} == "$1"*$'\n' && ${lines[0]%$'\n'} != *[[:cntrl:]]* ]]
}

# sample STEP: prints the step from one case of a long series to the next: STEP, or 1 in
# `make soak`.
sample() {
	if [ -n "${IMG_SOAK:-}" ]; then
		echo 1
	else
		echo "$1"
	fi
}

# has_mark IMAGE: the image is shown as unfinished.
has_mark() {
	img-info --json "$1" | jq -e .unfinished >/dev/null
}

# begun SOURCE IMAGE: a job that fills the marked IMAGE has written some of SOURCE to it.  Only
# then does it leave the mark if it fails.
begun() {
	has_mark "$2" && cmp -s -n 4096 -i 4096 "$1" "$2"
}

# held_open FILE [r]: a process of its own, $HOLDER, has it open for appending, or for reading, until
# let_go.  What the test itself has open, the commands that it starts have open, too.
held_open() {
	if [ "${2:-}" = r ]; then
		sleep inf 4<"$1" 3>&- &
	else
		sleep inf 4>>"$1" 3>&- &
	fi
	HOLDER=$!
	wait_until 10 is_held "$1"
}

is_held() {
	[ "$1" -ef "/proc/$HOLDER/fd/4" ]
}

let_go() {
	kill "$HOLDER"
	wait "$HOLDER" || true
}

# broken_archive FILE: an archive of 64 MiB whose end is missing.  A job that finds this drops what
# it has read ahead; before that it has written more.
broken_archive() {
	head -c 64M /dev/urandom | lzop -c | head -c -100000 >"$1"
}

# spoiled_archive FILE: an archive whose only block is damaged, so that nothing of it is written.
spoiled_archive() {
	head -c 100K /dev/urandom | lzop -c >"$1"
	printf spoiled | dd of="$1" bs=1 seek=1000 conv=notrunc status=none
}

# attributes FILE: prints owner, group, mode and time.
attributes() {
	stat -c '%u %g %a %.9Y' "$1"
}

# lacks FILE PATTERN: FILE can be read, and no line of it matches PATTERN.
lacks() {
	local result=0

	grep -q -e "$2" "$1" || result=$?
	if [ "$result" = 0 ]; then
		echo "should not match '$2':" >&2
		cat -A "$1" >&2
		return 1
	fi
	[ "$result" = 1 ]
}

# printable FILE: FILE is lines of text without control characters.
printable() {
	lacks "$1" '[[:cntrl:]]'
}

says() {
	local text

	mapfile -d '' text <"$ERR"
	[[ ${text[*]} == *"$1"* ]] || {
		echo "standard error lacks: $1" >&2
		told
		return 1
	}
}

# json FILTER: jq's FILTER is true for the output of the last `try`.
json() {
	jq -e "$@" "$OUT" >/dev/null || {
		echo "not so: $*" >&2
		told
		return 1
	}
}

# same FILE FILE
same() {
	cmp "$1" "$2" >&2
}

# Makes `try` run commands without the capability to ignore permissions.
without_power() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-all "$@"
	else
		"$@"
	fi
}

# sockets PID: prints how many sockets it has open.
sockets() {
	find "/proc/$1/fd" -lname 'socket:*' | wc -l
}

# has_more_sockets PID BEFORE: it has more than so many, since it serves a client.
has_more_sockets() {
	[ "$(sockets "$1")" -gt "$2" ]
}

# wait_until SECONDS COMMAND...: repeats COMMAND until it succeeds.
wait_until() {
	local until=$((${EPOCHREALTIME/./} + $1 * 1000000)) never result=0
	shift

	if "$@"; then return 0; fi
	exec {never}<> <(:) # for pauses without a process
	until "$@"; do
		if [ "${EPOCHREALTIME/./}" -gt "$until" ]; then
			echo "waited in vain for: $*" >&2
			result=1
			break
		fi
		read -rt 0.02 <&"$never" || true
	done
	exec {never}<&-
	return $result
}

# encrypted NAME SIZE [OPTION...]: a qcow2 image that is encrypted with the key "x".  Where the clock
# of a thread is coarse, QEMU fails to measure the processor now and then.
encrypted() {
	wait_until 20 qemu-img create -q -f qcow2 --object secret,id=s,data=x \
		-o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10 "${@:3}" "$1" "$2"
}

# Sets PROCESSES to the pids of this file's programs under test, of its helpers, and of shells that
# were about to start one.
find_processes() {
	local own at words

	PROCESSES=()
	mapfile -t own < <(exec grep -slzxF "IMG_TEST=$IMG_TEST" /proc/[0-9]*/environ)
	for at in "${own[@]%/environ}"; do
		{ mapfile -d '' words <"$at/cmdline"; } 2>/dev/null || continue # it has ended
		if [[ ${words[0]:-} == img-* || ${words[0]:-} == */img-* || ${words[*]} == *img-helper* ]]; then
			PROCESSES+=("${at#/proc/}")
		fi
	done
}

# Kills them and the jobs of this shell.
kill_processes() {
	local pid jobs

	find_processes
	jobs -p >"$BATS_TEST_TMPDIR/jobs"
	mapfile -t jobs <"$BATS_TEST_TMPDIR/jobs"
	for pid in "${PROCESSES[@]}" "${jobs[@]}"; do
		kill -KILL "$pid" 2>/dev/null
	done
}

# Prints them.
img_processes() {
	find_processes
	[ ${#PROCESSES[@]} = 0 ] || printf '%s\n' "${PROCESSES[@]}"
}

# Prints the pids of the helpers only.
helpers() {
	local pid

	for pid in $(img_processes); do
		case $(readlink "/proc/$pid/exe") in
		*/img-helper*) echo "$pid" ;;
		esac
	done
}

# sessions HOST: prints the pids of the sshds that serve connections to HOST.
sessions() {
	local pid

	for pid in $(sshd_below "$(cat "$SSHD_DIR/$1/pid")"); do
		case $(readlink "/proc/$pid/exe") in
		*/sshd*) echo "$pid" ;;
		esac
	done
}

no_process() {
	find_processes
	[ ${#PROCESSES[@]} = 0 ]
}

no_partial() {
	local left

	mapfile -t left < <(exec find "$BATS_TEST_TMPDIR" -name '.*.img-tools*')
	[ ${#left[@]} = 0 ] || {
		echo "left: ${left[*]}" >&2
		return 1
	}
}

nothing_left() {
	if ! wait_until 10 no_process; then
		img_processes | xargs -r ps -fp >&2
		return 1
	fi
	no_partial
}

# small_fs DIRECTORY SIZE: mounts a file system of that size until the test ends.
small_fs() {
	mkdir -p "$1"
	as_root mount -t tmpfs -o "size=$2,mode=1777" tmpfs "$1"
	MOUNTS+=("$(realpath "$1")")
}

# Prints the offset of each block header of an lzop file without filter, and
# then the offset of the end mark.  $1: the file.  The two lengths of a block are
# followed by $2 more bytes if it is compressed, and by $3 bytes if it is stored.
lzop_offsets() {
	local at flags name len raw coded

	flags=$(be32 "$1" 17)
	name=$(byte "$1" 33)
	at=$((34 + name + 4))
	if ((flags & 0x40)); then
		len=$(be32 "$1" "$at")
		at=$((at + 4 + len + 4))
	fi
	while raw=$(be32 "$1" "$at") && ((raw != 0)); do
		echo "$at"
		coded=$(be32 "$1" $((at + 4)))
		at=$((at + 8 + coded + (coded < raw ? $2 : $3)))
	done
	echo "$at"
}

be32() {
	od -An -tu4 --endian=big -j "$2" -N 4 "$1" | tr -d ' '
}

byte() {
	od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' '
}

# put FILE OFFSET: overwrites FILE at OFFSET with standard input.
put() {
	dd of="$1" bs=64K seek="$2" oflag=seek_bytes iflag=fullblock conv=notrunc status=none
}

put_be32() {
	unhex "$(printf '%08x' "$3")" | put "$1" "$2"
}

be64() {
	od -An -tu8 --endian=big -j "$2" -N 8 "$1" | tr -d ' '
}

# put_count IMAGE CLUSTER COUNT: the reference count, of 16 bits, of one of the first clusters of a
# qcow2 image.
put_count() {
	local block

	block=$(be64 "$1" "$(be64 "$1" 48)")
	unhex "$(printf '%04x' "$3")" | put "$1" $((block + 2 * $2))
}

# cut_out FILE FROM TO: prints the bytes from FROM to TO.
cut_out() {
	tail -c +$(($2 + 1)) "$1" | head -c $(($3 - $2))
}

# adler32: prints the checksum of standard input, in hexadecimal.
adler32() {
	od -An -v -tu1 -w1 | awk 'BEGIN { a = 1 } { a = (a + $1) % 65521; b = (b + a) % 65521 }
		END { printf "%04x%04x\n", b, a }'
}
