#!/usr/bin/env bats
#
# img-commit --qmp: while qemu-storage-daemon has the layers open, and qemu-io as the guest reads
# and writes its disk.

load common
load qemu

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() {
	stop_daemon
	img_teardown
}

# example [FORMAT]: base, of that format, and two layers above it; each has some data of its own.
example() {
	local format=${1:-raw}

	rm -f base snap1 snap2
	qemu-img create -q -f "$format" base 10M
	qemu-io -f "$format" -c 'write -P 9 5M 1M' base >/dev/null
	qemu-img create -q -f qcow2 -b base -F "$format" snap1 12M
	qemu-img create -q -f qcow2 -b snap1 -F qcow2 snap2
	qemu-io -c 'write -P 1 1M 2M' -c 'write -z 4M 2M' snap1 >/dev/null
	qemu-io -c 'write -P 2 2M 64K' -c 'write -P 2 11M 64K' snap2 >/dev/null
	qemu-img convert -O raw snap2 "$BATS_TEST_TMPDIR/view"
	# shellcheck disable=SC2034,SC2054 # for daemon; QEMU's commas
	NODES=(--blockdev file,node-name=p0,filename=base,auto-read-only=on
		--blockdev "$format,node-name=base,file=p0,auto-read-only=on"
		--blockdev file,node-name=p1,filename=snap1,auto-read-only=on
		--blockdev qcow2,node-name=snap1,file=p1,backing=base,auto-read-only=on
		--blockdev file,node-name=p2,filename=snap2
		--blockdev qcow2,node-name=top,file=p2,backing=snap1)
}

# The guest sees what it saw before.
guest_sees() {
	qemu-img compare -q -f raw -F raw "$BATS_TEST_TMPDIR/view" 'nbd+unix:///x?socket=nbd'
}

# chain_is NAME...: the layers from the top, as qemu-img names them.
chain_is() {
	[ "$(qemu-img info -U --backing-chain --output=json "$1" | jq -r '.[].filename')" = \
		"$(printf '%s\n' "$@")" ]
}

# backing_of LAYER: the name and the format that it records.
backing_of() {
	qemu-img info -U --output=json "$1" |
		jq -r '."backing-filename" + " " + ."backing-filename-format"'
}

# No job is left in QEMU, and the base has no mark.
is_finished() {
	has_mark base && return 1
	monitor '{"execute": "query-jobs", "id": "jobs"}'
	wait_until 20 grep -q '"id": "jobs"' answers
	grep '"id": "jobs"' answers | tail -n 1 | grep -q '"return": \[\]'
}

@test "commit live: a middle layer, here and on a host, above raw and qcow2" {
	local where format

	for where in '' "a:$DIR/"; do
		for format in raw qcow2; do
			example $format
			daemon
			succeeds img-commit --qmp "$DIR/qmp" --top "$DIR/snap1" "${where}snap2"
			grep -x "committed $DIR/snap1 into $DIR/base" "$OUT"
			grep -x 'before: capacity 10 MiB, allocation .*, physical .*' "$OUT"
			grep -x 'after:  capacity 12 MiB, allocation .*, physical .*' "$OUT"
			chain_is snap2 base
			[ "$(backing_of snap2)" = "base $format" ]
			guest_sees
			is_finished
			[ -e snap1 ]
			stop_daemon
			rm nbd answers
			qemu-img compare -q -F raw snap2 "$BATS_TEST_TMPDIR/view"
			qemu-img check -q snap2
			[ $format = raw ] || qemu-img check -q base
		done
	done
}
