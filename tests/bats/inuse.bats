#!/usr/bin/env bats
# Images in use: by loop devices, mounts, swap, QEMU, other programs and other jobs of ours.

load common

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	LOOPS=()
	SWAP=
	cp "$IMAGE" x.img
	cp "$IMAGE" source.img
	truncate -s 8M target.img
}
teardown() {
	local device

	[ -z "$SWAP" ] || as_root swapoff "$SWAP"
	for device in "${LOOPS[@]}"; do as_root losetup -d "$device"; done
	img_teardown
}

# loop OPTION... FILE: attaches FILE to a loop device, $LOOP.
loop() {
	LOOP=$(as_root losetup --show -f "$@")
	LOOPS+=("$LOOP")
}

# no_source WHO: x.img is refused as a source, on every host, naming WHO.
no_source() {
	local where

	for where in '' "a:$DIR/"; do
		refuses 5 "${where}x.img" img-copy "${where}x.img" new.img
		says "$1"
	done
	refuses 5 x.img img-write x.img target.img
	says "$1"
	refuses 5 x.img img-verify x.img
	says "$1"
	[ ! -e new.img ]
	try img-copy --live --json x.img live.img
	[ "$status" = 0 ]
	json '.consistent == false'
	one_line 'img-copy: warning: x.img: '
	rm live.img
}

is_source() {
	succeeds img-copy --json x.img new.img
	json '.consistent'
	succeeds img-copy --overwrite "a:$DIR/x.img" new.img
	succeeds img-verify x.img
	rm new.img
}

# no_target WHO: x.img is neither changed nor renamed, on any host.
no_target() {
	local where before

	before=$(stat -c '%i %a %u %g %h %s' x.img) # its user may write to it
	for where in '' "a:$DIR/"; do
		refuses 5 "${where}x.img" img-write target.img "${where}x.img"
		says "$1"
		refuses 5 "${where}x.img" img-delete "${where}x.img"
		says "$1"
	done
	refuses 5 x.img img-copy --overwrite target.img x.img
	says "$1"
	refuses 5 x.img img-rename x.img new.img
	says "$1"
	refuses 5 x.img img-archive x.img
	says "$1"
	refuses 5 x.img img-write -n target.img x.img
	refuses 5 x.img img-delete -n x.img
	[ "$(stat -c '%i %a %u %g %h %s' x.img)" = "$before" ]
	if cmp -s x.img target.img; then return 1; fi
	[ "$(find . -maxdepth 1 -name '*x.img*' | wc -l)" = 1 ]
}

# free: x.img is no longer in use.
free() {
	is_source
	succeeds img-write source.img x.img
	succeeds img-rename x.img y.img
	succeeds img-delete y.img
}

shown() {
	succeeds img-info --json x.img
	json "$1"
	succeeds img-list --json .
	json ".entries[] | select(.name == \"x.img\") | $1"
}

@test "in use: not at all" {
	shown '.in_use == false'
	free
}

@test "in use: attached to a loop device" {
	loop x.img
	shown '.in_use and (.mounted | not)'
	no_source "$LOOP"
	no_target "$LOOP"
	as_root losetup -d "$LOOP"
	LOOPS=()
	free
}

@test "in use: attached to a read-only loop device" {
	loop -r x.img
	shown '.in_use'
	is_source
	no_target "$LOOP"
}

@test "in use: a part of it attached to a loop device" {
	loop -o 1M --sizelimit 1M x.img
	no_source "$LOOP"
	no_target "$LOOP"
}

@test "in use: mounted through a loop device" {
	mkdir m
	as_root mount -o loop x.img m
	MOUNTS+=("$DIR/m")
	shown '.in_use and .mounted'
	no_source "$DIR/m"
	no_target "$DIR/m"
}

@test "in use: mounted read-only" {
	mkdir m
	as_root mount -o loop,ro x.img m
	MOUNTS+=("$DIR/m")
	shown '.in_use and .mounted'
	is_source
	no_target "$DIR/m"
}

@test "in use: by another name" {
	mkdir m other
	as_root mount -o loop x.img m
	MOUNTS+=("$DIR/m")
	ln -s ../x.img other/link
	refuses 5 other/link img-copy other/link new.img
	as_root mount --bind "$DIR" other
	MOUNTS+=("$DIR/other")
	refuses 5 other/x.img img-copy other/x.img new.img
	refuses 5 other/x.img img-write source.img other/x.img
}

@test "in use: a swap file" {
	# On a filesystem of its own, because not every filesystem supports swap files.
	truncate -s 32M disk
	mke2fs -q -F -t ext4 disk
	mkdir m
	as_root mount -o loop disk m
	MOUNTS+=("$DIR/m")
	as_root chmod 777 m
	cd m
	DIR=$DIR/m
	head -c 8M /dev/zero >x.img
	chmod 600 x.img
	mkswap -q x.img
	cp ../source.img .
	truncate -s 8M target.img
	as_root swapon "$DIR/x.img"
	SWAP=$DIR/x.img
	shown '.in_use and (.mounted | not)'
	no_source swap
	no_target swap
}

@test "in use: a program has it open for writing" {
	held_open x.img
	shown '.in_use'
	no_source "open for writing in process $HOLDER (sleep)"
	no_target "open for writing in process $HOLDER (sleep)"
	let_go
	exec 5<x.img
	free
	exec 5>&-
}

# qemu OPTION... FILE: qemu-io has it open until `qemu_end`.
qemu() {
	mkfifo commands
	qemu-io "$@" <commands >qemu.log 2>&1 3>&- &
	QEMU=$!
	exec 6>commands
	echo 'read 0 512' >&6
	wait_until 10 grep -q 'read 512' qemu.log
}

qemu_end() {
	exec 6>&-
	wait "$QEMU"
	rm commands
}

# lease FILE WHEN: a program has a read lease of it, and gives it back when it is asked, or never.
lease() {
	perl -e '
		open(F, "<", $ARGV[0]) or die;
		$SIG{IO} = $ARGV[1] eq "never" ? "IGNORE" : sub { select(undef, undef, undef, 0.02); exit 0 };
		fcntl(F, 1024, 0) or die "no lease: $!"; # F_SETLEASE, F_RDLCK
		$| = 1;
		print "has it\n";
		sleep 60 while 1' "$1" "$2" >holder 3>&- &
	HOLDER=$!
	wait_until 10 grep -q 'has it' holder
}

@test "in use: a file server has a lease of it" {
	cp source.img y.img
	lease y.img asked
	succeeds img-write source.img y.img
	wait "$HOLDER"
	lease y.img never
	refuses 5 y.img img-write source.img y.img
	says 'is in use: another program has a lease of it'
	kill -KILL "$HOLDER"
	wait "$HOLDER" || true
	has_mark y.img && return 1
	same source.img y.img
}

@test "in use: QEMU writes to it" {
	qemu -f raw x.img
	shown '.in_use'
	no_source QEMU
	no_target QEMU
	qemu_end
	free
}

@test "in use: QEMU only reads it" {
	qemu -r -f raw x.img
	shown '.in_use'
	is_source
	no_target QEMU
	qemu_end
	free
}

@test "in use: QEMU has it open as a qcow2 image" {
	qemu-img convert -f raw -O qcow2 "$IMAGE" x.img
	qemu -f qcow2 x.img
	no_source QEMU
	no_target QEMU
	qemu_end
	is_source
}

@test "in use: QEMU exports it" {
	qemu-nbd -f raw -t -k "$DIR/socket" --pid-file "$DIR/pid" x.img 3>&- &
	server=$!
	wait_until 10 test -s pid
	no_source QEMU
	no_target QEMU
	kill $server
	wait $server || true
	free
}

# locked_out COMMAND...: it fails because of a lock.
locked_out() {
	if "$@" >qemu.log 2>&1; then
		echo "could be opened: $*" >&2
		return 1
	fi
	grep -i lock qemu.log
}

@test "in use: QEMU cannot open a file while we make it" {
	img-copy --bwlimit 256K source.img new.img >"$OUT" 2>"$ERR" 3>&- &
	run=$!
	wait_until 10 test -s .new.img.img-tools
	locked_out qemu-io -f raw -c 'read 0 512' .new.img.img-tools
	locked_out qemu-io -r -f raw -c 'read 0 512' .new.img.img-tools
	kill $run
	wait $run || true
	wait_until 10 no_process
}

@test "in use: QEMU cannot open a file while we write to it" {
	local where

	for where in '' "a:$DIR/"; do
		img-write -F "$SSH_CONFIG" --bwlimit 256K source.img "${where}x.img" >"$OUT" 2>"$ERR" 3>&- &
		run=$!
		wait_until 10 has_mark x.img
		locked_out qemu-io -f raw -c 'write 0 512' x.img
		locked_out qemu-io -r -f raw -c 'read 0 512' x.img
		kill $run
		wait $run || true
		wait_until 10 no_process
		succeeds img-write source.img x.img
		qemu-io -f raw -c 'write 0 512' x.img
	done
}

# busy NAME COMMAND...: refused at once, because another job has NAME.
busy() {
	local name=$1 start=${EPOCHREALTIME/./}
	shift

	refuses 5 "$name" "$@"
	[ $((${EPOCHREALTIME/./} - start)) -lt 4000000 ]
}

@test "in use: another job writes to it" {
	local name

	img-write --bwlimit 100K source.img x.img >"$OUT.1" 2>"$ERR.1" 3>&- &
	run=$!
	wait_until 10 has_mark x.img
	busy x.img img-write source.img x.img
	busy "a:$DIR/x.img" img-write source.img "a:$DIR/x.img"
	busy x.img img-copy --overwrite source.img x.img
	busy x.img img-copy x.img new.img
	busy "a:$DIR/x.img" img-copy "a:$DIR/x.img" new.img
	busy x.img img-write x.img target.img
	busy x.img img-verify x.img
	busy x.img img-verify source.img x.img
	busy x.img img-delete x.img
	busy x.img img-rename x.img new.img
	busy x.img img-archive x.img
	busy x.img img-snap x.img
	busy "a:$DIR/x.img" img-copy -s "a:$DIR/x.img" new.img
	busy x.img img-copy --live x.img new.img
	busy x.img img-write -n source.img x.img
	busy x.img img-resize x.img +1M
	busy x.img img-resize -n x.img +1M
	busy x.img img-resize --fs x.img +1M
	busy "a:$DIR/x.img" img-resizefs "a:$DIR/x.img"
	ln x.img other.img # which has the same lock, and no mark beside it
	for name in x.img other.img; do
		busy "$name" img-copy "$name" new.img
		says 'another job is writing it'
		busy "a:$DIR/$name" img-verify "a:$DIR/$name"
		says 'another job is writing it'
		busy "$name" img-write --allow-links source.img "$name"
		says 'another job is writing it'
		busy "$name" img-resize --allow-links "$name" +1M
		says 'another job is writing it'
		busy "$name" img-delete --allow-links "$name"
		says 'another job is writing it'
		try img-info "$name"
		grep -x 'in use  *yes.*' "$OUT"
		lacks "$OUT" QEMU
	done
	rm other.img
	kill $run
	wait $run || true
	wait_until 10 no_process
	[ ! -e new.img ]
}

@test "in use: another job makes it" {
	img-copy --bwlimit 100K source.img new.img >"$OUT.1" 2>"$ERR.1" 3>&- &
	run=$!
	wait_until 10 test -e .new.img.img-tools
	busy new.img img-copy x.img new.img
	busy new.img img-copy --overwrite x.img new.img
	busy "a:$DIR/new.img" img-copy x.img "a:$DIR/new.img"
	busy new.img img-create new.img 1M
	busy new.img img-copy -n x.img new.img
	busy .new.img.img-tools img-delete .new.img.img-tools
	busy .new.img.img-tools img-copy .new.img.img-tools y.img
	busy .new.img.img-tools img-rename .new.img.img-tools y.img
	kill $run
	wait $run || true
	wait_until 10 no_process
}

@test "in use: another job archives it" {
	img-archive --bwlimit 100K x.img >"$OUT.1" 2>"$ERR.1" 3>&- &
	run=$!
	wait_until 10 test -e .x.img.lzo.img-tools
	busy x.img img-archive x.img
	busy x.img.lzo img-copy --archive source.img x.img.lzo
	kill $run
	wait $run || true
	wait_until 10 no_process
	same source.img x.img
}

@test "in use: a program opens the old file while its replacement is made" {
	local run

	before=$(state_of x.img)
	mkfifo pipe
	img-copy --overwrite - x.img <pipe >"$OUT" 2>"$ERR" 3>&- &
	run=$!
	exec 6>pipe
	cat source.img >&6
	wait_until 10 test -e .x.img.img-tools
	exec 5>>x.img
	exec 6>&-
	status=0
	wait $run || status=$?
	exec 5>&-
	[ "$status" = 5 ]
	one_line 'img-copy: x.img: '
	[ "$(state_of x.img)" = "$before" ]
}

@test "in use: a program writes to a source while it is copied" {
	local run

	head -c 8M /dev/urandom >x.img
	img-copy --bwlimit 4M x.img new.img >"$OUT" 2>"$ERR" 3>&- &
	run=$!
	wait_until 10 test -e .new.img.img-tools
	printf X | put x.img 8000000
	status=0
	wait $run || status=$?
	[ "$status" != 0 ]
	one_line 'img-copy: x.img: '
	[ ! -e new.img ]
}

@test "in use: mounted by another user in a mount namespace that we cannot see" {
	loop x.img
	mkdir m
	mkfifo pipe
	as_root unshare -m --propagation slave \
		sh -c 'mount "$0" "$1" && echo >"$2" && read -r line <"$2"' "$LOOP" "$DIR/m" "$DIR/pipe" \
		3>&- &
	holder=$!
	read -r <pipe
	if mountpoint -q m; then return 1; fi
	no_source "$LOOP"
	no_target "$LOOP"
	echo >pipe
	wait $holder
}

@test "devices: only a device that the configuration names is written" {
	truncate -s 9M disk
	head -c 9M /dev/urandom >disk
	loop disk
	before=$(sha256sum <disk)
	no_write() {
		refuses "$1" "$LOOP" img-write "${@:2}" "$IMAGE" "$LOOP"
		[ "$(sha256sum <"$LOOP")" = "$before" ]
	}
	no_write 4
	printf '[storage]\n\tdevice = /dev/no-such\n' >config
	no_write 4 --config config
	printf '[storage]\n\tdevice = %s\n' "$LOOP" >config
	succeeds img-write -n --config config "$IMAGE" "$LOOP"
	[ "$(sha256sum <"$LOOP")" = "$before" ]
	succeeds img-write --config config "$IMAGE" "$LOOP"
	same "$IMAGE" <(head -c 8M "$LOOP")
	same <(tail -c 1M "$LOOP") <(head -c 1M /dev/zero)
	ln -s "$LOOP" link
	succeeds img-copy --config config --overwrite "$IMAGE" link
	refuses 6 "$LOOP" img-copy --config config "$IMAGE" "$LOOP"
	refuses 4 "$LOOP" img-delete --config config "$LOOP"
	refuses 4 "$LOOP" img-rename --config config "$LOOP" other
	refuses 4 "$LOOP" img-write --config config link "$LOOP"
	says 'same image'
	truncate -s 10M large.img
	refuses 9 "$LOOP" img-write --config config large.img "$LOOP"
	same "$IMAGE" <(head -c 8M "$LOOP")
	# With a configured directory, everything except that and the device is refused.
	printf '[storage]\n\tdirectory = %s\n' "$DIR" >>config
	cp "$IMAGE" x.img
	succeeds img-write --config config x.img "$LOOP"
	succeeds img-info --config config "$LOOP"
	printf '[storage]\n\tdirectory = %s\n' "$DIR" >narrow
	refuses 4 "$LOOP" img-info --config narrow "$LOOP"
}

@test "devices: a partly written one is unfinished" {
	truncate -s 9M disk
	loop disk
	printf '[storage]\n\tdevice = %s\n' "$LOOP" >config
	img-write --config config --bwlimit 1m - "$LOOP" < <(
		head -c 3M /dev/urandom
		kill -KILL $(($(img_processes | head -n 1)))
	) 2>/dev/null || true
	img-info --json "$LOOP" >"$OUT"
	json .unfinished
	refuses 8 "$LOOP" img-copy "$LOOP" x.img
	succeeds img-write --config config "$IMAGE" "$LOOP"
	succeeds img-info --json "$LOOP"
	json '.unfinished | not'
	no_partial
}

@test "in use: a mounted btrfs, whose device number is not that of its device" {
	truncate -s 120M x.img
	mkfs.btrfs -q -f x.img
	mkdir m
	as_root mount -o loop x.img m
	MOUNTS+=("$DIR/m")
	LOOP=$(findmnt -no SOURCE m)
	succeeds img-info --json "$LOOP"
	json '.mounted and .mountpoints == [$m]' --arg m "$DIR/m"
	no_source "mounted on '$DIR/m'"
}
