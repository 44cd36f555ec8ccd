#!/usr/bin/env bats
#
# Storage, LVM and people fail while volumes are made and written.

load guest

setup_file() {
	guest_setup_file
	make_group a vga 96M
	on a lvcreate -q -L 8M -n other vga
}

teardown_file() {
	guest_teardown_file
}

setup() {
	guest_setup
}

# No test leaves a mark of a run.
teardown() {
	guest_teardown
	[ -z "$(tagged a)" ]
}

# names: of the volumes of vga, one after the other.
names() {
	on a lvs --noheadings -o lv_name vga | tr -s ' \n' ' '
}

# lvm_with [LINE...]: lvm on host a runs those before; $1 there is lvm's command,
# and `real` runs lvm itself, which has to have its name.
lvm_with() {
	printf '%s\n' '#!/bin/bash' 'real() { (exec -a lvm lvm.real "$@"); }' "$@" 'real "$@"' |
		lvm_is a -
}

# known VOLUME: has something of its own in it.
known() {
	yes "${1##*/}" | dd of="/dev/$1" bs=1M count=8 iflag=fullblock oflag=direct status=none
}

# is_known VOLUME [NAME]
is_known() {
	blockdev --flushbufs "/dev/$1"
	yes "${2:-${1##*/}}" | cmp -n 8M - "/dev/$1" >&2
}

@test "names are swapped between two steps: never the wrong one is written" {
	local swap step

	on a lvcreate -q -L 8M -n mine vga
	swap=$'lvrename vga mine x\nlvrename vga other mine\nlvrename vga x other'
	known vga/mine
	known vga/other
	# Before it is opened, when it is about to be marked, and to be unmarked.
	for step in 'lvs|1' 'lvchange|1' 'lvchange|2'; do
		printf '%s\n' "$swap" | on a tee /tmp/swap >/dev/null
		lvm_with "if [ \"\$1\" = ${step%|*} ]; then echo >>/tmp/steps" \
			"if [ \$(wc -l </tmp/steps) = ${step#*|} ]; then" \
			'[ $1 != lvs ] || real "$@"; real </tmp/swap >/dev/null' \
			'[ $1 != lvs ] || exit 0; fi; fi'
		try on a img-write "$IMAGE" /dev/vga/mine
		lvm_back a
		on a rm /tmp/steps
		told
		is_known vga/mine other # which it is now
		if [ "$step" = 'lvchange|2' ]; then
			[ "$status" = 0 ]
			cmp -n 8M "$IMAGE" /dev/vga/other
		else
			[ "$status" = 5 ]
			is_known vga/other mine
		fi
		[ -z "$(tagged a)" ]
		on a sh -c 'lvm </tmp/swap' >&2
	done
	on a lvremove -qy vga/mine
}

@test "LVM is missing, or fails, or says nonsense" {
	known vga/other
	lvm_missing a
	refuses 1 /dev/vga/other on a img-info /dev/vga/other
	says lvm
	refuses 1 /dev/vga/new on a img-create /dev/vga/new 4M
	refuses 1 /dev/vga/other on a img-write "$IMAGE" /dev/vga/other
	succeeds on a img-storage --json
	json '.groups == []'
	lvm_is a - <<<$'#!/bin/sh\necho "it is broken" >&2; exit 5'
	refuses 1 /dev/vga/other on a img-delete /dev/vga/other
	says 'it is broken'
	lvm_is a - <<<$'#!/bin/sh\necho nonsense'
	refuses 1 /dev/vga/other on a img-info /dev/vga/other
	refuses 1 /dev/vga on a img-list /dev/vga
	lvm_is a - <<<$'#!/bin/sh\nkill -SEGV $$'
	refuses 1 /dev/vga/other on a img-info /dev/vga/other
	lvm_back a

	# What it fails in the middle of is taken back.
	lvm_with '[ "$1" != lvcreate ] || { real "$@"; echo "no more" >&2; exit 5; }'
	refuses 1 /dev/vga/new on a img-create /dev/vga/new 4M
	says 'no more'
	lvm_with '[ "$1" != lvchange ] || { echo "no more" >&2; exit 5; }'
	refuses 1 /dev/vga/new on a img-create /dev/vga/new 4M
	refuses 1 /dev/vga/other on a img-write "$IMAGE" /dev/vga/other
	lvm_back a
	[ "$(names)" = " other " ]
	is_known vga/other
}

@test "killed while lvcreate works, and before the end: unfinished, and made anew" {
	local step pid creator

	for step in lvcreate lvchange; do
		lvm_with "if [ \"\$1\" = $step ]; then [ \$1 != lvcreate ] || real \"\$@\"" \
			'touch /tmp/reached; while [ -e /tmp/reached ]; do sleep 0.1; done; exit 5; fi'
		on a img-copy "$IMAGE" /dev/vga/new 3>&- &
		creator=$!
		wait_until 30 on a test -e /tmp/reached
		for pid in $(helpers); do
			kill -KILL "$pid"
		done
		status=0
		wait $creator || status=$?
		[ "$status" = 7 ]
		on a rm /tmp/reached
		lvm_back a
		wait_until 10 no_process
		[ "$(tagged a)" = vga/new ]
		refuses 8 /dev/vga/new on a img-copy /dev/vga/new /srv/copy
		succeeds on a img-copy "$IMAGE" /dev/vga/new
		cmp -n 8M "$IMAGE" /dev/vga/new
		[ -z "$(tagged a)" ]
		[ "$step" = lvchange ] || on a lvremove -qy vga/new
	done
	on a lvremove -qy vga/new
}

@test "two runs on one target: one wins" {
	local first second one=0 two=0

	on a img-copy "$IMAGE" /dev/vga/new 3>&- 2>one &
	first=$!
	on a img-copy "$IMAGE" /dev/vga/new 3>&- 2>two &
	second=$!
	wait $first || one=$?
	wait $second || two=$?
	echo "$one $two"
	cat one two
	[ "$one$two" = 06 ] || [ "$one$two" = 05 ] || [ "$one$two" = 60 ] || [ "$one$two" = 50 ]
	cmp -n 8M "$IMAGE" /dev/vga/new
	[ "$(names)" = " new other " ]
	[ -z "$(tagged a)" ]
	on a lvremove -qy vga/new
}

@test "the disks fail: what was made is removed, what was written in place is marked" {
	local middle=$((5 * 2048))

	known vga/other
	volume_fault a vga/other $middle 8 error
	refuses 1 a:/dev/vga/other img-copy a:/dev/vga/other copy
	says 'Input/output error'
	[ ! -e copy ]
	# a volume from one that fails
	refuses 1 /dev/vga/other on a img-copy /dev/vga/other /dev/vga/new
	[ "$(names)" = " other " ]

	refuses 1 /dev/vga/other on a img-write "$IMAGE" /dev/vga/other
	[ "$(tagged a)" = vga/other ]
	volume_fault a vga/other $middle 8 flakey error_writes
	refuses 1 /dev/vga/other on a img-copy --overwrite "$IMAGE" /dev/vga/other
	[ "$(tagged a)" = vga/other ]
	disk_heal "$(disks vga)"
	refuses 8 a:/dev/vga/other img-copy a:/dev/vga/other copy
	succeeds on a img-write "$IMAGE" /dev/vga/other
	[ -z "$(tagged a)" ]

	# A new one's place fails.
	on a lvcreate -q -L 8M -n new vga
	volume_fault a vga/new $middle 8 flakey error_writes
	on a lvremove -qy vga/new
	refuses 1 /dev/vga/new on a img-copy "$IMAGE" /dev/vga/new
	refuses 1 /dev/vga/new on a img-create /dev/vga/new 8M
	disk_heal "$(disks vga)"
	[ "$(names)" = " other " ]
}

# Nobody tells who writes of these; who compares afterwards is told.
@test "lost writes and flipped bytes show when contents are compared" {
	local fault

	seq 1 2000000 | head -c 8M >full
	for fault in 'drop_writes' 'corrupt_bio_byte 32 w 1 0'; do
		known vga/other
		# shellcheck disable=SC2086 # words
		volume_fault a vga/other 2048 8 flakey $fault
		succeeds on a img-write "$PWD/full" /dev/vga/other
		disk_heal "$(disks vga)"
		try on a img-verify "$PWD/full" /dev/vga/other
		[ "$status" = 8 ]
	done
}

@test "a full pool ends a write in bounded time, with room again it goes on" {
	local full

	seq 1 2000000 | head -c 8M >full
	for full in y n; do
		on a lvcreate -q --type thin-pool -L 4M --poolmetadatasize 4M -n pool vga
		[ $full = n ] || on a lvchange -q --errorwhenfull y vga/pool
		echo 3 >/sys/module/dm_thin_pool/parameters/no_space_timeout
		succeeds on a img-create --thin pool /dev/vga/thin 16M
		refuses 9 /dev/vga/thin on a img-write "$PWD/full" /dev/vga/thin
		says "pool 'pool' is full"
		[ "$(tagged a)" = vga/thin ]
		on a lvextend -q -L 12M vga/pool
		succeeds on a img-write "$PWD/full" /dev/vga/thin
		cmp -n 8M full /dev/vga/thin
		[ -z "$(tagged a)" ]
		on a lvremove -qy vga/thin vga/pool
	done
	[ "$(names)" = " other " ]
}

@test "groups that are another host's, or shared, are left alone" {
	make_group a vgf 16M
	on a lvcreate -q -L 8M -n mine vgf
	on a vgchange -q -an vgf
	on a vgchange -q -y --systemid elsewhere vgf
	refuses 4 /dev/vgf/mine on a img-info /dev/vgf/mine
	refuses 4 /dev/vgf/mine on a img-write "$IMAGE" /dev/vgf/mine
	refuses 4 /dev/vgf/new on a img-create /dev/vgf/new 4M
	refuses 4 /dev/vgf/mine on a img-delete /dev/vgf/mine
	[ "$(on a vgs --foreign --noheadings -o lv_count vgf | tr -d ' ')" = 1 ]

	# shellcheck disable=SC2016 # it is a script
	lvm_with 'real "$@" | sed '\''s/"vg_lock_type":""/"vg_lock_type":"sanlock"/'\' \
		'exit ${PIPESTATUS[0]}'
	refuses 4 /dev/vga/other on a img-write "$IMAGE" /dev/vga/other
	says 'lock type sanlock'
	refuses 4 /dev/vga/new on a img-create /dev/vga/new 4M
	refuses 4 /dev/vga/other on a img-delete /dev/vga/other
	refuses 4 /dev/vga/other on a img-rename /dev/vga/other x
	refuses 4 /dev/vga/other on a img-copy /dev/vga/other /srv/no
	says 'lock type sanlock'
	refuses 4 /dev/vga/other on a img-copy -s /dev/vga/other /srv/no
	[ ! -e "$IMG_VM/a/srv/no" ]
	succeeds on a img-info /dev/vga/other
	try on a img-copy --live /dev/vga/other /srv/live
	[ "$status" = 0 ]
	rm "$IMG_VM/a/srv/live"
	lvm_back a
	drop_group vgf
	[ "$(names)" = " other " ]
}
