# shellcheck shell=bash
#
# Shared by the files about snapshots, beside guest.bash: setup and teardown, with which
# host a has a group vga with a volume `disk`, which holds $IMAGE when a test starts.

setup_file() {
	guest_setup_file
	make_group a vga 128M
	on a lvcreate -q -L 8M -n disk vga
}

setup() {
	guest_setup
	cp "$IMAGE" /dev/vga/disk
	sync
}

# No test may leave the tag of a job, or anything but the shared volumes.
teardown() {
	on a find /srv /etc/img-tools -mindepth 1 -delete
	guest_teardown
	[ "$(volumes)" = "disk " ]
}

# Prints the names of the volumes of vga, and their tags.
volumes() {
	on a lvs --noheadings -o lv_name,lv_tags vga | tr -d ' ' | tr '\n' ' '
}

# configure LINE...: sets [snapshot] of host a's configuration.
configure() {
	printf '\t%s\n' "$@" | sed '1i[snapshot]' | on a tee /etc/img-tools/config >&2
}

# one_tagged, none_tagged: there is a snapshot with the tag of a job; there is none.  LVM
# is asked last, because it slows down what the caller waits for.
one_tagged() {
	compgen -G '/dev/mapper/vga-disk.img--tools--*' >/dev/null &&
		tagged a | grep -q 'vga/disk\.img-tools-'
}

none_tagged() {
	! compgen -G '/dev/mapper/vga-*.img--tools--*' >/dev/null && [ -z "$(tagged a)" ]
}

# copy_slowly: on host a, until something is to have happened meanwhile.  Use
# copy_ends to let it end.
copy_slowly() {
	timeout -k 10 180 nsenter "--net=$IMG_VM/a/spaces/net" "--mount=$IMG_VM/a/spaces/mnt" \
		"--uts=$IMG_VM/a/spaces/uts" img-copy -s --bwlimit 300k --json \
		/dev/vga/disk /srv/copy >"$OUT" 2>"$ERR" 3>&- &
	copying=$!
	wait_until 60 one_tagged
	snap=$(tagged a)
	wait_until 60 test -s "$IMG_VM/a/srv/.copy.img-tools"
}

# shellcheck disable=SC2034 # the tests use it
copy_ends() {
	status=0
	wait "$copying" || status=$?
}

# larger BYTES: $snap is larger than that.
larger() {
	[ "$(lv lv_size "$snap")" -gt "$1" ]
}

# change FROM COUNT: writes to these MiB of the origin.
change() {
	yes changed | dd of=/dev/vga/disk bs=1M seek="$1" count="$2" iflag=fullblock oflag=direct \
		conv=notrunc status=none
}
