# shellcheck shell=bash
#
# Shared by the files in which storage, LVM and administrators cause faults, beside guest.bash:
# setup and teardown, with which host a has a group vga with a volume `other`.

setup_file() {
	guest_setup_file
	make_group a vga 96M
	on a lvcreate -q -L 8M -n other vga
}

# No test may leave the tag of a job.
teardown() {
	guest_teardown
	[ -z "$(tagged a)" ]
}

# lvm_with [LINE...]: lvm on host a runs these lines first; $1 there is lvm's command,
# and `real` runs lvm itself, which must be called by its name.
lvm_with() {
	printf '%s\n' '#!/bin/bash' 'real() { (exec -a lvm lvm.real "$@"); }' "$@" 'real "$@"' |
		lvm_is a -
}

# known VOLUME: gives it a content of its own.
known() {
	yes "${1##*/}" | dd of="/dev/$1" bs=1M count=8 iflag=fullblock oflag=direct status=none
}

# is_known VOLUME [NAME]: it still has that content.
is_known() {
	blockdev --flushbufs "/dev/$1"
	yes "${2:-${1##*/}}" | cmp -n 8M - "/dev/$1" >&2
}
