#!/usr/bin/env bats
#
# img-verify --chain: the structure of each layer.

load common

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# layers: base, mid and top, with data in each.
layers() {
	rm -f base mid top
	truncate -s 5M base
	seq 100000 | put base 0
	qemu-img create -q -f qcow2 -b base -F raw mid 6M
	qemu-io -c 'write -q -P 5 512K 70K' mid
	qemu-img create -q -f qcow2 -b mid -F qcow2 top 8M
	qemu-io -c 'write -q -P 3 6M 1M' top
}

# results: prints the results of the last `try --json`, top first.
results() {
	jq -r '[.layers[].result] | join(" ")' "$OUT"
}

@test "verify --chain: a line for each layer" {
	local where

	layers
	for where in '' "a:"; do
		succeeds img-verify --chain "$where$DIR/top"
		diff "$OUT" - <<-END
			intact     qcow2  $where$DIR/top
			intact     qcow2  $where$DIR/mid
			readable   raw    $where$DIR/base
		END
	done
	succeeds img-verify -q --chain base
	[ "$(cat "$OUT")" = "readable   raw    $DIR/base" ]
	try img-verify -v --chain top
	says "layer '$DIR/mid': checked by qemu-img"
}

@test "verify --chain --json: every key, and its type" {
	layers
	succeeds img-verify --json --chain "a:$DIR/top"
	json 'keys == ["layers", "location"] and .location == $l' --arg l "a:$DIR/top"
	json '[.layers[].depth] == [0, 1, 2] and [.layers[].format] == ["qcow2", "qcow2", "raw"]'
	json '[.layers[].path] == [$d + "/top", $d + "/mid", $d + "/base"]' --arg d "$DIR"
	json '[.layers[].location] == [.layers[] | "a:" + .path]'
	json '[.layers[].checked_by] == ["qemu-img", "qemu-img", null]'
	json '[.layers[] | keys] | unique == [["checked_by", "depth", "dirty", "error", "format",
		"location", "name", "path", "result"]]'
	json '[.layers[].dirty] == [false, false, false] and [.layers[].error] == [null, null, null]'
	[ "$(results)" = 'intact intact readable' ]
}

# fails_at STATUS LAYER TEXT: one line names the layer, and the results are those before.
fails_at() {
	try img-verify --json --chain top
	[ "$status" = "$1" ] || { told && return 1; }
	one_line "img-verify: top: layer '$2': "
	says "$3"
	try img-verify --chain "a:$DIR/top"
	[ "$status" = "$1" ]
	says "layer 'a:$2': "
	grep -q "^failed .*a:$2\$" "$OUT"
	img-verify --json --chain top >"$OUT" 2>/dev/null || true
}

@test "verify --chain: a layer that is missing, refused, damaged or a loop" {
	layers
	mv mid gone
	fails_at 8 "$DIR/mid" 'No such file'
	[ "$(results)" = 'intact failed' ]
	json '.layers[1].error.kind == "missing"'
	mv gone mid
	mv base gone
	fails_at 8 "$DIR/base" 'No such file'
	[ "$(results)" = 'intact intact failed' ]
	mkdir base
	fails_at 8 "$DIR/base" 'not an image'
	rmdir base
	mv gone base
	qemu-img create -q -f qcow2 -u -b top -F qcow2 mid 6M
	fails_at 8 "$DIR/top" 'is also a layer above itself'
	json '.layers[2].error.kind == "loop"'
	printf 'no layer' >mid
	fails_at 8 "$DIR/mid" 'is not a qcow2 image'
	# The reference count of a cluster in use is 0; the layers below are verified.
	layers
	qemu-img check -q mid
	head -c 16 /dev/zero | put mid $((2 * 65536))
	if qemu-img check -q mid 2>"$ERR"; then return 1; fi
	fails_at 8 "$DIR/mid" 'corrupt'
	[ "$(results)" = 'intact failed readable' ]
	json '.layers[1].error.kind == "damaged"'
	# Two layers: the first is the error, the other one is told about.
	head -c 16 /dev/zero | put top $((2 * 65536))
	try img-verify --chain top
	[ "$status" = 8 ]
	[ "$(wc -l <"$ERR")" = 2 ]
	says "layer '$DIR/top': "
	says "layer '$DIR/mid': "
	# What the policy does not allow.
	layers
	mkdir in
	qemu-img create -q -f qcow2 -b ../base -F raw in/top
	printf '[storage]\ndirectory = %s/in\n' "$DIR" >config
	try img-verify --json --config config --chain in/top
	[ "$status" = 8 ]
	json '.layers[1].error.kind == "refused"'
}

@test "verify --chain: leaks, other formats, the network, and the external data file" {
	layers
	put_be32 mid $((2 * 65536)) $((2 << 16 | 1))
	try img-verify --chain top
	[ "$status" = 0 ]
	one_line "img-verify: top: layer '$DIR/mid': some clusters are leaked"
	grep -q '^leaks  *qcow2' "$OUT"
	qemu-img create -q -f vmdk base 5M
	qemu-img create -q -f qcow2 -b base -F vmdk mid 6M
	try img-verify --chain top
	[ "$status" = 0 ]
	one_line "img-verify: top: layer '$DIR/base': its structure was not checked: its format is vmdk"
	[ "$(tail -n 1 "$OUT")" = "unchecked  vmdk   $DIR/base" ]
	qemu-img create -q -f qcow2 -u -b nbd://localhost/x -F raw mid 6M
	try img-verify --json --chain top
	[ "$status" = 0 ]
	says 'its structure was not checked'
	json '.layers[2] | .name == "nbd://localhost/x" and .path == null and .result == "unchecked"'
	qemu-img convert -O qcow2 -o data_file=data base top
	succeeds img-verify --chain top
	rm data
	fails_at 8 "$DIR/top" "external data file 'data': "
}

@test "verify --chain: reads no data, only the structure" {
	layers
	qemu-img create -q -f qcow2 -o preallocation=full big 64M
	qemu-img create -q -f qcow2 -b big -F qcow2 top
	timeout 60 strace -f -e trace=pread64,read,preadv -o trace \
		env ASAN_OPTIONS=detect_leaks=0 img-verify --chain top
	[ "$(awk '/pread|read/ { n += $NF } END { print int(n) }' trace)" -lt 20000000 ]
}

@test "verify --chain: layers in use" {
	local writer

	layers
	qemu-io -c 'sleep 100000' mid >/dev/null 2>&1 3>&- &
	writer=$!
	wait_until 20 in_use mid
	fails_at 5 "$DIR/mid" 'in use'
	json '.layers[1].error.kind == "busy"'
	try img-verify --live --chain top
	[ "$status" = 0 ]
	refuses 5 mid img-verify --chain mid
	kill -KILL $writer
}

in_use() {
	img-info --json "$1" | jq -e .in_use >/dev/null
}

@test "verify --chain: what is no chain, and wrong command lines" {
	layers
	refuses 3 no img-verify --chain no
	refuses 3 "a:$DIR/no" img-verify --chain --json "a:$DIR/no"
	refuses 4 . img-verify --chain .
	img-copy -q -a base base.lzo
	refuses 4 base.lzo img-verify --chain base.lzo
	says img-unarchive
	refuses 2 '' img-verify --chain top base
	refuses 2 '' img-verify --chain --as-is top
	refuses 2 '' img-verify --chain -
	touch .top.img-tools-unfinished
	refuses 8 top img-verify --chain top
	rm .top.img-tools-unfinished
}
