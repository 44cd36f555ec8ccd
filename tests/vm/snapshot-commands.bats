#!/usr/bin/env bats
#
# --pre-snapshot and --post-snapshot.

load guest
load snapshot

@test "commands run before and after the snapshot, on the source's host" {
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
	# The snapshot cannot be taken, which is known before a command runs.
	on a rm /srv/log
	refuses 9 /dev/vga/disk on a img-copy -s --snapshot-size 1G "${hooks[@]}" /dev/vga/disk /srv/no
	on a test ! -e /srv/log
	# The snapshot fails.
	lvm_is a - <<<$'#!/bin/bash\n[ "$1" = lvcreate ] && exit 5\nexec -a lvm lvm.real "$@"'
	refuses 1 /dev/vga/disk on a img-copy -s "${hooks[@]}" /dev/vga/disk /srv/no
	lvm_back a
	[ "$(on a cat /srv/log | tr '\n' ' ')" = "a pre 1 post 1 " ]
	# The second fails: nothing is copied.
	refuses 1 /dev/vga/disk on a img-copy -s --post-snapshot 'exit 4' /dev/vga/disk /srv/no
	says 'post-snapshot'
	[ "$(on a ls /srv)" = log ]
	none_tagged
}

@test "a first command that takes too long is killed, and the second runs" {
	printf '[snapshot]\nhook-timeout = 2\n' >"$IMG_VM/a/etc/config"
	refuses 1 /dev/vga/disk on a img-copy -s --pre-snapshot 'sleep 1000 & echo $! >/srv/pid; wait' \
		--post-snapshot 'touch /srv/thawed' /dev/vga/disk /srv/no
	rm "$IMG_VM/a/etc/config"
	says 'longer than 2 s'
	[ "$(on a ls /srv | tr '\n' ' ')" = "pid thawed " ]
	wait_until 10 test ! -e "/proc/$(<"$IMG_VM/a/srv/pid")"
	none_tagged
}

@test "the second command runs although the client was killed" {
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
