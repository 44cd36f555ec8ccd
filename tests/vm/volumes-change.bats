#!/usr/bin/env bats
#
# Volumes are renamed and deleted, unless they are in use or not ours to change.

load guest
load volumes

@test "volumes in use, with snapshots, or internal to LVM are neither deleted nor renamed" {
	local name before

	make_group a vgi 96M
	furnish vgi
	exec 7</dev/vgi/thin
	mkdir mnt
	on a mount /dev/vgi/fs-1.x "$PWD/mnt"
	before=$(on a lvs -a vgi)
	for name in thin fs-1.x; do
		refuses 5 "/dev/vgi/$name" on a img-delete "/dev/vgi/$name"
		refuses 5 "/dev/vgi/$name" on a img-rename "/dev/vgi/$name" other
	done
	for name in old pool pool_tdata lvol0_pmspare; do
		refuses 4 "/dev/vgi/$name" on a img-delete -f "/dev/vgi/$name"
		refuses 4 "/dev/vgi/$name" on a img-rename "/dev/vgi/$name" other
	done
	refuses 4 /dev/mapper/vgi-pool_tdata on a img-delete /dev/mapper/vgi-pool_tdata
	refuses 4 /dev/vgi on a img-delete /dev/vgi
	refuses 6 /dev/vgi/off on a img-rename /dev/vgi/off thin
	refuses 4 /dev/vgi/off on a img-rename /dev/vgi/off off
	refuses 2 /dev/vgi/off on a img-rename /dev/vgi/off 'a b'
	refuses 3 /dev/vgi/none on a img-delete /dev/vgi/none
	succeeds on a img-delete -f /dev/vgi/none
	[ "$(on a lvs -a vgi)" = "$before" ]
	exec 7<&-
	on a umount "$PWD/mnt"
}

@test "volumes are renamed and deleted" {
	local uuid

	uuid=$(lv lv_uuid vgi/thin)
	succeeds img-rename a:/dev/vgi/thin other-name
	[ "$(lv lv_uuid vgi/other-name)" = "$uuid" ]
	succeeds on a img-rename -n /dev/vgi/off on
	[ ! -e /dev/vgi/thin ]
	succeeds on a img-rename /dev/mapper/vgi-other--name thin
	[ "$(lv lv_uuid vgi/thin)" = "$uuid" ]
	succeeds on a img-rename /dev/vgi/off on
	succeeds on a img-delete -n /dev/vgi/on
	# A thin volume's snapshots can be used without it.
	succeeds on a img-delete /dev/vgi/on /dev/vgi/thin /dev/vgi/invalid /dev/vgi/snap
	[ "$(on a lvs --noheadings -o lv_name vgi | tr -s ' \n' ' ')" = " fs-1.x held old pool thinsnap " ]
	ln -s /dev/vgi/held link
	succeeds on a img-delete "$PWD/link"
	[ ! -e /dev/vgi/held ]
	drop_group vgi
}
