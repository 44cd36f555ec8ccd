#!/usr/bin/env bats
#
# img-info --chain: the situations that libvirt tests its own reading of chains with
# (tests/virstoragetest.c), made anew, and judged by qemu-img where that accepts them.

load common

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# overlay NAME BACKING [FORMAT [OPTION...]]: a layer over BACKING, which need not exist.
overlay() {
	qemu-img create -q -f qcow2 -u -b "$2" -F "${3:-raw}" "${@:4}" "$1" 8M
	[ -n "${3:-}" ] || forget_format "$1"
}

# forget_format IMAGE: it no longer records the format of its backing file.
forget_format() {
	local at

	at=$(LC_ALL=C grep -obUaP '\xe2\x79\x2a\xca' "$1" | head -n 1)
	printf '\1\2\3\4' | put "$1" "${at%%:*}"
}

# as_qemu IMAGE [LAYER]: each layer has the name, format, sizes and backing file that qemu-img
# shows; also by SSH.  qemu-img recognises a layer with no recorded format by content, so only
# LAYERs of such a chain are compared.
as_qemu() {
	local where count=${2:-1000}

	qemu-img info --backing-chain --output=json "$1" |
		jq -c ".[:$count][] | [(.filename | split(\"/\")[-1]), .format, .\"virtual-size\",
			.\"actual-size\", .\"backing-filename\", .\"backing-filename-format\"]" >expected
	[ -s expected ]
	for where in '' "a:$DIR/"; do
		try img-info --json --chain "$where$1"
		[ "$status" = 0 ] || {
			told
			return 1
		}
		jq -c ".layers[:$count][] | [(.path | split(\"/\")[-1]), .format, .capacity,
			.allocation, .backing.recorded, .backing.format]" "$OUT" | diff expected - >&2
	done
}

# layers FILTER VALUE: FILTER of each layer, as a list in JSON.
layers() {
	json --argjson want "$2" "[.layers[] | $1] == \$want"
}

# fails_as_qemu IMAGE KIND DEPTH: the last layer cannot be shown, and qemu-img refuses the chain.
fails_as_qemu() {
	try qemu-img info --backing-chain "$1"
	[ "$status" = 1 ]
	try img-info --json --chain "$1"
	[ "$status" = 8 ]
	json "(.layers | length) == $3 + 1 and .layers[-1].error.kind == \"$2\" and
		([.layers[:-1][].error] | unique) == [null]"
	one_line "img-info: $1: layer '"
}

@test "chain-libvirt: a raw image, also one with the bytes of a layer" {
	printf '%1024d' 0 >raw
	as_qemu raw
	layers .format '["raw"]'
	json '.backing == null and .layers[0].physical == 1024'
}

@test "chain-libvirt: qcow2 over raw, by relative and absolute names" {
	printf '%1024d' 0 >raw
	for name in raw ./raw "$DIR/raw" "../${DIR##*/}/raw" "file:$DIR/raw"; do
		qemu-img create -q -f qcow2 -o compat=0.10 -b "$name" -F raw qcow2
		as_qemu qcow2
		layers .path "[\"$DIR/qcow2\", \"$DIR/raw\"]"
		qemu-img create -q -f qcow2 -b "$DIR/qcow2" -F qcow2 wrap
		as_qemu wrap
		layers .depth '[0, 1, 2]'
		layers .path "[\"$DIR/wrap\", \"$DIR/qcow2\", \"$DIR/raw\"]"
	done
}

@test "chain-libvirt: the format is not recorded in one or in all layers" {
	printf '%1024d' 0 >raw
	overlay lower raw
	overlay middle lower
	overlay top middle qcow2
	# qemu-img looks at the content; a chain is shown as far as formats are recorded.
	as_qemu top 2
	layers .format '["qcow2", "qcow2", "raw"]'
	layers '.backing.format' '["qcow2", null, null]'
	as_qemu lower
	try img-info --json --chain middle
	[ "$status" = 0 ]
	layers .format '["qcow2", "raw"]'
	json '.layers[1].capacity == .layers[1].physical'
	try qemu-img info --backing-chain --output=json middle
	json 'length == 3'
}

@test "chain-libvirt: the recorded format is another than that of the content" {
	printf '%1024d' 0 >raw
	overlay lower raw raw
	truncate -s %512 lower # QEMU rounds a size up
	overlay as-raw lower raw
	as_qemu as-raw
	layers .format '["qcow2", "raw"]'
	overlay as-qcow2 raw qcow2
	fails_as_qemu as-qcow2 damaged 1
	# A format that is not known, of which QEMU opens nothing: the content is not looked at.
	overlay odd raw qcow2
	LC_ALL=C sed -i 's/qcow2\(\x00\x00\x00\)/qcow9\1/' odd
	try img-info --json --chain odd
	layers .format '["qcow2", "qcow9"]'
	json '.layers[1].capacity == null and .layers[1].physical == 1024'
}

@test "chain-libvirt: the backing file is missing, and the rest is shown" {
	overlay lower bogus qcow2
	fails_as_qemu lower missing 1
	json ".layers[1].path == \"$DIR/bogus\" and .layers[0].capacity == 8388608"
	overlay top lower qcow2
	fails_as_qemu top missing 2
	json '.layers[1].backing.recorded == "bogus" and .layers[1].capacity == 8388608'
	overlay absolute "$DIR/none/bogus" raw
	fails_as_qemu absolute missing 1
	# Without a chain it is only named.
	succeeds img-info --json top
	json '.backing.format == "qcow2"'
}

@test "chain-libvirt: backing files by nbd and by json are shown by name, and not opened" {
	local name

	while read -r name; do
		overlay net "$name" raw
		overlay top net qcow2
		succeeds img-info --json --chain top
		json --arg n "$name" '.layers[2] | .name == $n and .path == null and .capacity == null and
			.error == null and .format == "raw"'
		json --arg n "$name" '.layers[1].backing == {path: null, recorded: $n, format: "raw"}'
		# In qemu-img's words, which does not open it either if it looks at one layer only.
		[ "$(qemu-img info --output=json net | jq -r '."backing-filename"')" = "$name" ]
	done <<-'END'
		nbd:blah:6000:exportname=/
		nbd://example.invalid:10809/disk
		nbd+unix:///disk?socket=/run/none
		rbd:pool/image
		iscsi://server/iqn.2026-01.invalid:a/0
		json:{"driver":"nbd","host":"h","port":"1"}
	END
	# A path after "file:", which QEMU has as a protocol, is a path.
	truncate -s 1M raw
	overlay top "file:$DIR/raw" raw
	as_qemu top
	layers .path "[\"$DIR/top\", \"$DIR/raw\"]"
}

@test "chain-libvirt: symbolic links to images and directories" {
	mkdir sub elsewhere
	printf '%1024d' 0 >raw
	qemu-img create -q -f qcow2 -b raw -F raw qcow2
	qemu-img create -q -f qcow2 -b qcow2 -F qcow2 wrap
	ln -s ../sub/link1 sub/loop
	ln -s ../qcow2 sub/link1
	ln -s ../wrap sub/link2
	# Relative names start where the link is, as it is spelled, and not at its target.
	fails_as_qemu sub/link2 missing 1
	qemu-img create -q -f qcow2 -u -b ../raw -F raw qcow2 1024
	qemu-img create -q -f qcow2 -u -b link1 -F qcow2 wrap 1024
	as_qemu_links sub/link2
	layers .path "[\"$DIR/wrap\", \"$DIR/qcow2\", \"$DIR/raw\"]"
	ln -s ../sub elsewhere/dir
	as_qemu_links elsewhere/dir/link2
	ln -s sub here
	overlay top here/link2 qcow2
	as_qemu_links top
	layers .depth '[0, 1, 2, 3]'
	as_qemu_links "$DIR/here/link2"
}

# as_qemu_links IMAGE: the same files, by their sizes and formats, as names of links differ.
as_qemu_links() {
	qemu-img info --backing-chain --output=json "$1" |
		jq -c '.[] | [.format, ."virtual-size", ."actual-size", ."backing-filename"]' >expected
	[ -s expected ]
	succeeds img-info --json --chain "$1"
	jq -c '.layers[] | [.format, .capacity, .allocation, .backing.recorded]' "$OUT" |
		diff expected - >&2
	qemu-img info --backing-chain --output=json "$1" | jq -r '.[].filename' | xargs realpath >files
	jq -r '.layers[].path' "$OUT" | diff files - >&2
}

@test "chain-libvirt: loops of one, two and three layers, also by links" {
	overlay self0 self qcow2
	mv self0 self # qemu-img makes none that is above itself
	fails_as_qemu self loop 1
	overlay one two qcow2
	overlay two one qcow2
	fails_as_qemu one loop 2
	fails_as_qemu two loop 2
	ln -s one link
	overlay by-link link qcow2
	fails_as_qemu by-link loop 3
	overlay a b qcow2
	overlay b c qcow2
	overlay c "$DIR/./a" qcow2
	overlay above a qcow2
	fails_as_qemu above loop 4
	ln -s nowhere nowhere
	overlay odd nowhere raw
	try img-info --json --chain odd
	[ "$status" = 8 ]
	json '.layers | length == 2'
}

@test "chain-libvirt: a directory is no layer" {
	mkdir dir
	overlay top dir raw
	try img-info --json --chain top
	[ "$status" = 8 ]
	json '.layers[1].error.kind == "refused"'
	succeeds img-info --json --chain dir
	json '(.layers | length) == 1 and .kind == "directory"'
	succeeds img-info --chain --xml dir
	[ "$(xmllint --xpath 'string(/volume/@type)' "$OUT")" = dir ]
	try qemu-img info --backing-chain top
	[ "$status" = 1 ]
}

@test "chain-libvirt: external data files, of the image, of its backing file, and with no name" {
	qemu-img create -q -f qcow2 -o data_file=data,data_file_raw=on qcow2 4M
	qemu-io -c 'write 1M 1M' qcow2 >/dev/null
	as_qemu qcow2
	json ".data_file | .recorded == \"data\" and .path == \"$DIR/data\""
	json ".data_file.recorded == $(qemu-img info --output=json qcow2 |
		jq '."format-specific".data."data-file"')"
	json ".data_file.allocation == $(allocated data) and .data_file.physical == 4194304"
	qemu-img create -q -f qcow2 -b qcow2 -F qcow2 -o data_file=data2 top
	as_qemu top
	json '[.layers[].data_file.recorded] == ["data2", "data"]'
	json "[.layers[].data_file.path] == [\"$DIR/data2\", \"$DIR/data\"]"
	overlay auto qcow2
	succeeds img-info --json --chain auto
	json '.layers[1].data_file == null' # raw: what a guest writes names no file
	# The header extension is there, and empty.
	cp qcow2 unnamed
	empty_data_file unnamed
	succeeds img-info --json --chain unnamed
	json '.data_file.recorded == "" and .data_file.path == null and .layers[0].error == null and
		(.layers[0].features | index("data_file")) != null'
	rm data
	try img-info --json --chain qcow2
	[ "$status" = 0 ]
	json '.data_file.physical == null and .data_file.recorded == "data"'
}

# empty_data_file IMAGE: the name of its data file is of no length.
empty_data_file() {
	local at

	at=$(LC_ALL=C grep -obUaP '\x44\x41\x54\x41\x00\x00\x00\x04data' "$1" | head -n 1)
	printf '\104\101\124\101\0\0\0\0\1\2\3\4\0\0\0\0' | put "$1" "${at%%:*}"
}

@test "chain-libvirt: qed with a backing file" {
	printf '%1024d' 0 >raw
	for name in raw "$DIR/raw"; do
		qemu-img create -q -f qed -b "$name" -F raw qed 1M
		as_qemu qed
		layers .path "[\"$DIR/qed\", \"$DIR/raw\"]"
		layers .format '["qed", "raw"]'
	done
	overlay top qed qed
	as_qemu top
	layers .format '["qcow2", "qed", "raw"]'
	rm raw
	fails_as_qemu qed missing 1
}
