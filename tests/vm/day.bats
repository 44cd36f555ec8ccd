#!/usr/bin/env bats
#
# A day in the life of an administrator, from `here` with the hosts a and b: an image is made
# from a golden one, backed up while a guest uses it, and restored.

load guest

setup_file() {
	guest_setup_file
	make_group a vga 128M
	on a mkdir -p /srv/ghost
	on a cp "$IMAGE" /srv/ghost/default.img
	on b mkdir -p /srv/backups
}

teardown() {
	guest_teardown
	[ -z "$(tagged a)" ]
}

# The expected image: the golden one, and zeros to the volume's end.
should_be() {
	cat "$IMAGE" /dev/zero | head -c 25165824
}

# is_so: the content of the disk, not of the cache, is equal to standard input.
is_so() {
	cmp - <(dd if=/dev/vga/newimage bs=1M iflag=direct status=none) >&2
}

@test "1: the storage of host a is shown" {
	succeeds img-storage --json a:
	json '.groups[0] | .path == "/dev/vga" and .free > 100000000 and .name == "vga"'
	succeeds img-storage --json b:
	json '.groups == []'
}

@test "2: a volume is created in its first group" {
	local group

	succeeds img-storage --json a:
	group=$(jq -r '.groups[0].path' "$OUT")
	succeeds img-create "a:$group/newimage" 24M
	[ "$(blockdev --getsize64 /dev/vga/newimage)" = 25165824 ]
	head -c 24M /dev/zero | is_so
}

@test "3: the volume is filled from the golden image" {
	succeeds img-write a:/srv/ghost/default.img a:/dev/vga/newimage
	should_be | is_so
	succeeds img-info --json a:/dev/vga/newimage
	json '.filesystem.type == "ext4" and .filesystem.label == "guest" and (.unfinished | not)'
}

@test "4: the volume is backed up to host b while a guest runs, compressed on the way" {
	exec 9<>/dev/vga/newimage
	refuses 5 a:/dev/vga/newimage img-copy -a a:/dev/vga/newimage b:/srv/backups/backup23image
	succeeds img-copy --json -s -a a:/dev/vga/newimage b:/srv/backups/backup23image
	exec 9>&-
	json '.consistent and (.snapshot | startswith("newimage")) and .wire_bytes < 6000000'
	[ "$(on a lvs --noheadings -o lv_name vga | tr -d ' ')" = newimage ]
	on b lzop -t /srv/backups/backup23image
	on b lzop -dc /srv/backups/backup23image | cmp - <(should_be)
	succeeds img-verify b:/srv/backups/backup23image
	# It exists now, and no second backup replaces it.
	refuses 6 b:/srv/backups/backup23image \
		img-copy -s -a a:/dev/vga/newimage b:/srv/backups/backup23image
}

@test "5: the guest ruins the volume, and it is restored, decompressed on the way" {
	yes ruined | dd of=/dev/vga/newimage bs=1M count=24 iflag=fullblock oflag=direct status=none
	succeeds img-write b:/srv/backups/backup23image a:/dev/vga/newimage
	should_be | is_so
	succeeds img-verify a:/dev/vga/newimage b:/srv/backups/backup23image
	succeeds img-info --json a:/dev/vga/newimage
	json '.unfinished | not'
	dd if=/dev/vga/newimage of=whole bs=1M status=none
	e2fsck -fn whole >&2
}
