# shellcheck shell=bash
#
# Shared by the files in which volumes are copied, beside guest.bash: setup and teardown,
# with which hosts a and b have the groups vga and vgb.

setup_file() {
	guest_setup_file
	make_group a vga 160M
	make_group b vgb 96M
}

# No test may leave the tag of a job.
teardown() {
	guest_teardown
	[ -z "$(tagged a)$(tagged b)" ]
}

# dirty HOST GROUP: fills the free space of the group with data.
dirty() {
	on "$1" lvcreate -qy -Wn -Zn -l 100%FREE -n dirt "$2"
	yes secret | dd of="/dev/$2/dirt" bs=1M oflag=direct iflag=fullblock status=none 2>"$DIR/dd" || true
	on "$1" lvremove -qy "$2/dirt"
}

# holds VOLUME FILE: it has FILE's content, followed by zeros, on the disk.
holds() {
	local size length

	size=$(blockdev --getsize64 "/dev/$1")
	length=$(stat -c %s "$2")
	blockdev --flushbufs "/dev/$1"
	cmp -n "$length" "/dev/$1" "$2" >&2 &&
		cmp -n $((size - length)) -i "$length:0" "/dev/$1" /dev/zero >&2
}

# works COMMAND...: succeeds; notes are allowed.
# shellcheck disable=SC2154 # try sets it
works() {
	try "$@"
	[ "$status" = 0 ] || {
		told
		return 1
	}
}
