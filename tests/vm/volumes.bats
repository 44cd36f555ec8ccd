#!/usr/bin/env bats
#
# What a group can contain is shown.

load guest
load volumes

@test "volumes and groups are shown" {
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
		.origin == "old" and .invalid and .used == null'
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
	succeeds on a img-info /dev/vgi
	grep -qx "free  *.* ($(on a vgs --noheadings --units b --nosuffix -o vg_free vgi | tr -d ' ') bytes)" "$OUT"
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
	succeeds on a img-info --json /dev/vgi/pool
	json '.volume.type == "thin-pool"'
	refuses 4 /dev/vgi/pool_tmeta on a img-info /dev/vgi/pool_tmeta
	refuses 3 /dev/vgb on a img-list /dev/vgb

	exec 7<&-
	on a umount "$PWD/mnt"
}

@test "storage: groups and pools as LVM shows them" {
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
