#!/usr/bin/env bats
#
# Some of what the unit tests of XFS and btrfs try, with Debian's kernel, which is older than that
# of many hosts, and supports quotas and version 4 of XFS.

load guest

# checked TEST [PART...]: the unit test passes.
checked() {
	"$IMG_BUILD/tests/$1" "${@:2}" >"$1.tap" 2>&1 || {
		grep -v '^ok' "$1.tap" >&2
		return 1
	}
	grep '^ok' "$1.tap"
}

@test "XFS of version 4, and with quotas" {
	modprobe xfs
	checked test_fs_xfs version_4 quota
	grep '^ok .*version 4: grown' test_fs_xfs.tap
	grep '^ok .*quota: the flags are kept' test_fs_xfs.tap
}

@test "btrfs with snapshots, a balance, and several copies" {
	modprobe btrfs
	checked test_fs_btrfs snapshots balance clone
}

@test "a resize that is killed leaves no mount" {
	modprobe xfs
	modprobe btrfs
	checked test_fs_mounted xfs
	[ -z "${IMG_SOAK:-}" ] || checked test_fs_mounted btrfs # which takes a minute more
}
