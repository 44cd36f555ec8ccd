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

@test "terminal: several images: which one, steady columns, something while connecting" {
	head -c 2M /dev/urandom >x.img
	head -c 2M /dev/urandom >another.img
	mkdir d
	on_terminal 120 'img-copy --bwlimit 4M x.img another.img d'
	[ "$status" = 0 ]
	same another.img d/another.img
	tr '\r' '\n' <"$OUT" | sed 's/\x1b\[K//g' >lines
	grep -x '1/2 x.img: connecting' lines
	grep -x '2/2 another.img: connecting' lines
	[ "$(grep -c '^1/2 x.img: copy .*%' lines)" -ge 2 ]
	[ "$(grep -c '^2/2 another.img: copy .*%' lines)" -ge 2 ]
	# "of" and "/s" are always in the same column.
	[ "$(grep '^1/2 x.img: copy' lines | grep -bo ' of ' | wc -l)" -ge 2 ]
	[ "$(grep '^1/2 x.img: copy' lines | awk '{ print index($0, " of ") }' | sort -u | wc -l)" = 1 ]
	[ "$(grep '^1/2 x.img: copy.*/s' lines | awk '{ print index($0, "/s") }' | sort -u | wc -l)" = 1 ]
	# A name cannot harm the terminal, nor fill the line.
	on_terminal 120 "img-copy x.img 'no"$'\xc2\x9b\xe2\x80\xae'"$(printf 'x%.0s' {1..80})' d"
	tr '\r' '\n' <"$OUT" | grep -a '^2/2 no\\xc2\\x9b\\xe2\\x80\\xaex*\.\.\.: connecting'
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
