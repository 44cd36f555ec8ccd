#!/usr/bin/env bats
# img-verify: on this host and on remote hosts.

load common

setup_file() { img_setup_file a b; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

@test "verify: a raw image's digest" {
	local want

	make_sparse x.img
	want=$(digest_of x.img)
	succeeds img-verify x.img
	[ "$(cat "$OUT")" = "$want  x.img" ]
	succeeds img-verify "a:$DIR/x.img"
	[ "$(cat "$OUT")" = "$want  a:$DIR/x.img" ]
	: >empty
	succeeds img-verify empty
	[ "$(cut -d' ' -f1 "$OUT")" = "$(digest_of empty)" ]
	truncate -s 3M zeros
	succeeds img-verify zeros
	[ "$(cut -d' ' -f1 "$OUT")" = "$(digest_of zeros)" ]
}

@test "verify --json: every key, and its type" {
	local where

	make_sparse x.img
	for where in '' "a:$DIR/"; do
		succeeds img-verify --json "${where}x.img"
		json 'keys == (["location", "format", "compression", "capacity", "data_bytes", "digest"] |
			sort)'
		json '.location == $location and .format == "raw" and .compression == null and
			.capacity == $size and .data_bytes == $data and .digest == $digest' \
			--argjson data "$(data_bytes x.img)" \
			--arg location "${where}x.img" --argjson size "$(stat -c %s x.img)" \
			--arg digest "$(digest_of x.img)"
	done
}

@test "verify: a huge image of zeros takes almost no time" {
	truncate -s 1T huge.img
	succeeds timeout 20 img-verify --json huge.img
	json '.capacity == 1099511627776 and .data_bytes == 0'
}

@test "verify: the digest of an archive is that of its image" {
	local where

	make_sparse x.img
	succeeds img-copy --archive x.img x.lzo
	for where in '' "a:$DIR/"; do
		succeeds img-verify --json "${where}x.lzo"
		json '.compression == "lzo" and .capacity == $size and .digest == $digest' \
			--argjson size "$(stat -c %s x.img)" --arg digest "$(digest_of x.img)"
	done
}

@test "verify: warns that a missing block of a foreign archive would not be noticed" {
	make_sparse x.img
	for flags in -1 -9 --no-checksum --crc32; do
		lzop $flags -f -o x.lzo x.img
		try img-verify x.lzo
		[ "$status" = 0 ]
		one_line 'img-verify: warning: x.lzo: '
		says 'neither length nor digest'
		[ "$(cat "$OUT")" = "$(digest_of x.img)  x.lzo" ]
	done
}

@test "verify: incomplete archives" {
	local size at

	succeeds img-copy --archive "$IMAGE" ours
	lzop -o theirs "$IMAGE"
	for archive in ours theirs; do
		size=$(stat -c %s $archive)
		for cut in 25 $((size / 2)) $((size - 4)) $((size - 1)); do
			head -c "$cut" $archive >x.lzo
			refuses 8 x.lzo img-verify x.lzo
			refuses 8 "a:$DIR/x.lzo" img-verify --json "a:$DIR/x.lzo"
		done
		cp $archive x.lzo
		printf X | put x.lzo $((size / 2))
		refuses 8 x.lzo img-verify x.lzo
		cat $archive $archive >x.lzo
		refuses 8 x.lzo img-verify x.lzo
		{ cat $archive && echo; } >x.lzo
		refuses 8 x.lzo img-verify x.lzo
	done
	mapfile -t at < <(lzop_offsets ours 4 4)
	cat <(head -c "${at[1]}" ours) <(tail -c +$((at[2] + 1)) ours) >x.lzo
	lzop -t x.lzo
	refuses 8 x.lzo img-verify x.lzo
}

@test "verify: a qcow2's structure, with the result of qemu-img check" {
	qemu-img convert -f raw -O qcow2 "$IMAGE" x.qcow2
	qemu-img check -q x.qcow2
	succeeds img-verify x.qcow2
	succeeds img-verify --json "a:$DIR/x.qcow2"
	json '.format == "qcow2" and .capacity == $size' --argjson size "$(stat -c %s x.qcow2)"
	# A reference count of 0 for a cluster in use.
	head -c 16 /dev/zero | put x.qcow2 $((2 * 65536))
	if qemu-img check -q x.qcow2; then return 1; fi
	refuses 8 x.qcow2 img-verify x.qcow2
	refuses 8 "a:$DIR/x.qcow2" img-verify --json "a:$DIR/x.qcow2"
}

@test "verify: lost clusters of a qcow2 only give a note" {
	local before

	qemu-img convert -f raw -O qcow2 "$IMAGE" x.qcow2
	# A reference count of 2 for the first cluster.
	put_be32 x.qcow2 $((2 * 65536)) $((2 << 16 | 1))
	try qemu-img check -q x.qcow2
	[ "$status" = 3 ]
	before=$(state_of x.qcow2)
	try img-verify x.qcow2
	[ "$status" = 0 ]
	one_line 'img-verify: x.qcow2: '
	[ "$(state_of x.qcow2)" = "$before" ]
}

@test "verify: a qcow2's backing file is not opened" {
	qemu-img create -q -f qcow2 -b "$IMAGE" -F raw x.qcow2
	qemu-img rebase -u -b /nonexistent -F raw x.qcow2
	succeeds img-verify x.qcow2
}

@test "verify: two equal images, wherever they are and however they are stored" {
	local first second

	make_sparse x.img
	cp x.img y.img
	succeeds img-copy --archive x.img ours.lzo
	lzop -o theirs.lzo x.img
	for first in x.img "a:$DIR/x.img" ours.lzo; do
		for second in y.img "a:$DIR/y.img" "b:$DIR/y.img" ours.lzo theirs.lzo \
			"b:$DIR/theirs.lzo"; do
			succeeds img-verify "$first" "$second"
			[ ! -s "$OUT" ]
		done
	done
	succeeds img-verify x.img x.img
}

@test "verify: two images that differ in one byte anywhere" {
	local at

	make_sparse x.img
	for at in 0 5000 $((3 * BLOCK)) $((16 * BLOCK + 1233)); do
		cp x.img y.img
		printf '\377' | put y.img "$at"
		refuses 8 '' img-verify x.img y.img
		says x.img
		says y.img
		refuses 8 '' img-verify "a:$DIR/x.img" "b:$DIR/y.img"
	done
	head -c -1 x.img >y.img
	refuses 8 '' img-verify x.img y.img
	# The same blocks in another order.
	cat <(cut_out x.img "$BLOCK" $((2 * BLOCK))) <(head -c "$BLOCK" x.img) \
		<(tail -c +$((2 * BLOCK + 1)) x.img) >y.img
	refuses 8 '' img-verify x.img y.img
}

@test "verify: a longer tail of zeros is equal, with a note, as for qemu-img compare" {
	local more

	make_sparse x.img
	for more in 1 $BLOCK 10000000; do
		cp x.img y.img
		truncate -s "+$more" y.img
		qemu-img compare -f raw -F raw x.img y.img
		for words in 'x.img y.img' "y.img a:$DIR/x.img"; do
			# shellcheck disable=SC2086 # two words
			try img-verify $words
			[ "$status" = 0 ]
			[ ! -s "$OUT" ]
			[ "$(wc -l <"$ERR")" = 1 ]
			says zeros
		done
	done
	: >empty
	truncate -s 1M zeros
	try img-verify empty zeros
	[ "$status" = 0 ]
	says zeros
}

@test "verify --json: two images" {
	make_sparse x.img
	cp x.img y.img
	succeeds img-verify --json x.img "a:$DIR/y.img"
	json '.equal == true and .location == "x.img" and .location2 == $two and
		.capacity == $size and .capacity2 == $size' --arg two "a:$DIR/y.img" \
		--argjson size "$(stat -c %s x.img)"
	printf X | put y.img 5000
	try img-verify --json x.img y.img
	[ "$status" = 8 ]
	json '.equal == false'
}

@test "verify: contents are not sent between hosts" {
	head -c 4M /dev/urandom >x.img
	printf '#!/bin/sh\nssh -F "%s" "$@" | tee got | cat\n' "$SSH_CONFIG" >rsh
	chmod 755 rsh
	succeeds env img-verify --rsh ./rsh "a:$DIR/x.img" x.img
	[ -s got ]
	[ "$(stat -c %s got)" -lt 20000 ]
}

@test "verify: refuses an image in use, unless --live is given" {
	cp "$IMAGE" x.img
	exec 5>>x.img
	refuses 5 x.img img-verify x.img
	refuses 5 "a:$DIR/x.img" img-verify "a:$DIR/x.img"
	refuses 5 x.img img-verify "$IMAGE" x.img
	try img-verify --live x.img
	[ "$status" = 0 ]
	exec 5>&-
	succeeds img-verify x.img
}

@test "verify: of two images, the failure of the second does not wait for the first" {
	head -c 8M /dev/urandom >x.img
	cp "$IMAGE" y.img
	exec 5>>y.img
	refuses 5 y.img timeout 60 img-verify -F "$SSH_CONFIG" --bwlimit 10K x.img y.img
	refuses 5 "b:$DIR/y.img" timeout 60 img-verify -F "$SSH_CONFIG" --bwlimit 10K "a:$DIR/x.img" "b:$DIR/y.img"
	refuses 5 y.img timeout 60 img-verify -F "$SSH_CONFIG" --bwlimit 10K y.img "a:$DIR/x.img"
	exec 5>&-
}

@test "verify: an unfinished image" {
	cp "$IMAGE" x.img
	touch .x.img.img-tools-unfinished
	refuses 8 x.img img-verify x.img
	refuses 8 "a:$DIR/x.img" img-verify "$IMAGE" "a:$DIR/x.img"
	rm .x.img.img-tools-unfinished
}

@test "verify: a missing image, and what is not an image" {
	mkdir d
	mkfifo fifo
	refuses 3 no.img img-verify no.img
	refuses 3 "a:$DIR/no.img" img-verify "a:$DIR/no.img"
	refuses 3 no.img img-verify "$IMAGE" no.img
	refuses 3 no.img img-verify no.img "a:$IMAGE"
	refuses 4 d img-verify d
	refuses 4 fifo img-verify "$IMAGE" fifo
	refuses 7 nowhere:/x img-verify "$IMAGE" nowhere:/x
	# It is told before the other image is read, which would take hours.
	head -c 9M /dev/urandom >x.img
	refuses 3 no.img img-verify --bwlimit 1k x.img no.img
	refuses 3 "a:$DIR/no.img" img-verify --bwlimit 1k --as-is x.img "a:$DIR/no.img"
}

@test "verify: without permission" {
	install -m 0 "$IMAGE" x.img
	refuses 4 x.img without_power img-verify x.img
}

@test "verify: a block device" {
	local device

	cp "$IMAGE" x.img
	device=$(as_root losetup --show -r -f x.img)
	try as_root env "PATH=$PATH" img-verify "$device" x.img
	as_root losetup -d "$device"
	[ "$status" = 0 ]
}

@test "verify --progress=json, --bwlimit, --jobs" {
	head -c 4M /dev/urandom >x.img
	try img-verify --progress=json --bwlimit 8M -j 2 "a:$DIR/x.img"
	[ "$status" = 0 ]
	grep '^{' "$ERR" | jq -s -e 'map(select(.total)) | length > 0 and all(.total == 4194304 and .done <= .total)'
	[ "$(grep '^{' "$ERR" | tail -n 1 | jq -r .phase)" = 'done' ]
	head -c 4M /dev/zero >y.img
	try img-verify --progress=json x.img y.img
	[ "$status" = 8 ]
	[ "$(grep '^{' "$ERR" | tail -n 1 | jq -r .phase)" = failed ]
}

@test "verify: wrong command lines" {
	refuses 2 '' img-verify
	refuses 2 '' img-verify -
	refuses 2 '' img-verify "$IMAGE" -
	refuses 2 '' img-verify ''
	refuses 2 '' img-verify "$IMAGE" "$IMAGE" "$IMAGE"
	refuses 2 '' img-verify --nonsense "$IMAGE"
	succeeds img-verify --help
	succeeds img-verify --usage
	succeeds img-verify --version
}

@test "verify: a result that cannot be written is a failure" {
	local status=0

	img-verify "$IMAGE" 2>"$ERR" >/dev/full || status=$?
	[ "$status" = 1 ]
	one_line 'img-verify: '
}
