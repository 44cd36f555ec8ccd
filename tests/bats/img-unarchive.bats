#!/usr/bin/env bats
# img-unarchive: on this host and on remote hosts.

load common

setup_file() {
	img_setup_file a b
	img-copy --archive "$IMAGE" "$BATS_FILE_TMPDIR/ours.lzo"
	lzop -o "$BATS_FILE_TMPDIR/theirs.lzo" "$IMAGE"
}
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	OURS=$BATS_FILE_TMPDIR/ours.lzo
	THEIRS=$BATS_FILE_TMPDIR/theirs.lzo
}
teardown() { img_teardown; }

@test "unarchive: on this host, and the archive is deleted" {
	cp "$OURS" x.img.lzo
	succeeds img-unarchive x.img.lzo
	[ ! -s "$OUT" ]
	same "$IMAGE" x.img
	[ "$(ls -A)" = x.img ]
}

@test "unarchive: on a host" {
	cp "$OURS" x.img.lzo
	succeeds img-unarchive "a:$DIR/x.img.lzo"
	same "$IMAGE" x.img
	[ "$(ls -A)" = x.img ]
}

@test "unarchive: restores what img-archive packed" {
	make_sparse x.img
	cp x.img y.img
	succeeds img-archive x.img
	succeeds img-unarchive x.img.lzo
	same y.img x.img
	: >empty
	succeeds img-archive "a:$DIR/empty"
	succeeds img-unarchive "a:$DIR/empty.lzo"
	[ "$(stat -c %s empty)" = 0 ]
}

@test "unarchive: the image is fully allocated" {
	make_sparse x.img
	succeeds img-archive x.img
	succeeds img-unarchive x.img.lzo
	[ "$(allocated x.img)" -ge "$(stat -c %s x.img)" ]
}

@test "unarchive: owner, mode and times are kept" {
	local where before

	for where in '' "a:$DIR/"; do
		cp "$OURS" x.img.lzo
		chmod 640 x.img.lzo
		[ "$(id -u)" != 0 ] || chown 1234:567 x.img.lzo
		touch -d '2001-02-03 04:05:06.000000789 UTC' x.img.lzo
		before=$(attributes x.img.lzo)
		succeeds img-unarchive "${where}x.img.lzo"
		[ "$(attributes x.img)" = "$before" ]
		rm x.img
	done
}

@test "unarchive --keep: the archive stays" {
	cp "$OURS" x.img.lzo
	before=$(state_of x.img.lzo)
	succeeds img-unarchive -k x.img.lzo
	same "$IMAGE" x.img
	[ "$(state_of x.img.lzo)" = "$before" ]
	rm x.img
	succeeds img-unarchive --keep "a:$DIR/x.img.lzo"
	same "$IMAGE" x.img
	[ "$(state_of x.img.lzo)" = "$before" ]
}

@test "unarchive: a foreign archive, with neither length nor digest, is kept, with a note" {
	local where

	for where in '' "a:$DIR/"; do
		cp "$THEIRS" x.img.lzo
		before=$(state_of x.img.lzo)
		try img-unarchive "${where}x.img.lzo"
		[ "$status" = 0 ]
		[ "$(wc -l <"$ERR")" = 1 ]
		one_line "img-unarchive: ${where:+a:}$DIR/x.img.lzo: the archive records neither"
		same "$IMAGE" x.img
		[ "$(state_of x.img.lzo)" = "$before" ]
		rm x.img x.img.lzo
	done
}

@test "unarchive: lzop's archives of every kind" {
	local flags

	make_sparse y.img
	for flags in -1 -3 -5 -7 -9 --no-checksum --crc32 '--checksum --crc32' -P; do
		# shellcheck disable=SC2086 # several flags
		lzop $flags -f -o x.img.lzo y.img
		try img-unarchive x.img.lzo
		[ "$status" = 0 ]
		same y.img x.img
		rm x.img x.img.lzo
	done
}

@test "unarchive: several locations on several hosts" {
	for name in x y z; do cp "$OURS" $name.img.lzo; done
	succeeds img-unarchive x.img.lzo "a:$DIR/y.img.lzo" "b:$DIR/z.img.lzo"
	[ "$(ls -A | tr '\n' ' ')" = 'x.img y.img z.img ' ]
}

@test "unarchive: all are tried, and the status is that of the first failure" {
	cp "$IMAGE" raw.lzo
	cp "$OURS" x.img.lzo
	cp "$OURS" y.img.lzo
	try img-unarchive raw.lzo no.lzo x.img.lzo "a:$DIR/no.lzo" "a:$DIR/y.img.lzo"
	[ "$status" = 4 ]
	[ "$(wc -l <"$ERR")" = 3 ]
	same "$IMAGE" x.img
	same "$IMAGE" y.img
	try img-unarchive no.lzo raw.lzo
	[ "$status" = 3 ]
}

@test "unarchive --dry-run: prints what would happen, and changes nothing" {
	cp "$OURS" x.img.lzo
	before=$(state_of x.img.lzo)
	succeeds img-unarchive -n x.img.lzo "a:$DIR/x.img.lzo"
	[ "$(wc -l <"$OUT")" = 2 ]
	grep -F "a:$DIR/x.img.lzo " "$OUT"
	[ "$(ls -A)" = x.img.lzo ]
	[ "$(state_of x.img.lzo)" = "$before" ]
	refuses 3 no.lzo img-unarchive -n no.lzo
	touch x.img
	refuses 6 x.img.lzo img-unarchive -n x.img.lzo
}

@test "unarchive: the image's name is taken" {
	cp "$OURS" x.img.lzo
	echo theirs >x.img
	refuses 6 x.img.lzo img-unarchive x.img.lzo
	says x.img
	refuses 6 "a:$DIR/x.img.lzo" img-unarchive "a:$DIR/x.img.lzo"
	[ "$(cat x.img)" = theirs ]
	same "$OURS" x.img.lzo
}

@test "unarchive: what is not an archive, whatever its name, and a name without .lzo" {
	cp "$IMAGE" raw.lzo
	: >empty.lzo
	qemu-img create -q -f qcow2 q.lzo 1M
	cp "$OURS" x.img
	cp "$OURS" .lzo
	for name in raw.lzo empty.lzo q.lzo x.img .lzo; do
		refuses 4 $name img-unarchive $name
		refuses 4 "a:$DIR/$name" img-unarchive "a:$DIR/$name"
	done
	[ "$(ls -A | tr '\n' ' ')" = '.lzo empty.lzo q.lzo raw.lzo x.img ' ]
}

@test "unarchive: a missing archive, and what is not a file" {
	mkdir d.lzo
	refuses 3 no.lzo img-unarchive no.lzo
	refuses 3 no/x.lzo img-unarchive no/x.lzo
	refuses 3 "a:$DIR/no.lzo" img-unarchive "a:$DIR/no.lzo"
	refuses 4 d.lzo img-unarchive d.lzo
	refuses 4 /dev/null img-unarchive /dev/null
}

@test "unarchive: a symbolic link, a file with several links, a file in use" {
	cp "$OURS" x.img.lzo
	ln -s x.img.lzo link.lzo
	refuses 4 link.lzo img-unarchive link.lzo
	exec 5>>x.img.lzo
	refuses 5 x.img.lzo img-unarchive x.img.lzo
	exec 5>&-
	ln x.img.lzo other
	refuses 4 "a:$DIR/x.img.lzo" img-unarchive "a:$DIR/x.img.lzo"
	succeeds img-unarchive --allow-links x.img.lzo
	same "$IMAGE" x.img
	same "$OURS" other
}

# damaged FILE: refused with 8 on every host, and left unchanged.
damaged() {
	local before

	before=$(state_of "$1")
	refuses 8 "$1" img-unarchive "$1"
	refuses 8 "a:$DIR/$1" img-unarchive "a:$DIR/$1"
	[ "$(state_of "$1")" = "$before" ]
	[ ! -e "${1%.lzo}" ]
	rm "$1"
	[ -z "$(ls -A)" ]
}

@test "unarchive: a header that cannot be parsed, for which there is no --as-is" {
	head -c 12 "$OURS" >x.lzo
	refuses 8 x.lzo img-unarchive x.lzo
	run ! says as-is
	refuses 8 x.lzo img-archive x.lzo
	says 'see --as-is'
}

@test "unarchive: truncated, with a flipped bit, with data after its end" {
	local size

	size=$(stat -c %s "$OURS")
	for cut in 20 100 5000 $((size / 2)) $((size - 4)) $((size - 1)); do
		head -c "$cut" "$OURS" >x.lzo
		damaged x.lzo
	done
	size=$(stat -c %s "$THEIRS")
	for cut in $((size / 2)) $((size - 1)); do
		head -c "$cut" "$THEIRS" >x.lzo
		damaged x.lzo
	done
	cp "$OURS" x.lzo
	printf X | put x.lzo $((size / 2))
	damaged x.lzo
	cat "$OURS" "$OURS" >x.lzo
	damaged x.lzo
	{ cat "$THEIRS" && echo; } >x.lzo
	damaged x.lzo
}

@test "unarchive: a dropped block, and swapped blocks, which lzop -t does not notice" {
	local at

	mapfile -t at < <(lzop_offsets "$OURS" 4 4)
	cat <(head -c "${at[1]}" "$OURS") <(tail -c +$((at[2] + 1)) "$OURS") >x.lzo
	lzop -t x.lzo
	damaged x.lzo
	cat <(head -c "${at[0]}" "$OURS") <(cut_out "$OURS" "${at[1]}" "${at[2]}") \
		<(cut_out "$OURS" "${at[0]}" "${at[1]}") <(tail -c +$((at[2] + 1)) "$OURS") >x.lzo
	lzop -t x.lzo
	damaged x.lzo
}

@test "unarchive: a full disk leaves the archive unchanged" {
	small_fs m 3M
	cp "$OURS" m/x.img.lzo
	before=$(state_of m/x.img.lzo)
	refuses 9 m/x.img.lzo img-unarchive m/x.img.lzo
	refuses 9 "a:$DIR/m/x.img.lzo" img-unarchive "a:$DIR/m/x.img.lzo"
	[ "$(state_of m/x.img.lzo)" = "$before" ]
	[ "$(ls -A m)" = x.img.lzo ]
}

@test "unarchive: without permission" {
	mkdir d
	cp "$OURS" d/x.img.lzo
	chmod 555 d
	refuses 4 d/x.img.lzo without_power img-unarchive d/x.img.lzo
	chmod 755 d
	[ "$(ls -A d)" = x.img.lzo ]
}

@test "unarchive: an interrupted job leaves the archive unchanged" {
	cp "$OURS" x.img.lzo
	img-unarchive --bwlimit 256K x.img.lzo >"$OUT" 2>"$ERR" 3>&- &
	run=$!
	wait_until 10 test -e .x.img.img-tools
	kill -TERM $run
	status=0
	wait $run || status=$?
	[ "$status" = 143 ]
	wait_until 10 no_process
	[ "$(ls -A)" = x.img.lzo ]
	same "$OURS" x.img.lzo
}

@test "unarchive --sparse: zeros are holes; without it, the image has all its space" {
	local where

	make_sparse x.img
	cp x.img want
	for where in '' "a:$DIR/"; do
		succeeds img-archive x.img
		succeeds img-unarchive "${where}x.img.lzo"
		same want x.img
		[ "$(allocated x.img)" -ge "$(stat -c %s want)" ]
		succeeds img-archive x.img
		succeeds img-unarchive --sparse "${where}x.img.lzo"
		same want x.img
		[ "$(allocated x.img)" -lt $((10 * BLOCK)) ]
	done
	refuses 2 '' img-archive --sparse x.img
}

@test "unarchive: wrong command lines" {
	refuses 2 '' img-unarchive
	refuses 2 '' img-unarchive -
	refuses 2 '' img-unarchive ''
	refuses 2 '' img-unarchive --nonsense x.lzo
	succeeds img-unarchive --help
	succeeds img-unarchive --usage
	succeeds img-unarchive --version
}
