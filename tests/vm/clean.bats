#!/usr/bin/env bats
#
# Whatever is killed, at whatever point: img-clean leaves no volume of a dead run
# and an origin that works, and touches nothing else.

load guest

setup_file() {
	local host

	guest_setup_file
	for host in a b; do
		make_group $host vg$host 128M
		on $host lvcreate -q -L 8M -n disk vg$host
		cp "$IMAGE" /dev/vg$host/disk
	done
	export KILLER=$BATS_FILE_TMPDIR/killat.so
	gcc -shared -fPIC -o "$KILLER" "$BATS_TEST_DIRNAME/killat.c" -ldl
}

teardown_file() {
	guest_teardown_file
}

setup() {
	guest_setup
}

# What a test that failed left is not the next one's affair.
teardown() {
	local host

	guest_teardown || return
	for host in a b; do
		on $host lvremove -qqy --select 'lv_name!=disk' "vg$host" 2>/dev/null || true
	done
}

# dead HOST: the tag of a run there that is over: process 1, but of another start.
dead() {
	echo "img-tools.run=$1:$(</proc/sys/kernel/random/boot_id):$(stat -L -c %i /proc/self/ns/pid):1:99"
}

# What volumes a host's group has, and their tags, one after the other.
names() {
	on "$1" lvs --noheadings -o lv_name,lv_tags "vg$1" | tr -s ' \n' ' '
}

# The group's devices, as `dmsetup ls` has them.
devices() {
	dmsetup info -c --noheadings -o name | grep "^vg$1-" | sort | tr '\n' ' '
}

# lvm_at HOST N WORD...: LVM that is killed at its Nth call that changes something; 0:
# never, and those calls are told.
lvm_at() {
	local host=$1 n=$2
	shift 2

	if [ "$n" = 0 ]; then
		on "$host" env "LD_PRELOAD=$KILLER" "KILL_LOG=$DIR/calls" lvm "$@"
	else
		on "$host" env "LD_PRELOAD=$KILLER" "KILL_AT=$n" lvm "$@"
	fi
}

# mended HOST: after img-clean nothing is tagged or suspended, what waited for the
# origin was written, and the origin is all there is.
mended() {
	local host=$1 writer clean=0
	local new=$DIR/new-$1 out=$DIR/out-$1

	seq "$RANDOM" 99999 | head -c 4096 >"$new"
	timeout 60 dd if="$new" of="/dev/vg$host/disk" bs=4096 seek=3 oflag=direct \
		conv=notrunc status=none 3>&- &
	writer=$!
	on "$host" img-clean "/dev/vg$host" >"$out" 2>&1 || clean=$?
	wait $writer || clean="$clean, the writer failed: $?"
	if [ "$clean" = 0 ] && [ "$(names "$host")" = ' disk ' ] &&
		[ "$(devices "$host")" = "vg$host-disk " ] && ! suspended | grep "^vg$host-" &&
		[ "$(dmsetup table "vg$host-disk" | cut -d' ' -f3)" = linear ]; then
		dd if="/dev/vg$host/disk" bs=4096 skip=3 count=1 iflag=direct status=none |
			cmp - "$new" >&2
		return
	fi
	{
		echo "status $clean, volumes $(names "$host"), devices $(devices "$host")"
		echo "suspended $(suspended)"
		cat "$out"
	} >&2
	return 1
}

# each_point LEAST MAKE WORD...: kills `lvm WORD...` at every such call, half of them on
# each host, to be quicker; MAKE prepares.  @ in a word is the host.
each_point() {
	local least=$1 make=$2 other
	shift 2

	: >calls
	$make a
	lvm_at a 0 "${@//@/a}" >&2
	quick on a lvremove -qqy vga/snap 2>/dev/null || true
	cat calls >&2
	[ "$(wc -l <calls)" -ge "$least" ]
	half a 1 "$make" "$@" 3>&- &
	other=$!
	half b 0 "$make" "$@"
	wait $other
	unharmed
}

half() {
	local host=$1 odd=$2 make=$3 n what
	shift 3

	while read -r n what <&5; do
		[ $((n % 2)) = "$odd" ] || continue
		$make "$host"
		! lvm_at "$host" "$n" "${@//@/$host}" >/dev/null 2>&1
		if ! mended "$host"; then
			echo "after a kill at $n ($what): $*" >&2
			return 1
		fi
	done 5<calls
}

# But for the piece that was written.
unharmed() {
	local host

	for host in a b; do
		dd if=/dev/vg$host/disk bs=4096 skip=4 status=none | cmp - <(tail -c +16385 "$IMAGE") >&2
	done
}

nothing() { :; }

snap() {
	on "$1" lvcreate -qq -y -s -n snap --addtag "$(dead "$1")" -pr -L 4M "vg$1/disk"
}

@test "LVM killed at every call by which it takes a snapshot" {
	each_point 20 nothing lvcreate -qq -y -s -n snap --addtag "$(dead @)" -pr -L 4M vg@/disk
}

# leave NAME TAG...: a volume that has those tags.
leave() {
	local name=$1 tag tags=()
	shift

	for tag; do
		tags+=(--addtag "$tag")
	done
	on a lvcreate -qq -y -Zn -L 4M -n "$name" "${tags[@]}" vga
}

volumes() {
	on a lvs --noheadings -o lv_name vga | tr -d ' ' | tr '\n' ' '
}

@test "only what a dead run made goes, and what stays is told" {
	local boot host

	boot=$(</proc/sys/kernel/random/boot_id)
	leave dead "$(dead a)"
	leave rebooted "img-tools.run=a:${boot//[0-9]/0}:4026531836:1:99"
	leave living "img-tools.run=a:$boot:$(stat -L -c %i /proc/self/ns/pid):$$:$(
		awk '{ print $22 }' /proc/$$/stat)"
	leave foreign "img-tools.run=elsewhere:${boot//[0-9]/0}:4026531836:1:99"
	leave unfinished img-tools.unfinished
	leave other "somebody" "img-tools"
	on a img-snap --name kept /dev/vga/disk >&2
	try on a img-clean -n /dev/vga
	[ "$status" = 0 ]
	[ "$(sort "$OUT" | tr '\n' ' ')" = 'would remove /dev/vga/dead would remove /dev/vga/rebooted ' ]
	[ "$(volumes)" = 'dead disk foreign kept living other rebooted unfinished ' ]
	try on a img-clean --json /dev/vga
	[ "$status" = 0 ]
	json '[.entries[] | .path + " " + .state] | sort == ["/dev/vga/dead removed",
		"/dev/vga/foreign foreign", "/dev/vga/living alive", "/dev/vga/rebooted removed"]'
	says "left '/dev/vga/living': in use"
	says "left '/dev/vga/foreign': another host's"
	[ "$(volumes)" = 'disk foreign kept living other unfinished ' ]
	# All of a host, as from elsewhere.
	leave dead "$(dead a)"
	for host in a: a:/dev/vga; do
		try img-clean -n $host
		[ "$status" = 0 ]
		[ "$(<"$OUT")" = "would remove a:/dev/vga/dead" ]
	done
	try img-clean a:
	[ "$status" = 0 ]
	[ "$(<"$OUT")" = "removed a:/dev/vga/dead" ]
	refuses 4 a:/dev/vga/disk img-clean a:/dev/vga/disk
	refuses 3 a:/dev/nogroup img-clean a:/dev/nogroup
	on a lvremove -qqy vga/{foreign,kept,living,other,unfinished}
}

@test "a dry run resumes nothing, and says so; a living LVM's volumes stay suspended" {
	snap a
	dmsetup suspend vga-disk
	succeeds on a img-clean -n /dev/vga
	[ "$(sort "$OUT" | tr '\n' ' ')" = 'would remove /dev/vga/snap would resume /dev/vga/disk ' ]
	[ "$(suspended)" = vga-disk ]
	on a flock -s -n /run/lock/lvm/V_vga img-clean -n /dev/vga >out
	[ "$(<out)" = 'would remove /dev/vga/snap' ]
	mended a
	[ "$(sort out-a | tr '\n' ' ')" = 'removed /dev/vga/snap resumed /dev/vga/disk ' ]
}

# Kills all of lvm's run, and its helper, as `when`: before or after the command $1.
lvm_kills() {
	# It goes by the name that it is called by.
	lvm_is a - <<-END
		#!/bin/bash
		[ "\$1" = $1 ] || exec -a lvm lvm.real "\$@"
		case $2 in
		before) kill -KILL \$PPID ;;
		after)
			(exec -a lvm lvm.real "\$@")
			kill -KILL \$PPID
			;;
		during)
			(exec -a lvm lvm.real "\$@") &
			kill -KILL \$PPID
			wait
			;;
		fails)
			echo '  it does not work' >&2
			exit 5
			;;
		esac
	END
}

@test "the helper killed before, while and after it runs LVM" {
	local command when

	for command in lvcreate lvremove; do
		for when in before during after; do
			lvm_kills $command $when
			try on a img-copy -s /dev/vga/disk /srv/copy
			lvm_back a
			[ "$status" = 7 ]
			wait_until 20 lock_is_free
			wait_until 10 no_process
			rm -f "$IMG_VM"/a/srv/.copy.img-tools
			mended a
			[ "$command" != lvcreate ] || on a test ! -e /srv/copy
			rm -f "$IMG_VM"/a/srv/copy
		done
	done
}

lock_is_free() {
	[ ! -e "$IMG_VM/a/locks/V_vga" ] || flock -n "$IMG_VM/a/locks/V_vga" true
}

@test "LVM that fails, or is killed, under a helper that lives" {
	lvm_kills lvcreate fails
	refuses 1 a:/dev/vga/disk img-copy -s a:/dev/vga/disk x.img
	says 'it does not work'
	[ ! -e x.img ]
	lvm_missing a
	try img-copy -s a:/dev/vga/disk x.img
	[ "$status" = 1 ]
	[ ! -e x.img ]
	lvm_back a
	[ "$(names a)" = ' disk ' ]
	# The origin is suspended then.
	lvm_dies lvcreate 19
	refuses 1 a:/dev/vga/disk img-copy -s a:/dev/vga/disk x.img
	lvm_back a
	[ ! -e x.img ]
	[ -z "$(suspended)" ]
	[ "$(names a)" = ' disk ' ]
	mended a
	# It tries again, to remove it.
	lvm_dies lvremove 8
	succeeds img-copy -s a:/dev/vga/disk x.img
	lvm_back a
	cmp x.img /dev/vga/disk >&2
	[ "$(names a)" = ' disk ' ]
	mended a
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

@test "the client killed, the helper killed, while they copy" {
	local who pid client

	for who in client helper; do
		img-copy -F "$SSH_CONFIG" -s --bwlimit 100k a:/dev/vga/disk x.img 2>/dev/null 3>&- &
		client=$! # wait_until has processes, too
		wait_until 60 test -s .x.img.img-tools
		[ "$(tagged a | wc -l)" = 1 ]
		if [ $who = client ]; then
			kill -KILL $client
		else
			for pid in $(helpers); do
				kill -KILL "$pid"
			done
		fi
		status=0
		wait $client || status=$?
		[ "$status" != 0 ]
		wait_until 30 no_process
		rm -f .x.img.img-tools
		if [ $who = client ]; then
			[ -z "$(tagged a)" ] # that helper saw it go
		else
			[ "$(tagged a | wc -l)" = 1 ]
		fi
		mended a
	done
}
