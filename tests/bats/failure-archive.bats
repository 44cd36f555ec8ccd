#!/usr/bin/env bats
# Damaged, truncated and forged archives: status 8, and no target.

# shellcheck disable=SC2030,SC2031 # each test is a subshell
load common
load disks

setup_file() { img_setup_file a b; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { disks_teardown; }

# x.lzo: a small archive of an image of three and a half different blocks.
make_small() {
	local i

	for i in 1 2 3 4; do
		yes "block $i" | head -c $((i < 4 ? BLOCK : BLOCK / 2))
	done >x.img
	succeeds img-copy --archive x.img x.lzo
	mapfile -t OFFSETS < <(lzop_offsets x.lzo 4 4)
	[ ${#OFFSETS[@]} = 5 ]
	[ $((OFFSETS[4] + 4)) = "$(stat -c %s x.lzo)" ]
}

# block N: prints the bytes of the Nth block of x.lzo, counted from 0.
block() {
	cut_out x.lzo "${OFFSETS[$1]}" "${OFFSETS[$1 + 1]}"
}

# is_refused FILE: on this host.  is_refused_everywhere does it in all ways.
is_refused() {
	refuses 8 "$1" img-copy "$1" y.img
	[ ! -e y.img ]
}

# is_copied FILE: its header cannot be parsed, so it is copied as it is to a new image, with a
# warning, and refused where it would replace something or is checked.
is_copied() {
	try img-copy "$1" y.img
	[ "$status" = 0 ]
	one_line "img-copy: warning: $1: copied as it is: "
	same "$1" y.img
	refuses 8 "$1" img-copy --overwrite "$1" y.img
	same "$1" y.img
	rm y.img
	refuses 8 "$1" img-verify "$1"
}

is_copied_everywhere() {
	local before

	is_copied "$1"
	try img-copy "a:$DIR/$1" "b:$DIR/y.img"
	[ "$status" = 0 ]
	says 'copied as it is'
	same "$1" y.img
	rm y.img
	try img-copy - y.img <"$1"
	[ "$status" = 0 ]
	one_line 'img-copy: warning: -: copied as it is: '
	same "$1" y.img
	rm y.img
	succeeds img-copy --as-is "$1" y.img
	same "$1" y.img
	head -c "$(($(stat -c %s "$1") + 1000))" /dev/zero >old.img
	before=$(state_of old.img)
	for old in old.img "a:$DIR/old.img"; do
		refuses 8 "$1" img-write "$1" "$old"
		refuses 8 "$1" img-copy --overwrite "$1" "$old"
	done
	refuses 8 - img-write - old.img <"$1"
	[ "$(state_of old.img)" = "$before" ]
	succeeds img-write --as-is "$1" old.img
	cmp -n "$(stat -c %s "$1")" "$1" old.img
	cp "$1" original.lzo
	refuses 8 original.lzo img-unarchive original.lzo
	refuses 8 original.lzo img-archive original.lzo
	same "$1" original.lzo
	try img-archive --keep original.lzo
	[ "$status" = 0 ]
	says 'copied as it is'
	lzop -dc original.lzo.lzo | same - "$1"
	rm original.lzo.lzo
	succeeds img-archive --as-is original.lzo
	lzop -dc original.lzo.lzo | same - "$1"
	try img-list .
	says "'$1'"
	rm -f original.lzo.lzo y.img old.img
}

is_refused_everywhere() {
	local before

	is_refused "$1"
	refuses 8 "$1" img-copy --sparse "$1" y.img
	refuses 8 "$1" img-copy --archive "$1" y.img
	refuses 8 "$1" img-copy "$1" "a:$DIR/y.img"
	refuses 8 "$1" img-copy --archive "$1" "a:$DIR/y.img"
	refuses 8 "a:$DIR/$1" img-copy "a:$DIR/$1" y.img
	refuses 8 "a:$DIR/$1" img-copy "a:$DIR/$1" "b:$DIR/y.img"
	refuses 8 "a:$DIR/$1" img-copy "a:$DIR/$1" "a:$DIR/y.img"
	[ ! -e y.img ]
	echo old >old.img
	before=$(state_of old.img)
	refuses 8 "$1" img-copy --overwrite "$1" old.img
	refuses 8 "$1" img-copy --overwrite "$1" "a:$DIR/old.img"
	[ "$(state_of old.img)" = "$before" ]
	try img-copy - y.img <"$1"
	[ "$status" = 8 ]
	one_line 'img-copy: -: '
	[ ! -e y.img ]
}

@test "archive: truncated at each block boundary" {
	local at

	make_small
	for at in "${OFFSETS[@]}"; do
		head -c "$at" x.lzo >cut.lzo
		is_refused cut.lzo
	done
	is_refused_everywhere cut.lzo
}

@test "archive: truncated between block boundaries" {
	local at

	make_small
	for at in 9 10 17 33 35 $((OFFSETS[0] - 1)); do # in the header
		head -c "$at" x.lzo >cut.lzo
		is_copied cut.lzo
	done
	# In each block's header, in the data, and in the end mark.
	for at in $((OFFSETS[0] + 1)) $((OFFSETS[0] + 4)) \
		$((OFFSETS[0] + 8)) $((OFFSETS[0] + 12)) $((OFFSETS[0] + 13)) $((OFFSETS[1] - 1)) \
		$((OFFSETS[1] + 11)) $((OFFSETS[2] + 3)) $((OFFSETS[2] + 500)) $((OFFSETS[3] - 1)) \
		$((OFFSETS[3] + 12)) $((OFFSETS[4] - 1)) $((OFFSETS[4] + 1)) $((OFFSETS[4] + 3)); do
		head -c "$at" x.lzo >cut.lzo
		is_refused cut.lzo
	done
	head -c $((OFFSETS[2] + 500)) x.lzo >cut.lzo
	is_refused_everywhere cut.lzo
}

@test "archive: lzop's, truncated anywhere" {
	local at

	make_small
	lzop -f -o theirs.lzo x.img
	mapfile -t OFFSETS < <(lzop_offsets theirs.lzo 4 4)
	head -c $((OFFSETS[0] - 1)) theirs.lzo >cut.lzo
	is_copied cut.lzo
	for at in "${OFFSETS[@]}" $((OFFSETS[1] + 5)) $((OFFSETS[2] + 100)) \
		$((OFFSETS[4] + 3)); do
		head -c "$at" theirs.lzo >cut.lzo
		is_refused cut.lzo
	done
	is_refused_everywhere cut.lzo
}

@test "archive: a flipped bit" {
	local at size harmless=0

	make_small
	size=$(stat -c %s x.lzo)
	# Some bytes of the header and of the blocks, and all bytes of one block's header.
	for at in $(seq 9 "$(sample 5)" $((OFFSETS[0] + 14))) \
		$(seq $((OFFSETS[0] + 15)) "$(sample 503)" $((size - 1))) \
		$(seq $((OFFSETS[1])) $((OFFSETS[1] + 12))) $((size - 1)); do
		cp x.lzo bad.lzo
		unhex "$(printf '%02x' $(($(byte x.lzo "$at") ^ 1 << at % 8)))" | put bad.lzo "$at"
		if ((at < OFFSETS[0])); then
			is_copied bad.lzo
		elif try img-copy bad.lzo y.img && [ "$status" = 0 ]; then
			# A match that is 8 bytes longer or further away: the same bytes follow.
			same x.img y.img
			rm y.img
			harmless=$((harmless + 1))
		else
			is_refused bad.lzo
		fi
	done
	is_refused_everywhere bad.lzo
	[ $harmless -le $(($(sample 2) == 1 ? size / 100 : 0)) ] # none in the sample
}

@test "archive: a flipped bit in lzop's data" {
	local flags

	make_small
	for flags in -3 '--crc32' '--checksum --no-name'; do
		# shellcheck disable=SC2086 # several flags
		lzop -f $flags -o bad.lzo x.img
		printf '\xa5' | put bad.lzo $(($(stat -c %s bad.lzo) - 600))
		is_refused bad.lzo
	done
	is_refused_everywhere bad.lzo
}

@test "archive: a dropped block" {
	make_small
	{
		head -c "${OFFSETS[1]}" x.lzo
		tail -c +$((OFFSETS[2] + 1)) x.lzo
	} >bad.lzo
	lzop -t bad.lzo # lzop does not notice
	is_refused_everywhere bad.lzo
	{
		head -c "${OFFSETS[3]}" x.lzo
		tail -c 4 x.lzo
	} >bad.lzo
	is_refused_everywhere bad.lzo
}

@test "archive: a duplicated block" {
	make_small
	{
		head -c "${OFFSETS[2]}" x.lzo
		tail -c +$((OFFSETS[1] + 1)) x.lzo
	} >bad.lzo
	lzop -t bad.lzo # lzop does not notice
	is_refused_everywhere bad.lzo
}

@test "archive: swapped blocks" {
	make_small
	{
		head -c "${OFFSETS[0]}" x.lzo
		block 1
		block 0
		tail -c +$((OFFSETS[2] + 1)) x.lzo
	} >bad.lzo
	lzop -t bad.lzo # lzop does not notice
	is_refused_everywhere bad.lzo
}

@test "archive: a block of another image" {
	make_small
	yes other | head -c "$BLOCK" >other.img
	succeeds img-copy --archive other.img other.lzo
	mapfile -t other < <(lzop_offsets other.lzo 4 4)
	{
		head -c "${OFFSETS[1]}" x.lzo
		cut_out other.lzo "${other[0]}" "${other[1]}"
		tail -c +$((OFFSETS[2] + 1)) x.lzo
	} >bad.lzo
	lzop -t bad.lzo # lzop does not notice
	is_refused_everywhere bad.lzo
}

@test "archive: an excessive block length" {
	local length

	make_small
	for length in 262145 67108864 2147483647 4294967295; do
		cp x.lzo bad.lzo
		put_be32 bad.lzo "${OFFSETS[1]}" $length # raw
		is_refused bad.lzo
		cp x.lzo bad.lzo
		put_be32 bad.lzo $((OFFSETS[1] + 4)) $length # coded
		is_refused bad.lzo
		cp x.lzo bad.lzo
		put_be32 bad.lzo "${OFFSETS[1]}" $length
		put_be32 bad.lzo $((OFFSETS[1] + 4)) $length
		is_refused bad.lzo
	done
	is_refused_everywhere bad.lzo
	cp x.lzo bad.lzo
	put_be32 bad.lzo $((OFFSETS[1] + 4)) 0
	is_refused bad.lzo
}

@test "archive: a block that unpacks to more or less than its header says" {
	local length

	make_small
	for length in 1000 262143 262144; do
		cp x.lzo bad.lzo
		put_be32 bad.lzo "${OFFSETS[3]}" $length
		is_refused bad.lzo
	done
	is_refused_everywhere bad.lzo
}

# forge_length N: bad.lzo is x.lzo with a header that says N bytes and has the right checksum.
forge_length() {
	local extra

	extra=$((34 + $(byte x.lzo 33) + 4))
	cp x.lzo bad.lzo
	put_be32 bad.lzo $((extra + 12)) $(($1 >> 32))
	put_be32 bad.lzo $((extra + 16)) $(($1 & 0xffffffff))
	unhex "$(cut_out bad.lzo $extra $((extra + 36)) | adler32)" | put bad.lzo $((extra + 36))
}

@test "archive: an image longer than the header says" {
	make_small
	forge_length "$(stat -c %s x.img)"
	same x.lzo bad.lzo # shows that forging works
	for length in 1 $BLOCK $((3 * BLOCK)) $((3 * BLOCK + BLOCK / 2 - 1)); do
		forge_length "$length"
		lzop -t bad.lzo
		is_refused bad.lzo
	done
	is_refused_everywhere bad.lzo
	forge_length 0
	is_refused_everywhere bad.lzo
}

@test "archive: an image shorter than the header says" {
	make_small
	for length in $((4 * BLOCK)) 100000000; do
		forge_length $length
		is_refused bad.lzo
	done
	is_refused_everywhere bad.lzo
}

@test "archive: a header that says an excessive length" {
	disks_setup
	disk 64M ext4 -b 4096 # other filesystems may have files of that length
	cd "$M"
	make_small
	forge_length $((1 << 60))
	refuses 9 y.img img-copy bad.lzo y.img
	refuses 9 y.img img-copy --sparse bad.lzo y.img
	forge_length $((1 << 42))
	refuses 8 bad.lzo img-copy --sparse bad.lzo y.img
	refuses 8 "a:$M/bad.lzo" img-copy --sparse "a:$M/bad.lzo" "b:$M/y.img"
	cd "$DIR"
	make_small
	forge_length -2
	is_copied_everywhere bad.lzo
}

@test "archive: several members, and bytes after the end" {
	make_small
	cat x.lzo x.lzo >bad.lzo
	is_refused_everywhere bad.lzo
	says member
	(cat x.lzo; echo) >bad.lzo
	is_refused_everywhere bad.lzo
	lzop -c x.img >theirs.lzo
	lzop -c x.img >>theirs.lzo
	is_refused theirs.lzo
}

@test "archive: a run of zeros unpacks to a hole" {
	truncate -s 1G zeros.img
	succeeds img-copy --archive zeros.img zeros.lzo
	[ "$(stat -c %s zeros.lzo)" -lt 20000000 ]
	succeeds img-copy --sparse zeros.lzo y.img
	[ "$(stat -c %s y.img)" = 1073741824 ]
	[ "$(allocated y.img)" = 0 ]
}

@test "archive: an unknown method, version or flag" {
	make_small
	lzop -f -o theirs.lzo x.img
	header_with() {
		local end

		cp theirs.lzo bad.lzo
		printf '%b' "$2" | put bad.lzo "$1"
		end=$((34 + $(byte theirs.lzo 33)))
		unhex "$(cut_out bad.lzo 9 $end | adler32)" | put bad.lzo $end
	}
	header_with 15 '\001'
	same theirs.lzo bad.lzo # shows that forging works
	header_with 15 '\200'
	is_copied bad.lzo
	header_with 13 '\021\001'
	is_copied bad.lzo
	header_with 18 '\010'
	is_copied bad.lzo
	header_with 19 '\004'
	is_copied bad.lzo
	lzop -f --filter=1 -o bad.lzo x.img
	is_copied_everywhere bad.lzo
}

@test "archive: a file that only begins like an archive" {
	printf '\211LZO\0\r\n\032\n' >bad.lzo
	is_copied_everywhere bad.lzo
	(cat bad.lzo; head -c 100000 /dev/urandom) >worse.lzo
	is_copied worse.lzo
	printf '\211LZO\0\r\n\032' >raw.lzo # one byte less: not an archive
	succeeds img-copy raw.lzo y.img
	same raw.lzo y.img
}

@test "archive: a file that begins like qcow2, and is none" {
	local name

	printf 'QFI\xfb\0\0\0\x09' >short.img
	(cat short.img; head -c 100000 /dev/urandom) >long.img
	for name in short.img long.img; do
		is_copied $name
		for from in "a:$DIR/$name" $name; do
			try img-copy "$from" "b:$DIR/y.img"
			[ "$status" = 0 ]
			one_line "img-copy: "
			says 'copied as it is'
			same $name y.img
			rm y.img
			truncate -s 1M old.img
			refuses 8 "$from" img-write "$from" old.img
			says '(see --as-is)'
			cmp -n 1048576 old.img /dev/zero
			succeeds img-write --as-is "$from" old.img
			cmp -n "$(stat -c %s $name)" $name old.img
			rm old.img
			refuses 8 "$from" img-archive "$from"
			succeeds img-archive -k --as-is "$from"
			lzop -dc $name.lzo | same $name -
			rm $name.lzo
		done
	done
}

@test "an archive whose blocks cannot be parsed is archived as it is, once more" {
	local offsets

	head -c 1M /dev/urandom >x
	lzop x
	mapfile -t offsets < <(lzop_offsets x.lzo 4 4)
	unhex 7fffffff | put x.lzo "${offsets[0]}"
	cp x.lzo damaged
	succeeds img-archive --as-is x.lzo
	lzop -dc x.lzo.lzo | same damaged -
	[ ! -e x.lzo ]
}

@test "archive: a format that begins in one block and goes on in the next" {
	local size source target

	qemu-img create -q -f qcow2 -u -b /etc/passwd -F raw guest 1M
	head -c 3 guest | lzop -c >first.lzo
	tail -c +4 guest | lzop -c >rest.lzo
	# A block of 3 bytes is not coded: 3 numbers of 4 bytes, and 4 bytes are the end mark.
	size=$(($(stat -c %s first.lzo) - 3 - 12 - 4))
	{ head -c -4 first.lzo; tail -c +$((size + 1)) rest.lzo; } >x.lzo
	lzop -dc x.lzo | cmp - guest
	truncate -s 2M old.img
	for source in x.lzo - "b:$DIR/x.lzo"; do
		for target in old.img "a:$DIR/old.img"; do
			try img-write "$source" "$target" <x.lzo
			[ "$status" = 4 ]
			says "$target: the source is qcow2 and the target holds something else"
		done
	done
	cmp <(head -c 2M /dev/zero) old.img
	try img-info --json x.lzo
	json '.format == "qcow2" and .compression == "lzo" and .backing.recorded == "/etc/passwd"'
	# It is copied as ever.
	try img-copy x.lzo y
	[ "$status" = 0 ]
	says 'warning: x.lzo: only this layer is copied'
	cmp guest y
}
