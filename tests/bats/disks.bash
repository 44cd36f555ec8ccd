# shellcheck shell=bash
#
# Filesystems of their own for tests: loaded after common.  A file calls disks_setup
# after img_setup, and disks_teardown instead of img_teardown.
#
#   $M         the directory where a test mounts one; mounted to disks_teardown
#
# All is mounted below a shared mount, so that unmounting it reaches the mounts of the
# hosts of other files, which were copied meanwhile and would keep it.

disks_setup() {
	share_mounts
	M=$DIR/m
	mkdir "$M"
}

disks_teardown() {
	local left=0 pid

	nothing_left || left=1
	cd / || return
	for pid in $(img_processes) $(jobs -p); do
		kill -KILL "$pid" 2>/dev/null
	done
	unmount || left=1
	img_teardown && [ $left = 0 ]
}

# Takes away what the tests mounted, the newest first; no daemon or loop device stays.
unmount() {
	local mount

	for mount in "${MOUNTS[@]}"; do
		as_root umount "$mount" || as_root umount -l "$mount"
	done
	MOUNTS=()
	wait_until 10 nobody_serves
}

nobody_serves() {
	! losetup -a | grep -F "$BATS_TEST_TMPDIR/" &&
		! pgrep -f "^[^ ]*(fuse|sshfs|bindfs).*$BATS_TEST_TMPDIR/"
} >&2

# mounted WORD...: a command that mounts $M, or the directory that $AT names.
mounted() {
	as_root "$@" 3>&- >"$DIR/mount.log" 2>&1 || {
		cat "$DIR/mount.log" >&2
		return 1
	}
	MOUNTS=("${AT:-$M}" "${MOUNTS[@]}")
}

# disk SIZE TYPE OPTION...: makes and mounts such a filesystem, in a file.
disk() {
	local disk=$DIR/disk size=$1 type=$2 tries=0
	shift 2

	truncate -s "$size" "$disk"
	until "mkfs.$type" "$@" "$disk" >"$DIR/mkfs.log" 2>&1; do
		# mkfs.btrfs looks at all mounts, and may be misled by those that come and go.
		if ! grep -q 'is mounted$' "$DIR/mkfs.log" || [ $((++tries)) = 5 ]; then
			cat "$DIR/mkfs.log" >&2
			return 1
		fi
	done
	[ "$type" != exfat ] || type=exfat-fuse
	if [ "$type" = exfat-fuse ]; then
		mounted mount -o "loop,uid=$(id -u)" -t "$type" "$disk" "$M"
	else
		mounted mount -o loop -t "$type" "$disk" "$M" && as_root chmod 1777 "$M"
	fi
}

needs_fuse() {
	[ -c /dev/fuse ] || {
		echo "no /dev/fuse here, without which this cannot be tested" >&2
		return 1
	}
}
