#!/usr/bin/env bats
#
# --snapshot: the state of one point in time is copied, or nothing.

load guest
load snapshot

@test "--snapshot: one point in time, while a writer continues" {
	local writer last

	# Numbers all over the volume, in order, each synced to disk before the next.
	perl -e 'use Fcntl; sysopen F, "/dev/vga/disk", O_RDWR | O_SYNC or die;
		for ($i = 1; ; $i++) { for $b (0 .. 31) { sysseek F, $b << 18, 0;
			syswrite F, pack "V", $i; } }' 3>&- &
	writer=$!
	refuses 5 a:/dev/vga/disk img-copy a:/dev/vga/disk x.img
	succeeds img-copy -s --json a:/dev/vga/disk x.img
	kill $writer
	json '.consistent and (.snapshot | startswith("disk.img-tools-"))'
	[ "$(lv lv_name vga)" = disk ]
	numbers x.img >copied
	last=$(numbers /dev/vga/disk | head -n 1)
	uniq copied >levels
	[ "$(wc -l <levels)" -le 2 ]
	[ "$(($(head -n 1 levels) - $(tail -n 1 levels)))" = "$(($(wc -l <levels) - 1))" ]
	[ "$(tail -n 1 levels)" -ge 1 ]
	[ "$last" -gt "$(head -n 1 levels)" ]
}

numbers() {
	local i

	for ((i = 0; i < 32; i++)); do
		od -An -tu4 -j $((i << 18)) -N 4 "$1" | tr -d ' '
	done
}

@test "img-write --snapshot; two copies at once; and never the live image" {
	local one

	on a lvcreate -qy -L 8M -n other vga
	exec 9<>/dev/vga/disk
	on a img-write -s /dev/vga/disk /dev/vga/other 2>one 3>&- &
	one=$!
	succeeds on a img-copy -s /dev/vga/disk /srv/copy
	wait $one || cat one >&2
	cmp "$IMAGE" /dev/vga/other >&2
	cmp "$IMAGE" "$IMG_VM/a/srv/copy" >&2
	on a lvremove -qqy vga/other
	# No free space for the snapshot.
	refuses 9 /dev/vga/disk on a img-copy -s --snapshot-size 1G /dev/vga/disk /srv/no
	on a lvcreate -qqy -Zn -l 100%FREE -n other vga
	refuses 9 a:/dev/vga/disk img-copy -s a:/dev/vga/disk no
	on a lvremove -qqy vga/other
	# The snapshot is removed meanwhile.
	lvm_is a - <<-'END'
		#!/bin/bash
		[ "$1" != lvcreate ] ||
			(exec -a lvm lvm.real lvcreate -qqy -Zn -l 100%FREE -n other vga)
		exec -a lvm lvm.real "$@"
	END
	refuses 9 a:/dev/vga/disk img-copy -s a:/dev/vga/disk no
	lvm_back a
	on a lvremove -qqy vga/other
	exec 9>&-
	refuses 2 '' img-copy -s - no
	refuses 2 '' img-copy -s --live /dev/vga/disk no
	refuses 2 '' img-copy --pre-snapshot true /dev/vga/disk no
	refuses 2 '' img-copy --snapshot-size 4M /dev/vga/disk no
	# In a dry run no command runs, and no snapshot is taken.
	succeeds on a img-copy -s -n --pre-snapshot 'touch /srv/ran' /dev/vga/disk /srv/no
	grep -q '^would copy a snapshot of /dev/vga/disk to /srv/no, ' "$OUT"
	[ "$(on a ls /srv)" = copy ]
}

@test "the volume is removed, renamed or replaced before the snapshot is taken" {
	on a lvcreate -qy -L 8M -n other vga
	refuses 3 /dev/vga/disk on a img-copy -s --pre-snapshot 'lvm lvrename -qq vga/disk vga/moved' \
		/dev/vga/disk /srv/no
	on a lvrename -qq vga/moved vga/disk
	refuses 3 /dev/vga/disk on a img-copy -s --pre-snapshot \
		'lvm lvrename -qq vga/disk vga/moved; lvm lvrename -qq vga/other vga/disk' \
		/dev/vga/disk /srv/no
	[ "$(volumes)" = "disk moved " ]
	on a lvremove -qqy vga/disk
	on a lvrename -qq vga/moved vga/disk
	[ -z "$(on a ls -A /srv)" ]
}

@test "a snapshot that cannot be removed: the copy gets no name" {
	lvm_is a - <<-'END'
		#!/bin/bash
		[ "$1" != lvremove ] || { echo "no luck today" >&2; exit 5; }
		exec -a lvm lvm.real "$@"
	END
	try on a img-copy -s /dev/vga/disk /srv/no
	[ "$status" = 1 ]
	says 'no luck today'
	try img-copy -s a:/dev/vga/disk no
	[ "$status" = 1 ]
	says 'no luck today'
	lvm_back a
	[ -z "$(on a ls -A /srv)" ]
	[ ! -e no ]
	succeeds on a img-clean /dev/vga
	[ "$(volumes)" = "disk " ]
}
