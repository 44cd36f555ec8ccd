#!/usr/bin/env bats
# Commands that are stopped for longer than a connection may be silent, and go on.

load common

setup_file() { img_setup_file a b; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

SILENCE=22 # seconds: more than a host waits without a sign of life

# in_job NAME COMMAND...: runs it in the background as a shell's job, so that the signal
# of Ctrl-Z stops it.  Its pid is in NAME.pid; status and standard error are in
# NAME.status and NAME.err.
in_job() {
	local name=$1

	# shellcheck disable=SC2016 # it is a script
	setsid perl -e '
		my $name = shift;
		my $pid = fork;
		if (!$pid) {
			setpgrp;
			open STDOUT, ">", "/dev/null";
			open STDERR, ">", "$name.err";
			exec @ARGV;
		}
		sub save { open my $f, ">", "$name.new"; print $f $_[1]; close $f;
			rename "$name.new", "$name.$_[0]" }
		setpgrp $pid, $pid;
		save("pid", $pid);
		waitpid $pid, 0;
		save("status", $? >> 8 || $? & 127)' "$@" 3>&- &
	wait_until 20 test -e "$name.pid"
}

state_is() {
	grep -q "^State:.$1" "/proc/$2/status"
}

# ended NAME: its status.
ended() {
	wait_until 60 test -s "$1.status"
	cat "$1.status"
}

begins() {
	wait_until 20 test -e ".$1.img-tools"
}

@test "suspend: by Ctrl-Z here and on other hosts, and without notice" {
	head -c 8M /dev/urandom >x.img
	head -c 20M /dev/urandom >large.img # whose blocks go over data lanes
	sync large.img
	in_job up img-copy -F "$SSH_CONFIG" --bwlimit 1M large.img "a:$DIR/up.img"
	in_job down img-copy -F "$SSH_CONFIG" --bwlimit 1M "a:$DIR/large.img" down.img
	in_job both img-copy -F "$SSH_CONFIG" --bwlimit 500k "a:$DIR/x.img" "b:$DIR/both.img"
	in_job rsh img-copy --rsh "ssh -F $SSH_CONFIG" --bwlimit 500k x.img "a:$DIR/rsh.img"
	in_job here img-copy --bwlimit 500k x.img here.img
	in_job frozen img-copy --bwlimit 500k x.img frozen.img
	in_job lost img-copy -F "$SSH_CONFIG" --bwlimit 500k x.img "a:$DIR/lost.img"
	for name in up down both rsh here frozen lost; do
		begins $name.img
	done
	# Ctrl-Z sends the signal to the process group.
	for name in up down both rsh here; do
		kill -TSTP -- "-$(cat $name.pid)"
	done
	for name in up down both rsh here; do
		wait_until 20 state_is T "$(cat $name.pid)"
	done
	kill -STOP "$(cat frozen.pid)" "$(cat lost.pid)"
	wait_until $SILENCE false || true
	for name in up down both rsh here; do
		[ -e .$name.img.img-tools ]
	done
	wait_until 30 test ! -e .lost.img.img-tools # its host has given it up
	for name in up down both rsh here frozen lost; do
		kill -CONT -- "-$(cat $name.pid)"
	done
	for name in up down both rsh here frozen; do
		[ "$(ended $name)" = 0 ] || { cat $name.err >&2; return 1; }
		case $name in
		up | down) same large.img $name.img ;;
		*) same x.img $name.img ;;
		esac
		[ ! -s $name.err ]
	done
	[ "$(ended lost)" = 7 ]
	[ ! -e lost.img ]
}

@test "suspend: a helper on this host that is stopped" {
	local pid

	head -c 2M /dev/urandom >x.img
	img-copy --timeout 1 --bwlimit 500k x.img y.img >"$OUT" 2>"$ERR" 3>&- &
	pid=$!
	begins y.img
	kill -STOP "$(helpers)"
	wait_until $SILENCE false || true
	kill -CONT "$(helpers)"
	wait $pid
	same x.img y.img
}

@test "suspend: a login that is stopped restarts its time-out" {
	local pid

	printf '%s\n' '#!/bin/sh' 'while [ ! -e go ]; do sleep 0.1; done' \
		"exec busybox nc 127.0.0.1 $(sshd_port a)" >proxy
	chmod 755 proxy
	{ printf '%s\n' 'Host a' 'ProxyCommand ./proxy'; cat "$SSHD_DIR/config"; } >config
	img-info -F config -v --timeout 6 "a:$IMAGE" >"$OUT" 2>"$ERR" 3>&- &
	pid=$!
	wait_until 10 pgrep -P $pid proxy
	kill -STOP $pid
	wait_until 8 false || true
	kill -CONT $pid
	wait_until 1 false || true
	touch go
	wait $pid
}
