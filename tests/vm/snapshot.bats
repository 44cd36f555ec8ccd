#!/usr/bin/env bats
#
# Snapshots that remain, and snapshots of thin volumes.

load guest
load snapshot

@test "img-snap: of a thick volume" {
	configure 'size = 50%'
	succeeds on a img-snap --name one /dev/vga/disk
	[ "$(<"$OUT")" = /dev/vga/one ]
	[ "$(lv lv_size,origin,lv_tags vga/one)" = 4194304disk ]
	change 0 1
	cmp "$IMAGE" /dev/vga/one >&2
	refuses 6 /dev/vga/disk on a img-snap --name one /dev/vga/disk
	refuses 4 /dev/vga/one on a img-snap --name two /dev/vga/one
	refuses 9 /dev/vga/disk on a img-snap --size 1G /dev/vga/disk
	refuses 3 /dev/vga/no on a img-snap /dev/vga/no
	refuses 2 /dev/vga/disk on a img-snap --name a/b /dev/vga/disk
	refuses 2 /dev/vga/disk on a img-snap --name -x /dev/vga/disk
	refuses 2 /dev/vga/disk on a img-snap --name '' /dev/vga/disk
	refuses 2 '' on a img-snap --size 0 /dev/vga/disk
	[ "$(volumes)" = "disk one " ]
	# From another host, with the default name, after a dry run.
	succeeds img-snap -n a:/dev/vga/disk
	[ "$(volumes)" = "disk one " ]
	succeeds img-snap --json --size 5M a:/dev/vga/disk
	json '.snapshot | startswith("a:/dev/vga/disk-snap-")'
	[ "$(lv lv_size "$(jq -r .path "$OUT" | cut -c6-)")" = 8388608 ]
	on a lvremove -qqy "$(jq -r .path "$OUT")" vga/one
}

@test "img-snap and img-copy --snapshot: of a thin volume, of which only mapped parts are read" {
	on a lvcreate -q --type thin-pool -L 16M --poolmetadatasize 4M -n pool vga
	on a lvcreate -q -V 1G --thinpool vga/pool -n thin
	dd if="$IMAGE" of=/dev/vga/thin bs=1M seek=700 oflag=direct conv=notrunc status=none
	exec 9<>/dev/vga/thin
	succeeds on a img-copy -s --sparse --json /dev/vga/thin /srv/thin
	json '.capacity == 1073741824 and .data_bytes <= 8388608 and (.snapshot | startswith("thin."))'
	exec 9>&-
	dd if="$IMG_VM/a/srv/thin" bs=1M skip=700 count=8 status=none | cmp - "$IMAGE" >&2
	succeeds on a img-snap --name snap /dev/vga/thin
	[ "$(<"$OUT")" = /dev/vga/snap ]
	[ "$(lv lv_layout,origin,lv_tags,lv_active vga/snap)" = thin,sparsethinactive ]
	dd if=/dev/vga/snap bs=1M skip=700 count=8 status=none | cmp - "$IMAGE" >&2
	on a lvremove -qqy vga/snap vga/thin vga/pool
}
