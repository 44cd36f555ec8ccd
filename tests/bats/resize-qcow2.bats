#!/usr/bin/env bats
# img-resize on qcow2 images: the guest's disk, the file below, crafted images.

load common

setup_file() {
	img_setup_file a
	traced_build
}
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	QEMU=
	head -c 4M /dev/urandom >full
	qemu-img convert -f raw -O qcow2 full x.qcow2
}
teardown() {
	[ -z "$QEMU" ] || kill "$QEMU" || true
	img_teardown
}

# resized LOCATION OPTION...: img-resize succeeds, and says only that it is a qcow2 image.
resized() {
	try img-resize "$@"
	if [ "$status" != 0 ] || ! one_line 'img-resize: ' || ! grep -q 'holds a qcow2 image' "$ERR"; then
		told
		return 1
	fi
}

# disk FILE SIZE [CONTENT]: the guest sees CONTENT (or full), and then zeros up to SIZE; FILE is
# intact.
disk() {
	qemu-img check -q "$1" && [ "$(capacity "$1")" = "$2" ] &&
		qemu-img convert -f qcow2 -O raw "$1" seen &&
		cmp <(cat "${3:-full}" /dev/zero | head -c "$2") seen
}

capacity() {
	qemu-img info -U --output=json "$1" | jq '."virtual-size"'
}

# stays STATUS WORDS ARGUMENT...: x.qcow2 is refused, and not changed, here and on a host, also
# in a dry run.
stays() {
	local want=$1 words=$2 where before
	shift 2

	before=$(state_of x.qcow2)
	for where in '' "a:$DIR/"; do
		refuses "$want" "${where}x.qcow2" img-resize "${where}x.qcow2" "$@"
		says "$words"
		refuses "$want" "${where}x.qcow2" img-resize -n "${where}x.qcow2" "$@"
		[ "$(state_of x.qcow2)" = "$before" ]
	done
}

@test "qcow2: the guest's disk is grown, here and on a host" {
	local where

	for where in '' "a:$DIR/"; do
		qemu-img convert -f raw -O qcow2 full x.qcow2
		resized "${where}x.qcow2" 6M
		disk x.qcow2 6291456
		resized "${where}x.qcow2" +512
		disk x.qcow2 6291968
		resized --json "${where}x.qcow2" 100G
		json '. == {location: $l, path: $p, previous: 6291968, format: "qcow2",
			capacity: 107374182400, physical: $s, smallest: null, is_estimate: false,
			filesystem: null, steps: ["grow the guest'\''s disk by qemu-img"]}' \
			--arg l "${where}x.qcow2" --arg p "$DIR/x.qcow2" \
			--argjson s "$(stat -c %s x.qcow2)"
		qemu-img check -q x.qcow2
		try img-resize "${where}x.qcow2" 100G
		[ "$status" = 0 ]
		says "has 100 GiB"
	done
}

@test "qcow2: versions, clusters, snapshots, bitmaps" {
	local options

	for options in compat=0.10 compat=1.1 cluster_size=512 cluster_size=2M lazy_refcounts=on \
		refcount_bits=1 extended_l2=on,cluster_size=128k preallocation=metadata; do
		qemu-img convert -f raw -O qcow2 -o $options full x.qcow2
		resized x.qcow2 1G
		disk x.qcow2 1073741824
	done
	qemu-img convert -f raw -O qcow2 full x.qcow2
	qemu-img snapshot -c before x.qcow2
	qemu-img bitmap --add x.qcow2 changed
	resized x.qcow2 1T
	qemu-img check -q x.qcow2
	[ "$(qemu-img info --output=json x.qcow2 |
		jq '."format-specific".data.bitmaps | length')" = 1 ]
	qemu-img bitmap --remove x.qcow2 changed
	qemu-img snapshot -a before x.qcow2
	disk x.qcow2 4194304
}

@test "qcow2: a dry run changes nothing, and names each step" {
	local where before

	before=$(state_of x.qcow2)
	for where in '' "a:$DIR/"; do
		resized -n "${where}x.qcow2" 8M
		printf '%s\n' "would resize ${where:-$DIR/}x.qcow2 from 4 MiB to 8 MiB (8388608 bytes)" \
			"  grow the guest's disk by qemu-img" | cmp - "$OUT"
		[ "$(state_of x.qcow2)" = "$before" ]
	done
}

@test "qcow2: sizes that cannot be" {
	stays 2 'nothing would be left' -4M
	stays 2 'no image can be so large' +9223372036854775807
	stays 4 '--shrink' 3M
	stays 4 'cannot be made smaller' --shrink 3M
	stays 4 'multiple of 512' +1
	stays 2 'no filesystem can be resized' --fs 8M
	stays 4 'at most (2251799813685248 bytes)' 3P
	qemu-img create -q -f qcow2 -o cluster_size=512 x.qcow2 1M
	stays 4 '128 GiB at most' 129G
}

@test "qcow2: what QEMU cannot resize is refused before" {
	qemu-img create -q -f qcow2 -o compat=0.10 x.qcow2 1M
	qemu-img snapshot -c one x.qcow2
	stays 4 'internal snapshots' 2M
	qemu-img create -q -f qcow2 x.qcow2 1M
	cp x.qcow2 good
	put_be32 x.qcow2 76 2
	stays 8 'marked as corrupt' 2M
	cp good x.qcow2
	put_be32 x.qcow2 76 1
	stays 4 'not closed' 2M
	cp good x.qcow2
	put_be32 x.qcow2 76 $((1 << 9))
	stays 4 'feature that is not supported' 2M
	cp good x.qcow2
	put_be32 x.qcow2 36 $((1 << 30))
	stays 8 'L1 table' 2M
	cp good x.qcow2
	put_be32 x.qcow2 52 $((7 << 16))
	stays 8 'reference counts' 2M
	cp good x.qcow2
	# A table of snapshots, of which only QEMU looks at the entries.
	qemu-io -c 'write -P 255 0 1M' x.qcow2
	put_be32 x.qcow2 60 3
	put_be32 x.qcow2 68 $((5 * 65536))
	stays 8 'the qcow2 image is corrupt' 2M
	cp good x.qcow2
	qemu-img bitmap --add x.qcow2 changed
	local at=$(($(grep -aboF $'\x23\x85\x28\x75' x.qcow2 | head -n 1 | cut -d: -f1) + 24))
	put_be32 x.qcow2 $(($(be64 x.qcow2 "$at") + 12)) 3 # in use
	stays 4 'has a bitmap that was not closed' 2M
	cp good x.qcow2
	put_be32 x.qcow2 32 2 # LUKS
	stays 4 'encrypted' 2M
}

@test "qcow2: a cluster that is in use, and is not counted, is neither overwritten nor cut off" {
	local program hidden=

	# Clusters 5 and 6 are the guest's data.
	qemu-img create -q -f qcow2 x.qcow2 4M
	qemu-io -f qcow2 -c 'write -P 1 0 64k' -c 'write -P 2 64k 64k' x.qcow2
	cp x.qcow2 good
	put_count x.qcow2 5 0
	stays 8 'the qcow2 image is corrupt' 2G
	cp good x.qcow2
	put_count x.qcow2 6 0
	stays 8 'the qcow2 image is corrupt' --physical --shrink 384K
	truncate -s 32M x.qcow2
	stays 8 'the qcow2 image is corrupt' --physical --shrink 1M
	# What is counted, and not used, is only lost.
	cp good x.qcow2
	put_count x.qcow2 9 1
	resized x.qcow2 2G
	truncate -s 32M x.qcow2
	succeeds img-resize --physical --shrink x.qcow2 1M
	qemu-io -f qcow2 -c 'read -P 1 0 64k' -c 'read -P 2 64k 64k' x.qcow2 >told
	lacks told 'verification failed'
	# The file is cut without qemu-img, too.
	for program in {/usr/local,/usr,}/{bin,sbin}/qemu-img; do
		[ ! -x "$program" ] || hidden+="mount --bind /dev/null $program;"
	done
	succeeds as_root unshare -m bash -c "$hidden"'exec "$@"' - \
		env "PATH=$PATH" img-resize --physical --shrink x.qcow2 960K
	put_count x.qcow2 6 0
	refuses 8 x.qcow2 as_root unshare -m bash -c "$hidden"'exec "$@"' - \
		env "PATH=$PATH" img-resize --physical --shrink x.qcow2 896K
	says 'disagrees with its reference count'
	[ "$(stat -c %s x.qcow2)" = $((960 << 10)) ]
}

@test "qcow2: --physical of an encrypted image keeps what its tables name" {
	encrypted x.qcow2 1M
	qemu-io --object secret,id=s,data=x -c 'write -P 1 0 64k' --image-opts \
		driver=qcow2,encrypt.key-secret=s,file.filename=x.qcow2
	end=$(stat -c %s x.qcow2)
	truncate -s 32M x.qcow2
	put_count x.qcow2 $((end / 65536 - 1)) 0
	stays 4 "($end bytes)" --physical --shrink $((end - 1))
	succeeds img-resize --physical --shrink x.qcow2 "$end"
	[ "$(stat -c %s x.qcow2)" = "$end" ]
}

@test "qcow2: no other file is touched, whatever the image names" {
	head -c 1M /dev/urandom >victim
	cp victim kept
	qemu-img create -q -f qcow2 -o data_file=victim,data_file_raw=on x.qcow2 1M
	cp kept victim
	stays 4 'in another file' 2M
	cmp victim kept
	# Even the name of a backing file is not opened.
	qemu-img create -q -u -f qcow2 -F raw -b "nbd:unix:$DIR/socket" x.qcow2 1M
	resized x.qcow2 2M
	disk_alone 2097152
	qemu-img create -q -u -f qcow2 -b "json:{\"driver\":\"raw\",\"file\":{\"driver\":\"file\",\"filename\":\"$DIR/victim\"}}" \
		-F raw x.qcow2 1M
	resized x.qcow2 2M
	cmp victim kept
	[ "$(qemu-img info --output=json x.qcow2 | jq -r '."backing-filename"' | head -c 5)" = json: ]
}

# The second half of x.qcow2, without its backing file, is not there or zeros.
disk_alone() {
	qemu-io -f qcow2 -c "read -P 0 $(($1 / 2)) $(($1 / 2))" \
		"json:{\"driver\":\"qcow2\",\"backing\":null,\"file\":{\"driver\":\"file\",\"filename\":\"x.qcow2\"}}" \
		2>&1 | grep -q '^read' && [ "$(capacity x.qcow2)" = "$1" ]
}

@test "qcow2: an overlay that is grown over a longer base reads zeros there" {
	local format where

	head -c 3M full >short
	qemu-img convert -f raw -O qcow2 full base.qcow2
	for where in '' "a:$DIR/"; do
		for format in raw qcow2; do
			base=full
			[ $format = raw ] || base=base.qcow2
			qemu-img create -q -f qcow2 -F $format -b $base x.qcow2 3M
			resized --json "${where}x.qcow2" 8M
			json '.steps == ["grow the guest'\''s disk by qemu-img, with zeros"]'
			disk x.qcow2 8388608 short
			[ "$(qemu-img info --output=json x.qcow2 | jq -r '."backing-filename"')" = $base ]
		done
	done
	# A base that is not longer needs no zeros, and may be as long as it is.
	qemu-img create -q -f qcow2 -F qcow2 -b base.qcow2 x.qcow2
	resized --json x.qcow2 1T
	json '.steps == ["grow the guest'\''s disk by qemu-img"]'
	[ "$(allocated x.qcow2)" -lt 1000000 ]
	qemu-img create -q -f qcow2 -F qcow2 -b base.qcow2 x.qcow2
	resized x.qcow2 9M
	disk x.qcow2 9437184
}

@test "qcow2: a base of no recorded format is what it looks like" {
	local format zeros

	head -c 3M full >short
	cp short raw
	qemu-img convert -f raw -O qcow2 full qcow2
	qemu-img convert -f raw -O vmdk full vmdk
	for format in raw qcow2 vmdk; do
		qemu-img create -q -f qcow2 -F $format -b $format x.qcow2 3M
		put_be32 x.qcow2 112 $((0x12345678)) # the type of the extension that says the format
		[ "$(img-info --json x.qcow2 | jq .backing.format)" = null ]
		resized --json x.qcow2 8M
		zeros=$([ $format = raw ] || echo ', with zeros')
		json '.steps == ["grow the guest'\''s disk by qemu-img" + $z]' --arg z "$zeros"
		disk x.qcow2 8388608 short
	done
}

@test "qcow2: a base that may not be looked at counts as longer" {
	mkdir d
	head -c 3M full >short
	(cd d && qemu-img create -q -f qcow2 -F raw -b ../full x.qcow2 3M)
	printf '[storage]\n\tdirectory = %s\n' "$DIR/d" >config
	ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=file -o trace "$(command -v img-resize)" \
		--config config d/x.qcow2 8M
	[ "$(grep -c '/full"\|\.\./full' trace)" = 0 ]
	grep -q 'd/x\.qcow2' trace
	disk d/x.qcow2 8388608 short
	qemu-img create -q -u -f qcow2 -F raw -b missing x.qcow2 3M
	resized x.qcow2 8M
	cp full missing
	disk x.qcow2 8388608 short
}

@test "qcow2: what cannot be hidden is refused" {
	qemu-img create -q -f qcow2 -o compat=0.10 -F raw -b full x.qcow2 3M
	stays 4 'version 2' 8M
	qemu-img create -q -f qcow2 -F raw -b full x.qcow2 3100k
	stays 4 'ends within a cluster' 8M
	# That cluster is in the image: then its end can be overwritten.
	head -c 3100k full >short
	qemu-io -c 'read 3071k 1k' -c 'write -P 5 3096k 4k' x.qcow2
	head -c 4096 /dev/zero | tr '\0' '\5' | put short $((3096 * 1024))
	resized x.qcow2 8M
	disk x.qcow2 8388608 short
}

@test "qcow2: old data in the last cluster, of which the backing file has the beginning" {
	head -c 5018112 /dev/urandom >base
	qemu-img create -q -f qcow2 -o extended_l2=on -F raw -b base x.qcow2 5222400
	qemu-io -f qcow2 -c 'write -P 7 5021696 4096' x.qcow2 >/dev/null
	qemu-img resize -q --shrink x.qcow2 5018112
	stays 4 'and there is old data behind its end' 8M
	qemu-img compare -q -f raw -F qcow2 base x.qcow2
	# The backing file ends before that cluster.
	truncate -s 4980736 base
	cp base was
	resized x.qcow2 8M
	disk x.qcow2 8388608 was
}

@test "qcow2: old data behind the end of the disk does not come back" {
	local options

	head -c 3100k full >short
	for options in compat=1.1 cluster_size=2M extended_l2=on,cluster_size=128k; do
		qemu-img convert -f raw -O qcow2 -o $options full x.qcow2
		qemu-img resize -q -f qcow2 --shrink x.qcow2 3100k
		resized x.qcow2 8M
		disk x.qcow2 8388608 short
	done
	qemu-img convert -f raw -O qcow2 -o compat=0.10 full x.qcow2
	qemu-img resize -q -f qcow2 --shrink x.qcow2 3100k
	stays 4 'old data' 8M
}

@test "qcow2: an image in use is resized by QEMU, and the message says how" {
	qemu-io -f qcow2 -c 'sleep 100000' x.qcow2 >/dev/null 2>&1 3>&- &
	QEMU=$!
	wait_until 10 locked x.qcow2
	stays 5 "virsh blockresize DOMAIN $DIR/x.qcow2 8388608B" 8M
	stays 5 'in use' --physical --shrink -1
	succeeds img-resize --physical x.qcow2 32M
	[ "$(stat -c %s x.qcow2)" = 33554432 ]
	kill "$QEMU"
	wait "$QEMU" || true
	QEMU=
	disk x.qcow2 4194304
}

locked() {
	img-info --json "$1" | jq -e .in_use >/dev/null
}

@test "qcow2: --physical resizes the file, never below the watermark" {
	local where end

	for where in '' "a:$DIR/"; do
		qemu-img convert -f raw -O qcow2 full x.qcow2
		end=$(qemu-img check --output=json x.qcow2 | jq '."image-end-offset"')
		succeeds img-resize --json --physical "${where}x.qcow2" 32M
		json '.capacity == 4194304 and .physical == 33554432 and .previous == $p and
			.format == "qcow2" and .steps == ["extend the file"]' --argjson p "$end"
		stays 4 '--shrink' --physical 16M
		stays 4 "watermark is at 4.3 MiB ($end bytes)" --physical --shrink $((end - 1))
		succeeds img-resize --json -n --physical --shrink "${where}x.qcow2" 16M
		json '.smallest == $e and .steps == ["cut the file"]' --argjson e "$end"
		succeeds img-resize --physical --shrink "${where}x.qcow2" "$end"
		[ "$(stat -c %s x.qcow2)" = "$end" ]
		disk x.qcow2 4194304
	done
	truncate -s 32M x.qcow2
	put_be32 x.qcow2 76 1
	stays 4 'not closed' --physical --shrink 31M
	put_be32 x.qcow2 76 2
	stays 8 'corrupt' --physical --shrink 31M
	# Of a raw image it has no effect.
	succeeds img-resize --physical full 5M
	[ "$(stat -c %s full)" = 5242880 ]
}

@test "qcow2: --format raw overrules" {
	cp x.qcow2 before
	succeeds img-resize --format raw x.qcow2 10M
	cmp <(cat before /dev/zero | head -c 10M) x.qcow2
	succeeds img-resize --format raw --shrink x.qcow2 "$(stat -c %s before)"
	cmp before x.qcow2
}

@test "qcow2: with a qemu-img that shows the base in the new space" {
	printf '#!/bin/sh\necho qemu-img version 5.0.1\n' >old
	chmod 755 old
	qemu-img create -q -f qcow2 -F raw -b full x.qcow2 3M
	refuses 1 x.qcow2 unshare -m bash -c 'mount --bind old "$(command -v qemu-img)"; exec "$@"' - \
		img-resize -n x.qcow2 8M
	says 'older than version 5.1'
}

@test "qcow2: without qemu-img" {
	local before

	before=$(state_of x.qcow2)
	: >empty
	refuses 1 x.qcow2 unshare -m bash -c 'mount --bind empty "$(command -v qemu-img)"; exec "$@"' - \
		img-resize x.qcow2 8M
	says "cannot run 'qemu-img'"
	[ "$(state_of x.qcow2)" = "$before" ]
}

@test "qcow2: without space it stays as it is" {
	small_fs small 16M
	cp x.qcow2 small/x.qcow2
	head -c 20M /dev/zero >small/fill || true
	refuses 9 small/x.qcow2 img-resize small/x.qcow2 1P
	disk small/x.qcow2 4194304
}

@test "qcow2: killed at any write, the disk has its old size or its new one" {
	local call n base

	qemu-img create -q -f qcow2 -F raw -b full base.qcow2 3M
	head -c 3M full >short
	for call in pwrite64 fdatasync; do
		for ((n = 1; n < 100; n += $(sample 3))); do
			cp base.qcow2 x.qcow2
			printf '%s\n' -e "inject=$call:signal=KILL:when=$n" >"$INJECT"
			try "$TRACED/bin/img-resize" x.qcow2 8G
			: >"$INJECT"
			[ "$status" != 0 ] || break
			try qemu-img check -q x.qcow2
			[ "$status" = 0 ] || [ "$status" = 3 ]
			case $(capacity x.qcow2) in
			3145728) qemu-img compare -f raw -F qcow2 short x.qcow2 ;;
			8589934592) qemu-img compare -f raw -F qcow2 short x.qcow2 ;;
			*) return 1 ;;
			esac
			# The same command completes it.
			try img-resize x.qcow2 8G
			[ "$status" = 0 ]
			[ "$(capacity x.qcow2)" = 8589934592 ]
			qemu-img compare -f raw -F qcow2 short x.qcow2
		done
		[ "$n" -gt 1 ]
	done
}
