# shellcheck shell=bash
#
# Shared by snapshots-together.bats and snapshots-paused.bats, after clean.bash.

# Host a's group has a second volume, `data`.
# shellcheck disable=SC2034 # other files use ORIGIN and hooks
setup() {
	guest_setup
	ORIGIN=disk
	on a lvcreate -qq -y -L 4M -n data vga
	cp "$IMAGE" /dev/vga/disk
	head -c 4M "$IMAGE" >/dev/vga/data
	sync
	state a >state-a
	hooks=(--pre-snapshot 'echo pre >>/srv/log' --post-snapshot 'echo post >>/srv/log')
}

teardown() {
	on a find /srv /etc/img-tools -mindepth 1 -delete
	touch stop # a writer
	guest_teardown || return
	on a lvremove -qqy --select 'lv_name!=disk' vga
}

# ran TEXT: these commands of $hooks ran, each followed by a blank; then forgets them.
ran() {
	[ "$(on a cat /srv/log | tr '\n' ' ')" = "$1" ]
	on a rm /srv/log
}

# second_lvcreate WHEN: what happens to the helper, or to LVM, at the second lvcreate: fails; before,
# during, after: the helper is killed; a number: LVM is, at that call that changes something.
second_lvcreate() {
	rm -f "$IMG_VM/a/srv/lvcreates"
	lvm_is a - <<-END
		#!/bin/bash
		[ "\$1" != lvcreate ] || echo >>/srv/lvcreates
		[ "\$1" = lvcreate ] && [ "\$(wc -l </srv/lvcreates)" = 2 ] || exec -a lvm lvm.real "\$@"
		case $1 in
		fails)
			echo '  it does not work' >&2
			exit 5
			;;
		before) kill -KILL \$PPID ;;
		during)
			(exec -a lvm lvm.real "\$@") &
			kill -KILL \$PPID
			wait
			;;
		after)
			(exec -a lvm lvm.real "\$@")
			kill -KILL \$PPID
			;;
		*)
			export LD_PRELOAD=$KILLER KILL_AT=$1
			exec -a lvm lvm.real "\$@"
			;;
		esac
	END
}

none_tagged() {
	[ -z "$(tagged a)" ]
}
