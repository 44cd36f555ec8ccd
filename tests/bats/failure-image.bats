#!/usr/bin/env bats
# What can be wrong with a source, a target, or the storage below them.  Each
# time: one line, the right status, and the old target unchanged or no target.

# shellcheck disable=SC2030,SC2031 # each test is a subshell
load common
load disks

setup_file() { img_setup_file a b; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { disks_teardown; }

@test "failure: missing source" {
	refuses 3 no.img img-copy no.img y.img
	refuses 3 no.img img-copy no.img "a:$DIR/y.img"
	refuses 3 "a:$DIR/no.img" img-copy "a:$DIR/no.img" y.img
	refuses 3 "a:$DIR/no.img" img-copy "a:$DIR/no.img" "b:$DIR/y.img"
	refuses 3 "a:$DIR/no.img" img-copy "a:$DIR/no.img" "a:$DIR/y.img"
	refuses 3 no.img img-copy no.img -
	refuses 3 "a:$DIR/no.img" img-copy --archive "a:$DIR/no.img" -
	refuses 3 no/x.img img-copy no/x.img y.img
	touch file
	refuses 3 file/x.img img-copy file/x.img y.img
	ln -s nowhere dangling
	refuses 3 dangling img-copy dangling y.img
	[ ! -e y.img ]
}

@test "failure: missing source, and the target to be overwritten is kept" {
	local before

	echo old >y.img
	before=$(state_of y.img)
	refuses 3 no.img img-copy --overwrite no.img y.img
	refuses 3 "a:$DIR/no.img" img-copy --overwrite "a:$DIR/no.img" "b:$DIR/y.img"
	[ "$(state_of y.img)" = "$before" ]
}

@test "failure: existing target" {
	local before

	echo old >y.img
	before=$(state_of y.img)
	refuses 6 y.img img-copy "$IMAGE" y.img
	refuses 6 y.img img-copy --archive --sparse "$IMAGE" y.img
	refuses 6 "a:$DIR/y.img" img-copy "$IMAGE" "a:$DIR/y.img"
	refuses 6 y.img img-copy "a:$IMAGE" y.img
	refuses 6 "b:$DIR/y.img" img-copy "a:$IMAGE" "b:$DIR/y.img"
	refuses 6 "a:$DIR/y.img" img-copy "a:$IMAGE" "a:$DIR/y.img"
	refuses 6 y.img img-copy - y.img <"$IMAGE"
	[ "$(state_of y.img)" = "$before" ]
}

@test "failure: the same file as source and target, also through links" {
	local words before

	mkdir d
	cp "$IMAGE" x.img
	ln -s "$DIR/x.img" link
	ln -s . here
	ln x.img hard
	before=$(state_of x.img)
	for words in 'x.img x.img' 'x.img ./x.img' "$DIR/x.img x.img" 'x.img d/../x.img' \
		'x.img here/x.img' 'x.img here/' 'x.img .' 'link x.img' 'here/link here/x.img' \
		'hard x.img' 'x.img hard' "x.img a:$DIR/x.img" "a:$DIR/x.img x.img" \
		"a:$DIR/x.img b:$DIR/x.img" "a:$DIR/x.img a:$DIR/./x.img" "a:$DIR/link x.img" \
		"x.img a:$DIR/hard" "x.img a:$DIR/here" "a:$DIR/link b:$DIR/here/hard"; do
		# shellcheck disable=SC2086 # two words
		refuses 4 "${words#* }" img-copy $words
		says same
		# shellcheck disable=SC2086 # two words
		refuses 4 "${words#* }" img-copy --overwrite --allow-links $words
		says same
	done
	[ "$(state_of x.img)" = "$before" ]
	[ "$(ls)" = 'd
hard
here
link
x.img' ]
}

@test "failure: a symbolic link as target" {
	echo old >file
	ln -s file link
	ln -s nowhere dangling
	refuses 4 link img-copy "$IMAGE" link
	refuses 4 link img-copy --overwrite "$IMAGE" link
	refuses 4 "a:$DIR/dangling" img-copy --overwrite "$IMAGE" "a:$DIR/dangling"
	[ "$(cat file)" = old ]
	[ ! -e nowhere ]
}

@test "failure: missing directory" {
	refuses 3 no/y.img img-copy "$IMAGE" no/y.img
	refuses 3 no/ img-copy "$IMAGE" no/
	refuses 3 "a:$DIR/no/y.img" img-copy "$IMAGE" "a:$DIR/no/y.img"
	refuses 3 "a:$DIR/no/" img-copy "a:$IMAGE" "a:$DIR/no/"
	refuses 3 "b:$DIR/no/y.img" img-copy --archive "a:$IMAGE" "b:$DIR/no/y.img"
	touch file
	refuses 3 file/y.img img-copy "$IMAGE" file/y.img
	refuses 3 file/ img-copy "$IMAGE" file/
	[ "$(ls)" = file ]
}

@test "failure: a directory instead of an image" {
	mkdir -p d e/image
	refuses 4 d img-copy d y.img
	refuses 4 d/ img-copy d/ y.img
	refuses 4 "a:$DIR/d" img-copy "a:$DIR/d" y.img
	refuses 2 a: img-copy a: y.img
	refuses 4 . img-copy . e
	# The name in the container is that of a directory.
	refuses 4 e img-copy "$IMAGE" e
	refuses 4 e img-copy --overwrite "$IMAGE" e
	refuses 4 "a:$DIR/e" img-copy --overwrite "$IMAGE" "a:$DIR/e"
	[ ! -e y.img ]
	[ -z "$(ls -A e/image)" ]
}

@test "failure: neither a file nor a device as source or as target" {
	mkfifo fifo
	refuses 4 fifo img-copy fifo y.img
	refuses 4 /dev/null img-copy /dev/null y.img
	refuses 4 "a:$DIR/fifo" img-copy "a:$DIR/fifo" y.img
	refuses 6 fifo img-copy "$IMAGE" fifo
	refuses 4 fifo img-copy --overwrite "$IMAGE" fifo
	refuses 4 /dev/null img-copy --overwrite "$IMAGE" /dev/null
	refuses 4 "a:$DIR/fifo" img-copy --overwrite "$IMAGE" "a:$DIR/fifo"
	[ -p fifo ]
	[ -c /dev/null ]
	[ ! -e y.img ]
}

@test "failure: no permission to read the source, or to write into the directory" {
	local before

	install -m 0 "$IMAGE" x.img
	mkdir d
	echo old >d/old.img
	before=$(state_of d/old.img)
	chmod 555 d
	refuses 4 x.img without_power img-copy x.img y.img
	refuses 4 d/y.img without_power img-copy "$IMAGE" d/y.img
	refuses 4 d without_power img-copy "$IMAGE" d
	refuses 4 d/old.img without_power img-copy --overwrite "$IMAGE" d/old.img
	[ "$(state_of d/old.img)" = "$before" ]
	chmod 755 d
	[ "$(ls d)" = old.img ]
}

@test "failure: outside what the configuration allows" {
	mkdir in
	cp "$IMAGE" x.img
	cp "$IMAGE" in/y.img
	printf '[storage]\n\tdirectory = %s/in\n' "$DIR" >config
	refuses 4 x.img img-copy --config config x.img in/z.img
	refuses 4 z.img img-copy --config config in/y.img z.img
	refuses 4 z.img img-copy --config config "a:$DIR/x.img" z.img
	ln -s ../x.img in/link
	refuses 4 in/link img-copy --config config in/link in/z.img
	succeeds img-copy --config config in/y.img in/z.img
	[ "$(ls)" = 'config
in
x.img' ]
}

# fills SIZE WHERE ARGUMENT...: the target's storage has SIZE bytes, too few for the image.
fills() {
	local where=$2 before

	small_fs small "$1"
	shift 2
	echo old >small/old.img
	before=$(state_of small/old.img)
	refuses 9 "$where"small/y.img img-copy "$@" "$where"small/y.img
	refuses 9 "$where"small/old.img img-copy --overwrite "$@" "$where"small/old.img
	[ "$(state_of small/old.img)" = "$before" ]
	[ "$(ls -A small)" = old.img ]
}

@test "failure: a full target disk, complete copy" {
	fills 1500k '' "$IMAGE"
}

@test "failure: a full target disk, sparse copy" {
	fills 1500k '' --sparse "$IMAGE"
}

@test "failure: a full target disk, archive" {
	fills 500k '' --archive "$IMAGE"
}

@test "failure: a full target disk, from standard input" {
	exec 5<"$IMAGE" 6<"$IMAGE"
	small_fs small 1500k
	refuses 9 small/y.img img-copy - small/y.img <&5
	refuses 9 small/y.img img-copy --sparse - small/y.img <&6
	refuses 9 small/y.img img-copy --archive - small/y.img < <(head -c 2M /dev/urandom)
	[ -z "$(ls -A small)" ]
}

@test "failure: a full target disk on a host" {
	fills 1500k "a:$DIR/" "$IMAGE"
}

@test "failure: a full target disk on a host, sparse copy and archive" {
	small_fs small 500k
	refuses 9 "a:$DIR/small/y.img" img-copy --sparse "$IMAGE" "a:$DIR/small/y.img"
	refuses 9 "a:$DIR/small/y.img" img-copy --archive "$IMAGE" "a:$DIR/small/y.img"
	refuses 9 "a:$DIR/small/y.img" img-copy --sparse "a:$IMAGE" "a:$DIR/small/y.img"
	[ -z "$(ls -A small)" ]
}

@test "failure: a full target disk, copy from one host to another" {
	small_fs small 500k
	refuses 9 "b:$DIR/small/y.img" img-copy --sparse "a:$IMAGE" "b:$DIR/small/y.img"
	refuses 9 "b:$DIR/small/y.img" img-copy --archive "a:$IMAGE" "b:$DIR/small/y.img"
	refuses 9 small/y.img img-copy --sparse "a:$IMAGE" small/y.img
	[ -z "$(ls -A small)" ]
}

@test "failure: a limit on the size of files" {
	local option

	truncate -s 500K x.img
	cp --sparse=never x.img full.img
	for option in '' -n; do
		# shellcheck disable=SC2086 # none or one
		{
			refuses 9 y.img prlimit --fsize=1000000 img-copy $option --sparse "$IMAGE" y.img
			refuses 9 y.img prlimit --fsize=1000000 img-create $option --sparse y.img 2M
			refuses 9 y.img prlimit --fsize=1000000 img-create $option y.img 2M
			refuses 9 x.img prlimit --fsize=1000000 img-resize $option x.img 2M
			refuses 9 full.img prlimit --fsize=1000000 img-resize $option full.img 2M
		}
	done
	refuses 9 y.img prlimit --fsize=1000000 img-copy "$IMAGE" y.img
	refuses 9 y.img prlimit --fsize=1000000 img-copy --archive "$IMAGE" y.img
	refuses 9 y.img prlimit --fsize=1000000 img-copy --sparse - y.img <"$IMAGE"
	[ ! -e y.img ]
}

# with_fault SYSCALL:FAULT... -- COMMAND...: each fault hits only calls on $FAULT_PATH,
# if that is set.
with_fault() {
	local faults=()

	while [ "$1" != -- ]; do
		faults+=(-e "inject=$1")
		shift
	done
	shift
	[ -z "${FAULT_PATH:-}" ] || faults+=(-P "$FAULT_PATH")
	ASAN_OPTIONS=detect_leaks=0 timeout -k 10 120 strace -f -qqq -o "$BATS_TEST_TMPDIR/trace" \
		"${faults[@]}" "$@"
}

# start_faulty NAME SYSCALL:FAULT: a host with that fault, for $FAULT_PATH.
start_faulty() {
	HOST_ENV=ASAN_OPTIONS=detect_leaks=0 start_host "$1" \
		"ForceCommand exec strace -f -qqq -o $BATS_TEST_TMPDIR/trace.$1 -P $FAULT_PATH \
-e inject=$2 sh -c \"\$SSH_ORIGINAL_COMMAND\""
}

@test "failure: a read error" {
	head -c 3M /dev/urandom >x.img
	FAULT_PATH=$DIR/x.img
	for words in y.img '--archive y.img' '--sparse y.img' "a:$DIR/y.img" -; do
		# shellcheck disable=SC2086 # several words
		try with_fault pread64:error=EIO:when=3+ -- img-copy -F "$SSH_CONFIG" x.img $words
		[ "$status" = 1 ]
		one_line 'img-copy: x.img: '
		says 'Input/output error'
		[ ! -e y.img ]
	done
}

@test "failure: a read error in an archive" {
	head -c 3M /dev/urandom >x.img
	succeeds img-copy --archive x.img x.lzo
	FAULT_PATH=$DIR/x.lzo
	try with_fault read:error=EIO:when=5+ -- img-copy x.lzo y.img
	[ "$status" = 1 ]
	one_line 'img-copy: x.lzo: '
	says 'Input/output error'
	[ ! -e y.img ]
}

@test "failure: a read error on a host" {
	local target

	head -c 3M /dev/urandom >x.img
	FAULT_PATH=$DIR/x.img start_faulty unreadable pread64:error=EIO:when=3+
	for target in y.img "b:$DIR/y.img" "unreadable:$DIR/y.img"; do
		refuses 1 "unreadable:$DIR/x.img" img-copy "unreadable:$DIR/x.img" "$target"
		says 'Input/output error'
		[ ! -e y.img ]
	done
	sshd_stop unreadable
}

@test "failure: a write error" {
	local before

	head -c 3M /dev/urandom >x.img
	echo old >y.img
	before=$(state_of y.img)
	FAULT_PATH=$DIR/.y.img.img-tools
	for words in '' --sparse --archive; do
		# shellcheck disable=SC2086 # none or one
		try with_fault pwrite64:error=EIO:when=2+ -- img-copy --overwrite $words x.img y.img
		[ "$status" = 1 ]
		one_line 'img-copy: y.img: '
		says 'Input/output error'
		[ "$(state_of y.img)" = "$before" ]
	done
}

@test "failure: a write error on a host" {
	head -c 3M /dev/urandom >x.img
	FAULT_PATH=$DIR/.y.img.img-tools start_faulty unwritable pwrite64:error=EIO:when=2+
	refuses 1 "unwritable:$DIR/y.img" img-copy x.img "unwritable:$DIR/y.img"
	says 'Input/output error'
	refuses 1 "unwritable:$DIR/y.img" img-copy "a:$DIR/x.img" "unwritable:$DIR/y.img"
	[ ! -e y.img ]
	sshd_stop unwritable
}

@test "failure: data or directory cannot be synced to disk" {
	local before

	FAULT_PATH=
	try with_fault fsync:error=EIO:when=1 -- img-copy "$IMAGE" y.img
	[ "$status" = 1 ]
	one_line 'img-copy: y.img: '
	[ ! -e y.img ]
	try with_fault fsync:error=EIO:when=2 -- img-copy "$IMAGE" y.img
	[ "$status" = 1 ]
	one_line 'img-copy: y.img: '
	[ ! -e y.img ]
	echo old >y.img
	before=$(state_of y.img)
	try with_fault fsync:error=EIO:when=1 -- img-copy --overwrite "$IMAGE" y.img
	[ "$status" = 1 ]
	one_line 'img-copy: y.img: '
	[ "$(state_of y.img)" = "$before" ]
}

@test "failure: the file cannot be renamed to its name" {
	try with_fault renameat2:error=EIO rename:error=EIO renameat:error=EIO linkat:error=EIO -- \
		img-copy "$IMAGE" y.img
	[ "$status" = 1 ]
	one_line 'img-copy: y.img: '
	[ ! -e y.img ]
}

@test "failure: a target's file system without fallocate is no failure" {
	make_sparse x.img
	with_fault fallocate:error=EOPNOTSUPP -- img-copy x.img y.img
	same x.img y.img
	[ "$(allocated y.img)" -ge "$(stat -c %s x.img)" ]
	with_fault fallocate:error=EOPNOTSUPP -- img-create z.img 3M
	cmp -n 3145728 z.img /dev/zero
	[ "$(allocated z.img)" -ge 3145728 ]
}

# changes COMMAND SOURCE: runs COMMAND while SOURCE is being copied.
changes() {
	local target pid

	for target in y.img "a:$DIR/y.img" "b:$DIR/y.img"; do
		head -c 3M /dev/urandom >x.img
		img-copy -F "$SSH_CONFIG" --bwlimit 2M "$2" "$target" >"$OUT" 2>"$ERR" 3>&- &
		pid=$!
		wait_until 20 test -e .y.img.img-tools
		$1 x.img
		status=0
		wait $pid || status=$?
		[ "$status" = 8 ]
		one_line "img-copy: $2: "
		[ ! -s "$OUT" ]
		nothing_left
		[ ! -e y.img ]
	done
}

@test "failure: a source that shrinks" {
	changes 'truncate -s 100k' x.img
	changes 'truncate -s 2900k' "a:$DIR/x.img"
}

@test "failure: a source that grows" {
	changes 'truncate -s 4M' x.img
	changes 'truncate -s 4M' "a:$DIR/x.img"
}

# Writes to a file and puts its time of modification back.
write_quietly() {
	touch -r "$1" ref
	printf X | dd of="$1" bs=1 seek=3000000 conv=notrunc status=none
	touch -r ref "$1"
}

@test "failure: a source that is written to, and whose time is put back" {
	changes write_quietly x.img
	changes write_quietly "a:$DIR/x.img"
}

write_and_chmod() {
	write_quietly "$1"
	chmod 640 "$1"
}

@test "failure: a source that is written to, with its time put back and another mode" {
	changes write_and_chmod x.img
	changes write_and_chmod "a:$DIR/x.img"
}

# Through memory, of which the kernel tells nothing but that the file is closed then.
map_and_chmod() {
	touch -r "$1" ref
	xfs_io -c 'mmap -rw 0 3m' -c 'mwrite -S 0x58 3000000 100' "$1"
	touch -h -r ref "$1" # which does not open it
	chmod 640 "$1"
}

@test "failure: a source that is written to through memory, with its time put back and another mode" {
	changes map_and_chmod x.img
	changes map_and_chmod "a:$DIR/x.img"
}

@test "failure: a source that grows, which --live accepts" {
	local source pid

	changes 'truncate -s 4M' x.img
	changes 'truncate -s 4M' "a:$DIR/x.img"
	for source in x.img "a:$DIR/x.img"; do
		head -c 3M /dev/urandom >x.img
		cp x.img old
		img-copy -F "$SSH_CONFIG" --live --json --bwlimit 2M "$source" y.img >"$OUT" 2>"$ERR" 3>&- &
		pid=$!
		wait_until 20 test -e .y.img.img-tools
		echo more >>x.img
		wait $pid
		cmp old y.img
		rm y.img
	done
}

@test "failure: --live of a source that comes into use is not said to be consistent" {
	local source pid target

	for source in x.img "a:$DIR/x.img"; do
		for target in y.img "b:$DIR/y.img"; do
			head -c 3M /dev/urandom >x.img
			img-copy -F "$SSH_CONFIG" --live --json --bwlimit 2M "$source" "$target" \
				>"$OUT" 2>"$ERR" 3>&- &
			pid=$!
			wait_until 20 test -e .y.img.img-tools
			printf X | put x.img 3000000
			wait $pid
			one_line "img-copy: warning: $source: came into use while it was read"
			json '.consistent | not'
			rm y.img
		done
		try img-copy --live --json "$source" y.img
		[ "$status" = 0 ]
		[ ! -s "$ERR" ]
		json .consistent
		rm y.img
	done
}

# below FILE: --live --flatten of top, and FILE, which it stands on, is written to, before or while
# it is read.
below() {
	local source pid

	for source in top "a:$DIR/top"; do
		exec 5>>"$1"
		try img-copy --live --flatten --json "$source" y.img
		exec 5>&-
		[ "$status" = 0 ]
		one_line "img-copy: warning: $source: is in use; the copy may be inconsistent"
		json '.consistent | not'
		rm y.img

		img-copy -F "$SSH_CONFIG" --live --flatten --json --bwlimit 2M "$source" y.img \
			>"$OUT" 2>"$ERR" 3>&- &
		pid=$!
		wait_until 20 test -e .y.img.img-tools
		printf X | put "$1" 3000000
		wait $pid
		one_line "img-copy: warning: $source: came into use while it was read"
		json '.consistent | not'
		rm y.img

		try img-copy --live --flatten --json "$source" y.img
		[ "$status" = 0 ]
		[ ! -s "$ERR" ]
		json .consistent
		rm y.img
	done
}

@test "failure: --live --flatten, and a layer below or a data file is written to" {
	head -c 3M /dev/urandom >base
	qemu-img create -q -f qcow2 -b base -F raw mid
	qemu-img create -q -f qcow2 -b mid -F qcow2 top
	below base
	qemu-img convert -O qcow2 -o data_file=data base top
	below data
}

@test "failure: --live of a source that a job begins to write" {
	local source pid

	mkfifo one
	for source in x.img "a:$DIR/x.img"; do
		head -c 3M /dev/urandom >x.img
		img-copy -F "$SSH_CONFIG" --live --bwlimit 300K "$source" y.img 2>"$ERR" 3>&- &
		pid=$!
		wait_until 20 test -e .y.img.img-tools
		img-write - x.img <one 2>/dev/null 3>&- &
		exec 5>one
		head -c 2M /dev/urandom >&5
		wait_until 20 has_mark x.img
		status=0
		wait $pid || status=$?
		[ "$status" = 5 ]
		one_line "img-copy: $source: in use: another job is writing it"
		exec 5>&-
		wait $!
		[ ! -e y.img ]
	done
}

@test "failure: another name, link, mode or owner of the source is no change of it" {
	local how pid

	for how in 'chmod 640 x.img' 'ln x.img link' 'mv x.img renamed' 'chgrp 1 x.img' 'rm x.img'; do
		head -c 3M /dev/urandom >x.img
		cp x.img old
		img-copy -F "$SSH_CONFIG" --bwlimit 2M x.img y.img 2>"$ERR" 3>&- &
		pid=$!
		wait_until 20 test -e .y.img.img-tools
		$how || true # only root can change the group
		wait $pid
		same old y.img
		rm -f x.img y.img link renamed
	done
}

@test "failure: a writer does not have to wait for a copy of the file" {
	local pid

	head -c 3M /dev/urandom >x.img
	img-copy -F "$SSH_CONFIG" --bwlimit 500K x.img y.img 2>"$ERR" 3>&- &
	pid=$!
	wait_until 20 test -e .y.img.img-tools
	timeout 2 truncate -s +0 x.img # opens it without blocking
	kill -0 $pid
	kill $pid
	wait $pid || true
}

@test "failure: a file with content and a size of 0" {
	local source

	cp "$IMAGE" x.img
	for source in /proc/version a:/proc/version; do
		refuses 8 "$source" img-copy "$source" y.img
		says 'the source has more content than its size of 0 B'
		refuses 8 "$source" img-copy "$source" "b:$DIR/y.img"
		refuses 8 "$source" img-copy --sparse "$source" y.img
		refuses 8 "$source" img-copy --archive "$source" y.img
		[ ! -e y.img ]
		refuses 8 "$source" img-verify "$source"
		refuses 8 "$source" img-verify x.img "$source"
		echo old >old.img
		refuses 8 "$source" img-copy --overwrite "$source" old.img
		refuses 8 "$source" img-write "$source" old.img
		[ "$(cat old.img)" = old ]
	done
}

@test "failure: a file whose data ext4 keeps in the inode" {
	local from

	disks_setup
	disk 64M ext4 -O inline_data -I 256
	cd "$M"
	for from in x.img "a:$M/x.img"; do
		head -c 60 /dev/urandom >x.img # SEEK_HOLE can fail until this is on disk
		succeeds img-copy --sparse "$from" "$DIR/y.img"
		same x.img "$DIR/y.img"
		rm "$DIR/y.img"
		succeeds img-verify "$from"
		succeeds img-archive -k "$from"
		lzop -dc x.img.lzo | same x.img -
		rm x.img x.img.lzo
	done
}

@test "failure: a filesystem that calls data holes, or cannot tell" {
	local error

	head -c 3M /dev/urandom >x.img
	truncate -s 9M x.img
	for error in ENXIO ENOENT EINVAL EIO; do
		with_fault lseek:error=$error -- img-copy --sparse x.img y.img
		same x.img y.img
		rm y.img
		with_fault lseek:error=$error -- img-copy --archive x.img y.lzo
		lzop -dc y.lzo | same x.img -
		rm y.lzo
		head -c 9M /dev/zero | tr '\0' x >y.img
		with_fault lseek:error=$error -- img-write x.img y.img
		same x.img y.img
		rm y.img
	done
	# It finds the first extent only.
	make_sparse z.img
	with_fault lseek:error=ENXIO:when=3+ -- img-copy --sparse z.img y.img
	same z.img y.img
}

@test "failure: space that was never written is not read" {
	disks_setup
	disk 200M ext4 # tmpfs does not tell such space from data
	cd "$M"
	img-create x.img 64M
	strace -f -qq -o trace -e trace=pread64,read env ASAN_OPTIONS=detect_leaks=0 \
		img-copy --sparse x.img y.img
	[ "$(grep -c 262144 trace)" -lt 8 ]
}

@test "failure: /dev/full as target" {
	local source status

	cp "$IMAGE" x.img
	for source in x.img "a:$DIR/x.img"; do
		for words in '' --archive; do
			status=0
			# shellcheck disable=SC2086 # none or one
			img-copy -F "$SSH_CONFIG" $words "$source" - 2>"$ERR" >/dev/full || status=$?
			[ "$status" = 9 ]
			one_line 'img-copy: -: '
		done
	done
	for words in --help --version; do
		status=0
		img-copy $words 2>"$ERR" >/dev/full || status=$?
		[ "$status" = 1 ]
	done
	img-copy -v x.img y.img 2>/dev/full # nobody sees the messages
	same x.img y.img
}

@test "failure: closed standard descriptors" {
	local name=0 target

	for target in "$DIR/y" "a:$DIR/y" "b:$DIR/z"; do
		for source in "$IMAGE" "a:$IMAGE"; do
			img-copy -F "$SSH_CONFIG" "$source" "$target$((++name))" <&-
			same "$IMAGE" "${target#?:}$name"
			img-copy -F "$SSH_CONFIG" "$source" "$target$((++name))" >&-
			same "$IMAGE" "${target#?:}$name"
			img-copy -F "$SSH_CONFIG" "$source" "$target$((++name))" 2>&-
			same "$IMAGE" "${target#?:}$name"
			img-copy -F "$SSH_CONFIG" "$source" "$target$((++name))" <&- >&- 2>&-
			same "$IMAGE" "${target#?:}$name"
		done
	done
	img-copy "$IMAGE" - <&- 2>&- | same "$IMAGE" -
	img-create new 1k <&- >&- 2>&-
	img-delete "$DIR/new" <&- >&- 2>&-
}

@test "failure: standard input or output is the image's and closed" {
	status=0
	img-copy - y.img <&- >"$OUT" 2>"$ERR" || status=$?
	[ "$status" = 1 ]
	one_line 'img-copy: -: '
	[ ! -e y.img ]
	status=0
	img-copy - "a:$DIR/y.img" -F "$SSH_CONFIG" <&- >"$OUT" 2>"$ERR" || status=$?
	[ "$status" = 1 ]
	one_line 'img-copy: -: '
	[ ! -e y.img ]
	for source in "$IMAGE" "a:$IMAGE"; do
		status=0
		img-copy -F "$SSH_CONFIG" "$source" - 2>"$ERR" >&- || status=$?
		[ "$status" = 1 ]
		one_line 'img-copy: -: '
	done
	status=0
	img-info --json "$IMAGE" 2>"$ERR" >&- || status=$?
	[ "$status" = 1 ]
	one_line 'img-info: '
	status=0
	img-copy no.img y.img 2>&- || status=$?
	[ "$status" = 3 ]
}

@test "failure: standard input is a directory" {
	refuses 4 - img-copy - y.img <"$DIR"
	[ ! -e y.img ]
}
