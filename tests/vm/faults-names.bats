#!/usr/bin/env bats
#
# Administrators rename volumes while they are made and written.

load guest
load faults

@test "names are swapped between two steps: the wrong volume is never written" {
	local swap step

	on a lvcreate -q -L 8M -n mine vga
	swap=$'lvrename vga mine x\nlvrename vga other mine\nlvrename vga x other'
	known vga/mine
	known vga/other
	# Before the volume is opened, before it is marked, and before it is unmarked.
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
		is_known vga/mine other # its name is 'other' now
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

@test "names are swapped before lvcreate: no snapshot of the wrong volume is kept" {
	local command argv

	on a lvcreate -qy -L 8M -n mine vga
	printf '%s\n' 'lvrename vga mine x' 'lvrename vga other mine' 'lvrename vga x other' |
		on a tee /tmp/swap >/dev/null
	for command in 'img-snap --size 4M /dev/vga/mine' \
		'img-copy -s --snapshot-size 4M /dev/vga/mine /srv/no'; do
		lvm_with 'if [ "$1" = lvcreate ]; then real </tmp/swap >/dev/null; fi'
		read -ra argv <<<"$command"
		refuses 3 /dev/vga/mine on a "${argv[@]}"
		says 'was renamed or removed meanwhile'
		lvm_back a
		[ "$(names)" = " mine other " ]
		on a sh -c 'lvm </tmp/swap' >&2
	done
	[ -z "$(on a ls -A /srv)" ]
	on a lvremove -qy vga/mine
}

@test "killed while lvcreate works, and before the end: unfinished, and created again" {
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

@test "two jobs with one target: one wins" {
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
