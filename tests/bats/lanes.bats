#!/usr/bin/env bats
# Copies whose blocks go over data lanes, from helper to helper; what keeps them from that, and what
# can happen to them on the way.

load common

setup_file() {
	img_setup_file a b
	start_host one 'MaxSessions 1' # a connection has one channel
	start_host few 'MaxSessions 4'
	gcc -O2 -D_GNU_SOURCE -o "$BATS_FILE_TMPDIR/relay" "$BATS_TEST_DIRNAME/../bench/relay.c"
	export BIG=$BATS_FILE_TMPDIR/big
	{
		head -c 20M /dev/urandom
		head -c 9M /dev/zero
		head -c 3M /dev/urandom | base64 -w 0
	} >"$BIG"
	sync "$BIG" # so that its blocks are allocated, and counted
}
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# lanes_of COMMAND...: how many sockets the command hands over to a helper of this host; on a slow
# machine, the round trip may be so long that it is several for a copy.
lanes_of() {
	try strace -f -qq -e trace=sendmsg -o trace env ASAN_OPTIONS=detect_leaks=0 \
		"$IMG_BUILD/bin/$1" -vv "${@:2}"
	[ "$status" = 0 ] || { told; return 1; }
	grep -c SCM_RIGHTS trace || true
}

@test "lanes: between this host and another one, in both directions" {
	[ "$(lanes_of img-copy -F "$SSH_CONFIG" "$BIG" "a:$DIR/up")" -ge 1 ]
	same "$BIG" up
	[ "$(lanes_of img-copy -F "$SSH_CONFIG" "a:$BIG" down)" -ge 1 ]
	same "$BIG" down
	[ "$(lanes_of img-copy -F "$SSH_CONFIG" --archive "$BIG" "a:$DIR/up.lzo")" -ge 1 ]
	lzop -dc up.lzo | cmp - "$BIG"
	[ "$(lanes_of img-copy -F "$SSH_CONFIG" "a:$DIR/up.lzo" unpacked)" -ge 1 ]
	same "$BIG" unpacked
	truncate -s 40M filled
	[ "$(lanes_of img-write -F "$SSH_CONFIG" --sparse "a:$BIG" filled)" -ge 1 ]
	cmp -n "$(stat -c %s "$BIG")" "$BIG" filled
	mkdir several # copies, over one connection
	[ "$(lanes_of img-copy -F "$SSH_CONFIG" "$BIG" up "a:$DIR/several")" -ge 2 ]
	same "$BIG" several/big
	same "$BIG" several/up
	# Standard input and output.
	img-copy -F "$SSH_CONFIG" - "a:$DIR/piped" <"$BIG"
	same "$BIG" piped
	img-copy -F "$SSH_CONFIG" "a:$BIG" - | cmp - "$BIG"
}

@test "lanes: none for a small image, through another ssh, or if there is no second channel" {
	head -c 1M /dev/urandom >small
	[ "$(lanes_of img-copy -F "$SSH_CONFIG" small "a:$DIR/small2")" = 0 ]
	same small small2
	[ "$(lanes_of img-copy --rsh "ssh -F $SSH_CONFIG" "$BIG" "a:$DIR/rsh")" = 0 ]
	same "$BIG" rsh
	[ "$(lanes_of img-copy -F "$SSH_CONFIG" "$BIG" "one:$DIR/up")" = 0 ]
	same "$BIG" up
	[ "$(lanes_of img-copy -F "$SSH_CONFIG" "one:$BIG" down)" = 0 ]
	same "$BIG" down
	[ "$(lanes_of img-copy -F "$SSH_CONFIG" -n "$BIG" "a:$DIR/dry")" = 0 ]
	[ ! -e dry ]
}

# far HOST MS: $FAR is an ssh_config in which "far" is that host behind a link with this round trip.
far() {
	local port there

	there=$(sshd_port "$1")
	exec {RELAY}< <(exec "$BATS_FILE_TMPDIR/relay" -t "$2" counts "$there" 3>&-)
	read -ru "$RELAY" port
	FAR=$DIR/far-config
	sed "s/^Host $1\$/Host far/; s/Port $there\$/Port $port/" "$SSH_CONFIG" >"$FAR"
	sed -n "s/^\[127.0.0.1\]:$there /[127.0.0.1]:$port /p" "$SSHD_DIR/known_hosts" >known
	cat known >>"$SSHD_DIR/known_hosts"
}

@test "lanes: eight over a long link, or as many as sshd allows" {
	far a 120
	[ "$(lanes_of img-copy -F "$FAR" "$BIG" "far:$DIR/up")" = 8 ]
	same "$BIG" up
	[ "$(lanes_of img-copy -F "$FAR" "far:$BIG" down)" = 8 ]
	same "$BIG" down
	img-copy -F "$FAR" "far:$BIG" "b:$DIR/across"
	same "$BIG" across
	exec {RELAY}<&-
	far few 120
	[ "$(lanes_of img-copy -F "$FAR" "$BIG" "far:$DIR/up2")" = 3 ]
	same "$BIG" up2
	img-copy -F "$FAR" "b:$BIG" "far:$DIR/across2"
	same "$BIG" across2
	wait_until 10 no_process
}

@test "lanes: the progress, and what was sent" {
	try img-copy --json --progress=json "$BIG" "a:$DIR/up"
	[ "$status" = 0 ]
	json '.wire_bytes > 20000000 and .wire_bytes < 26000000 and .capacity == $size' \
		--argjson size "$(stat -c %s "$BIG")"
	jq -es --argjson size "$(stat -c %s "$BIG")" 'all(.done <= $size) and .[-1].done == $size' "$ERR"
	try img-copy --json --progress=json --bwlimit 20M "a:$BIG" down
	[ "$status" = 0 ]
	jq -es 'map(.done) as $d | ($d | sort) == $d and length > 2' "$ERR"
}

# started COMMAND...: runs it in the background, until blocks have come to its target; $pid.
started() {
	run_command "$@" >"$OUT" 2>"$ERR" 3>&- &
	pid=$!
	wait_until 20 has_data
}
run_command() {
	exec timeout -k 10 120 "$IMG_BUILD/bin/$1" -F "$SSH_CONFIG" "${@:2}"
}
has_data() {
	[ -s .y.img-tools ] && ! cmp -s -n 4096 .y.img-tools /dev/zero
}

# fails STATUS WORDS: the command does, with one line, and no target is left.
fails() {
	status=0
	wait $pid || status=$?
	told
	[ "$status" = "$1" ]
	one_line "img-copy: $2"
	[ ! -e y ]
	wait_until 10 no_process
	[ -z "${MAY_LEAVE:-}" ] || img-clean . # the killed helper could not remove its file
	nothing_left
}

# here and there print the pids of the helper on this host, and of those on the other one: the
# job's, and the one that has given it the lane.
here() {
	helpers | while read -r pid; do
		! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q -- '--on-fd' || echo "$pid"
	done
}
there() {
	helpers | while read -r pid; do
		tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q -- '--on-fd' || echo "$pid"
	done | sort -n
}

@test "lanes: a helper that is killed meanwhile" {
	started img-copy --bwlimit 4M "$BIG" "a:$DIR/y"
	kill -KILL "$(here)"
	fails 7 "$BIG: the helper was lost"
	started img-copy --bwlimit 4M "a:$BIG" y
	kill -KILL "$(here)"
	MAY_LEAVE=1 fails 7 "y: the helper was lost"
	started img-copy --bwlimit 4M "$BIG" "a:$DIR/y"
	kill -KILL "$(there | head -1)"
	MAY_LEAVE=1 fails 7 "a:$DIR/y: the helper was lost"
	started img-copy --bwlimit 4M "a:$BIG" y
	kill -KILL "$(there | head -1)"
	fails 7 "a:$BIG: the helper was lost"
}

@test "lanes: the process that has given the lane is killed, and the connection is cut" {
	started img-copy --bwlimit 4M "a:$BIG" y
	kill -KILL "$(there | tail -1)"
	fails 7 "a:$BIG: "
	started img-copy --bwlimit 4M "$BIG" "a:$DIR/y"
	kill -KILL "$(there | tail -1)"
	fails 7 "a:$DIR/y: "
	started img-copy --bwlimit 4M "a:$BIG" y
	sessions a | xargs kill -KILL
	fails 7 "a:$BIG: "
	started img-copy --bwlimit 4M "$BIG" "a:$DIR/y"
	sessions a | xargs kill -KILL
	fails 7 "a:$DIR/y: "
}

@test "lanes: from host to host, through this one" {
	try img-copy "a:$BIG" "b:$DIR/both"
	[ "$status" = 0 ]
	same "$BIG" both
	img-copy -F "$SSH_CONFIG" "a:$BIG" "one:$DIR/other"
	same "$BIG" other
	started img-copy --bwlimit 4M "a:$BIG" "b:$DIR/y"
	[ "$(there | wc -l)" -ge 4 ] # two jobs, and two lanes
	kill -KILL "$(there | head -1)"
	fails 7 "a:$BIG: the helper was lost"
	started img-copy --bwlimit 4M "a:$BIG" "b:$DIR/y"
	sessions b | xargs kill -KILL
	fails 7 "b:$DIR/y: "
	small_fs full 10M
	refuses 9 "b:$DIR/full/y" img-copy --sparse "a:$BIG" "b:$DIR/full/y"
	[ -z "$(ls -A full)" ]
	try img-copy --progress=json "a:$BIG" "b:$DIR/told"
	[ "$status" = 0 ]
	jq -es --argjson size "$(stat -c %s "$BIG")" '.[-1].done == $size and .[-1].wire > 20000000' "$ERR"
}

@test "lanes: no space, a source that changes, and an interruption" {
	small_fs full 10M
	refuses 9 full/y img-copy --sparse "a:$BIG" full/y
	refuses 9 "a:$DIR/full/y" img-copy --sparse "$BIG" "a:$DIR/full/y"
	[ -z "$(ls -A full)" ]
	started img-copy --bwlimit 4M "$BIG" "a:$DIR/y"
	kill -INT $pid
	status=0
	wait $pid || status=$?
	[ "$status" = 130 ]
	[ ! -e y ]
	nothing_left
	cp "$BIG" source
	started img-copy --live --bwlimit 8M "a:$DIR/source" y
	truncate -s 1M source
	fails 8 "a:$DIR/source: "
}
