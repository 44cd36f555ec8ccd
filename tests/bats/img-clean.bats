#!/usr/bin/env bats
# img-clean: on this host and on remote hosts.

load common

setup_file() { img_setup_file a b; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# dead_run DIRECTORY NAME: leaves what a killed job that was making NAME leaves there.
dead_run() {
	local run fifo=$BATS_TEST_TMPDIR/dead-$RANDOM

	mkfifo "$fifo"
	img-copy - "$1/$2" <"$fifo" >/dev/null 2>&1 3>&- &
	run=$!
	exec 7>"$fifo"
	head -c 300000 "$IMAGE" >&7
	wait_until 10 test -e "$1/.$2.img-tools"
	helpers | xargs kill -KILL
	exec 7>&-
	wait $run || true
	wait_until 10 no_process
	[ -e "$1/.$2.img-tools" ]
}

@test "clean: removes what a killed job left, and nothing else" {
	touch other.img .hidden .other.img.img-tools-unfinished y.img-tools .img-tools
	mkdir d
	touch d/.deeper.img-tools
	dead_run . x.img
	succeeds img-clean .
	[ "$(wc -l <"$OUT")" = 1 ]
	grep -F .x.img.img-tools "$OUT"
	[ "$(ls -A | tr '\n' ' ')" = \
		'.hidden .img-tools .other.img.img-tools-unfinished d other.img y.img-tools ' ]
	[ -e d/.deeper.img-tools ]
	succeeds img-clean .
	[ ! -s "$OUT" ]
	rm .img-tools .other.img.img-tools-unfinished d/.deeper.img-tools
}

@test "clean: on a host" {
	dead_run . x.img
	succeeds img-clean "a:$DIR"
	grep -F "a:$DIR/.x.img.img-tools" "$OUT"
	[ -z "$(ls -A)" ]
	mkdir d
	touch d/.y.img.img-tools
	succeeds img-clean "ssh://a:$(sshd_port a)$DIR/d/"
	[ -z "$(ls -A d)" ]
}

@test "clean: several containers on several hosts" {
	mkdir d e f
	touch d/.x.img-tools e/.y.img-tools f/.z.img-tools
	succeeds img-clean d "a:$DIR/e" "b:$DIR/f"
	[ "$(wc -l <"$OUT")" = 3 ]
	[ -z "$(find d e f -name "*img-tools*")" ]
}

@test "clean: all are tried, and the status is that of the first failure" {
	mkdir d
	touch d/.x.img-tools file
	try img-clean no file d "a:$DIR/no"
	[ "$status" = 3 ]
	[ "$(wc -l <"$ERR")" = 3 ]
	says 'img-clean: no: '
	says 'img-clean: file: '
	says "img-clean: a:$DIR/no: "
	[ -z "$(ls -A d)" ]
	try img-clean file no
	[ "$status" = 4 ]
}

@test "clean --dry-run: prints what would happen, and removes nothing" {
	touch .x.img-tools
	succeeds img-clean -n . "a:$DIR"
	[ "$(grep -cF .x.img-tools "$OUT")" = 2 ]
	grep -i would "$OUT"
	[ -e .x.img-tools ]
	rm .x.img-tools
	succeeds img-clean -n .
	[ ! -s "$OUT" ]
}

@test "clean: what a running job is making is kept and named" {
	local run where

	mkfifo pipe
	img-copy - x.img <pipe >/dev/null 2>&1 3>&- &
	run=$!
	exec 5>pipe
	head -c 5000 "$IMAGE" >&5
	wait_until 10 test -e .x.img.img-tools
	for where in . "a:$DIR"; do
		for flag in '' -n; do
			# shellcheck disable=SC2086 # it may be empty
			try img-clean $flag "$where"
			[ "$status" = 0 ]
			[ ! -s "$OUT" ]
			one_line "img-clean: $where: "
			says .x.img.img-tools
		done
	done
	[ -e .x.img.img-tools ]
	tail -c +5001 "$IMAGE" >&5
	exec 5>&-
	wait $run
	same "$IMAGE" x.img
}

@test "clean: an image that was written in place keeps its mark" {
	touch x.img .x.img.img-tools-unfinished
	succeeds img-clean .
	[ ! -s "$OUT" ]
	[ "$(ls -A | tr '\n' ' ')" = '.x.img.img-tools-unfinished x.img ' ]
	rm .x.img.img-tools-unfinished
}

@test "clean: what has such a name but is not a file of ours is kept and named" {
	mkdir .d.img-tools
	mkfifo .fifo.img-tools
	ln -s nowhere .link.img-tools
	touch other
	ln other .linked.img-tools
	try img-clean .
	[ "$status" = 0 ]
	[ ! -s "$OUT" ]
	[ "$(wc -l <"$ERR")" = 4 ]
	for name in d fifo link linked; do says ".$name.img-tools"; done
	[ "$(ls -A | wc -l)" = 5 ]
	rm -r .d.img-tools .fifo.img-tools .link.img-tools .linked.img-tools
}

@test "clean: without permission" {
	mkdir d
	touch d/.x.img-tools
	chmod 555 d
	refuses 4 d without_power img-clean d
	says .x.img-tools
	refuses 4 d without_power img-clean -n d
	says .x.img-tools
	# The status is that of the first failure, be it of a file or of a location.
	try without_power img-clean d missing
	[ "$status" = 4 ]
	says 'img-clean: missing: '
	try without_power img-clean missing d
	[ "$status" = 3 ]
	chmod 755 d
	[ -e d/.x.img-tools ]
	rm d/.x.img-tools
	chmod 0 d
	refuses 4 d without_power img-clean d
	chmod 755 d
}

@test "clean: without LOCATION the configured directories, or none" {
	mkdir in in2 out
	touch in/.x.img-tools in2/.y.img-tools out/.z.img-tools .here.img-tools
	succeeds img-clean
	[ ! -s "$OUT" ]
	printf '[storage]\n\tdirectory = %s/in\n\tdirectory = %s/in2\n' "$DIR" "$DIR" >config
	succeeds img-clean -n --config config
	[ "$(wc -l <"$OUT")" = 2 ]
	succeeds img-clean --config config
	[ "$(wc -l <"$OUT")" = 2 ]
	[ -z "$(find in in2 -name "*img-tools*")" ]
	refuses 4 out img-clean --config config out
	rm out/.z.img-tools .here.img-tools
}

@test "clean: HOST: means what is configured on that host" {
	local config=$BATS_FILE_TMPDIR/home-a/.config/img-tools

	mkdir in
	touch in/.x.img-tools .y.img-tools
	succeeds img-clean a:
	[ ! -s "$OUT" ]
	mkdir -p "$config"
	printf '[storage]\n\tdirectory = %s/in\n' "$DIR" >"$config/config"
	try img-clean a:
	rm -r "$config"
	[ "$status" = 0 ]
	grep -F "a:$DIR/in/.x.img-tools" "$OUT"
	[ -z "$(ls -A in)" ]
	[ -e .y.img-tools ]
	rm .y.img-tools
}

@test "clean: a new job takes over what an interrupted one left" {
	dead_run . x.img
	succeeds img-copy "$IMAGE" x.img
	same "$IMAGE" x.img
}

@test "clean: a name too long for the suffix" {
	name=$(printf 'n%.0s' {1..250})
	dead_run_of_long_name
	succeeds img-clean .
	[ "$(wc -l <"$OUT")" = 1 ]
	[ -z "$(ls -A)" ]
}

dead_run_of_long_name() {
	local run

	mkfifo "$BATS_TEST_TMPDIR/pipe"
	img-copy - "$name" <"$BATS_TEST_TMPDIR/pipe" >/dev/null 2>&1 3>&- &
	run=$!
	exec 7>"$BATS_TEST_TMPDIR/pipe"
	head -c 300000 "$IMAGE" >&7
	wait_until 10 some_partial
	helpers | xargs kill -KILL
	exec 7>&-
	wait $run || true
	wait_until 10 no_process
	some_partial
}

some_partial() {
	[ -n "$(ls -A)" ]
}

@test "clean: names that could harm a terminal" {
	touch $'.x\e[31m\n.img-tools'
	succeeds img-clean .
	[ "$(wc -l <"$OUT")" = 1 ]
	if tr -d '\n' <"$OUT" | grep -q '[[:cntrl:]]'; then return 1; fi
	[ -z "$(ls -A)" ]
}

@test "clean: wrong command lines" {
	refuses 2 '' img-clean -
	refuses 2 '' img-clean ''
	refuses 2 '' img-clean --nonsense
	refuses 2 '' img-clean . 'a b:/x'
	refuses 7 nowhere: img-clean nowhere:
	succeeds img-clean --help
	succeeds img-clean --usage
	succeeds img-clean --version
}

@test "clean --json: what was found" {
	mkdir store
	touch store/.x.img.img-tools
	try img-clean --json -n store
	[ "$status" = 0 ]
	json '.location == "store" and .dry_run and
		(.entries | map([.path, .state]) == [["store/.x.img.img-tools", "removed"]])'
	[ -e store/.x.img.img-tools ]
	try img-clean --json store no
	[ "$status" = 3 ]
	json 'length == 1 and (.[0].entries | length == 1) and (.[0] | has("dry_run") | not)'
	[ ! -e store/.x.img.img-tools ]
}

@test "clean: what another host's job made is named and kept" {
	local mark=other:11111111-2222-3333-4444-555555555555:4026531836:123:456

	mkdir store
	touch store/.x.img.img-tools store/.y.img.img-tools
	setfattr -n user.img-tools.run -v "$mark" store/.x.img.img-tools
	setfattr -n user.img-tools.run -v "$(hostname):${mark#*:}" store/.y.img.img-tools
	try img-clean store
	[ "$status" = 0 ]
	says "a job of host 'other' has '.x.img.img-tools'"
	[ "$(cat "$OUT")" = "removed store/.y.img.img-tools" ]
	refuses 5 store/x.img img-create store/x.img 1M
	says "host 'other'"
	succeeds img-create store/y.img 1M
	[ "$(getfattr --only-values -d -m - store/y.img 2>/dev/null)" = '' ]
	rm store/.x.img.img-tools
	succeeds img-create store/x.img 1M
}
