#!/usr/bin/env bats
#
# img-copy --flatten: what the guest sees through all layers, judged by qemu-img convert.

load common
load disks

setup_file() { img_setup_file a b; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { disks_teardown; }

# layers [OPTION...]: a raw base, and two layers above it, the upper one with these options.
# Each has data, zeros and holes where another one has something else; base is the shortest.
layers() {
	rm -f base mid top
	truncate -s 5M base
	head -c 1M /dev/urandom | dd of=base conv=notrunc status=none
	printf x | dd of=base bs=1 seek=5242879 conv=notrunc status=none
	qemu-img create -q -f qcow2 -o cluster_size=4k -b base -F raw mid 6M
	qemu-io -c 'write -P 5 512K 70K' -c 'write -z 100K 100K' -c 'write -P 7 5M 64K' mid >/dev/null
	qemu-img create -q -f qcow2 "$@" -b mid -F qcow2 top 8M
	qemu-io -c 'write -P 3 6M 1M' -c 'write -z 0 64K' -c 'write -P 4 900K 333' top >/dev/null
	qemu-img convert -O raw top expected
}

# flattened IMAGE: that is what the guest sees.
flattened() {
	[ "$(stat -c %s "$1")" = 8388608 ]
	cmp expected "$1"
}

@test "flatten: to a file, here, to a host, from one, and between two" {
	local from to

	layers
	for from in '' "a:$DIR/"; do
		for to in '' "b:$DIR/"; do
			succeeds img-copy --flatten "${from}top" "${to}x"
			flattened x
			succeeds img-verify x expected
			rm x
		done
	done
	json_flatten
}

json_flatten() {
	succeeds img-copy --json --sparse --flatten top x
	flattened x
	json '.capacity == 8388608 and .data_bytes < 3000000'
	[ "$(du -k x | cut -f1)" -lt 3000 ]
}

@test "flatten: all kinds of layers" {
	local options

	for options in cluster_size=512 cluster_size=2M compat=0.10 extended_l2=on \
		compression_type=zstd refcount_bits=1 preallocation=metadata; do
		[ $options = preallocation=metadata ] || layers -o $options
		succeeds img-copy --flatten top x
		flattened x
		rm x
	done
	# Compressed clusters, by both methods.
	for options in zlib zstd; do
		qemu-img convert -c -O qcow2 -o compression_type=$options expected top
		succeeds img-copy --flatten top x
		flattened x
		rm x
	done
	# The data in another file.
	qemu-img convert -O qcow2 -o data_file=data expected top
	succeeds img-copy --flatten "a:$DIR/top" x
	flattened x
}

@test "flatten: into an archive, a pipe and an existing file" {
	layers
	succeeds img-copy -a --flatten top x.lzo
	lzop -dc x.lzo | cmp - expected
	img-copy --flatten top - | cmp - expected
	truncate -s 9M y
	succeeds img-copy --overwrite --flatten top y
	flattened y
	# Raw content has one layer.
	succeeds img-copy --flatten base z
	cmp base z
}

@test "flatten: an image whose header cannot be parsed is refused" {
	local from

	layers
	head -c 50 top >short
	{
		printf 'QFI\xfb\0\0\0\x09'
		tail -c +9 top
	} >unknown
	for from in short unknown "a:$DIR/short" "a:$DIR/unknown"; do
		refuses 8 "$from" img-copy --flatten "$from" x
		[ ! -e x ]
	done
}

# written IMAGE WORD...: img-copy --flatten WORD... writes it, and does not share the layer's blocks.
written() {
	succeeds img-copy --flatten "${@:2}" "$1"
	flattened "$1"
	qemu-img compare -q -f qcow2 -F raw top "$1"
}

# where_blocks_are_shared SIZE TYPE OPTION...
where_blocks_are_shared() {
	disks_setup
	disk "$@"
	cd "$M" || return
	layers
	[ "$(stat -c %s top)" -lt 8388608 ]
	written x top
	[ "$(allocated x)" -ge 8388608 ]
	written sparse --sparse top
	[ "$(allocated sparse)" -lt 6000000 ]
	written snapshot -s top
	succeeds img-copy --overwrite "$IMAGE" x
	written x --overwrite top
	written x -s --overwrite --sparse top
	# The layer has as many bytes as the guest's disk.
	truncate -s 8388608 top
	written same top
	[ "$(allocated same)" -ge 8388608 ]
	# One layer.
	qemu-img convert -O qcow2 expected top
	written one top
	# What is copied as it is shares the blocks.
	try img-copy -v top as-it-is
	says 'sharing the blocks of its source'
	cmp top as-it-is
}

@test "flatten: on XFS, which shares blocks" {
	where_blocks_are_shared 320M xfs -m reflink=1
}

@test "flatten: on btrfs, which shares blocks" {
	where_blocks_are_shared 256M btrfs
}

@test "flatten: a layer below a snapshot that is written to meanwhile" {
	local pid

	disks_setup
	disk 320M xfs -m reflink=1
	cd "$M"
	layers
	img-copy -s --flatten --bwlimit 2M top x 2>"$ERR" 3>&- &
	pid=$!
	wait_until 20 test -e .x.img-tools
	printf y | dd of=base bs=1 seek=4000000 conv=notrunc status=none
	status=0
	wait $pid || status=$?
	[ "$status" = 8 ]
	one_line 'img-copy: top: '
	says 'changed while it was read'
	[ ! -e x ]
}

@test "flatten: a layer whose format is not recorded" {
	local at

	qemu-img create -q -f qcow2 base 1M
	qemu-img create -q -f qcow2 -b base -F qcow2 top
	# The extension that records the format gets an unknown type.
	at=$(grep -aboF $'\xe2\x79\x2a\xca' top | head -n 1 | cut -d: -f1)
	printf '\001\002\003\004' | dd of=top bs=1 seek="$at" conv=notrunc status=none
	try img-copy --flatten top x
	[ "$status" = 0 ]
	one_line "img-copy: warning: $DIR/base: its format is not recorded"
	try img-copy --overwrite --flatten "a:$DIR/top" x
	[ "$status" = 0 ]
	one_line "img-copy: warning: a:$DIR/base: its format is not recorded"
	# It is raw, and looks so.
	head -c 1M /dev/urandom >base
	succeeds img-copy --overwrite --flatten top x
	cmp base x
}

# unflattened STATUS [TEXT]: here and from a host; no target is left.
unflattened() {
	refuses "$1" top img-copy --flatten top x
	[ -z "${2:-}" ] || says "$2"
	refuses "$1" "a:$DIR/top" img-copy --flatten "a:$DIR/top" x
	[ ! -e x ]
	no_partial
}

@test "flatten: layers that cannot be read" {
	local at

	layers
	mv mid gone
	unflattened 8 "backing file 'mid': "
	mv gone mid
	mv base gone
	unflattened 8 "backing file 'base': "
	printf 'no layer' >mid
	unflattened 8 'is not a qcow2 image'
	qemu-img create -q -f qcow2 -u -b top -F qcow2 mid 6M
	unflattened 8 'is also a layer above itself'
	qemu-img create -q -f qcow2 -u -b nbd://localhost/x -F raw mid 6M
	unflattened 4 'is not a path'
	qemu-img create -q -f vmdk base 5M
	qemu-img create -q -f qcow2 -b base -F vmdk mid 6M
	unflattened 4 'vmdk'
	encrypted mid 6M
	unflattened 4 'is encrypted'
	# Marked as corrupt.
	layers
	printf '\2' | dd of=mid bs=1 seek=79 conv=notrunc status=none
	unflattened 8 'corrupt'
	# An L1 entry that leads out of the layer.
	layers
	at=$(($(od -An -tu8 --endian=big -j 40 -N 8 top)))
	printf '\200\0\377\377\377\377\0\0' | dd of=top bs=1 seek=$at conv=notrunc status=none
	unflattened 8 'L2 table'
}

@test "flatten: a guest's header in a raw layer is not followed" {
	truncate -s 4M secret
	printf secret | dd of=secret conv=notrunc status=none
	qemu-img create -q -f qcow2 -u -b "$DIR/secret" -F raw guest 4M
	truncate -s 4M guest
	qemu-img create -q -f qcow2 -u -b guest -F raw top 4M
	succeeds img-copy --flatten top x
	cmp guest x
}

@test "flatten: a layer in use" {
	local writer

	layers
	qemu-io -c 'sleep 100000' mid >/dev/null 2>&1 3>&- &
	writer=$!
	wait_until 20 in_use mid
	unflattened 5
	try img-copy --live --flatten top x
	[ "$status" = 0 ]
	one_line 'img-copy: warning: top: is in use; the copy may be inconsistent'
	kill -KILL $writer
}

in_use() {
	img-info --json "$1" | jq -e .in_use >/dev/null
}

@test "flatten: what is no chain, and wrong command lines" {
	layers
	refuses 2 '' img-copy --flatten --as-is top x
	qemu-img create -q -f vmdk disk.vmdk 5M
	refuses 4 disk.vmdk img-copy --flatten disk.vmdk x
	says 'is a vmdk image, and only the layers of qcow2 can be read'
	[ ! -e x ]
	refuses 2 '' img-copy --flatten - x
	img-copy -a top top.lzo
	refuses 4 top.lzo img-copy --flatten top.lzo x
	printf '[storage]\ndirectory = %s/in\n' "$DIR" >config
	mkdir in
	qemu-img create -q -f qcow2 -b ../base -F raw in/top
	refuses 4 in/top img-copy --config config --flatten in/top in/x
}
