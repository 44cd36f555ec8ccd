#!/usr/bin/env bats
#
# Whatever is killed, at whatever point: img-clean leaves no volume of a dead run
# and an origin that works, and touches nothing else.

load guest
load clean

# leave NAME TAG...: a volume that has those tags.
leave() {
	local name=$1 tag tags=()
	shift

	for tag; do
		tags+=(--addtag "$tag")
	done
	on a lvcreate -qq -y -Zn -L 4M -n "$name" "${tags[@]}" vga
}

volumes() {
	on a lvs --noheadings -o lv_name vga | tr -d ' ' | tr '\n' ' '
}

@test "only what a dead run made goes, and what stays is told" {
	local boot host

	boot=$(</proc/sys/kernel/random/boot_id)
	leave dead "$(dead a)"
	leave rebooted "img-tools.run=a:${boot//[0-9]/0}:4026531836:1:99"
	leave living "img-tools.run=a:$boot:$(stat -L -c %i /proc/self/ns/pid):$$:$(
		awk '{ print $22 }' /proc/$$/stat)"
	leave foreign "img-tools.run=elsewhere:${boot//[0-9]/0}:4026531836:1:99"
	leave unfinished img-tools.unfinished
	leave other "somebody" "img-tools"
	on a img-snap --name kept /dev/vga/disk >&2
	try on a img-clean -n /dev/vga
	[ "$status" = 0 ]
	[ "$(sort "$OUT" | tr '\n' ' ')" = 'would remove /dev/vga/dead would remove /dev/vga/rebooted ' ]
	[ "$(volumes)" = 'dead disk foreign kept living other rebooted unfinished ' ]
	try on a img-clean --json /dev/vga
	[ "$status" = 0 ]
	json '[.entries[] | .path + " " + .state] | sort == ["/dev/vga/dead removed",
		"/dev/vga/foreign foreign", "/dev/vga/living alive", "/dev/vga/rebooted removed"]'
	says "left '/dev/vga/living': in use"
	says "left '/dev/vga/foreign': another host's"
	[ "$(volumes)" = 'disk foreign kept living other unfinished ' ]
	# All of a host, as from elsewhere.
	leave dead "$(dead a)"
	for host in a: a:/dev/vga; do
		try img-clean -n $host
		[ "$status" = 0 ]
		[ "$(<"$OUT")" = "would remove a:/dev/vga/dead" ]
	done
	try img-clean a:
	[ "$status" = 0 ]
	[ "$(<"$OUT")" = "removed a:/dev/vga/dead" ]
	refuses 4 a:/dev/vga/disk img-clean a:/dev/vga/disk
	refuses 3 a:/dev/nogroup img-clean a:/dev/nogroup
	on a lvremove -qqy vga/{foreign,kept,living,other,unfinished}
}

@test "a dry run resumes nothing, and says so; a living LVM's volumes stay suspended" {
	snap a
	dmsetup suspend vga-disk
	succeeds on a img-clean -n /dev/vga
	[ "$(sort "$OUT" | tr '\n' ' ')" = 'would remove /dev/vga/snap would resume /dev/vga/disk ' ]
	[ "$(suspended)" = vga-disk ]
	on a flock -s -n /run/lock/lvm/V_vga img-clean -n /dev/vga >out
	[ "$(<out)" = 'would remove /dev/vga/snap' ]
	mended a
	[ "$(sort out-a | tr '\n' ' ')" = 'removed /dev/vga/snap resumed /dev/vga/disk ' ]
}

# Kills WHO (its helper or the client) before, while or after it runs the command $1, as `when`.
lvm_kills() {
	local who='kill -KILL $PPID'

	[ "${3:-helper}" = helper ] || who='pkill -KILL -x img-copy'
	# It goes by the name that it is called by.
	lvm_is a - <<-END
		#!/bin/bash
		[ "\$1" = $1 ] || exec -a lvm lvm.real "\$@"
		case $2 in
		before)
			$who
			[ ${3:-helper} = helper ] || exec -a lvm lvm.real "\$@"
			;;
		after)
			(exec -a lvm lvm.real "\$@")
			$who
			;;
		during)
			(exec -a lvm lvm.real "\$@") &
			$who
			wait
			;;
		fails)
			echo '  it does not work' >&2
			exit 5
			;;
		esac
	END
}

@test "the helper, the client killed before, while and after LVM is run" {
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
					untouched # the helper saw it go
				fi
				[ "$command" != lvcreate ] || on a test ! -e /srv/copy
				rm -f "$IMG_VM"/a/srv/copy
			done
		done
	done
}

@test "img-snap killed after LVM has made it, before it is told" {
	lvm_kills lvcreate after
	try on a img-snap --name kept /dev/vga/disk
	lvm_back a
	[ "$status" = 7 ]
	wait_until 10 no_process
	[ "$(tagged a)" = vga/kept ]
	mended a
}

lock_is_free() {
	[ ! -e "$IMG_VM/a/locks/V_vga" ] || flock -n "$IMG_VM/a/locks/V_vga" true
}

@test "LVM that fails, or is killed, under a helper that lives" {
	lvm_kills lvcreate fails
	refuses 1 a:/dev/vga/disk img-copy -s a:/dev/vga/disk x.img
	says 'it does not work'
	[ ! -e x.img ]
	lvm_missing a
	try img-copy -s a:/dev/vga/disk x.img
	[ "$status" = 1 ]
	[ ! -e x.img ]
	lvm_back a
	untouched
	# The origin is suspended then.
	lvm_dies lvcreate 19
	refuses 1 a:/dev/vga/disk img-copy -s a:/dev/vga/disk x.img
	lvm_back a
	[ ! -e x.img ]
	[ -z "$(suspended)" ]
	untouched
	mended a
	# It tries again, to remove it.
	lvm_dies lvremove 8
	succeeds img-copy -s a:/dev/vga/disk x.img
	lvm_back a
	cmp x.img /dev/vga/disk >&2
	untouched
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
