#!/usr/bin/env bats
# Failures that can happen to every command: a table has a line for each command, with @
# instead of the host.  Each time: the right status, one line, and nothing changed.

load common
load hosts

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	HOST=
}
teardown() {
	[ -z "$HOST" ] || sshd_stop "$HOST" 2>/dev/null
	find "$BATS_TEST_TMPDIR" -name .left.img-tools -delete
	img_teardown
}

# The commands that read an image or a container, and those that change one.
READING='
img-info @x.img
img-list @
img-storage @
img-verify @x.img
img-verify x.img @x.img
img-verify @x.img x.img
img-watch --once --reserve 1 @x.img
img-copy @x.img y.img
img-copy --archive @x.img y.img
img-copy @x.img.lzo y.img
img-write @x.img room.img
img-write --sparse @x.img.lzo room.img'
CHANGING='
img-create @y.img 64K
img-create --sparse @y.img 64K
img-create --format qcow2 --backing x.img @y.img 64K
img-copy x.img @y.img
img-copy --archive x.img @y.img
img-copy --sparse x.img.lzo @y.img
img-copy --overwrite x.img @room.img
img-copy @x.img @y.img
img-write x.img @room.img
img-write x.img.lzo @room.img
img-delete @x.img
img-rename @x.img y.img
img-resize @room.img 2M
img-resize --shrink @room.img 500000
img-resize --fs @fs.img 3M
img-resizefs --shrink @fs.img 600K
img-commit @top.qcow2
img-archive @room.img
img-unarchive @z.img.lzo
img-clean @'

# Images for all of these commands, and something for img-clean.
make_images() {
	head -c 600000 /dev/urandom >x.img
	head -c 1000000 /dev/urandom >room.img
	truncate -s 2M fs.img
	mkswap -q -U 6d2d2c1f-0c6e-4d5c-9d2a-7c1b7c2f6f0e fs.img 2>/dev/null
	truncate -s 1M base.raw
	qemu-img create -q -f qcow2 -b base.raw -F raw top.qcow2
	cp x.img z.img
	img-archive z.img
	img-archive -k x.img
	touch .left.img-tools
}

state_of_all() {
	find . -printf '%p %i %m %U %G %n %s %T@\n' | sort
	find . -type f -exec sha256sum {} + | sort
}

# for_each TABLE PREFIX COMMAND...: runs COMMAND with the words of each line, with
# PREFIX instead of @ (only its host for img-storage).  $first and $last are the first
# and the last location with it.
for_each() {
	local table=$1 prefix=$2 words word at first last count=0
	shift 2

	while read -r -a words; do
		[ ${#words[@]} != 0 ] || continue
		at=$prefix
		if [ "${words[0]}" = img-storage ]; then
			[[ $at == *:* ]] || continue # it takes no path
			at=${at%%:*}:
		fi
		words=("${words[@]/@/"$at"}")
		first=
		for word in "${words[@]}"; do
			[[ $word == "$at"* ]] || continue
			first=${first:-$word}
			last=$word
		done
		"$@" "${words[@]}" || {
			echo "in the line: ${words[*]}" >&2
			return 1
		}
		count=$((count + 1))
	done <<<"$table"
	[ $count -ge 8 ] # the table was read
}

fails() {
	refuses "$1" "$first" "${@:2}"
}

fails_at_target() {
	refuses "$1" "$last" "${@:2}"
}

fails_somewhere() {
	refuses "$1" '' "${@:2}"
}

# all_fail STATUS PREFIX: all commands fail, and nothing changes.
all_fail() {
	local before

	make_images
	before=$(state_of_all)
	for_each "$READING$CHANGING" "$2" fails "$1"
	nothing_changed
}

nothing_changed() {
	diff <(echo "$before") <(state_of_all) >&2
}

# a_host LINE...: a host for this test only.
a_host() {
	HOST=own$BATS_TEST_NUMBER
	start_host "$HOST" "$@"
}

@test "every command: a host that does not exist" {
	with_config 'Host gone' 'HostName no-such-host.invalid'
	all_fail 7 "gone:$DIR/"
}

@test "every command: a port where nobody listens" {
	a_host
	sshd_stop "$HOST"
	all_fail 7 "$HOST:$DIR/"
}

@test "every command: a changed host key" {
	sed "s, ssh-ed25519 .*, $(cut -d' ' -f1,2 "$SSHD_DIR/user_key.pub")," \
		"$SSHD_DIR/known_hosts" >"$BATS_TEST_TMPDIR/changed"
	with_config 'Host *' "UserKnownHostsFile $BATS_TEST_TMPDIR/changed"
	all_fail 7 "a:$DIR/"
	says "$BATS_TEST_TMPDIR/changed"
}

@test "every command: a login that is refused" {
	ssh-keygen -q -t ed25519 -N '' -f "$BATS_TEST_TMPDIR/other"
	sed "s,IdentityFile .*,IdentityFile $BATS_TEST_TMPDIR/other," "$SSHD_DIR/config" \
		>"$BATS_TEST_TMPDIR/config"
	SSH_CONFIG=$BATS_TEST_TMPDIR/config
	all_fail 7 "a:$DIR/"
}

@test "every command: no shell on the host, and therefore no helper" {
	a_host 'ForceCommand echo This account is not available.; exit 1'
	all_fail 7 "$HOST:$DIR/"
}

@test "every command: a helper that dies at once" {
	a_host "ForceCommand exec $IMG_BUILD/libexec/img-tools/img-helper-$(uname -m) --serve </dev/null"
	all_fail 7 "$HOST:$DIR/"
}

@test "every command: no helper on this host" {
	local before

	make_images
	before=$(state_of_all)
	mkdir "$BATS_TEST_TMPDIR/bin"
	cp "$IMG_BUILD"/bin/img-* "$BATS_TEST_TMPDIR/bin"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	for_each "$READING$CHANGING" ./ fails_somewhere 7
	nothing_changed
}

# no_proc WORD...: runs it where /proc is empty.
no_proc() {
	as_root env "PATH=$PATH" "HOME=$HOME" "IMG_TEST=$IMG_TEST" unshare -m \
		sh -c 'mount -t tmpfs tmpfs /proc; exec "$@"' sh "$@"
}

# 3 would be "no such image".
@test "every command: no /proc" {
	! grep -q -e -fsanitize "$IMG_BUILD/flags" || skip "sanitizers need /proc themselves"
	make_images
	for_each "$READING$CHANGING" ./ fails_somewhere 1 no_proc
	refuses 1 x.img no_proc img-info x.img
	says '(is /proc mounted?)'
}

@test "every command: a read-only filesystem" {
	local before prefix

	mkdir m
	as_root mount -t tmpfs -o size=8M,mode=1777 tmpfs m
	MOUNTS+=("$DIR/m")
	(cd m && make_images)
	cp m/x.img m/x.img.lzo m/room.img .
	as_root mount -o remount,ro m
	before=$(state_of_all)
	for prefix in m/ "a:$DIR/m/"; do
		for_each "${CHANGING/img-clean @/}" "$prefix" fails_at_target 4
		nothing_changed
		try img-clean "$prefix" # says what it cannot remove
		[ "$status" = 4 ]
		one_line 'img-clean: '
		says .left.img-tools
	done
	nothing_changed
	for_each "$READING" m/ reads
	for_each "$READING" "a:$DIR/m/" reads
	as_root mount -o remount,rw m
}

reads() {
	rm -f y.img
	succeeds "$@"
}

# The commands that print a result on standard output.
PRINTING='
img-info @x.img
img-info --json @x.img
img-list @
img-list --json @
img-list --xml @
img-storage @
img-storage --json @
img-storage --xml @
img-verify @x.img
img-verify --json @x.img
img-watch --reserve 1 @x.img
img-watch --once --json --reserve 1 @x.img
img-watch -n --reserve 1 --extend 1 @x.img
img-copy -n @x.img y.img
img-write -n @x.img room.img
img-create -n @y.img 1k
img-delete -n @x.img
img-rename -n @x.img y.img
img-resize -n @x.img 1M
img-resizefs -n --shrink @fs.img 600K
img-commit -n @top.qcow2
img-archive -n @room.img
img-unarchive -n @z.img.lzo
img-clean -n @'

# print_to WORDS...: runs them with a standard output as $how says; $pipe has env's options for
# SIGPIPE.
print_to() {
	local command=(timeout -k 10 30 env "${pipe[@]}" "$1" -F "$SSH_CONFIG" "${@:2}")

	status=0
	case $how in
	full) "${command[@]}" 2>"$ERR" >/dev/full || status=$? ;;
	broken) "${command[@]}" 2>"$ERR" >&6 || status=$? ;;
	closed) "${command[@]}" 2>"$ERR" >&- || status=$? ;;
	esac
}

# cannot_print WORDS...: standard output is full, without a reader, and closed.
cannot_print() {
	local how pipe=(--ignore-signal=PIPE)

	for how in full broken closed; do
		print_to "$@"
		if [ "$status" != 1 ] || ! one_line "$1: "; then
			echo "$how:" >&2
			told
			return 1
		fi
	done
	how=broken
	pipe=(--default-signal=PIPE)
	print_to "$@"
	if [ "$status" != 141 ] || [ -s "$ERR" ]; then
		echo "$how, and SIGPIPE is not ignored:" >&2
		told
		return 1
	fi
}

@test "every command: a result that cannot be printed" {
	local before

	make_images
	before=$(state_of_all)
	: >"$OUT"
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	exec 5<>"$BATS_TEST_TMPDIR/fifo" 6>"$BATS_TEST_TMPDIR/fifo" 5>&-
	for_each "$PRINTING" ./ cannot_print
	for_each "$PRINTING" "a:$DIR/" cannot_print
	exec 6>&-
	nothing_changed
}

# without_streams WORDS...: some standard streams are closed; the images are
# nevertheless as they should be.
without_streams() {
	local closed want

	for closed in 0 2 012; do
		find . -mindepth 1 -delete
		cp -a "$BATS_TEST_TMPDIR/images/." .
		status=0
		want=0
		: >"$OUT"
		: >"$ERR"
		case $closed in
		0) "$1" -F "$SSH_CONFIG" "${@:2}" <&- >"$OUT" 2>"$ERR" || status=$? ;;
		2) "$1" -F "$SSH_CONFIG" "${@:2}" >"$OUT" 2>&- || status=$? ;;
		012)
			"$1" -F "$SSH_CONFIG" "${@:2}" <&- >&- 2>&- || status=$?
			[[ $1 != img-clean && $1 != img-commit ]] || want=1 # they have something to print
			;;
		esac
		sums >"$BATS_TEST_TMPDIR/sums.$closed"
		if [ "$status" != $want ] || ! cmp "$BATS_TEST_TMPDIR"/sums.{0,"$closed"} >&2; then
			echo "without $closed:" >&2
			told
			return 1
		fi
	done
}

# Prints the digests of all files.  Each archive is unpacked before, because its header has the time
# of creation.
sums() {
	local file magic

	for file in * .[!.]*; do
		[ -f "$file" ] || continue
		LC_ALL=C IFS='' read -rd '' -n 4 magic <"$file" || true
		if [ "$magic" = $'\x89LZO' ]; then
			lzop -dc <"$file" >"$BATS_TEST_TMPDIR/unpacked"
			mv "$BATS_TEST_TMPDIR/unpacked" "$file"
		fi
	done
	find . -type f -exec sha256sum {} + | sort
}

@test "every command: closed standard streams" {
	make_images
	cp -a . "$BATS_TEST_TMPDIR/images"
	for_each "$CHANGING" ./ without_streams
	for_each "$CHANGING" "a:$DIR/" without_streams
}

# Names that a terminal, a shell or a parser could misunderstand.
NAMES=($'two\nlines' $'\e[31m\a' $'\xff\xfe(' '  a	b ' '$(touch pwned)' "it's" '%s%n')

# takes NAME: every command that the other tests of names do not cover.
takes() {
	local where name=$1

	head -c 300000 /dev/urandom >orig
	for where in "$DIR/$name" "a:$DIR/$name"; do
		cp orig "$name"
		succeeds img-verify "$where"
		[ "$(wc -l <"$OUT")" = 1 ]
		printable "$OUT"
		succeeds img-archive "$where"
		lzop -t <"$name.lzo"
		succeeds img-verify "$where.lzo"
		[ "$(wc -l <"$OUT")" = 1 ]
		succeeds img-unarchive "$where.lzo"
		same orig "$name"
		head -c 400000 /dev/urandom >"$name"
		succeeds img-write --json orig "$where"
		json .
		cmp -n 300000 orig "$name"
		refuses 4 '' img-unarchive "$where"
		rm "$name"
		refuses 3 '' img-verify "$where"
		refuses 3 '' img-archive "$where"
		refuses 3 '' img-write orig "$where"
		touch ".$name.img-tools"
		succeeds img-clean "${where%/*}"
		[ "$(wc -l <"$OUT")" = 1 ]
		printable "$OUT"
	done
	[ "$(ls -A)" = orig ]
}

@test "every command: names" {
	local name

	for name in "${NAMES[@]}"; do
		takes "$name"
	done
}
