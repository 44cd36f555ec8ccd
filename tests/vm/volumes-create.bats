#!/usr/bin/env bats
#
# Volumes are created, thick and thin.

load guest
load volumes

@test "a thick volume is zeroed over its whole length, whatever was there before" {
	local place

	on a lvcreate -q -L 32M -n new vga
	place=$(dmsetup table vga-new)
	yes secret | dd of=/dev/vga/new bs=1M count=32 iflag=fullblock oflag=direct status=none
	on a lvremove -qy vga/new

	succeeds on a img-create /dev/vga/new 32M
	[ "$(dmsetup table vga-new)" = "$place" ]
	zeros vga/new
	[ "$(lv lv_size,lv_tags,lv_attr vga/new)" = "33554432-wi-a-----" ]
	on a lvremove -qy vga/new

	# LVM alone would not have zeroed it.
	on a lvcreate -q -L 32M -n new vga
	[ "$(dmsetup table vga-new)" = "$place" ]
	yes secret | dd of=/dev/vga/new bs=1M count=32 iflag=fullblock oflag=direct status=none
	on a lvremove -qy vga/new
	on a lvcreate -qy -L 32M -n new vga
	run ! zeros vga/new
	on a lvremove -qy vga/new
}

@test "a size is rounded up to an extent, and a note says so" {
	try img-create a:/dev/vga/odd 5M
	[ "$status" = 0 ]
	one_line "img-create: "
	says 'a:/dev/vga/odd: rounded up to full extents: 8 MiB (8388608 bytes)'
	[ "$(lv lv_size vga/odd)" = 8388608 ]
	zeros vga/odd
	on a lvremove -qy vga/odd
	try on a img-create -n /dev/vga/odd 5M
	[ "$status" = 0 ]
	[ "$(names)" = " plain pool " ]
}

@test "thin volumes are created in an existing pool" {
	try on a img-create --thin pool /dev/vga/thin 1G
	[ "$status" = 0 ]
	one_line 'img-create: warning: '
	[ "$(lv lv_size,pool_lv,data_percent,lv_tags vga/thin)" = 1073741824pool0.00 ]
	cmp -n 8M /dev/vga/thin /dev/zero
	refuses 6 /dev/vga/thin on a img-create --thin pool /dev/vga/thin 1G
	refuses 4 a:/dev/vga/no img-create --thin plain a:/dev/vga/no 8M
	refuses 3 /dev/vga/no on a img-create --thin nopool /dev/vga/no 8M
	refuses 2 /srv/no on a img-create --thin pool /srv/no 8M
	on a lvremove -qy vga/thin
	[ "$(names)" = " plain pool " ]
}

@test "what cannot be created is refused, and nothing is left behind" {
	refuses 6 /dev/vga/plain on a img-create /dev/vga/plain 4M
	refuses 9 /dev/vga/no on a img-create /dev/vga/no 1G
	says "group 'vga' has "
	refuses 4 /dev/vga on a img-create /dev/vga 4M
	refuses 3 /dev/nogroup/no on a img-create /dev/nogroup/no 4M
	refuses 4 /dev/vga/-x on a img-create /dev/vga/-x 4M
	refuses 4 '/dev/vga/a b' on a img-create '/dev/vga/a b' 4M
	refuses 4 '/dev/vga/x\ny' on a img-create $'/dev/vga/x\ny' 4M
	refuses 6 /dev/vga/pool_tdata on a img-create /dev/vga/pool_tdata 4M
	refuses 4 /dev/vga/a_tdata on a img-create /dev/vga/a_tdata 4M
	says 'LVM reserves'
	[ "$(names)" = " plain pool " ]
}

@test "a group that is full when the volume is created" {
	lvm_is a - <<-'END'
		#!/bin/bash
		[ "$1" != lvcreate ] ||
			(exec -a lvm lvm.real lvcreate -qqy -Zn -l 100%FREE -n other vga)
		exec -a lvm lvm.real "$@"
	END
	refuses 9 /dev/vga/no on a img-create /dev/vga/no 4M
	refuses 9 /dev/vga/no on a img-copy "$IMAGE" /dev/vga/no
	lvm_back a
	on a lvremove -qqy vga/other
	[ "$(names)" = " plain pool " ]
}
