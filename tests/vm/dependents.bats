#!/usr/bin/env bats
#
# Volumes that other images need, as qcow2 layers on volumes do, are neither deleted, renamed,
# overwritten nor cut.

load guest
load volumes

# overlay PATH BACKING [FORMAT]: a qcow2 layer on a volume or in a file, over BACKING.
overlay() {
	qemu-img create -q -f qcow2 -u -b "$2" -F "${3:-raw}" "$1" 4M
}

# on_host LOCATION COMMAND...: runs it on host a if LOCATION is a path there.
on_host() {
	case $1 in
	/*) on a "${@:2}" ;;
	*) on here "${@:2}" ;;
	esac
}

# needed PATH CHILD [OPTION...]: img-delete refuses PATH and names CHILD, on host a and from here.
needed() {
	local where

	for where in "$1" "a:$1"; do
		refuses 4 "$where" on_host "$where" img-delete "${@:3}" "$where"
		says "$where: is the backing file of '$2' (see img-copy --flatten)"
	done
}

@test "each command that would break them refuses, and changes nothing" {
	local where before
	local -a command

	on a lvcreate -q -L 8M -n base vga
	on a lvcreate -q -L 8M -n other vga
	on a lvcreate -q -L 8M -n top vga
	mke2fs -q -t ext4 /dev/vga/base 4M
	overlay /dev/vga/top base
	before=$(sha256sum </dev/vga/base)
	for where in /dev/vga/base a:/dev/vga/base; do
		while read -ra command; do
			command=("${command[@]//@/$where}")
			refuses 4 "$where" on_host "$where" "${command[@]}"
			says "$where: is the backing file of '/dev/vga/top' ("
			refuses 4 "$where" on_host "$where" "${command[0]}" -n "${command[@]:1}"
		done <<-END
			img-delete @
			img-rename @ new
			img-write ${where%base}other @
			img-copy --overwrite ${where%base}other @
			img-resize --shrink --fs @ 4M
			img-resizefs @
		END
	done
	[ "$(sha256sum </dev/vga/base)" = "$before" ]
	[ "$(lv lv_size,lv_tags vga/base)" = 8388608 ]
	succeeds on a img-resize -q /dev/vga/base +4M
	on a lvremove -qy vga/top
	succeeds on a img-resizefs -q /dev/vga/base
	succeeds img-write a:/dev/vga/other a:/dev/vga/base
	succeeds on a img-rename /dev/vga/base new
	succeeds img-delete a:/dev/vga/new
	on a lvremove -qy vga/other
}

@test "by any name, as Proxmox VE names them, and without a device" {
	local name

	on a lvcreate -q -L 4M -n vm-100-disk-0.qcow2 vga
	on a lvcreate -q -L 4M -n snap_vm-100-disk-0_one.qcow2 vga
	for name in {,./,/dev/vga/,file:/dev/vga/}snap_vm-100-disk-0_one.qcow2 \
		/dev/mapper/vga-snap_vm--100--disk--0_one.qcow2; do
		overlay /dev/vga/vm-100-disk-0.qcow2 "$name" qcow2
		needed /dev/vga/snap_vm-100-disk-0_one.qcow2 /dev/vga/vm-100-disk-0.qcow2
		needed /dev/mapper/vga-snap_vm--100--disk--0_one.qcow2 /dev/vga/vm-100-disk-0.qcow2
	done
	overlay /dev/vga/vm-100-disk-0.qcow2 snap_vm-100-disk-0_one.qcow2 qcow2
	# Without a device it is found by its name, and what it is the base of cannot be read.
	on a lvchange -an vga/snap_vm-100-disk-0_one.qcow2
	needed /dev/vga/snap_vm-100-disk-0_one.qcow2 /dev/vga/vm-100-disk-0.qcow2
	on a lvchange -an vga/vm-100-disk-0.qcow2
	try on a img-delete -n /dev/vga/snap_vm-100-disk-0_one.qcow2
	[ "$status" = 0 ]
	says "warning: /dev/vga/snap_vm-100-disk-0_one.qcow2: cannot check whether '/dev/vga/vm-100-disk-0.qcow2' needs it: it is not active"
	on a lvchange -ay vga/vm-100-disk-0.qcow2
	try img-delete a:/dev/vga/vm-100-disk-0.qcow2
	[ "$status" = 0 ]
	says "cannot check whether '/dev/vga/snap_vm-100-disk-0_one.qcow2' needs it: it is not active"
	# Where all volumes are raw, those that are not active do not matter.
	on a lvcreate -q -L 4M -n raw vga
	succeeds on a img-delete /dev/vga/raw
	succeeds on a img-delete /dev/vga/snap_vm-100-disk-0_one.qcow2
}

@test "LVM is asked once for all of a group" {
	local i counts=

	on a lvcreate -q -L 4M -n base vga
	for i in 1 2; do
		try on a strace -f -qq -e trace=execve -o "$PWD/trace" \
			env ASAN_OPTIONS=detect_leaks=0 img-delete -n /dev/vga/base
		[ "$status" = 0 ]
		counts+=" $(grep -c '"lvs"' trace)"
		on a lvcreate -q -L 4M -n "x$i" vga
		on a lvcreate -q -L 4M -n "y$i" vga
		overlay "/dev/vga/x$i" "y$i"
	done
	# Once for the volume itself, and once for the others.
	[ "$counts" = ' 2 2' ]
	on a lvremove -qy vga/x1 vga/x2 vga/y1 vga/y2
	succeeds on a img-delete /dev/vga/base
}

@test "between files and volumes, where a configuration allows both" {
	local c=(--config "$PWD/config")

	on a lvcreate -q -L 4M -n base vga
	on a mkdir -p /srv/images
	on a qemu-img create -q -f qcow2 -u -b /dev/vga/base -F raw /srv/images/child 4M
	succeeds on a img-delete -n /dev/vga/base
	printf '[storage]\n directory = /srv/images\n group = vga\n' >config
	refuses 4 /dev/vga/base on a img-delete "${c[@]}" /dev/vga/base
	says "is the backing file of '/srv/images/child'"
	# And the other way round.
	on a truncate -s 4M /srv/images/base
	on a lvcreate -q -L 4M -n top vga
	overlay /dev/vga/top /srv/images/base
	refuses 4 /srv/images/base on a img-delete "${c[@]}" /srv/images/base
	says "is the backing file of '/dev/vga/top'"
	succeeds on a img-delete -n /srv/images/base
	# A layer of the chain is in the group.
	overlay /dev/vga/top /srv/images/base
	on a qemu-img create -q -f qcow2 -u -b /dev/vga/base -F raw /srv/images/base 4M
	refuses 4 /srv/images/base on a img-delete /srv/images/base
	says "is the backing file of '/dev/vga/top'"
	on a lvremove -qy vga/top
	succeeds on a img-delete "${c[@]}" /srv/images/base /srv/images/child /dev/vga/base
}

@test "a base in use is refused as that, and then as needed" {
	on a lvcreate -q -L 4M -n base vga
	on a lvcreate -q -L 4M -n top vga
	overlay /dev/vga/top base
	exec 9</dev/vga/base
	refuses 5 /dev/vga/base on a img-delete /dev/vga/base
	exec 9<&-
	needed /dev/vga/base /dev/vga/top
	on a lvremove -qy vga/top
	succeeds img-delete a:/dev/vga/base
}
