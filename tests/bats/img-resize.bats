#!/usr/bin/env bats
# img-resize on files: sizes, what is not cut into, partition tables, images in use.

load common

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	LOOPS=()
	QEMU=
	head -c 4M /dev/urandom >x.img
	cp x.img full
}
teardown() {
	local device

	[ -z "$QEMU" ] || kill "$QEMU" || true
	for device in "${LOOPS[@]}"; do as_root losetup -d "$device"; done
	img_teardown
}

# grown FILE SIZE: FILE begins like full, and all that follows up to SIZE is zeros.
grown() {
	[ "$(stat -c %s "$1")" = "$2" ] && cmp <(cat full /dev/zero | head -c "$2") "$1"
}

@test "resize: grows a file, by its new size or by how much, here and on a host" {
	local where

	for where in '' "a:$DIR/"; do
		cp full x.img
		succeeds img-resize "${where}x.img" 6M
		grown x.img 6291456
		succeeds img-resize "${where}x.img" +1000000
		grown x.img 7291456
		succeeds img-resize --json "${where}x.img" +1K
		json '. == {location: $l, path: $p, previous: 7291456, format: "raw",
			capacity: 7292480, physical: 7292480, smallest: null, is_estimate: false,
			filesystem: null, steps: ["extend the file"]}' \
			--arg l "${where}x.img" --arg p "$DIR/x.img"
		grown x.img 7292480
		# The size that it has already is not an error.
		try img-resize "${where}x.img" 7292480
		[ "$status" = 0 ]
		one_line "img-resize: ${where}x.img: has "
	done
	rm "$DIR/full"
}

@test "resize: a file with all its space gets more of it, a sparse one stays sparse" {
	local before

	succeeds img-resize x.img 20M
	[ "$(allocated x.img)" -ge 20971520 ]
	truncate -s 20M sparse
	before=$(allocated sparse)
	succeeds img-resize sparse 1G
	[ "$(allocated sparse)" -le $((before + 65536)) ]
	[ "$(stat -c %s sparse)" = 1073741824 ]
}

@test "resize: makes a file smaller only with --shrink" {
	local size where

	for where in '' "a:$DIR/"; do
		for size in 3M -1M; do
			refuses 4 "${where}x.img" img-resize "${where}x.img" $size
			says '--shrink'
			cmp full x.img
		done
		cp full x.img
		succeeds img-resize --shrink "${where}x.img" 3M
		cmp <(head -c 3M full) x.img
		succeeds img-resize "${where}x.img" -1000000 --shrink
		cmp <(head -c 2145728 full) x.img
		succeeds img-resize --shrink -- "${where}x.img" -1
		cmp <(head -c 2145727 full) x.img
		# What was cut off does not come back.
		succeeds img-resize "${where}x.img" 4M
		cmp <(head -c 2145727 full; head -c 2048577 /dev/zero) x.img
		cp full x.img
	done
}

@test "resize: sizes that cannot be" {
	local size

	for size in 0 +0 -0 x 1X '' + - 9223372036854775808 -9223372036854775808; do
		try img-resize --shrink x.img "$size"
		[ "$status" = 2 ]
		one_line 'img-resize: '
	done
	for size in -4M -5M -1P; do
		refuses 2 x.img img-resize --shrink x.img "$size"
		refuses 2 "a:$DIR/x.img" img-resize --shrink "a:$DIR/x.img" "$size"
	done
	refuses 2 x.img img-resize x.img +9223372036854775807
	refuses 2 '' img-resize x.img
	says 'SIZE'
	refuses 2 '' img-resize x.img 5M 6M
	refuses 2 '' img-resize --format qcow2 x.img 5M
	refuses 2 '' img-resize a: 5M
	cmp full x.img
}

@test "resize: what cannot be resized" {
	local name

	mkdir d
	mkfifo fifo
	ln -s x.img link
	ln x.img hard
	refuses 3 no.img img-resize no.img 5M
	refuses 4 d img-resize d 5M
	refuses 4 fifo img-resize fifo 5M
	refuses 4 link img-resize link 5M
	refuses 4 x.img img-resize x.img 5M
	says '--allow-links'
	# A size that is none is refused before that.
	refuses 2 x.img img-resize x.img -10G
	refuses 2 SIZE img-resize x.img 0
	succeeds img-resize --allow-links --in-place x.img 5M
	grown hard 5242880
	rm hard
	lzop -c full >full.lzo
	for name in vmdk vdi; do qemu-img create -q -f $name x.$name 8M; done
	for name in x.vmdk x.vdi full.lzo; do
		refuses 4 $name img-resize $name +1M
		refuses 4 "a:$DIR/$name" img-resize --shrink "a:$DIR/$name" -1
	done
	printf 'QFI\xfb\0\0\0\x09' >bad.img
	refuses 8 bad.img img-resize bad.img 1M
	succeeds img-resize --format raw bad.img 1M
	[ "$(stat -c %s bad.img)" = 1048576 ]
	cp x.vdi before
	succeeds img-resize --format=raw x.vdi 10M
	cmp <(cat before /dev/zero | head -c 10M) x.vdi
	[ "$(id -u)" = 0 ] || return 0
	LOOPS+=("$(losetup --show -f full)")
	refuses 4 "${LOOPS[0]}" img-resize "${LOOPS[0]}" 5M
	printf '[storage]\n\tdirectory = %s\n' "$DIR/d" >config
	refuses 4 x.img img-resize --config config x.img 6M
	says 'not allowed'
	chattr +i x.img
	try img-resize x.img 7M
	chattr -i x.img
	[ "$status" = 4 ]
	cmp full <(head -c 4M x.img)
}

@test "resize: an unfinished image is refused" {
	setfattr -n user.img-tools.unfinished -v x x.img
	refuses 8 x.img img-resize x.img 5M
	cmp full x.img
}

@test "resize: a GPT whose backup has no space is left as it is" {
	truncate -s 64M disk
	echo ',32M' | sfdisk -q -X gpt disk
	truncate -s 33M disk # the end of its partition
	head -c 33M disk >before
	for where in disk "a:$DIR/disk"; do
		try img-resize "$where" +4K
		[ "$status" = 0 ]
		says 'a GPT whose backup has no space behind its partitions, which is left as it is'
		cmp -n $((33 << 20)) before disk
	done
	[ "$(stat -c %s disk)" = $(((33 << 20) + 8192)) ]
	succeeds img-resize disk 40M
	sfdisk -V disk
}

@test "resize: a dry run changes nothing" {
	local where before

	truncate -s 64M disk
	echo ',32M' | sfdisk -q -X gpt disk
	state_of disk >before
	for where in '' "a:$DIR/"; do
		succeeds img-resize -n "${where}disk" 80M
		printf 'would resize %s from 64 MiB to 80 MiB (83886080 bytes)\n  %s\n  %s\n' \
			"${where:-$DIR/}disk" 'extend the file' 'move the backup of the GPT to the new end' |
			cmp - "$OUT"
		succeeds img-resize --json --shrink -n "${where}disk" 40M
		json '.dry_run and .capacity == 41943040 and .smallest > 34000000 and
			.steps == ["move the backup of the GPT to the new end", "cut the image"]'
		refuses 4 "${where}disk" img-resize -n --shrink "${where}disk" 30M
		state_of disk | diff before -
	done
}

# of_filesystem MAKER...: makes a filesystem in a new image of 300 MiB; it is cut up to its end.
of_filesystem() {
	local where end

	rm -f fs
	truncate -s 300M fs
	as_root "$@" fs >/dev/null 2>&1
	[ "$(img-info --json fs | jq -r .filesystem.type)" != null ]
	cp --sparse=always fs kept
	truncate -s 400M fs
	for where in '' "a:$DIR/"; do
		refuses 4 "${where}fs" img-resize --shrink "${where}fs" 299M
		says 'this would cut into its'
		refuses 4 "${where}fs" img-resize --shrink "${where}fs" -101M
	done
	try img-resize --json -n --shrink fs 300M
	end=$(jq .smallest "$OUT")
	[ "$end" -gt 314000000 ]
	[ "$end" -le 314572800 ]
	refuses 4 fs img-resize --shrink fs $((end - 1))
	succeeds img-resize --shrink "a:$DIR/fs" "$end"
	cmp <(head -c "$end" kept) fs
}

@test "resize: cuts into no filesystem" {
	of_filesystem mkfs.ext2 -q -F
	of_filesystem mkfs.ext4 -q -F -b 1024
	e2fsck -fn fs
	of_filesystem mkfs.xfs -q -f
	xfs_repair -n fs
	of_filesystem mkfs.btrfs -q -f
	btrfs check fs
	of_filesystem mkswap -q
}

@test "resize: does not cut what cannot be measured" {
	truncate -s 64M fat luks several pv
	mkfs.vfat fat >/dev/null
	printf 'LUKS\xba\xbe\0\1' | dd of=luks conv=notrunc status=none
	[ "$(blkid -p -o value -s TYPE luks)" = crypto_LUKS ]
	mkfs.ext4 -q several
	mkswap -q pv
	printf 'LABELONE' | dd of=pv bs=1 seek=512 conv=notrunc status=none
	for name in fat luks; do
		truncate -s 80M $name
		refuses 4 $name img-resize --shrink $name 70M
		says 'holds'
		succeeds img-resize $name 90M
	done
	# A filesystem that was not unmounted may have another end in its journal.
	debugfs -w -R 'feature needs_recovery' several 2>/dev/null
	truncate -s 80M several
	refuses 4 several img-resize --shrink several 70M
	says 'was not unmounted'
}

@test "resize: does not cut behind an XFS filesystem whose log has something to replay" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	truncate -s 300M xfs
	mkfs.xfs -q -f xfs
	mkdir m
	mount -o loop xfs m
	MOUNTS+=("$DIR/m")
	seq 100000 >m/file
	sync -f m
	touch m/more
	sync m/more
	cp xfs dirty
	umount m
	MOUNTS=()
	truncate -s 400M xfs dirty
	refuses 4 dirty img-resize --shrink dirty 350M
	says 'xfs filesystem was not unmounted'
	if xfs_repair -n dirty >/dev/null 2>&1; then return 1; fi # the oracle: it is dirty
	succeeds img-resize --shrink xfs 350M
	xfs_repair -n xfs
}

# table_of FILE: its partitions, as sfdisk sees them.
table_of() {
	sfdisk -J "$1" | jq -c '.partitiontable.partitions | map({start, size, type, uuid, name})'
}

# valid FILE: sgdisk and sfdisk find nothing wrong with its GPT.
valid() {
	sgdisk -v "$1" | grep -q 'No problems found' && sfdisk -q --verify "$1"
}

@test "resize: the backup of a GPT moves with the end" {
	local where before

	truncate -s 64M disk
	printf 'size=8M\nsize=20M, name=root\n' | sfdisk -q -X gpt disk
	before=$(table_of disk)
	for where in '' "a:$DIR/"; do
		succeeds img-resize "${where}disk" 100M
		valid disk
		[ "$(table_of disk)" = "$before" ]
		succeeds img-resize --shrink "${where}disk" 33M
		valid disk
		[ "$(table_of disk)" = "$before" ]
		succeeds img-resize "${where}disk" 64M
		valid disk
	done
	refuses 4 disk img-resize --shrink disk 20M
	says 'partition 2'
	# Exactly as much as partition and backup need.
	succeeds img-resize --json -n --shrink disk 40M
	smallest=$(jq .smallest "$OUT")
	refuses 4 disk img-resize --shrink disk $((smallest - 1))
	succeeds img-resize --shrink disk "$smallest"
	valid disk
	[ "$(table_of disk)" = "$before" ]
	# An image that something else has resized is put right, also if it has its size already.
	truncate -s 70M disk
	try img-resize disk 70M
	[ "$status" = 0 ]
	valid disk
}

@test "resize: a DOS table stays as it is; odd tables stay as they are, and are not cut" {
	truncate -s 64M dos hybrid
	printf 'size=8M\nsize=20M\n' | sfdisk -q -X dos dos
	head -c 1M dos >before
	succeeds img-resize dos 80M
	cmp before <(head -c 1M dos)
	refuses 4 dos img-resize --shrink dos 25M
	succeeds img-resize --shrink dos 30M
	cmp before <(head -c 1M dos)
	printf 'size=8M\nsize=20M\n' | sfdisk -q -X gpt hybrid
	sgdisk -h 1 hybrid >/dev/null
	cp hybrid damaged
	dd if=/dev/zero of=damaged bs=1 seek=530 count=8 conv=notrunc status=none
	for name in hybrid damaged; do
		cp $name kept
		try img-resize $name 80M
		[ "$status" = 0 ]
		one_line "img-resize: $DIR/$name: has "
		cmp <(cat kept /dev/zero | head -c 80M) $name
		refuses 4 $name img-resize --shrink $name 64M
	done
}

@test "resize: other tables, and a last partition that may expect what follows it, are not cut" {
	truncate -s 64M sun luks
	sfdisk -q -X sun sun <<<'size=20M'
	printf 'size=8M\nsize=8M\n' | sfdisk -q -X gpt luks
	printf 'LUKS\xba\xbe\0\1' | dd of=luks bs=1M seek=9 conv=notrunc status=none
	refuses 4 sun img-resize --shrink sun 60M
	says 'sun'
	refuses 4 luks img-resize --shrink luks 60M
	says 'crypto_LUKS'
	try img-resize luks 80M
	[ "$status" = 0 ]
	one_line "img-resize: $DIR/luks: has crypto_LUKS in partition 2, the last, which is left as it is"
	valid luks
	cp sun kept
	try img-resize sun 80M
	[ "$status" = 0 ]
	one_line "img-resize: $DIR/sun: has a partition table of type sun, which is left as it is"
	cmp <(cat kept /dev/zero | head -c 80M) sun
}

@test "resize: an image in use is grown, and what it holds is not touched" {
	truncate -s 64M disk
	echo 'size=8M' | sfdisk -q -X gpt disk
	cp disk kept
	qemu-io -f raw -c 'sleep 100000' disk >/dev/null 2>&1 3>&- &
	QEMU=$!
	wait_until 10 locked disk
	refuses 5 disk img-resize --shrink disk 32M
	cmp kept disk
	try img-resize disk 80M
	[ "$status" = 0 ]
	one_line "img-resize: $DIR/disk: is in use"
	says "virsh blockresize DOMAIN $DIR/disk 83886080B"
	cmp <(cat kept /dev/zero | head -c 80M) disk
	try img-resize "a:$DIR/disk" +1M
	[ "$status" = 0 ]
	kill "$QEMU"
	wait "$QEMU" || true
	QEMU=
	try img-resize disk 81M
	[ "$status" = 0 ]
	valid disk
}

locked() {
	img-info --json "$1" | jq -e .in_use >/dev/null
}

@test "resize: without space it stays as it is" {
	small_fs small 16M
	cp full small/x.img
	refuses 9 small/x.img img-resize small/x.img 1G
	cmp full small/x.img
	[ "$(allocated small/x.img)" -le 4200000 ]
	refuses 9 small/x.img img-resize small/x.img 8000000T
	cmp full small/x.img
}
