#!/usr/bin/env bats
# The command line itself: help, and errors that say what was meant.

load common

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

commands() {
	local program

	for program in "$IMG_BUILD"/bin/img-*; do
		echo "${program##*/}"
	done
}

@test "usage: -h is --help, on standard output" {
	local command

	for command in $(commands); do
		succeeds env "$command" --help
		cp "$OUT" help
		grep -q -e '-h, --help' help
		succeeds env "$command" -h
		same help "$OUT"
		succeeds env "$command" -q -h x y z
		same help "$OUT"
		succeeds env "$command" --usage
	done
}

# Where only the last write fails, or several.
@test "usage: help that cannot be printed" {
	local command option

	for command in $(commands); do
		for option in -h --help --usage -V; do
			status=0
			"$command" $option >/dev/full 2>"$ERR" || status=$?
			[ "$status" = 1 ]
			one_line "$command: cannot write the result: No space left on device"
			status=0
			"$command" $option 2>"$ERR" >&- || status=$?
			[ "$status" = 1 ]
			one_line "$command: cannot write the result: "
		done
	done
}

# Standard output is a pipe whose reader has gone.
@test "usage: a command whose reader is gone ends as by SIGPIPE, or says so if that is ignored" {
	local where option

	truncate -s 1M x.img
	mkfifo gone
	exec 5<>gone 6>gone 5>&-
	for where in '' "a:$DIR/"; do
		for option in --json --xml -q; do
			status=0
			env --default-signal=PIPE img-info -F "$SSH_CONFIG" $option "${where}x.img" >&6 \
				2>"$ERR" || status=$?
			[ "$status" = 141 ]
			[ ! -s "$ERR" ]
			status=0
			env --ignore-signal=PIPE img-info -F "$SSH_CONFIG" $option "${where}x.img" >&6 \
				2>"$ERR" || status=$?
			[ "$status" = 1 ]
			one_line 'img-info: cannot write the result: Broken pipe'
			status=0
			env --default-signal=PIPE img-list -F "$SSH_CONFIG" $option "${where:-.}" >&6 \
				2>"$ERR" || status=$?
			[ "$status" = 141 ]
			[ ! -s "$ERR" ]
		done
	done
	exec 6>&-
	wait_until 20 no_process
}

@test "usage: HOST: names no image, which is told before a connection is made" {
	local command

	truncate -s 1M x.img
	for command in 'img-create nowhere: 1M' 'img-delete nowhere:' 'img-archive nowhere:' \
		'img-unarchive -n nowhere:' 'img-verify nowhere:' 'img-verify --chain nowhere:' \
		'img-copy nowhere: y.img' 'img-write x.img nowhere:' 'img-snap nowhere:' \
		'img-resize nowhere: 1M' 'img-commit nowhere:' 'img-watch nowhere:'; do
		# shellcheck disable=SC2086 # several words
		refuses 2 nowhere: $command
		says 'names a host, not an image'
	done
	refuses 2 nowhere: img-verify x.img nowhere:
	refuses 2 '' img-verify --chain --bwlimit 1k x.img
	refuses 2 '' img-verify --chain -j 2 x.img
}

@test "usage: a missing operand is named, and one too many" {
	local command

	for command in img-info img-delete img-archive img-unarchive img-verify img-snap img-rename \
		img-create img-watch; do
		refuses 2 '' "$command"
		says "$command: missing operand LOCATION (see --help)"
	done
	refuses 2 '' img-copy
	says 'missing operand SRC (see --help)'
	refuses 2 '' img-copy x.img
	says "missing operand DST after 'x.img' (see --help)"
	refuses 2 '' img-write x.img
	says "missing operand DST after 'x.img' (see --help)"
	refuses 2 '' img-rename x.img
	says "missing operand NEWNAME after 'x.img' (see --help)"
	refuses 2 '' img-create x.img
	says "missing operand SIZE after 'x.img' (see --help)"
	refuses 2 '' img-write x y z
	says "unexpected operand 'z' (see --help)"
	refuses 2 '' img-storage a: b:
	says "unexpected operand 'b:' (see --help)"
	refuses 2 '' img-verify x y z
	says "unexpected operand 'z' (see --help)"
}

@test "usage: the option that was probably meant is named" {
	local command

	for command in $(commands); do
		refuses 2 '' "$command" --quite
		says "unknown option '--quite'; did you mean '--quiet'? (see --help)"
		refuses 2 '' "$command" --xyzzy
		says "unknown option '--xyzzy' (see --help)"
		refuses 2 '' "$command" -Z
		says "unknown option '-Z' (see --help)"
		refuses 2 '' "$command" --rsh
		says "option '--rsh' needs a value: COMMAND (see --help)"
		refuses 2 '' "$command" --json=1
		says "option '--json=1': "
		says '(see --help)'
	done
	refuses 2 '' img-copy --overwrit x y
	says "did you mean '--overwrite'?"
	refuses 2 '' img-copy -overwrite x y
	says "did you mean '--overwrite'?"
	refuses 2 '' img-copy -o Compression x y
	says "--ssh-option: 'Compression' has no value; use KEYWORD=VALUE (see --help)"
	refuses 2 '' img-copy --over x y
	says "did you mean '--overwrite'?"
	refuses 2 '' img-copy --siez=1k - y
	says "did you mean '--size'?"
	refuses 2 '' img-copy $'--quiet\e[31m\xe2\x80\xae' x y
	says "(see --help)"
}

@test "usage: a wrong value points to --help" {
	refuses 2 '' img-create x.img 10q
	says '(see --help)'
	refuses 2 '' img-copy --bwlimit x a b
	says '(see --help)'
	refuses 2 '' img-copy --jobs 0 a b
	says '(see --help)'
	refuses 2 '' img-copy --compress=perhaps a b
	says 'use auto, always or never (see --help)'
	refuses 2 '' img-copy --size 0 - b
	says '(see --help)'
	refuses 2 '' img-list --xml --json
	says '(see --help)'
	refuses 2 '' img-copy --live --snapshot a b
	says '(see --help)'
	refuses 2 '' img-info 'a b:x'
	says '(see --help)'
	refuses 2 '' img-info -
	says '(see --help)'
}

@test "usage: so does what only the helper can tell" {
	local where

	printf x >x.img
	qemu-img create -q -f qcow2 q.img 1M
	for where in '' "a:$DIR/"; do
		refuses 2 "${where}x.img" img-rename "${where}x.img" a/b
		says "'a/b' is not a name (see --help)"
		refuses 2 "${where}y.img" img-create --thin p "${where}y.img" 1M
		says '(see --help)'
		refuses 2 "${where}y.img" img-copy --size 1G x.img "${where}y.img"
		says '(see --help)'
		refuses 2 "${where}x.img" img-resize "${where}x.img" -2M
		says '(see --help)'
		refuses 2 "${where}q.img" img-commit --top 5 "${where}q.img"
		says '(see img-info --chain)'
	done
	refuses 2 '' img-info --helper nope a:/x.img
	says '(see --help)'
	# But not a fault in a configuration.
	echo nonsense >config
	refuses 2 '' img-info --config config x.img
	lacks "$ERR" 'see --help'
}

@test "usage: -n names the targets as they were resolved, and their sizes" {
	head -c 3M /dev/urandom >x.img
	lzop -o y.img.lzo x.img
	ln -s . link
	cd /
	for where in "$DIR/link" "a:$DIR/link"; do
		at=${where%"$DIR/link"}$DIR
		succeeds img-delete -n "$where/x.img"
		[ "$(<"$OUT")" = "would delete $at/x.img" ]
		succeeds img-rename -n "$where/x.img" z.img
		[ "$(<"$OUT")" = "would rename $where/x.img to $at/z.img" ]
		succeeds img-create -n "$where/z.img" 1M
		[ "$(<"$OUT")" = "would create $at/z.img, 1 MiB" ]
		succeeds img-archive -n "$where/x.img"
		[ "$(<"$OUT")" = "would archive $where/x.img into $at/x.img.lzo, 3 MiB" ]
		succeeds img-unarchive -n "$where/y.img.lzo"
		[ "$(<"$OUT")" = "would unarchive $where/y.img.lzo into $at/y.img, 3 MiB" ]
		succeeds img-resize -n "$where/x.img" 4M
		grep -x "would resize $at/x.img from 3 MiB to 4 MiB (4194304 bytes)" "$OUT"
	done
	qemu-img create -q -f qcow2 "$DIR/base" 1M
	(cd "$DIR" && qemu-img create -q -f qcow2 -b base -F qcow2 top)
	for where in "$DIR/link" "a:$DIR/link"; do
		at=${where%"$DIR/link"}$DIR
		succeeds img-commit -n "$where/top"
		grep -x "would commit layers of $at/top into $DIR/base" "$OUT"
	done
}

@test "usage: where root is needed, --sudo is named" {
	printf x >x.img
	chmod 755 .
	as_root chown 0 . x.img
	refuses 4 y.img by 65534 img-create y.img 1M
	says '(try --sudo=here)'
	refuses 4 x.img by 65534 img-delete x.img
	says '(try --sudo=here)'
	refuses 4 x.img by 65534 img-resize x.img 1M
	says '(try --sudo=here)'
	refuses 4 x.img by 65534 img-write "$IMAGE" x.img
	says '(try --sudo=here)'
	# The owner cannot be kept, and a sticky directory.
	as_root chown 65534 .
	refuses 4 x.img by 65534 img-copy --overwrite "$IMAGE" x.img
	says '(try --sudo=here)'
	as_root chown 0 .
	chmod 1777 .
	refuses 4 x.img by 65534 img-delete x.img
	says '(try --sudo=here)'
	as_root chown "$(id -u)" . x.img
}

@test "usage: of several failures, the first gives the status, also in a listing" {
	mkdir d
	printf x >d/x.img
	chmod 600 d/x.img
	as_root chown 1234:1234 d/x.img
	try without_power img-list d nosuch
	[ "$status" = 4 ]
	grep -q x.img "$OUT"
	try without_power img-list nosuch d
	[ "$status" = 3 ]
	grep -q x.img "$OUT"
	as_root rm d/x.img
}

# shellcheck disable=SC2088 # the programs replace it
@test "usage: ~ is the home directory, here and on other hosts" {
	local home

	home=$(getent passwd "$(id -u)" | cut -d: -f6)
	export HOME=$DIR/my-home
	mkdir -p my-home/below
	cp "$IMAGE" my-home/x.img
	succeeds img-info --json '~/x.img'
	json --arg p "$DIR/my-home/x.img" '.path == $p and .location == "~/x.img"'
	succeeds img-copy '~/x.img' '~/below/'
	same "$IMAGE" my-home/below/x.img
	succeeds img-copy '~/x.img' '~'/y.img
	same "$IMAGE" my-home/y.img
	succeeds img-list --json '~'
	json '.entries | map(.name) == ["below", "x.img", "y.img"]'
	mkdir '~'
	cp "$IMAGE" '~/z.img'
	refuses 3 '~/z.img' img-info '~/z.img'
	succeeds img-info './~/z.img'
	# A login there starts in the account's home directory.
	succeeds img-list --json 'a:~'
	cp "$OUT" want
	json --arg h "$home" '.entries | all(.path | startswith($h + "/"))'
	succeeds img-list --json 'a:~/'
	diff <(jq .entries want) <(jq .entries "$OUT")
	refuses 3 'a:~/no-such.img' img-info 'a:~/no-such.img'
	mktemp "$home/.img-test.XXXXXX" >name
	cp "$IMAGE" "$(cat name)"
	try img-copy "a:~/$(basename "$(cat name)")" w.img
	rm "$(cat name)"
	[ "$status" = 0 ]
	same "$IMAGE" w.img
	unset HOME
	refuses 2 '~/x' img-info '~/x'
}
