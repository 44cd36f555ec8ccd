#!/usr/bin/env bats
#
# img-watch --qmp and --libvirt: the guest tells when its volume nears its end.  The guest is
# qemu-storage-daemon with its monitor, written to by qemu-io.  The volumes are loop devices that a
# stand-in for LVM grows (standin.bash); real ones: tests/vm/watch.bats.
#
# A script stands in for virsh, and says what virsh of libvirt 9.0 does, also what a libvirtd does not do
# on demand; libvirt.bats has a real one.

load common
load notify
load standin
load boot

# What each command of virsh prints is in a file of its name; what `virsh event` prints comes from a
# FIFO; and those that change something are noted.
virsh_standin() {
	cat <<-END
		#!/bin/sh
		cd $BATS_FILE_TMPDIR/says || exit
	END
	cat <<-'END'
		while [ "${1#--}" != "$1" ]; do shift; done
		case $1 in
		event) exec cat events ;;
		domblkerror | domblkthreshold | resume) echo "$*" >>log ;;
		domstats) echo "$*" >>asked ;;
		esac
		[ ! -s "errors-$1" ] || { cat "errors-$1" >&2; exit 1; }
		[ ! -e "$1" ] || cat "$1"
		[ "$1" != resume ] || echo "running (unpaused)" >domstate
	END
}

setup_file() {
	[ "$(id -u)" = 0 ] || skip 'only root can make a loop device'
	img_setup_file
	STANDIN=$BATS_FILE_TMPDIR/standin
	mkdir "$STANDIN"
	virsh_standin >"$BATS_FILE_TMPDIR/virsh"
	chmod +x "$BATS_FILE_TMPDIR/virsh"
	HOST_MOUNTS=$(standin_mounts "$STANDIN"
		echo "mount --bind $BATS_FILE_TMPDIR/virsh $(command -v virsh)")
	printf '#!/bin/sh\n[ "$1" = inside ] || exec unshare -m --propagation slave "$0" inside "$@"\nshift\n%s\nexec "$@"\n' \
		"$HOST_MOUNTS" >"$BATS_FILE_TMPDIR/here"
	chmod +x "$BATS_FILE_TMPDIR/here"
	export STANDIN
	start_host v
}

teardown_file() {
	[ -z "${STANDIN:-}" ] || standin_remove "$STANDIN"
	img_teardown_file
}

setup() {
	img_setup
	DAEMON=
	NODES=()
	PID=
	EVENTS=$BATS_TEST_TMPDIR/events
	NOTES=$BATS_TEST_TMPDIR/notes
	: >"$STANDIN/log"
	echo 1099511627776 >"$STANDIN/free"
	SAYS=$BATS_FILE_TMPDIR/says
	rm -rf "$SAYS"
	mkdir "$SAYS"
	mkfifo "$SAYS/events"
	exec {TELL}<>"$SAYS/events"
}

teardown() {
	[ -z "$PID" ] || kill "$PID" 2>/dev/null || true
	stop_daemon
	img_teardown
	standin_remove "$STANDIN"
}

# volume NAME SIZE DISK-SIZE: $LOOP, the device of a new volume with an empty qcow2 layer; its path
# on host "v" is $VOLUME.
volume() {
	mkdir -p "/dev/$(standin_group "$STANDIN")"
	LOOP=$(standin_make "$STANDIN" "$1" "$2")
	VOLUME=$(standin_path "$STANDIN" "$1")
	qemu-img create -q -f qcow2 "$LOOP" "$3"
	# shellcheck disable=SC2054 # commas of QEMU
	NODES+=(--blockdev "host_device,node-name=p-$1,filename=$LOOP"
		--blockdev "qcow2,node-name=$1,file=p-$1"
		--export "nbd,id=e-$1,node-name=$1,name=$1,writable=on")
}

# daemon: runs QEMU with the nodes in $NODES, with its monitor on "qmp", a second one on $MONITOR,
# and its disks on "nbd".
daemon() {
	rm -f nbd
	[ -p monitor ] || mkfifo monitor
	exec {MONITOR}<>monitor
	qemu-storage-daemon --chardev socket,path=qmp,server=on,wait=off,id=q --monitor chardev=q \
		--chardev stdio,id=s --monitor chardev=s --nbd-server addr.type=unix,addr.path=nbd \
		"${NODES[@]}" <monitor >answers 3>&- &
	DAEMON=$!
	wait_until 20 test -S nbd
	monitor '{"execute": "qmp_capabilities"}'
}

# monitor JSON: a command on the second monitor.
monitor() {
	echo "$1" >&"$MONITOR"
}

stop_daemon() {
	[ -n "$DAEMON" ] || return 0
	kill "$DAEMON"
	wait "$DAEMON" || true
	DAEMON=
}

# writes NAME OFFSET LENGTH: the guest writes to a disk, and its write succeeds.
writes() {
	qemu-io -f raw -c "write -q $2 $3" "nbd+unix:///$1?socket=nbd"
}

# watching WORD...: starts img-watch; here, with the stand-in.
watching() {
	env --default-signal=INT,TERM,HUP "$BATS_FILE_TMPDIR/here" img-watch -F "$SSH_CONFIG" "$@" \
		>"$EVENTS" 2>"$NOTES" 3>&- &
	PID=$!
}

stops() {
	kill -TERM "$PID"
	status=0
	wait "$PID" || status=$?
	PID=
	[ "$status" = 143 ]
	nothing_left
}

# event N FILTER: jq's FILTER is true for the Nth event.
event() {
	local line

	line=$(sed -n "$1p" "$EVENTS")
	[ -n "$line" ] && jq -e "$2" <<<"$line" >/dev/null
}

# A disk of the machine that is busy can delay an extension by many seconds.
has_event() {
	wait_until "${3:-60}" event "$1" "$2" || {
		cat "$EVENTS" "$NOTES" >&2
		return 1
	}
}

# has_last FILTER: the same of the last event.
has_last() {
	event "$(wc -l <"$EVENTS")" "$1"
}

# events WORD...: these, and no others, were told.
events() {
	[ "$(jq -r .event "$EVENTS" | tr '\n' ' ')" = "$* " ] || {
		cat "$EVENTS" "$NOTES" >&2
		return 1
	}
}

@test "watch events: one event, one extension, and the new threshold, here and on a host" {
	local where began n

	for where in '' v:; do
		NODES=()
		volume img 16M 256M
		daemon
		watching --json --qmp "$DIR/qmp" --extend 8M --reserve 6M "$where$VOLUME"
		has_event 1 '.event == "armed" and .armed and .threshold == 10485760'
		writes img 0 9M
		writes img 9M 2M
		has_event 2 '.event == "extended" and .armed and .previous == 16777216 and
			.physical == 25165824 and .threshold == 18874368 and .allocation > 11534336'
		[ "$(blockdev --getsize64 "$LOOP")" = 25165824 ]
		# After the first seconds there are ten between two looks.
		began=$EPOCHREALTIME
		for n in {3..8}; do
			writes img $((n * 8 - 13))M 8M
			has_event "$n" ".event == \"extended\" and .armed and .physical == $(((n + 1) * 8 << 20))"
		done
		[ $((${EPOCHREALTIME%.*} - ${began%.*})) -lt 40 ]
		events armed extended{,,,,,,}
		[ "$(wc -l <"$STANDIN/log")" = 7 ]
		: >"$STANDIN/log"
		stops
		[ ! -s "$NOTES" ]
		stop_daemon
		qemu-img check -q -f qcow2 "$LOOP"
		standin_remove "$STANDIN"
	done
}

@test "watch events: it acts at once when it starts above the threshold" {
	volume img 16M 256M
	daemon
	writes img 0 12M
	watching --json --qmp qmp --extend 4M --reserve 6M "$VOLUME"
	has_event 1 '.event == "extended" and .physical == 20971520 and .armed'
	writes img 12M 3M
	has_event 2 '.event == "extended" and .physical == 25165824'
	stops
}

@test "watch events: several disks in one process, and --exec" {
	volume one 16M 256M
	local one=$VOLUME

	volume two 32M 256M
	daemon
	watching --json --qmp qmp --extend 8M --reserve 6M --exec 'echo $IMG_WATCH_EVENT $IMG_WATCH_ARMED >>all' \
		"$one" "$VOLUME"
	has_event 2 '.event == "armed"'
	writes two 0 27M
	has_event 3 '.event == "extended" and .physical == 41943040 and .location == "'"$VOLUME"'"'
	writes one 0 11M
	has_event 4 '.event == "extended" and .physical == 25165824 and .location == "'"$one"'"'
	events armed armed extended extended
	wait_until 60 grep -q extended all
	stops
	[ "$(sort -u all | tr '\n' ,)" = 'armed 1,extended 1,' ]
	[ ! -s "$NOTES" ]
}

@test "watch events: QEMU ends and is started again" {
	volume img 16M 256M
	daemon
	watching --json --qmp qmp --extend 8M --reserve 6M "$VOLUME"
	has_event 1 '.event == "armed"'
	stop_daemon
	has_event 2 '.event == "unarmed" and (.armed | not) and (.message | test("QMP socket"))'
	# Meanwhile, it is polled.
	qemu-io -f qcow2 -c 'write -q 0 12M' "$LOOP"
	has_event 3 '.event == "extended" and .physical == 25165824 and (.armed | not)'
	daemon
	has_event 4 '.event == "armed" and .armed and .threshold == 18874368'
	writes img 12M 8M
	has_event 5 '.event == "extended" and .physical == 33554432 and .armed'
	events armed unarmed extended armed extended
	# What is written before it is connected again.
	stop_daemon
	daemon
	writes img 20M 8M
	wait_until 60 has_last '.physical == 41943040 and .armed'
	stops
}

# replug NAME NODE: the guest loses the disk, and gets it again, with a node and a layer of these names.
replug() {
	: >answers
	monitor '{"execute": "block-export-del", "arguments": {"id": "e-'"$1"'"}}'
	wait_until 20 grep -q BLOCK_EXPORT_DELETED answers
	monitor '{"execute": "blockdev-del", "arguments": {"node-name": "'"$1"'"}}'
	monitor '{"execute": "blockdev-del", "arguments": {"node-name": "p-'"$1"'"}}'
	[ -z "${3:-}" ] || $3
	monitor '{"execute": "blockdev-add", "arguments": {"driver": "host_device", "node-name": "p-'"$2"'",
		"filename": "'"$LOOP"'"}}'
	monitor '{"execute": "blockdev-add", "arguments": {"driver": "qcow2", "node-name": "'"$2"'",
		"file": "p-'"$2"'"}}'
	monitor '{"execute": "block-export-add", "arguments": {"type": "nbd", "id": "e-'"$2"'", "name": "'"$2"'",
		"node-name": "'"$2"'", "writable": true}}'
	wait_until 20 has_export "$2"
}

has_export() {
	qemu-io -f raw -c 'read -q 0 512' "nbd+unix:///$1?socket=nbd" 2>/dev/null
}

@test "watch events: a disk that is unplugged, and plugged in with other nodes, is armed again" {
	volume img 16M 256M
	daemon
	watching --json --qmp qmp --extend 8M --reserve 6M "$VOLUME"
	has_event 1 '.event == "armed"'
	replug img other
	has_event 2 '.event == "unarmed"'
	has_event 3 '.event == "armed" and .threshold == 10485760'
	writes other 0 11M
	has_event 4 '.event == "extended" and .armed and .physical == 25165824'
	events armed unarmed armed extended
	stops
}

# What QEMU said of the old layer is not true of the new one.
@test "watch events: a new layer with the same nodes is as full as it is" {
	volume img 16M 256M
	daemon
	watching --json --qmp qmp --reserve 6M "$VOLUME"
	has_event 1 '.event == "armed"'
	writes img 0 12M
	has_event 2 '.event == "near" and .allocation > 12582912'
	replug img img "qemu-img create -q -f qcow2 $LOOP 256M"
	has_event 3 '.event == "armed" and .armed and .allocation < 1048576'
	writes img 0 12M
	has_event 4 '.event == "near"'
	events armed near armed near
	stops
}

@test "watch events: the base of a commit is extended while it runs, and armed again after it" {
	volume base 32M 256M
	local base=$VOLUME base_loop=$LOOP

	volume top 64M 256M
	qemu-img create -q -f qcow2 -b "$base_loop" -F qcow2 "$LOOP" 256M
	# shellcheck disable=SC2054 # commas of QEMU
	NODES=(--blockdev "host_device,node-name=p-base,filename=$base_loop,auto-read-only=on"
		--blockdev qcow2,node-name=base,file=p-base,auto-read-only=on,read-only=on
		--blockdev "host_device,node-name=p-top,filename=$LOOP"
		--blockdev qcow2,node-name=top,file=p-top,backing=base
		--export nbd,id=e,node-name=top,name=top,writable=on)
	daemon
	writes top 0 40M
	watching --json --qmp qmp --extend 24M --reserve 20M "$base"
	has_event 1 '.event == "armed"'
	monitor '{"execute": "block-commit", "arguments": {"job-id": "j", "device": "top",
		"top-node": "top", "base-node": "base", "on-error": "enospc", "speed": 20971520}}'
	wait_until 20 grep -q BLOCK_JOB_READY answers
	has_event 3 '.event == "extended" and .armed'
	[ "$(blockdev --getsize64 "$base_loop")" = $((80 << 20)) ]
	monitor '{"execute": "job-complete", "arguments": {"id": "j"}}'
	wait_until 20 grep -q BLOCK_JOB_COMPLETED answers
	writes top 40M 24M
	# Before the next look, which is ten seconds after the last one.
	has_event 4 '.event == "extended" and .armed' 9
	stops
	events armed extended extended extended
	stop_daemon
	qemu-img check -q -f qcow2 "$base_loop"
}

@test "watch events: alarms" {
	volume img 16M 256M
	daemon
	watching --json --qmp qmp --extend 8M --reserve 6M --max 24M "$VOLUME"
	has_event 1 '.event == "armed"'
	writes img 0 11M
	has_event 2 '.event == "extended" and .physical == 25165824'
	writes img 11M 10M
	has_event 3 '.event == "alarm" and .reason == "max" and (.armed | not)'
	# Each write behind the threshold tells nothing more.
	writes img 0 21M
	writes img 21M 2M
	stops
	events armed extended alarm
	# More than the next size would be.
	standin_remove "$STANDIN"
	stop_daemon
	NODES=()
	volume img 16M 256M
	daemon
	watching --json --qmp qmp --extend 1M --reserve 1M "$VOLUME"
	has_event 1 '.event == "armed"'
	try writes img 0 30M
	has_event 2 '.event == "alarm" and .reason == "suspect"'
	[ "$(blockdev --getsize64 "$LOOP")" = 16777216 ]
	stops
	events armed alarm
}

@test "watch events: the group has no free space, and gets some" {
	volume img 16M 256M
	daemon
	echo 0 >"$STANDIN/free"
	watching --json --qmp qmp --extend 8M --reserve 6M "$VOLUME"
	has_event 1 '.event == "armed"'
	writes img 0 11M
	has_event 2 '.event == "alarm" and .reason == "space"'
	echo 1073741824 >"$STANDIN/free"
	has_event 3 '.event == "extended" and .armed'
	stops
}

@test "watch events: a file" {
	small_fs m 32M
	qemu-img create -q -f qcow2 m/x.qcow2 64M
	# In a chroot, what QEMU has opened by a relative name is not found from another mount namespace.
	# shellcheck disable=SC2054 # commas of QEMU
	NODES=(--blockdev "file,node-name=p,filename=$PWD/m/x.qcow2" --blockdev qcow2,node-name=x,file=p
		--export nbd,id=e,node-name=x,name=x,writable=on)
	daemon
	watching --json --qmp qmp --reserve 8M m/x.qcow2
	has_event 1 '.event == "armed" and .armed'
	writes x 0 24M
	has_event 2 '.event == "near" and (.armed | not)'
	stops
	stop_daemon
}

@test "watch events: --once asks QEMU for what is not in the tables yet" {
	volume img 16M 256M
	daemon
	mkfifo guest
	exec {GUEST}<>guest
	qemu-io -t writeback -f raw 'nbd+unix:///img?socket=nbd' <guest >did 3>&- &
	echo 'write 0 12M' >&"$GUEST"
	wait_until 20 grep -q 'at offset 0' did
	succeeds img-watch --once --json --reserve 6M "$LOOP"
	json '.event == "enough" and .allocation < 4194304 and .armed == null'
	try img-watch --once --json --reserve 6M --qmp qmp "$LOOP"
	[ "$status" = 10 ]
	json '.event == "near" and .allocation > 12582912 and .armed == null'
	succeeds img-watch -n --json --extend 8M --reserve 6M --qmp "$DIR/qmp" "v:$VOLUME"
	json '.event == "extended" and .dry_run and .allocation > 12582912'
	succeeds img-watch --once --json --extend 8M --reserve 6M --qmp "$DIR/qmp" "v:$VOLUME"
	json '.event == "extended" and .physical == 25165824'
	echo quit >&"$GUEST"
	exec {GUEST}>&-
}

# machine [WORD...]: a guest whose boot sector fills its disk, on the volume; -S: it waits for "cont".
machine() {
	boot_sector
	mkfifo monitor
	exec {MONITOR}<>monitor
	qemu-system-x86_64 -nodefaults -display none -accel tcg -m 16 -boot a "$@" \
		-drive if=floppy,format=raw,file=boot -blockdev "host_device,node-name=p,filename=$LOOP" \
		-blockdev qcow2,node-name=d,file=p -device ide-hd,drive=d \
		-chardev socket,path=qmp,server=on,wait=off,id=q -mon chardev=q,mode=control \
		-chardev stdio,id=s -mon chardev=s,mode=control <monitor >answers 3>&- &
	DAEMON=$!
	monitor '{"execute": "qmp_capabilities"}'
}

@test "watch events: a guest that was paused for space goes on, and one at --max does not" {
	volume img 16M 256M
	machine
	wait_until 60 grep -q '"STOP"' answers
	watching --json --qmp qmp --extend 24M --reserve 12M --max 64M "$VOLUME"
	has_event 1 '.event == "extended" and .physical == 41943040'
	has_event 2 '.event == "resumed"'
	wait_until 60 grep -q '"RESUME"' answers
	wait_until 180 has_last '.event == "alarm" and .reason == "max"'
	wait_until 60 ended_by_stop
	stops
	ended_by_stop
}

# grow BYTES: somebody else has extended the volume.
grow() {
	truncate -s "$1" "$STANDIN/file-img"
	losetup -c "$LOOP"
}

# has_threshold BYTES: QEMU is to tell of a write behind that.
has_threshold() {
	local id=$RANDOM$RANDOM

	monitor '{"execute": "query-named-block-nodes", "id": "'$id'"}'
	wait_until 20 grep -q "\"id\": \"$id\"" answers
	grep "\"id\": \"$id\"" answers | grep -q "\"write_threshold\": $1[,}]"
}

# Although its volume was extended once, while it was running.
@test "watch events: a full guest does not go on before there is space" {
	volume img 16M 256M
	machine -S
	wait_until 20 grep -q '"return": {}' answers
	watching --json --qmp qmp --reserve 8M "$VOLUME"
	has_event 1 '.event == "armed"'
	grow 24M
	wait_until 60 has_threshold 16777216
	monitor '{"execute": "cont"}'
	has_event 2 '.event == "near"'
	wait_until 120 grep -q '"STOP"' answers
	grow 48M
	has_event 3 '.event == "resumed" or .event == "armed"'
	wait_until 60 grep -q resumed "$EVENTS"
	[ "$(grep -c '"RESUME"' answers)" = 2 ]
	stops
	[ "$(grep -c resumed "$EVENTS")" = 1 ]
}

# The guest is paused.
ended_by_stop() {
	[ "$(grep -c '"STOP"' answers)" = $(($(grep -c '"RESUME"' answers) + 1)) ]
}

@test "watch events: systemd is told whether it is armed" {
	volume img 16M 256M
	daemon
	receiver "$PWD/socket"
	export NOTIFY_SOCKET=$PWD/socket WATCHDOG_USEC=60000000
	watching --json --qmp qmp --extend 8M --reserve 6M "$VOLUME"
	has_told 'READY=1'
	has_told 'STATUS=.*: 256 KiB of 16 MiB used, threshold 10 MiB armed, .* free in its group'
	has_told 'WATCHDOG=1'
	[ "$(grep -n -m1 STATUS notified | cut -d: -f1)" -lt "$(grep -n -m1 READY notified | cut -d: -f1)" ]
	stop_daemon
	has_told 'STATUS=0 of 1 disks are watched, 1 lost; .* threshold 10 MiB not armed.*'
	stops
	: >notified
	# A monitor that another client has.
	daemon
	mkfifo hold
	local before
	before=$(sockets "$DAEMON")
	qemu-storage-daemon --chardev socket,path=qmp,id=q --chardev pipe,id=p,path=hold 3>&- &
	local holder=$!
	wait_until 20 has_more_sockets "$DAEMON" "$before"
	refuses 5 "v:$VOLUME" img-watch --qmp "$DIR/qmp" "v:$VOLUME"
	run ! grep -x READY=1 notified
	kill "$holder" "$RECEIVER"
	wait "$holder" "$RECEIVER" || true
}

@test "watch events: what is refused" {
	volume img 16M 256M
	daemon
	qemu-img create -q -f qcow2 other 64M
	refuses 4 other img-watch --qmp qmp other
	says 'is not open in the guest'
	refuses 3 "v:$VOLUME" img-watch --qmp "$DIR/nothing" "v:$VOLUME"
	says "QMP socket '$DIR/nothing': cannot open: No such file or directory"
	refuses 1 "v:$VOLUME" img-watch --qmp "$DIR/nbd" "v:$VOLUME"
	refuses 2 '' img-watch --qmp qmp --libvirt web other
	refuses 2 '' img-watch --qmp qmp --poll other
	refuses 2 '' img-watch --libvirt=-web other
	refuses 2 '' img-watch --qmp= other
	stop_daemon
	refuses 3 "v:$VOLUME" img-watch --qmp "$DIR/qmp" "v:$VOLUME"
}

# virsh_says COMMAND LINE...: what `virsh COMMAND` prints.
virsh_says() {
	local command=$1
	shift
	printf '%s\n' "$@" >"$SAYS/$command"
}

# guest ALLOCATION [DEVICE]...: the guest "web" has the volume, or these devices, as vda[1],
# vdb[1]..., and has written so far in each.
guest() {
	local allocation=$1 device i=0 names=(vda vdb) lines=()

	shift
	for device in "${@:-$LOOP}"; do
		lines+=("  block.$i.name=${names[i]}" "  block.$i.backingIndex=1" "  block.$i.path=$device"
			"  block.$i.allocation=$allocation")
		i=$((i + 1))
	done
	virsh_says domstats "Domain: 'web'" '  state.state=1' "  block.count=$i" "${lines[@]}"
}

# is_larger BYTES: the volume has more than that.
is_larger() {
	[ "$(blockdev --getsize64 "$LOOP")" -gt "$1" ]
}

log_has() {
	wait_until 60 grep -qx "$1" "$SAYS/log"
}

@test "watch events: libvirt's guest, here and on a host" {
	local where

	volume img 16M 256M
	for where in '' v:; do
		guest 1048576
		watching --json --libvirt web --extend 8M --reserve 6M "$where$VOLUME"
		has_event 1 '.event == "armed" and .armed and .allocation == 1048576'
		log_has 'domblkthreshold web vda\[1\] [0-9]*'
		# What it writes is not counted yet.
		local size
		size=$(blockdev --getsize64 "$LOOP")
		echo "event 'block-threshold' for domain 'web': dev: vda[1]($LOOP) $((size - (6 << 20))) 65536" >&"$TELL"
		has_event 2 ".event == \"extended\" and .armed and .previous == $size"
		log_has "domblkthreshold web vda\\[1\\] $((size + (2 << 20)))"
		stops
		[ ! -s "$NOTES" ]
		events armed extended
	done
}

# has_measured COUNT: virsh was asked so often what the guest has written.
has_measured() {
	[ "$(wc -l <"$SAYS/asked")" -ge "$1" ]
}

@test "watch events: a threshold that libvirt has is not set again" {
	local size

	volume img 16M 256M
	size=$(blockdev --getsize64 "$LOOP")
	guest 1048576
	echo "  block.0.threshold=$((size - (6 << 20)))" >>"$SAYS/domstats"
	watching --json --libvirt web --reserve 6M "$VOLUME"
	has_event 1 '.event == "armed" and .armed'
	wait_until 60 has_measured 3
	run ! grep domblkthreshold "$SAYS/log"
	# As after it was told of.
	guest 1048576
	log_has "domblkthreshold web vda\\[1\\] $((size - (6 << 20)))"
	stops
}

@test "watch events: libvirt's guest goes on if it was paused for space, and got some" {
	volume img 16M 256M
	guest 1048576
	watching --json --libvirt web --extend 8M --reserve 6M "$VOLUME"
	has_event 1 '.event == "armed"'
	virsh_says domstate 'paused (I/O error)' ''
	virsh_says domblkerror 'vda: no space' ''
	guest 12582912
	echo >&"$TELL"
	has_event 2 '.event == "extended"'
	has_event 3 '.event == "resumed"'
	grep -x 'resume web' "$SAYS/log"
	# Not if it was paused for another reason, nor if another disk is full or broken.
	for error in 'vda: unspecified error' "vda: no space
vdb: no space"; do
		virsh_says domstate 'paused (I/O error)' ''
		virsh_says domblkerror "$error" ''
		guest $(($(blockdev --getsize64 "$LOOP") - (4 << 20)))
		size=$(blockdev --getsize64 "$LOOP")
		echo >&"$TELL"
		wait_until 60 is_larger "$size"
	done
	virsh_says domstate 'paused (user)' ''
	size=$(blockdev --getsize64 "$LOOP")
	guest $((size - (4 << 20)))
	echo >&"$TELL"
	wait_until 60 is_larger "$size"
	stops
	[ "$(grep -cx 'resume web' "$SAYS/log")" = 1 ]
}

# has_asked COUNT: virsh was asked so often which disks are full.
has_asked() {
	echo >&"$TELL"
	[ "$(grep -cx 'domblkerror web' "$SAYS/log")" -ge "$1" ]
}

@test "watch events: libvirt's guest does not go on with what is full again" {
	volume img 16M 256M
	guest 16777216
	: >"$SAYS/log"
	watching --json --libvirt web --reserve 6M "$VOLUME"
	has_event 1 '.event == "near"'
	virsh_says domstate 'paused (I/O error)' ''
	virsh_says domblkerror 'vda: no space' ''
	guest 25165824
	grow 24M
	wait_until 60 has_asked 2
	run ! grep -x 'resume web' "$SAYS/log"
	grow 32M
	log_has 'resume web'
	has_event 3 '.event == "resumed"'
	stops
}

@test "watch events: of two disks that get space, the one that was full lets the guest go on" {
	local disks=() volumes=() name

	for name in first second; do
		volume $name 16M 256M
		disks+=("$LOOP")
		volumes+=("$VOLUME")
	done
	guest 1048576 "${disks[@]}"
	watching --json --libvirt web --extend 8M --reserve 6M "${volumes[@]}"
	has_event 2 '.event == "armed"'
	virsh_says domstate 'paused (I/O error)' ''
	virsh_says domblkerror 'vdb: no space' ''
	guest 12582912 "${disks[@]}"
	echo >&"$TELL"
	has_event 4 '.event == "extended"'
	has_event 5 '.event == "resumed"'
	stops
	[ "$(jq -r 'select(.event == "resumed").path' "$EVENTS")" = "${volumes[1]}" ]
	[ "$(grep -c resumed "$EVENTS")" = 1 ]
}

@test "watch events: libvirt's guest is shut off, and does not exist" {
	volume img 16M 256M
	virsh_says domstats "Domain: 'web'" '  state.state=5'
	refuses 3 "v:$VOLUME" img-watch --libvirt web "v:$VOLUME"
	says "guest 'web': does not run"
	virsh_says errors-domstats "error: failed to get domain 'web'"
	refuses 3 "v:$VOLUME" img-watch --libvirt web "v:$VOLUME"
	rm "$SAYS/errors-domstats"
	guest 1048576
	watching --json --libvirt web --extend 8M --reserve 6M "v:$VOLUME"
	has_event 1 '.event == "armed"'
	virsh_says domstats "Domain: 'web'" '  state.state=5'
	echo >&"$TELL"
	has_event 2 '.event == "unarmed" and (.message | test("does not run"))'
	guest 1048576
	has_event 3 '.event == "armed"'
	# The threshold cannot be set.
	virsh_says errors-domblkthreshold 'error: out of order'
	echo >&"$TELL"
	has_event 4 '.event == "unarmed" and (.message | test("out of order"))'
	rm "$SAYS/errors-domblkthreshold"
	has_event 5 '.event == "armed"'
	stops
}
