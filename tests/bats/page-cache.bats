#!/usr/bin/env bats
#
# A copy leaves the page cache as it was.  fincore (util-linux-extra) tells how much of a file is in it.

load common
load disks

setup_file() {
	[ "$(id -u)" = 0 ] || skip 'only root can mount a disk'
	img_setup_file
	share_mounts
	start_host a
}
teardown_file() { img_teardown_file; }

setup() {
	img_setup
	disks_setup
	disk 512M ext4
	cd m || return
	head -c 96M /dev/urandom >x
	sync -f x
}
teardown() { disks_teardown; }

# cached FILE: how many bytes of it are in the page cache.
cached() {
	fincore -bnro RES "$1"
}

# cold FILE: nothing of it is there any more.
cold() {
	dd if="$1" iflag=nocache count=0 status=none
	[ "$(cached "$1")" = 0 ]
}

# is_cold FILE: but for its header, which is read as usual.
is_cold() {
	[ "$(cached "$1")" -lt 524288 ]
}

@test "page cache: a cold image stays cold, and so does its copy" {
	cold x
	succeeds img-copy x y
	is_cold x
	is_cold y
	cmp x y
	rm y
	cold x
	succeeds img-copy x "a:$PWD/y"
	is_cold x
	is_cold y
	cmp x y
	cold y
	succeeds img-copy --archive "a:$PWD/y" z.lzo
	is_cold y
	is_cold z.lzo
	lzop -dc z.lzo | cmp - x
	cold x
	succeeds img-verify x
	is_cold x
}

# stays: what is in the page cache before a copy is there after it.
stays() {
	local warm all=100663296

	rm -f y z
	cold x || return
	# The kernel reads ahead, so some more.
	dd if=x bs=1M skip=30 count=20 status=none >/dev/null
	warm=$(cached x)
	[ "$warm" -ge 20971520 ] && succeeds img-copy x y && [ "$(cached x)" -ge "$warm" ] || return
	# What the kernel reads ahead while the rest is dropped may stay.
	[ "$(cached x)" -le $((warm + 524288 + 1024 * $(<"/sys/class/bdi/$(mountpoint -d .)/read_ahead_kb"))) ] ||
		return
	cat x >/dev/null
	[ "$(cached x)" = $all ] && succeeds img-copy x "a:$PWD/z" && [ "$(cached x)" = $all ] || return
	cmp x y && cmp x z
}

@test "page cache: what was in it stays there" {
	# Whoever runs the machine may drop all caches at any time, but not each time.
	stays || stays || stays
}

@test "page cache: a large image with little in it, whose end is no multiple of a page" {
	local at

	truncate -s $(((3 << 30) + 1000)) large
	for at in 0 1023 1024 2047 3071; do
		dd if=x of=large bs=1M seek=$at count=2 conv=notrunc status=none
	done
	truncate -s $(((3 << 30) + 1000)) large
	sync -f large
	cold large
	dd if=large bs=1M skip=1024 count=1 status=none >/dev/null
	succeeds img-copy --sparse large copy
	[ "$(cached large)" -lt $((32 << 20)) ]
	cmp large copy
}
