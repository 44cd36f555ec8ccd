#!/usr/bin/env bats
# The order at the end of a copy: a target is published only after the source's last word,
# whatever goes wrong between that and the end of the data.  The source is a program that
# speaks the protocol and ends as each test says.

load common

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }

setup() {
	img_setup
	printf 'old content' >old
	truncate -s 1M zeros
	DIGEST=$(img-verify zeros | grep -oE '[0-9a-f]{32}')
}

teardown() { img_teardown; }

# be WIDTH NUMBER: the number in so many bytes, big-endian.
be() {
	local hex

	printf -v hex "%0$(($1 * 2))x" "$2"
	unhex "$hex"
}

# frame TYPE: standard input as the payload of a frame.
frame() {
	cat >payload
	be 1 "$1"
	be 1 0
	be 2 0
	be 4 "$(stat -c %s payload)"
	cat payload
}

# source_ends COMMAND...: a helper that sends an image of 1 MiB of zeros, and then what the
# command prints; "hangs up" in its name: and then closes the connection.
source_ends() {
	{
		printf '\nimg-tools/3 ready\n'
		printf 'protocol=3\0version=0\0lanes=1\0' | frame 1
		printf 'capacity=1048576\0format=raw\0consistent=1\0' | frame 3
		{
			be 8 0
			be 8 1048576
		} | frame 6
		{
			be 8 1048576
			be 8 0
			be 8 1048576
			be 8 0
			unhex "$DIGEST"
		} | frame 7
		"$@"
	} >stream
	cat >source <<-END
		#!/bin/sh
		[ "\$1" != --protocol ] || exec echo 3
		cat "$PWD/stream"
		$([[ $1 == nothing ]] || echo 'exec cat >/dev/null')
	END
	chmod 755 source
}

nothing() { :; }

overflowed() {
	{
		be 2 8
		be 4 0
		printf 'the snapshot is invalid: it overflowed'
	} | frame 9
}

ok_with() {
	printf 'capacity=1048576\0data_bytes=0\0hole_bytes=1048576\0digest=%s\0' "$1" | frame 8
}

# The target of each kind is as before after a copy that fails with STATUS.
nothing_published() {
	refuses "$1" '' img-copy --helper "$PWD/source" "a:$DIR/x" new.img
	[ ! -e new.img ]
	refuses "$1" '' img-copy --helper "$PWD/source" --overwrite "a:$DIR/x" old
	[ "$(cat old)" = 'old content' ]
	tr '\0' x <zeros >filled
	cp filled before
	refuses "$1" '' img-write --helper "$PWD/source" "a:$DIR/x" filled
	# It may fail before the first write, which leaves no mark.
	if cmp -s filled before; then
		succeeds img-copy filled again
		rm again
	else
		refuses 8 filled img-copy filled again
		says unfinished
	fi
	# Of an archive, the digest of the coded blocks is missing in any case.
	try img-copy -a --helper "$PWD/source" "a:$DIR/x" new.lzo
	[[ $status == [78] ]]
	[ ! -e new.lzo ]
	[ "$(find . -name '.*.img-tools')" = '' ]
	rm filled
}

@test "order: a source that says all is well is copied" {
	source_ends ok_with "$DIGEST"
	succeeds img-copy --helper "$PWD/source" "a:$DIR/x" new.img
	same new.img zeros
}

@test "order: the connection is cut after the end of the data" {
	source_ends nothing
	nothing_published 7
}

@test "order: the source's last word is that its snapshot overflowed" {
	source_ends overflowed
	nothing_published 8
	says overflowed
}

@test "order: the source's last word is another digest" {
	source_ends ok_with 00112233445566778899aabbccddeeff
	nothing_published 8
}

# A source that says that it is raw, and whose first block is a qcow2 layer.
liar() {
	{
		unhex 514649fb00000003
		head -c 262136 /dev/zero
	} >block
	{
		printf '\nimg-tools/3 ready\n'
		printf 'protocol=3\0version=0\0lanes=1\0' | frame 1
		printf 'capacity=262144\0format=raw\0consistent=1\0' | frame 3
		{
			be 8 0
			be 4 262144
			be 4 262144
			unhex "$(adler32 <block)"
			cat block
		} | frame 5
	} >stream
	cat >source <<-END
		#!/bin/sh
		[ "\$1" != --protocol ] || exec echo 3
		cat "$PWD/stream"
		exec cat >/dev/null
	END
	chmod 755 source
}

@test "order: a source that says raw and sends qcow2 does not fill a raw image" {
	liar
	tr '\0' x <zeros >filled
	cp filled before
	refuses 4 filled img-write --helper "$PWD/source" "a:$DIR/x" filled
	says change-format
	same filled before
	img-copy filled again # and is not marked
}
