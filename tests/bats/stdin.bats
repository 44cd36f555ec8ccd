#!/usr/bin/env bats
# Standard input as source: how long it is, and that it may be the left side of a pipe that failed.

load common

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

@test "stdin: ends before its first byte" {
	local target

	echo old >old.img
	for target in y.img "a:$DIR/y.img"; do
		refuses 8 - img-copy - "$target" </dev/null
		says 'before its first byte'
		refuses 8 - img-copy --archive - "$target" </dev/null
		refuses 8 - img-copy --as-is - "$target" </dev/null
		[ ! -e y.img ]
	done
	refuses 8 - img-copy --overwrite - old.img </dev/null
	refuses 8 - img-write - old.img </dev/null
	[ "$(cat old.img)" = old ]
	refuses 8 - img-copy - y.img < <(zcat gone.gz 2>/dev/null)
	[ ! -e y.img ]
	[ -z "$(find . -name '.*.img-tools')" ]
}

@test "stdin: --size is its length" {
	local size target

	head -c 300000 /dev/urandom >x.img
	for target in y.img "a:$DIR/y.img"; do
		for size in 299999 300001 1m 1; do
			refuses 8 - img-copy --size $size - "$target" <x.img
			[ ! -e y.img ]
		done
		succeeds img-copy --size 300000 - "$target" <x.img
		same x.img y.img
		rm y.img
	done
	head -c 1M /dev/zero >old.img
	succeeds img-write --size 300000 - old.img <x.img
	cmp -n 300000 x.img old.img
	refuses 8 - img-write --size 300001 - old.img <x.img
}

@test "stdin: --size of an archive is that of its image" {
	head -c 300000 /dev/urandom >x.img
	lzop -o x.lzo x.img
	succeeds img-copy --size 300000 - y.img <x.lzo
	same x.img y.img
	rm y.img
	refuses 8 - img-copy --size 299999 - y.img <x.lzo
	refuses 8 - img-copy --size 300001 - y.img <x.lzo
	[ ! -e y.img ]
}

@test "stdin: --size of an archive that records its length" {
	local size target option

	head -c 300000 /dev/urandom >x.img
	succeeds img-archive -k x.img
	head -c 1M /dev/zero >old.img
	cp old.img before
	for size in 200000 299999 300001; do
		for target in y.img "a:$DIR/y.img"; do
			for option in --sparse -a -n -an; do
				refuses 8 - img-copy $option --size $size - "$target" <x.img.lzo
				says "an image of 300000 bytes, not of $size"
				[ ! -e y.img ]
			done
		done
		for target in old.img "a:$DIR/old.img"; do
			for option in --overwrite -n; do
				refuses 8 - img-copy --overwrite $option --size $size - "$target" <x.img.lzo
			done
			refuses 8 - img-write --size $size - "$target" <x.img.lzo
			refuses 8 - img-write -n --size $size - "$target" <x.img.lzo
			same before old.img
		done
	done
	for target in y.img "a:$DIR/y.img"; do
		succeeds img-copy --size 300000 - "$target" <x.img.lzo
		same x.img y.img
		succeeds img-copy --overwrite -a --size 300000 - "$target" <x.img.lzo
		lzop -dc y.img | cmp - x.img
		rm y.img
		succeeds img-write --size 300000 - "${target%y.img}old.img" <x.img.lzo
		cmp -n 300000 x.img old.img
	done
	# Of an archive as it is, that is the length of the archive.
	succeeds img-copy --as-is --size "$(stat -c %s x.img.lzo)" - y.img <x.img.lzo
	same x.img.lzo y.img
}

@test "stdin: --size elsewhere is a usage error" {
	echo x >x.img
	refuses 2 y.img img-copy --size 2 x.img y.img
	refuses 2 "a:$DIR/y.img" img-copy --size 2 x.img "a:$DIR/y.img"
	[ ! -e y.img ]
	cp x.img y.img
	refuses 2 '' img-write --size 2 x.img y.img
	says "--size is for '-' as source"
	lacks "$ERR" volumes
	refuses 2 '' img-copy --size 1 x.img -
	says "--size is for '-' as source and for new volumes"
	refuses 2 '' img-copy -n --size 1 "a:$DIR/x.img" -
	[ "$(img-copy --size 2 - - <x.img)" = x ]
	refuses 2 '' img-copy --size 0 - y.img <x.img
	same x.img y.img
}

@test "stdin: an archive is unpacked, and as it is with --as-is" {
	head -c 300000 /dev/urandom >x.img
	lzop -o x.lzo x.img
	try img-copy - y.img <x.lzo
	[ "$status" = 0 ]
	same x.img y.img
	one_line 'img-copy: -: unpacked'
	succeeds img-copy --as-is - z.img <x.lzo
	same x.lzo z.img
	[ ! -s "$ERR" ]
}

# What the helper of $pid does: "copies", with threads for that; "waits", without, or for something.
helper_does() {
	local states

	states=$(cat /proc/"$(pgrep -f img-helper -P "$pid")"/task/*/stat | sed 's/.*) //; s/ .*//')
	case $1 in
	copies) [ "$(wc -l <<<"$states")" -gt 3 ] ;;
	waits) [ "$(wc -l <<<"$states")" -le 3 ] && [ "$(sort -u <<<"$states")" = S ] ;;
	esac
}

# The signal of ^C ends what writes to the pipe, too, and the helper on this host can read the end of
# its input before it hears from the client: here always, since the client is stopped meanwhile.
@test "stdin: ^C to all of the pipeline keeps the target as it was" {
	local words pid status

	mkfifo pipe
	echo old >old.img
	head -c 4M /dev/zero >large.img
	for words in 'img-copy --overwrite - old.img' 'img-copy --no-fsync - y.img' 'img-copy -a - y.img' \
		'img-write - large.img'; do
		# shellcheck disable=SC2086 # several words
		env --default-signal=INT $words <pipe 2>"$ERR" 3>&- &
		pid=$!
		exec 6>pipe
		head -c 1M /dev/urandom >&6
		wait_until 20 helper_does copies
		kill -STOP $pid
		kill -INT $pid
		exec 6>&-
		wait_until 20 helper_does waits
		kill -CONT $pid
		status=0
		wait $pid || status=$?
		[ $status = 130 ]
		nothing_left
		[ "$(cat old.img)" = old ]
		[ ! -e y.img ]
	done
	refuses 8 large.img img-copy large.img again
}
