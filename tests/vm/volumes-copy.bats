#!/usr/bin/env bats
#
# Volumes are copied and written, from and to all that holds an image.

load guest

setup_file() {
	guest_setup_file
	make_group a vga 160M
	make_group b vgb 96M
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
	[ -z "$(tagged a)$(tagged b)" ]
}

# dirty HOST GROUP: what is free in it holds something.
dirty() {
	on "$1" lvcreate -qy -Wn -Zn -l 100%FREE -n dirt "$2"
	yes secret | dd of="/dev/$2/dirt" bs=1M oflag=direct iflag=fullblock status=none 2>"$DIR/dd" || true
	on "$1" lvremove -qy "$2/dirt"
}

# holds VOLUME FILE: FILE's content, and zeros behind it, as it is on the disk.
holds() {
	local size length

	size=$(blockdev --getsize64 "/dev/$1")
	length=$(stat -c %s "$2")
	blockdev --flushbufs "/dev/$1"
	cmp -n "$length" "/dev/$1" "$2" >&2 &&
		cmp -n $((size - length)) -i "$length:0" "/dev/$1" /dev/zero >&2
}

# works COMMAND...: whatever it notes.
works() {
	try "$@"
	[ "$status" = 0 ] || {
		told
		return 1
	}
}

# mapped VOLUME: bytes that its pool has mapped for a thin one.
mapped() {
	echo $(($(dmsetup status "/dev/$1" | cut -d' ' -f4) * 512))
}

# bytes_read VOLUME
bytes_read() {
	local n

	read -r _ _ n _ <"/sys/class/block/$(basename "$(realpath "/dev/$1")")/stat"
	echo $((n * 512))
}

# fill VOLUME MIB COUNT
fill() {
	seq "$2" 9999999 | dd of="/dev/$1" bs=1M seek="$2" count="$3" iflag=fullblock oflag=direct status=none
}

@test "a thin source is read by what is mapped of it, a thin target stays thin" {
	local before sum

	on a lvcreate -q --type thin-pool -L 16M --poolmetadatasize 4M -n pool vga
	on b lvcreate -q --type thin-pool -L 16M --poolmetadatasize 4M -n pool vgb
	on a lvcreate -q -V 20G --thinpool vga/pool -n thin
	fill vga/thin 0 3
	fill vga/thin 10240 1
	fill vga/thin 20479 1
	[ "$(mapped vga/thin)" = 5242880 ]
	succeeds img-create --thin pool b:/dev/vgb/thin 20G
	# What is in its way goes, chunks and parts of one.
	fill vgb/thin 5120 1
	printf here | dd of=/dev/vgb/thin bs=1 seek=11111111111 status=none

	before=$(bytes_read vga/thin)
	succeeds img-write --json a:/dev/vga/thin b:/dev/vgb/thin
	json '.capacity == 21474836480 and .data_bytes == 5242880 and .consistent and .wire_bytes < 8000000'
	[ $(($(bytes_read vga/thin) - before)) -lt 8000000 ]
	[ "$(mapped vgb/thin)" -le $((5242880 + 65536)) ]
	blockdev --flushbufs /dev/vgb/thin
	cmp -n 4M /dev/vga/thin /dev/vgb/thin
	cmp -n 2M -i 10G /dev/vga/thin /dev/vgb/thin
	cmp -i 20478M /dev/vga/thin /dev/vgb/thin
	cmp -n 1M -i 5G:0 /dev/vgb/thin /dev/zero
	cmp -n 1M -i 11111000000:0 /dev/vgb/thin /dev/zero

	# The kernel lends its snapshot of the metadata again,
	run ! on a dmsetup message vga-pool-tpool 0 release_metadata_snap
	# also after one that was killed while it had it.
	change_sbin a
	printf '%s\n' '#!/bin/bash' 'kill -KILL $PPID' | on a tee /usr/sbin/thin_dump >/dev/null
	try img-write a:/dev/vga/thin b:/dev/vgb/thin
	[ "$status" = 7 ]
	lvm_back a
	wait_until 20 no_process
	before=$(bytes_read vga/thin)
	try img-write --json a:/dev/vga/thin b:/dev/vgb/thin
	[ "$status" = 0 ]
	[ $(($(bytes_read vga/thin) - before)) -lt 8000000 ]
	run ! on a dmsetup message vga-pool-tpool 0 release_metadata_snap
	[ -z "$(on a find /run -maxdepth 1 -name 'img-tools-*')" ]
	on a lvremove -qy vga
	on b lvremove -qy vgb
}

@test "a pool that does not zero, of odd chunks: nothing old shows" {
	dirty a vga
	on a lvcreate -q --type thin-pool -Zn -c 192K -L 48M --poolmetadatasize 4M -n pool vga
	make_sparse sparse
	truncate -s 9M sparse
	on a lvcreate -q -V 300M --thinpool vga/pool -n thin
	fill vga/thin 63 2
	fill vga/thin 127 2
	succeeds img-write sparse a:/dev/vga/thin
	holds vga/thin sparse
	[ "$(mapped vga/thin)" -lt 9000000 ]

	succeeds img-create --thin pool a:/dev/vga/new 12M
	succeeds img-write sparse a:/dev/vga/new
	holds vga/new sparse
	on a lvremove -qy vga
}

@test "from files, archives, volumes and standard input to volumes, and back" {
	dirty a vga
	dirty b vgb
	make_sparse sparse

	# What is behind the source is zeroed: up to an extent, or as large as is asked for.
	works img-copy sparse a:/dev/vga/sparse
	holds vga/sparse sparse
	succeeds on a img-copy /dev/vga/sparse /dev/vga/second
	cmp /dev/vga/sparse /dev/vga/second
	succeeds img-copy "$IMAGE" a:/dev/vga/image
	holds vga/image "$IMAGE"

	# A group is a container.
	succeeds img-copy --json a:/dev/vga/image b:/dev/vgb
	json '.target == "b:/dev/vgb/image"'
	holds vgb/image "$IMAGE"
	succeeds img-copy a:/dev/vga/image .
	same image "$IMAGE"
	succeeds img-verify a:/dev/vga/image b:/dev/vgb/image

	succeeds img-copy -a b:/dev/vgb/image image.lzo
	lzop -dc image.lzo | cmp - "$IMAGE"
	succeeds img-copy image.lzo b:/dev/vgb/from-archive
	holds vgb/from-archive "$IMAGE"
	works img-copy --size 12M - b:/dev/vgb/input <"$IMAGE"
	[ "$(blockdev --getsize64 /dev/vgb/input)" = 12582912 ]
	holds vgb/input "$IMAGE"
	img-copy -F "$SSH_CONFIG" b:/dev/vgb/image - | cmp - "$IMAGE"
	[ "$(on b lvs --noheadings -o lv_name vgb | tr -s ' \n' ' ')" = " from-archive image input " ]
	[ -z "$(tagged a)$(tagged b)" ]
}

@test "what cannot be copied leaves nothing, and changes nothing" {
	local before sum

	before=$(on b lvs -o+lv_uuid vgb)
	sum=$(sha256sum </dev/vgb/image)
	refuses 2 b:/dev/vgb/no img-copy -a "$IMAGE" b:/dev/vgb/no
	refuses 2 b:/dev/vgb/no img-copy - b:/dev/vgb/no <"$IMAGE"
	refuses 9 b:/dev/vgb/no img-copy --size 4M - b:/dev/vgb/no <"$IMAGE"
	refuses 9 b:/dev/vgb/no img-copy --size 4M "$IMAGE" b:/dev/vgb/no
	truncate -s 1G large
	refuses 9 b:/dev/vgb/no img-copy large b:/dev/vgb/no
	refuses 6 b:/dev/vgb/image img-copy large b:/dev/vgb/image
	: >empty
	refuses 4 b:/dev/vgb/no img-copy empty b:/dev/vgb/no
	refuses 3 b:/dev/vgb/no img-write "$IMAGE" b:/dev/vgb/no
	refuses 9 b:/dev/vgb/image img-write large b:/dev/vgb/image
	refuses 9 b:/dev/vgb/image img-copy --overwrite large b:/dev/vgb/image
	succeeds img-write -n a:/dev/vga/sparse b:/dev/vgb/image
	[ "$(on b lvs -o+lv_uuid vgb)" = "$before" ]
	[ "$(sha256sum </dev/vgb/image)" = "$sum" ]
}

@test "the same volume by any other name is not written" {
	local name

	ln -s /dev/vga/image link
	for name in /dev/mapper/vga-image "$(realpath /dev/vga/image)" "$PWD/link"; do
		refuses 4 "$name" on a img-write /dev/vga/image "$name"
		refuses 4 "$name" on a img-copy --overwrite /dev/vga/image "$name"
	done
	refuses 4 a:/dev/vga/image img-write a:/dev/mapper/vga-image a:/dev/vga/image
	# Here and there are the same host.
	refuses 4 a:/dev/mapper/vga-image on a img-write /dev/vga/image a:/dev/mapper/vga-image
	says 'same image'
	holds vga/image "$IMAGE"
}

@test "in place: zeroed behind the source, marked meanwhile, unmarked at the end" {
	local uuid writer

	uuid=$(on b lvs --noheadings -o lv_uuid vgb/input)
	yes junk | dd of=/dev/vgb/input bs=1M count=12 iflag=fullblock oflag=direct status=none
	succeeds img-copy --overwrite a:/dev/vga/sparse b:/dev/vgb/input
	cmp -n 8M /dev/vga/sparse /dev/vgb/input
	cmp -n 4M -i 8M:0 /dev/vgb/input /dev/zero
	# Its size is known: standard input needs no other.
	succeeds img-copy --overwrite - b:/dev/vgb/input <"$IMAGE"
	holds vgb/input "$IMAGE"
	[ "$(on b lvs --noheadings -o lv_uuid vgb/input)" = "$uuid" ]

	img-write -F "$SSH_CONFIG" --bwlimit 10K a:/dev/vga/image b:/dev/vgb/input 3>&- &
	writer=$!
	wait_until 20 marked vgb/input
	[ "$(tagged b img-tools.unfinished)" = vgb/input ]
	succeeds on b img-info --json /dev/vgb/input
	json '.unfinished and .in_use'
	refuses 5 /dev/vgb/input on b img-write "$IMAGE" /dev/vgb/input
	kill -KILL $writer
	wait_until 20 no_process
	[ "$(tagged b)" = vgb/input ]
	refuses 8 /dev/vgb/input on b img-copy /dev/vgb/input /srv/copy
	# One that writes nothing leaves the mark, one that writes all takes it away.
	truncate -s 1G large
	refuses 9 /dev/vgb/input on b img-write "$PWD/large" /dev/vgb/input
	[ "$(tagged b)" = vgb/input ]
	succeeds on b img-write "$IMAGE" /dev/vgb/input
	holds vgb/input "$IMAGE"
	[ -z "$(tagged b)" ]
}

marked() {
	[ -n "$(tagged b img-tools.unfinished)" ]
}

@test "what is in use is neither read nor written" {
	exec 7</dev/vga/image
	refuses 5 a:/dev/vga/image img-copy a:/dev/vga/image copy
	refuses 5 a:/dev/vga/image img-write "$IMAGE" a:/dev/vga/image
	works img-copy --live --json a:/dev/vga/image copy
	json '.consistent == false'
	same copy "$IMAGE"
	exec 7<&-
	mkdir mnt
	on a mount -o ro,noload /dev/vga/image "$PWD/mnt"
	refuses 5 a:/dev/vga/image img-copy --overwrite "$IMAGE" a:/dev/vga/image
	succeeds img-copy a:/dev/vga/image second
	on a umount "$PWD/mnt"
	same second "$IMAGE"
	[ -z "$(tagged a)" ]
}
