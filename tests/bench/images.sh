# shellcheck shell=bash disable=SC2154
#
# The images, each made when a part first needs it, in $dir; of $bytes or a part of that.

# $dir/img: a filesystem of programs, libraries, text and headers, 7/10 full, and
# holes.  The same files on the same machine, in an order that mixes their kinds;
# again and again where there are too few, as no compressor here looks that far back.
image_programs() {
	local round tree=$dir/tree

	[ ! -e "$dir/img" ] || return 0
	mkdir "$tree"
	find /usr/bin /usr/lib/*-linux-gnu* /usr/include /usr/share /usr/lib/gcc /usr/lib/python3 \
		-xdev -type f -readable ! -name '*[[:cntrl:]]*' -size -64M -printf '%s %p\n' 2>/dev/null |
		LC_ALL=C sort | awk 'BEGIN { srand(1) } { print rand() "\t" $0 }' | sort -n | cut -f2- >"$dir/files"
	for round in {1..99}; do
		mkdir "$tree/$round"
		awk -v have="$(du -s -B1 "$tree" | cut -f1)" -v want=$((bytes * 7 / 10)) '
			(have += int($1 / 4096 + 1) * 4096) > want { exit }
			{ sub(/^[0-9]+ ./, ""); print }' "$dir/files" |
			tar -cf - -C / --no-recursion -T - | tar -xf - -C "$tree/$round"
		[ -n "$(find "$tree/$round" -type f -print -quit)" ] || break
	done
	truncate -s "$bytes" "$dir/img"
	mke2fs -q -t ext4 -F -d "$tree" "$dir/img"
	fallocate -d "$dir/img"
	rm -rf "$tree" "$dir/files"
}

image_random() {
	[ -e "$dir/random" ] || head -c $((bytes / 4)) /dev/urandom >"$dir/random"
}

# Zeros that are there, not a hole.
image_zeros() {
	[ -e "$dir/zeros" ] || head -c $((bytes / 4)) /dev/zero >"$dir/zeros"
}

# A part of the programs, from their middle: $dir/part.
image_part() {
	image_programs
	tail -c $((bytes * 3 / 4)) "$dir/img" | head -c "$1" >"$dir/part" || [ -s "$dir/part" ]
}

# $dir/names: 1,000 qcow2 images; $dir/name and $dir/far-name: one.
image_names() {
	local i

	mkdir "$dir/names" "$dir/name" "$dir/far-name"
	qemu-img create -q -f qcow2 "$dir/name/0" 1G
	cp "$dir/name/0" "$dir/far-name/0"
	for i in {0..999}; do
		cp "$dir/name/0" "$dir/names/$i"
	done
}

# $dir/layers/19, over 19 others: each has 1 TiB, with 1 MiB of data; and the empty $dir/empty.
image_layers() {
	local i

	mkdir "$dir/layers" "$dir/empty"
	qemu-img create -q -f qcow2 "$dir/layers/0" 1T
	for i in {1..19}; do
		qemu-img create -q -f qcow2 -b $((i - 1)) -F qcow2 "$dir/layers/$i"
		qemu-io -f qcow2 -c "write ${i}G 1M" "$dir/layers/$i" >/dev/null
	done
}

# $dir/chain/top, over two layers: the programs in the lowest one, and in each of the others an
# eighth of the disk, in 16 places.
image_chain() {
	local layer below=base i

	image_programs
	image_random
	mkdir "$dir/chain"
	qemu-img convert -f raw -O qcow2 "$dir/img" "$dir/chain/base"
	for layer in mid top; do
		qemu-img create -q -f qcow2 -b $below -F qcow2 "$dir/chain/$layer"
		for i in {0..15}; do
			echo "write -q -s $dir/random $((bytes / 16 * i + (${#below} - 3) * bytes / 64)) $((bytes / 128))"
		done | qemu-io -f qcow2 "$dir/chain/$layer" >/dev/null
		below=$layer
	done
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

# $dir/reflink: where files can share blocks.  Sparse files in it may be larger than it is.
mount_reflink() {
	truncate -s $((bytes / 2 + (1 << 30))) "$dir/xfs"
	mkfs.xfs -q -m reflink=1 "$dir/xfs"
	mkdir "$dir/reflink"
	as_root mount -o loop "$dir/xfs" "$dir/reflink" ||
		fail "part resize needs root and a loop device, to mount XFS for its reflinks"
	as_root chown "$(id -u)" "$dir/reflink"
}

unmount_reflink() {
	! mountpoint -q "$dir/reflink" || as_root umount "$dir/reflink"
	rm -rf "$dir/reflink" "$dir/xfs"
}

# $dir/reflink/ext: a sparse image of 256 times the size (1 TiB, of 4 GiB), with an ext4
# filesystem that contains /usr/include/linux.
image_ext() {
	mkdir "$dir/tree"
	cp -a /usr/include/linux "$dir/tree"
	truncate -s $((bytes * 256)) "$dir/reflink/ext"
	mke2fs -q -t ext4 -b 4096 -F -E lazy_itable_init=1,lazy_journal_init=1 -d "$dir/tree" \
		"$dir/reflink/ext"
	rm -r "$dir/tree"
}

# $dir/huge: data of 1/16 of the size in 16 places of 256 times the size (1 TiB, of
# 4 GiB); $dir/plain: the same alone.
image_huge() {
	local i piece=$((bytes / 256))

	[ ! -e "$dir/huge" ] || return 0
	image_programs
	truncate -s $((bytes * 256)) "$dir/huge"
	for ((i = 0; i < 16; i++)); do
		dd if="$dir/img" of="$dir/huge" bs=64K count=$piece skip=$((i * piece)) \
			seek=$((i * bytes * 16)) iflag=count_bytes,skip_bytes oflag=seek_bytes \
			conv=notrunc,sparse status=none
	done
	head -c $((bytes / 16)) "$dir/img" >"$dir/plain"
}
