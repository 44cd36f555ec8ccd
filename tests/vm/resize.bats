#!/usr/bin/env bats
#
# Volumes are grown and made smaller by img-resize.

load guest
load volumes

setup() {
	guest_setup
	on a lvcreate -qqy -Wn -L 8M -n img vga
	head -c 8M /dev/urandom >content
	dd if=content of=/dev/vga/img bs=1M oflag=direct status=none
}
teardown() {
	mountpoint -q mnt && umount mnt
	on a lvremove -qqy vga/img
	guest_teardown
	[ -z "$(tagged a)" ]
}

# dirty SIZE: what is free in the group, behind img, is full of another volume's data.
dirty() {
	on a lvcreate -qqy -Wn -L "$1" -n old vga
	yes secret | dd of=/dev/vga/old bs=1M oflag=direct status=none 2>/dev/null || true
	on a lvremove -qqy vga/old
}

# grown SIZE: img has its content, and then zeros.
grown() {
	blockdev --flushbufs /dev/vga/img
	[ "$(blockdev --getsize64 /dev/vga/img)" = "$1" ] &&
		cmp <(cat content /dev/zero | head -c "$1") /dev/vga/img >&2
}

@test "a volume is grown, and its new space is zeros" {
	dirty 64M
	succeeds on a img-resize /dev/vga/img 16M
	grown 16777216
	[ -z "$(tagged a)" ]
	succeeds img-resize --json a:/dev/vga/img +8M
	json '.previous == 16777216 and .capacity == 25165824 and .path == "/dev/vga/img" and
		.steps == ["extend the volume", "zero the new space"]'
	grown 25165824
	# Only full extents.
	try on a img-resize /dev/mapper/vga-img +1
	[ "$status" = 0 ]
	one_line 'img-resize: /dev/vga/img: rounded up to full extents: 28 MiB (29360128 bytes)'
	grown 29360128
	succeeds on a img-resize -n /dev/vga/img +4M
	grown 29360128
	[ -z "$(tagged a)" ]
}

@test "a volume is made smaller only with --shrink, and nothing is cut that is recognised" {
	refuses 4 /dev/vga/img on a img-resize /dev/vga/img 4M
	succeeds on a img-resize --shrink /dev/vga/img -4M
	blockdev --flushbufs /dev/vga/img
	cmp <(head -c 4M content) /dev/vga/img >&2
	succeeds on a img-resize /dev/vga/img 24M
	mke2fs -q -t ext4 /dev/vga/img 16M
	refuses 4 a:/dev/vga/img img-resize --shrink a:/dev/vga/img 12M
	says 'its ext4 filesystem, which ends at 16 MiB'
	refuses 4 /dev/vga/img on a img-resize --shrink /dev/vga/img 11M
	# Rounded up, so that it ends behind the filesystem.
	try on a img-resize --shrink /dev/vga/img $((16 << 20 | 1))
	[ "$status" = 0 ]
	[ "$(blockdev --getsize64 /dev/vga/img)" = $((20 << 20)) ]
	succeeds img-resize --shrink a:/dev/vga/img 16M
	[ "$(blockdev --getsize64 /dev/vga/img)" = $((16 << 20)) ]
	e2fsck -fn /dev/vga/img >&2
	mkswap -q /dev/vga/img
	refuses 4 /dev/vga/img on a img-resize --shrink /dev/vga/img 8M
	wipefs -qa /dev/vga/img
}

@test "the backup of a GPT moves with the end of a volume" {
	echo 'size=4M' | sfdisk -q -X gpt /dev/vga/img
	succeeds on a img-resize /dev/vga/img 20M
	sfdisk -q --verify /dev/vga/img >&2
	sgdisk -v /dev/vga/img | grep 'No problems found' >&2
	succeeds img-resize --shrink a:/dev/vga/img 8M
	sgdisk -v /dev/vga/img | grep 'No problems found' >&2
	refuses 4 /dev/vga/img on a img-resize --shrink /dev/vga/img 4M
	wipefs -qa /dev/vga/img
}

@test "thin volumes, and what cannot be resized" {
	on a lvcreate -qqy -V 8M --thinpool vga/pool -n thin
	dd if=content of=/dev/vga/thin bs=1M oflag=direct status=none
	succeeds on a img-resize /dev/vga/thin 12M
	cmp <(cat content /dev/zero | head -c 12M) /dev/vga/thin >&2
	# What was cut off does not come back, although the pool still has it.
	succeeds on a img-resize --shrink /dev/vga/thin 4M
	succeeds on a img-resize /dev/vga/thin 8M
	cmp <(head -c 4M content; head -c 4M /dev/zero) /dev/vga/thin >&2
	try on a img-resize /dev/vga/thin 1G
	[ "$status" = 0 ]
	one_line "img-resize: warning: '/dev/vga/thin' has 1 GiB, and its pool 'pool' has only"
	on a lvremove -qqy vga/thin

	refuses 4 /dev/vga/pool on a img-resize /dev/vga/pool 32M
	refuses 4 /dev/vga on a img-resize /dev/vga 32M
	refuses 3 /dev/vga/none on a img-resize /dev/vga/none 32M
	refuses 9 /dev/vga/img on a img-resize /dev/vga/img 10G
	says "group 'vga' has"
	refuses 9 a:/dev/vga/img img-resize -n a:/dev/vga/img 10G
	on a lvcreate -qqy -s -L 4M -n snap vga/img
	refuses 4 /dev/vga/img on a img-resize /dev/vga/img 12M
	says 'has snapshots'
	refuses 4 /dev/vga/snap on a img-resize /dev/vga/snap 12M
	on a lvremove -qqy vga/snap
	on a lvchange -an vga/img
	try on a img-resize /dev/vga/img 12M
	[ "$status" != 0 ]
	on a lvchange -ay vga/img
	grown 8388608
	refuses 4 /dev/vga/img on a setpriv --reuid 1000 --regid 1000 --clear-groups env HOME=/tmp \
		img-resize /dev/vga/img 12M
	says '--sudo=here'
}

@test "a volume in use is grown; it is not made smaller" {
	dirty 64M
	mke2fs -q -t ext4 /dev/vga/img
	mkdir mnt
	mount /dev/vga/img mnt
	refuses 5 /dev/vga/img on a img-resize --shrink /dev/vga/img 4M
	says 'mounted'
	try on a img-resize /dev/vga/img 16M
	[ "$status" = 0 ]
	one_line 'img-resize: /dev/vga/img: is in use ('
	says 'virsh blockresize DOMAIN /dev/vga/img 16777216B'
	cmp <(tail -c 8M /dev/vga/img) <(head -c 8M /dev/zero) >&2
	umount mnt
	e2fsck -fn /dev/vga/img >&2
	wipefs -qa /dev/vga/img
}

# faulty TARGET...: the third MiB behind img becomes that.
faulty() {
	on a lvcreate -qqy -Wn -L 8M -n next vga
	volume_fault a vga/next $((2 * 2048)) 8 "$@"
	on a lvremove -qqy vga/next
}

@test "what cannot be zeroed is given back" {
	faulty error
	try on a img-resize /dev/vga/img 16M
	[ "$status" = 1 ]
	one_line 'img-resize: /dev/vga/img: '
	[ -z "$(tagged a)" ]
	disk_heal "$(disks vga)"
	grown 8388608
}

@test "a volume whose job was killed is marked, and the same command completes it" {
	local resizer pid

	dirty 64M
	faulty delay 0 0 120000
	on a img-resize /dev/vga/img +8M 3>&- &
	resizer=$!
	wait_until 20 is_larger
	refuses 5 /dev/vga/img on a img-resize /dev/vga/img 16M
	for pid in $(helpers); do
		kill -KILL "$pid"
	done
	disk_heal "$(disks vga)" # which lets it end
	status=0
	wait $resizer || status=$?
	[ "$status" = 7 ]
	wait_until 20 no_process

	succeeds on a img-info --json /dev/vga/img
	json '.unfinished'
	refuses 8 /dev/vga/img on a img-copy /dev/vga/img /srv/copy
	refuses 8 /dev/vga/img on a img-resize /dev/vga/img 24M
	says 'give img-resize the size 16777216'
	refuses 8 a:/dev/vga/img img-resize --shrink a:/dev/vga/img -4M
	succeeds img-resize a:/dev/vga/img +8M
	grown 16777216
	[ -z "$(tagged a)" ]
}

@test "an image that is written completely is no longer being grown" {
	on a lvchange -qq --addtag img-tools.unfinished \
		--addtag img-tools.resize=4194304:8388608:1 vga/img
	succeeds on a img-write "$IMAGE" /dev/vga/img
	[ -z "$(tagged a)" ]
	succeeds on a img-resize /dev/vga/img 12M
	cmp <(cat "$IMAGE" /dev/zero | head -c 12M) /dev/vga/img >&2
}

# guest SIZE: the disk in the qcow2 image on img has SIZE, begins like content's first 4 MiB, and
# the image is intact.
guest() {
	blockdev --flushbufs /dev/vga/img
	qemu-img check -q /dev/vga/img >&2 &&
		[ "$(qemu-img info --output=json /dev/vga/img | jq '."virtual-size"')" = "$1" ] &&
		qemu-img compare -q -f raw -F qcow2 guest /dev/vga/img >&2
}

@test "a qcow2 image on a volume: the guest's disk, and the volume below" {
	local end

	head -c 4M content >guest
	dirty 64M
	qemu-img create -q -f qcow2 /dev/vga/img 4M
	qemu-img convert -n -f raw -O qcow2 guest /dev/vga/img
	end=$(qemu-img check --output=json /dev/vga/img | jq '."image-end-offset"')
	try img-resize --json a:/dev/vga/img 1G
	[ "$status" = 0 ]
	one_line 'img-resize: '
	says 'holds a qcow2 image'
	json '.previous == 4194304 and .capacity == 1073741824 and .physical == 8388608 and
		.path == "/dev/vga/img" and .format == "qcow2"'
	guest 1073741824
	# What the group adds is not zeroed, and needs no mark.
	succeeds on a img-resize --json --physical /dev/vga/img +8M
	json '.previous == 8388608 and .capacity == 1073741824 and .physical == 16777216 and
		.steps == ["extend the volume"]'
	[ "$(blockdev --getsize64 /dev/vga/img)" = 16777216 ]
	tail -c 1M /dev/vga/img | grep -q secret
	guest 1073741824
	refuses 4 /dev/vga/img on a img-resize --physical --shrink /dev/vga/img 4M
	says "watermark is at"
	refuses 4 a:/dev/vga/img img-resize --physical a:/dev/vga/img 8M
	says '--shrink'
	try img-resize --physical --shrink a:/dev/vga/img "$end"
	[ "$status" = 0 ]
	one_line 'img-resize: a:/dev/vga/img: rounded up to full extents: 8 MiB'
	guest 1073741824
	# Without space for the tables it stays as it is.
	refuses 9 /dev/vga/img on a img-resize /dev/vga/img 1P
	says 'No space left on device'
	guest 1073741824
	[ -z "$(tagged a)" ]
	wipefs -qa /dev/vga/img
}

@test "the volume below a qcow2 image in use is grown" {
	head -c 4M content >guest
	qemu-img create -q -f qcow2 /dev/vga/img 4M
	qemu-img convert -n -f raw -O qcow2 guest /dev/vga/img
	qemu-io -f qcow2 -c 'sleep 100000' /dev/vga/img >/dev/null 2>&1 3>&- &
	user=$!
	wait_until 20 is_in_use
	refuses 5 /dev/vga/img on a img-resize /dev/vga/img 1G
	says 'virsh blockresize DOMAIN /dev/vga/img 1073741824B'
	refuses 5 /dev/vga/img on a img-resize --physical --shrink /dev/vga/img 4M
	succeeds img-resize --physical a:/dev/vga/img 16M
	[ "$(blockdev --getsize64 /dev/vga/img)" = 16777216 ]
	kill $user
	wait $user || true
	guest 4194304
	wipefs -qa /dev/vga/img
}

is_in_use() {
	on a img-info --json /dev/vga/img | jq -e .in_use >/dev/null
}

is_larger() {
	[ "$(blockdev --getsize64 /dev/vga/img)" = 16777216 ]
}
