#!/usr/bin/env bats
# The client is ended by a signal, or the reader of its output goes away.

load common

setup_file() { img_setup_file a b; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# started WORDS...: starts img-copy with the signals' default actions (background jobs of
# a shell ignore INT) and returns when it runs; $pid is its pid.
started() {
	env --default-signal=INT,TERM,HUP img-copy -F "$SSH_CONFIG" --bwlimit 1M "$@" \
		>"$OUT" 2>"$ERR" 3>&- &
	pid=$!
	wait_until 20 test -e .y.img.img-tools
}

# ended_by SIGNAL: it was ended by that signal, printed at most a line, and left nothing.
ended_by() {
	status=0
	wait "$pid" || status=$?
	if [ "$status" != $((128 + $(kill -l "$1"))) ] || [ -s "$OUT" ] ||
		[ "$(wc -l <"$ERR")" -gt 1 ]; then
		told
		return 1
	fi
	nothing_left
	[ ! -e y.img ]
}

# ends_well SIGNAL: in every direction.
ends_well() {
	local words pid

	head -c 3M /dev/urandom >x.img
	for words in 'x.img y.img' '--archive x.img y.img' "x.img a:$DIR/y.img" "a:$DIR/x.img y.img" \
		"a:$DIR/x.img b:$DIR/y.img" "a:$DIR/x.img a:$DIR/y.img"; do
		# shellcheck disable=SC2086 # several words
		started $words
		kill -"$1" "$pid"
		ended_by "$1"
	done
}

@test "signal: the client is ended by INT" { ends_well INT; }
@test "signal: the client is ended by TERM" { ends_well TERM; }
@test "signal: the client is ended by HUP" { ends_well HUP; }

@test "signal: the client is killed, and the helpers clean up" { ends_well KILL; }

@test "signal: an overwritten target is kept" {
	local signal pid before

	head -c 3M /dev/urandom >x.img
	echo old >y.img
	before=$(state_of y.img)
	for signal in INT KILL; do
		started --overwrite x.img "a:$DIR/y.img"
		kill -$signal "$pid"
		wait "$pid" || true
		nothing_left
		[ "$(state_of y.img)" = "$before" ]
	done
}

@test "signal: INT from the terminal, to the client and the helper on this host at once" {
	local pid

	head -c 3M /dev/urandom >x.img
	set -m # a process group of its own
	started x.img y.img
	set +m
	kill -INT -"$pid"
	ended_by INT
	set -m
	started "a:$DIR/x.img" y.img
	set +m
	kill -INT -"$pid"
	ended_by INT
}

@test "signal: while the target is synced to disk" {
	local pid signal before

	traced_build -qq -e trace=fsync -e inject=fsync:delay_enter=2000000
	head -c 3M /dev/urandom >x.img
	echo old >y.img
	before=$(state_of y.img)
	for signal in INT TERM KILL; do
		env --default-signal=INT,TERM "$TRACED/bin/img-copy" --overwrite x.img y.img 3>&- &
		pid=$!
		wait_until 20 cmp -s x.img .y.img.img-tools
		kill -$signal $pid
		wait $pid || true
		nothing_left
		[ "$(state_of y.img)" = "$before" ]
	done
	rm y.img
	lzop -q -o y.img.lzo x.img
	env --default-signal=INT "$TRACED/bin/img-unarchive" y.img.lzo 3>&- &
	pid=$!
	wait_until 20 cmp -s x.img .y.img.img-tools
	kill -INT $pid
	wait $pid || true
	nothing_left
	[ "$(ls)" = $'x.img\ny.img.lzo' ]
}

@test "signal: while the client waits for standard input" {
	local pid signal

	mkfifo pipe
	for signal in INT TERM HUP KILL; do
		env --default-signal=INT,TERM,HUP img-copy -F "$SSH_CONFIG" - y.img <pipe \
			>"$OUT" 2>"$ERR" 3>&- &
		pid=$!
		exec 5>pipe
		head -c 100000 "$IMAGE" >&5
		wait_until 20 test -e .y.img.img-tools
		kill -$signal "$pid"
		ended_by $signal
		exec 5>&-
	done
}

@test "signal: while the client waits for a peer that does not answer" {
	local pid signal

	kill -STOP "$(cat "$SSHD_DIR/b/pid")"
	for signal in INT TERM HUP; do
		env --default-signal=INT,TERM,HUP img-copy -F "$SSH_CONFIG" "$IMAGE" "b:$DIR/y.img" \
			>"$OUT" 2>"$ERR" 3>&- &
		pid=$!
		wait_until 10 connected_to b
		kill -$signal "$pid"
		ended_by $signal
	done
	kill -CONT "$(cat "$SSHD_DIR/b/pid")"
}

connected_to() {
	grep -qi ":$(printf %04x "$(sshd_port "$1")") 01 " /proc/net/tcp
}

@test "signal: ignored signals stay ignored, as under nohup" {
	local pid

	head -c 1M /dev/urandom >x.img
	env --ignore-signal=HUP img-copy -F "$SSH_CONFIG" --bwlimit 2M x.img "a:$DIR/y.img" \
		>"$OUT" 2>"$ERR" 3>&- &
	pid=$!
	wait_until 20 test -e .y.img.img-tools
	kill -HUP "$pid"
	wait "$pid"
	same x.img y.img
}

@test "signal: the other programs" {
	local pid

	kill -STOP "$(cat "$SSHD_DIR/b/pid")"
	for words in 'img-info' 'img-delete' 'img-create'; do
		set -- "b:$DIR/y.img"
		[ "$words" != img-create ] || set -- "$1" 1k
		env --default-signal=INT,TERM,HUP "$words" -F "$SSH_CONFIG" "$@" >"$OUT" 2>"$ERR" 3>&- &
		pid=$!
		wait_until 10 connected_to b
		kill -TERM "$pid"
		ended_by TERM
	done
	kill -CONT "$(cat "$SSHD_DIR/b/pid")"
}

@test "signal: a reader that goes away" {
	local source statuses words

	head -c 3M /dev/urandom >x.img
	for source in x.img "a:$DIR/x.img"; do
		for words in '' --archive; do
			# shellcheck disable=SC2086 # none or one
			img-copy -F "$SSH_CONFIG" $words "$source" - 2>"$ERR" | head -c 1 >"$OUT" &&
				statuses=("${PIPESTATUS[@]}") || statuses=("${PIPESTATUS[@]}")
			status=${statuses[0]}
			[ "$status" = 1 ] || {
				told
				return 1
			}
			one_line 'img-copy: -: '
			nothing_left
		done
	done
}

@test "signal: a reader of the result that goes away" {
	for signal in default ignore; do
		{
			status=0
			env --$signal-signal=PIPE img-list -F "$SSH_CONFIG" --json "a:$DIR" 2>"$ERR" || status=$?
			echo $status >ended
		} | true
		case $signal:$(cat ended) in
		default:141) [ ! -s "$ERR" ] ;;
		ignore:1) one_line 'img-list: cannot write the result: Broken pipe' ;;
		*) [ "$(cat ended)" = 0 ] ;; # true was slow to end
		esac
		rm ended
		nothing_left
	done
}

@test "signal: a slow reader gets everything" {
	img-copy -F "$SSH_CONFIG" "a:$IMAGE" - | {
		head -c 100000
		wait_until 1 false 2>/dev/null || true
		cat
	} >y.img
	same "$IMAGE" y.img
}
