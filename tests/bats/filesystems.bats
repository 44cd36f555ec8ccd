#!/usr/bin/env bats
# Every command that writes, on filesystems that lack features.  The missing features
# are tested first, so that a newer kernel which has them is noticed.
#
# Host a is an ordinary host; n serves files for sshfs, and so does p, with only the
# plain protocol.

load common
load disks

setup_file() {
	img_setup_file a
	start_host n 'Subsystem sftp internal-sftp'
	start_host p 'Subsystem sftp internal-sftp -P posix-rename,hardlink,fsync,statvfs'
	export SMALL=$BATS_FILE_TMPDIR/small SPARSE=$BATS_FILE_TMPDIR/sparse
	head -c $((3 * BLOCK + 500)) /dev/urandom >"$SMALL"
	make_sparse "$SPARSE"
}
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	disks_setup
}
teardown() {
	exec 6>&-
	disks_teardown
}

# fails_with ERROR CALL: CALL failed with ERROR in the last `calls`.
fails_with() {
	grep -qE "^$2\(.*\) += -1 $1 " "$DIR/calls" || {
		cat "$DIR/calls" >&2
		return 1
	}
}

# watch CALL COMMAND...
watch() {
	strace -qq -A -o "$DIR/calls" -e "trace=$1" "${@:2}" || true
}

# calls: runs some system calls in $M and records the answers of the filesystem.
calls() {
	(
		cd "$M" || return
		echo 1 >probe
		watch fallocate fallocate -l 1M probe
		watch renameat2 mv -n probe probe2
		[ ! -e probe2 ] || mv probe2 probe
		watch linkat ln probe probe2
		watch setxattr setfattr -n user.probe -v 1 probe
		rm -f probe probe2
	) 2>/dev/null
}

# tour: runs every command in $M.  $FULL if allocated blocks can be counted, $HOLES
# if holes can; $MARK is what marks a file that is being written.
tour() {
	cd "$M" || return
	making
	replacing
	in_place
	packing
	moving
	dying
	rivals
	[ -z "$(ls -A -I lost+found)" ]
}

full() {
	[ -z "${FULL-1}" ] || [ "$(allocated "$1")" -ge "$(stat -c %s "$1")" ]
}

holes() {
	[ -z "${HOLES-1}" ] || [ "$(allocated "$1")" -lt "$2" ]
}

# exists FILE LOCATION WORD...: refused with 6, and FILE is unchanged.
exists() {
	local file=$1 before

	before=$(state_of "$file")
	refuses 6 "${@:2}"
	[ "$(state_of "$file")" = "$before" ] || {
		echo "is not what it was: $file: $before" >&2
		state_of "$file" >&2
		return 1
	}
}

making() {
	succeeds img-create c.img 600000
	full c.img
	same <(head -c 600000 /dev/zero) c.img
	exists c.img c.img img-create c.img 1M
	succeeds img-create --sparse s.img 2M
	holes s.img 200000
	same <(head -c 2M /dev/zero) s.img
	succeeds img-copy "$SPARSE" x.img
	full x.img
	same "$SPARSE" x.img
	exists x.img x.img img-copy "$SMALL" x.img
	exists x.img "a:$M/x.img" img-copy "$SMALL" "a:$M/x.img"
	succeeds img-copy --sparse "a:$SPARSE" "a:$M/y.img"
	holes y.img $((8 * BLOCK))
	same "$SPARSE" y.img
	succeeds img-copy - z.img <"$SPARSE"
	full z.img
	same "$SPARSE" z.img
	# The files here as sources, with holes and without.
	succeeds img-copy y.img w.img
	same "$SPARSE" w.img
	succeeds img-verify y.img w.img
	succeeds img-delete c.img s.img z.img w.img
}

replacing() {
	if [ -z "${REPLACES-1}" ]; then
		before=$(state_of x.img)
		refuses 4 x.img img-copy --overwrite "$SMALL" x.img
		says 'cannot rename the complete file'
		[ "$(state_of x.img)" = "$before" ]
		return
	fi
	chmod 640 x.img
	if [ "$(id -u)" = 0 ] && [ -n "${OWNERS-1}" ]; then chown 12:13 x.img; fi
	before=$(stat -c '%a %u %g' x.img)
	succeeds img-copy --overwrite "$SMALL" x.img
	same "$SMALL" x.img
	[ "$(stat -c '%a %u %g %h' x.img)" = "$before 1" ]
	succeeds img-copy --overwrite "$SPARSE" "a:$M/x.img"
	same "$SPARSE" x.img
	[ "$(stat -c '%a %u %g' x.img)" = "$before" ]
}

in_place() {
	local run

	img-write --bwlimit 256K "$SMALL" x.img >"$OUT" 2>"$ERR" 3>&- &
	run=$!
	wait_until 10 begun "$SMALL" x.img
	refuses 5 x.img img-write "$SMALL" x.img
	[ "$(ls -A ./*unfinished .*unfinished 2>/dev/null)" = "${MARK-}" ]
	kill $run
	wait $run || true
	wait_until 10 no_process
	has_mark x.img
	refuses 8 x.img img-copy x.img no.img
	succeeds img-rename x.img v.img
	has_mark v.img
	succeeds img-write "$SMALL" v.img
	same <(cat "$SMALL" /dev/zero | head -c "$(stat -c %s "$SPARSE")") v.img
	full v.img
	if has_mark v.img; then return 1; fi
	succeeds img-write --sparse "a:$SPARSE" "a:$M/v.img"
	same "$SPARSE" v.img
	refuses 9 v.img img-write "$IMAGE" v.img
	same "$SPARSE" v.img
}

packing() {
	local before

	succeeds img-copy --archive v.img v.lzo
	lzop -dc v.lzo | cmp - v.img
	succeeds img-copy v.lzo u.img
	same v.img u.img
	touch -d '2001-02-03 04:05:06' v.img
	before=$(stat -c '%a %u %g %Y' v.img)
	succeeds img-archive v.img
	[ ! -e v.img ]
	[ "$(stat -c '%a %u %g %Y' v.img.lzo)" = "$before" ]
	lzop -t v.img.lzo
	lzop -dc v.img.lzo | cmp - u.img
	succeeds img-unarchive v.img.lzo
	same u.img v.img
	full v.img
	[ "$(stat -c '%a %u %g %Y' v.img)" = "$before" ]
	succeeds img-archive -k v.img
	exists v.img v.img.lzo img-unarchive -k v.img.lzo
}

moving() {
	succeeds img-rename v.img x.img
	same u.img x.img
	exists u.img x.img img-rename x.img u.img
	same u.img x.img
	succeeds img-list .
	succeeds img-delete u.img v.lzo v.img.lzo y.img
}

# An interrupted job's file is distinguished from that of a running job.
dying() {
	local run pids

	img-copy --bwlimit 256K "$SMALL" d.img >"$OUT" 2>"$ERR" 3>&- &
	run=$!
	wait_until 10 test -e .d.img.img-tools
	refuses 5 d.img img-copy "$SMALL" d.img
	try img-clean .
	[ "$status" = 0 ]
	[ -e .d.img.img-tools ]
	mapfile -t pids < <(helpers)
	kill -KILL "${pids[@]}"
	wait $run || true
	wait_until 10 no_process
	[ -e .d.img.img-tools ]
	succeeds img-clean .
	[ ! -e .d.img.img-tools ]
	[ ! -e d.img ]
}

# Another program creates the name while we fill our file.
rivals() {
	local run

	mkfifo "$DIR/pipe"
	img-copy - r.img <"$DIR/pipe" >"$OUT" 2>"$ERR" 3>&- &
	run=$!
	exec 6>"$DIR/pipe"
	cat "$SMALL" >&6
	wait_until 10 test -e .r.img.img-tools
	echo mine >r.img
	exec 6>&-
	status=0
	wait $run || status=$?
	[ "$status" = 6 ]
	one_line 'img-copy: r.img: '
	[ "$(cat r.img)" = mine ]
	rm r.img "$DIR/pipe"
	succeeds img-delete x.img
}

@test "filesystems: ramfs has no fallocate and no attributes" {
	mounted mount -t ramfs -o mode=1777 ramfs "$M"
	calls
	fails_with EOPNOTSUPP fallocate
	fails_with EOPNOTSUPP setxattr
	MARK=.x.img.img-tools-unfinished tour
}

@test "filesystems: ext2 has no fallocate" {
	disk 24M ext2 -b 1024 -O ^resize_inode
	calls
	fails_with EOPNOTSUPP fallocate
	tour
}

@test "filesystems: ext4 with clusters of 64 KiB" {
	disk 64M ext4 -O bigalloc -C 65536
	tour
}

@test "filesystems: XFS, with small blocks" {
	disk 300M xfs -b size=1024
	tour
}

@test "filesystems: XFS, with blocks of 64 KiB" {
	# Kernels before 6.12 cannot mount it.
	disk 512M xfs -b size=64k || skip 'blocks larger than a page cannot be mounted here'
	tour
}

@test "filesystems: btrfs" {
	disk 128M btrfs
	tour
}

@test "filesystems: exFAT has no fallocate, links, attributes, owners, modes" {
	needs_fuse
	disk 32M exfat
	calls
	fails_with EOPNOTSUPP fallocate
	# That of Debian 12 has no RENAME_NOREPLACE, that of Debian 13 has.
	grep -qE '^renameat2\(.*\) += (0|-1 EINVAL )' "$DIR/calls"
	fails_with EPERM linkat
	fails_with EOPNOTSUPP setxattr
	HOLES='' OWNERS='' MARK=.x.img.img-tools-unfinished tour
	# Names that differ only in case are one name.
	cp "$SMALL" x.img
	exists x.img X.IMG img-copy "$SPARSE" X.IMG
	exists x.img X.IMG img-create X.IMG 1M
}

@test "filesystems: sshfs has no fallocate, RENAME_NOREPLACE and attributes" {
	needs_fuse
	mkdir back
	mounted sshfs -F "$SSH_CONFIG" -o allow_other "n:$DIR/back" "$M"
	calls
	fails_with EOPNOTSUPP fallocate
	fails_with EINVAL renameat2
	fails_with EOPNOTSUPP setxattr
	FULL='' HOLES='' MARK=.x.img.img-tools-unfinished tour
}

@test "filesystems: sshfs, without renaming over an existing file" {
	needs_fuse
	mkdir back
	mounted sshfs -F "$SSH_CONFIG" -o allow_other "p:$DIR/back" "$M"
	calls
	fails_with EINVAL renameat2
	fails_with 'E[A-Z]*' linkat
	FULL='' HOLES='' REPLACES='' MARK=.x.img.img-tools-unfinished tour
}

@test "filesystems: inode numbers that change while a file is replaced" {
	needs_fuse
	mkdir back
	mounted sshfs -F "$SSH_CONFIG" -o allow_other "n:$DIR/back" "$M"
	mkfifo pipe
	cp "$IMAGE" back/x.img
	cd "$M" || return
	img-copy --overwrite - x.img <"$DIR/pipe" >"$OUT" 2>"$ERR" 3>&- &
	run=$!
	exec 6>"$DIR/pipe"
	cat "$SMALL" >&6
	wait_until 10 test -e .x.img.img-tools
	echo 2 | as_root tee /proc/sys/vm/drop_caches >/dev/null
	exec 6>&-
	status=0
	wait $run || status=$?
	[ "$status" = 0 ]
	same "$SMALL" x.img
	[ "$(ls -A)" = x.img ]
}

@test "filesystems: bindfs has no fallocate and RENAME_NOREPLACE" {
	needs_fuse
	mkdir back
	mounted bindfs back "$M"
	calls
	fails_with EOPNOTSUPP fallocate
	fails_with EINVAL renameat2
	tour
}

@test "filesystems: fuse2fs has no RENAME_NOREPLACE" {
	needs_fuse
	truncate -s 64M disk
	mke2fs -q -F -t ext4 disk
	mounted fuse2fs -o allow_other disk "$M"
	calls
	fails_with EINVAL renameat2
	tour
}
