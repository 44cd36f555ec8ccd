#!/usr/bin/env bats
#
# img-watch on real volumes: a qcow2 layer that is written to never meets the end of its volume,
# up to the largest size, and not beyond the group's free space.

load guest

setup_file() {
	guest_setup_file
	make_group a vga 192M
}

setup() {
	guest_setup
	PID=
	EVENTS=$BATS_TEST_TMPDIR/events
	NOTES=$BATS_TEST_TMPDIR/notes
}

teardown() {
	[ -z "$PID" ] || stopped_watch 2>/dev/null || true
	on a lvremove -qqy vga || true
	guest_teardown
}

# layer NAME VOLUME-SIZE DISK-SIZE: a volume of vga with a qcow2 layer, of which 1 MiB is written.
layer() {
	on a lvcreate -qqy -Wn -L "$2" -n "$1" vga
	qemu-img create -q -f qcow2 "/dev/vga/$1" "$3"
	fill "$1" 0 1M
}

# fill NAME OFFSET LENGTH: as a guest does.
fill() {
	qemu-io -t none -f qcow2 -c "write -q -P 7 $2 $3" "/dev/vga/$1" >&2
}

watermark() {
	qemu-img check --output=json "/dev/vga/$1" | jq '."image-end-offset"'
}

size() {
	blockdev --getsize64 "/dev/vga/$1"
}

# watching WORD...: starts it on host a.
watching() {
	# shellcheck disable=SC2016 # it is a script
	on a sh -c 'echo $$ >&9; exec img-watch "$@"' sh --json "$@" >"$EVENTS" 2>"$NOTES" 3>&- \
		9>"$BATS_TEST_TMPDIR/pid" &
	PID=$!
	wait_until 20 test -s "$BATS_TEST_TMPDIR/pid"
}

# stopped_watch: it is ended, and leaves nothing.
stopped_watch() {
	kill -TERM "$(<"$BATS_TEST_TMPDIR/pid")"
	wait "$PID" || true
	PID=
	nothing_left
}

# has_event FILTER: an event for which jq's FILTER is true was printed.
has_event() {
	wait_until 60 event "$1" || {
		cat "$EVENTS" "$NOTES" >&2
		return 1
	}
}

event() {
	[ "$(jq -c "select($1)" "$EVENTS" | wc -l)" -gt 0 ]
}

@test "--once: near, extended, at its largest size, and the group's free space" {
	layer img 16M 64M
	fill img 0 12M
	try on a img-watch --once --reserve 8M /dev/vga/img
	[ "$status" = 10 ]
	succeeds on a img-watch --once --reserve 1M /dev/vga/img
	try on a img-watch -n --json --extend 6M --reserve 8M /dev/vga/img
	[ "$status" = 0 ]
	json '.event == "extended" and .previous == 16777216 and .physical == 25165824 and .dry_run'
	[ "$(size img)" = 16777216 ]
	succeeds img-watch --once --json --extend 6M --reserve 8M a:/dev/vga/img
	json '.event == "extended" and .previous == 16777216 and .physical == 25165824 and
		.capacity == 67108864 and .allocation == $mark and .threshold == 16777216 and
		.max == 73819751' --argjson mark "$(watermark img)"
	[ "$(size img)" = 25165824 ]
	[ "$(lv lv_size,lv_tags vga/img)" = 25165824 ]
	qemu-img check -q -f qcow2 /dev/vga/img
	# Not needed.
	succeeds on a img-watch --once --extend 6M --reserve 8M /dev/vga/img
	grep enough "$OUT"
	# At --max, in complete extents.
	succeeds on a img-watch --once --extend 8M --reserve 64M --max 31M /dev/vga/img
	[ "$(size img)" = 29360128 ]
	try on a img-watch --once --json --extend 8M --reserve 64M --max 31M /dev/vga/img
	[ "$status" = 10 ]
	json '.event == "alarm" and .reason == "max" and (.message | test("--max"))'
	# 192 MiB less LVM's metadata are 188.
	try on a img-watch --once --json --extend 8M --reserve 64M --min-free 160M /dev/vga/img
	[ "$status" = 9 ]
	json '.event == "alarm" and .reason == "space" and .free == 167772160'
	succeeds on a img-watch --once --extend 8M --reserve 64M --min-free 156M /dev/vga/img
	[ "$(size img)" = 33554432 ]
	# By what there is.
	on a lvcreate -qqy -Wn -L 152M -n other vga
	succeeds on a img-watch --once --extend 8M --reserve 64M /dev/vga/img
	[ "$(size img)" = 37748736 ]
	try on a img-watch --once --extend 8M --reserve 64M /dev/vga/img
	[ "$status" = 9 ]
	[ "$(size img)" = 37748736 ]
	# Old data of other volumes behind its end, which were not zeroed, change nothing.
	qemu-img check -q -f qcow2 /dev/vga/img
	qemu-io -f qcow2 -c 'read -q -P 7 0 12M' -c 'read -q -P 0 12M 52M' /dev/vga/img
}

@test "a writer never meets the end of the volume" {
	local at

	layer img 24M 48M
	watching --extend 8M --reserve 8M /dev/vga/img
	has_event '.event == "armed"'
	for ((at = 1; at < 48; at++)); do
		fill img "${at}M" 1M
		[ "$(watermark img)" -le "$(size img)" ]
	done
	has_event '.event == "alarm" and .reason == "max"'
	[ "$(size img)" = 58720256 ] # 52.8 MiB, rounded up to 56
	[ "$(jq -c 'select(.event == "extended")' "$EVENTS" | wc -l)" = 4 ]
	[ "$(jq -c 'select(.event == "alarm")' "$EVENTS" | wc -l)" = 1 ]
	[ ! -s "$NOTES" ]
	stopped_watch
	qemu-img check -q -f qcow2 /dev/vga/img
	qemu-io -f qcow2 -c 'read -q -P 7 0 48M' /dev/vga/img
}

@test "QEMU tells when the volume nears its end" {
	local nbd="nbd+unix:///x?socket=$BATS_TEST_TMPDIR/nbd" daemon

	layer img 24M 64M
	qemu-storage-daemon --chardev "socket,path=$BATS_TEST_TMPDIR/qmp,server=on,wait=off,id=q" \
		--monitor chardev=q --nbd-server "addr.type=unix,addr.path=$BATS_TEST_TMPDIR/nbd" \
		--blockdev host_device,node-name=p,filename=/dev/vga/img \
		--blockdev qcow2,node-name=x,file=p --export nbd,id=e,node-name=x,name=x,writable=on 3>&- &
	daemon=$!
	wait_until 20 test -S "$BATS_TEST_TMPDIR/nbd"
	watching --qmp "$BATS_TEST_TMPDIR/qmp" --extend 8M --reserve 8M /dev/vga/img
	has_event '.event == "armed" and .armed and .threshold == 16777216'
	qemu-io -f raw -c 'write -q -P 7 0 18M' "$nbd"
	has_event '.event == "extended" and .armed and .physical == 33554432'
	qemu-io -f raw -c 'write -q -P 7 18M 8M' "$nbd"
	has_event '.event == "extended" and .armed and .physical == 41943040'
	[ "$(size img)" = 41943040 ]
	[ "$(lv lv_size vga/img)" = 41943040 ]
	stopped_watch
	kill "$daemon"
	wait "$daemon" || true
	qemu-img check -q -f qcow2 /dev/vga/img
	qemu-io -f qcow2 -c 'read -q -P 7 0 26M' /dev/vga/img
}

@test "the watcher is in nobody's way, and the volume may be replaced" {
	layer img 16M 64M
	watching --reserve 4M /dev/vga/img
	has_event '.event == "armed"'
	on a lvchange -an vga/img
	has_event '.event == "lost"'
	on a lvchange -ay vga/img
	has_event '.event == "armed" and .capacity == 67108864'
	succeeds on a img-rename /dev/vga/img other
	layer img 16M 32M
	has_event '.event == "armed" and .capacity == 33554432'
	refuses 5 /dev/vga/img on a img-watch /dev/vga/img
	succeeds on a img-delete /dev/vga/img
	has_event '.event == "lost" and .capacity == 33554432'
	stopped_watch
}

@test "two volumes of a group, which share its free space" {
	layer one 16M 64M
	layer two 16M 64M
	fill one 0 12M
	fill two 0 12M
	on a lvcreate -qqy -Wn -L 132M -n other vga # 24 MiB are left
	watching --extend 12M --reserve 64M --min-free 4M /dev/vga/one /dev/vga/two
	has_event '.event == "alarm" and .reason == "space" and .location == "/dev/vga/one"'
	has_event '.event == "alarm" and .reason == "space" and .location == "/dev/vga/two"'
	[ $(($(size one) + $(size two))) = $(((16 + 16 + 20) << 20)) ]
	on a lvremove -qqy vga/other
	# Tried again.
	has_event '.event == "extended" and .previous > 25165824 and .location == "/dev/vga/two"'
	stopped_watch
}

@test "what cannot be watched, or extended" {
	on a lvcreate -qqy -Wn -L 8M -n raw vga
	dd if=/dev/zero of=/dev/vga/raw bs=1M count=1 oflag=direct status=none
	refuses 4 /dev/vga/raw on a img-watch --once /dev/vga/raw
	says 'holds a raw image'
	refuses 4 /dev/vga on a img-watch /dev/vga
	layer img 16M 64M
	on a lvcreate -qqy -s -L 8M -n snap vga/img
	refuses 4 /dev/vga/img on a img-watch --extend 8M /dev/vga/img
	says 'has snapshots'
	refuses 4 /dev/vga/snap on a img-watch --once --extend 8M /dev/vga/snap
	succeeds on a img-watch --once --reserve 1M /dev/vga/img
	on a lvremove -qqy vga/snap
	# The configuration.
	printf '[storage]\n\tgroup = other\n' | on a tee /etc/img-tools/config >&2
	refuses 4 a:/dev/vga/img img-watch --once a:/dev/vga/img
	on a rm /etc/img-tools/config
	# LVM fails: an alarm with its message.
	lvm_is a - <<-'END'
		#!/bin/bash
		case " $* " in
		*" lvextend "*) echo "no luck today" >&2; exit 5 ;;
		esac
		exec -a lvm lvm.real "$@"
	END
	try on a img-watch --once --json --extend 8M --reserve 64M /dev/vga/img
	lvm_back a
	[ "$status" = 1 ]
	json '.event == "alarm" and .reason == "failed" and (.message | test("no luck today"))'
	[ "$(size img)" = 16777216 ]
}
