#!/usr/bin/env bats
#
# A resize of a volume that was interrupted is begun again: what the volume holds by then stays,
# whether the interrupted job or a guest has used the new space.  The oracles are e2fsck, debugfs
# and LVM.

load guest

setup_file() {
	guest_setup_file
	make_group a vga 800M
}

setup() {
	local name

	guest_setup
	: >kill_after
	: >fail_at
	: >fail_after
	program >program
	lvm_is a program
	for name in e2fsck resize2fs; do
		on a mv /usr/sbin/$name /usr/sbin/$name.real
		on a sh -c "cat >/usr/sbin/$name && chmod 755 /usr/sbin/$name" <program
	done
	head -c 6M /dev/urandom >one
	head -c 6M /dev/urandom >two
	on a lvcreate -qqy -Wn -L 16M -n img vga
	fill_image
}

# The filesystem, and the two files.
fill_image() {
	# Without space that is reserved for growing, resize2fs moves blocks into the new space.
	mke2fs -q -F -t ext4 -b 1024 -O ^resize_inode -m 0 /dev/vga/img
	debugfs -w -R "write $PWD/one one" /dev/vga/img >/dev/null 2>&1
	debugfs -w -R "write $PWD/two two" /dev/vga/img >/dev/null 2>&1
	blockdev --flushbufs /dev/vga/img
}

teardown() {
	lvm_back a
	on a lvremove -qqy vga/img
	guest_teardown
	[ -z "$(tagged a)" ]
}

# Prints a program that runs the real one of its name.  It fails once, at a call that begins as the
# pattern in fail_at says; a call as in the first line of fail_after writes the second to fail_at.
# It kills the helper after a call that succeeds, and that kill_after describes.
program() {
	cat <<-END
		#!/bin/bash
		name=\${0##*/}
		program=\$name
		[[ \$name != lv* ]] || program=lvm
		fail=\$(cat $DIR/fail_at)
		kill=\$(cat $DIR/kill_after)
		{ read -r after && read -r then; } <$DIR/fail_after
		if [[ -n \$fail && "\$name \$*" == \$fail* ]]; then
			: >$DIR/fail_at
			echo "refused by the test" >&2
			exit 5
		fi
		(exec -a \$name /usr/sbin/\$program.real "\$@")
		status=\$?
		if [[ -n \$after && "\$name \$*" == \$after* ]]; then
			echo "\$then" >$DIR/fail_at
			: >$DIR/fail_after
		fi
		if [[ \$status = 0 && -n \$kill && "\$name \$*" == \$kill* ]]; then kill -KILL \$PPID; fi
		exit \$status
	END
}

# killed_after CALL WORD...: the command's helper is killed after that call.
killed_after() {
	echo "$1" >kill_after
	try on a "${@:2}"
	[ "$status" = 7 ] || return
	wait_until 20 no_process || return
	: >kill_after
	is_unfinished
}

is_unfinished() {
	on a img-info --json /dev/vga/img | jq -e .unfinished >&2
}

volume_size() {
	blockdev --getsize64 /dev/vga/img
}

# The filesystem has no errors, and both files.
intact() {
	blockdev --flushbufs /dev/vga/img
	e2fsck -fn /dev/vga/img >&2 || return
	debugfs -R 'cat one' /dev/vga/img 2>/dev/null | cmp - one || return
	debugfs -R 'cat two' /dev/vga/img 2>/dev/null | cmp - two
}

@test "what resize2fs has moved into the new space is there after the second try" {
	killed_after 'resize2fs /' img-resize --in-place --fs /dev/vga/img 300M
	intact
	try on a img-resize --in-place --fs /dev/vga/img 300M
	[ "$status" = 0 ]
	intact
	[ "$(volume_size)" = $((300 << 20)) ]
}

# The system's tools find it as the command that was interrupted has left it.
as_it_was_left() {
	intact || return
	[ "$(volume_size)" = "$1" ] || return
	is_unfinished
}

@test "what is half changed is completed in place only, and a second try that fails cuts nothing" {
	killed_after 'resize2fs /' img-resize --in-place --fs /dev/vga/img 300M
	for option in -n --; do
		try on a img-resize --fs $option /dev/vga/img 300M
		[ "$status" = 8 ]
		says 'its filesystem may be half changed'
		says 'see --in-place'
		as_it_was_left $((300 << 20))
	done
	echo 'lvm lvchange' >fail_at
	try on a img-resize --in-place --fs /dev/vga/img 300M
	[ "$status" = 1 ]
	says 'is still unfinished'
	as_it_was_left $((300 << 20))
	: >fail_at
	try on a img-resize --in-place --fs /dev/vga/img 300M
	[ "$status" = 0 ]
	intact
}

@test "what was interrupted before the filesystem was changed needs no --in-place, and has a way back" {
	killed_after 'lvm lvchange*:zeroed:' img-resize --in-place --fs /dev/vga/img 300M
	echo 'resize2fs /' >fail_at
	try on a img-resize --fs /dev/vga/img 300M
	[ "$status" = 1 ]
	[ ! -s fail_at ]
	run ! is_unfinished
	[ "$(volume_size)" = $((16 << 20)) ]
	intact
}

# The guest enlarges its filesystem, and fills it.
guest_uses_new_space() {
	e2fsck -fp /dev/vga/img >&2
	resize2fs /dev/vga/img >&2
	head -c 30M /dev/urandom >big
	debugfs -w -R "write $PWD/big big" /dev/vga/img >/dev/null 2>&1
	blockdev --flushbufs /dev/vga/img
}

has_big() {
	debugfs -R 'cat big' /dev/vga/img 2>/dev/null | cmp - big
}

@test "what a guest has written since an interruption outlasts a second and a third try that fail" {
	killed_after 'lvm lvchange*:zeroed:' img-resize --fs /dev/vga/img 64M
	guest_uses_new_space
	# The second takes a way back, and fails, or is killed.
	printf '%s\n' 'lvm lvchange*:changing:' e2fsck >fail_after
	try on a img-resize --fs /dev/vga/img 64M
	[ "$status" != 0 ]
	says 'is unfinished now: what it holds is larger than it was'
	[ ! -s fail_at ]
	as_it_was_left $((64 << 20))
	has_big
	killed_after 'lvm lvchange*:changing:' img-resize --fs /dev/vga/img 64M
	# The third merges that way back, which is younger than what the guest has written.
	echo 'lvm lvcreate' >fail_at
	try on a img-resize --fs /dev/vga/img 64M
	[ "$status" = 1 ]
	says 'is still unfinished'
	as_it_was_left $((64 << 20))
	has_big
	try on a img-resize --fs /dev/vga/img 64M
	[ "$status" = 0 ]
	intact
	has_big
}

@test "what a guest has written since the filesystem was complete outlasts the second try" {
	killed_after 'lvm lvchange*--deltag *:changing:' img-resize --fs /dev/vga/img 64M
	guest_uses_new_space
	try on a img-resize --fs /dev/vga/img 64M
	[ "$status" = 0 ]
	intact
	has_big
	[ "$(on a lvs --noheadings -o lv_name,lv_tags vga | xargs)" = img ]
}

@test "what is half changed does not get its way back while it is in use, nor later by itself" {
	local option

	killed_after 'resize2fs /' img-resize --fs /dev/vga/img 64M
	for option in --fs --; do
		sleep inf <>/dev/vga/img 3>&- &
		try on a img-resize $option /dev/vga/img 64M
		kill $!
		wait $! || true
		[ "$status" = 5 ]
	done
	on a lvchange -qq -an vga/img
	on a lvchange -qq -ay vga/img
	[ "$(on a lvs --noheadings -o lv_name vga | wc -l)" = 2 ]
	try on a img-resize --fs /dev/vga/img 64M
	[ "$status" = 0 ]
	intact
}

@test "an img-write that writes nothing leaves what an interrupted resize needs" {
	killed_after 'resize2fs /' img-resize --in-place --fs /dev/vga/img 64M
	spoiled_archive bad.lzo
	try on a img-write "$PWD/bad.lzo" /dev/vga/img
	[ "$status" = 8 ]
	is_unfinished
	try on a img-resize --in-place --fs /dev/vga/img 64M
	[ "$status" = 0 ]
	intact
	run ! is_unfinished
}

@test "a way back that no resize waits for any more is not used, and named by img-clean" {
	# A thick volume with a snapshot of its own size cannot be overwritten.
	on a lvremove -qqy vga/img
	on a lvcreate -qqy -L 200M -T vga/pool
	on a lvcreate -qqy -V 16M -T vga/pool -n img
	fill_image
	killed_after 'resize2fs /' img-resize --fs /dev/vga/img 64M
	try on a img-clean /dev/vga
	[ "$status" = 0 ]
	says 'is the way back of an unfinished resize'
	blockdev --flushbufs /dev/vga/img
	head -c 20M /dev/vga/img >content
	head -c 1M /dev/urandom | dd of=content bs=1M seek=19 conv=notrunc status=none
	truncate -s 64M content
	try on a img-write "$PWD/content" /dev/vga/img
	[ "$status" = 0 ]
	run ! is_unfinished
	[ "$(on a lvs --noheadings -o lv_name vga | wc -l)" = 3 ]
	try on a img-clean /dev/vga
	[ "$status" = 0 ]
	says 'is the way back of a resize that nothing knows of any more'
	[ ! -s "$OUT" ]
	way_back=$(on a lvs --noheadings -o lv_name --select 'lv_name!=img && lv_name!=pool' vga | xargs)
	succeeds on a img-delete "/dev/vga/$way_back"
	[ "$(on a lvs --noheadings -o lv_name vga | xargs)" = 'img pool' ]
	cmp content /dev/vga/img
	on a lvremove -qqy vga/pool
	on a lvcreate -qqy -Wn -L 16M -n img vga
}

@test "without its way back what is half changed is not taken for whole" {
	killed_after 'resize2fs /' img-resize --fs /dev/vga/img 300M
	on a lvremove -qqy "$(on a lvs --noheadings -o lv_full_name -S origin=img vga | xargs)"
	try on a img-resize --fs /dev/vga/img 300M
	[ "$status" = 8 ]
	says 'see --in-place'
	as_it_was_left $((300 << 20))
	try on a img-resize --in-place --fs /dev/vga/img 300M
	[ "$status" = 0 ]
	intact
	run ! is_unfinished
}

@test "a snapshot of which LVM does not tell is not left behind" {
	printf '%s\n' 'lvm lvchange*--deltag img-tools.run=' 'lvm lvs' >fail_after
	try on a img-resize --fs /dev/vga/img 64M
	[ "$status" = 1 ]
	[ ! -s fail_at ]
	run ! is_unfinished
	[ "$(volume_size)" = $((16 << 20)) ]
	intact
	[ "$(on a lvs --noheadings -o lv_name,lv_tags vga | xargs)" = img ]
}

@test "a second try to make it smaller that fails leaves it unfinished" {
	on a lvextend -qqy -L 64M vga/img
	resize2fs /dev/vga/img >&2
	killed_after 'resize2fs /' img-resize --shrink --in-place --fs /dev/vga/img 32M
	echo 'lvm lvchange' >fail_at
	try on a img-resize --shrink --in-place --fs /dev/vga/img 32M
	[ "$status" = 1 ]
	says 'is still unfinished'
	is_unfinished
	: >fail_at
	try on a img-resize --shrink --in-place --fs /dev/vga/img 32M
	[ "$status" = 0 ]
	intact
	[ "$(volume_size)" = $((32 << 20)) ]
}

@test "what a guest has written to space that is not zeroed yet stays" {
	killed_after 'lvm lvextend' img-resize /dev/vga/img 64M
	[ "$(volume_size)" = $((64 << 20)) ]
	# While it is in use it is not looked at.
	sleep inf <>/dev/vga/img 3>&- &
	try on a img-resize /dev/vga/img 64M
	kill $!
	wait $! || true
	[ "$status" = 5 ]
	says 'its new space is not zeroed yet'
	guest_uses_new_space
	for option in -n --; do
		try on a img-resize $option /dev/vga/img 64M
		[ "$status" = 8 ]
		says 'lvchange --deltag img-tools.unfinished /dev/vga/img'
	done
	intact
	has_big
	is_unfinished
	# As the message says:
	on a lvchange -qq --deltag img-tools.unfinished /dev/vga/img
	try on a img-resize --fs /dev/vga/img 128M
	[ "$status" = 0 ]
	intact
	has_big
}

@test "space that nothing has used is zeroed by the second try" {
	on a lvextend -qqy -L 64M vga/img
	head -c 48M /dev/urandom | dd of=/dev/vga/img bs=1M seek=16 oflag=direct status=none
	on a lvreduce -qqfy -L 16M vga/img
	killed_after 'lvm lvextend' img-resize /dev/vga/img 64M
	try on a img-resize /dev/vga/img 64M
	[ "$status" = 0 ]
	intact
	tail -c +$(((16 << 20) + 1)) /dev/vga/img | cmp -n $((48 << 20)) - /dev/zero
	run ! is_unfinished
}
