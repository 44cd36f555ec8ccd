#!/usr/bin/env bats
#
# The guest is paused while the snapshots of its volumes are taken, and goes on, once, whatever dies.
# The guest is a QEMU without a machine, which has the volumes open, runs and can be paused.  A second
# monitor prints its events to /srv/answers on host a.

load guest
load clean
load together

# The setup of together.bash, and QEMU, which is $QEMU on host a.
eval "together_$(declare -f setup)"
eval "together_$(declare -f teardown)"

setup() {
	together_setup
	QEMU=
	mkfifo monitor
	exec {MONITOR}<>monitor
	qemu
}

teardown() {
	qemu_ends
	exec {MONITOR}>&-
	together_teardown
}

qemu() {
	on a rm -f /srv/qmp /srv/answers
	on a qemu-system-x86_64 -machine none -nodefaults -display none -pidfile /srv/pid \
		-blockdev host_device,node-name=p0,filename=/dev/vga/disk,cache.direct=on \
		-blockdev host_device,node-name=p1,filename=/dev/vga/data,cache.direct=on \
		-qmp unix:/srv/qmp,server=on,wait=off -chardev stdio,id=s -mon chardev=s,mode=control \
		<monitor >"$IMG_VM/a/srv/answers" 3>&- &
	QEMU=$!
	wait_until 60 on a test -S /srv/qmp
	monitor qmp_capabilities
	wait_until 60 on a grep -q '"return": {}' /srv/answers
}

qemu_ends() {
	[ -n "$QEMU" ] || return 0
	kill -KILL "$(on a cat /srv/pid)" || true
	wait "$QEMU" || true
	QEMU=
}

monitor() {
	echo "{\"execute\": \"$1\"}" >&"$MONITOR"
}

# The events so far, S for each STOP and R for each RESUME, are exactly these.
events_are() {
	[ "$(on a sed -n 's/.*"event": "\([SR]\)[TE].*/\1/p' /srv/answers | tr -d '\n')" = "$1" ]
}

# running_again: the guest was paused once, and went on once; then it starts anew.
running_again() {
	wait_until 30 events_are SR
	monitor query-status
	wait_until 30 on a grep -q '"running": true' /srv/answers
	qemu_ends
	qemu
}

pausing=(--qmp /srv/qmp /dev/vga/disk /dev/vga/data)
far_pausing=(--qmp /srv/qmp a:/dev/vga/disk a:/dev/vga/data)

@test "img-snap --qmp: both are taken while the guest is paused" {
	local made

	# At each lvcreate, what has happened to the guest until then.
	lvm_is a - <<-'END'
		#!/bin/bash
		[ "$1" != lvcreate ] || sed -n 's/.*"event": "\([SR]\)[TE].*/\1/p' /srv/answers >>/srv/before
		exec -a lvm lvm.real "$@"
	END
	try on a img-snap --json "${hooks[@]}" "${pausing[@]}"
	lvm_back a
	[ "$status" = 0 ]
	json '.[0].paused > 0 and .[0].apart == null and .[1].paused == .[0].paused'
	[ "$(on a cat /srv/before)" = $'S\nS' ]
	ran 'pre post '
	mapfile -t made < <(jq -r '.[].path' "$OUT")
	cmp "${made[0]}" "$IMAGE"
	cmp -n 4194304 "${made[1]}" "$IMAGE"
	running_again
	on a lvremove -qqy "${made[@]}"
	untouched
	try img-copy -F "$SSH_CONFIG" -s "${far_pausing[@]}" .
	[ "$status" = 0 ]
	grep -Eq "^img-copy: a: the guest was paused for [0-9.]+ m?s$" "$ERR"
	same disk "$IMAGE"
	cmp -n 4194304 data "$IMAGE"
	running_again
	untouched
	refuses 9 /dev/vga/data on a img-snap --size 80M "${pausing[@]}"
	events_are ''
}

@test "the helper is killed at the second lvcreate: the guest goes on, and img-clean removes both" {
	local when

	for when in before during after; do
		second_lvcreate $when
		refuses 7 '' on a img-snap "${pausing[@]}"
		lvm_back a
		running_again
		wait_until 30 no_process
		mended a
		second_lvcreate $when
		try img-copy -F "$SSH_CONFIG" -s "${far_pausing[@]}" .
		[ "$status" = 7 ]
		lvm_back a
		running_again
		wait_until 30 no_process
		mended a
		[ ! -e disk ]
	done
}

@test "LVM is killed within the second lvcreate, or refuses: the guest goes on, and none is left" {
	local when

	for when in fails 3 8 13 18; do
		second_lvcreate $when
		try on a img-snap "${hooks[@]}" "${pausing[@]}"
		lvm_back a
		[ "$status" = 1 ]
		says 'img-snap: /dev/vga/data: lvcreate'
		ran 'pre post '
		running_again
		untouched
		[ -z "$(suspended)" ]
	done
}

# Holds the second lvcreate until there is a file /srv/go.
held_lvcreate() {
	rm -f "$IMG_VM"/a/srv/{lvcreates,held,go}
	lvm_is a - <<-'END'
		#!/bin/bash
		[ "$1" != lvcreate ] || echo >>/srv/lvcreates
		[ "$1" = lvcreate ] && [ "$(wc -l </srv/lvcreates)" = 2 ] || exec -a lvm lvm.real "$@"
		touch /srv/held
		until [ -e /srv/go ]; do sleep 0.02; done
		exec -a lvm lvm.real "$@"
	END
}

# all_or_nothing: the helper may have finished its work before it heard of the end of its client.
all_or_nothing() {
	local made

	mapfile -t made < <(on a find /dev/vga -name '*-snap-*' | sort)
	[ ${#made[@]} != 0 ] || return 0
	[ ${#made[@]} = 2 ]
	cmp -n 4194304 "${made[0]}" "$IMAGE"
	cmp "${made[1]}" "$IMAGE"
	on a lvremove -qqy "${made[@]}"
}

@test "the command is killed or interrupted, or the link is cut: the guest goes on, and none is left behind" {
	local how client

	for how in KILL TERM cut; do
		held_lvcreate
		env --default-signal img-snap -F "$SSH_CONFIG" --timeout 5 "${far_pausing[@]}" \
			>"$OUT" 2>"$ERR" 3>&- &
		client=$!
		wait_until 90 on a test -e /srv/held
		events_are S
		if [ $how = cut ]; then link_cut a; else kill -$how $client; fi
		[ $how = TERM ] || wait $client || true
		on a touch /srv/go
		wait $client || true
		lvm_back a
		running_again
		wait_until 120 none_tagged
		wait_until 20 no_process
		link_heal a
		all_or_nothing
		untouched
	done
}
