#!/usr/bin/env bats
#
# A volume that is being zeroed, and waits for its disk to be synced.

load guest
load volumes

@test "a volume is unfinished while it is zeroed; if killed, it stays so, and is created again" {
	local place pid creator

	on a lvcreate -q -L 80M -n slow vga
	place=$(dmsetup table vga-slow)
	volume_fault a vga/slow $((70 * 2048)) 8 delay 0 0 120000
	on a lvremove -qy vga/slow
	on a img-create /dev/vga/slow 80M 3>&- &
	creator=$!
	wait_until 20 tagged_as img-tools.run=
	succeeds on a img-info --json /dev/vga/slow
	json '.unfinished and .kind == "volume" and .in_use'
	# Another job is refused, whatever it is to do.
	refuses 5 /dev/vga/slow on a img-create /dev/vga/slow 80M
	says 'in use: another job is making it'
	refuses 5 /dev/vga/slow on a img-delete /dev/vga/slow
	refuses 5 /dev/vga/slow on a img-write "$IMAGE" /dev/vga/slow
	refuses 5 /dev/vga/slow on a img-resize /dev/vga/slow +4M
	for pid in $(helpers); do
		kill -KILL "$pid"
	done
	disk_heal "$(disks vga)" # which lets it end
	status=0
	wait $creator || status=$?
	[ "$status" = 7 ]
	wait_until 20 no_process

	succeeds on a img-list --json /dev/vga
	json '.entries[] | select(.name == "slow") | .unfinished'
	refuses 8 /dev/vga/slow on a img-copy /dev/vga/slow /srv/copy
	succeeds on a img-create /dev/vga/slow 80M
	[ "$(dmsetup table vga-slow)" = "$place" ]
	[ -z "$(tagged a)" ]
	zeros vga/slow
	on a lvremove -qy vga/slow
}

# tagged_as START: a volume on host a has a tag that begins with START.
tagged_as() {
	on a lvs --noheadings -o lv_tags | grep -q "^ *$1"
}

# A larger volume would not be what the job has measured, and its mark is not that of an interrupted one.
@test "a volume that is being written is not resized" {
	local option writer

	on a lvcreate -qqy -L 16M -n slow vga
	mkfifo pipe
	on a img-write - /dev/vga/slow <pipe 3>&- &
	writer=$!
	exec 6>pipe
	head -c 1M "$IMAGE" >&6
	wait_until 20 tagged_as img-tools.unfinished
	for option in '' -n --fs; do
		# shellcheck disable=SC2086 # none or one
		refuses 5 /dev/vga/slow on a img-resize $option /dev/vga/slow +4M
		says 'in use: '
	done
	refuses 5 /dev/vga/slow on a img-resizefs /dev/vga/slow
	exec 6>&-
	wait $writer
	succeeds on a img-resize /dev/vga/slow +4M
	on a lvremove -qy vga/slow
}
