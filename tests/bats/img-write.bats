#!/usr/bin/env bats
# img-write: files in place, on this host, to, from and between remote hosts.

load common

setup_file() { img_setup_file a b; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# target FILE [SIZE]: makes an image full of other data.
target() {
	head -c "${2:-9M}" /dev/zero | tr '\0' '\252' >"$1"
}

# filled SOURCE FILE: FILE has the content of SOURCE, and zeros to its end.
filled() {
	local size

	size=$(stat -L -c %s "$1")
	cmp -n "$size" "$1" "$2" &&
		cmp -n $(($(stat -c %s "$2") - size)) -i "$size:0" "$2" /dev/zero &&
		finished "$2"
} >&2

finished() {
	[ "$(img-info --json "$1" | jq .unfinished)" = false ] || {
		echo "$1 is marked as unfinished" >&2
		return 1
	}
}

@test "write: on this host, in place, and the rest is zeroed" {
	local before

	target y.img
	chmod 640 y.img
	[ "$(id -u)" != 0 ] || chown 1234:567 y.img
	before=$(stat -c '%i %u %g %a %s' y.img)
	succeeds img-write "$IMAGE" y.img
	[ ! -s "$OUT" ]
	filled "$IMAGE" y.img
	[ "$(stat -c '%i %u %g %a %s' y.img)" = "$before" ]
}

@test "write: to a host, from a host, within a host, between two hosts" {
	local words

	for words in "$IMAGE a:$DIR/y.img" "a:$IMAGE y.img" "a:$IMAGE a:$DIR/y.img" \
		"a:$IMAGE b:$DIR/y.img"; do
		target y.img
		# shellcheck disable=SC2086 # two words
		succeeds img-write $words
		filled "$IMAGE" y.img
	done
}

@test "write: from standard input" {
	target y.img
	cat "$IMAGE" | succeeds img-write - y.img
	filled "$IMAGE" y.img
	target y.img
	succeeds img-write - "a:$DIR/y.img" <"$IMAGE"
	filled "$IMAGE" y.img
	target y.img
	succeeds img-write <(cat "$IMAGE") y.img
	filled "$IMAGE" y.img
}

@test "write: holes of the source become zeros, and the target stays allocated" {
	make_sparse x.img
	target y.img
	succeeds img-write x.img y.img
	filled x.img y.img
	[ "$(allocated y.img)" -ge $((9 << 20)) ]
	target y.img
	succeeds img-write x.img "a:$DIR/y.img"
	filled x.img y.img
}

@test "write --sparse: zeros become holes" {
	make_sparse x.img
	target y.img
	succeeds img-write --sparse x.img y.img
	filled x.img y.img
	[ "$(allocated y.img)" -le $((4 * BLOCK + 8192)) ]
}

@test "write: images of the same size, tiny images, an empty image" {
	local length

	for length in 1 511 $((BLOCK - 1)) $BLOCK $((BLOCK + 1)); do
		head -c "$length" /dev/urandom >x
		target y "$length"
		succeeds img-write x y
		same x y
		target y $((length + 1))
		succeeds img-write x "a:$DIR/y"
		filled x y
	done
	: >empty
	target y 70000
	succeeds img-write empty y
	filled empty y
	: >y
	succeeds img-write empty y
	[ "$(stat -c %s y)" = 0 ]
}

@test "write: an archive is unpacked into the target" {
	local source

	succeeds img-copy --archive "$IMAGE" ours.lzo
	lzop -o theirs.lzo "$IMAGE"
	for source in ours.lzo theirs.lzo "a:$DIR/theirs.lzo"; do
		target y.img
		succeeds img-write "$source" y.img
		filled "$IMAGE" y.img
	done
	target y.img
	succeeds img-write - y.img <theirs.lzo
	filled "$IMAGE" y.img
}

@test "write --json: every key, its type, and sums" {
	local words target

	make_sparse x.img
	for words in "x.img y.img" "a:$DIR/x.img a:$DIR/y.img" "x.img b:$DIR/y.img" "- y.img"; do
		target y.img
		target=${words#* }
		[ "$target" != y.img ] || target=$DIR/y.img
		# shellcheck disable=SC2086 # two words
		succeeds img-write --json $words <x.img
		json 'keys == (["source", "target", "capacity", "data_bytes", "hole_bytes", "wire_bytes",
			"seconds", "digest", "consistent", "snapshot", "compressed_blocks",
			"stored_blocks"] | sort)'
		json '.capacity == $size and .data_bytes + .hole_bytes == $size and .snapshot == null and
			.consistent and .target == $target and .digest == $digest' \
			--argjson size "$(stat -c %s x.img)" --arg target "$target" \
			--arg digest "$(digest_of x.img)"
		filled x.img y.img
	done
}

@test "write --dry-run: prints the target and the size, and changes nothing" {
	local before target

	target y.img
	before=$(state_of y.img)
	for target in "$DIR/y.img" "a:$DIR/y.img"; do
		succeeds img-write -n "$IMAGE" "${target#"$DIR/"}"
		grep -F " to $target, 8 MiB" "$OUT"
	done
	[ "$(state_of y.img)" = "$before" ]
	finished y.img
	refuses 3 no.img img-write -n "$IMAGE" no.img
	target small.img 1M
	refuses 9 small.img img-write -n "$IMAGE" small.img
	refuses 9 "a:$DIR/small.img" img-write -n "$IMAGE" "a:$DIR/small.img"
}

@test "write: a target smaller than the source is refused before the first byte is written" {
	local before words

	target y.img $((8388608 - 1))
	succeeds img-copy --archive "$IMAGE" x.lzo
	before=$(state_of y.img)
	for words in "$IMAGE y.img" "a:$IMAGE y.img" "$IMAGE a:$DIR/y.img" "a:$IMAGE a:$DIR/y.img" \
		"a:$IMAGE b:$DIR/y.img" "x.lzo y.img"; do
		# shellcheck disable=SC2086 # two words
		refuses 9 "${words#* }" img-write $words
	done
	[ "$(state_of y.img)" = "$before" ]
	finished y.img
}

@test "write: a source from a pipe that turns out to be too large" {
	target y.img 1M
	cat "$IMAGE" | refuses 9 y.img img-write - y.img
	[ "$(stat -c %s y.img)" = 1048576 ]
	has_mark y.img
	refuses 8 y.img img-copy y.img z.img
	[ ! -e z.img ]
	# A complete write removes the mark.
	head -c 1M "$IMAGE" >small
	succeeds img-write small y.img
	filled small y.img
	target y.img 1M
	cat "$IMAGE" | refuses 9 "a:$DIR/y.img" img-write - "a:$DIR/y.img"
	has_mark y.img
}

@test "write: a failure in the middle leaves the mark, and it is shown and refused" {
	broken_archive x.lzo
	target y.img 65M
	refuses 8 x.lzo img-write x.lzo y.img
	has_mark y.img
	succeeds img-info y.img
	grep UNFINISHED "$OUT"
	succeeds img-list .
	grep -E 'unfinished +y.img$' "$OUT"
	refuses 8 y.img img-copy y.img z.img
	refuses 8 "a:$DIR/y.img" img-copy "a:$DIR/y.img" z.img
	refuses 8 y.img img-write y.img z.img
	refuses 8 y.img img-archive y.img
	refuses 8 y.img img-verify y.img
	succeeds img-clean .
	has_mark y.img
	succeeds img-write "$IMAGE" "a:$DIR/y.img"
	filled "$IMAGE" y.img
}

@test "write: without extended attributes the mark is a file beside the image, and follows it" {
	mkdir m
	as_root mount -t ramfs ramfs m
	MOUNTS+=("$DIR/m")
	as_root chmod 777 m
	target m/y.img 65M
	succeeds img-write "$IMAGE" m/y.img
	filled "$IMAGE" m/y.img
	broken_archive x.lzo
	refuses 8 x.lzo img-write x.lzo m/y.img
	[ -e m/.y.img.img-tools-unfinished ]
	has_mark m/y.img
	succeeds img-clean m
	refuses 8 m/y.img img-copy m/y.img z.img
	# The renamed image is unfinished; a new image of the old name is not.
	succeeds img-rename m/y.img z.img
	[ "$(ls -A m)" = ".z.img.img-tools-unfinished
z.img" ]
	has_mark m/z.img
	succeeds img-copy "$IMAGE" m/y.img
	finished m/y.img
	succeeds img-copy --overwrite "$IMAGE" m/z.img
	finished m/z.img
	truncate -s 65M m/y.img
	refuses 8 x.lzo img-write x.lzo m/y.img
	succeeds img-delete m/y.img
	[ "$(ls -A m)" = z.img ]
}

@test "write: an interrupted job leaves the mark" {
	target y.img
	img-write --bwlimit 256K "$IMAGE" y.img >"$OUT" 2>"$ERR" 3>&- &
	run=$!
	wait_until 10 begun "$IMAGE" y.img
	kill -TERM $run
	status=0
	wait $run || status=$?
	[ "$status" = 143 ]
	wait_until 10 no_process
	has_mark y.img
}

@test "write: marked before the first byte, and synced to disk before the mark is removed" {
	target y.img
	strace -f -qq -o trace -e trace=fsync,pwrite64,fsetxattr,fremovexattr,fallocate \
		env ASAN_OPTIONS=detect_leaks=0 "$IMG_BUILD/bin/img-write" "$IMAGE" y.img
	[ "$(grep -oE 'fsync|pwrite64|fsetxattr|fremovexattr|fallocate' trace |
		sed 's/pwrite64\|fallocate/data/' | uniq | tr '\n' ' ')" = \
		'fsetxattr fsync data fsync fremovexattr fsync ' ]
	grep -F '"user.img-tools.unfinished"' trace
}

@test "write: a missing target or source" {
	mkdir d
	target y.img
	refuses 3 no.img img-write "$IMAGE" no.img
	refuses 3 no/y.img img-write "$IMAGE" no/y.img
	refuses 3 "a:$DIR/no.img" img-write "$IMAGE" "a:$DIR/no.img"
	refuses 3 no.img img-write no.img y.img
	refuses 3 "a:$DIR/no.img" img-write "a:$DIR/no.img" y.img
	refuses 4 d img-write "$IMAGE" d
	refuses 4 "a:$DIR/d" img-write "$IMAGE" "a:$DIR/d"
	refuses 4 d img-write d y.img
	refuses 4 /dev/null img-write "$IMAGE" /dev/null
	mkfifo fifo
	refuses 4 fifo img-write "$IMAGE" fifo
	refuses 4 fifo img-write fifo y.img
	finished y.img
	[ -z "$(ls d)" ]
}

@test "write: a block device that the configuration does not name" {
	local device

	target y.img
	sum=$(sha256sum <y.img)
	device=$(as_root losetup --show -f y.img)
	try as_root env "PATH=$PATH" img-write "$IMAGE" "$device"
	cp "$ERR" said
	as_root losetup -d "$device"
	cp said "$ERR"
	[ "$status" = 4 ]
	one_line "img-write: $device: "
	[ "$(sha256sum <y.img)" = "$sum" ]
}

@test "write: source and target are the same image" {
	local words

	target y.img
	ln -s y.img link
	sum=$(sha256sum <y.img)
	for words in "y.img y.img" "./y.img $DIR/y.img" "link y.img" "a:$DIR/y.img a:$DIR/y.img" \
		"y.img a:$DIR/y.img" "a:$DIR/y.img b:$DIR/y.img"; do
		# shellcheck disable=SC2086 # two words
		refuses 4 "${words#* }" img-write $words
	done
	[ "$(sha256sum <y.img)" = "$sum" ]
	finished y.img
}

@test "write: a symbolic link, or a file with several links, as target" {
	target y.img
	ln -s y.img link
	before=$(state_of y.img)
	refuses 4 link img-write "$IMAGE" link
	refuses 4 "a:$DIR/link" img-write "$IMAGE" "a:$DIR/link"
	[ "$(state_of y.img)" = "$before" ]
	ln y.img other
	refuses 4 y.img img-write "$IMAGE" y.img
	refuses 4 "a:$DIR/other" img-write "$IMAGE" "a:$DIR/other"
	[ "$(sha256sum <y.img)" = "$(target /dev/stdout | sha256sum)" ]
	succeeds img-write --allow-links "$IMAGE" y.img
	filled "$IMAGE" other
}

@test "write: a target or a source in use" {
	target y.img
	cp "$IMAGE" x.img
	before=$(state_of y.img)
	exec 5>>y.img
	refuses 5 y.img img-write "$IMAGE" y.img
	refuses 5 "a:$DIR/y.img" img-write "$IMAGE" "a:$DIR/y.img"
	exec 5>>x.img
	refuses 5 x.img img-write x.img y.img
	refuses 5 "a:$DIR/x.img" img-write "a:$DIR/x.img" y.img
	[ "$(state_of y.img)" = "$before" ]
	finished y.img
	try img-write --live --json x.img y.img
	[ "$status" = 0 ]
	one_line 'img-write: warning: x.img: '
	json '.consistent == false'
	exec 5>&-
	filled x.img y.img
}

@test "write: qcow2 content to other content only with --change-format" {
	local source

	qemu-img convert -f raw -O qcow2 "$IMAGE" x.qcow2
	succeeds img-copy --archive x.qcow2 x.lzo
	target y.img
	before=$(state_of y.img)
	for source in x.qcow2 "a:$DIR/x.qcow2" x.lzo "a:$DIR/x.lzo"; do
		refuses 4 y.img img-write "$source" y.img
		refuses 4 "b:$DIR/y.img" img-write "$source" "b:$DIR/y.img"
	done
	refuses 4 y.img img-write --as-is x.qcow2 y.img
	refuses 4 y.img img-write - y.img <x.qcow2
	refuses 4 y.img img-write - y.img <x.lzo
	refuses 4 "a:$DIR/y.img" img-write - "a:$DIR/y.img" <x.lzo
	[ "$(state_of y.img)" = "$before" ]
	finished y.img
	succeeds img-write --change-format - y.img <x.lzo
	filled x.qcow2 y.img
	target y.img
	succeeds img-write --change-format x.qcow2 y.img
	filled x.qcow2 y.img
	qemu-img compare -f raw -F qcow2 "$IMAGE" y.img
}

@test "write: qcow2 content to a qcow2 image, and raw content to either" {
	qemu-img convert -f raw -O qcow2 "$IMAGE" x.qcow2
	qemu-img create -q -f qcow2 y.qcow2 1M
	truncate -s 12M y.qcow2
	succeeds img-write x.qcow2 y.qcow2
	filled x.qcow2 y.qcow2
	qemu-img compare -f raw -F qcow2 "$IMAGE" y.qcow2
	succeeds img-write "$IMAGE" "a:$DIR/y.qcow2"
	filled "$IMAGE" y.qcow2
}

@test "write: a target without permission" {
	target y.img
	chmod 444 y.img
	before=$(state_of y.img)
	refuses 4 y.img without_power img-write "$IMAGE" y.img
	[ "$(state_of y.img)" = "$before" ]
}

@test "write: two jobs with one target" {
	target y.img
	mkfifo pipe
	img-write - y.img <pipe 2>&1 3>&- &
	run=$!
	exec 5>pipe
	head -c 1M "$IMAGE" >&5
	wait_until 10 has_mark y.img
	refuses 5 y.img img-write "$IMAGE" y.img
	refuses 5 "a:$DIR/y.img" img-write "$IMAGE" "a:$DIR/y.img"
	refuses 5 y.img img-copy y.img z.img
	tail -c +$((1048576 + 1)) "$IMAGE" >&5
	exec 5>&-
	wait $run
	filled "$IMAGE" y.img
}

@test "write --bwlimit, --jobs, --compress, --no-fsync, --progress=json" {
	target y.img
	succeeds img-write --bwlimit 100M -j 1 --compress=never --no-fsync "$IMAGE" "a:$DIR/y.img"
	filled "$IMAGE" y.img
	target y.img
	try img-write --progress=json --bwlimit 16M "$IMAGE" y.img
	[ "$status" = 0 ]
	grep '^{' "$ERR" | jq -s -e 'map(select(.total)) | length > 0 and all(.total == 8388608 and (.phase | type) == "string")'
	filled "$IMAGE" y.img
}

@test "write: wrong command lines" {
	target y.img
	refuses 2 '' img-write
	refuses 2 '' img-write "$IMAGE"
	refuses 2 '' img-write "$IMAGE" y.img z.img
	refuses 2 '' img-write "$IMAGE" -
	refuses 2 '' img-write "$IMAGE" ''
	refuses 2 '' img-write --overwrite "$IMAGE" y.img
	refuses 2 '' img-write --archive "$IMAGE" y.img
	succeeds img-write --help
	succeeds img-write --usage
	succeeds img-write --version
}
