#!/usr/bin/env bats
#
# LVM in its default configuration: the first command that makes something to be monitored
# starts dmeventd, which outlives the command, monitors snapshots and pools, and extends them
# if configured to do so.

load guest
load snapshot

setup_file() {
	guest_setup_file
	make_group a vga 128M
	on a lvcreate -q -L 8M -n disk vga
	monitored
}

# monitored [LINE...]: configures host a for this, with these lines in [activation].
monitored() {
	{
		sed '/event_activation\|use_lvmpolld\|monitoring/d' "$IMG_VM/a/lvm.conf"
		printf '%s\n' 'activation {' "$@" '}'
	} >"$IMG_VM/a/lvm/lvm.conf"
}

teardown_file() {
	pkill -KILL -x dmeventd
	guest_teardown_file
}

@test "dmeventd: a snapshot is taken, watched and removed" {
	run ! pgrep -x dmeventd
	succeeds img-copy -s a:/dev/vga/disk x.img
	same "$IMAGE" x.img
	pgrep -x dmeventd # nothing waits for it
	none_tagged
	succeeds on a img-snap --name one /dev/vga/disk
	[ "$(lv seg_monitor vga/one)" = monitored ]
	succeeds on a img-delete /dev/vga/one
}

@test "dmeventd: a snapshot is extended by it and by us" {
	monitored 'snapshot_autoextend_threshold = 50' 'snapshot_autoextend_percent = 50'
	configure 'size = 4m'
	copy_slowly
	change 0 3
	wait_until 60 larger 4194304
	change 3 3
	copy_ends
	told
	[ "$status" = 0 ]
	cmp "$IMAGE" "$IMG_VM/a/srv/copy" >&2
	none_tagged
	monitored
}

@test "dmeventd: thin volumes, and their pool" {
	succeeds on a lvcreate -qqy --type thin-pool -L 16M --poolmetadatasize 4M -n pool vga
	succeeds on a img-create --thin pool /dev/vga/thin 16M
	succeeds on a img-write "$IMAGE" /dev/vga/thin
	[ "$(lv seg_monitor vga/pool)" = monitored ]
	succeeds on a img-copy -s /dev/vga/thin /srv/copy
	cmp -n 8M "$IMAGE" "$IMG_VM/a/srv/copy" >&2
	succeeds on a img-delete /dev/vga/thin
	on a lvremove -qqy vga/pool
}

@test "dmeventd: what a killed helper left is removed" {
	copy_slowly
	# shellcheck disable=SC2046 # words
	kill -KILL $(helpers)
	copy_ends
	[ "$status" = 7 ]
	[ -n "$(tagged a)" ]
	rm "$IMG_VM/a/srv/.copy.img-tools"
	wait_until 30 no_process
	succeeds on a img-clean /dev/vga
	none_tagged
	change 0 1
}
