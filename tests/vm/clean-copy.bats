#!/usr/bin/env bats
#
# The helper or the client killed while they copy, and img-snap.

load guest
load clean

@test "img-snap killed after LVM has made it, before it is told" {
	lvm_kills lvcreate after
	try on a img-snap --name kept /dev/vga/disk
	lvm_back a
	[ "$status" = 7 ]
	wait_until 10 no_process
	[ "$(tagged a)" = vga/kept ]
	mended a
}

@test "the client killed, the helper killed, while they copy" {
	local who client

	for who in client helper; do
		img-copy -F "$SSH_CONFIG" -s --bwlimit 100k a:/dev/vga/disk x.img 2>/dev/null 3>&- &
		client=$! # wait_until has processes, too
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
			[ -z "$(tagged a)" ] # that helper saw it go
		else
			[ "$(tagged a | wc -l)" = 1 ]
		fi
		mended a
	done
}
