# shellcheck shell=bash
#
# What the files share in which storage, LVM and people fail, beside guest.bash: setup and
# teardown, by which host a has a group vga with a volume `other`.

setup_file() {
	guest_setup_file
	make_group a vga 96M
	on a lvcreate -q -L 8M -n other vga
}

# No test leaves a mark of a run.
teardown() {
	guest_teardown
	[ -z "$(tagged a)" ]
}

# lvm_with [LINE...]: lvm on host a runs those before; $1 there is lvm's command,
# and `real` runs lvm itself, which has to have its name.
lvm_with() {
	printf '%s\n' '#!/bin/bash' 'real() { (exec -a lvm lvm.real "$@"); }' "$@" 'real "$@"' |
		lvm_is a -
}

# known VOLUME: has something of its own in it.
known() {
	yes "${1##*/}" | dd of="/dev/$1" bs=1M count=8 iflag=fullblock oflag=direct status=none
}

# is_known VOLUME [NAME]
is_known() {
	blockdev --flushbufs "/dev/$1"
	yes "${2:-${1##*/}}" | cmp -n 8M - "/dev/$1" >&2
}
