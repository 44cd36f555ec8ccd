#!/usr/bin/env bats
#
# Volumes are made, told of, removed and renamed, and what is not to be touched is not.

load guest

setup_file() {
	guest_setup_file
	make_group a vga 192M
	on a lvcreate -q -L 4M -n plain vga
	on a lvcreate -q --type thin-pool -L 16M --poolmetadatasize 4M -n pool vga
}

teardown_file() {
	guest_teardown_file
}

setup() {
	guest_setup
}

# No test leaves a mark of a run.
teardown() {
	guest_teardown
	[ -z "$(tagged a)" ]
}

# lv FIELD VOLUME: as LVM on host a has it.
lv() {
	on a lvs --noheadings --units b --nosuffix -o "$1" "$2" | tr -d ' '
}

# Names of the volumes of vga, one after the other.
names() {
	on a lvs --noheadings -o lv_name vga | tr -s ' \n' ' '
}

# zeros VOLUME: all of it, as it is on the disk.
zeros() {
	blockdev --flushbufs "/dev/$1"
	cmp -n "$(blockdev --getsize64 "/dev/$1")" "/dev/$1" /dev/zero >&2
}

@test "a thick volume is zeroed over its whole length, whatever was there" {
	local place

	on a lvcreate -q -L 32M -n new vga
	place=$(dmsetup table vga-new)
	yes secret | dd of=/dev/vga/new bs=1M count=32 iflag=fullblock oflag=direct status=none
	on a lvremove -qy vga/new

	succeeds on a img-create /dev/vga/new 32M
	[ "$(dmsetup table vga-new)" = "$place" ]
	zeros vga/new
	[ "$(lv lv_size,lv_tags,lv_attr vga/new)" = "33554432-wi-a-----" ]
	on a lvremove -qy vga/new

	# LVM alone would not have.
	on a lvcreate -q -L 32M -n new vga
	[ "$(dmsetup table vga-new)" = "$place" ]
	yes secret | dd of=/dev/vga/new bs=1M count=32 iflag=fullblock oflag=direct status=none
	on a lvremove -qy vga/new
	on a lvcreate -qy -L 32M -n new vga
	run ! zeros vga/new
	on a lvremove -qy vga/new
}

@test "a size is rounded up to an extent, and that is said" {
	try img-create a:/dev/vga/odd 5M
	[ "$status" = 0 ]
	one_line "img-create: "
	says 'a:/dev/vga/odd: rounded up to 8388608 bytes'
	[ "$(lv lv_size vga/odd)" = 8388608 ]
	zeros vga/odd
	on a lvremove -qy vga/odd
	try on a img-create -n /dev/vga/odd 5M
	[ "$status" = 0 ]
	[ "$(names)" = " plain pool " ]
}

@test "while it is zeroed it is unfinished; killed there, it is left so, and made anew" {
	local place pid creator

	on a lvcreate -q -L 80M -n slow vga
	place=$(dmsetup table vga-slow)
	volume_fault a vga/slow $((70 * 2048)) 8 delay 20000
	on a lvremove -qy vga/slow
	on a img-create /dev/vga/slow 80M 3>&- &
	creator=$!
	wait_until 20 tagged_as img-tools.run=
	succeeds on a img-info --json /dev/vga/slow
	json '.unfinished and .kind == "volume" and .in_use'
	# Another run keeps away, whatever it is to do.
	refuses 5 /dev/vga/slow on a img-create /dev/vga/slow 80M
	says 'in use: another run is making it'
	refuses 5 /dev/vga/slow on a img-delete /dev/vga/slow
	refuses 5 /dev/vga/slow on a img-write "$IMAGE" /dev/vga/slow
	for pid in $(helpers); do
		kill -KILL "$pid"
	done
	disk_heal "$(disks vga)" # which lets it die
	status=0
	wait $creator || status=$?
	[ "$status" = 7 ]
	wait_until 20 no_process

	succeeds on a img-list --json /dev/vga
	json '.entries[] | select(.name == "slow") | .unfinished'
	refuses 8 /dev/vga/slow on a img-copy /dev/vga/slow /srv/copy
	succeeds on a img-create /dev/vga/slow 80M
	[ "$(dmsetup table vga-slow)" = "$place" ]
	[ -z "$(tagged a)" ]
	zeros vga/slow
	on a lvremove -qy vga/slow
}

# tagged_as START: some volume on host a has a tag that begins so.
tagged_as() {
	on a lvs --noheadings -o lv_tags | grep -q "^ *$1"
}

@test "thin volumes are made in a pool that there is" {
	succeeds on a img-create --thin pool /dev/vga/thin 1G
	[ "$(lv lv_size,pool_lv,data_percent,lv_tags vga/thin)" = 1073741824pool0.00 ]
	cmp -n 8M /dev/vga/thin /dev/zero
	refuses 6 /dev/vga/thin on a img-create --thin pool /dev/vga/thin 1G
	refuses 4 a:/dev/vga/no img-create --thin plain a:/dev/vga/no 8M
	refuses 3 /dev/vga/no on a img-create --thin nopool /dev/vga/no 8M
	refuses 2 /srv/no on a img-create --thin pool /srv/no 8M
	on a lvremove -qy vga/thin
	[ "$(names)" = " plain pool " ]
}

@test "what cannot be made is refused, and nothing is left" {
	refuses 6 /dev/vga/plain on a img-create /dev/vga/plain 4M
	refuses 9 /dev/vga/no on a img-create /dev/vga/no 1G
	says "group 'vga' has "
	refuses 4 /dev/vga on a img-create /dev/vga 4M
	refuses 3 /dev/nogroup/no on a img-create /dev/nogroup/no 4M
	refuses 4 /dev/vga/-x on a img-create /dev/vga/-x 4M
	refuses 4 '/dev/vga/a b' on a img-create '/dev/vga/a b' 4M
	refuses 4 '/dev/vga/x\ny' on a img-create $'/dev/vga/x\ny' 4M
	refuses 6 /dev/vga/pool_tdata on a img-create /dev/vga/pool_tdata 4M
	refuses 1 /dev/vga/a_tdata on a img-create /dev/vga/a_tdata 4M
	says 'reserved'
	[ "$(names)" = " plain pool " ]
}

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
	refuses 1 /dev/vgi/off on a img-info /dev/vgi/off
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

@test "the configuration says which groups may be touched" {
	make_group a vgo 16M
	on a lvcreate -q -L 4M -n secret vgo
	on a sh -c 'printf "[storage]\n group = vga\n" >/etc/img-tools/config'
	succeeds img-info a:/dev/vga/plain
	succeeds on a img-create /dev/vga/new 4M
	succeeds on a img-delete /dev/vga/new
	refuses 4 /dev/vgo/secret on a img-info /dev/vgo/secret
	refuses 4 "$(realpath /dev/vgo/secret)" on a img-info "$(realpath /dev/vgo/secret)"
	refuses 4 a:/dev/vgo/secret img-copy a:/dev/vgo/secret here
	refuses 4 a:/dev/vgo/secret img-write "$IMAGE" a:/dev/vgo/secret
	refuses 4 /dev/vgo/secret on a img-delete /dev/vgo/secret
	refuses 4 /dev/vgo/new on a img-create /dev/vgo/new 4M
	refuses 4 /dev/vgo on a img-list /dev/vgo
	refuses 4 /srv on a img-list /srv
	refuses 4 /srv/new on a img-create /srv/new 4M
	succeeds on a img-storage --json
	json '[.groups[].name] == ["vga"] and .directories == []'

	on a sh -c 'printf "[storage]\n directory = /srv\n" >/etc/img-tools/config'
	on a ln -s /dev/vga/plain /srv/link
	refuses 4 /dev/vga/plain on a img-info /dev/vga/plain
	refuses 4 /dev/vga on a img-list /dev/vga
	refuses 4 /srv/link on a img-info /srv/link
	refuses 4 /dev/vga/new on a img-create /dev/vga/new 4M
	succeeds on a img-storage --json
	json '.groups == [] and [.directories[].path] == ["/srv"]'
	on a rm /etc/img-tools/config /srv/link
	[ "$(names)" = " plain pool " ]
	drop_group vgo
}
