#!/usr/bin/env bats
# A connection that falls silent: no end of file, no reset, just no more data.

load common

setup_file() { img_setup_file a b; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

@test "silence: both sides give up, and the helpers clean up" {
	local start pids first second

	head -c 3M /dev/urandom >x.img
	echo old >old.img
	before=$(state_of old.img)
	img-copy -F "$SSH_CONFIG" --bwlimit 500k --timeout 3 x.img "a:$DIR/y.img" \
		>"$OUT" 2>"$ERR" 3>&- &
	first=$!
	img-copy -F "$SSH_CONFIG" --bwlimit 500k --timeout 3 --overwrite "b:$DIR/x.img" old.img \
		>"$OUT.2" 2>"$ERR.2" 3>&- &
	second=$!
	wait_until 20 test -e .y.img.img-tools
	wait_until 20 test -e .old.img.img-tools
	start=$EPOCHSECONDS
	mapfile -t pids < <(sessions a; sessions b)
	[ ${#pids[@]} -ge 2 ]
	kill -STOP "${pids[@]}"
	status=0
	wait $first || status=$?
	[ "$status" = 7 ]
	one_line "img-copy: a:$DIR/y.img: "
	status=0
	wait $second || status=$?
	[ "$status" = 7 ]
	mv "$ERR.2" "$ERR"
	one_line "img-copy: b:$DIR/x.img: "
	# 3 s, plus at most the time that it takes to close the dead connection.
	[ $((EPOCHSECONDS - start)) -le 15 ]
	[ "$(state_of old.img)" = "$before" ]
	wait_until $((45 - (EPOCHSECONDS - start))) no_process
	no_partial
	[ ! -e y.img ]
	kill -CONT "${pids[@]}"
}

@test "silence: a long wait of the operation does not count as silence" {
	local start=$EPOCHSECONDS

	# Standard input comes late; the heartbeat does not.
	(
		head -c 1000000 "$IMAGE"
		wait_until 8 false 2>/dev/null || true
		tail -c +1000001 "$IMAGE"
	) | img-copy -F "$SSH_CONFIG" --timeout 3 - "a:$DIR/y.img"
	[ $((EPOCHSECONDS - start)) -ge 7 ]
	same "$IMAGE" y.img
}
