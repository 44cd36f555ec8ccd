#!/usr/bin/env bats
#
# Block devices that are no volumes: how one is marked as unfinished by its first block.

load guest

setup_file() {
	guest_setup_file
	qemu-img create -q -f qcow2 "$BATS_FILE_TMPDIR/layer" 1M
}

setup() {
	guest_setup
	LOOPS=()
}

teardown() {
	local loop

	for loop in "${LOOPS[@]}"; do
		losetup -d "$loop"
	done
	guest_teardown
}

# attach FILE [LOOP]: attaches FILE to a loop device, $LOOP, which `config` names.
attach() {
	LOOP=${2:-$(losetup -f)}
	losetup "$LOOP" "$1"
	LOOPS+=("$LOOP")
	printf '[storage]\n device = %s\n' "$LOOP" >config
}

detach() {
	losetup -d "$LOOP"
	LOOPS=()
}

# junk FILE SIZE: makes a disk that holds something else.
junk() {
	yes junk | head -c "$2" >"$1"
}

# Whether the mark has reached the disk: it is in the file below the loop device.
marked() {
	[ "$(head -c 28 disk)" = 'img-tools: unfinished device' ]
}

unfinished() {
	succeeds img-info --json "$LOOP"
	json '.unfinished and .kind == "device"'
}

finished() {
	succeeds img-info --json "$LOOP"
	json '.unfinished | not'
}

@test "the mark is written and synced before the first write, and the first block last" {
	junk disk 9M
	attach disk
	try strace -f -qq -y -s 64 -o trace -e trace=pwrite64,fsync \
		img-write -j 1 --config config "$IMAGE" "$LOOP"
	[ "$status" = 0 ]
	grep -F "<$LOOP>" trace | sed 's/^[0-9]* *//' >calls
	[[ $(sed -n 1p calls) == pwrite64\(*'"img-tools: unfinished device\n\0'*', 4096, 0'* ]]
	[[ $(sed -n 2p calls) == fsync\(* ]]
	[[ $(sed -n 3p calls) == pwrite64\(*', 258048, 4096'* ]]
	[[ $(tail -n 3 calls | head -n 1) == fsync\(* ]]
	[[ $(tail -n 2 calls | head -n 1) == pwrite64\(*', 4096, 0'* ]]
	[[ $(tail -n 1 calls) == fsync\(* ]]
	[ "$(grep -c ', 0\()\| <\)' calls)" = 2 ] # no other write to the first block
	same "$IMAGE" <(head -c 8M disk)
	same <(tail -c 1M disk) <(head -c 1M /dev/zero)
	finished
	json '.filesystem.label == "guest"'
}

@test "a device whose writer was killed is unfinished, also if it is attached again" {
	local writer old

	junk disk 9M
	attach disk
	mkfifo pipe
	img-write --config config - "$LOOP" <pipe 3>&- &
	writer=$!
	exec 6>pipe
	head -c 3M "$IMAGE" >&6
	wait_until 20 marked
	unfinished
	json .in_use
	refuses 5 "$LOOP" img-write --config config "$IMAGE" "$LOOP"
	kill -KILL $writer "$(helpers)"
	exec 6>&-
	wait $writer || true
	wait_until 20 no_process
	old=$LOOP
	detach
	marked
	attach disk
	[ "$LOOP" = "$old" ]
	unfinished
	json '.in_use | not'
	mkdir store
	ln -s "$LOOP" store/loop
	succeeds img-list --json store
	json '.entries[0] | .unfinished and .kind == "device"'
	# It is no source, neither here nor elsewhere.
	refuses 8 "$LOOP" img-copy "$LOOP" copy
	says 'is unfinished: the last write to it was interrupted'
	refuses 8 "a:$LOOP" img-copy "a:$LOOP" copy
	refuses 8 "$LOOP" img-verify "$LOOP"
	truncate -s 9M other
	refuses 8 "$LOOP" img-write "$LOOP" other
	succeeds img-info --json other
	json '.unfinished | not'
	[ ! -e copy ]
	# It stays so until it is complete.
	truncate -s 10M large
	refuses 9 "$LOOP" img-write --config config large "$LOOP"
	succeeds img-write -n --config config "$IMAGE" "$LOOP"
	unfinished
	succeeds img-write --config config "$IMAGE" "$LOOP"
	finished
	same "$IMAGE" <(head -c 8M disk)
	succeeds img-copy "$LOOP" copy
	same copy disk
}

@test "a writer that fails in the middle leaves the mark" {
	local writer

	junk disk 65M
	attach disk
	# The source is damaged.
	broken_archive image.lzo
	try img-write --config config image.lzo "$LOOP"
	[ "$status" = 8 ]
	unfinished
	succeeds img-write --config config "$IMAGE" "$LOOP"
	finished
	# A signal, once the job has written what was not there before.
	yes junk | head -c 9M | dd of="$LOOP" conv=fsync status=none
	mkfifo pipe
	env --default-signal=INT img-write --config config - "$LOOP" <pipe 3>&- &
	writer=$!
	exec 6>pipe
	head -c 3M "$IMAGE" >&6
	wait_until 20 cmp -s -n 4096 -i 1M "$IMAGE" "$LOOP"
	kill -INT $writer
	exec 6>&-
	status=0
	wait $writer || status=$?
	[ "$status" = 130 ]
	unfinished
}

@test "what is refused before the first write leaves the device as it was" {
	local before layer=$BATS_FILE_TMPDIR/layer

	cp "$IMAGE" disk
	attach disk
	before=$(sha256sum <disk)
	# The mark is there when the content is compared, and the old first block is put back.
	try strace -f -qq -y -o trace -e trace=pwrite64,fsync img-write --config config "$layer" "$LOOP"
	[ "$status" = 4 ]
	says 'qcow2'
	[ "$(grep -cF "pwrite64(" <(grep -F "<$LOOP>" trace))" = 2 ]
	[[ $(grep -F "<$LOOP>" trace | tail -n 1) == *fsync\(* ]]
	[ "$(sha256sum <disk)" = "$before" ]
	finished
	# These need no mark at all.
	refuses 4 "$LOOP" img-write "$IMAGE" "$LOOP"
	truncate -s 9M large
	refuses 9 "$LOOP" img-write --config config large "$LOOP"
	refuses 4 "$LOOP" img-write --config config "$LOOP" "$LOOP"
	refuses 6 "$LOOP" img-copy --config config "$IMAGE" "$LOOP"
	succeeds img-write -n --config config "$IMAGE" "$LOOP"
	[ "$(sha256sum <disk)" = "$before" ]
	# A device that held qcow2 still counts as such when it is marked.
	cp "$layer" disk2
	truncate -s 9M disk2
	detach
	attach disk2
	try img-write --config config "$layer" "$LOOP"
	[ "$status" = 0 ]
	finished
	json '.format == "qcow2"'
}

@test "a device that is smaller than a mark" {
	junk disk 2560
	junk image 2000
	sed -i 's/junk/data/' image
	attach disk
	succeeds img-write --config config image "$LOOP"
	same <(cat image /dev/zero | head -c 2560) disk
	finished
	mkfifo pipe
	img-write --config config - "$LOOP" <pipe 3>&- &
	exec 6>pipe
	head -c 1000 image >&6
	wait_until 20 marked
	unfinished
	kill -KILL "$(helpers)"
	exec 6>&-
	wait $! || true
	unfinished
	succeeds img-write --config config image "$LOOP"
	same <(cat image /dev/zero | head -c 2560) disk
	finished
}

@test "a disk that fails while the mark is written, and one that fails later" {
	local disk=disk-here-spare-0 LOOP=/dev/mapper/disk-here-spare-0

	make_disk $disk 9M
	printf '[storage]\n device = %s\n' "$LOOP" >config
	succeeds img-write --config config "$IMAGE" "$LOOP"
	disk_fault $disk 0 8 flakey error_writes # no flush succeeds, either
	try img-write --config config "$IMAGE" "$LOOP"
	[ "$status" = 1 ]
	says 'cannot sync it to disk: Input/output error'
	disk_heal $disk
	finished
	same "$IMAGE" <(head -c 8M "$LOOP")
	disk_fault $disk 4096 8 error
	try img-write --config config "$IMAGE" "$LOOP"
	[ "$status" = 1 ]
	disk_heal $disk
	unfinished
	refuses 8 "$LOOP" img-copy "$LOOP" copy
	succeeds img-write --config config "$IMAGE" "$LOOP"
	finished
	same "$IMAGE" <(head -c 8M "$LOOP")
	drop_group spare
}

@test "a device of the device mapper is refused while another process has it open" {
	local disk=disk-here-spare-0 LOOP=/dev/mapper/disk-here-spare-0

	make_disk $disk 9M
	printf '[storage]\n device = %s\n' "$LOOP" >config
	held_open "$LOOP" r
	refuses 5 "$LOOP" img-write --config config "$IMAGE" "$LOOP"
	says "in use: open in process $HOLDER (sleep)"
	let_go
	finished
	succeeds img-write --config config "$IMAGE" "$LOOP"
	finished
	same "$IMAGE" <(head -c 8M "$LOOP")
	drop_group spare
}

@test "the mark is put back if the first block cannot be synced to disk" {
	junk disk 9M
	attach disk
	# The mark, the content, and then the first block are synced.
	try strace -f -qq -o trace -P "$LOOP" -e trace=fsync -e inject=fsync:error=EIO:when=3 \
		img-write -j 1 --config config "$IMAGE" "$LOOP"
	[ "$status" = 1 ]
	says 'cannot sync it to disk: Input/output error'
	[ "$(grep -c 'fsync(.*= 0' trace)" = 3 ]
	marked
	unfinished
	refuses 8 "$LOOP" img-copy "$LOOP" copy
	succeeds img-write --config config "$IMAGE" "$LOOP"
	finished
	same "$IMAGE" <(head -c 8M disk)
}

# as_it_is SOURCE [OPTION...]: SOURCE has the bytes of "disk", whatever they look like, and so has each
# copy; $MESSAGE is said of it.
as_it_is() {
	local source=$1
	shift

	# What begins like qcow2 could be a layer, which the administrator has made.
	if [ "$bytes" = qcow2 ]; then
		refuses 8 "$source" on a img-info --config "$DIR/config" "$source"
	else
		succeeds on a img-info --json --config "$DIR/config" "$source"
		json '.format == "raw" and .compression == null and .capacity == 4194304'
	fi
	# But not where a layer above says that it is one.
	qemu-img create -q -u -f qcow2 -b "$source" -F qcow2 layer 4M
	try on a img-info --chain --json --config "$DIR/config" "$DIR/layer"
	[ "$status" = 8 ]
	json '.layers[1].error != null or .error != null'
	rm layer
	try on a img-copy --config "$DIR/config" "$@" "$source" "$DIR/copy"
	[ "$status" = 0 ]
	says "$MESSAGE"
	same disk copy
	# As the message says.
	try on a img-copy --as-is "$DIR/copy" "$DIR/again"
	[ "$status" = 0 ]
	same disk again
	try on a img-copy --config "$DIR/config" -a "$@" "$source" "$DIR/copy.lzo"
	[ "$status" = 0 ]
	lacks "$ERR" 'restore'
	lzop -dc copy.lzo | cmp - disk
	rm copy.lzo
	succeeds on a img-copy -a --as-is --config "$DIR/config" "$@" "$source" "$DIR/copy.lzo"
	lzop -dc copy.lzo | cmp - disk
	succeeds on a img-verify --as-is --config "$DIR/config" "$source" "$DIR/copy"
	rm copy copy.lzo again
}

@test "what a guest's disk begins with does not matter: an archive, or what only looks like one" {
	local bytes

	head -c 1M "$IMAGE" >small
	lzop -c small >archive
	printf '\x89LZO\0\x0d\x0a\x1a\x0a' >magic
	printf 'QFI\xfb\0\0\0\x09' >qcow2
	make_group a vga 64M
	on a lvcreate -qqy -Wn -Zn -L 4M -n disk vga
	for bytes in archive magic qcow2; do
		MESSAGE='copied as it is'
		[ $bytes != archive ] || MESSAGE='holds an lzop archive, which is copied as it is; restore'
		cp $bytes disk
		truncate -s 4M disk
		attach disk
		as_it_is "$LOOP"
		detach
		dd if=disk of=/dev/vga/disk bs=1M oflag=direct status=none
		as_it_is /dev/vga/disk
		as_it_is /dev/vga/disk -s
		[ $bytes = qcow2 ] || succeeds on a img-resize -n /dev/vga/disk +4M
	done
	drop_group vga
}

@test "a read-only device is refused, and a marked one is read with --as-is" {
	cp "$IMAGE" disk
	LOOP=$(losetup -f)
	losetup -r "$LOOP" disk
	LOOPS+=("$LOOP")
	printf '[storage]\n device = %s\n' "$LOOP" >config
	for option in '' -n; do
		# shellcheck disable=SC2086 # none or one
		refuses 4 "$LOOP" img-write $option --config config "$IMAGE" "$LOOP"
		says 'is read-only'
	done
	detach
	{
		printf 'img-tools: unfinished device\n'
		head -c 4067 /dev/zero
		tail -c +4097 "$IMAGE"
	} >disk
	attach disk
	refuses 8 "$LOOP" img-copy --config config "$LOOP" copy
	succeeds img-copy --as-is --config config "$LOOP" copy
	same disk copy
}
