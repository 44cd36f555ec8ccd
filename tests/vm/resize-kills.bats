#!/usr/bin/env bats
#
# The helper is killed before and after each program by which it resizes a volume and its
# filesystem: the volume is as it was, or complete, or marked, and the same command completes it.
# A sample of these points in the tests, all of them in `make soak`.

load guest

setup_file() {
	local dir=$BATS_FILE_TMPDIR

	guest_setup_file
	make_group a vga 96M
	head -c 300000 /dev/urandom >"$dir/file"
	truncate -s 16M "$dir/fs"
	mke2fs -q -t ext4 "$dir/fs"
	debugfs -w -R "write $dir/file f" "$dir/fs" >/dev/null 2>&1
}

setup() {
	local name

	guest_setup
	counted >counted
	lvm_is a counted
	for name in e2fsck resize2fs; do
		on a mv /usr/sbin/$name /usr/sbin/$name.real
		on a sh -c "cat >/usr/sbin/$name && chmod 755 /usr/sbin/$name" <counted
	done
}
teardown() {
	lvm_back a
	on a lvremove -qqy vga/img
	guest_teardown
	[ -z "$(tagged a)" ]
}

# Prints a program that runs LVM or another one of the same name, counts the calls that can
# change something in the file calls, and kills the helper as the files target and when say.
counted() {
	cat <<-END
		#!/bin/bash
		name=\${0##*/}
		program=\$name
		[[ \$name != lv* ]] || program=lvm
		real() {
			exec -a \$name /usr/sbin/\$program.real "\$@"
		}
		case "\$name \$1" in
		lv[!m]* | 'lvm lvs' | 'lvm vgs' | 'lvm pvs' | 'lvm version' | 'resize2fs -P') real "\$@" ;;
		esac
		echo "\$name \$*" >>$DIR/calls
		[ \$(wc -l <$DIR/calls) = \$(cat $DIR/target) ] || real "\$@"
		[ \$(cat $DIR/when) = before ] || (real "\$@")
		kill -KILL \$PPID
	END
}

# make_volume SIZE: img with that size, on which the filesystem is.
make_volume() {
	on a lvremove -qqy vga/img 2>/dev/null || true
	on a lvcreate -qqy -Wn -L "$1b" -n img vga
	cp "$BATS_FILE_TMPDIR/fs" /dev/vga/img
	blockdev --flushbufs /dev/vga/img
}

fs_size() {
	dumpe2fs -h /dev/vga/img 2>/dev/null |
		awk '/^Block count:/ { c = $3 } /^Block size:/ { b = $3 } END { printf "%.0f", c * b }'
}

# intact SIZE: so large are the volume and its filesystem, which has no errors, and the file.
intact() {
	blockdev --flushbufs /dev/vga/img
	[ "$(blockdev --getsize64 /dev/vga/img)" = "$1" ] && [ "$(fs_size)" = "$1" ] &&
		e2fsck -fn /dev/vga/img >&2 &&
		debugfs -R 'cat f' /dev/vga/img 2>/dev/null | cmp - "$BATS_FILE_TMPDIR/file" >&2
}

# killed_at N WHEN OLD NEW WORD...: what is left is in order.
killed_at() {
	local old=$3 new=$4

	: >calls
	echo "$1" >target
	echo "$2" >when
	shift 4
	make_volume "$old"
	try on a "$@"
	[ "$status" = 7 ] || return
	wait_until 20 no_process || return
	echo 0 >target
	blockdev --flushbufs /dev/vga/img
	[ "$(fs_size)" -le "$(blockdev --getsize64 /dev/vga/img)" ] || return
	on a img-info --json /dev/vga/img | jq -e .unfinished >/dev/null ||
		intact "$old" || intact "$new" || return
	try on a "$@"
	[ "$status" = 0 ] && intact "$new" && [ -z "$(tagged a)" ] &&
		[ "$(on a lvs --noheadings -o lv_name vga | grep -c img-tools)" = 0 ]
}

# kill_each LEAST OLD NEW WORD...
kill_each() {
	local least=$1 old=$2 count n i
	shift

	: >calls
	echo 0 >target
	make_volume "$old"
	succeeds on a "${@:3}"
	count=$(wc -l <calls)
	cat calls >&2
	[ "$count" -ge "$least" ] || return
	for ((i = 0; i < 2 * count; i += $(sample 7))); do
		n=$((i / 2 + 1))
		if ((i % 2)); then
			killed_at $n after "$@"
		else
			killed_at $n before "$@"
		fi || {
			echo "after a kill at call $n, $((i % 2)):" >&2
			told
			cat calls >&2
			return 1
		}
	done
}

@test "a volume and its filesystem are grown, and the helper is killed" {
	kill_each 10 16777216 25165824 img-resize --fs /dev/vga/img 24M
}

@test "a volume and its filesystem are made smaller, and the helper is killed" {
	kill_each 9 16777216 12582912 img-resize --shrink --fs /dev/vga/img 12M
}

@test "a volume and its filesystem are grown in place, and the helper is killed" {
	kill_each 8 16777216 25165824 img-resize --in-place --fs /dev/vga/img 24M
}
