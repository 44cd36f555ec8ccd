#!/usr/bin/env bats
# img-copy: files, archives and streams, on this host, to, from and between remote hosts.

# shellcheck disable=SC2030,SC2031 # each test is a subshell
load common

setup_file() { img_setup_file a b; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# The copy is complete, private and fully allocated.
is_copy() {
	same "$1" "$2"
	[ "$(stat -c '%a %F' "$2")" = "600 regular file" ]
	[ "$(allocated "$2")" -ge "$(stat -L -c %s "$2")" ]
}

# The archive is one that stock lzop tests and unpacks.
is_archive() {
	lzop -t "$2"
	lzop -dc "$2" | same "$1" -
}

@test "copy: on this host" {
	succeeds img-copy "$IMAGE" y.img
	[ ! -s "$OUT" ]
	is_copy "$IMAGE" y.img
}

@test "copy: to a host" {
	succeeds img-copy "$IMAGE" "a:$DIR/y.img"
	[ ! -s "$OUT" ]
	is_copy "$IMAGE" y.img
}

@test "copy: from a host" {
	succeeds img-copy "a:$IMAGE" y.img
	is_copy "$IMAGE" y.img
}

@test "copy: within a host" {
	succeeds img-copy --json "a:$IMAGE" "a:$DIR/y.img"
	json '.wire_bytes == 0'
	is_copy "$IMAGE" y.img
}

@test "copy: from one host to another" {
	succeeds img-copy --json "a:$IMAGE" "b:$DIR/y.img"
	json '.wire_bytes > 0'
	is_copy "$IMAGE" y.img
}

@test "copy: from standard input" {
	succeeds img-copy - y.img < <(cat "$IMAGE")
	is_copy "$IMAGE" y.img
	succeeds img-copy - z.img <"$IMAGE"
	is_copy "$IMAGE" z.img
	succeeds img-copy - "a:$DIR/a.img" < <(cat "$IMAGE")
	is_copy "$IMAGE" a.img
}

@test "copy: from and to what a shell passes for a command" {
	succeeds img-copy <(cat "$IMAGE") y.img
	is_copy "$IMAGE" y.img
	succeeds img-copy --archive <(cat "$IMAGE") "a:$DIR/y.lzo"
	lzop -dc y.lzo | cmp - "$IMAGE"
	succeeds img-copy <(cat y.lzo) "a:$DIR/z.img"
	is_copy "$IMAGE" z.img
	succeeds img-copy "$IMAGE" >(cat >z.out; echo y >z.done)
	wait_until 10 test -s z.done
	same "$IMAGE" z.out
	succeeds img-copy /dev/stdin w.img <y.img
	is_copy "$IMAGE" w.img
	try img-copy "a:$IMAGE" /dev/stdout
	[ "$status" = 0 ]
	same "$IMAGE" "$OUT"
	refuses 8 '' img-copy <(true) v.img
	says 'standard input ended before its first byte'
	refuses 2 '' img-info <(cat "$IMAGE")
	says 'is no image, but standard input or output'
	# What it is for decides, not how it is open.
	succeeds img-copy "$IMAGE" /dev/fd/5 5<>both
	[ ! -s "$OUT" ]
	same "$IMAGE" both
	refuses 2 /dev/fd/5 img-copy /dev/fd/5 v.img 5>only
	says 'is not open for reading'
	refuses 2 /dev/fd/5 img-copy "$IMAGE" /dev/fd/5 5<only
	says 'is not open for writing'
	refuses 3 /dev/fd/999 img-copy /dev/fd/999 v.img
	mkfifo fifo
	refuses 4 fifo img-copy fifo v.img
	[ ! -e v.img ]
}

@test "copy: to standard output, and nothing else is written there" {
	succeeds img-copy "$IMAGE" -
	same "$IMAGE" "$OUT"
	succeeds img-copy "a:$IMAGE" -
	same "$IMAGE" "$OUT"
	try img-copy -v --progress=always "$IMAGE" -
	[ "$status" = 0 ]
	same "$IMAGE" "$OUT"
}

@test "copy: from standard input to standard output" {
	make_sparse x.img
	succeeds img-copy - - <x.img
	same x.img "$OUT"
	succeeds img-copy --archive - - <x.img
	is_archive x.img "$OUT"
}

@test "copy: empty, tiny, and odd lengths" {
	local length

	for length in 0 1 511 $((BLOCK - 1)) $BLOCK $((BLOCK + 1)) $((3 * BLOCK)); do
		head -c "$length" /dev/urandom >"x$length"
		succeeds img-copy "x$length" "y$length"
		same "x$length" "y$length"
		succeeds img-copy --archive "x$length" "z$length"
		is_archive "x$length" "z$length"
		succeeds img-copy "z$length" "w$length"
		same "x$length" "w$length"
		[ "$length" != 0 ] || continue
		succeeds img-copy - "v$length" <"x$length"
		same "x$length" "v$length"
	done
	succeeds img-copy x0 "a:$DIR/r0"
	same x0 r0
	succeeds img-copy "a:$DIR/x$((BLOCK + 1))" r1
	same "x$((BLOCK + 1))" r1
}

@test "copy: holes of the source read as zeros, and the copy is fully allocated" {
	make_sparse x.img
	[ "$(allocated x.img)" -lt 2000000 ]
	succeeds img-copy x.img y.img
	is_copy x.img y.img
	succeeds img-copy x.img "a:$DIR/a.img"
	is_copy x.img a.img
	succeeds img-copy "a:$DIR/x.img" "b:$DIR/b.img"
	is_copy x.img b.img
}

@test "copy --sparse: holes stay holes, and blocks of zeros become holes" {
	local target most

	make_sparse x.img
	# Blocks that contain data: 0 and 1, 10, 16.
	most=$((4 * BLOCK + 8192))
	succeeds img-copy --sparse x.img y.img
	succeeds img-copy --sparse x.img "a:$DIR/a.img"
	succeeds img-copy --sparse "a:$DIR/x.img" "b:$DIR/b.img"
	succeeds img-copy --sparse - s.img <x.img
	succeeds img-copy --archive x.img x.lzo
	succeeds img-copy --sparse x.lzo l.img
	for target in y.img a.img b.img s.img l.img; do
		same x.img $target
		[ "$(allocated $target)" -le $most ]
		[ "$(allocated $target)" -ge 350000 ]
	done
}

@test "copy --sparse: an image of zeros takes no space" {
	truncate -s 100G huge.img
	succeeds img-copy --json --sparse huge.img "a:$DIR/y.img"
	json '.capacity == 107374182400 and .hole_bytes == 107374182400 and .data_bytes == 0 and
		.wire_bytes < 10000'
	[ "$(allocated y.img)" = 0 ]
	[ "$(stat -c %s y.img)" = 107374182400 ]
}

@test "copy --archive: lzop tests and unpacks it, wherever it was made" {
	make_sparse x.img
	succeeds img-copy --archive x.img y.lzo
	is_archive x.img y.lzo
	[ "$(stat -c %a y.lzo)" = 600 ]
	succeeds img-copy -a x.img "a:$DIR/a.lzo"
	is_archive x.img a.lzo
	succeeds img-copy --archive "a:$DIR/x.img" b.lzo
	is_archive x.img b.lzo
	succeeds img-copy --archive "a:$DIR/x.img" "b:$DIR/c.lzo"
	is_archive x.img c.lzo
	succeeds img-copy --archive "a:$DIR/x.img" "a:$DIR/d.lzo"
	is_archive x.img d.lzo
	succeeds img-copy --archive - e.lzo <x.img
	is_archive x.img e.lzo
	succeeds img-copy --archive x.img -
	is_archive x.img "$OUT"
	succeeds img-copy --archive "a:$DIR/x.img" -
	is_archive x.img "$OUT"
}

@test "copy --archive: DST is an archive whatever its name" {
	succeeds img-copy --archive "$IMAGE" y.img
	is_archive "$IMAGE" y.img
}

@test "copy --archive: lzop restores the image's name and reads our header" {
	cp "$IMAGE" disk.img
	succeeds img-copy --archive disk.img disk.img.lzo
	mkdir out
	mv disk.img.lzo out/renamed.lzo
	(cd out && lzop -dN renamed.lzo)
	same disk.img out/disk.img
	lzop -l out/renamed.lzo | grep -w 8388608
}

@test "copy --archive: lzop -d gives the time of the original" {
	local words

	cp "$IMAGE" x.img
	chmod 644 x.img
	touch -d 2001-02-03 x.img
	for words in "x.img y.img.lzo" "x.img a:$DIR/y.img.lzo" "a:$DIR/x.img b:$DIR/y.img.lzo" \
		"a:$DIR/x.img a:$DIR/y.img.lzo"; do
		# shellcheck disable=SC2086 # several words
		succeeds img-copy --archive $words
		lzop -d y.img.lzo
		same x.img y.img
		[ "$(stat -c '%a %Y' y.img)" = "600 $(date -d 2001-02-03 +%s)" ]
		# Also of an archive that is made from this one.
		touch y.img.lzo
		succeeds img-copy --archive y.img.lzo z.img.lzo
		lzop -d z.img.lzo
		[ "$(stat -c %Y z.img)" = "$(date -d 2001-02-03 +%s)" ]
		rm y.img y.img.lzo z.img z.img.lzo
	done
	img-copy --archive x.img - >y.lzo
	lzop -d y.lzo
	[ "$(stat -c %Y y)" = "$(date -d 2001-02-03 +%s)" ]
}

@test "copy: an archive is unpacked, wherever it is" {
	make_sparse x.img
	succeeds img-copy --archive x.img x.lzo
	mv x.lzo named.img # the content decides
	succeeds img-copy named.img y.img
	is_copy x.img y.img
	succeeds img-copy named.img "a:$DIR/a.img"
	is_copy x.img a.img
	succeeds img-copy "a:$DIR/named.img" b.img
	is_copy x.img b.img
	succeeds img-copy "a:$DIR/named.img" "b:$DIR/c.img"
	is_copy x.img c.img
	succeeds img-copy "a:$DIR/named.img" "a:$DIR/d.img"
	is_copy x.img d.img
	succeeds img-copy - e.img <named.img
	is_copy x.img e.img
	succeeds img-copy - "a:$DIR/f.img" <named.img
	is_copy x.img f.img
	succeeds img-copy named.img -
	same x.img "$OUT"
	succeeds img-copy "a:$DIR/named.img" -
	same x.img "$OUT"
}

@test "copy --archive: an archive stays an archive, on every host" {
	make_sparse x.img
	succeeds img-copy --archive x.img x.lzo
	succeeds img-copy --archive x.lzo y.lzo
	is_archive x.img y.lzo
	succeeds img-copy --archive x.lzo "a:$DIR/a.lzo"
	is_archive x.img a.lzo
	succeeds img-copy --archive "a:$DIR/x.lzo" "b:$DIR/b.lzo"
	is_archive x.img b.lzo
	lzop -9 -o z.lzo x.img
	succeeds img-copy --archive z.lzo "a:$DIR/z2.lzo"
	is_archive x.img z2.lzo
}

@test "copy: lzop's archives of every method, level, checksum and name" {
	local level flags

	make_sparse x.img
	for level in 1 2 3 4 5 6 7 8 9; do
		succeeds_to_unpack -$level
	done
	for flags in --no-checksum --crc32 --checksum '--checksum --crc32' --no-name --name -P \
		'--no-checksum --no-name' '-1 --crc32' '-9 --checksum --crc32' '-9 --no-checksum'; do
		# shellcheck disable=SC2086 # several flags
		succeeds_to_unpack $flags
	done
	lzop -c <x.img >stdin.lzo
	succeeds img-copy stdin.lzo stdin.img
	same x.img stdin.img
	lzop -o remote.lzo --crc32 --checksum -8 x.img
	succeeds img-copy "a:$DIR/remote.lzo" "b:$DIR/remote.img"
	same x.img remote.img
	succeeds img-copy - piped.img <remote.lzo
	same x.img piped.img
}

succeeds_to_unpack() {
	lzop "$@" -f -o their.lzo x.img
	succeeds img-copy --json their.lzo their.img
	json ".digest == \"$(x_digest)\""
	same x.img their.img
	rm their.lzo their.img
}

x_digest() {
	[ -e x.digest ] || digest_of x.img >x.digest
	cat x.digest
}

@test "copy --overwrite: the new content, with the old owner and mode" {
	local source target

	for source in "$IMAGE" "a:$IMAGE"; do
		for target in y.img "a:$DIR/y.img"; do
			echo old >y.img
			chmod 604 y.img
			[ "$(id -u)" != 0 ] || chown 1234:567 y.img
			before=$(stat -c '%u %g %a' y.img)
			succeeds img-copy --overwrite "$source" "$target"
			same "$IMAGE" y.img
			[ "$(stat -c '%u %g %a' y.img)" = "$before" ]
			rm y.img
		done
	done
}

@test "copy --overwrite: a target that does not exist" {
	succeeds img-copy --overwrite "$IMAGE" y.img
	is_copy "$IMAGE" y.img
}

@test "copy --overwrite: with a smaller and a larger image, and with an archive" {
	truncate -s 20M y.img
	succeeds img-copy --overwrite "$IMAGE" y.img
	same "$IMAGE" y.img
	succeeds img-copy --overwrite --archive "$IMAGE" y.img
	is_archive "$IMAGE" y.img
	succeeds img-copy --overwrite --sparse "$IMAGE" y.img
	same "$IMAGE" y.img
}

@test "copy --overwrite: a file with several links only with --allow-links" {
	echo old >y.img
	ln y.img other
	refuses 4 y.img img-copy --overwrite "$IMAGE" y.img
	[ "$(cat y.img)" = old ]
	succeeds img-copy --overwrite --allow-links "$IMAGE" y.img
	same "$IMAGE" y.img
	[ "$(cat other)" = old ]
}

@test "copy --overwrite: refuses an image in use" {
	echo old >y.img
	exec 5>>y.img
	refuses 5 y.img img-copy --overwrite "$IMAGE" y.img
	refuses 5 "a:$DIR/y.img" img-copy --overwrite "$IMAGE" "a:$DIR/y.img"
	exec 5>&-
	[ "$(cat y.img)" = old ]
}

@test "copy --json: every key, its type, and sums" {
	make_sparse x.img
	for target in "$DIR/y.img" "a:$DIR/a.img" "b:$DIR/b.img"; do
		succeeds img-copy --json "a:$DIR/x.img" "${target#"$DIR/"}"
		json 'keys == (["source", "target", "capacity", "data_bytes", "hole_bytes", "wire_bytes",
			"seconds", "digest", "consistent", "snapshot", "compressed_blocks",
			"stored_blocks"] | sort)'
		json '.source == $source and .target == $target' --arg source "a:$DIR/x.img" \
			--arg target "$target"
		json '.capacity == $size and .data_bytes + .hole_bytes == $size' \
			--argjson size "$(stat -c %s x.img)"
		json ".data_bytes == $(data_bytes x.img)" # written zeros do not count
		json '(.seconds | type == "number") and .consistent == true and .snapshot == null'
		json '(.wire_bytes > 0) == $remote' \
			--argjson remote "$([[ $target == a:* ]] && echo false || echo true)"
		json '[.compressed_blocks, .stored_blocks] | all(type == "number" and . >= 0)'
	done
}

@test "copy --json: the digest does not depend on how the image is stored" {
	local want

	make_sparse x.img
	want=$(digest_of x.img)
	[ ${#want} = 32 ]
	for words in 'x.img raw' '--archive x.img ours.lzo' '--sparse x.img sparse' \
		"x.img a:$DIR/remote" "a:$DIR/x.img b:$DIR/relayed" "a:$DIR/x.img a:$DIR/within" \
		'ours.lzo unpacked' "ours.lzo a:$DIR/unpacked2" "--archive ours.lzo a:$DIR/again.lzo" \
		'--compress=never sparse same' "--archive a:$DIR/relayed more.lzo"; do
		# shellcheck disable=SC2086 # several words
		succeeds img-copy --json $words
		json ".digest == \"$want\""
	done
	succeeds img-copy --json - stdin <x.img
	json ".digest == \"$want\""
	succeeds img-copy --json "$IMAGE" image
	json ".digest == \"$(digest_of "$IMAGE")\""
	truncate -s 3M zeros
	succeeds img-copy --json zeros zeros2
	json ".digest == \"$(digest_of zeros)\""
}

@test "copy --json: with - as target is a usage error" {
	refuses 2 '' img-copy --json "$IMAGE" -
	refuses 2 '' img-copy --json - - </dev/null
}

@test "copy --compress: always, never, auto" {
	seq 1 700000 >x.img
	for target in "a:$DIR/y.img" "b:$DIR/y.img"; do
		succeeds img-copy --json --overwrite --compress=always x.img "$target"
		json '.stored_blocks == 0 and .compressed_blocks == 19 and .wire_bytes < 3000000'
		same x.img y.img
		succeeds img-copy --json --overwrite --compress=never x.img "$target"
		json '.compressed_blocks == 0 and .stored_blocks == 19 and .wire_bytes > 4700000'
		same x.img y.img
		succeeds img-copy --json --overwrite --compress=auto x.img "$target"
		json '.compressed_blocks + .stored_blocks == 19'
		same x.img y.img
	done
	refuses 2 '' img-copy --compress=perhaps x.img z.img
	refuses 2 '' img-copy --compress
}

@test "copy --compress=never: an archive is compressed nevertheless" {
	seq 1 700000 >x.img
	succeeds img-copy --archive --compress=never x.img y.lzo
	is_archive x.img y.lzo
	[ "$(stat -c %s y.lzo)" -lt 3000000 ]
}

@test "copy --compress=always: incompressible data is stored" {
	head -c 1000000 /dev/urandom >x.img
	succeeds img-copy --json --compress=always x.img "a:$DIR/y.img"
	json '.stored_blocks == 4 and .compressed_blocks == 0'
	same x.img y.img
}

@test "copy: several sources into a directory, here and on other hosts" {
	local i to

	for i in 1 2 3; do head -c ${i}M /dev/urandom >$i.img; done
	mkdir here there back
	succeeds img-copy 1.img 2.img "a:$DIR/3.img" here
	succeeds img-copy here/1.img "a:$DIR/here/2.img" here/3.img "b:$DIR/there/"
	succeeds img-copy "b:$DIR/there/1.img" "a:$DIR/there/2.img" back
	for i in 1 2; do
		same $i.img here/$i.img
		same $i.img there/$i.img
		same $i.img back/$i.img
	done
	same 3.img there/3.img
	mkdir archives
	succeeds img-copy --json --archive 1.img 2.img archives
	json --arg d "$DIR" 'map(.source) == ["1.img", "2.img"] and
		map(.target) == [$d + "/archives/1.img.lzo", $d + "/archives/2.img.lzo"]'
	lzop -dc archives/2.img.lzo | cmp - 2.img
}

@test "copy: of several sources all are tried, and the status is that of the first failure" {
	cp "$IMAGE" a.img
	cp "$IMAGE" b.img
	mkdir d
	cp "$IMAGE" d/b.img
	try img-copy --json a.img no.img "a:$DIR/b.img" c.img d
	[ "$status" = 3 ]
	json 'length == 1 and .[0].source == "a.img"'
	same "$IMAGE" d/a.img
	[ "$(wc -l <"$ERR")" = 3 ]
	says 'img-copy: no.img: '
	says 'img-copy: d: '
	says 'img-copy: c.img: '
	rm d/a.img
	try img-copy --json b.img no.img a.img d
	[ "$status" = 6 ]
	json 'length == 1 and .[0].source == "a.img"'
	try img-copy --json no.img none.img d
	[ "$status" = 3 ]
	[ ! -s "$OUT" ]
}

@test "copy: several sources on a host cost one login, also after a failure" {
	local i before

	for i in 1 2 3; do head -c 1M /dev/urandom >$i.img; done
	mkdir d
	cp 2.img d/2.img
	before=$(sshd_logins a)
	try img-copy --json 1.img 2.img no.img 3.img "a:$DIR/d"
	[ "$status" = 6 ]
	same 1.img d/1.img
	same 3.img d/3.img
	# What an earlier copy has sent is not counted again.
	json 'length == 2 and all(.wire_bytes > 1048576 and .wire_bytes < 1200000)'
	# A failure before the first byte keeps the connection, so there is no other login.
	[ "$(sshd_logins a)" = $((before + 1)) ]
	before=$(sshd_logins a)
	mkdir back
	succeeds img-copy --json "a:$DIR/1.img" "a:$DIR/2.img" "a:$DIR/3.img" back
	json 'length == 3 and all(.wire_bytes > 1048576 and .wire_bytes < 1200000)'
	for i in 1 2 3; do same $i.img back/$i.img; done
	[ "$(sshd_logins a)" = $((before + 1)) ]
	before=$(sshd_logins a)
	mkdir there
	succeeds img-copy "a:$DIR/1.img" "a:$DIR/2.img" "a:$DIR/there"
	[ "$(sshd_logins a)" = $((before + 1)) ]
}

@test "copy: a dry run and refused targets cost one connection to a host, too" {
	local words

	printf '%s\n' '#!/bin/sh' 'for a; do last=$a; done' 'echo run >>runs' 'exec sh -c "$last"' >rsh
	chmod 755 rsh
	for words in 1 2 3; do head -c 100K /dev/urandom >$words.img; done
	mkdir d full
	cp ./*.img full
	for words in "1.img 2.img 3.img h:$DIR/d" "h:$DIR/1.img h:$DIR/2.img h:$DIR/3.img d"; do
		rm -f runs
		# shellcheck disable=SC2086 # words
		succeeds env img-copy -n --rsh ./rsh $words
		[ "$(grep -c '^would copy' "$OUT")" = 3 ]
		[ "$(wc -l <runs)" = 1 ]
	done
	for words in "1.img 2.img 3.img h:$DIR/full" "h:$DIR/1.img h:$DIR/2.img h:$DIR/3.img full"; do
		rm -f runs
		# shellcheck disable=SC2086 # words
		try env img-copy --rsh ./rsh $words
		[ "$status" = 6 ]
		[ "$(grep -c 'exists already' "$ERR")" = 3 ]
		[ "$(wc -l <"$ERR")" = 3 ]
		[ "$(wc -l <runs)" = 1 ]
	done
	[ -z "$(ls d)" ]
}

@test "copy: several sources need a container, and names of their own" {
	local where

	cp "$IMAGE" a.img
	cp "$IMAGE" b.img
	cp "$IMAGE" c.img
	mkdir other d
	cp "$IMAGE" other/a.img
	state_of c.img >before
	for where in '' "a:$DIR/"; do
		for words in '' --overwrite; do
			try img-copy $words a.img b.img "${where}c.img"
			[ "$status" = 4 ]
			says "img-copy: ${where}c.img: is not a directory or volume group"
			state_of c.img | diff before -
			try img-copy $words a.img b.img "${where}new"
			[ "$status" = 3 ]
			says "img-copy: ${where}new: there is no such directory or volume group"
			[ ! -e new ]
			try img-copy $words a.img b.img "${where}no/"
			[ "$status" = 3 ]
		done
	done
	refuses 2 '' img-copy --overwrite a.img "a:$DIR/other/a.img" d
	says 'have the same name'
	refuses 2 '' img-copy a.img - d
	refuses 2 '' img-copy a.img b.img -
	refuses 2 '' img-copy a.img 'b c:x' d
	[ -z "$(ls d)" ]
}

@test "copy: two sources that could become one image, as .lzo is added and removed" {
	local words

	head -c 50000 /dev/urandom >a
	head -c 60000 /dev/urandom >t
	mkdir d
	succeeds img-copy --archive t a.lzo
	cp a.lzo a.lzo.lzo
	for words in '' --archive -n; do
		refuses 2 '' img-copy --overwrite $words a t a.lzo d
		says 'a and a.lzo may become one image'
		refuses 2 '' img-copy --overwrite $words "a:$DIR/a.lzo" a d
		refuses 2 '' img-copy --overwrite $words a.lzo a.lzo.lzo d
		refuses 2 '' img-copy --overwrite $words a.lzo t "a:$DIR/a.lzo" d
		says 'have the same name'
	done
	[ -z "$(ls d)" ]
	succeeds img-copy --as-is a a.lzo d
	same a d/a
	same a.lzo d/a.lzo
	succeeds img-copy --as-is --archive a.lzo.lzo a.lzo d
	lzop -dc d/a.lzo.lzo | cmp - a.lzo
	lzop -dc d/a.lzo.lzo.lzo | cmp - a.lzo.lzo
	mkdir e
	succeeds img-copy a t a.lzo.lzo e
	same a e/a
	same t e/a.lzo
}

@test "copy -n --overwrite: says what would be replaced" {
	local where

	cp "$IMAGE" x.img
	cp "$IMAGE" y.img
	state_of y.img >before
	for where in '' "a:$DIR/"; do
		succeeds img-copy -n --overwrite x.img "${where}y.img"
		[ "$(cat "$OUT")" = "would replace ${where:-$DIR/}y.img with x.img, 8 MiB" ]
		succeeds img-copy -n --overwrite x.img "${where}new.img"
		[ "$(cat "$OUT")" = "would copy x.img to ${where:-$DIR/}new.img, 8 MiB" ]
		succeeds img-write -n x.img "${where}y.img"
		[ "$(cat "$OUT")" = "would write x.img to ${where:-$DIR/}y.img, 8 MiB" ]
	done
	state_of y.img | diff before -
	[ ! -e new.img ]
}

@test "copy --progress=json: the last object says how it ended" {
	local command

	for command in "img-copy $IMAGE y.img" "img-copy --overwrite $IMAGE a:$DIR/y.img" \
		"img-write $IMAGE y.img" "img-verify y.img" "img-verify y.img a:$DIR/y.img" \
		'img-archive y.img' 'img-unarchive y.img.lzo'; do
		# shellcheck disable=SC2086 # words
		try ${command%% *} --progress=json ${command#* }
		[ "$status" = 0 ]
		grep '^{' "$ERR" | jq -s -e '.[-1].phase == "done" and .[-1].done == 8388608 and
			.[-1].total == 8388608 and .[-1].eta == 0 and (map(select(.phase == "done")) | length) == 1 and
			all(keys == ["done", "eta", "phase", "rate", "total", "wire"])'
		[[ $(tail -n 1 "$ERR") == '{'* ]]
	done
	for command in "img-copy no.img z.img" "img-copy $IMAGE y.img" "img-copy a:$DIR/no.img z.img" \
		"img-write $IMAGE no.img" 'img-verify no.img' 'img-archive no.img'; do
		# shellcheck disable=SC2086
		try ${command%% *} --progress=json ${command#* }
		[ "$status" != 0 ]
		[ "$(grep -c '^{' "$ERR")" = 1 ]
		grep '^{' "$ERR" | jq -e '.phase == "failed"'
	done
	cp "$IMAGE" 1.img
	cp "$IMAGE" 2.img
	mkdir d
	try img-copy --progress=json 1.img no.img 2.img d
	[ "$status" = 3 ]
	grep '^{' "$ERR" | jq -s -e 'map(.phase) | index("done") == null and .[-1] == "failed"'
	try timeout -s INT 1 img-copy --progress=json --bwlimit 1M "$IMAGE" long.img
	grep '^{' "$ERR" | jq -s -e '.[-1].phase == "failed" and .[-1].total == 8388608'
	[ ! -e long.img ]
}

@test "copy --progress=json: a slow reader gets the last object, too" {
	local pid

	mkfifo pipe
	exec 5<>pipe
	dd if=/dev/zero of=/dev/fd/5 bs=64k count=1 oflag=nonblock status=none || true
	img-copy --progress=json "$IMAGE" y.img 2>&5 3>&- &
	pid=$!
	exec 6<pipe 5>&-
	wait_until 10 test -e y.img
	tr -d '\0' <&6 >"$OUT"
	wait $pid
	[ "$(tail -n 1 "$OUT" | jq -r .phase)" = 'done' ]
}

@test "copy --progress=json: one object per line on standard error" {
	local lines

	try img-copy --progress=json --bwlimit 8M "$IMAGE" "a:$DIR/y.img"
	[ "$status" = 0 ]
	[ ! -s "$OUT" ]
	grep -v '^{' "$ERR" >"$OUT" || true
	grep '^{' "$ERR" >lines
	[ "$(wc -l <lines)" -ge 1 ]
	while read -r line; do
		jq -e 'keys == ["done", "eta", "phase", "rate", "total", "wire"] and
			(.phase | type == "string") and .total == 8388608 and
			([.done, .rate, .wire] | all(type == "number")) and .done <= .total' <<<"$line"
	done <lines
}

@test "copy --progress=json: the time left counts data, not holes" {
	local to

	head -c 6M /dev/urandom >x.img
	truncate -s 4G x.img
	for to in y.img "a:$DIR/y.img"; do
		try img-copy --sparse --progress=json --bwlimit 4M x.img "$to"
		[ "$status" = 0 ]
		grep '^{' "$ERR" | jq -s -e 'map(select(.eta != null)) | length > 0 and all(.eta <= 3)'
		grep '^{' "$ERR" | jq -s -e 'all(.rate < 40000000) and .[0].total == 4294967296'
		rm y.img
	done
}

@test "copy --progress=json: with an unknown length" {
	(head -c 1000000 /dev/urandom; wait_until 2 false || true; head -c 1000000 /dev/urandom) |
		try_piped img-copy --progress=json - y.img
	[ "$(stat -c %s y.img)" = 2000000 ]
	grep '^{' "$ERR" | grep -v '"done", ' | jq -s -e 'length > 0 and all(.total == null and .eta == null)'
	grep '^{' "$ERR" | tail -n 1 | jq -e '.phase == "done" and .total == 2000000'
}

try_piped() {
	"$@" >"$OUT" 2>"$ERR"
}

@test "copy --progress=always: a live line, and a summary" {
	try img-copy --progress=always --bwlimit 16M "$IMAGE" y.img
	[ "$status" = 0 ]
	[ ! -s "$OUT" ]
	grep -q '%' "$ERR"
	try img-copy --progress=never "$IMAGE" z.img
	[ "$status" = 0 ]
	[ ! -s "$ERR" ]
	refuses 2 '' img-copy --progress=sometimes "$IMAGE" w.img
}

@test "copy --verbose: prints what was done" {
	try img-copy -v "$IMAGE" "a:$DIR/y.img"
	[ "$status" = 0 ]
	[ ! -s "$OUT" ]
	says "$DIR/y.img"
	says '8 MiB'
}

@test "copy --dry-run: prints the resolved target and the size, and changes nothing" {
	local target

	mkdir d
	for target in "$DIR/y.img" "a:$DIR/y.img"; do
		succeeds img-copy -n "$IMAGE" "${target#"$DIR/"}"
		grep -F " to $target, 8 MiB" "$OUT"
		[ ! -e y.img ]
	done
	succeeds img-copy -n --archive "a:$IMAGE" d
	grep -F " to $DIR/d/image.lzo, 8 MiB" "$OUT"
	[ -z "$(ls -A d)" ]
	echo old >y.img
	succeeds img-copy -n --overwrite "$IMAGE" y.img
	[ "$(cat y.img)" = old ]
	try img-copy -n "$IMAGE" -
	[ "$status" = 0 ]
	[ ! -s "$OUT" ]
	refuses 6 y.img img-copy -n "$IMAGE" y.img
	refuses 6 "a:$DIR/y.img" img-copy -n "$IMAGE" "a:$DIR/y.img"
	refuses 3 no.img img-copy -n no.img z.img
	refuses 3 no/z.img img-copy -n "$IMAGE" no/z.img
	[ "$(ls -A)" = "d
y.img" ]
}

@test "copy --dry-run --json: the target, as JSON" {
	succeeds img-copy -n --json "$IMAGE" "a:$DIR/y.img"
	json '.target == $target and .capacity == 8388608' --arg target "a:$DIR/y.img"
	[ ! -e y.img ]
}

@test "copy: into a directory, under the source's name" {
	local target

	mkdir d
	cp "$IMAGE" disk.img
	for target in d d/ "a:$DIR/d" "a:$DIR/d/"; do
		succeeds img-copy --json disk.img "$target"
		json '.target | endswith("d/disk.img")'
		is_copy disk.img d/disk.img
		rm d/disk.img
		succeeds img-copy --archive disk.img "$target"
		is_archive disk.img d/disk.img.lzo
		succeeds img-copy d/disk.img.lzo "$target"
		is_copy disk.img d/disk.img
		rm d/*
	done
	succeeds img-copy "a:$DIR/disk.img" d
	is_copy disk.img d/disk.img
	refuses 6 d img-copy disk.img d
	refuses 6 d/ img-copy disk.img d/
}

@test "copy: .lzo is added and removed according to the content" {
	mkdir d
	cp "$IMAGE" x.lzo # a raw image
	succeeds img-copy x.lzo d/
	same x.lzo d/x.lzo
	succeeds img-copy --archive x.lzo d/
	is_archive x.lzo d/x.lzo.lzo
	rm d/*
	succeeds img-copy --archive x.lzo real.lzo
	succeeds img-copy --archive real.lzo d/
	is_archive x.lzo d/real.lzo
	cp real.lzo real # an archive without the suffix
	succeeds img-copy real d/
	same x.lzo d/real
}

@test "copy: an existing target is named, even if only its directory was given" {
	mkdir d
	cp "$IMAGE" x.img
	touch d/x.img
	refuses 6 d/ img-copy x.img d/
	says "'$DIR/d/x.img': exists already"
	refuses 6 "a:$DIR/d" img-copy x.img "a:$DIR/d"
	says "'$DIR/d/x.img': exists already"
	refuses 6 d/x.img img-copy x.img d/x.img
	lacks "$ERR" "'.*exists"
}

@test "copy: a symbolic link as target is not named as if its directory was given" {
	local prefix option

	mkdir d
	cp "$IMAGE" mine
	echo old >d/mine.old
	ln -s "$DIR/d/mine.old" link
	ln -s nowhere dangling
	ln -s "$DIR/d/mine.old" d/mine
	for prefix in '' "a:$DIR/"; do
		for option in --overwrite -n; do
			refuses 4 "${prefix}link" img-copy --overwrite $option mine "${prefix}link"
			one_line "img-copy: ${prefix}link: is a symbolic link"
			refuses 4 "${prefix}dangling" img-copy --overwrite $option mine "${prefix}dangling"
			one_line "img-copy: ${prefix}dangling: is a symbolic link"
			refuses 4 "${prefix}link" img-write ${option/--overwrite/-q} mine "${prefix}link"
			one_line "img-write: ${prefix}link: is a symbolic link"
			refuses 4 "${prefix}d/" img-copy --overwrite $option mine "${prefix}d/"
			one_line "img-copy: ${prefix}d/: '$DIR/d/mine': is a symbolic link"
		done
	done
	[ "$(cat d/mine.old)" = old ]
}

@test "copy: from standard input into a directory needs a name" {
	mkdir d
	refuses 4 d img-copy - d <"$IMAGE"
	refuses 4 d/ img-copy - d/ <"$IMAGE"
	refuses 4 "a:$DIR/d" img-copy - "a:$DIR/d" <"$IMAGE"
	[ -z "$(ls -A d)" ]
}

@test "copy: to and from the login's home directory" {
	local home name=img-copy-$$-$RANDOM

	home=$(getent passwd "$(id -u)" | cut -d: -f6)
	cp "$IMAGE" "$name"
	try img-copy "$name" a:
	same "$name" "$home/$name"
	[ "$status" = 0 ]
	try img-copy "a:$name" y.img
	rm "$home/$name"
	[ "$status" = 0 ]
	same "$name" y.img
}

@test "copy: relative paths, . and .., and ssh://" {
	mkdir -p one/two
	cp "$IMAGE" one/x.img
	cd one/two
	succeeds img-copy ../x.img y.img
	same "$IMAGE" y.img
	succeeds img-copy ../x.img .
	same "$IMAGE" x.img
	succeeds img-copy ./x.img ../..
	same "$IMAGE" ../../x.img
	succeeds img-copy "ssh://a:$(sshd_port a)$DIR/x.img" "ssh://$(id -un)@b$DIR/z.img"
	same "$IMAGE" ../../z.img
	succeeds img-copy --json "$IMAGE" "ssh://a:$(sshd_port a)$DIR"
	json '.target == $target' --arg target "ssh://a:$(sshd_port a)$DIR/image"
}

@test "copy: qcow2 content is copied as it is" {
	local target

	qemu-img convert -f raw -O qcow2 "$IMAGE" x.qcow2
	for target in y.qcow2 "a:$DIR/z.qcow2"; do
		succeeds img-copy --json x.qcow2 "$target"
		json '.capacity == $size' --argjson size "$(stat -c %s x.qcow2)"
		same x.qcow2 "${target##*[:/]}"
		qemu-img compare -f raw -F qcow2 "$IMAGE" "${target##*[:/]}"
		qemu-img check -q "${target##*[:/]}"
	done
	succeeds img-copy --archive x.qcow2 x.lzo
	is_archive x.qcow2 x.lzo
}

@test "copy: a qcow2 image with a backing file gives a warning" {
	local source

	qemu-img create -q -f qcow2 -b "$IMAGE" -F raw x.qcow2
	for source in x.qcow2 "a:$DIR/x.qcow2"; do
		try img-copy "$source" y.qcow2
		[ "$status" = 0 ]
		one_line "img-copy: warning: $source: "
		says "$IMAGE"
		same x.qcow2 y.qcow2
		rm y.qcow2
	done
}

@test "copy: within a host blocks are shared where the file system supports it" {
	truncate -s 320M disk
	mkfs.xfs -q -m reflink=1 disk
	mkdir m
	as_root mount -o loop disk m
	MOUNTS+=("$DIR/m")
	as_root chmod 777 m
	head -c 50M /dev/urandom >m/x.img
	local before after
	before=$(stat -f -c %f m)
	for target in m/y.img "a:$DIR/m/z.img" m/w.img; do
		succeeds img-copy "${target%m/*}m/x.img" "$target"
		same m/x.img "m/${target##*/}"
	done
	after=$(stat -f -c %f m)
	[ $(((before - after) * $(stat -f -c %S m))) -lt 10000000 ]
	succeeds img-copy --json m/x.img m/v.img
	[ "$(jq -r .digest "$OUT")" = "$(img-copy --json m/x.img v.img | jq -r .digest)" ]
}

@test "copy: a source open for writing is refused; --live copies it and warns" {
	local source

	cp "$IMAGE" x.img
	exec 5>>x.img
	for source in x.img "a:$DIR/x.img"; do
		refuses 5 "$source" img-copy "$source" y.img
		[ ! -e y.img ]
		try img-copy --live --json "$source" y.img
		[ "$status" = 0 ]
		json '.consistent == false'
		one_line "img-copy: warning: $source: "
		same "$IMAGE" y.img
		rm y.img
	done
	exec 5>&-
	succeeds img-copy --live --json x.img y.img
	json '.consistent'
}

@test "copy: a mounted source is refused" {
	cp "$IMAGE" x.img
	mkdir m
	as_root mount -o loop x.img m
	MOUNTS+=("$DIR/m")
	refuses 5 x.img img-copy x.img y.img
	[ ! -e y.img ]
}

@test "copy: an unfinished source is refused" {
	cp "$IMAGE" x.img
	touch .x.img.img-tools-unfinished
	refuses 8 x.img img-copy x.img y.img
	refuses 8 "a:$DIR/x.img" img-copy "a:$DIR/x.img" y.img
	rm .x.img.img-tools-unfinished
	[ ! -e y.img ]
}

@test "copy: a block device can be read" {
	local device

	cp "$IMAGE" x.img
	device=$(as_root losetup --show -r -f x.img)
	try img-copy "$device" y.img
	cp "$ERR" said
	as_root losetup -d "$device"
	[ "$status" = 0 ] || cat said
	[ "$status" = 0 ]
	same x.img y.img
}

@test "copy: takes over what a killed job with the same target left" {
	echo rubbish >.y.img.img-tools
	succeeds img-copy "$IMAGE" y.img
	is_copy "$IMAGE" y.img
}

@test "copy: another job is making the same target" {
	mkfifo pipe
	img-copy - y.img <pipe >/dev/null 2>&1 3>&- &
	pid=$!
	exec 5>pipe
	head -c 5000 "$IMAGE" >&5
	wait_until 10 test -e .y.img.img-tools
	refuses 5 y.img img-copy "$IMAGE" y.img
	refuses 5 "a:$DIR/y.img" img-copy "$IMAGE" "a:$DIR/y.img"
	tail -c +5001 "$IMAGE" >&5
	exec 5>&-
	wait $pid
	same "$IMAGE" y.img
}

@test "copy: another program creates the target meanwhile" {
	mkfifo pipe
	try_piped img-copy - y.img <pipe 3>&- &
	pid=$!
	exec 5>pipe
	cat "$IMAGE" >&5
	wait_until 10 test -e .y.img.img-tools
	echo theirs >y.img
	exec 5>&-
	status=0
	wait $pid || status=$?
	[ "$status" = 6 ]
	one_line 'img-copy: y.img: '
	[ "$(cat y.img)" = theirs ]
}

@test "copy --bwlimit: limits the rate" {
	local start=${EPOCHREALTIME/./}

	head -c 1M /dev/urandom >x.img
	succeeds img-copy --bwlimit 2M x.img "a:$DIR/y.img"
	[ $((${EPOCHREALTIME/./} - start)) -gt 300000 ]
	same x.img y.img
	refuses 2 '' img-copy --bwlimit 0 x.img z.img
	refuses 2 '' img-copy --bwlimit fast x.img z.img
}

@test "copy --jobs: any number" {
	local jobs

	make_sparse x.img
	for jobs in 1 2 7; do
		succeeds img-copy -j $jobs x.img "a:$DIR/y$jobs"
		same x.img y$jobs
		succeeds img-copy -j $jobs --archive x.img z$jobs
		is_archive x.img z$jobs
	done
	refuses 2 '' img-copy -j 0 x.img w
	refuses 2 '' img-copy -j many x.img w
}

@test "copy --no-fsync: copies" {
	succeeds img-copy --no-fsync "$IMAGE" "a:$DIR/y.img"
	same "$IMAGE" y.img
}

@test "copy: is synced to disk before it ends" {
	strace -f -qq -o trace -e trace=fsync,rename,renameat,renameat2 \
		-e inject=fsync:delay_exit=1000 env ASAN_OPTIONS=detect_leaks=0 \
		"$IMG_BUILD/bin/img-copy" "$IMAGE" y.img
	[ "$(grep -oE 'fsync|rename' trace | tr '\n' ' ')" = 'fsync rename fsync ' ]
}

@test "copy --rsh: another SSH client" {
	succeeds env img-copy --rsh "ssh -F $SSH_CONFIG" "$IMAGE" "a:$DIR/y.img"
	same "$IMAGE" y.img
	succeeds env img-copy --rsh "ssh -F $SSH_CONFIG" "a:$IMAGE" "b:$DIR/z.img"
	same "$IMAGE" z.img
	refuses 2 '' env img-copy --rsh ssh -F "$SSH_CONFIG" "$IMAGE" "a:$DIR/w.img"
}

@test "copy --helper: a helper that is installed already" {
	succeeds img-copy --helper "$IMG_BUILD/libexec/img-tools/img-helper-$(uname -m)" "$IMAGE" \
		"a:$DIR/y.img"
	same "$IMAGE" y.img
	refuses 7 "a:$DIR/z.img" img-copy --helper /nonexistent "$IMAGE" "a:$DIR/z.img"
	refuses 2 '' img-copy --helper 'a b"c' "$IMAGE" "a:$DIR/z.img"
	says '--helper takes an absolute path without blanks'
}

# A host to which no helper was sent yet.
fresh_host() {
	HOST_MOUNTS=$(hide_helpers) start_host "$1"
}

@test "copy: the helper is sent once and kept in the user's cache, only for that user" {
	local cache=$BATS_FILE_TMPDIR/home-fresh/.cache/img-tools before

	fresh_host fresh
	succeeds img-copy "$IMAGE" "fresh:$DIR/y.img"
	[ "$(stat -c %a "$cache")" = 700 ]
	[ "$(find "$cache" -mindepth 1 | wc -l)" = 1 ]
	same "$cache"/img-helper-* "$IMG_BUILD/libexec/img-tools/img-helper-$(uname -m)"
	before=$(stat -c '%i %Y' "$cache"/*)
	succeeds img-copy --json "$IMAGE" "fresh:$DIR/z.img"
	[ "$(stat -c '%i %Y' "$cache"/*)" = "$before" ]
	sshd_stop fresh
}

@test "copy: a damaged or foreign helper in the cache is replaced and not run" {
	local cache=$BATS_FILE_TMPDIR/home-evil/.cache/img-tools helper

	fresh_host evil
	succeeds img-copy "$IMAGE" "evil:$DIR/y.img"
	helper=$(echo "$cache"/img-helper-*)
	printf 'not the bytes that were sent' >"$helper"
	succeeds img-copy "$IMAGE" "evil:$DIR/z.img"
	same "$IMAGE" z.img
	same "$helper" "$IMG_BUILD/libexec/img-tools/img-helper-$(uname -m)"
	printf '#!/bin/sh\ntouch %s/was-run\nexit 0\n' "$DIR" >"$helper"
	chmod 777 "$cache" # others could have written it
	succeeds img-copy "$IMAGE" "evil:$DIR/w.img"
	same "$IMAGE" w.img
	[ ! -e was-run ]
	sshd_stop evil
}

@test "copy: wrong command lines" {
	refuses 2 '' img-copy
	refuses 2 '' img-copy "$IMAGE"
	refuses 2 '' img-copy --nonsense "$IMAGE" y.img
	refuses 2 '' img-copy --sudo=nobody "$IMAGE" y.img
	refuses 2 '' img-copy --timeout=soon "$IMAGE" "a:$DIR/y.img"
	refuses 2 '' img-copy '' y.img
	refuses 2 '' img-copy "$IMAGE" ''
	refuses 2 '' img-copy "$IMAGE" -- '-oProxyCommand=x:/y'
	refuses 2 '' img-copy "$IMAGE" 'ssh://a:0/y'
	refuses 2 '' img-copy "$IMAGE" '[::1/y:z'
	[ ! -e y.img ]
	succeeds img-copy --help
	succeeds img-copy --usage
	succeeds img-copy --version
}
