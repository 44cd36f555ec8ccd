#!/usr/bin/env bats
#
# Thin volumes that stand on a thick one, their external origin: what their pool has not mapped, also
# what was discarded, is read from that.

load guest

setup_file() {
	guest_setup_file
	make_group a vga 128M
	on a lvcreate -q --type thin-pool -c 64K -L 40M --poolmetadatasize 4M -n pool vga
	on a lvcreate -q -L 8M -n eo vga
	seq 1 9999999 | dd of=/dev/vga/eo bs=1M count=8 iflag=fullblock oflag=direct status=none
	on a lvchange -an vga/eo
	on a lvchange -pr vga/eo
}

setup() {
	guest_setup
	on a lvcreate -q -s --thinpool vga/pool -n et vga/eo
}

teardown() {
	guest_teardown
	on a lvremove -qqy --select 'lv_name=~^et' vga
	[ -z "$(tagged a)" ]
}

# on_disk VOLUME: its content, read from the disk, is in the file `has`.
on_disk() {
	dd if="/dev/$1" of=has bs=1M iflag=direct status=none
}

@test "what shows through from the external origin is read, also of a snapshot" {
	local volume how

	seq 5 9999999 | dd of=/dev/vga/et bs=64K seek=16 count=1 iflag=fullblock oflag=direct status=none
	on a lvcreate -q -s -kn -n etsnap vga/et
	for volume in et etsnap; do
		dmsetup table "vga-$volume" | grep -E '^0 16384 thin [0-9:]+ [0-9]+ [0-9:]+$' >&2
		on_disk "vga/$volume"
		cmp -n 1M has <(seq 1 9999999) >&2
		for how in '' -s --sparse; do
			# shellcheck disable=SC2086 # or nothing
			succeeds img-copy $how "a:/dev/vga/$volume" copy
			cmp copy has >&2
			rm copy
		done
		succeeds img-copy --archive "a:/dev/vga/$volume" copy.lzo
		lzop -dc copy.lzo | cmp - has >&2
		rm copy.lzo
		truncate -s 8M zeros
		try img-verify "a:/dev/vga/$volume" zeros
		[ "$status" = 8 ]
		succeeds img-verify "a:/dev/vga/$volume" has
	done
}

@test "zeros are written there, since a discard would uncover the external origin" {
	local volume

	make_sparse sparse
	truncate -s 7M sparse
	cp sparse want
	truncate -s 8M want
	on a lvcreate -q -s -kn -n etsnap vga/et
	for volume in et etsnap; do
		succeeds img-write sparse "a:/dev/vga/$volume"
		on_disk "vga/$volume"
		cmp has want >&2
	done
	on a lvchange -ay vga/eo
	on_disk vga/eo
	cmp has <(seq 1 9999999 | head -c 8M) >&2
	on a lvchange -an vga/eo
}

@test "what a resize adds is zeros, also after the volume was smaller" {
	on a lvreduce -qqfy -L 4M vga/et
	succeeds img-resize --format raw a:/dev/vga/et 8M
	on_disk vga/et
	cmp -n 4M has <(seq 1 9999999) >&2
	cmp -i 4M:0 -n 4M has /dev/zero >&2
}

@test "an external origin is neither removed, which would remove what stands on it, nor written" {
	local before option state

	on a lvcreate -q -s --thinpool vga/pool -n et2 vga/eo
	on a lvcreate -q -s -kn -n etsnap vga/et
	before=$(on a lvs --noheadings -o lv_name,lv_uuid,lv_attr vga)
	printf '%s\n' "$before" >&2
	for option in '' -n --force; do
		# shellcheck disable=SC2086 # or nothing
		refuses 4 /dev/vga/eo on a img-delete $option /dev/vga/eo
		says "is the external origin of 'et', 'et2'"
	done
	for state in n y; do
		on a lvchange -a$state vga/eo
		refuses 4 /dev/vga/eo on a img-delete /dev/vga/eo
		refuses 4 /dev/vga/eo on a img-write "$IMAGE" /dev/vga/eo
		says "is the external origin of 'et', 'et2'"
		refuses 4 /dev/vga/eo on a img-copy --overwrite "$IMAGE" /dev/vga/eo
		[ $state = n ] || refuses 4 /dev/vga/eo on a img-resize --format raw /dev/vga/eo +4M
	done
	says "is the external origin of 'et', 'et2'"
	on a lvchange -an vga/eo
	[ "$(on a lvs --noheadings -o lv_name,lv_uuid,lv_attr vga)" = "$before" ]
	# LVM refuses that, too, when it became one after it was looked at.
	lvm_is a - <<-'END'
		#!/bin/bash
		[ "$1" = lvs ] || exec -a lvm lvm.real "$@"
		(exec -a lvm lvm.real "$@") | sed 's/,extthinorigin//'
	END
	try on a img-delete /dev/vga/eo
	[ "$status" != 0 ]
	lvm_back a
	[ "$(on a lvs --noheadings -o lv_name,lv_uuid,lv_attr vga)" = "$before" ]

	succeeds on a img-rename /dev/vga/eo renamed
	[ "$(lv lv_uuid vga/renamed)" = "$(printf '%s\n' "$before" | awk '$1 == "eo" { print $2 }')" ]
	[ "$(lv origin vga/et)" = renamed ]
	on a lvrename -q vga/renamed eo
	on a lvremove -qqy vga/et vga/et2 vga/etsnap
	# Nothing stands on it now.
	succeeds on a img-delete -n /dev/vga/eo
	on a lvcreate -q -s --thinpool vga/pool -n et vga/eo
}
