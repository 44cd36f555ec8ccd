#!/usr/bin/env bats
#
# Thin volumes are copied: only what is mapped is read, and only what is needed is mapped.

load guest
load copy

# mapped VOLUME: prints the number of bytes that its pool has mapped for a thin volume.
mapped() {
	echo $(($(dmsetup status "$(dm_name "$1")" | cut -d' ' -f4) * 512))
}

# bytes_read VOLUME
bytes_read() {
	local n

	read -r _ _ n _ <"/sys/class/block/$(basename "$(realpath "/dev/$1")")/stat"
	echo $((n * 512))
}

# fill VOLUME MIB COUNT
fill() {
	seq "$2" 9999999 | dd of="/dev/$1" bs=1M seek="$2" count="$3" iflag=fullblock oflag=direct \
		conv=nocreat status=none
}

@test "of a thin source the mapped parts are read, and a thin target stays thin" {
	local before

	on a lvcreate -q --type thin-pool -L 16M --poolmetadatasize 4M -n pool vga
	on b lvcreate -q --type thin-pool -L 16M --poolmetadatasize 4M -n pool vgb
	on a lvcreate -q -V 20G --thinpool vga/pool -n thin
	fill vga/thin 0 3
	fill vga/thin 10240 1
	fill vga/thin 20479 1
	[ "$(mapped vga/thin)" = 5242880 ]
	try img-create --thin pool b:/dev/vgb/thin 20G
	[ "$status" = 0 ]
	one_line 'img-create: '
	says "warning: b: '/dev/vgb/thin' has 20 GiB, and its pool 'pool' has only 16 MiB"
	# Old content is discarded, in whole chunks and in parts of chunks.
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

	# The kernel provides its snapshot of the metadata again,
	run ! on a dmsetup message vga-pool-tpool 0 release_metadata_snap
	# also after a job that was killed while it held it.
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

@test "a thin volume of which a quarter of each block is mapped stays so" {
	local i how

	on a lvcreate -q --type thin-pool -c 64K -L 40M --poolmetadatasize 4M -n pool vga
	on b lvcreate -q --type thin-pool -c 64K -L 40M --poolmetadatasize 4M -n pool vgb
	on a lvcreate -q -V 16M --thinpool vga/pool -n thin
	for ((i = 0; i < 64; i++)); do
		seq "$i" 99999 | dd of=/dev/vga/thin bs=64K seek=$((4 * i)) count=1 iflag=fullblock oflag=direct status=none
	done
	[ "$(mapped vga/thin)" = $((4 << 20)) ]
	succeeds img-copy --archive a:/dev/vga/thin thin.lzo
	succeeds img-copy --sparse a:/dev/vga/thin thin.img
	for how in a:/dev/vga/thin thin.lzo thin.img; do
		succeeds img-create --thin pool b:/dev/vgb/thin 16M
		succeeds img-write --json "$how" b:/dev/vgb/thin
		json '.data_bytes == 4194304 and .hole_bytes == 12582912'
		blockdev --flushbufs /dev/vgb/thin
		cmp /dev/vga/thin /dev/vgb/thin
		[ "$(mapped vgb/thin)" = $((4 << 20)) ]
		# In place, too: the rest is discarded.
		dd if=/dev/zero of=/dev/vgb/thin bs=1M count=16 oflag=direct status=none
		succeeds img-write "$how" b:/dev/vgb/thin
		cmp /dev/vga/thin /dev/vgb/thin
		[ "$(mapped vgb/thin)" = $((4 << 20)) ]
		on b lvremove -qy vgb/thin
	done
	on a lvremove -qy vga
	on b lvremove -qy vgb
}

# A helper has the volume open.
is_read() {
	local pid fd

	find_processes
	for pid in "${PROCESSES[@]}"; do
		for fd in "/proc/$pid/fd/"*; do
			[[ ! $fd -ef /dev/vga/thin ]] || return 0
		done
	done
	return 1
}

# write_until_read FILE: writes it to the volume, which is its standard output, and then waits with it
# open until a helper has it open, too.
write_until_read() {
	dd if="$1" bs=1M seek=8 conv=notrunc status=none
	wait_until 30 is_read
}

@test "what a writer has left in the cache is read, although the writer was not the last to close it" {
	on a lvcreate -q --type thin-pool -c 64K -L 16M --poolmetadatasize 4M -n pool vga
	on a lvcreate -q -V 64M --thinpool vga/pool -n thin
	head -c 1M /dev/urandom >part
	write_until_read part 1<>/dev/vga/thin 3>&- &
	wait_until 20 cmp -s -n 1M -i 0:8M part /dev/vga/thin
	succeeds on a img-copy /dev/vga/thin /srv/copy
	wait $!
	cmp -n 1M -i 0:8M part "$IMG_VM/a/srv/copy"
	rm "$IMG_VM/a/srv/copy"
	on a lvremove -qy vga
}

@test "a pool that does not zero, with odd chunk sizes: no old data appears" {
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

@test "a snapshot of the metadata that cannot be released is released by the next job" {
	local pool=vga-pool-tpool before

	on a lvcreate -q --type thin-pool -c 64K -L 16M --poolmetadatasize 4M -n pool vga
	on a lvcreate -q -V 64M --thinpool vga/pool -n thin
	fill vga/thin 8 2
	# The pool becomes read-only while thin_dump runs.
	on a dmsetup table $pool >"$DIR/table"
	awk '{ $8 = 1; $9 = "read_only"; print }' "$DIR/table" >"$DIR/read-only"
	change_sbin a
	printf '%s\n' '#!/bin/sh' "dmsetup reload $pool $PWD/read-only" "dmsetup resume $pool" \
		'exec /usr/bin/false' | on a tee /usr/sbin/thin_dump >/dev/null
	works on a img-copy /dev/vga/thin /srv/copy
	lvm_back a
	kept
	# The next job cannot release it, either.
	works on a img-copy --overwrite /dev/vga/thin /srv/copy
	kept
	on a dmsetup reload $pool "$DIR/table"
	on a dmsetup resume $pool
	before=$(bytes_read vga/thin)
	works on a img-copy --overwrite /dev/vga/thin /srv/copy
	[ $(($(bytes_read vga/thin) - before)) -lt 8000000 ]
	run ! kept
	run ! on a dmsetup message $pool 0 release_metadata_snap
	cmp /dev/vga/thin "$IMG_VM/a/srv/copy"
	rm "$IMG_VM/a/srv/copy"
	on a lvremove -qy vga
}

# Whether a job's lock file says that the metadata snapshot is reserved.
kept() {
	[ -n "$(on a find /run -maxdepth 1 -name 'img-tools-*' -size -2 ! -empty)" ]
}
