#!/usr/bin/env bats
#
# Filesystems are resized by img-resizefs, and by img-resize --fs, judged by their own tools.

load common
load disks

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	head -c 300000 /dev/urandom >file
}
teardown() { disks_teardown; }

# ext4 NAME SIZE [OPTION...]: an image with a filesystem in which /f has the content of file.
ext4() {
	truncate -s "$2" "$1"
	mke2fs -q -t ext4 "${@:3}" "$1"
	debugfs -w -R 'write file f' "$1" >/dev/null 2>&1
}

# intact NAME SIZE FS: the image has SIZE, and its filesystem FS bytes, no errors, and the file.
intact() {
	local blocks

	[ "$(stat -c %s "$1")" = "$2" ]
	e2fsck -fn "$1" >&2
	blocks=$(dumpe2fs -h "$1" 2>/dev/null |
		awk '/^Block count:/ { c = $3 } /^Block size:/ { b = $3 } END { printf "%.0f", c * b }')
	[ "$blocks" = "$3" ]
	debugfs -R 'cat f' "$1" 2>/dev/null | cmp - file
	no_partial
}

@test "resizefs: grow and shrink with the image, here and on a host" {
	local where

	for where in '' "a:$DIR/"; do
		ext4 x.img 40M
		chmod 640 x.img
		succeeds img-resize --fs "${where}x.img" 64M
		intact x.img 67108864 67108864
		succeeds img-resize --shrink --fs "${where}x.img" 24M
		intact x.img 25165824 25165824
		# An equal size still completes the filesystem.
		truncate -s 32M x.img
		succeeds img-resize --fs "${where}x.img" 32M
		intact x.img 33554432 33554432
		[ "$(stat -c %a x.img)" = 640 ]
	done
}

@test "resizefs: the filesystem alone" {
	local where

	for where in '' "a:$DIR/"; do
		ext4 x.img 40M -b 1024
		succeeds img-resizefs --shrink "${where}x.img" 20M
		intact x.img 41943040 20971520
		succeeds img-resizefs --json "${where}x.img"
		json '.previous == 41943040 and .capacity == 41943040 and
			.filesystem == {type: "ext4", previous: 20971520, size: 41943040}'
		intact x.img 41943040 41943040
	done
}

# behind FILE: puts something behind a filesystem of 20 MiB in it; still_behind FILE: it is still there.
behind() {
	truncate -s 40M "$1"
	yes behind | dd of="$1" conv=notrunc iflag=fullblock bs=1k count=3 oseek=30000 status=none
}

still_behind() {
	yes behind | head -c 3k | cmp -n 3072 -i 0:30720000 - "$1"
}

@test "resizefs: what lies behind the filesystem stays" {
	local option

	[ "$(id -u)" = 0 ] || skip "needs root"
	for option in --in-place -q; do
		ext4 x.img 20M -b 1024
		behind x.img
		succeeds img-resizefs -n --shrink $option x.img 15M
		succeeds img-resizefs --shrink $option x.img 15M
		still_behind x.img
		intact x.img 41943040 15728640
		# Also if it grows: resize2fs cuts the file in any case.
		succeeds img-resizefs $option x.img 25M
		still_behind x.img
		intact x.img 41943040 26214400
	done
	# Without root there is no device that could keep it.
	ext4 x.img 20M -b 1024
	behind x.img
	cp x.img before
	as_root chown 65534:65534 . x.img
	for option in --in-place -n; do
		refuses 4 x.img by 65534 img-resizefs $option --shrink x.img 15M
		says 'something lies behind its ext4 filesystem'
	done
	as_root chown "$(id -u):$(id -g)" . x.img
	same before x.img
	[ ! -e .x.img.img-tools-unfinished ]
}

@test "resizefs: a file that has all its space keeps that, also in place" {
	local how

	for how in 'img-resizefs --shrink' 'img-resizefs --shrink --in-place' 'img-resize --fs --shrink --in-place'; do
		rm -f x.img
		ext4 x.img 40M -E nodiscard
		fallocate -l 40M x.img
		# shellcheck disable=SC2086 # words
		succeeds $how x.img 20M
		[ "$(allocated x.img)" -ge "$(stat -c %s x.img)" ]
	done
}

@test "resizefs: without a loop device, the filesystem in a partition is not begun" {
	local words

	truncate -s 30M x.img
	echo 'start=2048' | sfdisk -q -X gpt x.img
	mke2fs -q -t ext4 -E offset=1048576 x.img 20M
	cp x.img before
	as_root chown 65534:65534 . x.img
	for words in 'img-resize --fs --in-place x.img +10M' 'img-resize --fs x.img +10M' \
		'img-resizefs --in-place x.img' 'img-resizefs x.img' 'img-resize -n --fs x.img +10M'; do
		# shellcheck disable=SC2086 # words
		refuses 4 x.img by 65534 $words
		says '(try --sudo=here)'
		lacks "$ERR" unfinished
		same before x.img
		[ "$(find . -name '.*img-tools*')" = '' ]
	done
	as_root chown "$(id -u):$(id -g)" . x.img
}

@test "resizefs: a file with all its space needs as much again, and no more" {
	disks_setup
	disk 200M ext4
	cd "$M"
	img-create x.img 70M
	mke2fs -q -t ext4 -E nodiscard x.img
	[ "$(allocated x.img)" -ge $((70 << 20)) ]
	[ "$(free_bytes)" -lt $((140 << 20)) ]
	succeeds img-resize -n --fs x.img 80M
	succeeds img-resize --fs x.img 80M
	[ "$(stat -c %s x.img)" = $((80 << 20)) ]
	e2fsck -fn x.img >&2
	[ "$(allocated x.img)" -ge $((80 << 20)) ]
}

@test "resizefs: what is refused changes nothing" {
	ext4 x.img 40M
	cp x.img before
	refuses 4 x.img img-resizefs x.img 20M
	says '--shrink'
	refuses 9 x.img img-resizefs x.img 41M
	refuses 4 x.img img-resizefs --shrink x.img 1M
	says 'it needs about'
	refuses 4 x.img img-resize --shrink --fs x.img 1M
	refuses 4 "a:$DIR/x.img" img-resize --fs "a:$DIR/x.img" 20M
	refuses 2 SIZE img-resizefs x.img 0
	refuses 2 SIZE img-resizefs x.img +1M
	cmp before x.img
	truncate -s 4M plain.img fat.img
	mkfs.vfat fat.img >/dev/null
	refuses 4 plain.img img-resizefs plain.img
	says 'no filesystem that is recognised'
	refuses 4 fat.img img-resize --fs fat.img 8M
	says 'holds vfat, whose size cannot be changed'
	[ "$(stat -c %s fat.img)" = 4194304 ]
	qemu-img create -q -f qcow2 x.qcow2 8M
	refuses 4 x.qcow2 img-resizefs x.qcow2
	says 'holds a qcow2 image, and only the filesystem in a raw image can be resized'
	head -c 50 x.qcow2 >damaged
	refuses 8 damaged img-resizefs damaged
	lacks "$ERR" --format
	refuses 8 damaged img-resize damaged 8M
	says '(see --format)'
	# A filesystem that is larger than its image.
	truncate -s 30M x.img
	refuses 4 x.img img-resizefs x.img
	says '41943040 bytes'
	ln before hard
	refuses 4 before img-resizefs --shrink before 20M
	refuses 4 before img-resizefs --allow-links --shrink before 20M
	says '--in-place'
	succeeds img-resizefs --allow-links --in-place --shrink before 20M
	intact before 41943040 20971520
	cmp before hard
	no_partial
}

@test "resizefs: a dry run shows the steps, and changes nothing" {
	ext4 x.img 40M
	state_of x.img >before
	succeeds img-resize -n --fs x.img 64M
	grep -x '  grow the ext4 filesystem to 64 MiB (67108864 bytes)' "$OUT"
	grep -x '  replace the file by the copy' "$OUT"
	grep -x 'the smallest possible size is about .* MiB ([0-9]* bytes)' "$OUT"
	succeeds img-resizefs --json -n --shrink "a:$DIR/x.img" 20M
	json '.dry_run and .filesystem.size == 20971520 and .is_estimate and .smallest > 300000 and
		(.steps | length) == 5'
	state_of x.img | diff before -
}

@test "resizefs: a damaged filesystem is status 8, and is as it was" {
	local features

	for features in metadata_csum ^metadata_csum; do
		ext4 x.img 40M -O "$features"
		# The inode of the root directory.
		debugfs -w -R 'clri <2>' x.img >/dev/null 2>&1
		cp x.img before
		refuses 8 x.img img-resize --fs x.img 64M
		says 'e2fsck: '
		refuses 8 "a:$DIR/x.img" img-resizefs "a:$DIR/x.img"
		cmp before x.img
		no_partial
	done
}

@test "resizefs: swap keeps its UUID and label" {
	local before

	truncate -s 1M s.img
	mkswap -q -L store s.img 2>/dev/null
	before=$(blkid -p -o export s.img | grep -E '^(UUID|LABEL)=')
	succeeds img-resize --fs s.img 3M
	[ "$(blkid -p -o export s.img | grep -E '^(UUID|LABEL)=')" = "$before" ]
	file s.img | grep 'size 767 pages' >&2
	succeeds img-resizefs --shrink "a:$DIR/s.img" 2M
	file s.img | grep 'size 511 pages' >&2
	refuses 4 s.img img-resize --shrink --fs s.img 8K
}

@test "resizefs: the last partition, in a GPT and in a DOS table" {
	local label

	as_root || skip "a loop device needs root"
	for label in gpt dos; do
		ext4 fs 20M
		truncate -s 64M x.img
		printf 'label: %s\nstart=2048, size=8M\nstart=18432, size=20M\n' $label |
			sfdisk -q x.img
		dd if=fs of=x.img bs=1M seek=9 conv=notrunc status=none
		succeeds img-resize --fs x.img 100M
		sfdisk -q --verify x.img >&2
		[ "$(sfdisk -J x.img | jq '.partitiontable.partitions[0].size')" = 16384 ]
		dd if=x.img of=fs bs=1M skip=9 status=none
		e2fsck -fn fs >&2
		[ "$label" = dos ] || sgdisk -v x.img | grep 'No problems found' >&2
		succeeds img-resize --shrink --fs "a:$DIR/x.img" 25M
		sfdisk -q --verify x.img >&2
		[ "$(stat -c %s x.img)" = 26214400 ]
		dd if=x.img of=fs bs=1M skip=9 status=none
		e2fsck -fn fs >&2
		debugfs -R 'cat f' fs 2>/dev/null | cmp - file
	done
}

# Runs a command on a host whose resize2fs fails when it is to change something.
with_failing_resize2fs() {
	local file

	file=$(realpath "$(PATH=$PATH:/usr/sbin:/sbin command -v resize2fs)")
	cp "$file" real
	cat >failing <<-END
		#!/bin/sh
		[ "\$1" != -P ] || exec '$DIR/real' "\$@"
		echo 'refused by the test' >&2
		exit 1
	END
	chmod 755 failing
	as_root unshare -m --propagation slave sh -c 'mount --bind failing "$0" && exec "$@"' "$file" \
		env "PATH=$PATH" "$@"
}

@test "resizefs: in place what fails leaves a mark only if something may be half changed" {
	ext4 x.img 40M
	cp --sparse=never x.img full.img
	status=0
	(ulimit -f $((50 << 10)) && img-resize --in-place --fs full.img 64M 2>"$ERR") || status=$?
	[ "$status" = 9 ]
	cmp x.img full.img
	succeeds img-info --json full.img
	json '.unfinished | not'
	try with_failing_resize2fs img-resize --in-place --fs x.img 64M
	[ "$status" = 1 ]
	one_line 'img-resize: x.img: resize2fs: refused by the test (it is unfinished now; run the same command again)'
	succeeds img-info --json x.img
	json '.unfinished'
	refuses 8 x.img img-resize --fs x.img 64M
	succeeds img-resize --in-place --fs x.img 64M
	intact x.img 67108864 67108864
}

@test "resizefs: in place the image is marked, and the same command completes what was killed" {
	ext4 x.img 40M
	setfattr -n user.img-tools.unfinished -v 41943040:67108864:67108864 x.img
	truncate -s 67108864 x.img
	refuses 8 x.img img-copy x.img y.img
	refuses 8 x.img img-resize --fs x.img +24M
	says '--in-place'
	refuses 8 x.img img-resize --in-place --fs x.img 50M
	says 'give img-resize --fs the size 67108864'
	# One that writes nothing leaves what the mark says.
	spoiled_archive bad.lzo
	try img-write bad.lzo x.img
	[ "$status" = 8 ]
	succeeds img-resize --in-place --fs x.img +24M
	intact x.img 67108864 67108864
	try getfattr -n user.img-tools.unfinished x.img
	[ "$status" = 1 ]
}
