#!/usr/bin/env bats
#
# img-commit --qmp into volumes, which are extended while QEMU has them open.

load guest

setup_file() {
	guest_setup_file
	make_group a vga 96M
}
setup() {
	guest_setup
	QEMU=
}
teardown() {
	stop_qemu
	lvm_back a
	on a lvremove -qqy vga 2>/dev/null || true
	guest_teardown
	[ -z "$(tagged a)" ]
}

# volume NAME SIZE: with the old data of others.
volume() {
	on a lvcreate -qqy -Wn -L "$2" -n "$1" vga
	yes old | dd of="/dev/vga/$1" bs=1M oflag=direct iflag=fullblock status=none 2>/dev/null || true
}

# chain FORMAT: base <- mid <- top on volumes, of which base is too small for what mid holds.
chain() {
	volume base 4M
	volume mid 12M
	volume top 4M
	if [ "$1" = raw ]; then
		qemu-img create -q -f qcow2 -b /dev/vga/base -F raw /dev/vga/mid 10M
		qemu-io -f qcow2 -c 'write -P 1 1M 1M' -c 'write -P 2 7M 2M' /dev/vga/mid >/dev/null
	else
		qemu-img create -q -f qcow2 /dev/vga/base 10M
		qemu-img create -q -f qcow2 -b /dev/vga/base -F qcow2 /dev/vga/mid 10M
		qemu-io -f qcow2 -c 'write -P 9 0 1M' /dev/vga/base >/dev/null
		qemu-io -f qcow2 -c 'write -P 1 1M 6M' /dev/vga/mid >/dev/null
	fi
	qemu-img create -q -f qcow2 -b /dev/vga/mid -F qcow2 /dev/vga/top 10M
	qemu-io -f qcow2 -c 'write -P 3 1500K 100K' /dev/vga/top >/dev/null
	qemu-img convert -O raw /dev/vga/top view
}

# start_qemu FORMAT: has the chain open, with its monitor on /srv/qmp of the host a.
start_qemu() {
	on a rm -f /srv/qmp
	on a qemu-storage-daemon --chardev socket,path=/srv/qmp,server=on,wait=off,id=q \
		--pidfile /srv/pid --monitor chardev=q \
		--blockdev host_device,node-name=p0,filename=/dev/vga/base,auto-read-only=on \
		--blockdev "$1,node-name=base,file=p0,auto-read-only=on" \
		--blockdev host_device,node-name=p1,filename=/dev/vga/mid,auto-read-only=on \
		--blockdev qcow2,node-name=mid,file=p1,backing=base,auto-read-only=on \
		--blockdev host_device,node-name=p2,filename=/dev/vga/top \
		--blockdev qcow2,node-name=top,file=p2,backing=mid 3>&- &
	QEMU=$!
	wait_until 20 on a test -S /srv/qmp
}

stop_qemu() {
	[ -n "$QEMU" ] || return 0
	kill "$(on a cat /srv/pid)" || true
	wait "$QEMU" || true
	QEMU=
}

# shows NAME [FORMAT]: the guest sees what it saw.
shows() {
	blockdev --flushbufs "/dev/vga/$1"
	qemu-img compare -q -f raw -F "${2:-qcow2}" view "/dev/vga/$1" >&2
}

backing_of() {
	qemu-img info -U --output=json "/dev/vga/$1" | jq -r '."full-backing-filename"'
}

volumes() {
	on a lvs --noheadings -o lv_name vga | xargs
}

@test "a raw base is extended and zeroed while QEMU has it open, and the layer is deleted" {
	chain raw
	start_qemu raw
	succeeds on a img-commit -n --qmp /srv/qmp --top 1 /dev/vga/top
	grep "enlarge '/dev/vga/base' from 4 MiB to 12 MiB" "$OUT"
	succeeds img-commit --json --qmp /srv/qmp --top 1 --delete a:/dev/vga/top
	json '.base.before.physical == 4194304 and .base.after.physical == 12582912 and
		.deleted == ["/dev/vga/mid"] and .child == {path: "/dev/vga/top", backing: "/dev/vga/base"}'
	stop_qemu
	shows top
	[ "$(backing_of top)" = /dev/vga/base ]
	[ "$(volumes)" = 'base top' ]
	blockdev --flushbufs /dev/vga/base
	cmp -n $((2 << 20)) -i $((10 << 20)):0 /dev/vga/base /dev/zero >&2
}

@test "the helper is killed when it has extended a base, whose new space the next one zeroes" {
	chain raw
	start_qemu raw
	printf '#!/bin/bash\n(exec -a "${0##*/}" /usr/sbin/lvm.real "$@")\nresult=$?\n%s\nexit $result\n' \
		'[[ $result != 0 || "${0##*/} $*" != *lvextend* ]] || kill -KILL $PPID' >killer
	lvm_is a killer
	try on a img-commit --qmp /srv/qmp --top 1 /dev/vga/top
	[ "$status" = 7 ]
	lvm_back a
	[ "$(blockdev --getsize64 /dev/vga/base)" = $((12 << 20)) ]
	# The guest has not used it, as it is read only through the layers.
	succeeds on a img-commit --json --qmp /srv/qmp --top 1 --delete /dev/vga/top
	json '.resumed and .base.after.physical == 12582912'
	stop_qemu
	shows top
	blockdev --flushbufs /dev/vga/base
	cmp -n $((2 << 20)) -i $((10 << 20)):0 /dev/vga/base /dev/zero >&2
}

@test "a qcow2 base is extended to what is measured, while QEMU has it open" {
	local measured

	chain qcow2
	measured=$(qemu-img measure --output=json -O qcow2 -f qcow2 /dev/vga/mid | jq .required)
	start_qemu qcow2
	try img-commit --json --progress=json --qmp /srv/qmp --delete --top /dev/vga/mid a:/dev/vga/top
	[ "$status" = 0 ]
	# As the volume is smaller than the default reserve of img-watch, it is near its end all the time.
	jq -es 'all(.threshold == 0 and .allocation <= .physical)' "$ERR" >&2
	json ".base.after.physical >= $measured and .base.after.physical < $measured + 4194304 and
		.base.after.allocation <= .base.after.physical"
	# The image itself, which needs less.
	succeeds on a img-commit --json --qmp /srv/qmp --delete /dev/vga/top
	json '.deleted == ["/dev/vga/top"]'
	stop_qemu
	shows base
	qemu-img check -q /dev/vga/base >&2
	[ "$(volumes)" = base ]
}
