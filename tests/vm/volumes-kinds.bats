#!/usr/bin/env bats
#
# What kind of volume it is: thick or thin, a pool, a snapshot, and of which sizes.

load guest
load volumes

@test "a pool is shown as a pool and not used as an image, whether or not it has volumes" {
	local place before

	for state in fresh used; do
		[ $state = fresh ] || on a lvcreate -qq -V 8M --thinpool vga/pool -n thin
		before=$(names)
		for place in /dev/vga/pool /dev/mapper/vga-pool \
			"$(realpath /dev/mapper/vga-pool)" /dev/mapper/vga-pool-tpool; do
			if [ $state = fresh ] && [ ! -e "$place" ] && [ "$place" != /dev/vga/pool ]; then
				continue # LVM makes them for the first volume
			fi
			succeeds on a img-info --json "$place"
			json '.kind == "volume" and .path == "/dev/vga/pool" and .format == null and
				.volume == {type: "thin-pool", pool: null, snapshots: []} and
				.snapshot == null and .filesystem == null and
				.capacity == 16777216 and .physical == 16777216 and .allocation == 0'
			succeeds on a img-info "$place"
			grep -x 'volume  *thin-pool' "$OUT"
			lacks "$OUT" 'not active'
			refuses 4 "$place" on a img-copy "$place" /srv/no
			says 'is a pool (thin-pool), not an image'
			refuses 4 "$place" on a img-copy -s "$place" /srv/no
			refuses 4 "$place" on a img-verify "$place"
			refuses 4 "$place" on a img-write "$IMAGE" "$place"
			refuses 4 "$place" on a img-snap "$place"
			refuses 4 "$place" on a img-delete "$place"
			refuses 4 "$place" on a img-rename "$place" other
		done
		[ "$(names)" = "$before" ]
		[ -z "$(on a ls -A /srv)" ]
	done
	on a lvremove -qqy vga/thin
}

@test "type, pool and snapshots of volumes are those of LVM" {
	local name

	make_group a vgi 96M 16M
	furnish vgi
	on a lvcreate -q -s -kn -n thinsnap2 vgi/thin
	on a lvcreate -qy -i 2 -L 8M -n striped vgi
	on a lvs --reportformat json -o lv_name,segtype,pool_lv,origin vgi >"$DIR/lvs"
	succeeds on a img-list --json /dev/vgi
	json '[.entries[] | .volume | type] | unique == ["object"]'
	# LVM's field has the type of a thick snapshot's own space.
	json --slurpfile lvs lvs '[.entries[] | [.name, .volume.type, .volume.pool // ""]] ==
		[$lvs[0].report[0].lv[] | select(.segtype != "thin-pool") |
		[.lv_name, (if .origin != "" and .segtype == "linear" then "snapshot" else .segtype end),
		.pool_lv]]'
	json --slurpfile lvs lvs 'all(.entries[]; . as $e | .volume.snapshots ==
		[$lvs[0].report[0].lv[] | select(.origin == $e.name) | .lv_name])'
	json '.entries[] | select(.name == "thin") | .volume ==
		{type: "thin", pool: "pool", snapshots: ["thinsnap", "thinsnap2"]} and .snapshot == null'
	json '.entries[] | select(.name == "snap") | .volume == {type: "snapshot", pool: null, snapshots: []}'
	cp "$OUT" list.json
	for name in $(jq -r '.entries[].name' list.json); do
		succeeds on a img-info --json "/dev/vgi/$name"
		json --slurpfile list list.json '[.volume, .snapshot] == ($list[0].entries[] |
			select(.name == $name) | [.volume, .snapshot])' --arg name "$name"
	done
	# An image that is not a volume.
	cp "$IMAGE" "$IMG_VM/a/srv/image"
	succeeds on a img-info --json /srv/image
	json '.volume == null and .snapshot == null'

	succeeds on a img-info /dev/vgi/thin
	grep -x "volume  *thin, in pool 'pool' of 16 MiB, LARGER THAN ITS POOL" "$OUT"
	[ "$(grep -cx 'snapshots  *thinsnap2\?' "$OUT")" = 2 ]
	succeeds on a img-info /dev/vgi/held
	grep -x 'volume  *linear' "$OUT"
	grep -x 'snapshots  *snap' "$OUT"
	succeeds on a img-info /dev/vgi/snap
	grep -x 'volume  *snapshot' "$OUT"
	grep -Ex "snapshot  +of 'held', 0\.[0-9] % full \(copy-on-write space: 4 MiB\)" "$OUT"
	on a img-list /dev/vgi >list
	grep -x '.*  thin in pool  *thin' list
	grep -x '.*  snapshot of thin, thin in pool  *thinsnap' list

	# If the group is not active, the sizes are the same.
	jq -S '[.entries[] | [.name, .capacity, .volume]]' list.json >active
	on a vgchange -qan vgi
	succeeds on a img-list --json /dev/vgi
	jq -S '[.entries[] | [.name, .capacity, .volume]]' "$OUT" >inactive
	cmp active inactive >&2
	drop_group vgi
}

@test "a thin volume that is larger than its pool is warned of" {
	for run in -n ''; do
		# shellcheck disable=SC2086 # or nothing
		try on a img-create $run --thin pool /dev/vga/large 20M
		[ "$status" = 0 ]
		one_line 'img-create: warning: '
		says "'/dev/vga/large' has 20 MiB, and its pool 'pool' has only 16 MiB"
	done
	succeeds on a img-create --thin pool /dev/vga/fits 16M
	succeeds on a img-info /dev/vga/fits
	grep -x "volume  *thin, in pool 'pool' of 16 MiB" "$OUT"
	succeeds on a img-info /dev/vga/large
	grep -x "volume  *thin, in pool 'pool' of 16 MiB, LARGER THAN ITS POOL" "$OUT"
	on a lvremove -qqy vga/fits vga/large
}

@test "how an inactive volume is activated: the command that is named works" {
	local name hint

	on a lvcreate -qq -V 8M --thinpool vga/pool -n thin
	on a lvcreate -qq -s -n skipped vga/thin # without -kn
	on a lvchange -qan vga/plain
	for name in plain skipped; do
		refuses 1 "/dev/vga/$name" on a img-copy "/dev/vga/$name" /srv/copy
		hint=$(sed -n 's/.*(see \(lvchange .*\))$/\1/p' "$ERR")
		# shellcheck disable=SC2086 # words
		on a $hint -q "vga/$name"
		succeeds on a img-copy "/dev/vga/$name" /srv/copy
		on a rm /srv/copy
	done
	on a lvchange -qan vga/skipped
	refuses 1 /dev/vga/skipped on a img-snap /dev/vga/skipped
	says '(see lvchange -ay -K)'
	on a lvremove -qqy vga/thin vga/skipped
}

@test "an inactive volume is found by its name in /dev/mapper, too" {
	on a lvcreate -qq -Wn -Zn -an -L 4M -n in-active vga
	refuses 1 a:/dev/mapper/vga-in--active img-copy a:/dev/mapper/vga-in--active copy
	says 'lvchange'
	succeeds on a img-rename /dev/mapper/vga-in--active other
	succeeds on a img-delete -f /dev/mapper/vga-in--active
	[ "$(lv lv_name vga/other)" = other ]
	succeeds on a img-delete -f --json /dev/mapper/vga-other
	json .deleted
	run ! on a lvs vga/other
	refuses 3 /dev/mapper/vga-other on a img-delete /dev/mapper/vga-other
	refuses 3 /dev/mapper/other on a img-info /dev/mapper/other
}

# repeat CHARACTER COUNT
repeat() {
	printf "%${2}s" '' | tr ' ' "$1"
}

@test "long names: snapshots get shorter ones, and what LVM would fail at is refused before" {
	local long hyphens name

	on a lvcreate -qq -V 8M --thinpool vga/pool -n thin
	# Hyphens count twice.  118 and 58 are the longest that can have a thick snapshot.
	long=$(repeat x 118)
	hyphens=x$(repeat - 58)
	for name in "$long" "$hyphens"; do
		on a lvcreate -qqy -Zn -l 1 -n "$name" vga
		succeeds on a img-snap --size 4M "/dev/vga/$name"
		[ "$(lv origin "vga/$(names | tr ' ' '\n' | grep -e '-snap-')")" = "$name" ]
		succeeds on a img-delete "/dev/vga/$(names | tr ' ' '\n' | grep -e '-snap-')"
		succeeds on a img-copy -s "/dev/vga/$name" /srv/copy
		on a rm /srv/copy
		refuses 2 "/dev/vga/$name" on a img-snap --name "${name}yyy" "/dev/vga/$name"
		says 'is too long'
		succeeds on a img-delete "/dev/vga/$name"
	done
	# LVM creates these, but no snapshot of them.
	for name in "$(repeat x 119)" "$(repeat x 121)"; do
		succeeds on a img-create "/dev/vga/$name" 4M
		refuses 4 "/dev/vga/$name" on a img-snap "/dev/vga/$name"
		says 'is too long'
		refuses 4 "/dev/vga/$name" on a img-copy -s "/dev/vga/$name" /srv/copy
		[ -z "$(suspended)" ]
		succeeds on a img-delete "/dev/vga/$name"
	done
	for name in "$(repeat x 122)" "$(repeat x 126)" "x$(repeat - 62)"; do
		refuses 4 "/dev/vga/$name" on a img-create "/dev/vga/$name" 4M
		says 'is too long'
		refuses 4 "/dev/vga/$name" on a img-copy "$IMAGE" "/dev/vga/$name"
		refuses 2 /dev/vga/plain on a img-rename /dev/vga/plain "$name"
		refuses 2 /dev/vga/thin on a img-snap --name "$name" /dev/vga/thin
	done
	succeeds on a img-rename /dev/vga/thin "$(repeat x 121)"
	succeeds on a img-snap "/dev/vga/$(repeat x 121)"
	on a lvremove -qqy "vga/$(repeat x 121)" "vga/$(names | tr ' ' '\n' | grep -e '-snap-')"
	[ "$(names)" = " plain pool " ]
	lacks "$ERR" 'nternal error'
}

@test "internal LVM volumes are refused by their devices, too" {
	local device

	on a lvcreate -qq -s -L 4M -n snap vga/plain
	for device in /dev/mapper/vga-{plain-real,snap-cow,pool_tdata,pool_tmeta}; do
		[ -b "$device" ]
		refuses 4 "$device" on a img-info "$device"
		says 'is an internal LVM volume'
		refuses 4 "$device" on a img-copy "$device" /srv/copy
		refuses 4 "$device" on a img-write "$IMAGE" "$device"
	done
	on a lvremove -qqy vga/snap
}

@test "a cached volume has neither an origin nor a pool, and all of it is allocated" {
	on a lvcreate -qq -L 8M -n cached vga
	on a lvcreate -qqy --type cache -L 8M -n fast vga/cached
	[ "$(lv data_percent vga/cached)" != '' ]
	[ "$(lv origin vga/cached)" = '[cached_corig]' ]
	for command in 'img-list --json /dev/vga' 'img-info --json /dev/vga/cached'; do
		# shellcheck disable=SC2086 # words
		succeeds on a $command
		json '(.entries // [.])[] | select(.path == "/dev/vga/cached") |
			.volume == {type: "cache", pool: null, snapshots: []} and .snapshot == null and
			.capacity == 8388608 and .allocation == 8388608'
	done
	on a img-list /dev/vga >list
	run ! grep -F '[' list
	succeeds on a img-info /dev/vga/cached
	grep -x 'volume  *cache' "$OUT"
	on a lvremove -qqy vga/cached
}

@test "names that LVM reserves are refused before" {
	local word name

	for word in _cdata _cmeta _corig _cpool _cvol _imeta _iorig _mimage _mlog _pmspare _rimage _rmeta \
		_tdata _tmeta _vdata _vorigin _wcorig snapshot pvmove; do
		name=${word}1
		[ "${word#_}" = "$word" ] || name=x$word
		run ! on a lvcreate -t -qq -L 4M -n "$name" vga
		refuses 4 "/dev/vga/$name" on a img-create -n "/dev/vga/$name" 4M
		says "contains '$word', which LVM reserves"
	done
	refuses 4 "/dev/vga/$name" on a img-copy "$IMAGE" "/dev/vga/$name"
	refuses 2 /dev/vga/plain on a img-rename -n /dev/vga/plain "$name"
	refuses 2 /dev/vga/plain on a img-snap -n --name "$name" /dev/vga/plain
	# These are free.
	for name in xsnapshot x_pool tdata; do
		on a lvcreate -t -qq -L 4M -n "$name" vga
		succeeds on a img-create "/dev/vga/$name" 4M
		succeeds on a img-delete "/dev/vga/$name"
	done
}

@test "no space for the parts of a RAID volume is no space" {
	make_group a vgr 32M 64M
	on a lvcreate -qqy --type raid1 -m 1 -L 8M -n raid vgr
	before=$(lv lv_size vgr/raid)
	refuses 9 /dev/vgr/raid on a img-resize --format raw /dev/vgr/raid +24M
	says 'Insufficient suitable'
	[ "$(lv lv_size vgr/raid)" = "$before" ]
	on a lvremove -qqy vgr
	drop_group vgr
}

@test "of a striped volume and of RAID 5, sizes are whole stripes" {
	local type

	make_group a vgr 64M 64M 64M
	head -c 300000 /dev/urandom >file
	for type in striped raid5; do
		on a lvcreate -qqy -Wn --type $type -i 2 -L 32M -n img vgr
		ext4 /dev/vgr/img
		# 12 MiB are 3 extents, which LVM would round down for the RAID.
		try on a img-resize -n --shrink --fs /dev/vgr/img 12M
		[ "$status" = 0 ]
		grep -F 'from 32 MiB to 16 MiB' "$OUT"
		try on a img-resize --shrink --fs /dev/vgr/img 12M
		[ "$status" = 0 ]
		fills /dev/vgr/img 16777216
		try img-resize --fs a:/dev/vgr/img +1M
		[ "$status" = 0 ]
		one_line 'img-resize: a:/dev/vgr/img: rounded up to full extents: 24 MiB'
		fills /dev/vgr/img 25165824
		on a lvremove -qqy vgr/img
	done
	on a lvremove -qqy vgr
	drop_group vgr
}

@test "what LVM does not reduce is refused before anything is changed" {
	make_group a vgr 160M
	head -c 300000 /dev/urandom >file
	on a lvcreate -qqy -Wn -L 32M -n img vgr
	ext4 /dev/vgr/img
	lvm_is a - <<-'END'
		#!/bin/bash
		[ "$1" != lvreduce ] || { echo '  Reduce not yet allowed.' >&2; exit 5; }
		exec -a lvm lvm.real "$@"
	END
	refuses 4 /dev/vgr/img on a img-resize -n --shrink --fs /dev/vgr/img 16M
	try img-resize --shrink --fs a:/dev/vgr/img 16M
	lvm_back a
	[ "$status" = 4 ]
	one_line 'img-resize: a:/dev/vgr/img: LVM would not do it: '
	says 'Reduce not yet allowed'
	fills /dev/vgr/img 33554432
	[ -z "$(tagged a)" ]
	on a lvremove -qqy vgr
	drop_group vgr
}
