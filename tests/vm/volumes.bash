# shellcheck shell=bash
#
# Shared by the files about volumes, beside guest.bash: setup and teardown, with which host
# a has a group vga with a volume `plain` and a thin pool `pool`.

setup_file() {
	guest_setup_file
	make_group a vga 192M
	on a lvcreate -q -L 4M -n plain vga
	on a lvcreate -q --type thin-pool -L 16M --poolmetadatasize 4M -n pool vga
}

# No test may leave the tag of a job.
teardown() {
	guest_teardown
	[ -z "$(tagged a)" ]
}

# zeros VOLUME: all of it is zeros on the disk.
zeros() {
	blockdev --flushbufs "/dev/$1"
	cmp -n "$(blockdev --getsize64 "/dev/$1")" "/dev/$1" /dev/zero >&2
}

# furnish GROUP: makes one of everything that a group can contain.
furnish() {
	on a lvcreate -q -L 4M -n held "$1"
	on a lvcreate -q -s -L 4M -n snap "$1/held"
	on a lvcreate -q --type thin-pool -L 16M --poolmetadatasize 4M -n pool "$1"
	on a lvcreate -q -V 1G --thinpool "$1/pool" -n thin
	yes x | dd of="/dev/$1/thin" bs=1M count=4 iflag=fullblock oflag=direct status=none
	on a lvcreate -q -s -kn -n thinsnap "$1/thin"
	on a lvcreate -q -L 8M -n fs-1.x "$1"
	mke2fs -q -t ext4 -L guest "/dev/$1/fs-1.x"
	on a lvcreate -q -an -Zn -L 4M -n off "$1"
	on a lvcreate -q -L 8M -n old "$1"
	on a lvcreate -q -s -L 4M -n invalid "$1/old"
	yes x | dd of="/dev/$1/old" bs=1M count=8 iflag=fullblock oflag=direct status=none
}

# ext4 DEVICE: a filesystem in which /f has the content of file.
ext4() {
	mke2fs -q -F -t ext4 "$1"
	debugfs -w -R 'write file f' "$1" >/dev/null 2>&1
}

# fills DEVICE SIZE: both the volume and its ext4 filesystem have SIZE, with the content of file.
fills() {
	blockdev --flushbufs "$1"
	[ "$(blockdev --getsize64 "$1")" = "$2" ]
	e2fsck -fn "$1" >&2
	[ "$(dumpe2fs -h "$1" 2>/dev/null |
		awk '/^Block count:/ { c = $3 } /^Block size:/ { b = $3 } END { print c * b }')" = "$2" ]
	debugfs -R 'cat f' "$1" 2>/dev/null | cmp - file
}
