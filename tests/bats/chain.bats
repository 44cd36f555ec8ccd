#!/usr/bin/env bats
#
# img-info --chain: the layers below an image, judged by qemu-img.

load common

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# overlay NAME BACKING [FORMAT [OPTION...]]: a layer over BACKING, which need not exist.
overlay() {
	qemu-img create -q -f qcow2 -u -b "$2" ${3:+-F "$3"} "${@:4}" "$1" 12M
}

# The example of the document: a raw base, and two layers above it.
example() {
	truncate -s 10M base
	printf x | dd of=base bs=1 seek=5M conv=notrunc status=none
	qemu-img create -q -f qcow2 -b base -F raw snap1 12M
	qemu-img create -q -f qcow2 -b snap1 -F qcow2 snap2
	qemu-io -c 'write 1M 2M' snap1 >/dev/null
	qemu-io -c 'write 3M 64K' snap2 >/dev/null
}

@test "chain: each layer has the numbers that qemu-img shows" {
	local where

	example
	qemu-img info --backing-chain --output=json snap2 |
		jq -c '.[] | [.filename, ."virtual-size", ."actual-size", .format]' >expected
	for where in '' "a:$DIR/"; do
		succeeds img-info --json --chain "${where}snap2"
		jq -c '.layers[] | [.name, .capacity, .allocation, .format]' "$OUT" | diff expected -
		json '[.layers[].depth] == [0, 1, 2] and ([.layers[].error] | unique) == [null]'
		json "[.layers[].path] == [\"$DIR/snap2\", \"$DIR/snap1\", \"$DIR/base\"]"
		json '[.layers[].location] == [.layers[] | (if .host then "a:" else "" end) + .path]'
		json '[.layers[].physical] == ['"$(stat -c %s snap2 snap1 base | paste -sd,)"']'
		json '.layers[0].watermark == '"$(end_of snap2)"' and .watermark == .layers[0].watermark'
		json '.layers[1].watermark == '"$(end_of snap1)"' and .layers[2].watermark == null'
		json '.layers[0].backing == {path: .layers[1].path, recorded: "snap1", format: "qcow2"}'
		json '.name == "snap2" and .layers[0].permissions == .permissions'
		json '(.layers[2] | keys) == (.layers[0] | keys)'
	done
}

end_of() {
	qemu-img check --output=json "$1" | jq '."image-end-offset"'
}

@test "chain: as a table, one line for each layer" {
	example
	succeeds img-info --chain snap2 base
	[ "$(head -n 1 "$OUT")" = snap2: ]
	[ "$(sed -n '2,5p' "$OUT" | awk '{ print $NF }')" = "LAYER
$DIR/snap2
$DIR/snap1
$DIR/base" ]
	[ "$(sed -n 6p "$OUT")" = '' ]
	[ "$(sed -n 7p "$OUT")" = base: ]
	grep -E '^ *10 MiB .* 2 +raw +- +/' "$OUT"
	[ "$(grep -c '' "$OUT")" = 9 ]
	succeeds img-info snap2
	grep -x "watermark .*($(end_of snap2) bytes)" "$OUT"
}

# xpath EXPRESSION: its value in what was printed.
xpath() {
	xmllint --xpath "$1" "$OUT"
}

# names_in XPATH: the names of the elements in that one, in their order.
names_in() {
	local count i

	count=$(xmllint --xpath "count($1/*)" "$OUT")
	for ((i = 1; i <= count; i++)); do
		xmllint --xpath "name($1/*[$i])" "$OUT"
	done | paste -sd' '
}

@test "chain: as a volume, nested and in the order of the document" {
	local layer=/volume

	example
	succeeds img-info --chain --xml snap2
	xmllint --noout "$OUT"
	[ "$(xpath 'string(/volume/@type)')" = file ]
	[ "$(names_in /volume)" = 'name key source capacity allocation physical target backingStore' ]
	[ "$(names_in /volume/target)" = 'path format permissions timestamps compat clusterSize features' ]
	layer=/volume/backingStore
	[ "$(names_in $layer)" = 'path capacity allocation physical format permissions timestamps compat features backingStore' ]
	[ "$(xpath "string($layer/path)")" = "$DIR/snap1" ]
	[ "$(xpath "string($layer/physical)")" = "$(stat -c %s snap1)" ]
	[ "$(xpath "string($layer/capacity/@unit)")" = bytes ]
	layer+=/backingStore
	[ "$(names_in $layer)" = 'path capacity allocation physical format permissions timestamps backingStore' ]
	[ "$(xpath "string($layer/format/@type)")" = raw ]
	[ "$(xpath "string($layer/timestamps/mtime)")" = "$(stat -c %.9Y base)" ]
	[ "$(names_in $layer/backingStore)" = '' ]
	# The same in one call for a layer of another host, and of another directory.
	succeeds img-info --chain --xml=volume "a:$DIR/snap1"
	[ "$(xpath 'string(/volume/backingStore/path)')" = "$DIR/base" ]
	mkdir pool
	overlay top ../"${DIR##*/}"/pool/lower qcow2
	overlay pool/lower nbd://server:10809/disk raw
	succeeds img-info --chain --xml top
	[ "$(xpath 'string(/volume/backingStore/@type)')" = file ]
	[ "$(xpath 'string(/volume/backingStore/backingStore/@type)')" = network ]
	# Without --chain, as libvirt shows a volume.
	succeeds img-info --xml snap2
	[ "$(names_in /volume/backingStore)" = 'path format' ]
}

@test "chain: as a disk of a domain" {
	example
	succeeds img-info --chain --xml=domain snap2
	[ "$(names_in /disk)" = 'driver source capacity allocation physical permissions timestamps backingStore target' ]
	[ "$(names_in /disk/driver)" = 'compat features' ]
	[ "$(xpath 'string(/disk/source/@file)')" = "$DIR/snap2" ]
	[ "$(xpath 'string(/disk/backingStore/@index)')" = 1 ]
	[ "$(names_in /disk/backingStore)" = 'format source capacity allocation physical permissions timestamps backingStore' ]
	[ "$(xpath 'string(/disk/backingStore/backingStore/@index)')" = 2 ]
	[ "$(names_in /disk/backingStore/backingStore/backingStore)" = '' ]
	overlay net nbd://server:10809/disk raw
	succeeds img-info --chain --xml=domain net
	[ "$(xpath 'string(/disk/backingStore/source/@protocol)')" = nbd ]
	[ "$(xpath 'string(/disk/backingStore/source/host/@port)')" = 10809 ]
	[ "$(xpath 'string(/disk/backingStore/source/@name)')" = disk ]
	overlay odd 'json:{"driver":"nbd"}' raw
	succeeds img-info --chain --xml=domain odd
	[ "$(xpath 'string(/disk/backingStore/source/@name)')" = 'json:{"driver":"nbd"}' ]
}

@test "chain: layers of other directories, and through links" {
	mkdir d e
	truncate -s 1M e/base
	overlay e/mid base raw
	ln -s ../e/mid d/link
	overlay top d/link qcow2
	# QEMU takes a relative name from the directory of the name, not from that of the file.
	try img-info --json --chain top
	[ "$status" = 8 ]
	json '.layers[2].error.kind == "missing" and .layers[2].name == "base"'
	try qemu-img info --backing-chain top
	[ "$status" = 1 ]
	ln -s ../e/base d/base
	succeeds img-info --json --chain top
	json "[.layers[].path] == [\"$DIR/top\", \"$DIR/e/mid\", \"$DIR/e/base\"]"
	overlay file "file:$DIR/e/mid" qcow2
	succeeds img-info --json --chain "a:$DIR/file"
	json '[.layers[].name] == ["file", "mid", "base"]'
}

@test "chain: layers of other formats, and a copy of one warns" {
	local format

	truncate -s 4M base
	qemu-img create -q -f vmdk base.vmdk 4M
	qemu-img create -q -f vmdk -b base.vmdk -F vmdk x.vmdk
	for format in qed qcow; do
		qemu-img create -q -f $format -b base -F raw x.$format 4M
	done
	for format in qed qcow vmdk; do
		succeeds img-info --json --chain x.$format
		json ".backing.recorded == $(qemu-img info --output=json x.$format | jq '."backing-filename"')"
		json ".backing.format == $(qemu-img info --output=json x.$format |
			jq '."backing-filename-format"')"
		json "[.layers[].format] == [\"$format\", \"$([ $format = vmdk ] && echo vmdk || echo raw)\"]"
		json '[.layers[].capacity] == [4194304, 4194304]'
		try img-copy x.$format copy
		[ "$status" = 0 ]
		says 'only this layer is copied'
		rm copy
	done
	# A parent that there is none of.
	sed -i 's/^parentCID=.*/parentCID=ffffffff/' x.vmdk
	succeeds img-info --json x.vmdk
	json '.backing == null'
}

# broken KIND NUMBER NAME: its last layer has that number, and an error of that kind.
broken() {
	local where

	for where in '' "a:$DIR/"; do
		try img-info --json --chain "$where$3"
		[ "$status" = 8 ]
		one_line "img-info: $where$3: layer '"
		json ".layers[-1] | .depth == $2 and .error.kind == \"$1\" and .capacity == null and
			.in_use == false"
		json '.layers[-1].error.message | length > 0'
		try img-info --chain "$where$3"
		[ "$status" = 8 ]
		tail -n 1 "$OUT" | grep "ERROR: $1" >&2
		try img-info --chain --xml=domain "$where$3"
		[ "$status" = 8 ]
		xmllint --noout "$OUT"
	done
}

@test "chain: layers that cannot be shown" {
	local i

	overlay gone nothing raw
	broken missing 1 gone
	overlay above gone qcow2
	broken missing 2 above
	mkdir dir
	mkfifo fifo
	overlay over-dir dir raw
	broken refused 1 over-dir
	overlay over-fifo fifo raw
	broken refused 1 over-fifo
	printf 'no layer' >text
	overlay damaged text qcow2
	broken damaged 1 damaged
	overlay loop1 loop2 qcow2
	overlay loop2 loop1 qcow2
	broken loop 2 loop1
	ln loop1 loop3
	broken loop 2 loop3
	truncate -s 1M 0
	for ((i = 1; i <= 200; i++)); do
		overlay $i $((i - 1)) "$([ $i = 1 ] && echo raw || echo qcow2)"
	done
	broken depth 200 200
	succeeds img-info --json --chain 199
	json '.layers | length == 200'
}

@test "chain: the status is that of the first failure, be it of a layer or of an image" {
	overlay gone nothing raw
	try img-info --chain gone missing
	[ "$status" = 8 ]
	says 'img-info: missing: '
	try img-info --chain missing gone
	[ "$status" = 3 ]
}

@test "chain: what a guest writes into its raw disk does not extend the chain" {
	local format

	truncate -s 1M secret
	overlay guest "$DIR/secret" raw
	for format in raw unrecorded; do
		overlay top guest raw
		[ $format = raw ] || forget_format top
		succeeds img-info --json --chain top
		json '(.layers | length) == 2 and .layers[1].format == "raw" and .layers[1].backing == null'
		json '.layers[1].capacity == .layers[1].physical'
		json ".layers[0].backing.format == $([ $format = raw ] && echo '"raw"' || echo null)"
	done
}

# forget_format IMAGE: it no longer records the format of its backing file.
forget_format() {
	local at

	at=$(LC_ALL=C grep -obUaP '\xe2\x79\x2a\xca' "$1" | head -n 1)
	printf '\1\2\3\4' | dd of="$1" bs=1 seek="${at%%:*}" conv=notrunc status=none
}

@test "chain: only within the directories that are allowed" {
	mkdir in out
	printf '[storage]\ndirectory = %s/in\n' "$DIR" >config
	truncate -s 1M out/base
	overlay in/top ../out/base raw
	ln -s ../out/base in/link
	overlay in/through link raw
	try img-info --config config --json --chain in/top
	[ "$status" = 8 ]
	json '.layers[1] | .error.kind == "refused" and .path == null and .capacity == null'
	try img-info --config config --json --chain in/through
	[ "$status" = 8 ]
	json '.layers[1].error.kind == "refused"'
	truncate -s 1M in/base
	overlay in/good base raw
	succeeds img-info --config config --json --chain in/good
	json '.layers[1].error == null and .layers[1].capacity == 1048576'
}

@test "chain: the watermark of all kinds of images, dirty and damaged ones" {
	local options n=0

	for options in compat=0.10 cluster_size=512 cluster_size=2M refcount_bits=1 \
		refcount_bits=64 extended_l2=on lazy_refcounts=on preallocation=metadata \
		preallocation=full compression_type=zstd; do
		qemu-img create -q -f qcow2 -o $options x 8M
		qemu-io -c 'write 1M 100K' -c 'write -z 3M 1M' x >/dev/null
		succeeds img-info --json x
		json ".watermark == $(end_of x)"
		n=$((n + 1))
	done
	[ $n = 10 ]
	# The offset of the table of reference counts.
	printf '\377\377\377\377\377\377' | dd of=x bs=1 seek=48 conv=notrunc status=none
	succeeds img-info --json x
	json '.watermark == null and .capacity == 8388608'
}

@test "chain: a result that cannot be written is a failure" {
	local options

	truncate -s 1M x
	for options in --chain --xml '--chain --xml=domain' '--chain --json'; do
		status=0
		# shellcheck disable=SC2086 # words
		img-info $options x >/dev/full 2>"$ERR" || status=$?
		[ "$status" = 1 ]
		one_line 'img-info: '
	done
}

@test "chain: wrong command lines" {
	truncate -s 1M x
	refuses 2 '' img-info --json --xml x
	refuses 2 --xml img-info --xml=pool x
	succeeds img-info --xml x
	[ "$(xpath 'string(/volume/name)')" = x ]
	succeeds img-info --chain --xml x "a:$DIR/x"
	[ "$(xpath 'count(/images/volume)')" = 2 ]
}
