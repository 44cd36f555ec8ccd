#!/usr/bin/env bats
#
# A damaged ext filesystem is refused, and then its image is as it was; or it is resized, and then
# it has the files that e2fsck leaves in it.  IMG_SOAK: many more damaged ones.

load common

setup_file() { img_setup_file; }
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	make_junk
}
teardown() { img_teardown; }

# bmap FILE: the number of the first block of a file in base.img.
bmap() {
	debugfs -R "bmap $1 0" base.img 2>/dev/null
}

# first_block WORDS: the first block that dumpe2fs gives for WORDS.
first_block() {
	grep -m 1 -o "$1 at [0-9]*" layout | grep -o '[0-9]*$'
}

# make_base OPTION...: base.img, with blocks of 1 KiB, and $PLACES: lines of "NAME OFFSET LENGTH",
# in bytes, of its metadata.
make_base() {
	local i

	rm -rf files base.img
	mkdir -p files/directory
	for ((i = 0; i < 40; i++)); do
		seq "$i" $((i * 20)) >"files/directory/$i"
	done
	head -c 400000 /dev/urandom >files/large
	ln files/large files/directory/hard
	ln -s large files/link
	mke2fs -q -b 1024 -g 1024 -d files "$@" base.img 8M
	dumpe2fs base.img >layout 2>/dev/null
	PLACES=(
		"superblock 1024 1024"
		"descriptors 2048 512"
		"block-bitmap $(($(first_block 'Block bitmap') * 1024)) 1024"
		"inode-bitmap $(($(first_block 'Inode bitmap') * 1024)) 1024"
		"inode-table $(($(first_block 'Inode table') * 1024)) 14000"
		"inode-table $(($(first_block 'Inode table') * 1024)) 14000"
		"root-directory $(($(bmap /) * 1024)) 1024"
		"directory $(($(bmap directory) * 1024)) 1024"
	)
	[[ $* == *ext2* ]] || PLACES+=("journal $(($(bmap '<8>') * 1024)) 4096")
}

# $JUNK has 4096 bytes that are the same in every run.
make_junk() {
	local i bytes=

	RANDOM=1
	for ((i = 0; i < 4096; i++)); do
		printf -v bytes '%s\\x%02x' "$bytes" $((RANDOM & 255))
	done
	# shellcheck disable=SC2059 # it is the format
	printf "$bytes" >junk
}

# damage: x.img is a copy of base.img in which a piece of the metadata is overwritten by junk or
# zeros; before.img is the same.
damage() {
	local name off len size=512 at

	read -r name off len <<<"${PLACES[RANDOM % ${#PLACES[@]}]}"
	((RANDOM % 3)) && size=$((1 + RANDOM % 64))
	at=$((off + (RANDOM % len) / size * size))
	DAMAGE="$name: $size bytes at $at"
	cp --sparse=always base.img before.img
	if ((RANDOM % 3)); then
		DAMAGE+=", junk"
		tail -c +$((1 + RANDOM % 3000)) junk | head -c "$size" | put before.img "$at"
	else
		head -c "$size" /dev/zero | put before.img "$at"
	fi
	cp --sparse=always before.img x.img
}

# list IMAGE: what its files are, and their attributes, in the directory IMAGE.files.
list() {
	rm -rf "$1.files"
	mkdir "$1.files"
	debugfs -R "rdump / $1.files" "$1" >/dev/null 2>&1
	(cd "$1.files" && find . -printf '%p %y %m %U %G %n %s %l\n' | sort) >"$1.list"
}

# Whether x.img has no errors, and the files of before.img after e2fsck's repair.
is_no_worse() {
	e2fsck -fn x.img >checked 2>&1 || return
	e2fsck -fp before.img >checked 2>&1
	[ $? -le 1 ] || return
	list before.img
	list x.img
	[ "$(wc -l <x.img.list)" -gt 20 ] || return
	diff before.img.list x.img.list && diff -r --no-dereference before.img.files x.img.files
}

# try_damaged SIZE: counts it in $REFUSED or $RESIZED, or fails.
try_damaged() {
	damage
	try img-resize --shrink --fs x.img "$1"
	case $status in
	0) is_no_worse >&2 && RESIZED=$((RESIZED + 1)) ;;
	4 | 8) cmp before.img x.img >&2 && no_partial && REFUSED=$((REFUSED + 1)) ;;
	*) false ;;
	esac || {
		echo "$DAMAGE: status $status" >&2
		told
		return 1
	}
}

# try_many SEED: at least 15 of 67 of base.img are refused, and as many are resized.
try_many() {
	local i tries=67

	[ -z "${IMG_SOAK:-}" ] || tries=1000

	RANDOM=$1 REFUSED=0 RESIZED=0
	for ((i = 0; i < tries; i++)); do
		try_damaged $((i % 2 ? 12 : 5))M
	done
	echo "# $REFUSED refused, $RESIZED resized" >&3
	((REFUSED >= 15 && RESIZED >= 15))
}

@test "damage of ext: ext2" {
	make_base -t ext2
	try_many 11
}

@test "damage of ext: ext4 with checksums" {
	make_base -t ext4
	try_many 12
}

@test "damage of ext: ext4 without checksums, and with a journal to replay" {
	make_base -t ext4 -O ^metadata_csum,^64bit
	head -c 1024 junk >new
	printf '%s\n' journal_open "journal_write -b $(bmap large) new" journal_close |
		debugfs -w -f - base.img >&2
	dumpe2fs -h base.img 2>/dev/null | grep needs_recovery
	try_many 13
}

# hostile NAME OFFSET HEX...: with these bytes at these offsets of its superblock, base.img is
# refused within seconds, and no program takes 512 MiB of memory.
hostile() {
	local name=$1 size since=$SECONDS
	shift

	echo "case: $name" >&2
	cp --sparse=always base.img before.img
	while (($#)); do
		unhex "$2" | put before.img $((1024 + $1))
		shift 2
	done
	cp --sparse=always before.img x.img
	for size in 12M 5M; do
		try "$IMG_BUILD/tests/peak" peak img-resize --shrink --fs x.img "$size"
		if [[ $status != [48] ]] || (($(cat peak) > 524288)) || ! cmp before.img x.img >&2; then
			told
			return 1
		fi
	done
	no_partial
	((SECONDS - since < 30))
}

@test "damage of ext: hostile superblocks" {
	local name words

	make_base -t ext4 -O ^metadata_csum
	while IFS=: read -r name words; do
		# shellcheck disable=SC2086 # they are words
		hostile "$name" $words </dev/null
	done <<-END
		2^63 blocks: 4 00000000 336 00000080
		2^63 - 1 blocks: 4 ffffffff 336 ffffff7f
		no blocks: 4 00000000
		no inodes in a group: 40 00000000
		2^32 - 1 inodes in a group: 40 ffffffff
		8192 inodes in a group: 0 00000100 40 00200000
		2^32 - 1 inodes: 0 ffffffff
		no blocks in a group: 32 00000000
		8 blocks in a group: 32 08000000
		2^32 - 1 blocks in a group: 32 ffffffff
		first block 2^32 - 1: 20 ffffffff
		first block 1000: 20 e8030000
		blocks of 2^40 bytes: 24 1e000000
		blocks of 64 KiB: 24 06000000
		clusters of 2^40 bytes: 28 1e000000
		clusters of 2^40 bytes and bigalloc: 28 1e000000 100 6b060000
		no size of descriptors: 254 0000
		descriptors of 1 KiB: 254 0004
		descriptors of 65535 bytes: 254 ffff
		65535 blocks for more descriptors: 206 ffff
		no size of inodes: 88 0000
		inodes of 1 KiB: 88 0004
		inodes of 65535 bytes: 88 ffff
		2^255 groups in one of flex_bg: 372 ff
		2^32 - 1 reserved blocks: 8 ffffffff
		2^32 - 1 reserved inodes: 84 ffffffff
		revision 2^32 - 1: 76 ffffffff
		larger inodes than there are: 348 ffff
		quota in inode 2^32 - 1: 576 ffffffff
		resize_inode and meta_bg: 96 d2020000
	END
}

# e2fsck 1.47.0 takes the block bitmap for clean; later ones repair it.
@test "damage of ext: what e2fsck overlooks, and resize2fs does not" {
	local at size

	make_base -t ext4
	at=$(($(first_block 'Block bitmap') * 1024 + 68))
	cp base.img before.img
	head -c 17 junk | put before.img "$at"
	for size in 5M 12M; do
		cp before.img x.img
		if e2fsck -fn x.img >&2; then
			refuses 8 x.img img-resize --shrink --fs x.img $size
			says 'repaired first: resize2fs: Block bitmap checksum does not match bitmap'
			cmp before.img x.img
		else
			succeeds img-resize --shrink --fs x.img $size
			e2fsck -fn x.img >&2
		fi
	done
}
