# shellcheck shell=bash
#
# A stand-in for LVM where there is no device mapper: volumes that are loop devices, which grow with
# the files below them.  Needs root.  Real volumes: tests/vm.
#
#   standin_mounts DIR          prints lines for $HOST_MOUNTS, by which a host has the stand-in
#   standin_make DIR NAME SIZE  makes the volume NAME and prints its loop device, for the programs
#                               that run here; on such a host it is also $(standin_path DIR NAME)
#   standin_path DIR NAME
#   standin_remove DIR          removes all volumes
#
# DIR/free contains the free space of the group, in bytes, DIR/log the sizes that `lvextend` has
# set, and DIR/calls for each call of LVM its command, and when it began and ended, in microseconds
# since 1970.

STANDIN_EXTENT=1048576

standin_group() {
	echo "standin-$(stat -c %i "$1")"
}

standin_path() {
	echo "/dev/$(standin_group "$1")/$2"
}

standin_mounts() {
	mkdir -p "$1/block" "$1/dev"
	echo 1099511627776 >"$1/free"
	: >"$1/log"
	: >"$1/calls"
	standin_lvm "$1" >"$1/lvm"
	chmod +x "$1/lvm"
	mkdir -p "/dev/$(standin_group "$1")"
	echo "mount --bind $1/block /sys/dev/block"
	echo "mount --bind $1/lvm $(readlink -f "$(command -v lvm)")"
}

# The program.  A report has one volume, and what the device mapper would not say of it is empty.
standin_lvm() {
	cat <<-END
		#!/bin/bash
		dir=$1 group=$(standin_group "$1") extent=$STANDIN_EXTENT
	END
	cat <<-'END'
		fail() {
			echo "  $*" >&2
			exit 5
		}
		began=${EPOCHREALTIME/[.,]/}
		for what; do
			[ "${what%%/*}" != "$group" ] || name=${what#*/}
		done
		[ -e "$dir/volume-$name" ] || fail "Failed to find logical volume \"$name\""
		read -r loop file <"$dir/volume-$name"
		read -r free <"$dir/free"
		read -r sectors <"/sys/class/block/${loop#/dev/}/size"
		size=$((sectors * 512))
		case $1 in
		lvs)
			read -r uuid <"$dir/uuid-$name"
			uuid=${uuid#LVM-}
			echo '{"report": [{"lv": [{"vg_name": "'"$group"'", "vg_uuid": "'"${uuid:0:32}"'",
				"lv_name": "'"$name"'", "lv_uuid": "'"${uuid:32}"'", "lv_size": "'"$size"'",
				"lv_layout": "linear", "lv_role": "public", "lv_tags": "", "lv_active": "1",
				"lv_permissions": "1", "vg_free": "'"$free"'", "vg_extent_size": "'"$extent"'"}]}]}'
			;;
		lvextend)
			while [ "$1" != -L ]; do shift; done
			to=${2%b}
			((to % extent == 0 && to > size)) || fail "a size of $to"
			((to - size <= free)) || fail "Insufficient free space"
			truncate -s "$to" "$file" && losetup -c "$loop" || fail "cannot grow $loop"
			echo $((free - to + size)) >"$dir/free"
			echo "$to" >>"$dir/log"
			set lvextend
			;;
		*) fail "not in the stand-in: $*" ;;
		esac
		echo "$1 $began ${EPOCHREALTIME/[.,]/}" >>"$dir/calls"
	END
}

standin_make() {
	local dir=$1 name=$2 loop number uuid group

	group=$(standin_group "$dir")
	truncate -s "$3" "$dir/file-$name"
	loop=$(losetup -f --show "$dir/file-$name")
	number=$(cat "/sys/class/block/${loop#/dev/}/dev")
	uuid=LVM-$(head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \n')
	mkdir -p "$dir/block/$number/dm"
	echo "${group//-/--}-${name//-/--}" >"$dir/block/$number/dm/name"
	echo "$uuid" | tee "$dir/uuid-$name" >"$dir/block/$number/dm/uuid"
	ln -sf "/sys/class/block/${loop#/dev/}/size" "$dir/block/$number/size"
	ln -sfn "$loop" "/dev/$group/$name"
	echo "$loop $dir/file-$name" >"$dir/volume-$name"
	echo "$loop"
}

standin_remove() {
	local group volume

	group=$(standin_group "$1")
	for volume in "$1"/volume-*; do
		[ ! -e "$volume" ] || losetup -d "$(cut -d' ' -f1 "$volume")"
	done
	rm -rf "/dev/${group:?}" "$1"/volume-* "$1"/file-* "$1"/uuid-* "$1"/block/*
}
