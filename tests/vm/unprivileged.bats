#!/usr/bin/env bats
#
# A user without root: LVM cannot be asked, but the node of a volume may be readable.

load guest
load volumes

# as_user GROUP COMMAND...: on host a, as a user of this group; 6 is `disk`.
as_user() {
	on a setpriv --reuid 1000 --regid "$1" --clear-groups env HOME=/tmp "${@:2}"
}

# needs_root LOCATION COMMAND...
needs_root() {
	refuses 4 "$1" as_user 1000 "${@:2}"
	says "LVM needs root (try --sudo=here)"
}

# user_of_a: prints a program for --rsh, which makes a user without root of host a of any host.
user_of_a() {
	printf '%s\n' '#!/bin/bash' 'shift' "exec nsenter --mount=$IMG_VM/a/spaces/mnt \\" \
		'	setpriv --reuid 1000 --regid 1000 --clear-groups env HOME=/tmp sh -c "$*"'
}

@test "every operation on volumes is refused without root, and names --sudo" {
	local before

	before=$(names)
	cp "$IMAGE" "$IMG_VM/a/srv/image"
	chmod 644 "$IMG_VM/a/srv/image"
	for place in /dev/vga /dev/vga/; do
		needs_root "$place" img-list "$place"
		needs_root "$place" img-info "$place"
		needs_root "$place" img-clean "$place"
	done
	for place in /dev/vga/plain /dev/mapper/vga-plain "$(realpath /dev/vga/plain)"; do
		needs_root "$place" img-info "$place"
		needs_root "$place" img-verify "$place"
		needs_root "$place" img-copy "$place" /tmp/copy
		needs_root "$place" img-copy -s "$place" /tmp/copy
		needs_root "$place" img-write /srv/image "$place"
		needs_root "$place" img-delete "$place"
		needs_root "$place" img-rename "$place" other
		needs_root "$place" img-snap "$place"
		needs_root "$place" img-watch --once "$place"
		needs_root "$place" img-watch --extend 4M "$place"
	done
	needs_root /dev/vga/new img-create /dev/vga/new 4M
	needs_root /dev/vga/new img-create --thin pool /dev/vga/new 4M
	needs_root /dev/vga/new img-copy /srv/image /dev/vga/new
	[ "$(names)" = "$before" ]

	# A remote host.
	user_of_a >rsh
	chmod 755 rsh
	SSH_CONFIG='' refuses 4 h:/dev/vga img-list --rsh "$PWD/rsh" h:/dev/vga
	says "LVM needs root (try --sudo)"
	SSH_CONFIG='' try img-storage --rsh "$PWD/rsh" --json h:
	[ "$status" = 0 ]
	one_line 'img-storage: '
	says 'volume groups are left out: LVM needs root (try --sudo)'
	json '.groups == []'

	# What is in /dev for another purpose is not mistaken for a group.
	succeeds as_user 1000 img-list /dev/fd/
	refuses 4 /dev/shm as_user 1000 img-create /dev/shm 4M
	says 'directory'
	rm "$IMG_VM/a/srv/image"
}

@test "groups that are left out without root are reported" {
	local command

	for command in 'img-storage' 'img-storage --xml' 'img-storage --json' 'img-clean'; do
		# shellcheck disable=SC2086 # words
		try as_user 6 $command
		[ "$status" = 0 ]
		one_line "${command%% *}: "
		says 'volume groups are left out: LVM needs root (try --sudo=here)'
	done
	succeeds as_user 6 img-storage -q
	on a sh -c 'printf "[storage]\n group = vga\n" >/etc/img-tools/config'
	user_of_a >rsh
	chmod 755 rsh
	SSH_CONFIG='' try img-list --rsh "$PWD/rsh" h:
	[ "$status" = 0 ]
	one_line 'img-list: '
	says 'volume groups are left out: LVM needs root (try --sudo)'
	on a sh -c 'printf "[storage]\n directory = /srv\n" >/etc/img-tools/config'
	succeeds as_user 6 img-storage
	on a rm /etc/img-tools/config
	lvm_missing a
	succeeds as_user 6 img-storage
	lvm_back a
}

@test "a user in group disk reads a volume by its node" {
	local place

	head -c 4M "$IMAGE" >content
	cp content /dev/vga/plain
	# The guest's udev does not know the name of the group that it gives to disks elsewhere,
	# and sets the permissions anew after a write.
	udevadm settle
	chgrp 6 "$(realpath /dev/vga/plain)"
	chmod 660 "$(realpath /dev/vga/plain)"
	for place in /dev/vga/plain /dev/mapper/vga-plain "$(realpath /dev/vga/plain)"; do
		try as_user 6 img-copy "$place" /tmp/copy
		[ "$status" = 0 ]
		one_line 'img-copy: warning: '
		says "'/dev/vga/plain' is read without LVM"
		cmp content "$IMG_VM/a/tmp/copy" >&2
		rm "$IMG_VM/a/tmp/copy"
	done
	try as_user 6 img-info --json /dev/vga/plain
	[ "$status" = 0 ]
	json '.kind == "volume" and .path == "/dev/vga/plain" and .capacity == 4194304 and
		.physical == 4194304 and .filesystem.type == "ext4" and .volume == null'
	try as_user 6 img-verify /dev/vga/plain
	[ "$status" = 0 ]
	# What needs LVM is refused, and what the policy does not allow.
	cp "$IMAGE" "$IMG_VM/a/srv/image"
	chmod 644 "$IMG_VM/a/srv/image"
	refuses 4 /dev/vga/plain as_user 6 img-write /srv/image /dev/vga/plain
	rm "$IMG_VM/a/srv/image"
	refuses 4 /dev/vga/plain as_user 6 img-delete /dev/vga/plain
	refuses 4 /dev/vga as_user 6 img-list /dev/vga
	try as_user 6 img-copy -s /dev/vga/plain /tmp/copy
	[ "$status" = 4 ]
	says "LVM needs root (try --sudo=here)"
	[ ! -e "$IMG_VM/a/tmp/copy" ]
	on a sh -c 'printf "[storage]\n directory = /srv\n" >/etc/img-tools/config'
	refuses 4 /dev/vga/plain as_user 6 img-info /dev/vga/plain
	on a rm /etc/img-tools/config
	cmp content /dev/vga/plain >&2
}
