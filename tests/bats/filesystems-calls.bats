#!/usr/bin/env bats
# System calls that fail as they do on NFS, SMB, ZFS and other filesystems that cannot
# be mounted here.
#
# The commands run from a copy of the build whose helper is started by strace
# (traced_build).

load common
load disks

setup_file() {
	local work=$BATS_FILE_TMPDIR

	img_setup_file a
	traced_build -qqq
	export SMALL=$work/small SPARSE=$work/sparse
	head -c $((3 * BLOCK + 500)) /dev/urandom >"$SMALL"
	make_sparse "$SPARSE"
}
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	PATH=$TRACED/bin:$PATH
}
teardown() { disks_teardown; }

# inject FAULT...: sets strace's inject= expressions for the next commands.
inject() {
	local fault

	for fault; do
		printf '%s\n' -e "inject=$fault"
	done >"$INJECT"
}

# nth CALL PATTERN COMMAND...: runs COMMAND, and prints the number of the first CALL in its
# thread whose line matches PATTERN.
nth() {
	printf '%s\n' -e "trace=$1" >"$INJECT"
	try "${@:3}"
	[ "$status" = 0 ] || return 1
	awk -v pattern="$2" '{ n[$1]++ } index($0, pattern) && !found++ { print n[$1] }' "$TRACE"
}

# warns TEXT COMMAND...: COMMAND works, and prints TEXT on one line.
warns() {
	local text=$1
	shift

	try "$@"
	if [ "$status" != 0 ] || ! one_line "$1: " || ! grep -qF "$text" "$ERR"; then
		told
		return 1
	fi
}

full() {
	[ "$(allocated "$1")" -ge "$(stat -c %s "$1")" ]
}

# Zeros are written where fallocate is missing.
@test "calls: no fallocate" {
	local error

	for error in EOPNOTSUPP EINVAL ENOSYS; do
		inject fallocate:error=$error
		succeeds img-create c.img 600000
		same <(head -c 600000 /dev/zero) c.img
		full c.img
		succeeds img-copy "$SPARSE" x.img
		same "$SPARSE" x.img
		full x.img
		succeeds img-copy - y.img <"$SPARSE"
		same "$SPARSE" y.img
		full y.img
		succeeds img-copy --archive "$SPARSE" z.lzo
		succeeds img-copy z.lzo z.img
		same "$SPARSE" z.img
		full z.img
		head -c 6M /dev/urandom >w.img
		succeeds img-write "$SPARSE" w.img
		same <(cat "$SPARSE" /dev/zero | head -c 6M) w.img
		head -c 6M /dev/urandom >w.img
		succeeds img-write --sparse "$SPARSE" w.img
		same <(cat "$SPARSE" /dev/zero | head -c 6M) w.img
		full w.img
		succeeds img-copy --sparse "$SPARSE" v.img
		same "$SPARSE" v.img
		[ "$(allocated v.img)" -lt $((8 * BLOCK)) ]
		rm ./*
	done
}

@test "calls: fallocate fails for another reason" {
	inject fallocate:error=EDQUOT
	refuses 9 c.img img-create c.img 600000
	inject pwrite64:error=EDQUOT
	refuses 9 x.img img-copy "$SMALL" x.img
	# Missing space that is only noticed when data is synced to disk, as on NFS.
	inject fsync:error=ENOSPC
	refuses 9 x.img img-copy "$SMALL" x.img
	refuses 9 x.img img-copy --archive "$SMALL" x.img
	inject fallocate:error=EIO
	refuses 1 c.img img-create c.img 600000
	[ -z "$(ls -A)" ]
}

@test "calls: a directory that cannot be read to its end" {
	echo part >.z.img.img-tools
	inject getdents64:error=EIO
	refuses 1 . img-clean .
	says 'cannot list: Input/output error'
	refuses 1 . img-list .
	says 'cannot list: Input/output error'
	inject
	succeeds img-clean .
	[ -z "$(ls -A)" ]
}

@test "calls: a name that can be reserved only by a mark, which cannot be made" {
	cp "$SMALL" x.img
	inject renameat2:error=EINVAL linkat:error=EPERM fsync:error=EDQUOT
	refuses 9 x.img img-rename x.img y.img
	says 'cannot mark it as unfinished'
	refuses 9 y.img img-copy --no-fsync x.img y.img
	says 'cannot mark it as unfinished'
	[ "$(ls -A)" = x.img ]
}

# interrupted FILE COMMAND...: INT ends COMMAND at once while zeros are written.
interrupted() {
	local file=$1 pid start
	shift

	env --default-signal=INT "$1" -F "$SSH_CONFIG" "${@:2}" >"$OUT" 2>"$ERR" 3>&- &
	pid=$!
	wait_until 20 zeros_in "$file"
	start=${EPOCHREALTIME/./}
	kill -INT $pid
	status=0
	wait $pid || status=$?
	[ "$status" = 130 ]
	[ $((${EPOCHREALTIME/./} - start)) -lt 3000000 ]
	wait_until 3 no_process
}

zeros_in() {
	[ -e "$1" ] && [ "$(allocated "$1")" -ge $((2 << 20)) ]
}

@test "calls: INT while zeros are written" {
	truncate -s 2G x.img
	echo old >old.img
	before=$(state_of old.img)
	inject fallocate:error=EOPNOTSUPP pwrite64:delay_enter=30000
	interrupted .y.img.img-tools img-create y.img 2G
	interrupted .y.img.img-tools img-copy x.img y.img
	interrupted .y.img.img-tools img-copy --helper "$TRACED_HELPER" "a:$DIR/x.img" "a:$DIR/y.img"
	interrupted .y.img.img-tools img-copy --helper "$TRACED_HELPER" x.img "a:$DIR/y.img"
	interrupted .old.img.img-tools img-copy --overwrite x.img old.img
	[ "$(state_of old.img)" = "$before" ]
	[ "$(ls -A)" = "$(printf '%s\n' old.img x.img)" ]
	truncate -s 2G z.img
	interrupted z.img img-write x.img z.img
	inject
	succeeds img-info --json z.img
	json .unfinished
}

@test "calls: no locks" {
	local n

	n=$(nth fcntl F_OFD_SETLK img-create x.img 1M)
	inject fcntl:error=ENOLCK:when="$n"
	warns 'no locks' img-create y.img 1M
	same <(head -c 1M /dev/zero) y.img
	n=$(nth fcntl F_OFD_SETLK img-write -j 1 "$SMALL" y.img)
	inject fcntl:error=ENOLCK:when="$n"
	warns 'no locks' img-write -j 1 "$SMALL" y.img
	same <(cat "$SMALL" /dev/zero | head -c 1M) y.img
	succeeds img-info --json y.img
	json '.unfinished == false'
}

# An interrupted job's file cannot be distinguished from that of a running job.
@test "calls: no locks, and an unfinished file" {
	local n

	echo part >.z.img.img-tools
	n=$(nth fcntl F_OFD_ img-create z.img 1M)
	rm z.img
	echo part >.z.img.img-tools
	inject fcntl:error=ENOLCK:when="$n"
	refuses 5 z.img img-create z.img 1M
	says 'no locks'
	n=$(nth fcntl F_OFD_ img-clean .)
	echo part >.z.img.img-tools
	inject fcntl:error=ENOLCK:when="$n"
	try img-clean .
	[ "$status" = 0 ]
	[ ! -s "$OUT" ]
	says 'no locks'
	[ "$(cat .z.img.img-tools)" = part ]
	inject
	succeeds img-delete .z.img.img-tools
	[ -z "$(ls -A)" ]
}

# NFS and SMB grant a lease only where they have a delegation.  If they refuse one, this does
# not mean that other programs have the file open.
@test "calls: no leases" {
	local n

	cp "$SMALL" x.img
	n=$(nth fcntl F_SETLEASE img-copy x.img y.img)
	rm y.img
	inject fcntl:error=EAGAIN:when="$n"
	refuses 5 x.img img-copy x.img y.img
	for magic in 69690000 424d53ff 424d53fe; do
		inject fcntl:error=EAGAIN:when="$n" "fstatfs:poke_exit=@arg2=${magic}00000000"
		succeeds img-copy x.img y.img
		rm y.img
	done
	# Other programs are still noticed, by their descriptors.
	held_open x.img
	inject fcntl:error=EAGAIN:when="$n" fstatfs:poke_exit=@arg2=69690000
	refuses 5 x.img img-copy x.img y.img
	says "open for writing in process $HOLDER (sleep)"
	let_go
	inject fcntl:error=EINVAL:when="$n"
	succeeds img-copy x.img y.img
}

@test "calls: no SEEK_DATA" {
	local error

	for error in EINVAL EOPNOTSUPP EIO; do # whatever it is, it means data
		inject lseek:error=$error
		succeeds img-copy -j 1 "$SPARSE" x.img
		same "$SPARSE" x.img
		succeeds img-copy --sparse "$SPARSE" y.img
		same "$SPARSE" y.img
		[ "$(allocated y.img)" -lt $((8 * BLOCK)) ]
		rm x.img y.img
	done
	[ -z "$(ls -A)" ]
}

# Instead of the attribute there is a file, also where there is no space for an attribute.
@test "calls: no attributes, or no space for one" {
	local error

	for error in EOPNOTSUPP ENOSPC EPERM; do
		cp "$SMALL" x.img
		inject fsetxattr:error=$error pwrite64:error=EIO
		refuses 1 x.img img-write -j 1 "$SMALL" x.img
		[ -e .x.img.img-tools-unfinished ]
		inject
		refuses 8 x.img img-copy x.img y.img
		succeeds img-copy --overwrite "$SMALL" x.img
		[ "$(ls -A)" = x.img ]
		succeeds img-verify x.img "$SMALL"
	done
}

# names: runs every command that gives a name, with the faults in $INJECT.
names() {
	succeeds img-create c.img 600000
	refuses 6 c.img img-create c.img 600000
	succeeds img-copy "$SMALL" x.img
	same "$SMALL" x.img
	succeeds img-rename x.img y.img
	same "$SMALL" y.img
	refuses 6 y.img img-rename y.img c.img
	succeeds img-archive y.img
	lzop -dc y.img.lzo | cmp - "$SMALL"
	succeeds img-unarchive y.img.lzo
	same "$SMALL" y.img
	[ "$(stat -c %h y.img)" = 1 ]
	same <(head -c 600000 /dev/zero) c.img
	[ "$(ls -A)" = "$(printf '%s\n' c.img y.img)" ]
	rm c.img y.img
}

@test "calls: no RENAME_NOREPLACE" {
	local error

	for error in EINVAL ENOSYS EOPNOTSUPP; do
		inject renameat2:error=$error
		names
		inject renameat2:error=$error linkat:error=EPERM
		names
	done
	inject renameat2:error=EINVAL linkat:error=EMLINK
	names
}

# name_taken FAULTS...: another program takes the name while the image is made.
name_taken() {
	local run

	mkfifo pipe
	img-copy - x.img <pipe >"$OUT" 2>"$ERR" 3>&- &
	run=$!
	exec 6>pipe
	cat "$SMALL" >&6
	wait_until 10 test -e .x.img.img-tools
	echo mine >x.img
	exec 6>&-
	status=0
	wait $run || status=$?
	[ "$status" = 6 ]
	one_line 'img-copy: x.img: '
	[ "$(cat x.img)" = mine ]
	[ "$(ls -A)" = "$(printf '%s\n' pipe x.img)" ]
	rm pipe x.img
}

@test "calls: no RENAME_NOREPLACE, and the name is taken meanwhile" {
	inject renameat2:error=EINVAL
	name_taken
	inject renameat2:error=EINVAL linkat:error=EPERM
	name_taken
}

@test "calls: a rename that fails in the middle is rolled back" {
	cp "$SMALL" x.img
	before=$(state_of x.img)
	inject renameat2:error=EINVAL unlinkat:error=EIO:when=1
	refuses 1 y.img img-copy x.img y.img
	[ "$(ls -A)" = x.img ]
	refuses 1 x.img img-rename x.img y.img
	[ "$(ls -A)" = x.img ]
	inject renameat2:error=EINVAL linkat:error=EPERM renameat:error=EIO rename:error=EIO
	refuses 1 y.img img-copy x.img y.img
	refuses 1 x.img img-rename x.img y.img
	[ "$(ls -A)" = x.img ]
	[ "$(state_of x.img)" = "$before" ]
}

# killed_at CALL: kills at each such call, from the first one that changes a name.
killed_at() {
	local n

	for n in 1 2 3 4; do
		rm -rf w
		mkdir w
		inject renameat2:error=EINVAL linkat:error=EPERM "$1:signal=KILL:when=$n"
		try img-copy -j 1 "$SMALL" w/x.img
		[ "$status" != 0 ] || continue
		[ "$status" = 7 ]
		wait_until 10 no_process
		inject
		succeeds img-clean w
		[ ! -e w/.x.img.img-tools ]
		[ -e w/x.img ] || continue
		cmp -s w/x.img "$SMALL" || {
			[ ! -s w/x.img ] # empty, and shown as unfinished
			succeeds img-info --json w/x.img
			json .unfinished
			refuses 8 w/x.img img-copy w/x.img y.img
			empty=1
		}
		succeeds img-copy --overwrite "$SMALL" w/x.img
		same "$SMALL" w/x.img
		[ "$(ls -A w)" = x.img ]
	done
}

@test "calls: killed where a name is reserved by an empty file" {
	local call empty=

	for call in fsync renameat rename unlinkat linkat; do
		killed_at $call
	done
	[ -n "$empty" ]
}

@test "calls: blocks that cannot be shared are copied" {
	local error

	for error in EOPNOTSUPP EXDEV EINVAL EIO; do
		inject ioctl:error=$error
		succeeds img-copy "$SPARSE" x.img
		same "$SPARSE" x.img
		full x.img
		rm x.img
	done
}

# Reading space that was never written would make the kernel keep pages of it, which it
# would then report as data.  (tmpfs cannot tell such space from data.)
@test "calls: space that was never written is not read" {
	local read

	disks_setup
	disk 512M ext4
	cd "$M"
	inject
	succeeds img-create x.img 256M
	put x.img $((100 * BLOCK)) <"$SMALL"
	sync -f x.img
	echo '-e trace=pread64' | tr ' ' '\n' >"$INJECT"
	succeeds img-verify --json x.img
	read=$(grep -c pread64 "$TRACE")
	json ".data_bytes == $((($(stat -c %s "$SMALL") + 4095) / 4096 * 4096))"
	[ "$read" -lt 200 ]
}

# stopped WORDS...: starts it, $run, and waits until the injected signal has stopped its $helper.
stopped() {
	"$@" >"$OUT" 2>"$ERR" 3>&- &
	run=$!
	wait_until 20 grep -qs 'stopped by SIGSTOP' "$TRACE"
	helper=$(helpers)
}

# goes_on STATUS: it ends with STATUS and one line.
goes_on() {
	kill -CONT "$helper"
	status=0
	wait "$run" || status=$?
	[ "$status" = "$1" ]
	one_line img-
}

# It is held where the new file has got its name.
@test "calls: what is written to the original of img-archive before it is removed is not lost" {
	cp "$SMALL" x.img
	inject renameat2:signal=STOP
	stopped img-archive x.img
	printf Y | put x.img 5000
	goes_on 8
	says 'the original: the source was changed while it was read'
	[ "$(cut_out x.img 5000 5001)" = Y ]
	lzop -dc x.img.lzo | cmp - "$SMALL"
	rm x.img "$TRACE"
	stopped img-unarchive x.img.lzo
	printf Y | put x.img.lzo 20
	goes_on 8
	same "$SMALL" x.img
	[ -e x.img.lzo ]
}

@test "calls: an image that is replaced before img-write has locked it" {
	local n replace now

	cp "$SMALL" y.img
	n=$(nth fcntl F_OFD_SETLK img-write -j 1 "$SMALL" y.img)
	for replace in 'mv new.img y.img' 'rm y.img'; do
		cp "$SMALL" y.img
		echo stranger >new.img
		rm "$TRACE"
		inject fcntl:signal=STOP:when="$n"
		ln y.img old.img
		stopped img-write -j 1 --allow-links "$SMALL" y.img
		$replace
		now=$(cat y.img 2>&1 || true)
		goes_on 5
		says 'was renamed or replaced while it was opened'
		[ "$(cat y.img 2>&1 || true)" = "$now" ]
		same "$SMALL" old.img
		inject
		run ! has_mark old.img
		rm -f y.img old.img new.img
	done
}
