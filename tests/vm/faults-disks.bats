#!/usr/bin/env bats
#
# Disks and pools fail while volumes are made and written.

load guest
load faults

@test "disks fail: a new target is removed, and a target written in place is marked" {
	local middle=$((5 * 2048))

	known vga/other
	volume_fault a vga/other $middle 8 error
	refuses 1 a:/dev/vga/other img-copy a:/dev/vga/other copy
	says 'Input/output error'
	[ ! -e copy ]
	# a volume from one that fails
	refuses 1 /dev/vga/other on a img-copy /dev/vga/other /dev/vga/new
	[ "$(names)" = " other " ]

	refuses 1 /dev/vga/other on a img-write "$IMAGE" /dev/vga/other
	[ "$(tagged a)" = vga/other ]
	volume_fault a vga/other $middle 8 flakey error_writes
	refuses 1 /dev/vga/other on a img-copy --overwrite "$IMAGE" /dev/vga/other
	[ "$(tagged a)" = vga/other ]
	disk_heal "$(disks vga)"
	refuses 8 a:/dev/vga/other img-copy a:/dev/vga/other copy
	succeeds on a img-write "$IMAGE" /dev/vga/other
	[ -z "$(tagged a)" ]

	# The disk of a new volume fails.
	on a lvcreate -q -L 8M -n new vga
	volume_fault a vga/new $middle 8 flakey error_writes
	on a lvremove -qy vga/new
	refuses 1 /dev/vga/new on a img-copy "$IMAGE" /dev/vga/new
	refuses 1 /dev/vga/new on a img-create /dev/vga/new 8M
	disk_heal "$(disks vga)"
	[ "$(names)" = " other " ]
}

# Nobody notices these faults while writing; a comparison does.
@test "lost writes and flipped bytes are noticed when contents are compared" {
	local fault

	seq 1 2000000 | head -c 8M >full
	for fault in 'drop_writes' 'corrupt_bio_byte 32 w 1 0'; do
		known vga/other
		# shellcheck disable=SC2086 # words
		volume_fault a vga/other 2048 8 flakey $fault
		succeeds on a img-write "$PWD/full" /dev/vga/other
		disk_heal "$(disks vga)"
		try on a img-verify "$PWD/full" /dev/vga/other
		[ "$status" = 8 ]
	done
}

@test "a full pool ends a write in bounded time; with space again it continues" {
	local full

	seq 1 2000000 | head -c 8M >full
	for full in y n; do
		on a lvcreate -q --type thin-pool -L 4M --poolmetadatasize 4M -n pool vga
		[ $full = n ] || on a lvchange -q --errorwhenfull y vga/pool
		echo 3 >/sys/module/dm_thin_pool/parameters/no_space_timeout
		try on a img-create --thin pool /dev/vga/thin 16M
		[ "$status" = 0 ]
		grep -q "and its pool 'pool' has only 4 MiB" "$ERR"
		refuses 9 /dev/vga/thin on a img-write "$PWD/full" /dev/vga/thin
		says "pool 'pool' is full"
		[ "$(tagged a)" = vga/thin ]
		on a lvextend -q -L 12M vga/pool
		succeeds on a img-write "$PWD/full" /dev/vga/thin
		cmp -n 8M full /dev/vga/thin
		[ -z "$(tagged a)" ]
		on a lvremove -qy vga/thin vga/pool
	done
	[ "$(names)" = " other " ]
}
