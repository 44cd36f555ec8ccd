#!/usr/bin/env bats
#
# img-create --format qcow2 on volumes.

load guest
load volumes

# empty_disk VOLUME SIZE: an intact qcow2 image with an empty disk.
empty_disk() {
	qemu-img check -q -f qcow2 "/dev/$1" >&2 &&
		[ "$(qemu-img info --output=json "/dev/$1" | jq '."virtual-size"')" = "$2" ] &&
		[ "$(qemu-img map --output=json "/dev/$1" | jq -c 'map(select(.data))')" = '[]' ]
}

# default_size SIZE: the bytes of a volume of vga for a disk of SIZE: 10 % more than a full image
# needs, in complete extents.
default_size() {
	local full

	full=$(qemu-img measure --output=json -O qcow2 --size "$1" | jq '."fully-allocated"')
	echo $(((full + (full + 9) / 10 + 4194303) / 4194304 * 4194304))
}

@test "a volume gets 10 % more than a full image needs, here and on a host" {
	local size

	for size in 512 32M 64M; do
		succeeds on a img-create --format qcow2 /dev/vga/new "$size"
		[ "$(lv lv_size,lv_tags vga/new)" = "$(default_size "$size")" ]
		empty_disk vga/new "$(numfmt --from=iec "$size")"
		on a lvremove -qy vga/new
		succeeds img-create --json --format qcow2 a:/dev/vga/new "$size"
		json '.format == "qcow2" and .physical == $physical and .backing == null' \
			--argjson physical "$(default_size "$size")"
		empty_disk vga/new "$(numfmt --from=iec "$size")"
		on a lvremove -qy vga/new
	done
	# A guest can fill all of its disk.
	succeeds on a img-create --format qcow2 /dev/vga/new 64M
	qemu-io -f qcow2 -c 'write -P 3 0 64M' -c 'read -P 3 0 64M' /dev/vga/new >&2
	qemu-img check -q -f qcow2 /dev/vga/new
	succeeds on a img-info --json /dev/vga/new
	json '.format == "qcow2" and .capacity == 67108864 and .compat == "1.1"'
	on a lvremove -qy vga/new
}

@test "--volume-size: rounded up to an extent, with a note, and never less than the metadata" {
	try on a img-create --format qcow2 --volume-size 5M /dev/vga/new 1G
	[ "$status" = 0 ]
	one_line 'img-create: '
	says '/dev/vga/new: rounded up to full extents: 8 MiB (8388608 bytes)'
	[ "$(lv lv_size vga/new)" = 8388608 ]
	empty_disk vga/new 1073741824
	on a lvremove -qy vga/new
	succeeds img-create --format qcow2 --volume-size 40M a:/dev/vga/new 1P
	qemu-img check -q -f qcow2 /dev/vga/new
	[ "$(lv lv_size vga/new)" = 41943040 ]
	on a lvremove -qy vga/new
	refuses 9 a:/dev/vga/new img-create --format qcow2 --volume-size 1M a:/dev/vga/new 1P
	says 'the volume would have 1 MiB, and an empty qcow2 image of that size needs'
	refuses 9 a:/dev/vga/new img-create --format qcow2 --volume-size 10G a:/dev/vga/new 1G
	refuses 9 a:/dev/vga/new img-create -n --format qcow2 a:/dev/vga/new 1G
	[ "$(names)" = " plain pool " ]
}

@test "what a volume held before is not found: neither a filesystem nor the end of a table" {
	local place

	on a lvcreate -qy -L 32M -n new vga
	place=$(dmsetup table vga-new)
	mke2fs -q -t ext4 /dev/vga/new
	yes secret | dd of=/dev/vga/new bs=1M seek=1 count=31 iflag=fullblock oflag=direct status=none
	on a lvremove -qy vga/new
	succeeds on a img-create --format qcow2 --volume-size 32M /dev/vga/new 16M
	[ "$(dmsetup table vga-new)" = "$place" ]
	blockdev --flushbufs /dev/vga/new
	empty_disk vga/new 16777216
	cmp -i 262144:0 -n $(((1 << 20) - 262144)) /dev/vga/new /dev/zero
	cmp -i $((31 << 20)):0 -n $((1 << 20)) /dev/vga/new /dev/zero
	[ -z "$(blkid -p -o value -s PTTYPE -s UUID /dev/vga/new)" ]
	# Only metadata is written.
	[ "$(dd if=/dev/vga/new bs=1M skip=2 count=1 status=none | grep -c '^secret$')" -gt 100000 ]
	on a lvremove -qy vga/new
}

@test "a thin volume takes only the space of the metadata" {
	try on a img-create --thin pool --format qcow2 --volume-size 64M /dev/vga/thin 1G
	[ "$status" = 0 ]
	one_line 'img-create: warning: '
	[ "$(lv lv_size,pool_lv vga/thin)" = 67108864pool ]
	empty_disk vga/thin 1073741824
	[ "$(lv data_percent vga/thin | cut -d. -f1)" -le 1 ]
	on a lvremove -qy vga/thin
}

@test "--backing: volumes and files, in all directions" {
	local guest=/srv/guest

	on a head -c 4M /dev/urandom >"$BATS_TEST_TMPDIR/guest"
	dd if="$BATS_TEST_TMPDIR/guest" of=/dev/vga/plain bs=1M oflag=direct status=none
	on a cp "$BATS_TEST_TMPDIR/guest" "$guest"
	succeeds on a img-create --format qcow2 --backing plain /dev/vga/one 4M
	on a qemu-img compare -q -f qcow2 -F raw /dev/vga/one /dev/vga/plain
	succeeds img-create --format qcow2 --backing /dev/vga/one a:/srv/two 4M
	on a qemu-img compare -q -f qcow2 -F raw /srv/two /dev/vga/plain
	succeeds img-create --json --format qcow2 --backing /srv/two a:/dev/vga/three 8M
	json '.backing == {path: "/srv/two", recorded: "/srv/two", format: "qcow2"}'
	[ "$(on a qemu-img info --backing-chain --output=json /dev/vga/three |
		jq -c '[.[] | ."backing-filename-format"]')" = '["qcow2","qcow2","raw",null]' ]
	on a qemu-img compare -q -f qcow2 -F raw /dev/vga/three "$guest"
	succeeds on a img-info --json /dev/vga/one
	json '.backing == {path: "/dev/vga/plain", recorded: "plain", format: "raw"}'

	refuses 3 a:/dev/vga/no img-create --format qcow2 --backing gone a:/dev/vga/no 4M
	on a lvchange -q --addtag img-tools.unfinished vga/plain
	refuses 8 a:/dev/vga/no img-create --format qcow2 --backing plain a:/dev/vga/no 4M
	says 'is unfinished'
	on a lvchange -q --deltag img-tools.unfinished vga/plain
	on a lvremove -qy vga/one vga/three
	on a rm /srv/two "$guest"
	[ "$(names)" = " plain pool " ]
}

@test "--backing: a volume in use is a warning, a mounted one is refused" {
	local holder

	exec {holder}<>/dev/vga/plain
	try on a img-create --format qcow2 --backing plain /dev/vga/new 4M
	exec {holder}<&-
	[ "$status" = 0 ]
	one_line "img-create: "
	says "warning: backing file 'plain' is in use ("
	on a lvremove -qy vga/new
	mke2fs -q -t ext4 /dev/vga/plain
	on a mkdir -p /srv/mnt
	on a mount /dev/vga/plain /srv/mnt
	refuses 5 /dev/vga/new on a img-create --format qcow2 --backing plain /dev/vga/new 4M
	on a umount /srv/mnt
	[ "$(names)" = " plain pool " ]
}

@test "a volume that exists is not touched, and a killed job leaves what img-clean removes" {
	local before

	before=$(sha256sum </dev/vga/plain)
	refuses 6 /dev/vga/plain on a img-create --format qcow2 /dev/vga/plain 4M
	refuses 6 a:/dev/vga/plain img-create -n --format qcow2 a:/dev/vga/plain 4M
	[ "$(sha256sum </dev/vga/plain)" = "$before" ]
	refuses 2 a:/srv/new img-create --format qcow2 --volume-size 8M a:/srv/new 4M
	lvm_is a - <<-'END'
		#!/bin/bash
		(exec -a lvm lvm.real "$@")
		status=$?
		[ "$1" != lvcreate ] || kill -KILL $PPID
		exit $status
	END
	try on a img-create --format qcow2 /dev/vga/new 16M
	lvm_back a
	[ "$status" = 7 ]
	[ "$(names)" = " new plain pool " ]
	succeeds on a img-info --json /dev/vga/new
	json .unfinished
	try on a img-clean /dev/vga
	[ "$status" = 0 ]
	[ "$(names)" = " plain pool " ]
}
