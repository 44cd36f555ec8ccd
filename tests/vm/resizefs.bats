#!/usr/bin/env bats
#
# Volumes and their filesystems are resized, with a snapshot as the way back.

load guest
load volumes

setup() {
	guest_setup
	head -c 300000 /dev/urandom >file
	on a lvcreate -qqy -Wn -L 16M -n img vga
	ext4 /dev/vga/img
}
teardown() {
	rm -f /usr/local/sbin/resize2fs /usr/local/sbin/e2fsck
	on a lvremove -qqy vga/img
	guest_teardown
	[ -z "$(tagged a)" ]
}

# intact DEVICE SIZE: it fills SIZE, and nothing of a job is left.
intact() {
	fills "$1" "$2"
	[ -z "$(tagged a)" ]
	[ "$(on a lvs --noheadings -o lv_name vga | grep -c img-tools)" = 0 ]
}

@test "a volume and its filesystem grow and shrink" {
	succeeds on a img-resize --fs /dev/vga/img 32M
	intact /dev/vga/img 33554432
	succeeds img-resize --shrink --fs a:/dev/vga/img 12M
	intact /dev/vga/img 12582912
	succeeds on a img-resizefs --shrink /dev/vga/img 8M
	succeeds img-resizefs a:/dev/vga/img
	intact /dev/vga/img 12582912
	succeeds on a img-resize -n --fs /dev/vga/img 32M
	grep -x '  take a snapshot, as the way back' "$OUT"
	intact /dev/vga/img 12582912
}

@test "a program that checks a filesystem has limits" {
	printf '#!/bin/sh\nulimit -v >/srv/v\nulimit -t >/srv/t\nexec /sbin/e2fsck "$@"\n' \
		>/usr/local/sbin/e2fsck
	chmod 755 /usr/local/sbin/e2fsck
	succeeds img-resizefs --shrink a:/dev/vga/img 12M
	[ "$(on a cat /srv/v)" = $((4 << 20)) ] # KiB
	[ "$(on a cat /srv/t)" = 600 ]
	on a rm /srv/v /srv/t
}

@test "a thin volume and its filesystem grow and shrink" {
	on a lvcreate -qqy -V 8M --thinpool vga/pool -n thin
	ext4 /dev/vga/thin
	succeeds on a img-resize --fs /dev/vga/thin 16M
	intact /dev/vga/thin 16777216
	succeeds img-resize --shrink --fs a:/dev/vga/thin 12M
	intact /dev/vga/thin 12582912
	# After a failure it gets its content back.
	debugfs -w -R 'clri <2>' /dev/vga/thin >/dev/null 2>&1
	blockdev --flushbufs /dev/vga/thin
	cat /dev/vga/thin >before
	refuses 8 /dev/vga/thin on a img-resize --fs /dev/vga/thin 16M
	blockdev --flushbufs /dev/vga/thin
	cmp before /dev/vga/thin
	[ -z "$(tagged a)" ]
	on a lvremove -qqy vga/thin
}

# extended_meanwhile LAST: another program extends the volume when its filesystem was changed,
# and the LAST time checked.
extended_meanwhile() {
	cat >/usr/local/sbin/e2fsck <<-END
		#!/bin/sh
		echo x >>$DIR/checks
		[ \$(wc -l <$DIR/checks) != $1 ] ||
			lvextend -qqy -L 20M vga/thin >/dev/null 2>&1
		exec /sbin/e2fsck "\$@"
	END
	chmod 755 /usr/local/sbin/e2fsck
}

@test "what another program has added meanwhile is not cut" {
	on a lvcreate -qqy -V 16M --thinpool vga/pool -n thin
	ext4 /dev/vga/thin
	extended_meanwhile 2
	refuses 5 /dev/vga/thin on a img-resize --shrink --fs /dev/vga/thin 12M
	says 'its size was changed meanwhile'
	rm /usr/local/sbin/e2fsck
	[ "$(blockdev --getsize64 /dev/vga/thin)" = 20971520 ]
	# The same command completes it.
	succeeds on a img-info --json /dev/vga/thin
	json .unfinished
	try on a img-resize --shrink --fs /dev/vga/thin 12M
	[ "$status" = 0 ]
	intact /dev/vga/thin 12582912
	on a lvremove -qqy vga/thin
}

@test "after a failure the volume is as it was" {
	debugfs -w -R 'clri <2>' /dev/vga/img >/dev/null 2>&1
	blockdev --flushbufs /dev/vga/img
	cat /dev/vga/img >before
	refuses 8 /dev/vga/img on a img-resize --fs /dev/vga/img 32M
	says 'e2fsck: '
	blockdev --flushbufs /dev/vga/img
	cmp before /dev/vga/img
	refuses 8 a:/dev/vga/img img-resizefs a:/dev/vga/img
	blockdev --flushbufs /dev/vga/img
	cmp before /dev/vga/img
	[ -z "$(tagged a)" ]
	[ "$(on a lvs --noheadings -o lv_name vga | grep -c img-tools)" = 0 ]
}

# stalled: a resize2fs that damages the filesystem and does not end.
stalled() {
	cat >/usr/local/sbin/resize2fs <<-END
		#!/bin/sh
		case \$1 in -P) exec /sbin/resize2fs "\$@" ;; esac
		dd if=/dev/urandom of="\$1" bs=64k count=1 seek=4 conv=notrunc 2>/dev/null
		touch $DIR/stalled
		exec sleep 1000
	END
	chmod 755 /usr/local/sbin/resize2fs
}

@test "what resize2fs leaves wrong is repaired, if that needs no decision" {
	cat >/usr/local/sbin/resize2fs <<-'END'
		#!/bin/sh
		/sbin/resize2fs "$@" || exit
		case $1 in -P) exit ;; esac
		debugfs -w -R 'set_bg 0 free_blocks_count 5' "$1"
		debugfs -w -R 'set_bg 0 checksum calc' "$1"
	END
	chmod 755 /usr/local/sbin/resize2fs
	succeeds on a img-resize --fs /dev/vga/img 32M
	intact /dev/vga/img 33554432
}

@test "after a kill the same command completes it" {
	local resizer pid

	stalled
	on a img-resize --fs /dev/vga/img +16M 3>&- &
	resizer=$!
	wait_until 60 test -e stalled
	refuses 5 /dev/vga/img on a img-resize --fs /dev/vga/img 32M
	for pid in $(helpers); do
		kill -KILL "$pid"
	done
	pkill -x sleep || true
	status=0
	wait $resizer || status=$?
	[ "$status" = 7 ]
	wait_until 20 no_process
	rm /usr/local/sbin/resize2fs
	succeeds on a img-info --json /dev/vga/img
	json '.unfinished'
	try on a img-clean /dev/vga
	grep 'is the way back of an unfinished resize' "$ERR" "$OUT"
	# Its content comes back first.
	try on a img-resize --fs /dev/vga/img 40M
	[ "$status" = 8 ]
	says '/dev/vga/img: has the content again'
	says 'give img-resize --fs the size 33554432'
	succeeds on a img-resize --fs /dev/vga/img +16M
	intact /dev/vga/img 33554432
}

@test "without space for the snapshot it is refused, or done in place" {
	local free

	free=$(on a vgs --noheadings --units b --nosuffix -o vg_free vga)
	on a lvcreate -qqy -Wn -L $((free - (20 << 20)))b -n fill vga
	refuses 9 /dev/vga/img on a img-resize --fs /dev/vga/img 24M
	says '--in-place'
	intact /dev/vga/img 16777216
	succeeds on a img-resize --in-place --fs /dev/vga/img 24M
	intact /dev/vga/img 25165824
	on a lvremove -qqy vga/fill
}
