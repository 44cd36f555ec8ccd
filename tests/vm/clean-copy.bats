#!/usr/bin/env bats
#
# The helper or the client is killed during a copy, and the helper during img-snap.

load guest
load clean

@test "img-snap is killed after LVM has made the snapshot, before it gets the answer" {
	lvm_kills lvcreate after
	try on a img-snap --name kept /dev/vga/disk
	lvm_back a
	[ "$status" = 7 ]
	wait_until 10 no_process
	[ "$(tagged a)" = vga/kept ]
	mended a
}

@test "the client or the helper is killed during a copy" {
	local who client

	for who in client helper; do
		img-copy -F "$SSH_CONFIG" -s --bwlimit 100k a:/dev/vga/disk x.img 2>/dev/null 3>&- &
		client=$! # wait_until starts processes, too
		wait_until 60 test -s .x.img.img-tools
		[ "$(tagged a | wc -l)" = 1 ]
		if [ $who = client ]; then
			kill -KILL $client
		else
			# shellcheck disable=SC2046 # words
			kill -KILL $(helpers)
		fi
		status=0
		wait $client || status=$?
		[ "$status" != 0 ]
		wait_until 30 no_process
		rm -f .x.img.img-tools
		if [ $who = client ]; then
			[ -z "$(tagged a)" ] # that helper noticed the loss
		else
			[ "$(tagged a | wc -l)" = 1 ]
		fi
		mended a
	done
}
