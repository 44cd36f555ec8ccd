#!/usr/bin/env bats
#
# LVM is killed at each of its calls that change something: afterwards img-clean leaves no
# volume of the interrupted job, and an origin that works.

load guest
load clean

# lvm_at HOST N WORD...: runs LVM and kills it at its Nth call that changes something; with
# N 0 it is not killed, and these calls are printed.
lvm_at() {
	local host=$1 n=$2
	shift 2

	if [ "$n" = 0 ]; then
		on "$host" env "LD_PRELOAD=$KILLER" "KILL_LOG=$DIR/calls" lvm "$@"
	else
		on "$host" env "LD_PRELOAD=$KILLER" "KILL_AT=$n" lvm "$@"
	fi
}

# each_point LEAST MAKE WORD...: kills `lvm WORD...` at a sample of these calls, of which there are
# LEAST or more, and at all of them in `make soak`; half of them on each host, to save time.  MAKE
# prepares.  @ in a word stands for the host.
each_point() {
	local least=$1 make=$2 other
	shift 2

	: >calls
	$make a
	lvm_at a 0 "${@//@/a}" >&2
	on a lvremove -qqy vga/snap 2>/dev/null || true
	echo "$*:" >&2
	cat calls >&2
	[ "$(wc -l <calls)" -ge "$least" ] || return
	half a 1 "$make" "$@" 3>&- &
	other=$!
	half b 0 "$make" "$@" || return
	wait $other
}

half() {
	local host=$1 odd=$2 make=$3 n what step
	shift 3

	step=$(sample 3)
	while read -r n what <&5; do
		((n % 2 == odd && n / 2 % step == 0)) || continue
		$make "$host"
		if lvm_at "$host" "$n" "${@//@/$host}" >/dev/null 2>&1 || ! mended "$host"; then
			echo "after a kill at $n ($what): $*" >&2
			return 1
		fi
	done 5<calls
}

# Except for the part that was written.
unharmed() {
	local host

	for host in a b; do
		dd if="/dev/vg$host/$ORIGIN" bs=4096 skip=4 status=none |
			cmp -n 8372224 - <(tail -c +16385 "$IMAGE") >&2
	done
}

nothing() { :; }

thin_snap() {
	on "$1" lvcreate -qq -y -s -n snap --addtag "$(dead "$1")" -pr -kn "vg$1/$ORIGIN"
}

@test "LVM is killed at every call by which it takes a snapshot" {
	each_point 20 nothing lvcreate -qq -y -s -n snap --addtag "$(dead @)" -pr -L 4M vg@/disk
	unharmed
}

@test "LVM is killed at every call by which it extends a snapshot" {
	each_point 12 snap lvextend -qq -L 8M vg@/snap
	unharmed
}

@test "LVM is killed at every call by which it removes a snapshot, with another one beside it" {
	local host

	for host in a b; do
		on $host lvcreate -qqy -s -L 4M -n kept vg$host/disk
		state $host >state-$host
	done
	each_point 16 snap lvremove -qq -y vg@/snap
	unharmed
}

@test "LVM is killed at every call by which it takes, makes and removes thin volumes" {
	local host

	for host in a b; do
		on $host lvcreate -qq -y --type thin-pool -L 16M -n pool vg$host
		on $host lvcreate -qq -y -V 8M --thinpool pool -n thin vg$host
		cp "$IMAGE" /dev/vg$host/thin
		state $host >state-$host
	done
	ORIGIN=thin
	each_point 8 nothing lvcreate -qq -y -s -n snap --addtag "$(dead @)" -pr -kn vg@/thin
	each_point 8 nothing lvcreate -qq -y -n snap --addtag "$(dead @)" -V 4M --thinpool pool vg@
	each_point 6 thin_snap lvremove -qq -y vg@/snap
	unharmed
	# A running helper cleans up by itself: LVM has a volume that its pool does not know yet.
	lvm_dies lvcreate 6
	refuses 1 a:/dev/vga/thin img-copy -s a:/dev/vga/thin x.img
	lvm_back a
	untouched
	lvm_dies lvcreate 5
	refuses 1 a:/dev/vga/new img-create --thin pool a:/dev/vga/new 4M
	lvm_back a
	untouched
}
