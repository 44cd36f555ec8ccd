#!/usr/bin/env bats
#
# The helper or the client is killed near a run of LVM: nothing of the interrupted job remains.

load guest
load clean

lock_is_free() {
	[ ! -e "$IMG_VM/a/locks/V_vga" ] || flock -n "$IMG_VM/a/locks/V_vga" true
}

@test "the helper or the client is killed before, while and after LVM runs" {
	local command when who

	for command in lvcreate lvremove; do
		for when in before during after; do
			for who in helper client; do
				lvm_kills $command $when $who
				try on a img-copy -s /dev/vga/disk /srv/copy
				lvm_back a
				echo "$command, $when, $who: $status" >&2
				if [ $who = helper ]; then
					[ "$status" = 7 ]
				else
					[ "$status" = 137 ]
				fi
				wait_until 20 lock_is_free
				wait_until 30 no_process
				rm -f "$IMG_VM"/a/srv/.copy.img-tools
				if [ $who = helper ]; then
					mended a
				else
					untouched # the helper noticed the loss
				fi
				[ "$command" != lvcreate ] || on a test ! -e /srv/copy
				rm -f "$IMG_VM"/a/srv/copy
			done
		done
	done
}
