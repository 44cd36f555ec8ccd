# shellcheck shell=bash
#
# Filesystems for single tests; loaded after common.bash.  A file calls disks_setup
# after img_setup, and disks_teardown instead of img_teardown.
#
#   $M         the directory where a test mounts a filesystem, until disks_teardown
#
# Everything is mounted below a shared mount, so that unmounting it also reaches the mount
# namespaces of other files' hosts, which were copied meanwhile and would keep it.

disks_setup() {
	share_mounts
	cd "$DIR" || return # it is below the new mount now
	M=$DIR/m
	mkdir "$M"
}

disks_teardown() {
	local left=0

	nothing_left || left=1
	cd / || return
	kill_processes
	unmount || left=1
	img_teardown && [ $left = 0 ]
}

# Unmounts what the tests mounted, the newest first; no daemon or loop device remains.
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

# mounted WORD...: a command that mounts $M, or the directory in $AT.
mounted() {
	as_root "$@" 3>&- >"$DIR/mount.log" 2>&1 || {
		cat "$DIR/mount.log" >&2
		return 1
	}
	MOUNTS=("${AT:-$M}" "${MOUNTS[@]}")
}

# disk SIZE TYPE OPTION...: makes such a filesystem in a file, and mounts it.
disk() {
	local disk=$DIR/disk size=$1 type=$2 tries=0
	shift 2

	truncate -s "$size" "$disk"
	until "mkfs.$type" "$@" "$disk" >"$DIR/mkfs.log" 2>&1; do
		# mkfs.btrfs examines all mounts, and can be misled by those that come and go.
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

# free_bytes: prints what is free in the filesystem of $M.
free_bytes() {
	stat -f -c '%f %S' "$M" | awk '{ print $1 * $2 }'
}
