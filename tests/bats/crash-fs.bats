#!/usr/bin/env bats
#
# A helper that resizes a filesystem, e2fsck and resize2fs are killed at their system calls that
# change something: the file is as it was, or complete, or marked if it is changed in place, and
# the same command completes it.  A sample of these calls in the tests, all of them in `make soak`.

load common
load crash

setup_file() {
	img_setup_file a
	traced_build -qq -y
	export FILE=$BATS_FILE_TMPDIR/file IMAGE=$BATS_FILE_TMPDIR/fs
	head -c 100000 /dev/urandom >"$FILE"
	truncate -s 8M "$IMAGE"
	mke2fs -q -t ext4 "$IMAGE"
	debugfs -w -R "write $FILE f" "$IMAGE" >/dev/null 2>&1
}
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	CALLS+=,write,pwritev
	# shellcheck disable=SC2034 # for crash.bash
	CHILD_STATUS='[18]' EVERY=$(sample 9)
}
teardown() { img_teardown; }

fs_make() {
	cp --sparse=always "$IMAGE" w/x.img
}

# The filesystem is as large as its image, unless LEN says how large that is, and has no errors, and
# the file.
is_new() {
	local size

	size=$(dumpe2fs -h w/x.img 2>/dev/null |
		awk '/^Block count:/ { c = $3 } /^Block size:/ { b = $3 } END { printf "%.0f", c * b }')
	[ "$(stat -c %s w/x.img)" = "${LEN:-$NEW}" ] && [ "$size" = "$NEW" ] &&
		e2fsck -fn w/x.img >/dev/null 2>&1 &&
		debugfs -R 'cat f' w/x.img 2>/dev/null | cmp -s - "$FILE"
}

fs_check() {
	is w/x.img "$IMAGE" || is_new
}

in_place_make() { fs_make; }
in_place_check() {
	has_mark w/x.img || fs_check
}

not_busy() {
	try "$@"
	[ "$status" != 5 ]
}

# A program that changes the file in place can outlive the helper, and has the file locked.
completed() {
	wait_until 20 not_busy "$@" && [ "$status" = 0 ] && is_new && [ "$(ls -A w)" = x.img ]
}

@test "crash: img-resize --fs" {
	NEW=12582912
	AFTER='completed img-resize --fs w/x.img 12M' LEAST=30 \
		crash fs img-resize --fs w/x.img 12M
	NEW=6291456
	AFTER='completed img-resize --shrink --fs w/x.img 6M' LEAST=30 \
		crash fs img-resize --shrink --fs w/x.img 6M
}

@test "crash: img-resize --fs --in-place" {
	NEW=12582912
	AFTER='completed img-resize --in-place --fs w/x.img 12M' LEAST=30 \
		crash in_place img-resize --in-place --fs w/x.img 12M
	NEW=6291456
	AFTER='completed img-resize --in-place --shrink --fs w/x.img 6M' LEAST=30 \
		crash in_place img-resize --in-place --shrink --fs w/x.img 6M
	# The file keeps its length, although resize2fs cuts it.
	LEN=8388608
	AFTER='completed img-resizefs --in-place --shrink w/x.img 6M' LEAST=30 \
		crash in_place img-resizefs --in-place --shrink w/x.img 6M
}
