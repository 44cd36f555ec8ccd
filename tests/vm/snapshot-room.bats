#!/usr/bin/env bats
#
# --snapshot: a snapshot that fills up is extended, or reported, and none is made to overflow.

load guest
load snapshot

@test "--snapshot: the snapshot is extended before it is full" {
	configure 'size = 4m'
	copy_slowly
	change 0 2
	change 2 1
	wait_until 60 larger 4194304
	change 3 3
	copy_ends
	[ "$status" = 0 ]
	json '.consistent'
	cmp "$IMAGE" "$IMG_VM/a/srv/copy" >&2
	none_tagged
}

@test "--snapshot: after one failure to ask how full it is, the watch goes on" {
	local process thread threads=() tracer

	configure 'size = 4m'
	copy_slowly
	# Without -f, so that LVM is not traced.
	for process in $(helpers); do
		for thread in /proc/"$process"/task/*; do
			threads+=(-p "${thread##*/}")
		done
	done
	strace -qq -o /dev/null -P /dev/mapper/control -e trace=ioctl \
		-e inject=ioctl:error=ENOMEM:when=1 "${threads[@]}" 3>&- &
	tracer=$!
	wait_until 60 grep -qF "cannot watch how full snapshot '" "$ERR"
	kill $tracer
	wait $tracer || true
	change 0 3
	wait_until 60 larger 4194304
	copy_ends
	[ "$status" = 0 ]
	[ "$(wc -l <"$ERR")" = 1 ]
	json '.consistent'
	cmp "$IMAGE" "$IMG_VM/a/srv/copy" >&2
	none_tagged
}

@test "--snapshot: an overflow fails the copy, whatever is cached" {
	configure 'size = 4m' 'autoextend = no'
	copy_slowly
	cmp "$IMAGE" "/dev/$snap"
	change 0 6
	cmp "$IMAGE" "/dev/$snap" # from the cache
	copy_ends
	[ "$status" = 8 ]
	[ ! -s "$OUT" ]
	grep -F 'img-copy: /dev/vga/disk: ' "$ERR"
	says 'the snapshot is invalid'
	none_tagged
	[ -z "$(on a ls -A /srv)" ]
}

@test "--snapshot: an overflow fails the copy to another host, to an archive and to a volume" {
	local command copying target

	configure 'size = 4m' 'autoextend = no'
	make_group b vgb 64M
	on b lvcreate -qqy -Wn -L 16M -n old vgb
	head -c 16M /dev/zero >/dev/vgb/old
	for target in 'img-copy b:/srv/copy' 'img-copy -a b:/srv/copy' 'img-copy b:/dev/vgb/new' \
		'img-write b:/dev/vgb/old'; do
		command=${target% *}
		# shellcheck disable=SC2086 # words
		timeout -k 10 180 ${command%% *} -F "$SSH_CONFIG" ${command#"${command%% *}"} -s --bwlimit 300k \
			a:/dev/vga/disk "${target##* }" >"$OUT" 2>"$ERR" 3>&- &
		# shellcheck disable=SC2034 # for copy_ends
		copying=$!
		wait_until 60 one_tagged
		# Only then there is a mark to be left.
		[[ $target != img-write* ]] || wait_until 60 cmp -s -n 1024 -i 1024 "$IMAGE" /dev/vgb/old # the superblock
		change 0 6
		copy_ends
		[ "$status" = 8 ]
		says 'the snapshot is invalid'
		none_tagged
		[ -z "$(on b ls -A /srv)" ]
		[ "$(on b lvs --noheadings -o lv_name vgb | tr -d ' ')" = old ]
		cp "$IMAGE" /dev/vga/disk
		sync
	done
	refuses 8 b:/dev/vgb/old img-copy b:/dev/vgb/old "$DIR/x"
	says unfinished
	drop_group vgb
}

@test "--snapshot: a failed extension is reported, and an overflow fails the copy" {
	configure 'size = 4m'
	copy_slowly
	on a lvcreate -qqy -Zn -l 100%FREE -n other vga
	change 0 3
	wait_until 30 grep -qF "cannot be extended: group 'vga' has no free space" "$ERR"
	change 3 3
	copy_ends
	on a lvremove -qqy vga/other
	[ "$status" = 8 ]
	[ ! -s "$OUT" ]
	says 'the snapshot is invalid'
	none_tagged
	[ -z "$(on a ls -A /srv)" ]
}

@test "--snapshot: a snapshot of the maximum size is not extended, and nothing is reported" {
	configure 'size = 12m'
	copy_slowly
	change 0 7
	copy_ends
	[ "$status" = 0 ]
	[ ! -s "$ERR" ]
	cmp "$IMAGE" "$IMG_VM/a/srv/copy" >&2
}

@test "what would overflow a snapshot is not written to its origin" {
	yes fresh | head -c 8M >new
	on a lvcreate -qqy -s -L 4M -n small vga/disk
	on a lvcreate -qqy -s -L 12M -n large vga/disk
	for from in "$PWD/new" /dev/vga/small; do
		refuses 9 /dev/vga/disk on a img-write "$from" /dev/vga/disk
		says "its snapshot 'small' has too little space"
	done
	cmp "$IMAGE" /dev/vga/disk >&2
	on a lvremove -qqy vga/small
	succeeds on a img-write "$PWD/new" /dev/vga/disk
	cmp new /dev/vga/disk >&2
	cmp "$IMAGE" /dev/vga/large >&2
	succeeds on a img-write /dev/vga/large /dev/vga/disk
	cmp "$IMAGE" /dev/vga/disk >&2
	on a lvremove -qqy vga/large
}

@test "the same with large chunks, where a part of a chunk takes all of it" {
	yes fresh | head -c 8M >new
	on a lvcreate -qqy -s -c 512K -L 8M -n coarse vga/disk
	refuses 9 /dev/vga/disk on a img-write "$PWD/new" /dev/vga/disk
	says "its snapshot 'coarse' has too little space"
	cmp "$IMAGE" /dev/vga/disk >&2
	# The kernel agrees.
	cp new /dev/vga/disk
	sync
	[ "$(lv lv_snapshot_invalid vga/coarse)" = "snapshotinvalid" ]
	on a lvremove -qqy vga/coarse

	cp "$IMAGE" /dev/vga/disk
	sync
	on a lvcreate -qqy -s -c 512K -L 12M -n coarse vga/disk
	succeeds on a img-write "$PWD/new" /dev/vga/disk
	cmp "$IMAGE" /dev/vga/coarse >&2
	on a lvremove -qqy vga/coarse
}

@test "img-snap: a snapshot that overflows before the end is reported, and removed" {
	local fill='dd if=/dev/urandom of=/dev/vga/disk bs=1M count=8 oflag=direct status=none'

	# LVM agrees that it is invalid then.
	printf '%s\n' '#!/bin/sh' "$fill" 'lvs --noheadings -o lv_snapshot_invalid vga/kept >/srv/saw' |
		on a tee /srv/fill >/dev/null
	on a chmod 755 /srv/fill
	refuses 8 /dev/vga/disk on a img-snap --size 4M --name kept --post-snapshot /srv/fill /dev/vga/disk
	says 'the snapshot is invalid: it overflowed'
	grep -w 'snapshot invalid' "$IMG_VM/a/srv/saw"
	[ "$(volumes)" = "disk " ]

	# Also after it was looked at.
	lvm_is a - <<-END
		#!/bin/bash
		case "\$*" in *--deltag*) $fill ;; esac
		exec -a lvm lvm.real "\$@"
	END
	refuses 8 /dev/vga/disk on a img-snap --size 4M --name kept /dev/vga/disk
	says 'the snapshot is invalid: it overflowed'
	lvm_back a
	[ "$(volumes)" = "disk " ]
}
