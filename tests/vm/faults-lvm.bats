#!/usr/bin/env bats
#
# LVM fails, and groups belong to others.

load guest
load faults

@test "LVM is missing, or fails, or prints nonsense" {
	known vga/other
	lvm_missing a
	refuses 1 /dev/vga/other on a img-info /dev/vga/other
	says lvm
	refuses 1 /dev/vga/new on a img-create /dev/vga/new 4M
	refuses 1 /dev/vga/other on a img-write "$IMAGE" /dev/vga/other
	succeeds on a img-storage --json
	json '.groups == []'
	lvm_is a - <<<$'#!/bin/sh\necho "it is broken" >&2; exit 5'
	refuses 1 /dev/vga/other on a img-delete /dev/vga/other
	says 'it is broken'
	lvm_is a - <<<$'#!/bin/sh\necho nonsense'
	refuses 1 /dev/vga/other on a img-info /dev/vga/other
	refuses 1 /dev/vga on a img-list /dev/vga
	lvm_is a - <<<$'#!/bin/sh\nkill -SEGV $$'
	refuses 1 /dev/vga/other on a img-info /dev/vga/other
	lvm_back a

	# What LVM fails in the middle of is rolled back.
	lvm_with '[ "$1" != lvcreate ] || { real "$@"; echo "no more" >&2; exit 5; }'
	refuses 1 /dev/vga/new on a img-create /dev/vga/new 4M
	says 'no more'
	lvm_with '[ "$1" != lvchange ] || { echo "no more" >&2; exit 5; }'
	refuses 1 /dev/vga/new on a img-create /dev/vga/new 4M
	refuses 1 /dev/vga/other on a img-write "$IMAGE" /dev/vga/other
	lvm_back a
	[ "$(names)" = " other " ]
	is_known vga/other
}

@test "groups of another host, and shared groups, are not touched" {
	make_group a vgf 16M
	on a lvcreate -q -L 8M -n mine vgf
	on a vgchange -q -an vgf
	on a vgchange -q -y --systemid elsewhere vgf
	refuses 4 /dev/vgf/mine on a img-info /dev/vgf/mine
	refuses 4 /dev/vgf/mine on a img-write "$IMAGE" /dev/vgf/mine
	refuses 4 /dev/vgf/new on a img-create /dev/vgf/new 4M
	refuses 4 /dev/vgf/mine on a img-delete /dev/vgf/mine
	[ "$(on a vgs --foreign --noheadings -o lv_count vgf | tr -d ' ')" = 1 ]

	# shellcheck disable=SC2016 # it is a script
	lvm_with 'real "$@" | sed '\''s/"vg_lock_type":""/"vg_lock_type":"sanlock"/'\' \
		'exit ${PIPESTATUS[0]}'
	refuses 4 /dev/vga/other on a img-write "$IMAGE" /dev/vga/other
	says 'lock type sanlock'
	refuses 4 /dev/vga/new on a img-create /dev/vga/new 4M
	refuses 4 /dev/vga/other on a img-delete /dev/vga/other
	refuses 4 /dev/vga/other on a img-rename /dev/vga/other x
	refuses 4 /dev/vga/other on a img-copy /dev/vga/other /srv/no
	says 'lock type sanlock'
	refuses 4 /dev/vga/other on a img-copy -s /dev/vga/other /srv/no
	[ ! -e "$IMG_VM/a/srv/no" ]
	succeeds on a img-info /dev/vga/other
	try on a img-copy --live /dev/vga/other /srv/live
	[ "$status" = 0 ]
	rm "$IMG_VM/a/srv/live"
	lvm_back a
	drop_group vgf
	[ "$(names)" = " other " ]
}
