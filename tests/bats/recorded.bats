#!/usr/bin/env bats
# Names that a qcow2 layer records, which a guest or an attacker may have written: which
# system calls are made with them.  tests/unit/test_recorded.c tests where the names lead.

load common

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }

# What the configuration allows is allowed/ and also/.  In each directory, `hidden` is in
# the name of what the layers record.
setup() {
	img_setup
	mkdir -p allowed/sub also other
	touch allowed/hidden allowed/sub/hidden also/hidden other/hidden
	ln -s ../other/hidden allowed/hidden-out
	ln -s /proc/self/fd/0 allowed/hidden-magic
	printf '[storage]\n directory = %s\n' "$DIR/allowed" "$DIR/also" >config
}
teardown() { img_teardown; }

# crafted FILE NAME: makes a qcow2 header that records NAME, whatever that is.
crafted() {
	local header

	# Magic and version 3; offset and length of the name; clusters of 64 KiB; 1 MiB.
	printf -v header '514649fb00000003%016x%08x00000010%016x' 112 ${#2} 1048576
	# No encryption; one L1 entry at 192 KiB; one cluster of reference counts at 64 KiB.
	header+='0000000000000001000000000003000000000000000100000000000100000000'
	# No snapshots; no features; 16-bit counts; 104 bytes of header; no extensions.
	header+=0000000000000000$(printf '%048d' 0)00000004000000680000000000000000
	{
		unhex "$header"
		printf %s "$2"
	} >"$1"
	truncate -s 256K "$1"
}

# calls FILE [COMMAND...]: runs img-info --json on FILE, or COMMAND, and prints each system
# call that was made with a name that has `hidden` in it.  Calls that only transfer data,
# such as the layer's header or the reply, are left out.
calls() {
	local traced=("${@:2}")

	[ ${#traced[@]} != 0 ] || traced=(img-info --config config --json "$1")
	try strace -f -qq -s 5000 -o trace env ASAN_OPTIONS=detect_leaks=0 "${traced[@]}"
	[ "$status" = 0 ] || {
		told
		return 1
	}
	# Or nothing was traced.  Between "pread64" and what was read, another thread may have come.
	grep -q 'pread64.*hidden' trace || {
		echo "the header was not read" >&2
		return 1
	}
	# What a readlink() found; its name is in the first half of the line.
	sed -i '/<\.\.\. readlink resumed>/d' trace
	grep hidden trace | sed -E 's/^[0-9]+ +//; s/^<\.\.\. ([a-z0-9_]+) resumed>/\1(/' |
		grep -vE '^(p?read|p?write)(64|v)?\(|^(send|recv)(to|from|msg)\(|^execve\(' |
		grep -v '^readlink("/proc/self/fd/[0-9]*"' || true
}

# quiet NAME...: no call is made with a name that a layer records, and it is shown as recorded.
quiet() {
	local name found

	for name; do
		crafted allowed/layer "$name"
		found=$(calls allowed/layer)
		[ -z "$found" ] || {
			echo "calls with '$name': $found" >&2
			return 1
		}
		json '.backing == {path: null, recorded: $name, format: null}' --arg name "$name"
	done
}

# once PATH NAME...: one openat2 is made with a name that a layer records, which leads to PATH
# (null: nowhere).
once() {
	local path=$1 name found
	shift

	for name; do
		crafted allowed/layer "$name"
		found=$(calls allowed/layer)
		if [ "$(wc -l <<<"$found")" != 1 ] || [[ $found != openat2\(*RESOLVE_BENEATH* ]] ||
			[[ $found != *RESOLVE_NO_MAGICLINKS* ]]; then
			echo "calls with '$name': $found" >&2
			return 1
		fi
		json '.backing.path == $path and .backing.recorded == $name' \
			--argjson path "$path" --arg name "$name"
	done
}

@test "recorded: a crafted header is one that qemu-img reads" {
	crafted layer /hidden
	[ "$(qemu-img info --output=json layer | jq -r '."backing-filename"')" = /hidden ]
	succeeds img-info --json layer
	json '.format == "qcow2" and .capacity == 1048576 and .compat == "1.1"'
}

@test "recorded: no call with a name outside of the allowed directories" {
	quiet ../other/hidden file:../hidden ../hidden ../../../../../../../../../../../etc/hidden /etc/hidden \
		"$DIR/other/hidden" "$DIR/allowed/../other/hidden" "$DIR/allowed-hidden" \
		"../allowed/../other/hidden" "../also/../other/hidden" /dev/hidden /dev/vg/hidden \
		/proc/self/root/hidden
}

@test "recorded: no call with what is no path" {
	quiet nbd:unix:/hidden nbd://hidden/x 'json:{"driver":"file","filename":"hidden"}' \
		hidden:x ssh://hidden/x
}

@test "recorded: one call with a name in an allowed directory" {
	once "\"$DIR/allowed/hidden\"" hidden file:hidden ./hidden sub/../hidden "$DIR/allowed/hidden" \
		"$DIR//allowed/./hidden" ../allowed/hidden
	once "\"$DIR/allowed/sub/hidden\"" sub/hidden
	once "\"$DIR/also/hidden\"" ../also/hidden "$DIR/also/hidden" ../also/../allowed/../also/hidden
	once "\"$DIR/allowed/hidden-gone\"" hidden-gone "$DIR/allowed/hidden-gone"
}

@test "recorded: that one call does not lead out of it" {
	once null sub/../../other/hidden hidden-out hidden-magic hidden/x
}

# The names are recorded by qemu-img, with a format.
@test "recorded: layers of qemu-img" {
	local name

	for name in ../other/hidden "$DIR/other/hidden" nbd:unix:/hidden; do
		qemu-img create -q -u -f qcow2 -F raw -b "$name" allowed/layer 1M
		[ -z "$(calls allowed/layer)" ]
		json '.backing == {path: null, recorded: $name, format: "raw"}' --arg name "$name"
	done
	qemu-img create -q -u -f qcow2 -F raw -b hidden allowed/layer 1M
	[[ $(calls allowed/layer) == openat2\(* ]]
	json '.backing == {path: $path, recorded: "hidden", format: "raw"}' \
		--arg path "$DIR/allowed/hidden"
}

# A relative name counts from the directory of the link, as QEMU has it.
@test "recorded: a layer that is reached through a link" {
	mkdir allowed/d1 allowed/d2
	crafted allowed/d1/layer hidden
	ln -s ../d1/layer allowed/d2/link
	touch allowed/d1/hidden allowed/d2/hidden
	succeeds img-info --config config --json allowed/d2/link
	json '.backing.path == $path' --arg path "$DIR/allowed/d2/hidden"
	succeeds img-info --config config --json allowed/d1/layer
	json '.backing.path == $path' --arg path "$DIR/allowed/d1/hidden"
	succeeds img-info --json "a:$DIR/allowed/d2/link"
	json '.backing.path == $path' --arg path "$DIR/allowed/d2/hidden"
}

@test "recorded: a listing makes no other calls" {
	local found

	crafted allowed/in hidden
	crafted allowed/out ../other/hidden
	crafted allowed/nbd nbd:unix:/hidden
	rm allowed/hidden*
	rm allowed/sub/hidden
	found=$(calls . img-list --config config --json allowed)
	[ "$(wc -l <<<"$found")" = 1 ]
	[[ $found == openat2\(* ]]
	json '[.entries[] | select(.format == "qcow2") | .name] == ["in", "nbd", "out"]'
}

@test "recorded: without a limit, a link of the process is not followed" {
	local name

	for name in /proc/self/fd/0 /proc/self/fd/9 /proc/self/cwd/other/hidden /dev/stdin \
		hidden-magic; do
		crafted allowed/layer "$name"
		succeeds img-info --json allowed/layer
		json '.backing.path == null and .backing.recorded == $name' --arg name "$name"
	done
	crafted allowed/layer ../other/hidden
	[ "$(calls allowed/layer img-info --json allowed/layer | grep -c '^openat2(')" = 1 ]
	json '.backing.path == $path' --arg path "$DIR/other/hidden"
}
