#!/usr/bin/env bats
# img-archive: on this host and on remote hosts.

load common

setup_file() { img_setup_file a b; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# archived IMAGE FILE: FILE was replaced by FILE.lzo, an archive of IMAGE.
archived() {
	[ ! -e "$2" ]
	lzop -t "$2.lzo"
	lzop -dc "$2.lzo" | same "$1" -
}

@test "archive: on this host" {
	cp "$IMAGE" x.img
	succeeds img-archive x.img
	[ ! -s "$OUT" ]
	archived "$IMAGE" x.img
	[ "$(ls -A)" = x.img.lzo ]
}

@test "archive: on a host" {
	cp "$IMAGE" x.img
	succeeds img-archive "a:$DIR/x.img"
	archived "$IMAGE" x.img
	mv x.img.lzo y.img.lzo
	cp "$IMAGE" x.img
	succeeds img-archive "ssh://a:$(sshd_port a)$DIR/x.img"
	archived "$IMAGE" x.img
}

@test "archive: owner, mode and times are kept" {
	local where before

	for where in '' "a:$DIR/"; do
		cp "$IMAGE" x.img
		chmod 640 x.img
		[ "$(id -u)" != 0 ] || chown 1234:567 x.img
		touch -d '2001-02-03 04:05:06.000000789 UTC' x.img
		before=$(attributes x.img)
		succeeds img-archive "${where}x.img"
		[ "$(attributes x.img.lzo)" = "$before" ]
		rm x.img.lzo
	done
}

@test "archive --keep: the original stays" {
	cp "$IMAGE" x.img
	before=$(state_of x.img)
	succeeds img-archive -k x.img
	lzop -dc x.img.lzo | same x.img -
	[ "$(state_of x.img)" = "$before" ]
	rm x.img.lzo
	succeeds img-archive --keep "a:$DIR/x.img"
	lzop -t x.img.lzo
	[ "$(state_of x.img)" = "$before" ]
}

@test "archive: holes, odd lengths, an empty image" {
	local length

	make_sparse x.img
	cp x.img y.img
	succeeds img-archive x.img
	archived y.img x.img
	for length in 0 1 $((BLOCK - 1)) $BLOCK $((BLOCK + 1)); do
		head -c "$length" /dev/urandom >x
		cp x y
		succeeds img-archive x
		archived y x
		rm x.lzo
	done
}

@test "archive: lzop restores the name, and img-info knows what is inside" {
	cp "$IMAGE" x.img
	succeeds img-archive x.img
	mkdir out
	cp x.img.lzo out/other.lzo
	(cd out && lzop -dN other.lzo)
	same "$IMAGE" out/x.img
	succeeds img-info --json x.img.lzo
	json '.compression == "lzo" and .capacity == 8388608 and .filesystem.label == "guest"'
	succeeds img-verify x.img.lzo
}

@test "archive: a qcow2 image is packed as it is" {
	qemu-img convert -f raw -O qcow2 "$IMAGE" x.qcow2
	cp x.qcow2 y
	succeeds img-archive x.qcow2
	archived y x.qcow2
}

@test "archive: several locations on several hosts" {
	for name in x y z w; do cp "$IMAGE" $name.img; done
	succeeds img-archive x.img "a:$DIR/y.img" "b:$DIR/z.img" w.img
	for name in x y z w; do archived "$IMAGE" $name.img; done
}

@test "archive: all are tried, and the status is that of the first failure" {
	mkdir d
	cp "$IMAGE" x.img
	cp "$IMAGE" y.img
	try img-archive no.img d x.img "a:$DIR/no.img" "a:$DIR/y.img"
	[ "$status" = 3 ]
	[ "$(wc -l <"$ERR")" = 3 ]
	says 'img-archive: no.img: '
	says 'img-archive: d: '
	says "img-archive: a:$DIR/no.img: "
	archived "$IMAGE" x.img
	archived "$IMAGE" y.img
	try img-archive d no.img
	[ "$status" = 4 ]
}

@test "archive: a malformed location keeps all images" {
	cp "$IMAGE" x.img
	refuses 2 '' img-archive x.img 'a b:/y.img'
	[ -e x.img ]
}

@test "archive --dry-run: prints what would happen, and changes nothing" {
	cp "$IMAGE" x.img
	before=$(state_of x.img)
	succeeds img-archive -n x.img "a:$DIR/x.img"
	[ "$(wc -l <"$OUT")" = 2 ]
	grep -F "x.img.lzo" "$OUT"
	grep -F "a:$DIR/x.img " "$OUT"
	[ "$(ls -A)" = x.img ]
	[ "$(state_of x.img)" = "$before" ]
	refuses 3 no.img img-archive -n no.img
	touch x.img.lzo
	refuses 6 x.img img-archive -n x.img
}

@test "archive: the archive's name is taken" {
	cp "$IMAGE" x.img
	echo theirs >x.img.lzo
	before=$(state_of x.img)
	refuses 6 x.img img-archive x.img
	says x.img.lzo
	refuses 6 "a:$DIR/x.img" img-archive "a:$DIR/x.img"
	[ "$(state_of x.img)" = "$before" ]
	[ "$(cat x.img.lzo)" = theirs ]
}

@test "archive: an image that is an archive already" {
	lzop -o x.lzo "$IMAGE"
	before=$(state_of x.lzo)
	refuses 4 x.lzo img-archive x.lzo
	refuses 4 "a:$DIR/x.lzo" img-archive "a:$DIR/x.lzo"
	[ "$(state_of x.lzo)" = "$before" ]
	[ "$(ls -A)" = x.lzo ]
}

@test "archive: a missing image, and what is not an image" {
	mkdir d
	mkfifo fifo
	refuses 3 no.img img-archive no.img
	refuses 3 no/x.img img-archive no/x.img
	refuses 3 "a:$DIR/no.img" img-archive "a:$DIR/no.img"
	refuses 4 d img-archive d
	refuses 4 . img-archive .
	refuses 4 fifo img-archive fifo
	refuses 4 /dev/null img-archive /dev/null
	refuses 4 "a:$DIR/d" img-archive "a:$DIR/d"
	refuses 2 a: img-archive a:
}

@test "archive: a block device" {
	local device

	cp "$IMAGE" x.img
	device=$(as_root losetup --show -f x.img)
	try as_root env "PATH=$PATH" img-archive "$device"
	as_root losetup -d "$device"
	[ "$status" = 4 ]
	one_line "img-archive: $device: "
}

@test "archive: a symbolic link, and a file with several links" {
	cp "$IMAGE" x.img
	ln -s x.img link
	refuses 4 link img-archive link
	refuses 4 "a:$DIR/link" img-archive "a:$DIR/link"
	ln x.img other
	refuses 4 x.img img-archive x.img
	[ "$(ls)" = "link
other
x.img" ]
	succeeds img-archive --allow-links x.img
	archived other x.img
}

@test "archive: an image in use" {
	cp "$IMAGE" x.img
	exec 5>>x.img
	refuses 5 x.img img-archive x.img
	refuses 5 "a:$DIR/x.img" img-archive "a:$DIR/x.img"
	exec 5>&-
	mkdir m
	as_root mount -o loop x.img m
	MOUNTS+=("$DIR/m")
	refuses 5 x.img img-archive x.img
	[ ! -e x.img.lzo ]
}

@test "archive: without permission" {
	mkdir d
	cp "$IMAGE" d/x.img
	chmod 555 d
	refuses 4 d/x.img without_power img-archive d/x.img
	chmod 755 d
	chmod 0 d/x.img
	refuses 4 d/x.img without_power img-archive d/x.img
	[ "$(ls -A d)" = x.img ]
}

@test "archive: a full disk leaves the original unchanged" {
	small_fs m 3M
	head -c 2M /dev/urandom >m/x.img
	before=$(state_of m/x.img)
	refuses 9 m/x.img img-archive m/x.img
	refuses 9 "a:$DIR/m/x.img" img-archive "a:$DIR/m/x.img"
	[ "$(state_of m/x.img)" = "$before" ]
	[ "$(ls -A m)" = x.img ]
}

@test "archive: an interrupted job leaves the original unchanged" {
	local signal run

	head -c 8M /dev/urandom >x.img
	before=$(state_of x.img)
	for signal in INT TERM HUP; do
		env --default-signal img-archive --bwlimit 512K x.img >"$OUT" 2>"$ERR" 3>&- &
		run=$!
		wait_until 10 test -e .x.img.lzo.img-tools
		kill -$signal $run
		status=0
		wait $run || status=$?
		[ "$status" -gt 128 ]
		[ "$(kill -l $((status - 128)))" = $signal ]
		wait_until 10 no_process
		[ "$(state_of x.img)" = "$before" ]
		[ "$(ls -A)" = x.img ]
	done
}

@test "archive: an image that is written to meanwhile is not archived" {
	local run

	head -c 8M /dev/urandom >x.img
	img-archive --bwlimit 4M x.img >"$OUT" 2>"$ERR" 3>&- &
	run=$!
	wait_until 10 test -e .x.img.lzo.img-tools
	printf X | put x.img 8000000
	cp x.img y.img
	status=0
	wait $run || status=$?
	[ "$status" != 0 ]
	one_line 'img-archive: x.img: '
	same x.img y.img
	[ ! -e x.img.lzo ]
}

@test "archive: the original is deleted last" {
	cp "$IMAGE" x.img
	strace -f -qq -o trace -e trace=fsync,rename,renameat,renameat2,unlink,unlinkat \
		env ASAN_OPTIONS=detect_leaks=0 "$IMG_BUILD/bin/img-archive" x.img
	[ "$(grep -v ENOENT trace | grep -oE 'fsync|rename|unlink' | tr '\n' ' ')" = \
		'fsync rename fsync unlink fsync ' ]
}

@test "archive --verbose, --progress=json, --bwlimit, --jobs" {
	cp "$IMAGE" x.img
	try img-archive -v x.img
	[ "$status" = 0 ]
	one_line 'img-archive: archived x.img '
	cp "$IMAGE" y.img
	try img-archive --progress=json --bwlimit 16M -j 2 y.img
	[ "$status" = 0 ]
	grep '^{' "$ERR" | jq -s -e 'map(select(.total)) | length > 0 and all(.total == 8388608 and .done <= .total)'
	archived "$IMAGE" y.img
}

@test "archive: lzop -d gives the mode and the time of the original" {
	local mode

	for mode in 640 4755; do
		cp "$IMAGE" x.img
		chmod $mode x.img
		touch -d '2001-02-03 04:05:06.7' x.img
		succeeds img-archive x.img
		touch x.img.lzo
		chmod 600 x.img.lzo
		lzop -d x.img.lzo
		same x.img "$IMAGE"
		[ "$(stat -c '%a %Y' x.img)" = "$((mode % 1000)) $(date -d '2001-02-03 04:05:06' +%s)" ]
		rm x.img.lzo x.img
	done
}

@test "archive: what was written is decoded before the original is deleted" {
	traced_build -e trace=pwrite64,read,unlinkat
	seq 1 900000 >x.img
	cp x.img y.img
	# One byte that is written to the middle of the archive is another one.
	echo '-einject=pwrite64:poke_enter=@arg2=5a5a5a5a:when=2' >"$INJECT"
	try "$TRACED/bin/img-archive" -q x.img
	[ "$status" = 8 ]
	says 'img-archive: x.img: the new archive: '
	same x.img y.img
	[ "$(ls)" = "$(printf 'x.img\ny.img')" ]
	# That this is damage is proved by -k, which does not decode it.
	try "$TRACED/bin/img-archive" -k x.img
	[ "$status" = 0 ]
	run ! lzop -t x.img.lzo
	rm x.img.lzo
	: >"$INJECT"
	try "$TRACED/bin/img-archive" x.img
	[ "$status" = 0 ]
	[ ! -e x.img ]
	lzop -t x.img.lzo
	lzop -dc x.img.lzo | cmp - y.img
}

@test "archive: wrong command lines" {
	refuses 2 '' img-archive
	refuses 2 '' img-archive -
	refuses 2 '' img-archive ''
	refuses 2 '' img-archive --nonsense x.img
	succeeds img-archive --help
	succeeds img-archive --usage
	succeeds img-archive --version
}

@test "archive --json, unarchive --json: every key" {
	cp "$IMAGE" x.img
	cp "$IMAGE" y.img
	succeeds img-archive --json x.img
	json '(.source == "x.img") and .path == $path and .capacity == 8388608 and
		.data_bytes + .hole_bytes == .capacity and .digest == $digest and .kept == false and
		(has("dry_run") | not)' --arg path "$DIR/x.img.lzo" --arg digest "$(digest_of y.img)"
	succeeds img-archive --json -n y.img
	json '.path == $path and .digest == null and .dry_run' --arg path "$DIR/y.img.lzo"
	lzop -U y.img
	try img-unarchive --json "a:$DIR/y.img.lzo" no.lzo x.img.lzo
	[ "$status" = 3 ]
	json 'map([.path, .kept]) == [[$y, true], [$x, false]]' --arg x "$DIR/x.img" \
		--arg y "$DIR/y.img"
}
