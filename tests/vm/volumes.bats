#!/usr/bin/env bats
#
# What a group may have is told of, renamed and removed, unless it is in use.

load guest
load volumes

# Everything that a group may have: $1 is its name.
furnish() {
	on a lvcreate -q -L 4M -n held "$1"
	on a lvcreate -q -s -L 4M -n snap "$1/held"
	on a lvcreate -q --type thin-pool -L 16M --poolmetadatasize 4M -n pool "$1"
	on a lvcreate -q -V 1G --thinpool "$1/pool" -n thin
	yes x | dd of="/dev/$1/thin" bs=1M count=4 iflag=fullblock oflag=direct status=none
	on a lvcreate -q -s -kn -n thinsnap "$1/thin"
	on a lvcreate -q -L 8M -n fs-1.x "$1"
	mke2fs -q -t ext4 -L guest "/dev/$1/fs-1.x"
	on a lvcreate -q -an -Zn -L 4M -n off "$1"
	on a lvcreate -q -L 8M -n old "$1"
	on a lvcreate -q -s -L 4M -n invalid "$1/old"
	yes x | dd of="/dev/$1/old" bs=1M count=8 iflag=fullblock oflag=direct status=none
}

@test "volumes and groups are told of" {
	local name dm

	make_group a vgi 96M
	furnish vgi
	mkdir mnt
	on a mount /dev/vgi/fs-1.x "$PWD/mnt"
	exec 7</dev/vgi/held

	succeeds on a img-list --json /dev/vgi
	json '.location == "/dev/vgi"'
	json '[.entries[].name] == ["fs-1.x", "held", "invalid", "off", "old", "snap", "thin", "thinsnap"]'
	json 'all(.entries[]; .kind == "volume" and .path == "/dev/vgi/" + .name and .unfinished == false)'
	on a lvs --reportformat json --units b --nosuffix -o lv_name,lv_size,origin_size vgi >"$DIR/lvs"
	json --slurpfile lvs lvs 'all(.entries[]; . as $e | .physical == .capacity and any(
		$lvs[0].report[0].lv[]; .lv_name == $e.name and
		([.lv_size, .origin_size] | index($e.capacity | tostring))))'
	json '[.entries[] | select(.in_use) | .name] == ["fs-1.x", "held"]'
	json '[.entries[] | select(.mounted) | .name] == ["fs-1.x"]'
	json '[.entries[] | select(.filesystem) | [.name, .filesystem.type, .filesystem.label]] ==
		[["fs-1.x", "ext4", "guest"]]'
	json '.entries[] | select(.name == "thin") | .snapshot == null and .allocation == 4194304'
	json '.entries[] | select(.name == "thinsnap") |
		.snapshot == {origin: "thin", used: null, invalid: false}'
	json '.entries[] | select(.name == "snap") | .snapshot |
		.origin == "held" and .used > 0 and .used < 0.01 and .invalid == false'
	json '.entries[] | select(.name == "invalid") | .snapshot |
		.origin == "old" and .invalid'
	json '.entries[] | select(.name == "off") | .capacity == 4194304 and .format == null'

	dm=$(realpath /dev/vgi/fs-1.x)
	ln -s /dev/vgi/fs-1.x link
	for name in a:/dev/vgi/fs-1.x a:/dev/mapper/vgi-fs--1.x "a:$dm" "a:$PWD/link"; do
		succeeds img-info --json "$name"
		json '.kind == "volume" and .path == "/dev/vgi/fs-1.x" and .name == "fs-1.x" and
			.mounted and .in_use and .filesystem.label == "guest"'
		json --arg at "$PWD/mnt" '.mountpoints == [$at]'
	done
	succeeds on a img-info --json /dev/vgi/invalid
	json '.snapshot.invalid and .snapshot.origin == "old" and .capacity == 8388608'
	succeeds on a img-info --json /dev/vgi/
	json '.kind == "group" and .path == "/dev/vgi" and .name == "vgi"'
	succeeds on a img-info --json /dev/vgi/off
	json '.kind == "volume" and .capacity == 4194304 and .allocation == 4194304 and
		.format == null and .in_use == false and .unfinished == false'
	succeeds on a img-info /dev/vgi/off
	grep -q 'not active' "$OUT"
	on a img-list /dev/vgi >list
	grep -qx '.*  not active  *off' list
	grep -qx '.*  in use  *held' list
	grep -qx '.*  mounted  *fs-1.x' list
	grep -qx '.*  snapshot of held  *snap' list
	grep -qx '.*  INVALID snapshot of old  *invalid' list
	refuses 1 /dev/vgi/off on a img-copy /dev/vgi/off /srv/no
	says 'not active'
	refuses 3 /dev/vgi/none on a img-info /dev/vgi/none
	refuses 4 /dev/vgi/pool on a img-info /dev/vgi/pool
	refuses 4 /dev/vgi/pool_tmeta on a img-info /dev/vgi/pool_tmeta
	refuses 3 /dev/vgb on a img-list /dev/vgb

	exec 7<&-
	on a umount "$PWD/mnt"
}

@test "storage: groups and pools as LVM has them" {
	succeeds img-storage --json a:
	on a vgs --reportformat json --units b --nosuffix -o vg_name,vg_size,vg_free,vg_extent_size >"$DIR/vgs"
	json --slurpfile vgs vgs '[.groups[] | [.name, .path, .size, .free, .extent_size]] ==
		[$vgs[0].report[0].vg[] | [.vg_name, "/dev/" + .vg_name, (.vg_size | tonumber),
		(.vg_free | tonumber), (.vg_extent_size | tonumber)]]'
	json '[.groups[] | .name] == ["vga", "vgi"]'
	json '.groups[1].pools[0] | .name == "pool" and .size == 16777216 and .data_used == 0.25 and
		.metadata_used > 0 and .metadata_used < 0.2'
	json '.groups[0].pools[0].data_used == 0'
}

@test "what is in use, has snapshots, or is LVM's own is neither removed nor renamed" {
	local name before

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
	refuses 2 /dev/vgi/off on a img-rename /dev/vgi/off 'a b'
	refuses 3 /dev/vgi/none on a img-delete /dev/vgi/none
	succeeds on a img-delete -f /dev/vgi/none
	[ "$(on a lvs -a vgi)" = "$before" ]
	exec 7<&-
	on a umount "$PWD/mnt"
}

@test "volumes are renamed and removed" {
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
	# A thin volume's snapshots live without it, too.
	succeeds on a img-delete /dev/vgi/on /dev/vgi/thin /dev/vgi/invalid /dev/vgi/snap
	[ "$(on a lvs --noheadings -o lv_name vgi | tr -s ' \n' ' ')" = " fs-1.x held old pool thinsnap " ]
	ln -s /dev/vgi/held link
	succeeds on a img-delete "$PWD/link"
	[ ! -e /dev/vgi/held ]
	drop_group vgi
}
