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
