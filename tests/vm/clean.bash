# shellcheck shell=bash
#
# Shared by clean*.bats and kills.bats, beside guest.bash: setup and teardown, with which
# hosts a and b each have a group vgHOST with a volume `disk`; and
#
#   dead HOST         prints the tag of an interrupted job there
#   snap HOST         takes a thick snapshot `snap` of $ORIGIN, with that tag
#   state HOST        prints the content of its group
#   mended HOST       runs img-clean there: everything must be as in the file state-HOST again
#   untouched         host a's group is like that without img-clean
#   lvm_kills COMMAND WHEN [WHO]   host a's LVM kills its helper, or the client; or fails
#   lvm_dies COMMAND N   host a's LVM is killed once, at that call of COMMAND (killat.c)

setup_file() {
	local host

	guest_setup_file
	for host in a b; do
		make_group $host vg$host 128M
		on $host lvcreate -q -L 8M -n disk vg$host
		cp "$IMAGE" /dev/vg$host/disk
	done
	state a >"$BATS_FILE_TMPDIR/state-a"
	state b >"$BATS_FILE_TMPDIR/state-b"
	export KILLER=$BATS_FILE_TMPDIR/killat.so
	gcc -shared -fPIC -o "$KILLER" "$BATS_TEST_DIRNAME/killat.c" -ldl
}

setup() {
	guest_setup
	ORIGIN=disk # the volume that is written to while it is repaired
	cp "$BATS_FILE_TMPDIR"/state-? .
}

# What a failed test left must not affect the next one.
teardown() {
	local host

	guest_teardown || return
	for host in a b; do
		on $host lvremove -qqy --select 'lv_name!=disk' "vg$host" 2>/dev/null || true
	done
}

# dead HOST: prints the tag of an interrupted job there: process 1 with another start time.
dead() {
	echo "img-tools.run=$1:$(</proc/sys/kernel/random/boot_id):$(stat -L -c %i /proc/self/ns/pid):1:99"
}

# Prints the volumes of a host's group with their tags, and the devices with their targets.
state() {
	on "$1" lvs --noheadings -o lv_name,lv_tags "vg$1" | tr -s ' '
	dmsetup table | awk -F ': | ' -v of="vg$1-" 'index($1, of) == 1 { print $1, $4 }' | sort
}

# mended HOST: after img-clean the group is as in state-HOST, nothing is suspended, and
# what was waiting for the origin has been written.
mended() {
	local host=$1 writer clean=0 new=$DIR/new-$1 out=$DIR/out-$1 now=$DIR/now-$1 disk=/dev/vg$1/$ORIGIN

	seq "$RANDOM" 99999 | head -c 4096 >"$new"
	timeout 60 dd if="$new" of="$disk" bs=4096 seek=3 oflag=direct conv=notrunc status=none 3>&- &
	writer=$!
	on "$host" img-clean "/dev/vg$host" >"$out" 2>&1 || clean=$?
	wait $writer || clean="$clean, the writer failed: $?"
	state "$host" >"$now"
	if [ "$clean" != 0 ] || ! cmp "$now" "state-$host" || suspended | grep "^vg$host-"; then
		{
			echo "status $clean, suspended $(suspended), and:"
			cat "$out" "$now"
		} >&2
		return 1
	fi
	dd if="$disk" bs=4096 skip=3 count=1 iflag=direct status=none | cmp - "$new" >&2
}

# As it was, without img-clean.
untouched() {
	cmp <(state a) state-a >&2
}

snap() {
	on "$1" lvcreate -qq -y -s -n snap --addtag "$(dead "$1")" -pr -L 4M "vg$1/$ORIGIN"
}

# lvm_dies COMMAND N: the first time, at its Nth call that changes something.
lvm_dies() {
	rm -f "$IMG_VM/a/srv/died"
	lvm_is a - <<-END
		#!/bin/bash
		[ "\$1" = $1 ] && [ ! -e /srv/died ] || exec -a lvm lvm.real "\$@"
		: >/srv/died
		LD_PRELOAD=$KILLER KILL_AT=$2 exec -a lvm lvm.real "\$@"
	END
}

# lvm_kills COMMAND WHEN [WHO]: WHEN is before, during or after; WHO is helper or client.
lvm_kills() {
	local who='kill -KILL $PPID'

	[ "${3:-helper}" = helper ] || who='pkill -KILL -x img-copy'
	# LVM's behaviour depends on the name that it is called by.
	lvm_is a - <<-END
		#!/bin/bash
		[ "\$1" = $1 ] || exec -a lvm lvm.real "\$@"
		case $2 in
		before)
			$who
			[ ${3:-helper} = helper ] || exec -a lvm lvm.real "\$@"
			;;
		after)
			(exec -a lvm lvm.real "\$@")
			$who
			;;
		during)
			(exec -a lvm lvm.real "\$@") &
			$who
			wait
			;;
		fails)
			echo '  it does not work' >&2
			exit 5
			;;
		esac
	END
}
