#!/usr/bin/env bats
# img-create --format qcow2: files, on this host and on a remote host, judged by qemu-img.

load common
load crash

setup_file() {
	img_setup_file a
	traced_build -qq -y
}
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	QEMU=
}
teardown() {
	[ -z "$QEMU" ] || kill "$QEMU" || true
	img_teardown
}

# layer FILE SIZE [BACKING FORMAT]: FILE is an intact and empty qcow2 image of that size, which
# qemu-img describes as its own.
layer() {
	local file=$1 size=$2 end own
	shift 2

	own=$(mktemp -p "${file%/*}" own.XXXXXX)
	qemu-img create -q -u -f qcow2 ${1:+-b "$1" -F "$2"} "$own" "$size"
	same <(facts "$own") <(facts "$file") || return 1
	rm "$own"
	qemu-img check -q "$file" || return 1
	end=$(qemu-img check --output=json "$file" | jq '."image-end-offset"')
	[ "$(stat -c '%a %s' "$file")" = "600 $end" ] && [ "$(allocated "$file")" = "$end" ]
}

facts() {
	qemu-img info --output=json "$1" |
		jq '{"virtual-size", format, "cluster-size", "backing-filename",
			"full-backing-filename", "backing-filename-format", "format-specific"}'
}

@test "create qcow2: as qemu-img makes it, here and on a host" {
	local size bytes

	for size in 512=512 1M=1048576 '10G=10737418240' 1T=1099511627776 5T=5497558138880 \
		1P=1125899906842624; do
		bytes=${size#*=}
		succeeds img-create --format qcow2 x.img "${size%=*}"
		layer "$PWD/x.img" "$bytes"
		succeeds img-create --format=qcow2 "a:$DIR/y.img" "$bytes"
		same x.img y.img
		rm x.img y.img
	done
	succeeds img-create --format qcow2 --sparse x.img 1P
	qemu-img check -q x.img
	[ "$(allocated x.img)" -le 262144 ]
	succeeds img-create --format qcow2 --no-fsync z.img 1G
	layer "$PWD/z.img" 1073741824
	succeeds img-create --format raw r.img 1M
	cmp -n 1048576 r.img /dev/zero
}

@test "create qcow2: img-info and img-verify accept it, and a guest can use it" {
	succeeds img-create --format qcow2 x.img 1G
	succeeds img-info --json x.img
	json '.format == "qcow2" and .capacity == 1073741824 and .compat == "1.1"
		and .cluster_size == 65536 and .backing == null and .features == []'
	try img-verify x.img
	[ "$status" = 0 ]
	qemu-io -c 'read -P 0 0 1G' -c 'write -P 5 1000k 3M' -c 'read -P 5 1000k 3M' x.img
	qemu-img check -q x.img
}

@test "create qcow2: a size is rounded up to sectors, and a note says so" {
	try img-create --format qcow2 x.img 1000
	[ "$status" = 0 ]
	one_line 'img-create: x.img: rounded up to full sectors: 1 KiB (1024 bytes)'
	layer "$PWD/x.img" 1024
}

@test "create qcow2: the largest disk" {
	local where

	succeeds img-create --sparse --format qcow2 x.img 2P
	[ "$(qemu-img info --output=json x.img | jq '."virtual-size"')" = 2251799813685248 ]
	for where in y.img "a:$DIR/y.img"; do
		refuses 4 "$where" img-create --sparse --format qcow2 "$where" 2251799813685249
		says '2 PiB at most'
	done
	[ ! -e y.img ]
}

@test "create qcow2 --backing: the guest sees the backing file, and its format is recorded" {
	local format where

	mkdir d e
	head -c 2M /dev/urandom >d/raw
	qemu-img convert -f raw -O qcow2 d/raw d/qcow2
	qemu-img convert -f raw -O vmdk d/raw d/vmdk
	for where in '' "a:$DIR/"; do
		for format in raw qcow2 vmdk; do
			succeeds img-create --format qcow2 --backing "$format" "${where}d/x" 2M
			layer "$PWD/d/x" 2097152 "$format" "$format"
			qemu-img compare -f qcow2 -F "$format" d/x "d/$format" >&2
			rm d/x
			succeeds img-create --format qcow2 --backing "$DIR/d/$format" "${where}e/x" 3M
			layer "$PWD/e/x" 3145728 "$DIR/d/$format" "$format"
			rm e/x
		done
	done
	# A chain of three, named relatively from where each layer is.
	succeeds img-create --format qcow2 --backing ../d/qcow2 e/middle 2M
	succeeds img-create --format qcow2 --backing ./e/middle top 2M
	qemu-img compare -f qcow2 -F raw top d/raw >&2
	[ "$(qemu-img info --backing-chain --output=json top | jq length)" = 3 ]
	ln -s d/raw link
	succeeds img-create --format qcow2 --backing link over-link 2M
	layer "$PWD/over-link" 2097152 link raw
	succeeds img-info --json over-link
	json '.backing == {path: $raw, recorded: "link", format: "raw"}' --arg raw "$DIR/d/raw"
}

@test "create qcow2 --backing: odd names" {
	local long name

	long=$(printf '%*s' $((1023 - ${#DIR} - 4)) '' | tr ' ' /)
	name=$DIR$long/raw
	[ ${#name} = 1023 ]
	truncate -s 1M raw a:b $'n\nl' ' ' $'\377'
	for name in "$name" ./a:b file:raw $'n\nl' ' ' $'\377'; do
		succeeds img-create --format qcow2 --backing "$name" x.img 1M
		qemu-img check -q x.img
		grep -qaF "${name##*$'\n'}" x.img
		rm x.img
	done
	refuses 4 x.img img-create --format qcow2 --backing "/$DIR$long/raw" x.img 1M
	says 'longer than 1023 bytes'
	for name in nbd:localhost:1 nbd://localhost/x json:{} a:b "a:$DIR/raw"; do
		refuses 4 x.img img-create --format qcow2 --backing "$name" x.img 1M
		says 'not a path'
	done
	[ ! -e x.img ]
}

# no_backing STATUS WORDS NAME [OPTION...]: is refused, here and on a host, also in a dry run.
no_backing() {
	local want=$1 words=$2 name=$3 where
	shift 3

	for where in x.img "a:$DIR/x.img"; do
		refuses "$want" "$where" img-create "$@" --format qcow2 --backing "$name" "$where" 1M
		says "backing file '$name': $words"
		refuses "$want" "$where" img-create "$@" -n --format qcow2 --backing "$name" "$where" 1M
		[ ! -e x.img ]
		[ ! -e .x.img.img-tools ]
	done
}

@test "create qcow2 --backing: what cannot be a backing file" {
	mkdir dir
	no_backing 3 'cannot open: No such file or directory' gone
	no_backing 3 'cannot open: No such file or directory' x.img
	no_backing 3 'cannot open: No such file or directory' no/base
	no_backing 4 '' dir
	mkfifo fifo
	no_backing 4 '' fifo
	truncate -s 1M raw
	lzop -o archive raw
	no_backing 4 'is an archive' archive
	qemu-img create -q -f qcow2 bad 1M
	put_be32 bad 4 9
	no_backing 8 'cannot read the qcow2 header: unknown version' bad
	cp raw marked
	setfattr -n user.img-tools.unfinished -v 1 marked
	no_backing 8 'is unfinished' marked
	ln -s loop loop
	no_backing 4 'cannot open: Too many levels of symbolic links' loop
}

# put_be32 FILE OFFSET NUMBER
put_be32() {
	unhex "$(printf %08x "$3")" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "create qcow2 --backing: an image in use" {
	qemu-img create -q -f qcow2 base 1M
	qemu-io -f qcow2 -c 'sleep 100000' base >/dev/null 2>&1 3>&- &
	QEMU=$!
	wait_until 10 locked base
	no_backing 5 'in use: ' base
	kill "$QEMU"
	wait "$QEMU" || true
	QEMU=
	succeeds img-create --format qcow2 --backing base x.img 1M
	# Readers do no harm.
	qemu-io -r -f qcow2 -c 'sleep 100000' x.img >/dev/null 2>&1 3>&- &
	QEMU=$!
	wait_until 10 locked base
	succeeds img-create --format qcow2 --backing base y.img 1M
}

locked() {
	img-info --json "$1" | jq -e .in_use >/dev/null
}

@test "create qcow2 --backing: only what the configuration allows" {
	mkdir allowed other
	truncate -s 1M allowed/base other/base
	ln -s ../other/base allowed/link
	printf '[storage]\n directory = %s\n' "$DIR/allowed" >config
	local name

	succeeds img-create --config config --format qcow2 --backing base allowed/x 1M
	succeeds img-create --config config --format qcow2 --backing "$DIR/allowed/base" allowed/y 1M
	for name in ../other/base "$DIR/other/base" link /etc/passwd ../other/gone; do
		refuses 4 allowed/z img-create --config config --format qcow2 --backing "$name" allowed/z 1M
		says "backing file '$name': not allowed by config: "
		[ ! -e allowed/z ]
	done
	refuses 3 allowed/z img-create --config config --format qcow2 --backing gone allowed/z 1M
	if [ "$(id -u)" != 0 ]; then
		chmod 0 allowed/base
		refuses 4 allowed/z img-create --format qcow2 --backing base allowed/z 1M
	fi
}

@test "create qcow2 --backing: a raw image whose guest wrote a qcow2 header is shown as that" {
	qemu-img create -q -u -f qcow2 -F raw -b /etc/passwd crafted 1M
	truncate -s 1M crafted
	try img-create -v --format qcow2 --backing crafted x.img 1M
	[ "$status" = 0 ]
	one_line 'img-create: created x.img, 1 MiB, qcow2 in 256 KiB, backing file crafted (qcow2)'
	succeeds img-info --json crafted
	json '.format == "qcow2"'
}

@test "create qcow2: options that do not fit are usage errors" {
	local words

	truncate -s 1M base
	while read -r words; do
		# shellcheck disable=SC2086 # words
		refuses 2 '' img-create $words
		[ ! -e x.img ]
	done <<-END
		--backing base x.img 1M
		--format raw --backing base x.img 1M
		--volume-size 2M x.img 1M
		--format raw --volume-size 2M x.img 1M
		--format qcow2 --volume-size 0 x.img 1M
		--format qcow2 --volume-size 1x x.img 1M
		--format vmdk x.img 1M
		--format qcow x.img 1M
		--format qcow2 x.img
		--format qcow2 x.img 0
		--format qcow2 --volume-size 2M x.img 1M
		--format qcow2 --thin pool x.img 1M
	END
	refuses 2 '' img-create --format '' x.img 1M
	says ": --format: invalid value ''"
	refuses 2 '' img-create --format qcow2 --backing '' x.img 1M
	refuses 2 "a:$DIR/x.img" img-create --format qcow2 --volume-size 2M "a:$DIR/x.img" 1M
	says '--volume-size is for volumes'
	[ ! -e x.img ]
}

@test "create qcow2: an existing target is unchanged, also if it is the backing file" {
	local before where

	echo precious >x.img
	before=$(state_of x.img)
	for where in x.img "a:$DIR/x.img"; do
		refuses 6 "$where" img-create --format qcow2 "$where" 1M
		refuses 6 "$where" img-create -n --format qcow2 "$where" 1M
		refuses 6 "$where" img-create --format qcow2 --backing x.img "$where" 1M
		[ "$(state_of x.img)" = "$before" ]
	done
	refuses 3 no/x.img img-create --format qcow2 no/x.img 1M
	refuses 4 . img-create --format qcow2 . 1M
}

@test "create qcow2: --json, --verbose and --dry-run" {
	truncate -s 1M base
	succeeds img-create --json --format qcow2 x.img 1G
	json '. == {location: "x.img", path: $path, capacity: 1073741824, format: "qcow2",
		physical: 262144, backing: null}' --arg path "$DIR/x.img"
	succeeds img-create --json -n --format qcow2 --backing base "a:$DIR/y.img" 1M
	json '. == {location: $at, path: $path, capacity: 1048576, format: "qcow2",
		physical: 262144, backing: {path: $base, recorded: "base", format: "raw"},
		dry_run: true}' --arg at "a:$DIR/y.img" --arg path "$DIR/y.img" --arg base "$DIR/base"
	[ ! -e y.img ]
	succeeds img-create -n --format qcow2 --backing base y.img 1M
	grep -F "would create $DIR/y.img, 1 MiB, qcow2 in 256 KiB, backing file base (raw)" "$OUT"
	[ ! -e y.img ]
	try img-create -v --format qcow2 y.img 1M
	[ "$status" = 0 ]
	one_line 'img-create: created y.img, 1 MiB, qcow2 in 256 KiB'
}

layered_make() {
	truncate -s 600000 w/base
}
layered_check() {
	[ ! -e w/x.img ] || { qemu-img check -q w/x.img && [ "$(stat -c %h w/x.img)" = 1 ] &&
		[ "$(qemu-img info --output=json w/x.img | jq -r '."backing-filename"')" = base ]; }
}

@test "create qcow2: a helper that is killed leaves nothing but what img-clean removes" {
	LEAST=5 crash layered img-create --format qcow2 --backing base w/x.img 600000
}

# inject FAULT: the traced helper gets it.
inject() {
	printf '%s\n' -e "trace=${1%%:*}" -e "inject=$1" >"$INJECT"
}

@test "create qcow2: a full filesystem, and one that cannot allocate" {
	inject fallocate:error=ENOSPC
	run_traced img-create --format qcow2 x.img 1T
	[ "$status" = 9 ]
	[ ! -e x.img ]
	[ ! -e .x.img.img-tools ]
	inject pwrite64:error=ENOSPC
	run_traced img-create --format qcow2 x.img 1T
	[ "$status" = 9 ]
	[ ! -e x.img ]
	[ ! -e .x.img.img-tools ]
	inject fsync:error=EIO
	run_traced img-create --format qcow2 x.img 1T
	[ "$status" = 1 ]
	[ ! -e x.img ]
	[ ! -e .x.img.img-tools ]
	inject fallocate:error=EOPNOTSUPP
	run_traced img-create --format qcow2 x.img 1T
	[ "$status" = 0 ]
	layer "$PWD/x.img" 1099511627776
}
