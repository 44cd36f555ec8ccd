#!/usr/bin/env bats
#
# Checks that the guest is what the other files here expect.

load guest

setup_file() {
	guest_setup_file
	make_group a vga 64M 64M
	make_group b vgb 128M
	make_group here vgh 64M
}

@test "each host sees its own groups, mounts, name and addresses" {
	local host

	for host in a b; do
		[ "$(on $host vgs --noheadings -o vg_name | tr -d ' ')" = vg$host ]
		[ "$(on $host hostname)" = $host ]
		echo "$host" >"$BATS_TEST_TMPDIR/$host"
		on $host cp "$BATS_TEST_TMPDIR/$host" /tmp/who
		on $host cp "$BATS_TEST_TMPDIR/$host" /etc/img-tools/who
	done
	[ "$(vgs --noheadings -o vg_name | tr -d ' ')" = vgh ]
	[ "$(on a cat /tmp/who /etc/img-tools/who | tr '\n' ' ')" = "a a " ]
	[ "$(on b cat /tmp/who /etc/img-tools/who | tr '\n' ' ')" = "b b " ]
	[ ! -e /tmp/who ]
	[ ! -e /etc/img-tools/who ]
	on a ip -br address | grep -F 10.90.0.2
	run ! grep -F 10.90.0.3 <(on a ip -br address)
}

@test "ssh from host to host, and from here" {
	[ "$(on a ssh -F "$SSH_CONFIG" b hostname)" = b ]
	[ "$(ssh -F "$SSH_CONFIG" a hostname)" = a ]
	on a ssh -F "$SSH_CONFIG" b 'echo $SSH_CONNECTION' | grep '^10.90.0.2 .* 10.90.0.3 '
}

@test "a slow link is slow, a cut link passes nothing, and this is noticed" {
	local start

	ping_b || return
	link_slow 300 10mbit a b
	start=${EPOCHREALTIME/./}
	ping_b
	[ $((${EPOCHREALTIME/./} - start)) -ge 300000 ]
	link_cut b a
	run ! ping_b
	on here ssh -F "$SSH_CONFIG" b true # that link is a different one
	run -255 on a ssh -F "$SSH_CONFIG" -o ConnectTimeout=1 b true
	link_cut b
	run -255 ssh -F "$SSH_CONFIG" -o ConnectTimeout=1 b true
	link_heal b
	ping_b
	ssh -F "$SSH_CONFIG" b true
}

# One request from host a to b and its answer, at most one per second.
ping_b() {
	on a busybox ping -q -c 1 -W 1 10.90.0.3 >&2
}

@test "a thick snapshot keeps the content of its origin, and overflows" {
	on a lvcreate -q -L 16M -n thick vga
	yes old | head -c 8M >/dev/vga/thick
	on a lvcreate -q -s -L 4M -n snap vga/thick --addtag mine
	yes new | head -c 1M >/dev/vga/thick
	sync
	yes old | cmp -n 8M - /dev/vga/snap
	[ "$(tagged a)" = vga/snap ]
	[ "$(tagged a mine)" = vga/snap ]
	[ -z "$(tagged a other)" ]
	yes new | head -c 8M >/dev/vga/thick
	sync
	[ "$(on a lvs --noheadings -o lv_snapshot_invalid vga/snap | tr -d ' ')" = "snapshot invalid" ] ||
		on a lvs --noheadings -o lv_attr vga/snap | grep -E '^ *swi-I'
	on a lvremove -qy vga
}

@test "a thin pool: unwritten space takes no storage, a snapshot shares blocks" {
	on b lvcreate -q --type thin-pool -L 32M -n pool vgb
	on b lvcreate -q -V 1G --thinpool vgb/pool -n thin
	yes old | head -c 4M >/dev/vgb/thin
	sync
	on b lvcreate -q -s -kn -n snap vgb/thin
	yes new | head -c 4M >/dev/vgb/thin
	sync
	yes old | cmp -n 4M - /dev/vgb/snap
	[ "$(on b lvs --noheadings -o data_percent vgb/pool | tr -d ' ')" = 25.00 ]
	on b lvremove -qy vgb
}

@test "suspended volumes are printed, and removed with their group" {
	make_group a vgs 32M
	on a lvcreate -q -L 4M -n one vgs
	on a lvcreate -q -L 4M -n two vgs
	[ -z "$(suspended)" ]
	dmsetup suspend vgs-one
	[ "$(suspended)" = vgs-one ]
	# a process that waits for it is released, too
	head -c 4096 /dev/zero | dd of=/dev/vgs/one oflag=direct status=none 3>&- &
	drop_group vgs
	wait $! || true
	[ -z "$(suspended)" ]
	[ ! -e /dev/vgs/two ]
	run ! on a vgs vgs
}

@test "disks fail where they are told to fail" {
	local middle=2048 # 1 MiB

	on a lvcreate -q -L 4M -n bad vga
	seq 1 500000 | head -c 2M >numbers
	cp numbers /dev/vga/bad
	sync

	volume_fault a vga/bad $middle 8 error
	run ! dd if=/dev/vga/bad of=/dev/null bs=1M status=none
	cmp -n 1M numbers /dev/vga/bad

	disk_heal "$(disks vga | head -n 1)"
	cmp -n 2M numbers /dev/vga/bad
	volume_rot a vga/bad $middle
	[ "$(different)" = 1 ]

	volume_fault a vga/bad $middle 8 flakey corrupt_bio_byte 32 w 1 0
	dd if=numbers of=/dev/vga/bad bs=1M oflag=direct status=none
	[ "$(different)" = 1 ]

	volume_fault a vga/bad $middle 8 flakey error_writes
	run ! dd if=numbers of=/dev/vga/bad bs=1M oflag=direct status=none
	[ "$(different)" = 1 ]

	volume_fault a vga/bad $middle 8 flakey drop_writes
	dd if=numbers of=/dev/vga/bad bs=1M oflag=direct status=none
	disk_heal "$(disks vga | head -n 1)"
	[ "$(different)" = 1 ]
	dd if=numbers of=/dev/vga/bad bs=1M oflag=direct status=none
	[ "$(different)" = 0 ]
	on a lvremove -qy vga
}

# Prints the number of bytes of the volume that are wrong.
different() {
	cmp -n 2M -l numbers /dev/vga/bad | wc -l
}

@test "lvm is missing on a host, or is another program" {
	lvm_missing a
	run -127 on a lvm version
	on b lvm version
	lvm_is a - <<<$'#!/bin/sh\necho "no $1" >&2; exit 5'
	run -5 on a vgs
	lvm_back a
	on a vgs vga
	lvm_missing a
}

@test "the teardown of the test before repaired its host" {
	on a vgs vga
}

@test "img-info shows the same size of a volume as lvs" {
	on a lvcreate -q -L 12M -n sized vga
	cp "$IMAGE" /dev/vga/sized
	succeeds on a img-info --json /dev/vga/sized
	json --argjson size "$(on a lvs --noheadings --units b --nosuffix -o lv_size vga/sized)" \
		'.capacity == $size and $size == 12582912'
	on a lvremove -qy vga
}

@test "img-copy from host to host" {
	on a cp "$IMAGE" /srv/image
	succeeds img-copy a:/srv/image b:/srv/image
	on b cmp "$IMAGE" /srv/image
	succeeds on a img-copy /srv/image b:/srv/second
	on b cmp "$IMAGE" /srv/second
}
