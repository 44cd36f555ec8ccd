#!/usr/bin/env bats
#
# --sparse: holes as small as those of the filesystem, whatever the size of a block.

load common
load disks

setup_file() {
	img_setup_file a b
}

setup() {
	img_setup
	disks_setup
}

teardown() {
	disks_teardown
}

teardown_file() {
	img_teardown_file
}

# Makes holes.img of 16 MiB and a bit, with data in pieces of 4 KiB: every eighth of them in
# the first half, then every second one.  In $DIR/full.img, which is on another filesystem, so
# that nothing is cloned, the holes are written zeros.
make_pieces() {
	head -c 4096 /dev/urandom >piece
	{
		cat piece
		head -c $((7 * 4096)) /dev/zero
	} >eighth
	{
		cat piece
		head -c 4096 /dev/zero
	} >half
	{
		printf 'eighth %.0s' {1..256} | xargs cat
		printf 'half %.0s' {1..1024} | xargs cat
		head -c 74 /dev/zero
		printf end
	} >"$DIR/full.img"
	cp --reflink=never --sparse=always "$DIR/full.img" holes.img
	data=$(((256 + 1024) * 4096))
	[ "$(stat -c %s "$DIR/full.img")" = $(((16 << 20) + 77)) ]
	[ "$(allocated "$DIR/full.img")" -ge $((16 << 20)) ]
	[ "$(allocated holes.img)" -lt $((12 << 20)) ]
}

# stays_sparse FILE: it is a copy of holes.img, and takes as much space.
stays_sparse() {
	same holes.img "$1"
	sync -f "$1"
	if [ "$(allocated "$1")" -gt $((data * 11 / 10)) ]; then
		echo "$1 takes $(allocated "$1") bytes, and has $data bytes of data" >&2
		return 1
	fi
}

sparse_copies() {
	local from to

	cd "$M" || return
	make_pieces
	lzop -q -o foreign.lzo "$DIR/full.img"
	succeeds img-copy --archive holes.img ours.lzo
	for from in holes.img "$DIR/full.img" foreign.lzo ours.lzo "a:$M/holes.img" "a:$M/ours.lzo"; do
		for to in out "b:$M/out"; do
			succeeds img-copy --sparse "$from" "$to"
			stays_sparse out
			rm out
		done
	done
	img-copy --sparse - out <"$DIR/full.img"
	stays_sparse out
	rm out
	for to in out "b:$M/out"; do
		img-copy -F "$SSH_CONFIG" --sparse - "$to" <foreign.lzo
		stays_sparse out
		rm out
	done
	for from in '' "a:$M/"; do
		cp ours.lzo out.lzo
		succeeds img-unarchive --sparse "${from}out.lzo"
		stays_sparse out
		rm out
	done
	qemu-img convert -f raw -O qcow2 "$DIR/full.img" layer
	succeeds img-copy --sparse --flatten layer out
	truncate -s "$(stat -c %s holes.img)" out # QEMU rounds the length up to sectors
	stays_sparse out
	rm layer
	# In place, what is a hole now was data.
	tr '\0' x </dev/zero | head -c "$(stat -c %s holes.img)" >out
	succeeds img-write --sparse holes.img out
	stays_sparse out
	tr '\0' x </dev/zero | head -c "$(stat -c %s holes.img)" >out
	succeeds img-write --sparse ours.lzo "a:$M/out"
	stays_sparse out
	# Without --sparse, all of it is allocated.
	rm out
	succeeds img-copy ours.lzo out
	same holes.img out
	[ "$(allocated out)" -ge $((16 << 20)) ]
}

@test "holes of 4 KiB stay: on ext4" {
	disk 200M ext4
	sparse_copies
}

@test "holes of 4 KiB stay: on XFS" {
	disk 320M xfs
	sparse_copies
}

@test "holes of 4 KiB stay: on btrfs" {
	disk 320M btrfs
	sparse_copies
}

@test "holes of 4 KiB stay: on tmpfs" {
	mounted mount -t tmpfs tmpfs "$M"
	sparse_copies
}

@test "a filesystem with larger units: only what fills them is left out" {
	disk 100M ext4 -O bigalloc -C 65536
	cd "$M" || return
	truncate -s 8M holes.img
	for ((i = 0; i < 128; i += 4)); do
		head -c 9000 "$IMAGE" | put holes.img $((i * 65536 + 5000))
	done
	data=$(allocated holes.img)
	cat holes.img >full.img
	succeeds img-copy --sparse full.img out
	stays_sparse out
}

@test "--json counts the zeros within blocks, and the digest does not depend on them" {
	make_pieces
	succeeds img-copy --archive full.img ours.lzo
	lzop -q -o foreign.lzo full.img
	for from in holes.img full.img "a:$DIR/full.img" ours.lzo foreign.lzo "a:$DIR/foreign.lzo"; do
		rm -f out.img
		succeeds img-copy --json --sparse "$from" out.img
		same full.img out.img
		json ".data_bytes == $((data + 77)) and .hole_bytes == $(((16 << 20) - data))"
		json '.digest == $want' --arg want "$(digest_of holes.img)"
	done
	succeeds img-verify --json full.img
	json ".data_bytes == $((data + 77))"
}

@test "what is a hole is not read" {
	traced_build -e trace=pread64
	truncate -s 32M holes.img
	for ((i = 0; i < 128; i += 2)); do
		head -c 8192 "$IMAGE" | tr '\0' x | put holes.img $((i * BLOCK + 65536))
	done
	try "$TRACED/bin/img-copy" --sparse holes.img out
	[ "$status" = 0 ]
	same holes.img out
	grep -q 'pread64.*= 8192$' "$TRACE" # it reads by this call
	[ "$(awk '$NF ~ /^[0-9]+$/ { n += $NF } END { print n }' "$TRACE")" -lt $((2 << 20)) ]
}
