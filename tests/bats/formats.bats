#!/usr/bin/env bats
# Images whose data is in other files, of other hypervisors' formats, and qcow2 images that
# qemu-img must not be given without a check.

load common

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# sizes FILE: as an object, as img-info shows them.
sizes() {
	jq -cn --argjson c "$(stat -c %s "$1")" --argjson a "$(allocated "$1")" \
		'{capacity: $c, allocation: $a, physical: $c}'
}

# warns FILE COMMAND...: succeeds with one warning, which names FILE.
warns() {
	local file=$1
	shift

	try "$@"
	if [ "$status" != 0 ] || ! one_line "$1: warning: "; then
		told
		return 1
	fi
	says "'$file'"
}

@test "formats: those of other hypervisors are named, with their capacity" {
	local format

	for format in vmdk vdi vpc vhdx qed qcow parallels; do
		qemu-img create -q -f $format "x.$format" 5M
		succeeds img-info --json "x.$format"
		json '.format == $format and .capacity == $size and .physical == $physical and
			.extents == null and .data_file == null and .filesystem == null' \
			--arg format $format --argjson physical "$(stat -c %s "x.$format")" \
			--argjson size "$(qemu-img info -f $format --output=json "x.$format" |
				jq '."virtual-size"')"
		succeeds img-info "a:$DIR/x.$format"
		grep -E "^kind +file, $format\$" "$OUT"
		succeeds img-copy "x.$format" "a:$DIR/y.$format"
		same "x.$format" "y.$format"
	done
	rm y.*
	succeeds img-list --json .
	json '[.entries[] | select(.name | startswith("x.")) | .format] | sort ==
		["parallels", "qcow", "qed", "vdi", "vhdx", "vmdk", "vpc"]'
	succeeds img-list
	grep -E ' vdi .* x\.vdi$' "$OUT"
}

@test "formats: content that has several signatures is not like content that has none" {
	truncate -s 16M x.img
	mkfs.ext4 -q -L lost x.img
	printf '\001CD001\001' | put x.img 32768
	[ "$(wipefs -n -i -O TYPE x.img | sort | paste -sd ' ')" = 'ext4 iso9660' ]
	try blkid -p x.img
	[[ $status = [28] && ! -s $OUT ]] # 2 since libblkid 2.41
	succeeds img-info --json x.img
	json '.filesystem == {type: "ambiguous", label: null, uuid: null}'
	succeeds img-list
	grep -E ' ambiguous .*x\.img$' "$OUT"
	succeeds img-copy --archive x.img x.lzo
	succeeds img-info --json "a:$DIR/x.lzo"
	json '.filesystem.type == "ambiguous"'
}

@test "formats: the external data file of qcow2 is shown" {
	local where

	qemu-img create -q -f qcow2 -o data_file=data.raw x.qcow2 3M
	qemu-io -f qcow2 -c 'write -P 1 0 1M' x.qcow2
	for where in '' "a:$DIR/"; do
		succeeds img-info --json "${where}x.qcow2"
		json '.data_file == ($sizes + {path: $path, recorded: "data.raw"})' \
			--arg path "$DIR/data.raw" --argjson sizes "$(sizes data.raw)"
		json '.features | index("data_file") != null'
		succeeds img-info "${where}x.qcow2"
		grep -E '^data file +data\.raw$' "$OUT"
	done
	rm data.raw
	succeeds img-info --json x.qcow2
	json '.data_file == {path: $path, recorded: "data.raw", capacity: null, allocation: null,
		physical: null}' --arg path "$DIR/data.raw"
}

@test "formats: a data file outside of the allowed directories is not looked at" {
	mkdir allowed other
	(cd allowed && qemu-img create -q -f qcow2 -o data_file=../other/hidden x.qcow2 1M)
	printf '[storage]\n directory = %s\n' "$DIR/allowed" >config
	succeeds strace -f -o trace env ASAN_OPTIONS=detect_leaks=0 \
		img-info --config config --json allowed/x.qcow2
	json '.data_file == {path: null, recorded: "../other/hidden", capacity: null,
		allocation: null, physical: null}'
	grep -q 'open.*"x\.qcow2"' trace
	if grep -E '(open|stat|access|readlink)[a-z0-9]*\([^"]*"[^"]*hidden' trace; then return 1; fi
}

@test "formats: the extents of a VMDK descriptor are shown" {
	qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentFlat x.vmdk 3G
	rm x-f002.vmdk
	succeeds img-info --json x.vmdk
	json '.format == "vmdk" and .capacity == 3221225472 and .extents == [
		$sizes + {path: ($dir + "/x-f001.vmdk"), recorded: "x-f001.vmdk"},
		{path: ($dir + "/x-f002.vmdk"), recorded: "x-f002.vmdk", capacity: 1073741824,
		allocation: null, physical: null}]' --arg dir "$DIR" \
		--argjson sizes "$(sizes x-f001.vmdk)"
	succeeds img-info "a:$DIR/x.vmdk"
	grep -E '^extent +x-f001\.vmdk$' "$OUT"
	grep -E '^extent +x-f002\.vmdk$' "$OUT"
}

@test "formats: a copy of an image without its data gives a warning" {
	local where

	qemu-img create -q -f qcow2 -o data_file=data.raw x.qcow2 1M
	qemu-img create -q -f vmdk -o subformat=monolithicFlat x.vmdk 1M
	truncate -s 1M z.img
	for where in '' "a:$DIR/"; do
		warns data.raw img-copy "${where}x.qcow2" y
		same x.qcow2 y
		warns data.raw img-copy --overwrite x.qcow2 "${where}y"
		warns data.raw img-copy --overwrite --archive "${where}x.qcow2" y
		warns x-flat.vmdk img-copy --overwrite "${where}x.vmdk" y
		same x.vmdk y
		warns x-flat.vmdk img-write "${where}x.vmdk" z.img
		warns data.raw img-verify "${where}x.qcow2"
		warns x-flat.vmdk img-verify "${where}x.vmdk"
		warns data.raw img-copy --overwrite -n "${where}x.qcow2" y
		rm y
	done
}

@test "formats: what an archive or a stream holds is warned of, too" {
	local where to

	qemu-img create -q -f qcow2 -o data_file=data.raw x.qcow2 1M
	qemu-img create -q -f qcow2 -b base.img -F raw -u y.qcow2 1M
	for name in x y; do lzop -c $name.qcow2 >$name.lzo; done
	for where in '' "a:$DIR/"; do
		for to in z "a:$DIR/z"; do
			try img-copy "${where}x.lzo" "$to"
			[ "$status" = 0 ]
			says "img-copy: warning: ${where}x.lzo: only this file is copied, not 'data.raw'"
			rm z
			try img-copy "${where}y.lzo" "$to"
			[ "$status" = 0 ]
			says "img-copy: warning: ${where}y.lzo: only this layer is copied, not its backing"
			cmp z y.qcow2
			rm z
			for name in x.qcow2 x.lzo; do
				try_stdin $name img-copy - "$to"
				[ "$status" = 0 ]
				says "img-copy: warning: -: only this file is copied, not 'data.raw'"
				rm z
			done
			try_stdin y.lzo img-copy - "$to"
			[ "$status" = 0 ]
			says "img-copy: warning: -: only this layer is copied, not its backing file 'base.img'"
			rm z
		done
		try img-verify "${where}x.lzo"
		[ "$status" = 0 ]
		says "img-verify: warning: ${where}x.lzo: only this file is examined, not 'data.raw'"
		succeeds img-info --json "${where}x.lzo"
		json '.data_file.recorded == "data.raw" and .backing == null and .capacity == $size' \
			--argjson size "$(stat -c %s x.qcow2)"
		succeeds img-info --json "${where}y.lzo"
		json '.backing == {path: ($dir + "/base.img"), recorded: "base.img", format: "raw"}' \
			--arg dir "$DIR"
		cp y.lzo y.img.lzo
		try img-unarchive "${where}y.img.lzo"
		[ "$status" = 0 ]
		says "img-unarchive: warning: ${where}y.img.lzo: only this layer is unarchived, not"
		rm y.img
	done
	# An archive that stays one is not said to need anything.
	succeeds img-copy --as-is x.lzo z
	same x.lzo z
	# A damaged header within an archive is the business of whoever opens the image.
	printf 'QFI\xfb\0\0\0\x09' | lzop -c >bad.lzo
	try img-copy bad.lzo bad
	[ "$status" = 0 ]
	one_line 'img-copy: bad.lzo: unpacked'
}

try_stdin() {
	try "${@:2}" <"$1"
}

@test "formats: of VMDK and the older formats of QEMU, too" {
	local where to name

	qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentFlat x.vmdk 3G
	qemu-img create -q -f vmdk base.vmdk 1M
	qemu-img create -q -f vmdk -b base.vmdk -F vmdk y.vmdk
	qemu-img create -q -f raw base.img 1M
	qemu-img create -q -f qed -b base.img -F raw z.qed
	for name in x.vmdk y.vmdk z.qed; do lzop -c $name >$name.lzo; done
	for where in '' "a:$DIR/"; do
		for to in copy "a:$DIR/copy"; do
			for name in x.vmdk y.vmdk z.qed; do
				incomplete "$name" "${where}$name.lzo" img-copy "${where}$name.lzo" "$to"
				cmp copy $name
				rm copy
				incomplete "$name" - try_stdin $name img-copy - "$to"
				cmp copy $name
				rm copy
				incomplete "$name" - try_stdin $name.lzo img-copy - "$to"
				cmp copy $name
				rm copy
			done
		done
		succeeds img-info --json "${where}x.vmdk.lzo"
		json '.format == "vmdk" and .compression == "lzo" and .capacity == $size and
			[.extents[].recorded] == ["x-f001.vmdk", "x-f002.vmdk"]' \
			--argjson size "$(stat -c %s x.vmdk)"
		succeeds img-info --json "${where}y.vmdk.lzo"
		json '.format == "vmdk" and .backing.recorded == "base.vmdk"'
		cp x.vmdk.lzo copy.lzo
		incomplete x.vmdk "${where}copy.lzo" img-unarchive "${where}copy.lzo"
		cmp copy x.vmdk
		rm copy
	done
	qemu-img create -q -f vhdx v.vhdx 1M
	lzop -c v.vhdx >v.vhdx.lzo
	succeeds img-info --json v.vhdx.lzo
	json '.format == "vhdx" and .capacity == $size' --argjson size "$(stat -c %s v.vhdx)"
}

# Runs a command that reads the image $1, which the messages name $2, and warns of its other files.
incomplete() {
	local what='file is copied' other

	if [ "$3" = img-unarchive ]; then what='file is unarchived'; fi
	case $1 in
	x.vmdk) other="not 'x-f001.vmdk' and 1 more file, which hold its data" ;;
	y.vmdk) other="not its backing file 'base.vmdk'" what=${what/file/layer} ;;
	z.qed) other="not its backing file 'base.img'" what=${what/file/layer} ;;
	esac
	if [ "$3" = try_stdin ]; then "${@:3}"; else try "${@:3}"; fi
	[ "$status" = 0 ]
	says "warning: $2: only this $what, $other"
}

@test "formats: img-archive does not delete an image without its data" {
	local name where

	qemu-img create -q -f qcow2 -o data_file=x.raw x.qcow2 1M
	qemu-img create -q -f vmdk -o subformat=monolithicFlat x.vmdk 1M
	for name in x.qcow2 x.vmdk; do
		for where in '' "a:$DIR/"; do
			refuses 4 "$where$name" img-archive "$where$name"
			refuses 4 "$where$name" img-archive -n "$where$name"
			[ -e $name ]
			[ ! -e $name.lzo ]
			try img-archive -k "$where$name"
			[ "$status" = 0 ]
			one_line "img-archive: warning: $where$name: "
			lzop -d <$name.lzo | cmp - $name
			rm $name.lzo
		done
	done
}

@test "formats: img-verify opens neither a data file nor a backing file" {
	qemu-img create -q -f qcow2 -o data_file=hidden x.qcow2 1M
	rm hidden
	mkfifo hidden
	try timeout 60 strace -f -o trace env ASAN_OPTIONS=detect_leaks=0 img-verify x.qcow2
	[ "$status" = 0 ]
	one_line 'img-verify: warning: x.qcow2: '
	says "'hidden'"
	if grep -E 'open[a-z0-9]*\([^"]*"[^"]*hidden' trace; then return 1; fi
	grep -q 'execve.*qemu-img' trace
	qemu-img create -q -u -f qcow2 -F raw -b hidden y.qcow2 1M
	succeeds img-verify "a:$DIR/y.qcow2"
}

# times COUNT HEX: prints the bytes so many times.
times() {
	local i

	unhex "$2" >"once.$1"
	for ((i = 1; i < $1; i *= 2)); do
		cat "once.$1" "once.$1" >"twice.$1"
		mv "twice.$1" "once.$1"
	done
	cat "once.$1"
	rm "once.$1"
}

# slow FILE: makes a qcow2 image of 32 MiB for whose check qemu-img needs minutes: in its
# snapshot, 4 million entries lead to the same table.
slow() {
	truncate -s 448K "$1"
	# Version 3, clusters of 64 KiB, 1 MiB, an L1 table of one entry at 192 KiB, counts of 64
	# bits at 64 KiB, and a snapshot at 384 KiB.
	unhex 514649fb0000000300000000000000000000000000000010 | put "$1" 0
	unhex 0000000000100000000000000000000100000000000300000000000000010000 | put "$1" 24
	unhex 000000010000000100000000000600000000000000000000 | put "$1" 56
	unhex 000000000000000000000000000000000000000600000068 | put "$1" 80
	unhex 0000000000020000 | put "$1" 65536
	times 1024 0000000000000001 | put "$1" 131072
	unhex 8000000000040000 | put "$1" 196608
	times 8192 8000000000050000 | put "$1" 262144
	# Its L1 table, at 448 KiB, has 4,194,304 entries.
	unhex 000000000007000000400000000100010000000000000000 | put "$1" 393216
	unhex 0000000000000000000000000000001000000000000000000000000000100000 | put "$1" 393240
	printf 1a | put "$1" 393272
	times 4194304 8000000000040000 | put "$1" 458752
}

# checkers: prints the processes of qemu-img that have an image of this test open.
checkers() {
	local p

	for p in /proc/[0-9]*; do
		if [[ $(readlink "$p/exe") == */qemu-img ]] && readlink "$p"/fd/* | grep -q "$DIR/"; then
			echo "${p#/proc/}"
		fi
	done 2>/dev/null
}
has_checker() { [ -n "$(checkers)" ]; }
no_checker() { [ -z "$(checkers)" ]; }

@test "formats: qemu-img ends with its job" {
	local signal where pid

	slow x.qcow2
	try timeout 2 qemu-img check -q x.qcow2 # it does not end at once
	[ "$status" = 124 ]
	for signal in INT TERM KILL; do
		for where in '' "a:$DIR/"; do
			env --default-signal=INT,TERM img-verify -F "$SSH_CONFIG" \
				"${where}x.qcow2" >"$OUT" 2>"$ERR" 3>&- &
			pid=$!
			wait_until 20 has_checker
			kill -$signal $pid
			status=0
			wait $pid || status=$?
			[ "$status" = $((128 + $(kill -l $signal))) ]
			wait_until 10 no_checker
			nothing_left
		done
	done
}

@test "formats: qemu-img has a limit of processor time" {
	slow x.qcow2
	refuses 1 x.qcow2 timeout 120 img-verify x.qcow2
	says 'processor time'
	no_checker
}

@test "formats: qemu-img has a limit of memory" {
	# Counts of 64 bits for 419 million clusters.
	qemu-img create -q -f qcow2 -o cluster_size=512,refcount_bits=64 x.qcow2 1M
	truncate -s 200G x.qcow2
	refuses 1 x.qcow2 img-verify x.qcow2
	says 'Cannot allocate memory'
	no_checker
}

@test "formats: img-verify of qcow2 tables that cannot be" {
	local at

	qemu-img convert -f raw -O qcow2 "$IMAGE" good
	# Offsets of the L1 table, of the table of counts, and entries of both.
	for at in 40 48 196608 65536; do
		for value in 0000000010000000 0000000000000200 7fffffffffff0000; do
			cp good x.qcow2
			unhex $value | put x.qcow2 $at
			refuses 8 x.qcow2 img-verify x.qcow2
		done
	done
	cp good x.qcow2
	put_be32 x.qcow2 36 $((1 << 30)) # entries of the L1 table
	refuses 8 "a:$DIR/x.qcow2" img-verify "a:$DIR/x.qcow2"
	cp good x.qcow2
	put_be32 x.qcow2 60 70000 # snapshots
	refuses 8 x.qcow2 img-verify x.qcow2
	cp good x.qcow2
	put_be32 x.qcow2 60 3 # where the table of snapshots should be, is none
	put_be32 x.qcow2 68 $((5 * 65536))
	refuses 8 x.qcow2 img-verify x.qcow2
	qemu-img create -q -f qcow2 x.qcow2 2G
	put_be32 x.qcow2 36 2
	unhex 80000000000400008000000000040000 | put x.qcow2 196608 # an L2 table twice
	truncate -s 320K x.qcow2
	refuses 8 x.qcow2 img-verify x.qcow2
}

@test "formats: the features of qcow2 by which it cannot be used" {
	qemu-img create -q -f qcow2 good 1M
	cp good x.qcow2
	put_be32 x.qcow2 76 2
	[ "$(qemu-img info --output=json x.qcow2 | jq '."format-specific".data.corrupt')" = true ]
	succeeds img-info --json x.qcow2
	json '.features == ["corrupt"]'
	succeeds img-info "a:$DIR/x.qcow2"
	grep -x 'features     corrupt' "$OUT"
	refuses 8 x.qcow2 img-verify x.qcow2
	says 'marked as corrupt'
	# One that has a name in the image's own table, instead of the first.
	cp good x.qcow2
	put_be32 x.qcow2 76 $((1 << 9))
	refuses 8 x.qcow2 img-verify x.qcow2
	says 'unknown feature 9'
	printf '\0\011shiny\0\0\0' | put x.qcow2 $((112 + 8))
	try qemu-img info x.qcow2
	grep -q shiny "$ERR"
	succeeds img-info --json "a:$DIR/x.qcow2"
	json '.features == ["shiny"]'
	refuses 8 "a:$DIR/x.qcow2" img-verify "a:$DIR/x.qcow2"
	says shiny
	cp good x.qcow2
	put_be32 x.qcow2 76 1
	succeeds img-info --json x.qcow2
	json '.features == ["dirty"]'
	try img-verify x.qcow2
	[ "$status" = 0 ]
	one_line 'img-verify: x.qcow2: '
	says dirty
}

@test "formats: img-verify of an encrypted qcow2 says so" {
	encrypted x.qcow2 1M
	refuses 1 x.qcow2 img-verify x.qcow2
	says encrypted
	lacks "$ERR" json
}

@test "formats: img-verify of qcow2 on a block device" {
	local device

	qemu-img convert -f raw -O qcow2 "$IMAGE" x.qcow2
	truncate -s 10M x.qcow2
	device=$(as_root losetup --show -r -f x.qcow2)
	try as_root env "PATH=$PATH" img-verify "$device"
	as_root losetup -d "$device"
	[ "$status" = 0 ]
	[ ! -s "$ERR" ]
	# A reference count of 0 for a cluster in use.
	head -c 16 /dev/zero | put x.qcow2 $((2 * 65536))
	device=$(as_root losetup --show -r -f x.qcow2)
	try as_root env "PATH=$PATH" img-verify "$device"
	as_root losetup -d "$device"
	[ "$status" = 8 ]
}
