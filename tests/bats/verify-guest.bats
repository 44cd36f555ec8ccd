#!/usr/bin/env bats
#
# img-verify of two images of which one or both are qcow2: what the guest sees is compared, judged
# by qemu-img compare.

load common

setup_file() { img_setup_file a b; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# disk: what the guest sees, as raw: data, written zeros and holes; its end is data.
disk() {
	truncate -s 6M disk
	head -c 300000 /dev/urandom | put disk 5000
	head -c $((2 * BLOCK)) /dev/zero | put disk $((6 * BLOCK))
	seq 1 90000 | put disk 3000000
	head -c 1000 /dev/urandom | put disk $((6 * 1048576 - 1000))
}

# chain: base, mid and top, each of which has a part of the disk that the others do not have.
chain() {
	truncate -s 5M base
	dd if=disk of=base bs=1M count=5 conv=notrunc status=none
	head -c 1M /dev/urandom | put base 1048576
	qemu-img create -q -f qcow2 -o cluster_size=4k -b base -F raw mid 6M
	qemu-img create -q -f qcow2 -b mid -F qcow2 top 6M
	copy_part mid 1048576 720896
	copy_part mid 5242880 65536
	copy_part top 1703936 393216
	copy_part top 5308416 983040
}

# copy_part IMAGE OFFSET LENGTH: writes that part of the disk into a layer.
copy_part() {
	dd if=disk of=part bs=4096 skip="$2" count="$3" iflag=skip_bytes,count_bytes status=none
	qemu-io -f qcow2 -c "write -q -s part $2 $3" "$1"
}

# format_of IMAGE: as qemu-img compare takes it.
format_of() {
	if [ "$(head -c 3 "$1")" = QFI ]; then echo qcow2; else echo raw; fi
}

# agrees A B: img-verify finds what qemu-img compare does, both ways and on other hosts.
agrees() {
	local want=0

	qemu-img compare -q -f "$(format_of "$1")" -F "$(format_of "$2")" "$1" "$2" || want=8
	for words in "$1 $2" "$2 $1" "a:$DIR/$1 $2" "$1 b:$DIR/$2" "b:$DIR/$1 a:$DIR/$2"; do
		# shellcheck disable=SC2086 # two words
		try img-verify $words
		if [ "$status" != "$want" ]; then
			echo "qemu-img compare says $want: $words" >&2
			told
			return 1
		fi
	done
	echo "$want" >verdict
}

equal() {
	agrees "$@"
	[ "$(cat verdict)" = 0 ]
}

differ() {
	agrees "$@"
	[ "$(cat verdict)" = 8 ]
}

@test "verify: one guest's disk in many layouts" {
	local options first second

	disk
	chain
	qemu-img convert -f raw -O qcow2 disk plain
	qemu-img convert -f raw -O qcow2 -c disk zlib
	qemu-img convert -f raw -O qcow2 -c -o compression_type=zstd disk zstd
	qemu-img convert -f raw -O qcow2 -o data_file=data disk outside
	qemu-img create -q -f qcow2 -o extended_l2=on -b disk -F raw sub
	qemu-io -c 'write -q -z 512K 4K' sub
	copy_part sub 524288 6000
	img-copy -q -a disk disk.lzo
	for options in compat=0.10 cluster_size=512 cluster_size=2M preallocation=full; do
		qemu-img convert -f raw -O qcow2 -o $options disk "x-$options"
		equal "x-$options" top
	done
	for first in disk top; do
		for second in plain zlib zstd outside sub top; do
			equal $first $second
		done
	done
	for second in plain zstd outside top; do
		succeeds img-verify disk.lzo $second
		succeeds img-verify "a:$DIR/$second" "b:$DIR/disk.lzo"
	done
	succeeds img-verify --json plain disk
	json '.equal and .capacity == 6291456 and .capacity2 == 6291456'
}

@test "verify: one byte differs, in each layer" {
	local layer at

	disk
	chain
	equal disk top
	for layer in base:10000 mid:1100000 mid:5242900 top:1800000 top:6291455; do
		at=${layer#*:}
		cp disk other
		printf 'x' | put other "$at"
		cmp -s disk other && printf y | put other "$at"
		differ other top
		says 'contents differ'
		cp --sparse=always base base.kept
		cp mid mid.kept
		cp top top.kept
		qemu-io -f "$(format_of "${layer%:*}")" \
			-c "write -q -P $((RANDOM % 9 + 201)) $at 1" "${layer%:*}"
		differ disk top
		mv base.kept base
		mv mid.kept mid
		mv top.kept top
	done
	# A subcluster, and a byte of the external data file.
	qemu-img create -q -f qcow2 -o extended_l2=on -b disk -F raw sub
	qemu-io -c 'write -q -P 77 300K 1' sub
	differ disk sub
	qemu-img convert -f raw -O qcow2 -o data_file=data disk outside
	equal disk outside
	printf '\1\2' | put data 5500
	differ disk outside
}

@test "verify: a longer guest's disk" {
	disk
	qemu-img convert -f raw -O qcow2 disk x
	qemu-img convert -f raw -O qcow2 -c disk y
	qemu-img resize -q y 9M
	equal disk y
	try img-verify x y
	one_line 'img-verify: y is longer than x, but only by zeros'
	equal x y
	qemu-io -c 'write -q -z 7M 1M' y
	equal x y
	qemu-io -c 'write -q -P 1 8M 1' y
	differ x y
	differ disk y
}

@test "verify: an archive of a qcow2 image" {
	disk
	qemu-img convert -f raw -O qcow2 disk x
	qemu-img convert -f raw -O qcow2 -c disk y
	cp x copy
	img-copy -q -a x x.lzo
	img-copy -q -a disk disk.lzo
	cp x.lzo z.lzo
	for words in 'x.lzo copy' "copy a:$DIR/x.lzo" "a:$DIR/x.lzo b:$DIR/z.lzo" "x z.lzo"; do
		# shellcheck disable=SC2086 # two words
		try img-verify $words
		[ "$status" = 0 ]
		one_line 'img-verify: '
		says 'compared as files, not as what a guest sees'
	done
	# The bytes are other ones.
	try img-verify x.lzo y
	[ "$status" = 8 ]
	says 'contents differ'
	# The layers in an archive cannot be read.
	refuses 4 x.lzo img-verify x.lzo disk
	says img-unarchive
	refuses 4 "a:$DIR/x.lzo" img-verify disk.lzo "a:$DIR/x.lzo"
	refuses 8 '' img-verify --as-is x.lzo disk
	succeeds img-verify --as-is x.lzo z.lzo
}

@test "verify --as-is: the bytes of qcow2 images" {
	disk
	qemu-img convert -f raw -O qcow2 disk x
	qemu-img convert -f raw -O qcow2 -c disk y
	cp x copy
	equal x y
	succeeds img-verify --as-is x copy
	refuses 8 '' img-verify --as-is x y
	refuses 8 '' img-verify --as-is x disk
}

@test "verify: qcow2 images whose content cannot be read" {
	disk
	chain
	cp top copy
	mv mid gone
	refuses 8 top img-verify top disk
	says "backing file 'mid'"
	refuses 8 "a:$DIR/copy" img-verify disk "a:$DIR/copy"
	succeeds img-verify --as-is top copy
	mv gone mid
	qemu-img create -q -f qcow2 -u -b nbd://localhost/x -F raw net 6M
	refuses 4 net img-verify net disk
	cp copy secret
	put_be32 secret 32 1 # encrypted by AES
	refuses 4 secret img-verify secret disk
	says encrypted
	# A feature that is not known.
	qemu-img create -q -f qcow2 x 6M
	printf '\200' | put x 72
	refuses 4 x img-verify disk x
	says 'not supported'
	# A header that cannot be parsed.
	qemu-img create -q -f qcow2 x 6M
	put_be32 x 20 40
	refuses 8 x img-verify x disk
	says 'qcow2 header'
	refuses 8 "a:$DIR/x" img-verify top "a:$DIR/x"
	# Another format.
	qemu-img convert -f raw -O vmdk disk vmdk
	refuses 4 vmdk img-verify top vmdk
	refuses 4 "a:$DIR/vmdk" img-verify "a:$DIR/vmdk" top
	cp vmdk vmdk2
	succeeds img-verify vmdk vmdk2
}

@test "verify: a layer in use" {
	local writer

	disk
	chain
	qemu-io -c 'sleep 100000' mid >/dev/null 2>&1 3>&- &
	writer=$!
	wait_until 20 in_use mid
	refuses 5 top img-verify top disk
	refuses 5 mid img-verify mid disk
	try img-verify --live top disk
	[ "$status" = 0 ]
	kill -KILL $writer
}

in_use() {
	img-info --json "$1" | jq -e .in_use >/dev/null
}

@test "verify: what two hosts see of qcow2 is not sent between them" {
	disk
	chain
	printf '#!/bin/sh\nssh -F "%s" "$@" | tee got | cat\n' "$SSH_CONFIG" >rsh
	chmod 755 rsh
	succeeds env img-verify --rsh ./rsh "a:$DIR/top" disk
	[ -s got ]
	[ "$(stat -c %s got)" -lt 20000 ]
}

@test "verify: a block device that holds qcow2" {
	local device

	disk
	qemu-img convert -f raw -O qcow2 disk x
	truncate -s 10M x
	device=$(as_root losetup --show -r -f x)
	try as_root env "PATH=$PATH" img-verify "$device" disk
	as_root losetup -d "$device"
	[ "$status" = 0 ]
}
