#!/usr/bin/env bats
# What a filesystem prevents: read-only, full, immutable, a mount in the way; and what it
# provides: shared blocks, groups and access lists.

load common
load disks

setup_file() {
	img_setup_file a
	export SMALL=$BATS_FILE_TMPDIR/small
	head -c $((3 * BLOCK + 500)) /dev/urandom >"$SMALL"
}
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	disks_setup
}
teardown() {
	[ ! -e "$DIR/fixed" ] || (cd "$DIR" && xargs -r -d '\n' chattr -ia <fixed) || true
	disks_teardown
}

# shares FILE: all its blocks are shared; apart FILE: none is.
shares() {
	filefrag -v "$1" | awk '$1 ~ /^[0-9]+:$/' >extents
	[ -s extents ]
	[ "$(grep -c shared extents)" = "$(wc -l <extents)" ]
}

apart() {
	filefrag -v "$1" >extents
	lacks extents shared
}

# reflinks: a copy in $M shares its blocks, and takes no space.
reflinks() {
	local before file

	cd "$M" || return
	head -c 20M /dev/urandom >x.img
	img-copy --archive x.img x.lzo
	sync -f .
	before=$(free_bytes)
	succeeds img-copy x.img y.img
	succeeds img-copy --sparse "a:$M/x.img" "a:$M/z.img"
	cp "$SMALL" w.img
	succeeds img-copy --overwrite x.img w.img
	sync -f .
	[ $((before - $(free_bytes))) -lt 8000000 ]
	for file in y.img z.img w.img; do
		same x.img $file
		shares $file
	done
	[ "$(stat -c %a y.img)" = 600 ]
	# If one of them is written to, only that one changes.
	succeeds img-write "$SMALL" y.img
	same x.img z.img
	rm w.img y.img z.img
	wait_until 10 apart x.img # XFS frees removed blocks a moment later
	succeeds img-copy --archive x.img y.lzo
	lzop -dc y.lzo | cmp - x.img
	succeeds img-copy x.lzo y.img
	sync -f .
	for file in x.img x.lzo y.img y.lzo; do
		apart $file
	done
	# Holes are allocated, unless they are to stay.
	truncate -s 4M hole.img
	put hole.img 1M <"$SMALL"
	succeeds img-copy hole.img full.img
	succeeds img-copy --sparse hole.img holes.img
	same hole.img full.img
	same hole.img holes.img
	[ "$(allocated full.img)" -ge $((4 << 20)) ]
	[ "$(allocated holes.img)" -lt $((2 << 20)) ]
	succeeds img-copy "$DIR/other.img" there.img
	apart there.img
	succeeds img-copy x.img "$DIR/there.img"
	same x.img "$DIR/there.img"
}

# injected FAULT COMMAND...
injected() {
	strace -f -qq -o /dev/null -e "trace=${1%%:*}" -e "inject=$1" env ASAN_OPTIONS=detect_leaks=0 "${@:2}"
}

@test "reflinks: on XFS" {
	cp "$SMALL" other.img
	disk 320M xfs -m reflink=1
	reflinks
}

@test "reflinks: on btrfs" {
	cp "$SMALL" other.img
	disk 256M btrfs
	reflinks
}

@test "reflinks: need no free space" {
	local rest

	disk 300M xfs -m reflink=1
	head -c 20M /dev/urandom >"$M/x.img"
	rest=$(($(free_bytes) - (8 << 20)))
	fallocate -l $rest "$M/ballast"
	succeeds img-copy -n "$M/x.img" "$M/y.img"
	succeeds img-copy "$M/x.img" "$M/y.img"
	same "$M/x.img" "$M/y.img"
	refuses 9 "$M/z.img" injected ioctl:error=EOPNOTSUPP img-copy "$M/x.img" "$M/z.img"
	# Only the holes need space of their own.
	truncate -s 40M "$M/x.img"
	refuses 9 "$M/z.img" img-copy -n "$M/x.img" "$M/z.img"
	refuses 9 "$M/z.img" img-copy "$M/x.img" "$M/z.img"
	succeeds img-copy --sparse "$M/x.img" "$M/z.img"
	same "$M/x.img" "$M/z.img"
}

# An interrupted job's file is removed first.
@test "limits: free space, in a dry run" {
	local word

	small_fs "$DIR/s" 20M
	cd "$DIR/s"
	head -c 12M /dev/urandom >.x.img.img-tools
	refuses 9 x.img img-create -n x.img 24M
	succeeds img-create -n x.img 12M
	[ -e .x.img.img-tools ]
	succeeds img-create x.img 12M
	# A file that has all its space gets the new space, too.
	for word in -n ''; do
		# shellcheck disable=SC2086 # no word, if it is empty
		refuses 9 x.img img-resize $word x.img +12M
		[ "$(stat -c %s x.img)" = 12582912 ]
	done
	succeeds img-resize -n x.img +4M
	succeeds img-create --sparse y.img 1M
	succeeds img-resize -n y.img +100M
	succeeds img-resize y.img +100M
}

@test "reflinks: img-storage shows where they work" {
	disk 256M btrfs
	mkdir e4
	truncate -s 16M disk4
	mke2fs -q -F -t ext4 disk4
	AT=$DIR/e4 mounted mount -o loop disk4 e4
	printf '[storage]\n\tdirectory = %s\n' "$M" "$DIR/e4" >config
	succeeds img-storage --json --config config
	json '.directories | map([.filesystem, .reflink]) == [["btrfs", true], ["ext4", false]]'
}

# writes_nothing WHERE: every command that would change x.img in . is refused with 4.
writes_nothing() {
	local word

	for word in '' -n; do
		refuses_it x.img img-write $word "$SMALL" x.img
		refuses_it y.img img-copy $word "$SMALL" y.img
		refuses_it y.img img-copy $word x.img y.img
		refuses_it x.img img-copy $word --overwrite "$SMALL" x.img
		refuses_it y.img img-create $word y.img 1M
		refuses_it x.img img-delete $word x.img
		refuses_it x.img img-rename $word x.img y.img
		refuses_it x.img img-archive $word x.img
		refuses_it x.lzo.lzo img-unarchive $word x.lzo.lzo
	done
	refuses_it "a:$PWD/x.img" img-write "$SMALL" "a:$PWD/x.img"
}

refuses_it() {
	refuses 4 "$@"
	says 'Read-only file system'
}

@test "limits: a read-only filesystem can only be a source" {
	mkdir tree
	cp "$IMAGE" tree/x.img
	lzop -o tree/x.lzo.lzo tree/x.img
	truncate -s 4M tree/hole.img
	put tree/hole.img 1M <"$SMALL"
	mksquashfs tree disk -quiet -no-progress >/dev/null
	mounted mount -o loop,ro -t squashfs disk "$M"
	cd "$M" || return
	writes_nothing
	succeeds img-copy x.img "$DIR/y.img"
	same "$IMAGE" "$DIR/y.img"
	succeeds img-copy x.lzo.lzo "a:$DIR/z.img"
	same "$IMAGE" "$DIR/z.img"
	succeeds img-copy --sparse hole.img "$DIR/hole.img"
	same hole.img "$DIR/hole.img"
	[ "$(allocated "$DIR/hole.img")" -lt $((2 << 20)) ]
	succeeds img-verify x.img "$DIR/y.img"
	succeeds img-info --json x.img
	json '.filesystem.type == "ext4" and (.in_use | not)'
	succeeds img-list .
	try img-clean .
	[ "$status" = 0 ]
}

@test "limits: an overlay of a read-only filesystem" {
	mkdir tree lower over
	cp "$IMAGE" tree/x.img
	cp "$IMAGE" tree/y.img
	cp "$IMAGE" tree/z.img
	mksquashfs tree disk -quiet -no-progress >/dev/null
	AT=$DIR/lower mounted mount -o loop,ro -t squashfs disk lower
	mounted mount -t tmpfs tmpfs "$M"
	mkdir "$M/up" "$M/work"
	AT=$DIR/over mounted mount -t overlay overlay over \
		-o "lowerdir=$DIR/lower,upperdir=$M/up,workdir=$M/work,xino=off"
	cd over
	succeeds img-write "$SMALL" x.img
	same <(cat "$SMALL" /dev/zero | head -c 8M) x.img
	succeeds img-copy --overwrite "$SMALL" y.img
	same "$SMALL" y.img
	succeeds img-archive z.img
	succeeds img-unarchive z.img.lzo
	same "$IMAGE" z.img
	succeeds img-rename z.img w.img
	succeeds img-delete w.img x.img
	[ "$(ls -A)" = y.img ]
	same "$IMAGE" "$DIR/lower/x.img"
}

# fills: an image that does not fit into $M gives 9, and leaves everything as it was.
fills() {
	local before

	cd "$M" || return
	head -c 1M /dev/urandom >old.img
	chmod 600 old.img
	before=$(state_of old.img)
	refuses 9 y.img img-create y.img 40M
	head -c 40M /dev/urandom >"$DIR/big"
	refuses 9 y.img img-copy "$DIR/big" y.img
	refuses 9 "a:$M/y.img" img-copy --sparse "$DIR/big" "a:$M/y.img"
	refuses 9 y.img img-copy --archive "$DIR/big" y.img
	refuses 9 y.img img-copy - y.img <"$DIR/big"
	refuses 9 old.img img-copy --overwrite "$DIR/big" old.img
	[ "$(state_of old.img)" = "$before" ]
	[ "$(ls -A -I lost+found)" = old.img ]
	# In place: if storage cannot be allocated, the image is a mixture and is marked.
	truncate -s 40M t.img
	refuses 9 t.img img-write "$DIR/big" t.img
	succeeds img-info --json t.img
	json .unfinished
	succeeds img-delete t.img
	succeeds img-copy "$SMALL" y.img
	same "$SMALL" y.img
}

@test "limits: a full ext2, where zeros must be written" {
	disk 20M ext2
	fills
}

@test "limits: a full XFS" {
	disk 300M xfs
	rest=$(($(free_bytes) - (16 << 20)))
	fallocate -l $rest "$M/ballast"
	mkdir "$M/d"
	M=$M/d fills
}

@test "limits: a full btrfs" {
	disk 24M btrfs --mixed
	fills
}

@test "limits: a file larger than the filesystem supports" {
	disk 20M ext2 -b 1024
	cd "$M" || return
	refuses 9 y.img img-create --sparse y.img 20G
	says 'more than the filesystem'
	refuses 9 y.img img-create y.img 20G
	truncate -s 20G "$DIR/big"
	refuses 9 y.img img-copy --sparse "$DIR/big" y.img
	refuses 9 "a:$M/y.img" img-copy --sparse "$DIR/big" "a:$M/y.img"
	[ "$(ls -A)" = lost+found ]
}

# fix FLAG FILE: sets the flag by chattr until the test ends.
fix() {
	echo "$PWD/$2" >>"$DIR/fixed"
	as_root chattr "+$1" "$2"
}

# stays LOCATION STATUS TEXT COMMAND...: refused at once, with nothing left behind.
stays() {
	local where=$1 want=$2 text=$3 before
	shift 3

	before=$(state_of x.img; ls -A)
	refuses "$want" "$where" "$@"
	says "$text"
	[ "$(state_of x.img; ls -A)" = "$before" ]
}

@test "limits: an immutable and an append-only image" {
	disk 24M ext4
	cd "$M" || return
	local flag text

	for flag in i a; do
		cp "$SMALL" x.img
		img-copy --archive x.img x.lzo
		mv x.lzo y.img.lzo
		fix $flag x.img
		fix $flag y.img.lzo
		if [ $flag = i ]; then text='immutable'; else text='append-only'; fi
		stays x.img 4 $text img-copy --overwrite "$SMALL" x.img
		stays x.img 4 $text img-archive x.img
		stays y.img.lzo 4 $text img-unarchive y.img.lzo
		stays x.img 4 $text img-delete x.img
		stays x.img 4 $text img-rename x.img z.img
		stays x.img 4 'not permitted' img-write "$SMALL" x.img
		stays x.img 4 'not permitted' img-write -n "$SMALL" x.img
		stays x.img 4 'not permitted' img-resize x.img +1M
		stays x.img 4 'not permitted' img-resize -n x.img +1M
		stays x.img 4 $text img-delete -n x.img
		stays x.img 4 $text img-archive -n x.img
		succeeds img-copy x.img "$DIR/copy.img"
		succeeds img-archive -k x.img
		succeeds img-unarchive -k y.img.lzo
		as_root chattr -ia x.img y.img.lzo
		rm -f ./*.img ./*.lzo "$DIR/copy.img"
	done
}

# stale_stays: a stale hidden file cannot be removed, as a dry run tells.
stale_stays() {
	local word

	for word in '' -n; do
		# shellcheck disable=SC2086 # no word, if it is empty
		try img-clean $word .
		[ "$status" = 4 ]
		says "cannot remove the unfinished '.z.img.img-tools': Operation not permitted"
		[ -e .z.img.img-tools ]
	done
}

@test "limits: an immutable and an append-only directory" {
	disk 24M ext4
	mkdir "$M/d"
	cd "$M/d"
	cp "$SMALL" x.img
	touch .z.img.img-tools
	fix a .
	stale_stays
	stays y.img 4 append-only img-create y.img 1M
	stays y.img 4 append-only img-copy x.img y.img
	stays x.img 4 append-only img-copy --overwrite "$IMAGE" x.img
	stays x.img 4 append-only img-delete x.img
	stays x.img 4 append-only img-rename x.img y.img
	stays x.img 4 append-only img-archive x.img
	stays x.img 4 append-only img-archive -k x.img
	succeeds img-write "$SMALL" x.img
	as_root chattr -a .
	fix i .
	stale_stays
	stays y.img 4 immutable img-create y.img 1M
	stays x.img 4 'not permitted' img-delete -n x.img
	as_root chattr -i .
	rm .z.img.img-tools
}

@test "limits: a renamed mark is renamed back if the image cannot be renamed" {
	disk 24M ext4
	cd "$M" || return
	cp "$SMALL" x.img
	echo >.x.img.img-tools-unfinished
	stays x.img 1 'cannot rename' injected renameat2:error=EIO img-rename x.img y.img
	rm .x.img.img-tools-unfinished
}

@test "limits: a file with a mount over it" {
	cp "$SMALL" x.img
	cp "$IMAGE" under.img
	AT=$DIR/x.img mounted mount --bind under.img x.img
	stays x.img 5 'mount point' img-copy --overwrite "$SMALL" x.img
	stays x.img 5 'mount point' img-delete x.img
	stays x.img 5 'mount point' img-rename x.img y.img
	stays x.img 5 'mount point' img-archive x.img
	stays x.img 6 'exists' img-copy "$SMALL" x.img
	succeeds img-write "$SMALL" x.img
	same <(cat "$SMALL" /dev/zero | head -c 8M) under.img
	succeeds img-archive -k x.img
}

@test "limits: mounts below a directory are entered, and are kept apart" {
	mkdir d d/m
	M=$DIR/d/m disk 20M ext2
	cp "$SMALL" x.img
	succeeds img-copy x.img d/m/
	same x.img d/m/x.img
	succeeds img-list -R --json d
	json '.entries | map(.name) | index("m/x.img") != null'
	succeeds img-copy d/m/x.img d/
	same x.img d/x.img
}

# has_nocow FILE
has_nocow() {
	[[ $(lsattr "$1" | cut -d' ' -f1) == *C* ]]
}

@test "limits: NOCOW files of btrfs have snapshots, and copies with the flag" {
	disk 320M btrfs
	cd "$M"
	touch x.img
	chattr +C x.img
	head -c 20M /dev/urandom >x.img
	sync -f .
	before=$(free_bytes)
	succeeds img-snap --name snap.img x.img
	succeeds img-copy x.img y.img
	succeeds img-copy --snapshot --json x.img z.img
	json '.consistent'
	sync -f .
	[ $((before - $(free_bytes))) -lt 8000000 ]
	for file in snap.img y.img z.img; do
		same x.img $file
		has_nocow $file
		shares $file
	done
	succeeds img-copy --compress=never x.img "a:$M/far.img"
	same x.img far.img
	# A replaced file keeps its own flag, whatever the source and the directory have.
	succeeds img-copy --overwrite "$SMALL" x.img
	same "$SMALL" x.img
	has_nocow x.img
	cp --reflink=never "$SMALL" plain.img
	succeeds img-copy --overwrite y.img plain.img
	same y.img plain.img
	run ! has_nocow plain.img
	mkdir d
	chattr +C d
	mv plain.img d
	succeeds img-copy --overwrite "$SMALL" d/plain.img
	run ! has_nocow d/plain.img
	succeeds img-snap --name snap.img d/plain.img
	same "$SMALL" d/snap.img
	succeeds img-copy --snapshot d/plain.img d/z.img
	same "$SMALL" d/z.img
	# A new file in such a directory gets it from there.
	succeeds img-copy d/plain.img d/new.img
	same "$SMALL" d/new.img
	has_nocow d/new.img
}

@test "limits: extended attributes stay when a file is replaced" {
	local type

	for type in ext4 xfs btrfs; do
		disk 320M $type
		cp "$SMALL" "$M/x.img"
		setfattr -n user.owner -v 'the db team' "$M/x.img"
		setfattr -n user.binary -v 0x00ff0a "$M/x.img"
		setfattr -n user.empty "$M/x.img"
		setfattr -n user.img-tools.run -v none "$M/x.img"
		as_root setfattr -n security.selinux -v system_u:object_r:virt_image_t:s0 "$M/x.img"
		getfattr -d -m - -e hex "$M/x.img" | grep -v img-tools >before
		succeeds img-copy --overwrite "$IMAGE" "$M/x.img"
		same "$IMAGE" "$M/x.img"
		getfattr -d -m - -e hex "$M/x.img" >after
		diff before after
		grep -q user.binary=0x00ff0a after
		succeeds img-copy "$M/x.img" "$M/y.img"
		[ -z "$(getfattr -d "$M/y.img")" ]
		unmount
		rm disk
	done
}

@test "limits: an inherited group, and access lists" {
	[ "$(id -u)" = 0 ] || skip 'needs root, to give files to other groups'
	disk 24M ext4
	mkdir "$M/d"
	cd "$M/d"
	as_root chgrp 13 .
	as_root chmod 2777 .
	succeeds img-create y.img 1M
	[ "$(stat -c '%a %g' y.img)" = '600 13' ]
	# A replaced file keeps its own group and list, not the directory's.
	cp "$SMALL" x.img
	as_root chgrp 14 x.img
	chmod 640 x.img
	setfacl -d -m u:12:rw,g:15:r .
	succeeds img-copy --overwrite "$IMAGE" x.img
	[ "$(stat -c '%a %g' x.img)" = '640 14' ]
	[ "$(getfacl -cpn x.img | sed '/^$/d')" = 'user::rw-
group::r--
other::---' ]
	setfacl -m u:16:r x.img
	before=$(getfacl -cpn x.img)
	succeeds img-copy --overwrite "$SMALL" x.img
	[ "$(getfacl -cpn x.img)" = "$before" ]
	succeeds img-archive x.img
	[ "$(getfacl -cpn x.img.lzo)" = "$before" ]
	succeeds img-unarchive x.img.lzo
	[ "$(getfacl -cpn x.img)" = "$before" ]
	# Rights that belong to a program are not kept.
	as_root chmod 7644 x.img
	succeeds img-copy --overwrite "$SMALL" x.img
	[ "$(stat -c '%a %g' x.img)" = '644 14' ]
	[ "$(getfacl -cpn x.img | grep user:16)" = user:16:r-- ]
	as_root chmod 7644 x.img
	succeeds img-archive x.img
	[ "$(stat -c %a x.img.lzo)" = 644 ]
	as_root chmod 7644 x.img.lzo
	succeeds img-unarchive x.img.lzo
	[ "$(stat -c %a x.img)" = 644 ]
	# A new file is private, whatever the list says.
	succeeds img-create z.img 1M
	[ "$(stat -c %a z.img)" = 600 ]
	getfacl -cepn z.img >acl
	grep -q 'user:12:rw-.*#effective:---' acl
}
