#!/usr/bin/env bats
#
# --snapshot: the snapshot is removed, however the copy ends.

load guest
load snapshot

@test "--snapshot: it is removed after INT, TERM, HUP, and after the link was cut" {
	local signal client

	for signal in INT TERM HUP cut; do
		env --default-signal img-copy -F "$SSH_CONFIG" --timeout 5 -s --bwlimit 100k \
			a:/dev/vga/disk x.img 2>/dev/null 3>&- &
		client=$! # wait_until starts processes, too
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
