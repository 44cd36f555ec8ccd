#!/usr/bin/env bats
#
# Ext filesystems with many features are resized, and their files are compared before and after.

load common

setup_file() {
	img_setup_file a
	make_tree
}
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# $TREE is what mke2fs puts into each filesystem.
make_tree() {
	local i

	LONG=$(printf 'name%.0s' {1..20})
	export LONG TREE=$BATS_FILE_TMPDIR/files
	mkdir -p "$TREE/many" "$TREE/a/b/c"
	for ((i = 1; i <= 150; i++)); do
		seq "$i" $((30 + i * 20)) >"$TREE/many/$i-$LONG"
	done
	seq 100 130 >"$TREE/a/short" # inline_data stores it in the inode
	head -c 700000 /dev/urandom >"$TREE/random"
	truncate -s 5M "$TREE/a/sparse"
	echo end >>"$TREE/a/sparse"
	ln -s ../short "$TREE/a/b/link"
	ln "$TREE/random" "$TREE/a/b/c/hard"
}

# make_ext SIZE [OPTION...]: x.img has the files of the directory "files".
make_ext() {
	rm -rf x.img files
	cp -a "$TREE" files
	truncate -s "$1" x.img
	mke2fs -q -d files "${@:2}" x.img >&2
}

# edit LINE...: commands of debugfs(8) on x.img, which must all succeed.
edit() {
	printf '%s\n' "$@" | debugfs -w -f - x.img >edited 2>&1
	if grep -m 5 -vE '^(debugfs( 1\..*|:.*)|(Allocated inode|Filesystem features): .*|)$' edited >&2; then
		return 1
	fi
}

# super FIELD: a line of the superblock.
super() {
	dumpe2fs -h x.img 2>/dev/null | sed -n "s/^$1: *//p"
}

# fill_up_to MIB: a file "filler" leaves about MIB of the filesystem free.
fill_up_to() {
	local block free

	block=$(super 'Block size')
	free=$(super 'Free blocks')
	edit 'write files/random filler' \
		"fallocate filler 1000 $((999 + free - ((1 + $1) << 20) / block))"
}

# Only e2fsck counts the quota of what the other programs wrote.
count_quota() {
	e2fsck -fy x.img >checked 2>&1 || [ $? = 1 ]
}

has_no_errors() {
	e2fsck -fn x.img >checked 2>&1 || {
		cat checked >&2
		return 1
	}
}

# has_files SIZE: x.img and its filesystem have SIZE, no errors, and the files.
has_files() {
	[ "$(stat -c %s x.img)" = "$1" ]
	has_no_errors
	[ $(($(super 'Block count') * $(super 'Block size'))) = "$1" ]
	rm -rf found
	mkdir found
	debugfs -R 'rdump / found' x.img >/dev/null 2>&1
	diff -r --no-dereference -x lost+found files found >&2
}

# resize_and_check WHERE SIZE...: x.img gets each size, and keeps the files.
resize_and_check() {
	local size

	has_no_errors
	for size in "${@:2}"; do
		succeeds img-resize --shrink --fs "$1x.img" "$size"
		has_files "$(numfmt --from=iec "$size")"
	done
	no_partial
}

# is_refused SIZE WORDS: x.img does not get SIZE, stays as it is, and the error has WORDS.
is_refused() {
	cp x.img before
	refuses 4 x.img img-resize --shrink --fs x.img "$1"
	says "$2"
	cmp before x.img
	no_partial
}

# each_case FUNCTION <LIST: calls it with the name and the words of each line, "name: word...".
each_case() {
	local name words

	while IFS=: read -r name words; do
		echo "case: $name" >&2 # the last one is that which failed
		# shellcheck disable=SC2086 # they are words
		"$1" "$name" $words </dev/null
	done
}

# The file "high" has blocks that are behind the new end when the filesystem is shrunk.
grow_and_shrink() {
	local where=

	make_ext 32M "${@:2}"
	fill_up_to 4
	head -c 2500000 /dev/urandom >files/high
	edit 'write files/high high' 'rm filler'
	count_quota
	[[ $1 != *' on a host' ]] || where=a:$DIR/
	resize_and_check "$where" 56M 24M
}

@test "resizefs of ext: types and sizes of blocks" {
	local revision_0='-r 0'

	# Since e2fsprogs 1.47.1.
	if mke2fs -n -q -r 0 /dev/null 1M 2>&1 | grep 'revision=0'; then revision_0='-E revision=0'; fi
	each_case grow_and_shrink <<-END
		ext2: -t ext2
		ext2, 4 KiB: -t ext2 -b 4096
		ext2, revision 0: -t ext2 $revision_0
		ext3: -t ext3
		ext3, 4 KiB: -t ext3 -b 4096
		ext4 on a host: -t ext4
		ext4, 2 KiB: -t ext4 -b 2048
		ext4, 4 KiB on a host: -t ext4 -b 4096
	END
}

@test "resizefs of ext: features of the layout" {
	each_case grow_and_shrink <<-END
		meta_bg: -t ext4 -O meta_bg,^resize_inode
		neither: -t ext4 -O ^resize_inode
		sparse_super2: -t ext4 -O sparse_super2
		64bit: -t ext4 -O 64bit
		^64bit: -t ext4 -O ^64bit
		^flex_bg: -t ext4 -O ^flex_bg
		^extent: -t ext4 -O ^extent,^64bit
		uninit_bg: -t ext4 -O ^metadata_csum,uninit_bg
		metadata_csum_seed: -t ext4 -O metadata_csum_seed
	END
}

# blocks FILE: of its filesystem.
blocks() {
	dumpe2fs -h "$1" 2>/dev/null | awk '/^Block count:/ { print $3 }'
}

@test "resizefs of ext: the sizes that resize2fs gives it where the last group would be small" {
	local options size at

	for options in '-b 1024 -g 1024' '-b 1024 -g 1024 -O ^sparse_super,^resize_inode' '-b 1024 -g 1024 -O ^64bit -I 128' \
		'-b 1024 -g 2048 -O sparse_super2,^resize_inode -E num_backup_sb=2' \
		'-b 1024 -g 1024 -i 1024' '-b 2048 -g 1024 -O ^resize_inode' '-b 4096 -g 512'; do
		# shellcheck disable=SC2086 # options
		make_ext 24M -t ext4 $options
		for ((at = 25; at < 2300; at += $(sample 290))); do
			size=$(((25 << 20) + (at << 10)))
			cp --sparse=always x.img theirs
			truncate -s $size theirs
			resize2fs theirs $((size >> 10))K >/dev/null 2>&1
			cp --sparse=always x.img ours
			try img-resize --json --fs ours $size
			echo "$options, $size: $(blocks theirs)" >&2
			[ "$status" = 0 ]
			[ "$(blocks ours)" = "$(blocks theirs)" ]
			json '.filesystem.size == $blocks * $block' --argjson blocks "$(blocks ours)" \
				--argjson block "$(dumpe2fs -h ours 2>/dev/null | awk '/^Block size:/ { print $3 }')"
			e2fsck -fn ours >&2
			# And again, there is nothing to do.
			try img-resizefs ours
			[ "$status" = 0 ]
		done
	done
}

@test "resizefs of ext: features of files" {
	each_case grow_and_shrink <<-END
		inline_data: -t ext4 -O inline_data
		orphan_file: -t ext4 -O orphan_file
		quota: -t ext4 -O quota,project
		casefold: -t ext4 -O casefold
		encrypt, verity: -t ext4 -O encrypt,verity
		ea_inode, large_dir: -t ext4 -O ea_inode,large_dir
		fast_commit: -t ext4 -O fast_commit
		large inodes: -t ext4 -I 1024 -N 2000
		small inodes: -t ext3 -I 128
	END
}

# Large files get the free blocks between small ones, all behind what is the end later.
fragmented() {
	local i file commands=() removed=()

	make_ext 24M "${@:2}"
	for i in 1 2 3; do
		cp -r files/many "files/small$i"
		commands+=("mkdir small$i")
	done
	for file in files/small?/*; do
		commands+=("write $file ${file#files/}")
	done
	for ((i = 0; i < 450; i += 2)); do
		file=files/small$((i / 150 + 1))/$((i % 150 + 1))-$LONG
		commands+=("rm ${file#files/}")
		removed+=("$file")
	done
	for i in 1 2 3 4; do
		cp files/random "files/large$i"
		commands+=("write files/random large$i")
	done
	fill_up_to 7
	edit "${commands[@]}" 'rm filler'
	rm "${removed[@]}"
	resize_and_check '' 13M 40M
	succeeds img-resize --json -n --shrink --fs x.img 20M
	resize_and_check '' "$(jq .smallest "$OUT")"
}

@test "resizefs of ext: fragmented files" {
	each_case fragmented <<-END
		ext2: -t ext2
		ext4: -t ext4
		ext4, 4 KiB: -t ext4 -b 4096
	END
}

# With 2 % of it free.
nearly_full() {
	local free

	make_ext 24M "${@:2}"
	free=$(($(super 'Free blocks') * $(super 'Block size')))
	head -c $((free - (24 << 20) / 50)) /dev/urandom >files/large
	edit 'write files/large large'
	is_refused 22M 'it needs about'
	resize_and_check '' 40M
}

@test "resizefs of ext: a filesystem that is nearly full" {
	each_case nearly_full <<-END
		ext2: -t ext2
		ext4: -t ext4
		ext4, 4 KiB: -t ext4 -b 4096
	END
}

@test "resizefs of ext: the journal is replayed before" {
	local block

	make_ext 24M -t ext4
	yes journal | head -c 1024 >new
	dd if=new of=files/random conv=notrunc status=none # and so of the hard link
	block=$(debugfs -R 'bmap random 0' x.img 2>/dev/null)
	edit 'journal_open' "journal_write -b $block new" 'journal_close'
	super 'Filesystem features' | grep needs_recovery
	resize_and_check '' 40M 20M
}

@test "resizefs of ext: a size that needs a feature, or is too far away" {
	make_ext 24M -t ext4 -O ^64bit
	is_refused 5T 'it lacks the feature 64bit'
	is_refused 25G 'cannot become more than 1024 times as large at once'
}

# unresizable WORDS SIZES [COMMAND...]: of x.img, after these commands of debugfs(8).
unresizable() {
	local size

	echo "case: $1" >&2
	[ $# = 2 ] || edit "${@:3}"
	for size in $2; do
		is_refused "$size" "$1"
	done
}

@test "resizefs of ext: what resize2fs does not resize is refused by its name" {
	make_ext 24M -t ext4
	cp x.img plain.img
	unresizable '(shared_blocks)' '40M 20M' 'feature shared_blocks'
	cp plain.img x.img
	unresizable 'has its journal on another device' '40M 20M' \
		'set_super_value journal_inum 0' 'set_super_value journal_dev 0x701'
	cp plain.img x.img
	unresizable '(stable_inodes), so it cannot be made smaller' 20M 'feature stable_inodes'
	resize_and_check '' 40M
	make_ext 24M -t ext4 -O bigalloc
	unresizable '(bigalloc), so its size cannot be changed' '40M 20M'
	try img-resize --fs x.img 24M # which only checks it
	[ "$status" = 0 ]
	says 'already'
	has_files 25165824
	rm x.img
	mke2fs -q -O journal_dev x.img 24M >&2
	unresizable 'holds jbd, whose size cannot be changed' '40M 20M'
}

@test "resizefs of ext: features that e2fsprogs does not know are refused" {
	local feature

	make_ext 24M -t ext4
	cp x.img plain.img
	for feature in FEATURE_C20 FEATURE_R20; do
		cp plain.img x.img
		unresizable "that the installed e2fsck does not know: $feature" '40M 20M 24M' \
			"feature $feature"
	done
	cp plain.img x.img
	unresizable 'features that are not known' '40M 20M 24M' 'feature FEATURE_I30'
	refuses 4 "a:$DIR/x.img" img-resizefs --shrink "a:$DIR/x.img" 20M
	says 'features that are not known'
}
