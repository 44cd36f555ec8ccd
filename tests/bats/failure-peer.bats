#!/usr/bin/env bats
# Remote hosts that do not exist, are not the expected host, or are difficult.

# shellcheck disable=SC2030,SC2031 # each test is a subshell
load common
load hosts

setup_file() { img_setup_file a b; }
teardown_file() { img_teardown_file; }

setup() {
	img_setup
	EXTRA=()
	IN_TMP=/tmp/img-tools-$(id -u)
}

teardown() {
	[ ${#EXTRA[@]} = 0 ] || sshd_stop "${EXTRA[@]}"
	rmdir "$IN_TMP" 2>/dev/null || true # if it was ours, it is empty
	img_teardown
}

# unreachable LOCATION WORDS...: LOCATION as source, as target, and for the other programs.
unreachable() {
	local where=$1

	refuses 7 "$where" img-copy "$IMAGE" "$where"
	refuses 7 "$where" img-copy "$where" y.img
	refuses 7 "$where" img-info "$where"
	[ ! -e y.img ]
}

free_port() {
	local port

	port=$((32000 + RANDOM % 700))
	while (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
		port=$((port + 1))
	done
	echo $port
}

# works_with_host NAME: copies to it and back, and checks that errors arrive.
works_with_host() {
	succeeds img-copy "$IMAGE" "$1:$DIR/y.img"
	same "$IMAGE" y.img
	rm y.img
	succeeds img-copy "$1:$IMAGE" y.img
	same "$IMAGE" y.img
	rm y.img
	refuses 3 "$1:$DIR/no.img" img-info "$1:$DIR/no.img"
}

@test "peer: a host that does not exist" {
	with_config 'Host gone' 'HostName no-such-host.invalid'
	unreachable "gone:$DIR/y.img"
	refuses 7 'no-such-host.invalid:/x' img-create no-such-host.invalid:/x 1k
	refuses 7 'no-such-host.invalid:/x' img-delete no-such-host.invalid:/x
	refuses 7 'no-such-host.invalid:/x' img-copy "a:$IMAGE" no-such-host.invalid:/x
}

@test "peer: a port where nobody listens" {
	local port

	port=$(free_port)
	unreachable "ssh://127.0.0.1:$port$DIR/y.img"
	says "$port"
	with_config 'Host closed' 'HostName 127.0.0.1' "Port $port"
	unreachable "closed:$DIR/y.img"
	refuses 7 "closed:$DIR/y.img" img-copy "a:$IMAGE" "closed:$DIR/y.img"
}

@test "peer: a port where another server listens" {
	local port

	port=$(free_port)
	mkfifo pipe
	busybox nc -l -p "$port" <pipe >/dev/null 3>&- &
	exec 5>pipe
	wait_until 10 listens "$port"
	printf 'HTTP/1.0 400 Bad Request\r\n\r\n' >&5
	exec 5>&-
	refuses 7 "ssh://127.0.0.1:$port/x" img-info --timeout 5 "ssh://127.0.0.1:$port/x"
}

@test "peer: a port where a server listens and sends nothing" {
	local port start

	port=$(free_port)
	mkfifo pipe
	busybox nc -l -p "$port" <pipe >/dev/null 3>&- &
	exec 5>pipe
	wait_until 10 listens "$port"
	start=${EPOCHREALTIME/./}
	refuses 7 "ssh://127.0.0.1:$port/x" img-info --timeout 2 "ssh://127.0.0.1:$port/x"
	exec 5>&-
	[ $((${EPOCHREALTIME/./} - start)) -lt 10000000 ]
}

listens() {
	grep -qE ":$(printf %04X "$1") 0+:0000 0A" /proc/net/tcp /proc/net/tcp6
}

@test "peer: a wrong key" {
	ssh-keygen -q -t ed25519 -N '' -f other_key
	sed "s,IdentityFile .*,IdentityFile $DIR/other_key," "$SSH_CONFIG" >config
	SSH_CONFIG=$DIR/config
	unreachable "a:$DIR/y.img"
	refuses 7 "a:$IMAGE" img-copy "a:$IMAGE" "b:$DIR/y.img"
}

@test "peer: a key file that does not exist, or is not a key" {
	sed "s,IdentityFile .*,IdentityFile $DIR/no_key," "$SSH_CONFIG" >config
	SSH_CONFIG=$DIR/config
	unreachable "a:$DIR/y.img"
	echo rubbish >no_key
	chmod 600 no_key
	unreachable "a:$DIR/y.img"
}

@test "peer: the key of --identity is used" {
	sed "s,IdentityFile .*,IdentityFile $DIR/no_key," "$SSH_CONFIG" >config
	cp "$SSHD_DIR/user_key" good
	SSH_CONFIG=$DIR/config
	succeeds img-copy -i good "$IMAGE" "a:$DIR/y.img"
	same "$IMAGE" y.img
	refuses 7 "a:$DIR/z.img" img-copy "$IMAGE" "a:$DIR/z.img"
}

@test "peer: a wrong user" {
	unreachable "no-such-user@a:$DIR/y.img"
	unreachable "ssh://no-such-user@a$DIR/y.img"
}

@test "peer: an unknown host key, and nobody to ask" {
	: >none
	with_config 'Host *' "UserKnownHostsFile $DIR/none"
	refuses 7 "a:$DIR/y.img" setsid -w img-copy -F "$SSH_CONFIG" "$IMAGE" "a:$DIR/y.img"
	refuses 7 "a:$IMAGE" setsid -w img-copy -F "$SSH_CONFIG" "a:$IMAGE" y.img
	[ ! -e y.img ]
	[ ! -s none ]
	with_config 'Host *' "UserKnownHostsFile $DIR/none" 'StrictHostKeyChecking yes'
	refuses 7 "a:$DIR/y.img" setsid -w img-copy -F "$SSH_CONFIG" "$IMAGE" "a:$DIR/y.img"
	# Options by which the user allows it.
	with_config 'Host *' "UserKnownHostsFile $DIR/none" 'StrictHostKeyChecking accept-new'
	try img-copy "$IMAGE" "a:$DIR/y.img"
	[ "$status" = 0 ]
	same "$IMAGE" y.img
	[ -s none ]
}

@test "peer: a changed host key" {
	local strict

	sed "s, ssh-ed25519 .*, $(cut -d' ' -f1,2 "$SSHD_DIR/user_key.pub")," \
		"$SSHD_DIR/known_hosts" >changed
	for strict in ask yes accept-new; do
		with_config 'Host *' "UserKnownHostsFile $DIR/changed" "StrictHostKeyChecking $strict"
		refuses 7 "a:$DIR/y.img" setsid -w img-copy -F "$SSH_CONFIG" "$IMAGE" "a:$DIR/y.img"
		says "$DIR/changed"
	done
	[ ! -e y.img ]
	with_config 'Host *' "UserKnownHostsFile $DIR/changed" 'StrictHostKeyChecking no'
	try img-copy "$IMAGE" "a:$DIR/y.img" # allowed by the user, as with ssh
	[ "$status" = 0 ]
	says "$DIR/changed"
}

@test "peer: the name of one host and the key of another" {
	with_config 'Host a' "Port $(sshd_port b)" 'HostKeyAlias a' "UserKnownHostsFile $DIR/hosts"
	printf 'a %s\n' "$(cut -d' ' -f1,2 "$SSHD_DIR/a/host_key.pub")" >hosts
	refuses 7 "a:$DIR/y.img" setsid -w img-copy -F "$SSH_CONFIG" "$IMAGE" "a:$DIR/y.img"
	printf 'a %s\n' "$(cut -d' ' -f1,2 "$SSHD_DIR/b/host_key.pub")" >hosts
	succeeds img-copy "$IMAGE" "a:$DIR/y.img"
}

@test "peer: a wrong configuration is a usage error" {
	refuses 2 '' env img-copy -F no-such-file "$IMAGE" "a:$DIR/y.img"
	says no-such-file
	echo 'NoSuchKeyword yes' >config
	refuses 2 '' env img-copy -F config "$IMAGE" "a:$DIR/y.img"
	says config
}

@test "peer: --rsh with a command that fails or does not exist" {
	refuses 7 "a:$DIR/y.img" env img-copy --rsh false "$IMAGE" "a:$DIR/y.img"
	refuses 7 "a:$DIR/y.img" env img-copy --rsh "$DIR/nothing" "$IMAGE" "a:$DIR/y.img"
	[ ! -e y.img ]
}

@test "peer: no shell" {
	extra_host noshell 'ForceCommand echo This account is not available.; exit 1'
	unreachable "noshell:$DIR/y.img"
}

@test "peer: prints text and never starts a helper" {
	extra_host chatty 'ForceCommand exec cat /dev/zero'
	unreachable "chatty:$DIR/y.img"
	extra_host yes 'ForceCommand exec yes "img-tools/3 hello"'
	unreachable "yes:$DIR/y.img"
}

@test "peer: does not speak our protocol" {
	extra_host earlier 'ForceCommand echo img-tools/1 ready; sleep 1'
	unreachable "earlier:$DIR/y.img"
	says 'the helper speaks protocol 1 and this program protocol 3 (install'
	extra_host rubbish 'ForceCommand echo img-tools/3 ready; head -c 100000 /dev/urandom'
	unreachable "rubbish:$DIR/y.img"
}

# fake_helper FILE READY PROTOCOL: a program that begins as a helper does, with these
# protocols in its line and in its greeting, and then waits for the client to go.
fake_helper() {
	cat >"$1" <<-END
		#!/bin/sh
		[ "\$1" != --protocol ] || exec echo $3
		printf '\nimg-tools/$2 ready\n\001\0\0\0\0\0\0\025protocol=$3\0version=0\0'
		exec cat >/dev/null
	END
	chmod 755 "$1"
}

@test "peer: a helper of protocol 1, or one that greets with it" {
	local both='the helper speaks protocol 1 and this program protocol 3 (install'

	fake_helper old 1 1
	refuses 7 "a:$DIR/y.img" img-copy --helper "$DIR/old" "$IMAGE" "a:$DIR/y.img"
	says "$both"
	fake_helper odd 3 1
	refuses 7 "a:$DIR/y.img" img-copy --helper "$DIR/odd" "$IMAGE" "a:$DIR/y.img"
	says "$both"
	[ ! -e y.img ]
}

@test "peer: a program on this host that is no helper" {
	local helper

	helper=libexec/img-tools/img-helper-$(uname -m)
	mkdir -p bin "${helper%/*}"
	cp "$IMG_BUILD/bin/img-info" bin
	printf '%s\n' '#!/bin/sh' 'echo "img-tools/3 arch m68k" >&3' >"$helper"
	chmod 755 "$helper"
	refuses 7 "$IMAGE" env PATH="$DIR/bin:$PATH" img-info "$IMAGE"
	says "cannot start the helper: '$DIR/$helper' is not a helper"
}

@test "peer: a helper that answers nothing but OK" {
	local rest

	program empty <<-'END'
		printf '\nimg-tools/3 ready\n\001\0\0\0\0\0\0\025protocol=3\0version=0\0'
		head -c 8 >/dev/null
		printf '\010\0\0\0\0\0\0\0'
		exec cat >/dev/null
	END
	while read -ra rest; do
		refuses 7 "${rest[1]}" env "${rest[0]}" --rsh ./empty "${rest[@]:1}"
		says 'protocol error: '
	done <<-END
		img-info h:/x
		img-info h:/x --json
		img-info h:/x --chain
		img-verify h:/x --chain
		img-watch h:/x --once
		img-storage h:
		img-create h:/x 1M
		img-create h:/x 1M -n --format qcow2
		img-delete h:/x
		img-rename h:/x y
		img-resize h:/x 1M -n
		img-resizefs h:/x
		img-commit h:/x
		img-archive h:/x
		img-unarchive h:/x.lzo -n
	END
	# A list may be empty.
	succeeds env img-list --rsh ./empty h:
	succeeds env img-clean --rsh ./empty h:
}

# reply TYPE PAIR...: prints a frame.
reply() {
	local type=$1 len=0 pair
	shift

	for pair; do len=$((len + ${#pair} + 1)); done
	unhex "$(printf '%02x000000%08x' "$type" "$len")"
	[ $# = 0 ] || printf '%s\0' "$@"
}

# answers FILE: a program that greets and sends standard input, whatever it is asked.
answers() {
	{
		printf '\nimg-tools/3 ready\n'
		reply 1 protocol=3 version=0
		cat
	} >"$1.frames"
	program "$1" <<<"cat '$PWD/$1.frames'; exec cat >/dev/null"
}

# event NAME: prints the event of the first disk.
event() {
	reply 3 "event=$1" disk=0 time=0 path=/x status=0
}

@test "peer: a helper that ends the watch of a disk, or does not say what has failed" {
	{
		event armed
		reply 8
	} | answers ended
	try env img-watch --rsh ./ended h:/x
	[ "$status" = 7 ]
	[ "$(cat "$OUT")" = "h:/x: armed" ]
	one_line 'img-watch: h:/x: the helper has ended the watch'
	{
		event enough
		reply 8 failed=0
	} | answers good
	succeeds env img-watch --once --rsh ./good h:/x
	{
		event enough
		reply 8 failed=1
	} | answers bad
	try env img-watch --once --rsh ./bad h:/x
	[ "$status" = 7 ]
	one_line 'img-watch: h:/x: protocol error: '
}

# layer PAIR...: a helper, ./layers, that has verified one layer.
layer() {
	{
		reply 3 depth=0 path=/x name=x format=qcow2 "$@"
		reply 8
	} | answers layers
}

@test "peer: a helper that does not say how a layer is, or what the digest is" {
	local result

	for result in intact leaks readable unchecked; do
		layer "result=$result"
		try env img-verify --chain --rsh ./layers h:/x
		[ "$status" = 0 ]
		grep -x "$result  *qcow2  h:/x" "$OUT"
	done
	for result in error.kind=damaged error.message=torn result=failed; do
		layer "$result" status=8
		try env img-verify --chain --rsh ./layers h:/x
		[ "$status" = 8 ]
		grep -x 'failed  *qcow2  h:/x' "$OUT"
		one_line "img-verify: h:/x: layer 'h:/x': "
		try env img-verify --chain --json --rsh ./layers h:/x
		[ "$status" = 8 ]
		json '.layers[0] | .result == "failed" and (.error.kind | type) == "string"'
	done
	for result in result=good result= dirty=0; do
		layer "$result"
		refuses 7 h:/x env img-verify --chain --rsh ./layers h:/x
		says 'protocol error: '
	done
	reply 8 content=00000000000000000000000000000000 capacity=1 format=raw | answers digest
	refuses 7 h:/x env img-verify --rsh ./digest h:/x
	says "protocol error: an OK without 'digest'"
}

@test "peer: a helper that is lost after it has removed something" {
	{
		reply 3 kind=file path=/d/.x.img-tools state=removed
		unhex 0d00000000000007000700000000 # FAILED with status 7
		printf x
	} | answers cleans
	try env img-clean --rsh ./cleans h:/d
	[ "$status" = 7 ]
	[ "$(cat "$OUT")" = 'removed h:/d/.x.img-tools' ]
	try env img-clean --json --rsh ./cleans h:/d
	[ "$status" = 7 ]
	json '.location == "h:/d" and (.entries | map(.path) == ["/d/.x.img-tools"])'
	try env img-clean --json --rsh ./cleans h:/d k:/d
	[ "$status" = 7 ]
	json 'map(.entries | length) == [1, 1]'
	program ended <<<exit
	refuses 7 h:/d env img-clean --json --rsh ./ended h:/d
}

@test "peer: sends terminal escapes" {
	extra_host escapes 'ForceCommand printf "img-tools/3 fail \\033[31mred\\007\\n"; printf "\\033[2J" >&2'
	unreachable "escapes:$DIR/y.img"
	says red
}

@test "peer: a helper that greets before any bootstrap, as a forced command" {
	extra_host forced "ForceCommand $IMG_BUILD/libexec/img-tools/img-helper-$(uname -m) --serve"
	works_with_host forced
}

# Login shells other than the account's own: sshd passes the command to SHELL -c.
login_shell() {
	extra_host "$1" "ForceCommand exec $2 -c \"\$SSH_ORIGINAL_COMMAND\""
	works_with_host "$1"
}

@test "peer: login shell dash" { login_shell dash dash; }
@test "peer: login shell bash" { login_shell bash bash; }
@test "peer: login shell zsh" { login_shell zsh zsh; }
@test "peer: login shell fish" { login_shell fish fish; }
@test "peer: login shell csh" { login_shell csh csh; }
@test "peer: login shell busybox sh" { login_shell busybox 'busybox sh'; }

@test "peer: only busybox" {
	mkdir bin
	busybox --install -s "$DIR/bin"
	HOST_ENV=PATH=$DIR/bin extra_host tiny \
		'ForceCommand exec sh -c "$SSH_ORIGINAL_COMMAND"'
	works_with_host tiny
}

@test "peer: sh is bash, or zsh" {
	local shell

	for shell in bash zsh; do
		mkdir "bin-$shell"
		ln -s "$(type -P $shell)" "bin-$shell/sh"
		HOST_ENV=PATH=$DIR/bin-$shell:/usr/bin:/bin extra_host "sh-is-$shell"
		works_with_host "sh-is-$shell"
	done
}

@test "peer: login scripts that print text" {
	extra_host motd 'ForceCommand echo Welcome.; echo; echo Have a lot of fun >&2; printf "no newline"; exec sh -c "$SSH_ORIGINAL_COMMAND"'
	works_with_host motd
}

@test "peer: login scripts that print very much, lines like ours, and terminal escapes" {
	cat >login <<-'END'
		head -c 100000 /dev/zero | tr '\0' x
		seq 1 10000
		echo img-tools/
		echo img-tools/3
		echo "img-tools/x ready"
		printf '\033[2J\000\377\n'
	END
	extra_host loud "ForceCommand . $DIR/login; exec sh -c \"\$SSH_ORIGINAL_COMMAND\""
	works_with_host loud
}

@test "peer: profiles of the login shell that print text" {
	mkdir "$BATS_FILE_TMPDIR/home-profile"
	echo 'echo from bashrc; echo noise >&2' >"$BATS_FILE_TMPDIR/home-profile/.bashrc"
	echo 'echo from zshenv; printf x' >"$BATS_FILE_TMPDIR/home-profile/.zshenv"
	extra_host profile 'ForceCommand exec zsh -c "$SSH_ORIGINAL_COMMAND"'
	works_with_host profile
}

# host_of_its_own NAME SCRIPT: a host with a mount namespace of its own, set up by SCRIPT.
host_of_its_own() {
	HOST_MOUNTS=$2 extra_host "$1"
}

# Arguments of mount for all places where a helper may be, except the home directory.
elsewhere() {
	local place

	for place in /var/tmp /dev/shm; do
		echo "mount -t tmpfs -o $1 tmpfs $place"
	done
	echo "[ ! -d /run/user ] || mount -t tmpfs -o $1 tmpfs /run/user"
}

# /tmp holds the tests' own files, so only the helper's directory in it is mounted over.
in_tmp() {
	echo "mkdir -p -m 700 $IN_TMP; mount -t tmpfs -o $1 tmpfs $IN_TMP"
}

@test "peer: the home directory is read-only" {
	host_of_its_own rohome "
		$(elsewhere mode=1777)
		mount -t tmpfs -o ro tmpfs $BATS_FILE_TMPDIR/home-rohome"
	works_with_host rohome
	[ -z "$(ls -A "$BATS_FILE_TMPDIR/home-rohome")" ]
}

@test "peer: the home directory is noexec" {
	host_of_its_own noexec "
		$(elsewhere mode=1777)
		mount -t tmpfs -o noexec tmpfs $BATS_FILE_TMPDIR/home-noexec"
	works_with_host noexec
}

@test "peer: the home directory is full" {
	host_of_its_own full "
		$(elsewhere mode=1777)
		mount -t tmpfs -o size=100k tmpfs $BATS_FILE_TMPDIR/home-full"
	works_with_host full
}

@test "peer: the home directory belongs to another user, or is a link" {
	local home=$BATS_FILE_TMPDIR/home-linked

	mkdir -p "$home" "$DIR/evil"
	ln -s "$DIR/evil" "$home/.cache"
	chmod 777 "$DIR/evil"
	mkdir -m 777 "$DIR/evil/img-tools"
	host_of_its_own linked "$(elsewhere mode=1777)"
	works_with_host linked
	[ -z "$(ls -A "$DIR/evil/img-tools")" ] # others could write there
}

@test "peer: no HOME" {
	host_of_its_own nohome "$(elsewhere mode=1777)"
	sed -i 's,ForceCommand.*,,; $aForceCommand unset HOME; exec sh -c "$SSH_ORIGINAL_COMMAND"' \
		"$SSHD_DIR/nohome/sshd_config"
	kill -HUP "$(cat "$SSHD_DIR/nohome/pid")"
	works_with_host nohome
}

@test "peer: no free space for the helper" {
	host_of_its_own crammed "
		$(elsewhere size=100k,mode=1777)
		$(in_tmp size=100k,mode=700)
		mount -t tmpfs -o size=100k tmpfs $BATS_FILE_TMPDIR/home-crammed"
	unreachable "crammed:$DIR/y.img"
	says 'cannot start the helper: no directory with free space where programs may run, among: '
}

@test "peer: no directory where a helper may run" {
	host_of_its_own strict "
		$(elsewhere noexec,mode=1777)
		$(in_tmp noexec,mode=700)
		mount -t tmpfs -o noexec tmpfs $BATS_FILE_TMPDIR/home-strict"
	unreachable "strict:$DIR/y.img"
	says 'cannot start the helper: no directory with free space where programs may run, among: '
	refuses 7 "strict:$DIR/y.img" img-copy "a:$IMAGE" "strict:$DIR/y.img"
}

# The link dies in the upload to the first directory.  The second one's file must not stay.
@test "peer: an upload that loses its link leaves no file" {
	local shell host root

	for shell in dash bash busybox; do
		host=cut-$shell
		mkdir -p "path-$shell"
		ln -s "$(command -v $shell)" "path-$shell/sh"
		HOST_MOUNTS=$(hide /var/tmp /tmp/img-tools-"$(id -u)" /dev/shm) extra_host "$host" \
			"ForceCommand export PATH=$DIR/path-$shell:\$PATH; head -c 1000 | eval \"\$SSH_ORIGINAL_COMMAND\" | head -n 2"
		refuses 7 "$host:/x" img-info "$host:/x"
		root=/proc/$(cat "$SSHD_DIR/$host/pid")/root
		[ -d "$root/var/tmp/img-tools-$(id -u)" ]
		[ -z "$(find "$root/var/tmp" "$root/dev/shm" "$BATS_FILE_TMPDIR/home-$host" -name '.img-helper*')" ]
	done
}

@test "peer: login scripts that write to standard error do not hide the reason" {
	extra_host noisy 'ForceCommand echo "mesg: ttyname failed" >&2; sh -c "$SSH_ORIGINAL_COMMAND"; r=$?; echo >&2; exit $r'
	refuses 7 "noisy:$IMAGE" img-info --helper /opt/none "noisy:$IMAGE"
	says '/opt/none: not found'
	lacks "$ERR" ttyname
}

@test "peer: dropped connections are an error, and the next job works" {
	local pid pids

	mkfifo pipe
	img-copy -F "$SSH_CONFIG" - "b:$DIR/y.img" <pipe >"$OUT" 2>"$ERR" 3>&- &
	pid=$!
	exec 5>pipe
	head -c 1000000 "$IMAGE" >&5
	wait_until 20 test -e .y.img.img-tools
	mapfile -t pids < <(sessions b)
	kill -KILL "${pids[@]}"
	status=0
	wait $pid || status=$?
	exec 5>&-
	[ "$status" = 7 ]
	one_line "img-copy: b:$DIR/y.img: the helper was lost: "
	nothing_left
	[ ! -e y.img ]
	succeeds img-copy "$IMAGE" "b:$DIR/y.img"
}

@test "peer: a request whose connection is dropped says so" {
	local pid pids

	head -c 3M /dev/urandom >x.img
	img-archive -F "$SSH_CONFIG" --keep --bwlimit 1M "a:$DIR/x.img" >"$OUT" 2>"$ERR" 3>&- &
	pid=$!
	wait_until 20 test -e .x.img.lzo.img-tools
	mapfile -t pids < <(sessions a)
	kill -KILL "${pids[@]}"
	status=0
	wait $pid || status=$?
	[ "$status" = 7 ]
	one_line "img-archive: a:$DIR/x.img: the helper ended before the operation was done: "
	wait_until 10 no_process
	[ ! -e x.img.lzo ]
}

# copying SOURCE TARGET: starts a slow copy, and waits until it runs; $pid is its pid.
copying() {
	img-copy -F "$SSH_CONFIG" --bwlimit 1M "$@" >"$OUT" 2>"$ERR" 3>&- &
	pid=$!
	wait_until 20 test -e .y.img.img-tools
}

# helper_of HOST: prints the pid of the helper that runs there.
helper_of() {
	local pid

	for pid in $(helpers); do
		if tr '\0' '\n' <"/proc/$pid/environ" | grep -qx "HOME=$BATS_FILE_TMPDIR/home-$1"; then
			echo "$pid"
		fi
	done
}

helper_here() {
	local pid

	for pid in $(helpers); do
		if tr '\0' '\n' <"/proc/$pid/environ" | grep -qx "HOME=$HOME"; then
			echo "$pid"
		fi
	done
}

# killed LOCATION: the copy ended with the right error after that location's helper was killed.
killed() {
	status=0
	wait $pid || status=$?
	[ "$status" = 7 ] || {
		told
		return 1
	}
	one_line "img-copy: $1: "
	[ ! -s "$OUT" ]
	wait_until 10 no_process
	[ ! -e y.img ]
}

@test "peer: the target's helper is killed" {
	local pid

	head -c 3M /dev/urandom >x.img
	copying x.img "a:$DIR/y.img"
	kill -KILL "$(helper_of a)"
	killed "a:$DIR/y.img"
	[ "$(find . -name '.*.img-tools*')" = ./.y.img.img-tools ] # the helper could not remove it
	succeeds img-copy x.img "a:$DIR/y.img"      # the next job removes it
	same x.img y.img
	no_partial
}

@test "peer: the source's helper is killed" {
	local pid

	head -c 3M /dev/urandom >x.img
	copying "a:$DIR/x.img" y.img
	kill -KILL "$(helper_of a)"
	killed "a:$DIR/x.img"
	no_partial
}

@test "peer: a helper is killed in a copy from one host to another" {
	local pid

	head -c 3M /dev/urandom >x.img
	copying "a:$DIR/x.img" "b:$DIR/y.img"
	kill -KILL "$(helper_of a)"
	killed "a:$DIR/x.img"
	no_partial
	copying "a:$DIR/x.img" "b:$DIR/y.img"
	kill -KILL "$(helper_of b)"
	killed "b:$DIR/y.img"
	rm .y.img.img-tools
}

@test "peer: the helper is ended by TERM" {
	local pid

	head -c 3M /dev/urandom >x.img
	copying x.img "a:$DIR/y.img"
	kill -TERM "$(helper_of a)"
	killed "a:$DIR/y.img"
	no_partial
}

@test "peer: the helper on this host is killed" {
	local pid

	head -c 3M /dev/urandom >x.img
	copying x.img "a:$DIR/y.img"
	kill -KILL "$(helper_here)"
	killed x.img
	no_partial
	copying "a:$DIR/x.img" y.img
	kill -KILL "$(helper_here)"
	killed y.img
	rm .y.img.img-tools
	copying x.img y.img
	kill -KILL "$(helper_here)"
	status=0
	wait $pid || status=$?
	[ "$status" = 7 ]
	one_line 'img-copy: '
	rm .y.img.img-tools
}

@test "peer: the helper on this host is missing" {
	mkdir bin
	cp "$IMG_BUILD/bin/img-copy" bin/
	try bin/img-copy "$IMAGE" y.img
	[ "$status" = 7 ] || [ -e /usr/local/libexec/img-tools ]
	one_line 'img-copy: '
}
