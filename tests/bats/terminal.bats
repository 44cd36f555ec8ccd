#!/usr/bin/env bats
# What is shown, and what must not be shown, on a terminal of some width.

load common

setup_file() { img_setup_file; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# on_terminal COLUMNS COMMAND: runs it there; $OUT is the terminal's output.
on_terminal() {
	status=0
	script -qec "stty cols $1; exec $2" /dev/null >"$OUT" 2>"$ERR" 3>&- </dev/null || status=$?
}

@test "terminal: the live line is shown by default, fits, and is removed at the end" {
	local columns

	head -c 2M /dev/urandom >x.img
	for columns in 20 40 80; do
		on_terminal $columns 'img-copy --bwlimit 4M x.img y.img'
		[ "$status" = 0 ]
		same x.img y.img
		rm y.img
		tr '\r' '\n' <"$OUT" | sed 's/\x1b\[K//g' >lines
		[ "$(grep -c '^copy .*%' lines)" -ge 2 ]
		[ "$(grep '^copy' lines | wc -L)" -lt $columns ]
		tail -n 1 lines | grep -v '^copy'
	done
	on_terminal 80 'img-copy -q x.img y.img'
	[ "$status" = 0 ]
	[ ! -s "$OUT" ]
}

@test "terminal: no image is written to it" {
	cp "$IMAGE" x.img
	for words in '' --archive; do
		on_terminal 80 "img-copy $words x.img -"
		[ "$status" = 2 ]
		[ "$(wc -l <"$OUT")" = 1 ]
		grep -q 'img-copy: .*terminal' "$OUT"
	done
	on_terminal 80 'img-copy -n x.img -'
	[ "$status" = 0 ]
}
