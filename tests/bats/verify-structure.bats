#!/usr/bin/env bats
#
# img-verify of qcow2 on a host that has no qemu-img, judged by the one here.

load common

setup_file() {
	local program mounts=
	# shellcheck disable=SC2030
	for program in {/usr/local,/usr,}/{bin,sbin}/qemu-img; do
		[ ! -x "$program" ] || mounts+="mount --bind /dev/null $program"$'\n'
	done
	img_setup_file with
	HOST_MOUNTS=$mounts start_host without
}
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	! ssh -F "$SSH_CONFIG" without qemu-img --version 2>/dev/null
}
teardown() { img_teardown; }

# verdict IMAGE: 0, 8, or 3 if there are leaks; of qemu-img.
verdict() {
	local status=0

	qemu-img check "$1" >/dev/null 2>&1 || status=$?
	case $status in
	0 | 3) echo $status ;;
	*) echo 8 ;;
	esac
}

# agrees IMAGE: both hosts find what qemu-img finds.
agrees() {
	local host want status found

	want=$(verdict "$1")
	for host in with without; do
		try img-verify "$host:$DIR/$1"
		found=$status
		[ "$found" != 0 ] || ! grep -q 'are leaked' "$ERR" || found=3
		if [ "$found" != "$want" ]; then
			echo "$host: $1 is $want for qemu-img" >&2
			told
			return 1
		fi
	done
}

@test "verify structure: sound, leaking and corrupt images" {
	qemu-img convert -f raw -O qcow2 "$IMAGE" good
	agrees good
	[ "$(verdict good)" = 0 ]
	cp good x
	put_be32 x $((2 * 65536)) $((2 << 16 | 1))
	agrees x
	[ "$(verdict x)" = 3 ]
	cp good x
	head -c 16 /dev/zero | put x $((2 * 65536))
	agrees x
	[ "$(verdict x)" = 8 ]
	says 'reference count'
	qemu-img create -q -f qcow2 -o cluster_size=512,refcount_bits=2 x 4M
	qemu-io -c 'write -q 0 1M' x
	qemu-img snapshot -c one x
	qemu-img bitmap --add x b
	qemu-io -c 'write -q 100K 1M' x
	agrees x
	[ "$(verdict x)" = 0 ]
	qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd "$IMAGE" x
	agrees x
	qemu-img create -q -f qcow2 -o data_file=data x 4M
	qemu-io -c 'write -q 0 1M' x
	try img-verify "without:$DIR/x"
	[ "$status" = 0 ]
}

@test "verify structure: who checked it" {
	qemu-img convert -f raw -O qcow2 "$IMAGE" x
	try img-verify -v "with:$DIR/x"
	says "with:$DIR/x: checked by qemu-img"
	try img-verify -v "without:$DIR/x"
	[ "$status" = 0 ]
	says "without:$DIR/x: checked by img-tools"
	qemu-img create -q -f qcow2 -b x -F qcow2 top
	succeeds img-verify --json --chain "without:$DIR/top"
	json '[.layers[].checked_by] == ["img-tools", "img-tools"]'
}

@test "verify structure: an encrypted image, unknown features, and a dirty image" {
	qemu-img create -q -f qcow2 good 4M
	cp good x
	put_be32 x 32 1
	refuses 1 "without:$DIR/x" img-verify "without:$DIR/x"
	says encrypted
	cp good x
	printf '\200' | put x 72
	refuses 8 "without:$DIR/x" img-verify "without:$DIR/x"
	cp good x
	printf '\1' | put x 79
	try img-verify "without:$DIR/x"
	[ "$status" = 0 ]
	says 'marked dirty'
}

@test "verify structure: a huge sparse file takes little time" {
	SECONDS=0
	qemu-img create -q -f qcow2 x 1T
	qemu-io -c 'write -q 0 64K' -c 'write -q 900G 64K' x
	truncate -s 2T x
	succeeds img-verify --chain "without:$DIR/x"
	[ "$SECONDS" -lt 60 ]
}
