#!/usr/bin/env bats
#
# Volumes in use by the kernel; volumes in use by programs are tested in volumes-copy.bats.

load guest
load copy

@test "swap, and parts of another device, are neither read, written nor deleted" {
	local loop

	on b lvcreate -qqy -L 8M -n used vgb
	mkswap -q /dev/vgb/used
	swapon /dev/vgb/used
	is_used 'used as swap'
	swapoff /dev/vgb/used
	wipefs -qa /dev/vgb/used

	echo "0 16384 linear /dev/vgb/used 0" | dmsetup create above
	is_used 'a part of /dev/mapper/above'
	dmsetup remove above

	loop=$(losetup -f --show /dev/vgb/used)
	is_used "attached to $loop"
	losetup -d "$loop"
	on b lvremove -qqy vgb/used
}

# is_used WHY: it is refused as source and as target, and neither deleted nor renamed.
is_used() {
	local why=$1 command

	for command in "img-copy /dev/vgb/used /srv/no" "img-write $IMAGE /dev/vgb/used" \
		"img-delete /dev/vgb/used" "img-rename /dev/vgb/used other"; do
		# shellcheck disable=SC2086 # words
		refuses 5 /dev/vgb/used on b $command
		says "in use: $why"
	done
	[ ! -e "$IMG_VM/b/srv/no" ]
}

@test "a listing of many volumes in use takes no longer than of one" {
	local n fd held=()

	for n in {1..12}; do
		on b lvcreate -qqy -Zn -Wn -L 4M -n "held$n" vgb
		exec {fd}<"/dev/vgb/held$n"
		held+=("$fd")
	done
	try on b timeout 20 img-list --json /dev/vgb # each alone would take 2 seconds
	[ "$status" = 0 ]
	json '[.entries[] | select(.in_use)] | length == 12'
	exec {fd}<&- # the last one
	succeeds on b img-list --json /dev/vgb
	json '[.entries[] | select(.in_use | not) | .name] == ["held12"]'
	for fd in "${held[@]:0:11}"; do
		exec {fd}<&-
	done
	on b lvremove -qqy vgb
}
