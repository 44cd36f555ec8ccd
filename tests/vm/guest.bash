# shellcheck shell=bash
#
# Shared by the bats files of tests/vm, beside tests/bats/common.bash, which this
# file loads.  A file calls guest_setup_file in its setup_file; it gets setup,
# teardown and teardown_file from here, and calls guest_setup, guest_teardown or
# guest_teardown_file in its own functions, if it has more to do.
#
# There are three hosts in the guest: `here`, where bats runs, and `a` and `b`.  Each
# has an address, its own links to both others, a host name, its own mounts (/tmp,
# /srv, /etc/img-tools and /etc/lvm; everything else is common to all), an sshd,
# and sees only its own volume groups; there is one kernel.  $SSH_CONFIG leads
# to a and b, from any host.
#
#   on HOST COMMAND...           runs it there; img-* are given $SSH_CONFIG
#   make_group HOST GROUP SIZE...   makes a volume group on new disks of those sizes
#   drop_group GROUP             removes it ('*': all), whatever state it is in, and its disks
#   disks GROUP                  prints the names of its disks
#   suspended                    prints the names of all suspended volumes
#   lv FIELD VOLUME              prints that field of a volume of host a, as LVM shows it
#   names                        prints the names of the volumes of vga
#   fs_intact DEVICE SIZE        its ext4 filesystem has SIZE bytes, no errors, and the files of $IMAGE
#   tagged HOST [TAG]            prints GROUP/VOLUME of those with that tag (or with any tag)
#   link_slow MS RATE HOST [PEER]   sets round-trip time and rate (of tc) of HOST's links
#   link_cut HOST [PEER]         nothing passes, and neither side is notified
#   link_heal HOST [PEER]
#   disk_fault DISK FROM COUNT TARGET [ARGUMENT...]
#                                those sectors become a device-mapper target:
#                                  error                       reads and writes fail
#                                  flakey error_writes         writes fail
#                                  flakey drop_writes          writes are lost
#                                  delay READ WRITE FLUSH          each takes so many ms longer
#                                  flakey corrupt_bio_byte 32 w 1 0
#                                                  each write's 32nd byte becomes 1
#   volume_fault HOST GROUP/VOLUME FROM COUNT TARGET [ARGUMENT...]
#                                the same, with sectors of a volume
#   volume_rot HOST GROUP/VOLUME SECTOR    flips a bit of that sector
#   disk_heal DISK
#   lvm_missing HOST, lvm_is HOST SCRIPT, lvm_back HOST
#                                no lvm there, or SCRIPT instead of it (`lvm.real` is lvm)
#
# Disks are sparse files in memory, below a loop device, below a linear volume
# whose table the faults change.

bats_dir=$BATS_TEST_DIRNAME/../bats
# shellcheck source=tests/bats/common.bash
BATS_TEST_DIRNAME=$bats_dir source "$bats_dir/common.bash"

declare -gA ADDRESS=([a]=10.90.0.2 [b]=10.90.0.3)

guest_setup_file() {
	local host port

	if [ -z "${IMG_VM:-}" ]; then
		echo "not in a guest: tests/vm/run.sh runs this" >&2
		return 1
	fi
	img_setup_file
	cp "$IMG_VM/here/lvm.conf" /etc/lvm/lvm.conf
	SSHD_DIR=$BATS_FILE_TMPDIR/sshd
	SSH_CONFIG=$SSHD_DIR/config
	export SSHD_DIR SSH_CONFIG
	mkdir "$SSHD_DIR"
	ssh-keygen -q -t ed25519 -N '' -C user_key -f "$SSHD_DIR/user_key"
	# The first value of a setting counts.
	for host in a b; do
		printf '%s\n' "Host $host" "	HostName ${ADDRESS[$host]}" >>"$SSH_CONFIG"
	done
	for host in a b; do
		cp "$IMG_VM/$host/lvm.conf" "$IMG_VM/$host/lvm/lvm.conf"
		# OpenSSH's preferred key exchange takes seconds without hardware virtualisation.
		sshd_program=$IMG_VM/$host/sshd start_host "$host" "ListenAddress ${ADDRESS[$host]}" \
			"KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org"
		port=$(sshd_port "$host")
		sed -i "s/^\[127.0.0.1\]:$port /[${ADDRESS[$host]}]:$port,&/" "$SSHD_DIR/known_hosts"
	done
}

guest_teardown_file() {
	local host clean=0

	img_teardown_file
	drop_group '*' || clean=1
	for host in a b; do
		find "$IMG_VM/$host"/{tmp,srv,etc,lvm} -mindepth 1 -delete
	done
	find /etc/lvm /etc/img-tools -mindepth 1 -delete
	return $clean
}

guest_setup() {
	img_setup
}

setup() {
	guest_setup
}

teardown() {
	guest_teardown
}

teardown_file() {
	guest_teardown_file
}

# Repairs the disks and links; the groups remain.  A volume that a test
# left suspended is a failure.
guest_teardown() {
	local clean=0 volume

	heal_all
	img_teardown || clean=1
	for volume in $(suspended); do
		echo "left suspended: $volume" >&2
		dmsetup resume "$volume"
		clean=1
	done
	return $clean
}

heal_all() {
	local disk host

	for disk in "$IMG_VM"/disks/*.fault; do
		[ ! -e "$disk" ] || disk_heal "$(basename "$disk" .fault)"
	done
	if [ -e "$IMG_VM/links-changed" ]; then
		link_heal a
		link_heal b
	fi
	for host in here a b; do
		lvm_back "$host"
	done
}

on() {
	local host=$1
	shift

	if [[ $1 == img-* && -n ${SSH_CONFIG:-} ]]; then
		set -- "$1" -F "$SSH_CONFIG" "${@:2}"
	fi
	case $1 in
	img-* | ssh) set -- timeout -k 10 120 "$@" ;;
	esac
	if [ "$host" != here ]; then
		set -- nsenter "--net=$IMG_VM/$host/spaces/net" "--mount=$IMG_VM/$host/spaces/mnt" \
			"--uts=$IMG_VM/$host/spaces/uts" "$@"
	fi
	"$@"
}

link_slow() {
	local ms=$1 rate=$2
	shift 2

	link_ends replace "delay $((ms * 500))us rate $rate limit 20000" "$@"
}

link_cut() {
	link_ends replace 'loss 100%' "$@"
}

link_heal() {
	link_ends del '' "$@"
	[ -n "${2:-}" ] || [ "$1" = a ] || rm -f "$IMG_VM/links-changed"
}

# link_ends VERB NETEM HOST [PEER]
link_ends() {
	local verb=$1 netem=$2 host=$3 peer

	: >"$IMG_VM/links-changed"
	for peer in ${4:-here a b}; do
		[ "$peer" != "$host" ] || continue
		link_queue "$host" "$peer"
		link_queue "$peer" "$host"
	done
}

link_queue() {
	# shellcheck disable=SC2086 # words
	if [ "$verb" = replace ]; then
		on "$1" tc qdisc replace dev "to-$2" root netem $netem
	else
		on "$1" tc qdisc del dev "to-$2" root 2>/dev/null || true
	fi
}

make_group() {
	local host=$1 group=$2 size names=() name
	shift 2

	for size; do
		name=disk-$host-$group-${#names[@]}
		make_disk "$name" "$size"
		names+=("/dev/mapper/$name")
	done
	on "$host" vgcreate -q "$group" "${names[@]}" >/dev/null
}

make_disk() {
	local file=$IMG_VM/disks/$1 loop

	truncate -s "$2" "$file"
	loop=$(losetup -f --show "$file")
	echo "$loop $(blockdev --getsz "$loop")" >"$file.loop"
	whole "$1" | dmsetup create "$1"
}

# Prints the table of a disk without faults.
whole() {
	local loop sectors

	read -r loop sectors <"$IMG_VM/disks/$1.loop"
	echo "0 $sectors linear $loop 0"
}

disks() {
	local disk

	# shellcheck disable=SC2231 # it may be a pattern
	for disk in "$IMG_VM"/disks/disk-*-$1-*.loop; do
		disk=${disk##*/}
		[ ! -e "$IMG_VM/disks/$disk" ] || echo "${disk%.loop}"
	done
}

# From the top, with all volumes on the disks.  LVM is not used: it would read disks that fail, and
# wait for suspended volumes.
drop_group() {
	local disk loop sectors force='' tries name

	for disk in $(disks "$1"); do
		for ((tries = 0; tries < 4; tries++)); do
			for name in $(above "$disk") "$disk"; do
				# shellcheck disable=SC2086 # or nothing
				dmsetup resume "$name" && dmsetup remove --retry $force "$name"
			done >/dev/null 2>&1
			volume_exists "$disk" || break
			force=--force # lets waiting requests fail now
		done
		if volume_exists "$disk"; then
			echo "cannot remove $disk: in use: $(above "$disk")" >&2
			return 1
		fi
		read -r loop sectors <"$IMG_VM/disks/$disk.loop"
		losetup -d "$loop"
		rm -f "$IMG_VM/disks/$disk" "$IMG_VM/disks/$disk".{loop,fault}
	done
}

# dm_name GROUP/VOLUME: prints its device-mapper name.  dmsetup itself looks for a link to the device
# in /dev/mapper, and udev may have left a link there of a device that had the number before.
dm_name() {
	local node

	node=$(realpath -e "/dev/$1") && cat "/sys/class/block/${node##*/}/dm/name"
}

volume_exists() {
	[ -e "/dev/mapper/$1" ]
}

# Prints the volumes that are on a volume, the uppermost first.
above() {
	local node holder name

	node=$(realpath "/dev/mapper/$1") || return
	for holder in "/sys/class/block/${node##*/}/holders"/*; do
		[ -e "$holder/dm/name" ] || continue
		name=$(<"$holder/dm/name")
		above "$name"
		echo "$name"
	done
}

disk_fault() {
	local disk=$1 from=$2 count=$3 target=$4 loop sectors
	shift 4

	read -r loop sectors <"$IMG_VM/disks/$disk.loop"
	case $target in
	error) ;;
	flakey) set -- "$loop" "$from" 0 86400 $# "$@" ;;
	delay) set -- "$loop" "$from" "$1" "$loop" "$from" "$2" "$loop" "$from" "$3" ;;
	*) set -- "$loop" "$from" "$@" ;;
	esac
	{
		[ "$from" = 0 ] || echo "0 $from linear $loop 0"
		echo "$from $count $target $*"
		[ $((from + count)) = "$sectors" ] ||
			echo "$((from + count)) $((sectors - from - count)) linear $loop $((from + count))"
	} | disk_table "$disk"
	: >"$IMG_VM/disks/$disk.fault"
}

disk_table() {
	dmsetup reload "$1" && dmsetup resume --noflush --nolockfs "$1" && forget "$1"
}

# forget DISK: drops what is cached of it and of the volumes on it, so that reads reach it.
forget() {
	local name

	for name in "$1" $(above "$1"); do
		blockdev --flushbufs "/dev/mapper/$name" 2>/dev/null || true
	done
}

disk_heal() {
	whole "$1" | disk_table "$1"
	rm -f "$IMG_VM/disks/$1.fault"
}

# Linux 6.1 cannot corrupt reads, so volume_rot changes the stored data.
volume_fault() {
	local host=$1 volume=$2 from=$3 count=$4 place disk at
	shift 4

	place=$(place_of "$host" "$volume" "$from" "$count") || return
	read -r disk at <<<"$place"
	disk_fault "$disk" "$at" "$count" "$@"
}

volume_rot() {
	local place disk at file byte

	place=$(place_of "$@" 1) || return
	read -r disk at <<<"$place"
	sync
	file=$IMG_VM/disks/$disk
	byte=$(byte "$file" $((at * 512 + 100)))
	unhex "$(printf %02x $((byte ^ 4)))" | put "$file" $((at * 512 + 100))
	forget "$disk"
}

# place_of HOST GROUP/VOLUME SECTOR COUNT: prints the disk and the sector of those sectors.
place_of() {
	local name place

	name=$(dm_name "$2") || return
	# An origin lies above the volume that it was before its first snapshot.
	if volume_exists "$name-real"; then
		name=$name-real
	fi
	place=$(dmsetup table "$name" | awk -v from="$3" -v count="$4" '
		$3 == "linear" && from >= $1 && from + count <= $1 + $2 { print $4, $5 + from - $1 }')
	if [ -z "$place" ]; then
		echo "$2 does not have sectors $3 to $(($3 + $4)) in one piece of a disk" >&2
		return 1
	fi
	echo "$(<"/sys/dev/block/${place% *}/dm/name") ${place#* }"
}

suspended() {
	dmsetup info -c --noheadings --separator ' ' -o suspended,name | awk '$1 == "Suspended" { print $2 }'
}

lv() {
	on a lvs --noheadings --units b --nosuffix -o "$1" "$2" | tr -d ' '
}

names() {
	on a lvs --noheadings -o lv_name vga | tr -s ' \n' ' '
}

fs_intact() {
	local had=$BATS_TEST_TMPDIR/had has=$BATS_TEST_TMPDIR/has size

	blockdev --flushbufs "$1"
	e2fsck -fn "$1" >&2
	size=$(dumpe2fs -h "$1" 2>/dev/null |
		awk '/^Block count:/ { c = $3 } /^Block size:/ { b = $3 } END { print c * b }')
	[ "$size" = "$2" ]
	mkdir "$had" "$has"
	debugfs -R "rdump / $had" "$IMAGE" 2>/dev/null
	debugfs -R "rdump / $has" "$1" 2>/dev/null
	[ -s "$had/srv/numbers" ]
	diff -r "$had" "$has" >&2
	rm -r "$had" "$has"
}

tagged() {
	on "$1" lvs --noheadings -o vg_name,lv_name,lv_tags |
		awk -v tag="${2:-}" 'NF > 2 && (tag == "" || index("," $3 ",", "," tag ",")) { print $1 "/" $2 }'
}

lvm_missing() {
	change_sbin "$1"
	on "$1" rm /usr/sbin/lvm
}

# SCRIPT is a file, or - for standard input.
lvm_is() {
	change_sbin "$1"
	on "$1" mv /usr/sbin/lvm /usr/sbin/lvm.real
	[ "$2" != - ] || set -- "$1" /dev/stdin
	on "$1" sh -c 'cat >/usr/sbin/lvm && chmod 755 /usr/sbin/lvm' <"$2"
}

lvm_back() {
	if [ -d "$IMG_VM/$1/sbin" ]; then
		on "$1" umount -l /usr/sbin
		rm -rf "$IMG_VM/$1/sbin" "$IMG_VM/$1/sbin-work"
	fi
}

# lvm_back undoes all later changes in the host's /usr/sbin.
change_sbin() {
	local dir=$IMG_VM/$1

	lvm_back "$1"
	mkdir "$dir/sbin" "$dir/sbin-work"
	on "$1" mount -t overlay \
		-o "lowerdir=/usr/sbin,upperdir=$dir/sbin,workdir=$dir/sbin-work" sbin /usr/sbin
}
