#!/usr/bin/env bats
# img-info: on this host and on a remote host.

load common

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# Prints what blkid finds in FILE.
blkid_of() {
	blkid -p -s "$2" -o value "$1"
}

@test "info: a raw image with a filesystem, as a table" {
	cp "$IMAGE" x.img
	succeeds img-info x.img
	grep -E '^location +x\.img$' "$OUT"
	grep -E '^kind +file, raw$' "$OUT"
	grep -E '^capacity +8 MiB \(8388608 bytes\)$' "$OUT"
	grep -E "^filesystem +ext4, label 'guest', uuid $(blkid_of x.img UUID)$" "$OUT"
	grep -E '^in use +no$' "$OUT"
}

@test "info --json: every key, and its type" {
	succeeds img-info --json "$IMAGE"
	json '(keys == (["location", "host", "path", "name", "kind", "format", "compression",
		"unfinished", "capacity", "allocation", "physical", "filesystem", "partitions",
		"mounted", "mountpoints", "in_use", "used_by", "live", "snapshot", "permissions", "timestamps",
		"compat", "features", "cluster_size", "watermark", "backing", "volume", "data_file"] | sort))'
	json '.location == $path and .path == $path and .name == "image"' --arg path "$IMAGE"
	json '.host == null and .kind == "file" and .format == "raw" and .compression == null'
	json '[.unfinished, .mounted, .in_use, .live] | all(. == false)'
	json '.mountpoints == [] and .features == []'
	json '[.snapshot, .partitions, .compat, .cluster_size, .watermark, .backing, .data_file,
		.extents] | all(. == null)'
	json '.timestamps | (keys == ["access", "change", "modify"]) and
		all(test("^[0-9]+\\.[0-9]{9}$"))'
	json '.permissions | keys == ["group", "label", "mode", "owner"]'
}

@test "info --json: the three sizes of a file with holes" {
	make_sparse x.img
	succeeds img-info --json x.img
	json '.capacity == $size and .physical == $size and .allocation == $allocated' \
		--argjson size "$(stat -c %s x.img)" --argjson allocated "$(allocated x.img)"
}

@test "info --json: permissions and times as stat shows them" {
	cp "$IMAGE" x.img
	chmod 640 x.img
	touch -d '2001-02-03 04:05:06.000000789 UTC' x.img
	succeeds img-info --json x.img
	json '.permissions.mode == "0640" and .permissions.owner == $uid and
		.permissions.group == $gid' \
		--argjson uid "$(stat -c %u x.img)" --argjson gid "$(stat -c %g x.img)"
	json '.timestamps.modify == "981173106.000000789"'
	[ "$(jq -r .timestamps.change "$OUT")" = "$(stat -c %.9Z x.img)" ]
}

@test "info --json: filesystems as blkid finds them" {
	local type

	for type in ext2 ext4; do
		mke2fs -q -F -t "$type" -L "a $type" "$type" 4M
	done
	truncate -s 1M swap
	chmod 600 swap
	mkswap -q -L changes swap
	truncate -s 4M empty
	for type in ext2 ext4 swap; do
		succeeds img-info --json "$type"
		json '.filesystem == {type: $type, label: $name, uuid: $uuid}' \
			--arg type "$(blkid_of "$type" TYPE)" --arg name "$(blkid_of "$type" LABEL)" \
			--arg uuid "$(blkid_of "$type" UUID)"
	done
	succeeds img-info --json empty
	json '.filesystem == null and .partitions == null'
	: >nothing
	succeeds img-info --json nothing
	json '.capacity == 0 and .filesystem == null'
}

@test "info --json: partition tables" {
	truncate -s 8M gpt dos
	sfdisk -q gpt <<<'label: gpt
size=2M'
	sfdisk -q dos <<<'label: dos
size=2M'
	for table in gpt dos; do
		succeeds img-info --json "$table"
		json '.partitions == $table and .filesystem == null' --arg table "$table"
	done
}

@test "info: inside an archive, ours and lzop's" {
	succeeds img-copy --archive "$IMAGE" ours
	lzop -o lzops "$IMAGE"
	for archive in ours lzops; do
		succeeds img-info --json "$archive"
		json '.format == "raw" and .compression == "lzo" and .kind == "file" and
			.capacity == 8388608 and .physical == $physical and
			.filesystem == {type: "ext4", label: "guest", uuid: $uuid}' \
			--argjson physical "$(stat -c %s "$archive")" --arg uuid "$(blkid_of "$IMAGE" UUID)"
		succeeds img-info "$archive"
		grep -E '^kind .*raw.*lzo' "$OUT"
	done
}

@test "info: a qcow2 image, as qemu-img shows it" {
	qemu-img create -q -f raw base.img 2M
	qemu-img create -q -f qcow2 -o cluster_size=32k,lazy_refcounts=on -b base.img -F raw x.img 5M
	succeeds img-info --json x.img
	json '.format == "qcow2" and .capacity == $theirs."virtual-size" and
		.physical == $physical and .allocation == $theirs."actual-size" and
		.cluster_size == $theirs."cluster-size" and
		.compat == $theirs."format-specific".data.compat and
		(.features | index("lazy_refcounts") != null or index("lazy-refcounts") != null or
			length > 0) and .filesystem == null' \
		--argjson theirs "$(qemu-img info --output=json x.img)" \
		--argjson physical "$(stat -c %s x.img)"
	json '.backing == {path: $path, recorded: "base.img", format: "raw"}' --arg path "$DIR/base.img"
	qemu-img create -q -f qcow2 -o compat=0.10 old.img 1M
	succeeds img-info --json old.img
	json '.compat == "0.10" and .backing == null and .features == []'
	succeeds img-info old.img
	grep -E '^kind +file, qcow2 0\.10$' "$OUT"
}

@test "info: the output is the same for a remote host" {
	cp "$IMAGE" x.img
	succeeds img-info --json x.img
	cp "$OUT" here
	succeeds img-info --json "a:$DIR/x.img"
	json '.host == "a" and .location == $location' --arg location "a:$DIR/x.img"
	diff <(jq 'del(.location, .host, .timestamps.access)' here) \
		<(jq 'del(.location, .host, .timestamps.access)' "$OUT")
	succeeds img-info "ssh://a:$(sshd_port a)$DIR/x.img"
	grep -E "^path +$DIR/x.img$" "$OUT"
}

@test "info: several locations on several hosts" {
	cp "$IMAGE" x.img
	succeeds img-create --sparse y.img 1M
	succeeds img-info --json x.img "a:$DIR/y.img" "a:$DIR/x.img"
	json 'length == 3 and .[0].capacity == 8388608 and .[1].capacity == 1048576 and
		.[2].host == "a"'
	succeeds img-info x.img y.img
	[ "$(grep -c '^location' "$OUT")" = 2 ]
}

@test "info: a failure does not affect others, and the status is that of the first failure" {
	cp "$IMAGE" x.img
	try img-info --json x.img no.img "a:$DIR/no.img" . x.img
	[ "$status" = 3 ]
	json 'length == 3 and .[0].name == "x.img" and .[1].kind == "directory"'
	[ "$(wc -l <"$ERR")" = 2 ]
	says 'img-info: no.img: '
	says "img-info: a:$DIR/no.img: "
	mkfifo fifo
	try img-info fifo no.img x.img
	[ "$status" = 4 ]
	grep -E '^location +x\.img$' "$OUT"
}

@test "info: a failure does not cost another login" {
	cp "$IMAGE" x.img
	before=$(sshd_logins a)
	try img-info --json "a:$DIR/no.img" "a:$DIR/x.img" "a:$DIR/no.img" "a:$DIR/x.img"
	[ "$status" = 3 ]
	json 'length == 2'
	[ "$(sshd_logins a)" = $((before + 1)) ]
}

@test "info: a directory" {
	mkdir d
	succeeds img-info --json d
	json '.kind == "directory" and .name == "d" and .capacity == null and .format == null'
	succeeds img-info --json a:
	json '.kind == "directory" and .location == "a:"'
}

@test "info: in use while a program has it open for writing" {
	cp "$IMAGE" x.img
	exec 5>>x.img
	succeeds img-info --json x.img
	json '.in_use and (.mounted | not)'
	exec 5>&-
	succeeds img-info --json x.img
	json '.in_use == false'
}

@test "info: in use while QEMU has it open" {
	cp "$IMAGE" x.img
	mkfifo commands
	qemu-io -f raw x.img <commands >/dev/null 2>&1 3>&- &
	pid=$!
	exec 5>commands
	wait_until 10 in_use x.img
	succeeds img-info --json "a:$DIR/x.img"
	json '.in_use'
	exec 5>&-
	wait $pid
	succeeds img-info --json x.img
	json '.in_use == false'
}

in_use() {
	img-info --json "$1" | jq -e .in_use >/dev/null
}

@test "info --json: used_by has all who use it, as in the message of status 5" {
	local first second pid

	cp "$IMAGE" x.img
	succeeds img-info --json x.img
	json '.used_by == []'
	sleep infinity >>x.img 3>&- &
	first=$!
	sleep infinity <>x.img 3>&- &
	second=$!
	mkfifo commands
	qemu-io -f raw x.img <commands >/dev/null 2>&1 3>&- &
	pid=$!
	exec 5>commands
	wait_until 10 locked_by_qemu x.img
	succeeds img-info --json "a:$DIR/x.img"
	cp "$OUT" json
	json '.used_by | length == 4 and .[0] == "locked by QEMU"'
	for one in $first $second; do
		json --arg t "open for writing in process $one (sleep)" '.used_by | index($t) != null'
	done
	json --arg t "open for writing in process $pid (qemu-io)" '.used_by | index($t) != null'
	refuses 5 x.img img-copy x.img y.img
	says "in use: $(jq -r '.used_by[0]' json)"
	succeeds img-info x.img
	grep -E "^used by +locked by QEMU; open for writing in process" "$OUT"
	exec 5>&-
	wait $pid
	kill $first
	wait $first || true
	succeeds img-info --json x.img
	json --arg t "open for writing in process $second (sleep)" '.used_by == [$t]'
	refuses 5 x.img img-copy x.img y.img
	says "in use: open for writing in process $second (sleep)"
	kill $second
}

locked_by_qemu() {
	img-info --json "$1" | jq -e '.used_by[0] == "locked by QEMU"' >/dev/null
}

@test "info: mounted" {
	cp "$IMAGE" x.img
	mkdir m
	as_root mount -o loop x.img m
	MOUNTS+=("$DIR/m")
	succeeds img-info --json x.img
	json '.mounted and .in_use and .mountpoints == [$m]' --arg m "$DIR/m"
	json '.used_by == ["mounted on \u0027" + $m + "\u0027", "attached to " + $d]' --arg m "$DIR/m" \
		--arg d "$(losetup -n -O NAME -j x.img)"
	succeeds img-info x.img
	grep -E "^in use +mounted$" "$OUT"
	grep -E "^mounted on +$DIR/m$" "$OUT"
}

@test "info: an unfinished target of a job that wrote in place" {
	cp "$IMAGE" x.img
	touch .x.img.img-tools-unfinished
	succeeds img-info --json x.img
	json '.unfinished'
	succeeds img-info x.img
	grep UNFINISHED "$OUT"
	rm .x.img.img-tools-unfinished
}

@test "info: through a symbolic link" {
	ln -s "$IMAGE" link
	succeeds img-info --json link
	json '.capacity == 8388608 and .kind == "file"'
}

@test "info: names that are not UTF-8 are shown, and given in full in hexadecimal" {
	local name=$'caf\xe9\xff.img'

	cp "$IMAGE" "$name"
	succeeds img-info --json "$name"
	json '.name == "caf\ufffd\ufffd.img" and .name_hex == "636166e9ff2e696d67" and
		(.path_hex | endswith("636166e9ff2e696d67"))'
	succeeds img-info "$name"
	lacks "$OUT" "$name"
}

@test "info: what an image contains never reaches the terminal raw" {
	local name=$'x\e[31m\a\r\n.img'

	truncate -s 1M "$name"
	mke2fs -q -F -L $'\e[2J\a' "$name"
	succeeds img-info "$name"
	printable "$OUT"
	[ "$(grep -c '^location' "$OUT")" = 1 ]
	succeeds img-info --json "$name"
	json '.name == "x\u001b[31m\u0007\r\n.img"'
	printable "$OUT"
}

@test "info: a missing image" {
	refuses 3 no.img img-info no.img
	refuses 3 no/x.img img-info --json no/x.img
	refuses 3 "a:$DIR/no.img" img-info "a:$DIR/no.img"
	touch file
	refuses 3 file/x.img img-info file/x.img
}

@test "info: what is not an image" {
	mkfifo fifo
	refuses 4 fifo img-info fifo
	refuses 4 /dev/null img-info /dev/null
	refuses 4 "a:$DIR/fifo" img-info "a:$DIR/fifo"
}

@test "info: an image without permission" {
	install -m 0 "$IMAGE" x.img
	refuses 4 x.img without_power img-info x.img
}

@test "info: a corrupt archive and a corrupt qcow2" {
	succeeds img-copy --archive "$IMAGE" x.lzo
	printf X | put x.lzo 20
	refuses 8 x.lzo img-info x.lzo
	truncate -s 15 x.lzo
	refuses 8 x.lzo img-info x.lzo
	qemu-img create -q -f qcow2 x.qcow2 1M
	put_be32 x.qcow2 20 77
	refuses 8 x.qcow2 img-info x.qcow2
	refuses 8 "a:$DIR/x.qcow2" img-info --json "a:$DIR/x.qcow2"
}

@test "info: wrong command lines" {
	refuses 2 '' img-info
	refuses 2 '' img-info -
	refuses 2 '' img-info --nonsense x
	refuses 2 '' img-info 'a b:/x'
	refuses 2 '' img-info ''
	succeeds img-info --help
	succeeds img-info --version
}

@test "info: a result that cannot be written is a failure" {
	local status=0 words

	img-info --json "$IMAGE" 2>"$ERR" >/dev/full || status=$?
	[ "$status" = 1 ]
	one_line 'img-info: '
	# One message, however many images fill the buffers, and of no image.
	touch x{1..100}
	for words in '' --json --chain --xml; do
		status=0
		# shellcheck disable=SC2086 # words
		img-info $words x* 2>"$ERR" >/dev/full || status=$?
		[ "$status" = 1 ]
		one_line 'img-info: cannot write the result: No space left on device'
	done
}
