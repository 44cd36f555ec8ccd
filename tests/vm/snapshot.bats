#!/usr/bin/env bats
#
# Snapshots: those that stay, and those that a copy takes, reads and removes.

load guest

setup_file() {
	guest_setup_file
	make_group a vga 128M
	on a lvcreate -q -L 8M -n disk vga
}

teardown_file() {
	guest_teardown_file
}

setup() {
	guest_setup
	cp "$IMAGE" /dev/vga/disk
	sync
}

# No test leaves a mark of a run, or anything but the volumes that all use.
teardown() {
	on a find /srv /etc/img-tools -mindepth 1 -delete
	guest_teardown
	[ "$(volumes)" = "disk " ]
}

# Names of the volumes of vga, and their tags.
volumes() {
	on a lvs --noheadings -o lv_name,lv_tags vga | tr -d ' ' | tr '\n' ' '
}

# lv FIELD VOLUME: as LVM on host a has it.
lv() {
	on a lvs --noheadings --units b --nosuffix -o "$1" "$2" | tr -d ' '
}

# configure LINE...: host a's [snapshot].
configure() {
	printf '\t%s\n' "$@" | sed '1i[snapshot]' | on a tee /etc/img-tools/config >&2
}

# one_tagged, none_tagged: there is a snapshot of a run; there is none.
one_tagged() {
	tagged a | grep -q 'vga/disk\.img-tools-'
}

none_tagged() {
	[ -z "$(tagged a)" ]
}

# copy_slowly: on host a, until something is to have happened meanwhile.  Its
# end is for copy_ends.
copy_slowly() {
	timeout -k 10 180 nsenter "--net=$IMG_VM/a/spaces/net" "--mount=$IMG_VM/a/spaces/mnt" \
		"--uts=$IMG_VM/a/spaces/uts" img-copy -s --bwlimit 300k --json \
		/dev/vga/disk /srv/copy >"$OUT" 2>"$ERR" 3>&- &
	copying=$!
	wait_until 60 one_tagged
	snap=$(tagged a)
	wait_until 60 test -s "$IMG_VM/a/srv/.copy.img-tools"
}

copy_ends() {
	status=0
	wait "$copying" || status=$?
}

# change FROM COUNT: MiB of the origin.
change() {
	yes changed | dd of=/dev/vga/disk bs=1M seek="$1" count="$2" iflag=fullblock oflag=direct \
		conv=notrunc status=none
}

@test "img-snap: of a thick volume" {
	configure 'size = 50%'
	succeeds on a img-snap --name one /dev/vga/disk
	[ "$(<"$OUT")" = /dev/vga/one ]
	[ "$(lv lv_size,origin,lv_tags vga/one)" = 4194304disk ] ||
		[ "$(lv lv_size,origin,lv_tags vga/one)" = 8388608disk ]
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
	# From elsewhere, with a name of its own, as is said before.
	succeeds img-snap -n a:/dev/vga/disk
	[ "$(volumes)" = "disk one " ]
	succeeds img-snap --json --size 5M a:/dev/vga/disk
	json '.snapshot | startswith("a:/dev/vga/disk-snap-")'
	[ "$(lv lv_size "$(jq -r .path "$OUT" | cut -c6-)")" = 8388608 ]
	on a lvremove -qqy "$(jq -r .path "$OUT")" vga/one
}

@test "img-snap and img-copy --snapshot: of a thin volume, of which what is mapped is read" {
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

@test "--snapshot: one point in time, while a writer goes on" {
	local writer last

	# Numbers all over the volume, in order, each on the disk before the next.
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

@test "--snapshot: it is extended before it is full" {
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

larger() {
	[ "$(lv lv_size "$snap")" -gt "$1" ]
}

@test "--snapshot: one that overflows fails the copy, whatever is cached" {
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

@test "--snapshot: it is gone after INT, TERM, HUP, and after the link was cut" {
	local signal client

	for signal in INT TERM HUP cut; do
		env --default-signal img-copy -F "$SSH_CONFIG" --timeout 5 -s --bwlimit 100k \
			a:/dev/vga/disk x.img 2>/dev/null 3>&- &
		client=$! # wait_until has processes, too
		wait_until 60 one_tagged
		wait_until 60 test -s .x.img.img-tools
		if [ $signal = cut ]; then
			link_cut a
			status=0
			wait $client || status=$?
			[ "$status" = 7 ]
		else
			kill -$signal $client
			status=0
			wait $client || status=$?
			[ "$status" -gt 128 ]
			[ "$(kill -l "$status")" = $signal ]
		fi
		wait_until 120 none_tagged
		wait_until 20 no_process
		[ -z "$(ls -A)" ]
	done
}

@test "img-write --snapshot; two at once; and never the live image" {
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
	# No room for it.
	refuses 9 /dev/vga/disk on a img-copy -s --snapshot-size 1G /dev/vga/disk /srv/no
	on a lvcreate -qqy -Zn -l 100%FREE -n other vga
	refuses 9 a:/dev/vga/disk img-copy -s a:/dev/vga/disk no
	on a lvremove -qqy vga/other
	# It is lost meanwhile.
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
	# And nothing happens where nothing is to.
	succeeds on a img-copy -s -n --pre-snapshot 'touch /srv/ran' /dev/vga/disk /srv/no
	[ "$(on a ls /srv)" = copy ]
}

@test "--snapshot: one that is as large as it can be is not extended, and nothing is said" {
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
		says "its snapshot 'small' has not room"
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

@test "commands before and after it, on the source's host" {
	local look='lvm lvs --noheadings -o lv_name vga | wc -l >>/srv/log'

	hooks=(--pre-snapshot "hostname >>/srv/log; echo pre >>/srv/log; $look"
		--post-snapshot "echo post >>/srv/log; $look")
	try img-copy -s "${hooks[@]}" a:/dev/vga/disk x.img
	[ "$status" = 0 ]
	same "$IMAGE" x.img
	[ "$(on a cat /srv/log | tr '\n' ' ')" = "a pre 1 post 2 " ]
	# The first fails: no snapshot, and the second runs.
	on a rm /srv/log
	refuses 1 /dev/vga/disk on a img-copy -s --pre-snapshot 'echo pre >>/srv/log; exit 3' \
		"${hooks[@]:2}" /dev/vga/disk /srv/no
	says 'pre-snapshot'
	[ "$(on a cat /srv/log | tr '\n' ' ')" = "pre post 1 " ]
	# The snapshot fails.
	on a rm /srv/log
	refuses 9 /dev/vga/disk on a img-copy -s --snapshot-size 1G "${hooks[@]}" /dev/vga/disk /srv/no
	[ "$(on a cat /srv/log | tr '\n' ' ')" = "a pre 1 post 1 " ]
	# The second fails: nothing is copied.
	refuses 1 /dev/vga/disk on a img-copy -s --post-snapshot 'exit 4' /dev/vga/disk /srv/no
	says 'post-snapshot'
	[ "$(on a ls /srv)" = log ]
	none_tagged
}

@test "a command before it that takes too long is killed, and the one after it runs" {
	printf '[snapshot]\nhook-timeout = 2\n' >"$IMG_VM/a/etc/config"
	refuses 1 /dev/vga/disk on a img-copy -s --pre-snapshot 'sleep 1000 & echo $! >/srv/pid; wait' \
		--post-snapshot 'touch /srv/thawed' /dev/vga/disk /srv/no
	rm "$IMG_VM/a/etc/config"
	says 'longer than 2 s'
	[ "$(on a ls /srv | tr '\n' ' ')" = "pid thawed " ]
	wait_until 10 test ! -e "/proc/$(<"$IMG_VM/a/srv/pid")"
	none_tagged
}

@test "the command after it runs though the client is dead" {
	local client

	img-copy -F "$SSH_CONFIG" -s --pre-snapshot \
		'touch /srv/pre; until [ -e /srv/go ]; do sleep 0.1; done' \
		--post-snapshot 'touch /srv/post' a:/dev/vga/disk x.img 2>/dev/null 3>&- &
	client=$!
	wait_until 60 test -e "$IMG_VM/a/srv/pre"
	kill -KILL $client
	status=0
	wait $client || status=$?
	[ "$status" = 137 ]
	on a touch /srv/go
	wait_until 60 test -e "$IMG_VM/a/srv/post"
	wait_until 60 no_process
	none_tagged
}

@test "the volume is removed or renamed, or another has its name, before it is taken" {
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
