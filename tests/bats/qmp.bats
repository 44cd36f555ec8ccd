#!/usr/bin/env bats
#
# img-info --qmp: the numbers of a disk that is being written, by the monitor of
# qemu-storage-daemon, with qemu-io as the guest.  And --libvirt, which runs virsh: on the host "v" a
# script says what virsh of libvirt 9.0 does; libvirt.bats has a real one.

load common
load qemu

setup_file() {
	img_setup_file a
	cat >"$BATS_FILE_TMPDIR/virsh" <<-END
		#!/bin/sh
		echo "\$*" >$BATS_FILE_TMPDIR/virsh-args
		cat $BATS_FILE_TMPDIR/virsh-errors >&2
		cat $BATS_FILE_TMPDIR/virsh-says
		exec test ! -s $BATS_FILE_TMPDIR/virsh-errors
	END
	chmod +x "$BATS_FILE_TMPDIR/virsh"
	if [ "$(id -u)" = 0 ]; then
		HOST_MOUNTS="mount --bind $BATS_FILE_TMPDIR/virsh $(command -v virsh)" start_host v
	fi
}
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	LOOPS=()
	truncate -s 64M base
	qemu-img create -q -f qcow2 -b base -F raw snap1
	qemu-img create -q -f qcow2 -b snap1 -F qcow2 snap2
}
teardown() {
	local device

	stop_daemon
	for device in "${LOOPS[@]}"; do as_root losetup -d "$device"; done
	img_teardown
}

# The chain snap2, snap1, base, all in files.
files() {
	# shellcheck disable=SC2054 # QEMU's commas
	NODES=(--blockdev file,node-name=p0,filename=base,read-only=on
		--blockdev file,node-name=p1,filename=snap1,read-only=on
		--blockdev "qcow2,node-name=snap1,file=p1,backing=p0,read-only=on"
		--blockdev "file,node-name=p2,filename=$DIR/snap2"
		--blockdev qcow2,node-name=top,file=p2,backing=snap1)
}

@test "qmp: each layer says whether QEMU has it open, here and on a host" {
	local where

	files
	daemon
	for where in '' "a:$DIR/"; do
		succeeds img-info --json --chain --qmp "$DIR/qmp" "${where}snap2"
		json '[.layers[].live] == [true, true, true] and .live'
		json "[.layers[].allocation] == [$(allocated snap2), $(allocated snap1), $(allocated base)]"
		succeeds img-info --json --qmp "$DIR/qmp" "${where}snap1"
		json '.live'
	done
	truncate -s 1M other
	qemu-img create -q -f qcow2 -b snap1 -F qcow2 sibling
	succeeds img-info --json --chain --qmp qmp sibling
	json '[.layers[].live] == [false, true, true]'
	succeeds img-info --json --qmp qmp other snap2
	json '[.[].live] == [false, true]'
	succeeds img-info --json snap2
	json '.live == false'
	succeeds img-info --qmp qmp snap2
	grep -x 'live  *yes, QEMU has it open' "$OUT"
	succeeds img-info --qmp qmp other
	grep -x 'live  *no' "$OUT"
	succeeds img-info other
	lacks "$OUT" '^live'
	succeeds img-info --qmp qmp --chain snap2
	[ "$(grep -c 'in use, live' "$OUT")" = 3 ]
	succeeds img-info --qmp qmp --chain --xml=domain snap2
	xmllint --noout "$OUT"
	stop_daemon
	# The socket remains, and nobody listens on it.
	refuses 3 snap2 img-info --qmp qmp snap2
}

@test "qmp: the allocation of a file grows while the guest writes" {
	local i last=0

	files
	daemon
	guest
	for i in 1 2 3 4 5; do
		guest_writes $i
		succeeds img-info --json --chain --qmp qmp snap2
		json ".layers[0] | .allocation > $last and .live"
		last=$(jq '.layers[0].allocation' "$OUT")
	done
	guest_ends
}

# volume: the qcow2 image snap2 on a loop device, $LOOP, which stands in for a volume.
volume() {
	truncate -s 32M disk
	LOOP=$(as_root losetup --show -f disk)
	LOOPS+=("$LOOP")
	[ "$(id -u)" = 0 ] || as_root chown "$(id -u)" "$LOOP"
	qemu-img create -q -f qcow2 -b "$DIR/base" -F raw "$LOOP" 64M
	# shellcheck disable=SC2054 # QEMU's commas
	NODES=(--blockdev file,node-name=p0,filename=base,read-only=on
		--blockdev "host_device,node-name=p1,filename=$LOOP"
		--blockdev qcow2,node-name=top,file=p1,backing=p0)
}

@test "qmp: the allocation on a device is what QEMU has written, before it is in the tables" {
	local i last=0 where=

	volume
	daemon
	guest
	for i in 1 2 3 4 5; do
		guest_writes $i
		succeeds img-info --json --chain --qmp "$DIR/qmp" "$where$LOOP"
		json ".layers[0] | .allocation > $last and .live and .physical == 33554432"
		json ".layers[0] | .allocation > .watermark and .allocation >= $i * 1048576"
		json '.layers[1].live'
		last=$(jq '.layers[0].allocation' "$OUT")
		where=a:
	done
	succeeds img-info --json "$LOOP"
	json ".allocation < $last and .live == false"
	guest_ends
	# After QEMU has opened it again, it counts from 0, and the tables are right.
	stop_daemon
	rm -f nbd
	daemon
	succeeds img-info --json --qmp qmp "$LOOP"
	json '.allocation == .watermark and .live'
	json ".allocation == $(qemu-img check -U --output=json "$LOOP" | jq '."image-end-offset"')"
	json ".allocation >= $last and .allocation < $last + 3 * 65536"
}

@test "qmp: a second client is refused while one is connected" {
	local before holder where

	files
	daemon
	mkfifo hold
	before=$(sockets "$(cat pid)")
	qemu-storage-daemon --chardev socket,path=qmp,id=q --chardev pipe,id=p,path=hold 3>&- &
	holder=$!
	wait_until 20 has_more_sockets "$(cat pid)" "$before"
	for where in '' "a:$DIR/"; do
		refuses 5 "${where}snap2" img-info --qmp "$DIR/qmp" "${where}snap2"
		says 'another client is connected'
	done
	kill "$holder"
	wait "$holder" || true
	succeeds img-info --qmp qmp snap2
}

@test "qmp: what runs while a block job does" {
	files
	NODES=("${NODES[@]/base,read-only=on/base,auto-read-only=on}")
	qemu-io -c 'write 0 8M' snap1 >/dev/null
	daemon
	monitor '{"execute": "block-commit", "arguments": {"job-id": "j", "device": "top",
		"top-node": "snap1", "base-node": "p0", "speed": 65536}}'
	wait_until 20 grep -q '"status": "running"' answers
	refuses 5 snap2 img-info --qmp qmp snap2
	says 'a block job is running'
	monitor '{"execute": "block-job-set-speed", "arguments": {"device": "j", "speed": 0}}'
	wait_until 20 grep -q BLOCK_JOB_COMPLETED answers
	succeeds img-info --json --qmp qmp snap2
	json '.live'
}

@test "qmp: sockets that are refused" {
	files
	daemon
	refuses 3 snap2 img-info --qmp nothing snap2
	says "QMP socket 'nothing': cannot open: No such file or directory"
	refuses 4 snap2 img-info --qmp base snap2
	refuses 4 snap2 img-info --qmp . snap2
	refuses 1 snap2 img-info --qmp nbd snap2
	says 'does not speak QMP'
	refuses 2 '' img-info --qmp= snap2
	mkdir -p libvirt/qemu/domain-1-x
	ln qmp libvirt/qemu/domain-1-x/monitor.sock
	refuses 4 snap2 img-info --qmp libvirt/qemu/domain-1-x/monitor.sock snap2
	says '(use --libvirt)'
	# The access policy holds for the socket, too.
	mkdir allowed
	truncate -s 1M allowed/x
	printf '[storage]\ndirectory = %s/allowed\n' "$DIR" >config
	refuses 4 allowed/x img-info --config config --qmp qmp allowed/x
	ln qmp allowed/qmp
	succeeds img-info --config config --qmp allowed/qmp allowed/x
	refuses 3 missing img-info --qmp qmp missing
}

@test "qmp: a socket that belongs to neither root nor the owner of the image" {
	files
	daemon
	as_root chown 4242 qmp
	refuses 4 snap2 img-info --qmp qmp snap2
	if [ "$(id -u)" = 0 ]; then
		says "belongs to user 4242"
		chown 4242 snap2
		succeeds img-info --json --qmp qmp snap2
		json .live
		chown 0 snap2
	fi
	stop_daemon
	# The process behind it, which could have been given a socket of root's.
	rm -f nbd qmp
	daemon as_root setpriv --reuid 4242 --clear-groups --inh-caps +dac_override \
		--ambient-caps +dac_override
	as_root chown "$(id -u)" qmp
	refuses 4 snap2 img-info --qmp qmp snap2
	says 'the process behind it belongs to user 4242'
}

# virsh_says ERRORS LINE...: what the virsh of the host "v" prints.
virsh_says() {
	printf "$1" >"$BATS_FILE_TMPDIR/virsh-errors" # with escapes
	shift
	printf '%s\n' "$@" >"$BATS_FILE_TMPDIR/virsh-says"
}

@test "libvirt: the allocation on a device is the larger of virsh's and the watermark" {
	local disk

	[ "$(id -u)" = 0 ] || skip "needs root"
	volume
	disk=("  block.0.path=$LOOP" "  block.1.path=$DIR/base" '  block.1.allocation=4096')
	virsh_says '' "Domain: 'web'" '  state.state=1' '  block.0.allocation=9437184' "${disk[@]}"
	succeeds img-info --json --chain --libvirt web "v:$LOOP"
	json '.allocation == 9437184 and .watermark < 9437184'
	json '[.layers[].live] == [true, true]'
	json ".layers[1].allocation == $(allocated base)"
	[ "$(cat "$BATS_FILE_TMPDIR/virsh-args")" = \
		'--quiet --readonly domstats --state --block --backing --raw --domain web' ]
	virsh_says '' "Domain: 'web'" '  state.state=3' '  block.0.allocation=0' "${disk[@]}"
	succeeds img-info --json --libvirt web "v:$LOOP"
	json '.allocation == .watermark and .live'
	succeeds img-info --json --libvirt web "v:$DIR/snap1"
	json '.live == false'
	virsh_says '' "Domain: 'web'" '  state.state=5' '  block.0.allocation=9437184' "${disk[@]}"
	succeeds img-info --json --libvirt web "v:$LOOP"
	json '.allocation == .watermark and .live == false'
}

@test "libvirt: what virsh refuses" {
	local v=v:$DIR/snap1

	[ "$(id -u)" = 0 ] || skip "needs root"
	virsh_says "error: failed to get domain 'web'\n\n"
	refuses 3 "$v" img-info --libvirt web "$v"
	says "guest 'web': virsh: failed to get domain 'web'"
	virsh_says "error: failed to connect\nerror: authentication unavailable: \033[2J\n"
	refuses 4 "$v" img-info --libvirt web "$v"
	says 'virsh: authentication unavailable: \x1b[2J (try --sudo)'
	virsh_says 'error: out of order\n'
	refuses 1 "$v" img-info --libvirt web "$v"
	virsh_says '' '  block.0.path=/a' '  block.0.path=/b'
	refuses 1 "$v" img-info --libvirt web "$v"
	says 'cannot parse the output of virsh'
}

@test "libvirt: a guest that does not exist, and wrong names" {
	# The real virsh, whether there is a libvirtd or not.
	try img-info --libvirt no-such-guest-here snap1
	[ "$status" = 1 ] || [ "$status" = 3 ]
	one_line "img-info: snap1: guest 'no-such-guest-here': virsh: "
	refuses 2 '' img-info --libvirt=-web snap1
	refuses 2 '' img-info --libvirt= snap1
	refuses 2 '' img-info --libvirt web --qmp qmp snap1
}
