#!/usr/bin/env bats
# img-list: on this host and on remote hosts.

load common

setup_file() { img_setup_file a b; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# A directory with one entry of each type.
make_store() {
	mkdir -p store/below/deeper
	cp "$IMAGE" store/disk.img
	lzop -o store/disk.img.lzo "$IMAGE"
	qemu-img create -q -f qcow2 store/guest.qcow2 10M
	truncate -s 3G store/holes.img
	cp "$IMAGE" store/below/inner.img
	: >store/below/deeper/last.img
	: >store/.hidden
	mkfifo store/fifo
	ln -s disk.img store/link
	ln -s nowhere store/dangling
	ln -s below store/linked
}

# names: prints the names in the order in which they were listed.
names() {
	jq -r '.entries[].name' "$OUT" | tr '\n' ' '
}

@test "list --json: every key, and its type, sorted by name" {
	make_store
	succeeds img-list --json store
	json 'keys == ["entries", "location"] and .location == "store"'
	[ "$(names)" = 'below disk.img disk.img.lzo guest.qcow2 holes.img link linked ' ]
	json '.entries | all(keys == (["name", "path", "kind", "format", "compression", "unfinished",
		"capacity", "allocation", "physical", "filesystem", "mounted", "in_use", "volume",
		"snapshot"] |
		sort))'
	json '.entries | all([.unfinished, .mounted, .in_use] == [false, false, false]) and
		all(.snapshot == null and .volume == null)'
	json '.entries[0] | [.kind, .format, .capacity, .allocation, .physical, .filesystem] ==
		["directory", null, null, null, null, null] and .path == $path' \
		--arg path "$DIR/store/below"
}

@test "list --json: the properties of an entry are those that img-info shows" {
	local name

	make_store
	succeeds img-list --json store
	cp "$OUT" list
	for name in disk.img disk.img.lzo guest.qcow2 holes.img; do
		succeeds img-info --json "store/$name"
		cp "$OUT" info
		jq --arg name "$name" '.entries[] | select(.name == $name)' list >one
		diff <(jq -S . one) \
			<(jq -S '{name, path, kind, format, compression, unfinished, capacity, allocation,
				physical, filesystem, mounted, in_use, volume, snapshot}' info)
	done
	cp list "$OUT"
	json '.entries[1].filesystem == {type: "ext4", label: "guest", uuid: $uuid}' \
		--arg uuid "$(blkid -p -s UUID -o value "$IMAGE")"
	json '.entries[2] | .compression == "lzo" and .capacity == 8388608 and .physical == $size' \
		--argjson size "$(stat -c %s store/disk.img.lzo)"
	json '.entries[3] | .format == "qcow2" and .capacity == 10485760'
	json '.entries[4] | .capacity == 3221225472 and .allocation == 0'
	json '.entries[5] | .kind == "file" and .capacity == 8388608'
	json '.entries[6] | .kind == "directory"'
}

@test "list -R: the content of a directory follows it, and links are not entered" {
	make_store
	succeeds img-list -R --json store
	[ "$(names)" = "below below/deeper below/deeper/last.img below/inner.img disk.img \
disk.img.lzo guest.qcow2 holes.img link linked " ]
	json '.entries[3] | .path == $path and .kind == "file"' --arg path "$DIR/store/below/inner.img"
	ln -s .. store/below/up
	succeeds img-list --recursive --json "a:$DIR/store"
	json '.entries | length == 11'
}

@test "list: a table, aligned, within 80 columns" {
	make_store
	succeeds img-list store
	[ "$(wc -l <"$OUT")" = 8 ]
	[ "$(awk '{ if (length > max) max = length } END { print max }' "$OUT")" -le 80 ]
	if grep ' $' "$OUT"; then return 1; fi
	head -n 1 "$OUT" | grep -wi name
	# The names in the last column begin in the same column.
	[ "$(awk '{ print match($0, /[^ ]+$/) }' "$OUT" | sort -u | wc -l)" = 1 ]
	grep -E '8 MiB .*raw +ext4 .* disk\.img$' "$OUT"
	grep -E '8 MiB .*raw\.lzo +ext4 .* disk\.img\.lzo$' "$OUT"
	grep -E '10 MiB .*qcow2 .* guest\.qcow2$' "$OUT"
	grep -E '3 GiB .*raw .* holes\.img$' "$OUT"
	grep -E 'dir .* below$' "$OUT"
}

@test "list: an empty directory" {
	mkdir empty
	succeeds img-list empty
	[ ! -s "$OUT" ]
	succeeds img-list --json empty
	json '.entries == []'
	succeeds img-list --xml empty
	xmllint --noout "$OUT"
	succeeds img-list --json "a:$DIR/empty"
	json '.entries == []'
}

@test "list: without LOCATION the current directory, for a host without configuration its home" {
	make_store
	cd store
	succeeds img-list --json
	json '.location == "." and (.entries | map(.name) | index("disk.img") != null)'
	succeeds img-list
	grep disk.img "$OUT"
	succeeds img-list --json a:
	json '.location == "a:" and (.entries | type == "array")'
	cp "$OUT" "$BATS_TEST_TMPDIR/home"
	succeeds img-list --json "a:$(getent passwd "$(id -u)" | cut -d: -f6)"
	diff <(jq -c '.entries | map(.name)' "$BATS_TEST_TMPDIR/home") \
		<(jq -c '.entries | map(.name)' "$OUT")
}

@test "list: the output is the same for a remote host, in one round trip" {
	make_store
	succeeds img-list --json -R store
	cp "$OUT" here
	succeeds img-list --json -R "a:$DIR/store"
	json '.location == $location' --arg location "a:$DIR/store"
	diff <(jq -S .entries here) <(jq -S .entries "$OUT")
	# However many entries there are, there is one request.
	printf '#!/bin/sh\ntee sent | ssh -F "%s" "$@" | cat\n' "$SSH_CONFIG" >rsh
	chmod 755 rsh
	mkdir few- many
	touch few-/{1..2}.img many/{001..300}.img
	succeeds env img-list --json --rsh ./rsh "a:$DIR/few-"
	json '.entries | length == 2'
	mv sent sent-few
	succeeds env img-list --json --rsh ./rsh "a:$DIR/many"
	json '.entries | length == 300'
	[ -s sent ]
	[ "$(stat -c %s sent)" = "$(stat -c %s sent-few)" ]
}

@test "list: several locations on several hosts" {
	make_store
	succeeds img-list --json store/below "a:$DIR/store" "b:$DIR/store/below"
	json 'map(.location) == ["store/below", $a, $b] and map(.entries | length) == [2, 7, 2]' \
		--arg a "a:$DIR/store" --arg b "b:$DIR/store/below"
	succeeds img-list store/below "a:$DIR/store/below"
	grep -xF 'store/below:' "$OUT"
	grep -xF "a:$DIR/store/below:" "$OUT"
	[ "$(grep -c 'inner.img$' "$OUT")" = 2 ]
}

@test "list --xml: well-formed, a volume for each entry" {
	make_store
	succeeds img-list --xml store "a:$DIR/store/below"
	xmllint --noout "$OUT"
	[ "$(xpath 'count(//container)')" = 2 ]
	[ "$(xpath 'string(//container[1]/@location)')" = store ]
	[ "$(xpath 'count(//container[1]/volume)')" = 7 ]
	[ "$(xpath 'string(//volume[name="disk.img"]/capacity)')" = 8388608 ]
	[ "$(xpath 'string(//volume[name="guest.qcow2"]/target/format/@type)')" = qcow2 ]
	[ "$(xpath 'string(//volume[name="below"]/@type)')" = dir ]
	refuses 2 '' img-list --xml --json store
}

@test "list --xml: properties that libvirt has no element for are attributes" {
	mkdir store
	head -c 1M /dev/urandom >store/x.img
	cp store/x.img store/y.img
	succeeds img-archive store/x.img
	touch store/.y.img.img-tools-unfinished
	exec {fd}>>store/y.img
	succeeds img-list --xml store
	exec {fd}>&-
	[ "$(xpath 'string(//volume[name="x.img.lzo"]/@compression)')" = lzo ]
	[ "$(xpath 'count(//volume[name="x.img.lzo"]/@*)')" = 2 ]
	[ "$(xpath 'string(//volume[name="y.img"]/@unfinished)')" = yes ]
	[ "$(xpath 'string(//volume[name="y.img"]/@in_use)')" = yes ]
	[ "$(xpath 'count(//volume[name="y.img"]/@*)')" = 3 ]
	succeeds img-delete store/y.img # together with its mark
}

xpath() {
	xmllint --xpath "$1" "$OUT"
}

@test "list: all are tried, and the status is that of the first failure" {
	make_store
	try img-list --json no store store/disk.img "a:$DIR/no" "a:$DIR/store/below"
	[ "$status" = 3 ]
	json 'map(.location) == ["store", $a]' --arg a "a:$DIR/store/below"
	[ "$(wc -l <"$ERR")" = 3 ]
	says 'img-list: no: '
	says 'img-list: store/disk.img: '
	says "img-list: a:$DIR/no: "
	try img-list store/disk.img no
	[ "$status" = 4 ]
}

@test "list: a missing directory, a file, and what is not a directory" {
	make_store
	refuses 3 no img-list no
	refuses 3 no/x img-list --json no/x
	refuses 3 "a:$DIR/no" img-list "a:$DIR/no"
	refuses 4 store/disk.img img-list store/disk.img
	refuses 4 "a:$DIR/store/disk.img" img-list "a:$DIR/store/disk.img"
	refuses 4 store/fifo img-list store/fifo
	refuses 3 store/dangling img-list store/dangling
	refuses 7 nowhere: img-list nowhere:
}

@test "list: a directory without permission" {
	make_store
	chmod 0 store/below
	refuses 4 store/below without_power img-list store/below
	try without_power img-list --json -R store
	json '.entries | map(.name) | index("disk.img") != null and index("below") != null'
	[ "$status" = 4 ]
	says "'below'"
	says "'linked'"
	[ "$(wc -l <"$ERR")" = 2 ]
	chmod 700 store/below
}

@test "list: an entry that cannot be examined is shown with a warning, and affects no other" {
	make_store
	chmod 0 store/disk.img
	succeeds img-copy --archive "$IMAGE" store/bad.lzo
	printf X | put store/bad.lzo 20
	try without_power img-list --json store
	[ "$status" = 8 ]
	[ "$(names)" = 'bad.lzo below disk.img disk.img.lzo guest.qcow2 holes.img link linked ' ]
	json '.entries[0] | .kind == "file" and .capacity == null and .physical == $size' \
		--argjson size "$(stat -c %s store/bad.lzo)"
	json '.entries[2] | .kind == "file" and .format == null'
	says "'bad.lzo'"
	says "'disk.img'"
	json '.entries[0].path == $path' --arg path "$DIR/store/bad.lzo"
	try img-list "a:$DIR/store"
	[ "$status" = 8 ]
	one_line "img-list: a:$DIR/store: 'bad.lzo': "
	grep 'bad.lzo$' "$OUT"
}

@test "list: mounted, in use, unfinished" {
	mkdir store m
	cp "$IMAGE" store/mounted.img
	cp "$IMAGE" store/open.img
	cp "$IMAGE" store/half.img
	touch store/.half.img.img-tools-unfinished store/.new.img.img-tools
	as_root mount -o loop store/mounted.img m
	MOUNTS+=("$DIR/m")
	exec 5>>store/open.img
	succeeds img-list --json store
	json '.entries | map({key: .name, value: .}) | from_entries |
		(.["mounted.img"] | .mounted and .in_use) and
		(.["open.img"] | .in_use and (.mounted | not)) and
		(.["half.img"] | .unfinished and (.in_use | not)) and
		(.[".new.img.img-tools"].unfinished)'
	json '.entries | length == 4'
	succeeds img-list "a:$DIR/store"
	grep -E 'mounted +mounted.img$' "$OUT"
	grep -E 'in use +open.img$' "$OUT"
	grep -E 'unfinished +half.img$' "$OUT"
	exec 5>&-
	rm store/.*.img-tools*
}

@test "list: names that are not UTF-8, or could harm a terminal" {
	mkdir store
	cp "$IMAGE" $'store/caf\xe9.img'
	cp "$IMAGE" $'store/x\e[31m\a\r\n.img'
	cp "$IMAGE" $'store/-n'
	succeeds img-list --json store
	json '.entries | map(select(.name == "caf\ufffd.img")) | .[0].name_hex == "636166e92e696d67"'
	json '.entries | map(.name) | index("x\u001b[31m\u0007\r\n.img") != null and index("-n") != null'
	succeeds img-list store
	if tr -d '\n' <"$OUT" | grep -q '[[:cntrl:]]'; then return 1; fi
	[ "$(wc -l <"$OUT")" = 4 ]
	succeeds img-list --xml store
	xmllint --noout "$OUT"
}

@test "list: several hundred entries" {
	mkdir store
	touch store/{1..700}.img
	succeeds img-list --json "a:$DIR/store"
	json '.entries | length == 700'
	[ "$(names | tr ' ' '\n' | grep .)" = "$(printf '%s.img\n' {1..700} | sort)" ]
}

@test "list: a loop device is listed if a link leads to it" {
	mkdir store
	cp "$IMAGE" x.img
	device=$(as_root losetup --show -r -f x.img)
	ln -s "$device" store/loop
	try as_root env "PATH=$PATH" img-list --json store
	as_root losetup -d "$device"
	[ "$status" = 0 ]
	json '.entries[0] | .kind == "device" and .capacity == 8388608 and .filesystem.type == "ext4"'
}

@test "list: wrong command lines" {
	refuses 2 '' img-list -
	refuses 2 '' img-list ''
	refuses 2 '' img-list --nonsense
	refuses 2 '' img-list . 'a b:/x'
	succeeds img-list --help
	succeeds img-list --usage
	succeeds img-list --version
}

@test "list: a result that cannot be written is a failure" {
	local status=0

	img-list --json . 2>"$ERR" >/dev/full || status=$?
	[ "$status" = 1 ]
	one_line 'img-list: '
}
