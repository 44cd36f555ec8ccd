#!/usr/bin/env bats
#
# A day in the life of an administrator, from `here` with the hosts a and b: an image is made
# from a golden one, backed up while a guest uses it, restored, and resized with its filesystem.

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

# The content that the volume has since its filesystem was grown in step 4.
grown() {
	cat "$BATS_FILE_TMPDIR/grown"
}

# alone: the group has no other volume, such as a snapshot that a job has left behind.
alone() {
	[ "$(on a lvs --noheadings -o lv_name vga | tr -d ' ')" = newimage ]
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

@test "4: the filesystem is grown to fill the volume" {
	succeeds img-resizefs --json a:/dev/vga/newimage
	json '.capacity == 25165824 and
		.filesystem == {"type": "ext4", "previous": 8388608, "size": 25165824}'
	fs_intact /dev/vga/newimage 25165824
	alone
	dd if=/dev/vga/newimage of="$BATS_FILE_TMPDIR/grown" bs=1M iflag=direct status=none
}

@test "5: the volume is backed up to host b while a guest runs, compressed on the way" {
	exec 9<>/dev/vga/newimage
	refuses 5 a:/dev/vga/newimage img-copy -a a:/dev/vga/newimage b:/srv/backups/backup23image
	succeeds img-copy --json -s -a a:/dev/vga/newimage b:/srv/backups/backup23image
	exec 9>&-
	json '.consistent and (.snapshot | startswith("newimage")) and .wire_bytes < 6000000'
	alone
	on b lzop -t /srv/backups/backup23image
	on b lzop -dc /srv/backups/backup23image | cmp - <(grown)
	succeeds img-verify b:/srv/backups/backup23image
	# It exists now, and no second backup replaces it.
	refuses 6 b:/srv/backups/backup23image \
		img-copy -s -a a:/dev/vga/newimage b:/srv/backups/backup23image
}

@test "6: the guest ruins the volume, and it is restored, decompressed on the way" {
	yes ruined | dd of=/dev/vga/newimage bs=1M count=24 iflag=fullblock oflag=direct status=none
	succeeds img-write b:/srv/backups/backup23image a:/dev/vga/newimage
	grown | is_so
	succeeds img-verify a:/dev/vga/newimage b:/srv/backups/backup23image
	succeeds img-info --json a:/dev/vga/newimage
	json '.unfinished | not'
	dd if=/dev/vga/newimage of=whole bs=1M status=none
	e2fsck -fn whole >&2
	fs_intact /dev/vga/newimage 25165824
}

@test "7: the guest is shut down, and the volume is grown" {
	succeeds img-resize --json a:/dev/vga/newimage +24M
	json '.previous == 25165824 and .capacity == 50331648 and .filesystem == null'
	[ "$(blockdev --getsize64 /dev/vga/newimage)" = 50331648 ]
	cat "$BATS_FILE_TMPDIR/grown" /dev/zero | head -c 50331648 | is_so
	fs_intact /dev/vga/newimage 25165824
}

@test "8: its filesystem is grown to fill it again, but not while a guest runs" {
	exec 9<>/dev/vga/newimage
	refuses 5 a:/dev/vga/newimage img-resizefs a:/dev/vga/newimage
	exec 9>&-
	fs_intact /dev/vga/newimage 25165824
	succeeds img-resizefs --json a:/dev/vga/newimage
	json '.capacity == 50331648 and
		.filesystem == {"type": "ext4", "previous": 25165824, "size": 50331648}'
	fs_intact /dev/vga/newimage 50331648
	alone
}

@test "9: both are made smaller again, together" {
	refuses 4 a:/dev/vga/newimage img-resize --fs a:/dev/vga/newimage 24M
	fs_intact /dev/vga/newimage 50331648
	succeeds img-resize --shrink --fs --json a:/dev/vga/newimage 24M
	json '.previous == 50331648 and .capacity == 25165824 and
		.filesystem == {"type": "ext4", "previous": 50331648, "size": 25165824}'
	[ "$(blockdev --getsize64 /dev/vga/newimage)" = 25165824 ]
	fs_intact /dev/vga/newimage 25165824
	alone
	succeeds img-info --json a:/dev/vga/newimage
	json '.filesystem.label == "guest" and (.unfinished | not)'
}
