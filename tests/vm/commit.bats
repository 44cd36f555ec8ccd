#!/usr/bin/env bats
#
# img-commit into volumes: they are extended before, and are complete, or marked, whatever happens.

load guest

setup_file() {
	guest_setup_file
	make_group a vga 96M
}
setup() { guest_setup; }
teardown() {
	lvm_back a
	on a lvremove -qqy vga 2>/dev/null || true
	guest_teardown
	[ -z "$(tagged a)" ]
}

# volume NAME SIZE: with the old data of others.
volume() {
	on a lvcreate -qqy -Wn -L "$2" -n "$1" vga
	yes old | dd of="/dev/vga/$1" bs=1M oflag=direct iflag=fullblock status=none 2>/dev/null || true
}

# layer NAME BACKING FORMAT SIZE WORD...: a qcow2 layer on that volume; WORD... for qemu-io.
layer() {
	qemu-img create -q -f qcow2 ${2:+-b "/dev/vga/$2" -F "$3"} "/dev/vga/$1" "$4"
	[ $# = 4 ] || qemu-io -f qcow2 "${@:5}" "/dev/vga/$1" >/dev/null
}

# chain FORMAT: base <- mid <- top on volumes, of which base is too small for what mid holds.
chain() {
	volume base 4M
	volume mid 12M
	volume top 4M
	if [ "$1" = raw ]; then
		layer mid base raw 10M -c 'write -P 1 1M 1M' -c 'write -P 2 7M 2M'
	else
		layer base '' '' 10M -c 'write -P 9 0 1M'
		layer mid base qcow2 10M -c 'write -P 1 1M 6M'
	fi
	layer top mid qcow2 10M -c 'write -P 3 1500K 100K'
	qemu-img convert -O raw /dev/vga/top view
}

# shows NAME [FORMAT]: the guest sees what it saw.
shows() {
	blockdev --flushbufs "/dev/vga/$1"
	qemu-img compare -q -f raw -F "${2:-qcow2}" view "/dev/vga/$1" >&2
}

backing_of() {
	qemu-img info --output=json "/dev/vga/$1" | jq -r '."full-backing-filename"'
}

volumes() {
	on a lvs --noheadings -o lv_name vga | xargs
}

size_of() {
	blockdev --getsize64 "/dev/vga/$1"
}

@test "a raw base is extended and zeroed, and layers are deleted" {
	chain raw
	succeeds on a img-commit -n --top /dev/vga/mid /dev/vga/top
	grep "enlarge '/dev/vga/base' from 4 MiB to 12 MiB" "$OUT"
	[ "$(size_of base)" = $((4 << 20)) ]
	succeeds img-commit --json --top 1 --delete a:/dev/vga/top
	json '.base.before.physical == 4194304 and .base.after.physical == 12582912 and
		.deleted == ["/dev/vga/mid"] and .child == {path: "/dev/vga/top", backing: "/dev/vga/base"}'
	shows top
	[ "$(backing_of top)" = /dev/vga/base ]
	[ "$(volumes)" = 'base top' ]
	# What follows the disk of 10 MiB does not show what the group held before.
	blockdev --flushbufs /dev/vga/base
	cmp -n $((2 << 20)) -i $((10 << 20)):0 /dev/vga/base /dev/zero >&2
	# The image itself, whose base is rounded up to extents.
	succeeds on a img-commit /dev/vga/top
	grep -x 'the guest must use /dev/vga/base now' "$OUT"
	cmp -n $((10 << 20)) view /dev/vga/base >&2
}

@test "a qcow2 base is extended to what is measured" {
	local measured

	chain qcow2
	measured=$(qemu-img measure --output=json -O qcow2 -f qcow2 /dev/vga/mid | jq .required)
	succeeds img-commit --json --progress=never --top /dev/vga/mid a:/dev/vga/top
	json ".base.after.physical >= $measured and .base.after.physical < $measured + 4194304 and
		.base.after.allocation <= .base.after.physical and .base.after.capacity == 10485760"
	shows top
	qemu-img check -q /dev/vga/base >&2
	[ "$(backing_of top)" = /dev/vga/base ]
	[ "$(volumes)" = 'base mid top' ]
	# Nothing has to be extended the second time.
	on a lvremove -qqy vga/mid
	succeeds on a img-commit --json --top 0 --delete /dev/vga/top
	json '.base.enlarged == null and .deleted == ["/dev/vga/top"]'
	shows base
	[ "$(volumes)" = base ]
}

@test "a qcow2 base has clusters that are not measured" {
	volume base 8M
	volume mid 8M
	volume top 4M
	# It keeps the clusters, which read as zeros.
	layer base '' '' 10M -c 'write -P 9 0 6M' -c 'write -z 0 6M'
	layer mid base qcow2 10M -c 'write -P 1 6M 3M'
	layer top mid qcow2 10M
	qemu-img convert -O raw /dev/vga/top view
	succeeds img-commit --json --top /dev/vga/mid a:/dev/vga/top
	json '.base.enlarged == 12582912'
	shows top
	qemu-img check -q /dev/vga/base >&2
}

@test "no space in the group, a layer in use, a snapshot" {
	chain raw
	on a lvcreate -qqy -Wn -l 100%FREE -n full vga
	refuses 9 /dev/vga/top on a img-commit --top 1 /dev/vga/top
	says "group 'vga' has"
	on a lvremove -qqy vga/base -f 2>/dev/null || true
	on a lvremove -qqy vga
	chain qcow2
	on a lvcreate -qqy -Wn -l 100%FREE -n full vga
	refuses 9 a:/dev/vga/top img-commit --top 1 a:/dev/vga/top
	[ "$(size_of base)" = $((4 << 20)) ]
	shows top
	on a lvremove -qqy vga/full
	for layer in base mid top; do
		exec 7<"/dev/vga/$layer"
		refuses 5 /dev/vga/top on a img-commit --top 1 /dev/vga/top
		exec 7<&-
	done
	on a lvcreate -qqy -s -L 4M -n snap vga/base
	refuses 4 /dev/vga/top on a img-commit --top 1 /dev/vga/top
	on a lvremove -qqy vga/snap
	succeeds on a img-commit --top 1 /dev/vga/top
	shows top
}

@test "a layer that is not active is not taken for one that was deleted" {
	chain raw
	succeeds on a img-commit --top 1 /dev/vga/top
	# As a job leaves it that is interrupted before it deletes.
	on a lvchange -qq --addtag img-tools.commit=top:mid vga/base
	on a lvchange -qq -an vga/mid
	refuses 1 /dev/vga/top on a img-commit --top 1 --delete /dev/vga/top
	says "layer '/dev/vga/mid'"
	says 'not active'
	[ "$(volumes)" = 'base mid top' ]
	shows top
}

# Prints a program that runs LVM, or qemu-img, counts the calls that can change something in the
# file calls, and kills the helper as the files target and when say.
counted() {
	cat <<-END
		#!/bin/bash
		name=\${0##*/}
		program=/usr/sbin/lvm.real
		[ \$name != qemu-img ] || program=/usr/bin/qemu-img
		real() {
			exec -a \$name \$program "\$@"
		}
		case "\$name \$1" in
		lv[!m]* | 'lvm lvs' | 'lvm vgs' | 'lvm pvs' | 'lvm version' | 'qemu-img measure') real "\$@" ;;
		esac
		echo "\$name \$*" >>$DIR/calls
		[ \$(wc -l <$DIR/calls) = \$(cat $DIR/target) ] || real "\$@"
		[ \$(cat $DIR/when) = before ] || (real "\$@")
		kill -KILL \$PPID
	END
}

not_busy() {
	try "$@"
	[ "$status" != 5 ]
}

# killed_at N WHEN FORMAT WORD...: what is left is in order, and the same command completes it.
killed_at() {
	local format=$3

	: >calls
	echo 0 >target
	on a lvremove -qqy vga 2>/dev/null || true
	chain "$format"
	: >calls
	echo "$1" >target
	echo "$2" >when
	shift 3
	try on a "$@"
	[ "$status" = 7 ] || return
	wait_until 20 no_process || return
	echo 0 >target
	shows top || return
	if [ "$(volumes)" != 'base top' ] || [ -n "$(tagged a)" ]; then
		wait_until 20 not_busy on a "$@"
		[ "$status" = 0 ] || return
	fi
	shows top && [ "$(volumes)" = 'base top' ] && [ -z "$(tagged a)" ] &&
		[ "$(backing_of top)" = /dev/vga/base ]
}

# kill_each LEAST FORMAT WORD...
kill_each() {
	local least=$1 format=$2 count n i=0 when
	shift 2

	counted >counted
	lvm_is a counted
	on a sh -c 'cat >/usr/sbin/qemu-img && chmod 755 /usr/sbin/qemu-img' <counted
	: >calls
	echo 0 >target
	chain "$format"
	: >calls
	succeeds on a "$@"
	count=$(wc -l <calls)
	[ "$count" -ge "$least" ]
	for ((n = 1; n <= count; n++)); do
		for when in before after; do
			((++i % $(sample 7) == 0)) || continue
			if ! killed_at "$n" "$when" "$format" "$@"; then
				echo "killed $when call $n:" >&2
				cat calls >&2
				told
				return 1
			fi
		done
	done
}

@test "the helper is killed before or after each program that it runs: a raw base" {
	kill_each 8 raw img-commit --delete --top /dev/vga/mid /dev/vga/top
}

@test "the helper is killed before or after each program that it runs: a qcow2 base" {
	kill_each 7 qcow2 img-commit --delete --top /dev/vga/mid /dev/vga/top
}
