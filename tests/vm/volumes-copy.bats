#!/usr/bin/env bats
#
# Volumes are copied and written, from and to everything that can hold an image.

load guest
load copy

@test "from files, archives, volumes and standard input to volumes, and back" {
	dirty a vga
	dirty b vgb
	make_sparse sparse

	# The rest is zeroed: to the end of the extent, or to the requested size.
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
	cp "$IMAGE" padded
	truncate -s 12M padded
	works img-copy --size 12M - b:/dev/vgb/input <padded
	[ "$(blockdev --getsize64 /dev/vgb/input)" = 12582912 ]
	holds vgb/input padded
	img-copy -F "$SSH_CONFIG" b:/dev/vgb/image - | cmp - "$IMAGE"
	[ "$(on b lvs --noheadings -o lv_name vgb | tr -s ' \n' ' ')" = " from-archive image input " ]
	[ -z "$(tagged a)$(tagged b)" ]
}

@test "what cannot be copied leaves nothing behind, and changes nothing" {
	local before sum

	before=$(on b lvs -o+lv_uuid vgb)
	sum=$(sha256sum </dev/vgb/image)
	refuses 2 b:/dev/vgb/no img-copy -a "$IMAGE" b:/dev/vgb/no
	refuses 2 b:/dev/vgb/no img-copy - b:/dev/vgb/no <"$IMAGE"
	refuses 8 - img-copy --size 4M - b:/dev/vgb/no <"$IMAGE"
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

@test "the same volume by another name is not written" {
	local name

	ln -s /dev/vga/image link
	for name in /dev/mapper/vga-image "$(realpath /dev/vga/image)" "$PWD/link"; do
		refuses 4 "$name" on a img-write /dev/vga/image "$name"
		refuses 4 "$name" on a img-copy --overwrite /dev/vga/image "$name"
	done
	for name in /dev/vga/image /dev/vga/ /dev/mapper/vga-image; do
		refuses 4 "$name" on a img-copy /dev/vga/image "$name"
		says 'source and target are the same image'
	done
	refuses 4 a:/dev/vga/image img-write a:/dev/mapper/vga-image a:/dev/vga/image
	# Source and target are on the same host, reached in two ways.
	refuses 4 a:/dev/mapper/vga-image on a img-write /dev/vga/image a:/dev/mapper/vga-image
	says 'same image'
	holds vga/image "$IMAGE"
}

@test "in place: the rest is zeroed, the volume is marked meanwhile, and unmarked at the end" {
	local uuid writer

	uuid=$(on b lvs --noheadings -o lv_uuid vgb/input)
	yes junk | dd of=/dev/vgb/input bs=1M count=12 iflag=fullblock oflag=direct status=none
	succeeds img-copy --overwrite a:/dev/vga/sparse b:/dev/vgb/input
	cmp -n 8M /dev/vga/sparse /dev/vgb/input
	cmp -n 4M -i 8M:0 /dev/vgb/input /dev/zero
	# Its size is known: standard input needs no --size.
	succeeds img-copy --overwrite - b:/dev/vgb/input <"$IMAGE"
	holds vgb/input "$IMAGE"
	[ "$(on b lvs --noheadings -o lv_uuid vgb/input)" = "$uuid" ]

	img-write -F "$SSH_CONFIG" --bwlimit 10K a:/dev/vga/image b:/dev/vgb/input 3>&- &
	writer=$!
	wait_until 20 marked vgb/input
	wait_until 20 cmp -s -n 4096 -i 4096 /dev/vga/image /dev/vgb/input
	[ "$(tagged b img-tools.unfinished)" = vgb/input ]
	succeeds on b img-info --json /dev/vgb/input
	json '.unfinished and .in_use'
	refuses 5 /dev/vgb/input on b img-write "$IMAGE" /dev/vgb/input
	kill -KILL $writer
	wait_until 20 no_process
	[ "$(tagged b)" = vgb/input ]
	refuses 8 /dev/vgb/input on b img-copy /dev/vgb/input /srv/copy
	# A job that writes nothing leaves the mark, a complete one removes it.
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

@test "a volume that is extended while it is read was not copied completely" {
	local writer

	img-copy -F "$SSH_CONFIG" --bwlimit 1M a:/dev/vga/image copy 2>"$ERR" 3>&- &
	writer=$!
	wait_until 20 test -s .copy.img-tools
	on a lvextend -qq -L +4M vga/image
	status=0
	wait $writer || status=$?
	[ "$status" = 8 ]
	says 'the device changed its size while it was read'
	[ -z "$(ls -A)" ]
	on a lvreduce -qqy -L -4M vga/image
}

@test "volumes in use are neither read nor written" {
	held_open /dev/vga/image r
	refuses 5 a:/dev/vga/image img-copy a:/dev/vga/image copy
	refuses 5 a:/dev/vga/image img-write "$IMAGE" a:/dev/vga/image
	says "open in process $HOLDER (sleep)"
	works img-copy --live --json a:/dev/vga/image copy
	json '.consistent == false'
	same copy "$IMAGE"
	let_go
	mkdir mnt
	on a mount -o ro,noload /dev/vga/image "$PWD/mnt"
	refuses 5 a:/dev/vga/image img-copy --overwrite "$IMAGE" a:/dev/vga/image
	says "mounted on '$PWD/mnt'"
	succeeds img-copy a:/dev/vga/image second
	on a umount "$PWD/mnt"
	same second "$IMAGE"
	[ -z "$(tagged a)" ]
}
