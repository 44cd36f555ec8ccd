#!/usr/bin/env bats
#
# Kernels that say that a file was cloned when only a part of it was: Linux on XFS from 4.20 on,
# until the mend of December 2024.  Here strace makes the call succeed without anything done.

load common
load disks

setup_file() {
	img_setup_file
	traced_build -qqq
}
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	disks_setup
	disk 320M xfs -m reflink=1
	PATH=$TRACED/bin:$PATH
	cd "$M" || return
	make_sparse x.img
}
teardown() { disks_teardown; }

# clones_nothing COMMAND...: COMMAND works; then the call by which it does is made to do nothing, and
# the file that it has made, which is $made, is removed.
clones_nothing() {
	local number

	echo -etrace=ioctl >"$INJECT"
	succeeds "$@"
	number=$(awk '{ n[$1]++ } / FICLONE, / && !found++ { print n[$1] }' "$TRACE")
	[ -n "$number" ]
	# shellcheck disable=SC2154 # the tests set it
	rm -f $made
	printf '%s\n' -e "inject=ioctl:retval=0:when=$number" >"$INJECT"
}

@test "clone: a copy is made byte by byte" {
	local option made=y.img

	for option in --sparse --no-fsync; do
		clones_nothing img-copy $option x.img y.img
		succeeds img-copy $option x.img y.img
		same x.img y.img
		if [ $option = --sparse ]; then
			[ "$(allocated y.img)" -lt $((8 * BLOCK)) ]
		else
			[ "$(allocated y.img)" -ge "$(stat -c %s x.img)" ]
		fi
		rm y.img
	done
}

@test "clone: no snapshot is taken" {
	local made=y.img

	clones_nothing img-copy -s x.img y.img
	refuses 1 x.img img-copy -s x.img y.img
	says 'cannot take a snapshot: Input/output error'
	made=kept
	clones_nothing img-snap --name kept x.img
	refuses 1 x.img img-snap --name kept x.img
	says 'cannot take a snapshot: Input/output error'
	[ "$(ls -A)" = x.img ]
}
