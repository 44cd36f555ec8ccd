#!/usr/bin/env bats
# A helper is killed at every system call that changes something: afterwards either
# the old or the new state exists, never a third one, and img-clean removes what is left.
#
# The commands run from a copy of the build whose helper is started by strace
# (traced_build).

load common
load crash

setup_file() {
	local work=$BATS_FILE_TMPDIR

	img_setup_file a
	traced_build -qq -y
	export OLD=$work/old NEW=$work/new
	# Data, a hole, and the beginning of a block.
	head -c "$BLOCK" /dev/urandom >"$NEW"
	truncate -s $((2 * BLOCK)) "$NEW"
	seq 1 1000 >>"$NEW"
	head -c $((3 * BLOCK)) /dev/urandom >"$OLD"
}
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

whole_archive() {
	lzop -t "$2" && lzop -dc "$2" | cmp -s "$1" - && img-verify "$1" "$2"
} 2>/dev/null

create_make() { :; }
create_check() {
	[ ! -e w/x.img ] || {
		[ "$(stat -c '%s %h' w/x.img)" = '600000 1' ] &&
			is w/x.img <(head -c 600000 /dev/zero)
	}
}

@test "crash: img-create" {
	LEAST=5 crash create img-create w/x.img 600000
	LEAST=4 crash create img-create --sparse w/x.img 600000
}

copy_make() { :; }
copy_check() {
	[ ! -e w/x.img ] || { is w/x.img "$NEW" && [ "$(stat -c %h w/x.img)" = 1 ]; }
}

@test "crash: img-copy" {
	LEAST=7 crash copy img-copy -j 1 "$NEW" w/x.img
}

@test "crash: img-copy, on a remote host" {
	LEAST=7 crash copy img-copy -j 1 --helper "$TRACED_HELPER" "a:$NEW" "a:$DIR/w/x.img"
}

overwrite_make() {
	cp "$OLD" w/x.img
}
overwrite_check() {
	is w/x.img "$OLD" || is w/x.img "$NEW"
}

@test "crash: img-copy --overwrite" {
	LEAST=8 crash overwrite img-copy -j 1 --overwrite "$NEW" w/x.img
}

copied_archive_make() { :; }
copied_archive_check() {
	[ ! -e w/x.lzo ] || whole_archive "$NEW" w/x.lzo
}

@test "crash: img-copy --archive" {
	LEAST=5 crash copied_archive img-copy -j 1 --archive "$NEW" w/x.lzo
}

write_make() {
	cp "$OLD" w/x.img
}
# The old image, the new one followed by zeros, or a mixture with its mark.
write_check() {
	is w/x.img "$OLD" || is w/x.img <(cat "$NEW" /dev/zero | head -c $((3 * BLOCK))) ||
		img-info --json w/x.img | jq -e .unfinished >/dev/null
}

# The next job completes it, and removes the mark.
written_again() {
	succeeds img-write "$NEW" w/x.img
	is w/x.img <(cat "$NEW" /dev/zero | head -c $((3 * BLOCK)))
	[ "$(ls -A w)" = x.img ]
	succeeds img-info --json w/x.img
	json '.unfinished == false'
}

@test "crash: img-write" {
	LEAST=8 crash write img-write -j 1 "$NEW" w/x.img
	written_again
}

@test "crash: img-write leaves a mixture that is marked" {
	write_with_mark 'pwrite64:signal=KILL:when=1'
	write_with_mark 'fremovexattr:signal=KILL:when=1'
}

write_with_mark() {
	rm -rf w
	mkdir w
	write_make
	printf '%s\n' -e "trace=$CALLS" -e "inject=$1" >"$INJECT"
	run_traced img-write -j 1 "$NEW" w/x.img
	[ "$status" = 7 ]
	wait_until 10 no_process
	succeeds img-clean w
	refuses 8 w/x.img img-copy w/x.img y.img
	written_again
}

@test "crash: img-write where there are no extended attributes" {
	ALWAYS=(-e inject=fsetxattr:error=EOPNOTSUPP -e inject=fremovexattr:error=EOPNOTSUPP)
	LEAST=8 crash write img-write -j 1 "$NEW" w/x.img
	written_again
}

resize_make() {
	cp --sparse=always "$DISK" w/x.img
}
# The old size or the new one; the partitions are as they were, and the guest still sees them.
resize_check() {
	local size

	size=$(stat -c %s w/x.img)
	[[ $size = 8388608 || $size = 12582912 ]] && cmp -n 4000000 -i 1048576 "$DISK" w/x.img &&
		[ "$(parts w/x.img)" = "$(parts "$DISK")" ]
}
# The same command completes it.
resize_completed() {
	try "$@"
	[ "$status" = 0 ] && sgdisk -v w/x.img | grep -q 'No problems found'
}

parts() {
	sfdisk -J "$1" 2>/dev/null | jq -c '.partitiontable.partitions | map({start, size, uuid})'
}

@test "crash: img-resize, of an image with a GPT" {
	DISK=$BATS_TEST_TMPDIR/disk
	truncate -s 8M "$DISK"
	echo 'size=4M' | sfdisk -q -X gpt "$DISK"
	head -c 4M /dev/urandom | dd of="$DISK" bs=1M seek=1 conv=notrunc iflag=fullblock status=none
	CALLS+=,pwritev AFTER='resize_completed img-resize w/x.img 12M' \
		LEAST=8 crash resize img-resize w/x.img 12M
	truncate -s 12M "$DISK"
	sgdisk -e "$DISK" >/dev/null
	AFTER='resize_completed img-resize --shrink w/x.img 8M' \
		LEAST=8 crash resize img-resize --shrink w/x.img 8M
}

archive_make() {
	cp "$NEW" w/x.img
}
archive_check() {
	if [ -e w/x.img ]; then
		is w/x.img "$NEW" && { [ ! -e w/x.img.lzo ] || whole_archive "$NEW" w/x.img.lzo; }
	else
		whole_archive "$NEW" w/x.img.lzo
	fi
}

@test "crash: img-archive" {
	LEAST=9 crash archive img-archive -j 1 w/x.img
}

unarchive_make() {
	[ -e x.lzo ] || img-copy --archive "$NEW" x.lzo
	cp x.lzo w/x.img.lzo
}
unarchive_check() {
	if [ -e w/x.img.lzo ]; then
		is w/x.img.lzo x.lzo && { [ ! -e w/x.img ] || is w/x.img "$NEW"; }
	else
		is w/x.img "$NEW"
	fi
}

@test "crash: img-unarchive" {
	LEAST=9 crash unarchive img-unarchive -j 1 w/x.img.lzo
}

delete_make() {
	cp "$OLD" w/x.img
}
delete_check() {
	[ ! -e w/x.img ] || is w/x.img "$OLD"
}

@test "crash: img-delete" {
	LEAST=2 crash delete img-delete w/x.img
}

rename_make() {
	cp "$OLD" w/x.img
}
rename_check() {
	is "w/$(ls -A w)" "$OLD"
}

@test "crash: img-rename" {
	LEAST=2 crash rename img-rename w/x.img y.img
}

# If the filesystem cannot rename without replacing, link and unlink are used.
linked_rename_check() {
	{ [ ! -e w/x.img ] || is w/x.img "$OLD"; } && { [ ! -e w/y.img ] || is w/y.img "$OLD"; } &&
		[ -n "$(ls w)" ]
}
linked_rename_make() { rename_make; }

@test "crash: where the filesystem cannot rename without replacing" {
	# shellcheck disable=SC2034 # for crash.bash
	ALWAYS=(-e inject=renameat2:error=EINVAL)
	mkdir w
	count_points img-create w/x.img 600000 >all
	grep -q linkat all
	LEAST=7 crash linked_create img-create w/x.img 600000
	LEAST=3 crash linked_rename img-rename w/x.img y.img
}

linked_create_make() { :; }
# Between the two calls both names exist; after img-clean only the right one does.
linked_create_check() {
	[ ! -e w/x.img ] || {
		[ "$(stat -c %s w/x.img)" = 600000 ] && is w/x.img <(head -c 600000 /dev/zero) &&
			[ "$(stat -c %h w/x.img)" = "$(find w -type f | wc -l)" ]
	}
}

@test "crash: the order in which things are synced to disk" {
	cp "$NEW" x.img
	in_order 'ftruncate fallocate fremovexattr fsync renameat2 fsync' img-create new.img 600000
	in_order 'fsync renameat2 fsync unlinkat fsync' img-archive -j 1 x.img
	in_order 'fsync renameat2 fsync unlinkat fsync' img-unarchive -j 1 x.img.lzo
	in_order 'renameat2 fsync' img-rename x.img y.img
	in_order 'unlinkat fsync' img-delete y.img
	in_order 'fsync renameat2 fsync' img-copy -j 1 "$NEW" z.img
	in_order 'fsetxattr fsync' img-write -j 1 "$NEW" z.img
	in_order 'fsync fremovexattr fsync' img-write -j 1 "$NEW" z.img
}

# in_order CALLS WORD...: these calls follow each other, with no other call that changes
# something in between.
in_order() {
	local want=$1
	shift

	printf '%s\n' -e "trace=$CALLS" >"$INJECT"
	run_traced "$@"
	[ "$status" = 0 ]
	grep -vE ' openat\(| = -1 ENOENT' "$TRACE" | sed -E 's/^[0-9]+ +([a-z0-9]+)\(.*/\1/' | uniq |
		tr '\n' ' ' >calls
	grep -qF "$want " calls || {
		echo "not in this order: $(cat calls)" >&2
		return 1
	}
}

@test "crash: a new job takes over what a killed one left" {
	mkdir w
	printf '%s\n' -e "trace=$CALLS" -e inject=fsync:signal=KILL:when=1 >"$INJECT"
	run_traced img-copy -j 1 "$NEW" w/x.img
	[ "$status" = 7 ]
	[ -e w/.x.img.img-tools ]
	wait_until 10 no_process
	succeeds img-copy "$NEW" w/x.img
	same "$NEW" w/x.img
	[ "$(ls -A w)" = x.img ]
}
