#!/usr/bin/env bats
# img-rename: on this host and on remote hosts.

load common

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

@test "rename: on this host" {
	cp "$IMAGE" x.img
	before=$(state_of x.img)
	succeeds img-rename x.img y.img
	[ ! -s "$OUT" ]
	[ "$(ls -A)" = y.img ]
	[ "$(state_of y.img)" = "$before" ]
}

@test "rename: on a host" {
	cp "$IMAGE" x.img
	before=$(state_of x.img)
	succeeds img-rename "a:$DIR/x.img" y.img
	succeeds img-rename "ssh://a:$(sshd_port a)$DIR/y.img" 'z z.img'
	[ "$(ls -A)" = 'z z.img' ]
	[ "$(state_of 'z z.img')" = "$before" ]
}

@test "rename: the image stays in its directory, wherever that is" {
	mkdir -p d/e
	touch d/x.img d/e/y.img
	succeeds img-rename d/x.img y.img
	succeeds img-rename d/e/../e/y.img z.img
	[ "$(find . -type f | sort | tr '\n' ' ')" = './d/e/z.img ./d/y.img ' ]
	ln -s d way
	succeeds img-rename way/y.img w.img
	[ -e d/w.img ]
}

@test "rename: odd names" {
	touch x
	for name in -n --odd '*' $'a\nb' $'\e[31m' 'a:b' $'caf\xe9' .hidden; do
		succeeds img-rename -- ./x "$name"
		[ -e "./$name" ]
		mv -- "$name" x
	done
	refuses 1 ./x img-rename ./x "$(printf 'n%.0s' {1..256})"
	[ -e x ]
}

@test "rename: an invalid name" {
	touch x.img
	mkdir d
	for name in '' . .. d/ d/y.img /tmp/y.img ../y.img a/; do
		refuses 2 x.img img-rename x.img "$name"
		refuses 2 "a:$DIR/x.img" img-rename "a:$DIR/x.img" "$name"
	done
	[ "$(ls)" = "d
x.img" ]
}

@test "rename --dry-run: prints what would happen, and changes nothing" {
	touch x.img y.img
	succeeds img-rename -n x.img z.img
	grep -F x.img "$OUT" | grep -F z.img
	succeeds img-rename --dry-run "a:$DIR/x.img" z.img
	grep -F "a:$DIR/x.img" "$OUT"
	refuses 6 x.img img-rename -n x.img y.img
	refuses 3 no.img img-rename -n no.img z.img
	[ "$(ls)" = "x.img
y.img" ]
}

@test "rename: a name that is taken" {
	echo mine >x.img
	echo theirs >y.img
	mkdir d
	ln -s nowhere link
	for name in y.img d link; do
		refuses 6 x.img img-rename x.img $name
		refuses 6 "a:$DIR/x.img" img-rename "a:$DIR/x.img" $name
	done
	[ "$(cat x.img y.img)" = "mine
theirs" ]
	[ -L link ]
}

@test "rename: to its own name" {
	touch x.img
	refuses 4 x.img img-rename x.img x.img
	refuses 4 "a:$DIR/x.img" img-rename "a:$DIR/x.img" x.img
}

@test "rename: a missing image, and what is not an image" {
	mkdir d
	mkfifo fifo
	refuses 3 no.img img-rename no.img y.img
	refuses 3 no/x.img img-rename no/x.img y.img
	refuses 3 "a:$DIR/no.img" img-rename "a:$DIR/no.img" y.img
	refuses 4 d img-rename d y.img
	refuses 4 . img-rename . y.img
	refuses 4 fifo img-rename fifo y.img
	refuses 4 "a:$DIR/fifo" img-rename "a:$DIR/fifo" y.img
	refuses 4 /dev/null img-rename /dev/null img-tools-null
	refuses 7 nowhere:/x img-rename nowhere:/x y
}

@test "rename: a symbolic link, and a file with several links" {
	touch x.img
	ln -s x.img link
	refuses 4 link img-rename link y.img
	refuses 4 "a:$DIR/link" img-rename "a:$DIR/link" y.img
	ln x.img other
	refuses 4 x.img img-rename x.img y.img
	succeeds img-rename --allow-links x.img y.img
	[ "$(ls | tr '\n' ' ')" = 'link other y.img ' ]
}

@test "rename: an image in use" {
	cp "$IMAGE" x.img
	exec 5>>x.img
	refuses 5 x.img img-rename x.img y.img
	refuses 5 "a:$DIR/x.img" img-rename "a:$DIR/x.img" y.img
	exec 5>&-
	mkdir m
	as_root mount -o loop x.img m
	MOUNTS+=("$DIR/m")
	refuses 5 x.img img-rename x.img y.img
	[ -e x.img ]
}

@test "rename: without permission" {
	mkdir d
	touch d/x.img
	chmod 555 d
	refuses 4 d/x.img without_power img-rename d/x.img y.img
	chmod 755 d
	[ -e d/x.img ]
}

@test "rename: an unfinished image stays unfinished" {
	cp "$IMAGE" x.img
	touch .x.img.img-tools-unfinished
	succeeds img-rename x.img y.img
	[ "$(ls -A | tr '\n' ' ')" = '.y.img.img-tools-unfinished y.img ' ]
	refuses 8 y.img img-copy y.img z.img
	# A mark that was left beside another name does not count for a new file of that name.
	touch .w.img.img-tools-unfinished v.img
	succeeds img-rename v.img w.img
	succeeds img-copy w.img u.img
	rm .y.img.img-tools-unfinished
}

@test "rename: from or to a name reserved for unfinished files" {
	touch x.img .y.img.img-tools
	refuses 8 .y.img.img-tools img-rename .y.img.img-tools y.img
	refuses 4 x.img img-rename x.img .z.img.img-tools
	[ "$(ls -A | tr '\n' ' ')" = '.y.img.img-tools x.img ' ]
	rm .y.img.img-tools
}

@test "rename: only one of several jobs at once gets the name" {
	local i pids=() won=0

	for i in 1 2 3 4 5 6; do echo $i >x$i; done
	for i in 1 2 3 4 5 6; do
		img-rename x$i y 2>/dev/null 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		! wait "$i" || won=$((won + 1))
	done
	[ $won = 1 ]
	[ "$(ls | wc -l)" = 6 ]
	[ "$(cat ./* | sort | tr '\n' ' ')" = '1 2 3 4 5 6 ' ]
}

@test "rename --verbose: prints what was done" {
	touch x.img
	try img-rename -v x.img y.img
	[ "$status" = 0 ]
	one_line 'img-rename: renamed x.img to y.img'
}

@test "rename: wrong command lines" {
	touch x.img
	refuses 2 '' img-rename
	refuses 2 '' img-rename x.img
	refuses 2 '' img-rename x.img y.img z.img
	refuses 2 '' img-rename - y.img
	refuses 2 '' img-rename '' y.img
	refuses 2 '' img-rename a: y.img
	refuses 2 '' img-rename --nonsense x.img y.img
	[ -e x.img ]
	succeeds img-rename --help
	succeeds img-rename --usage
	succeeds img-rename --version
}

@test "rename --json: the new path" {
	touch x.img
	succeeds img-rename --json x.img y.img
	json '. == {location: "x.img", path: $path}' --arg path "$DIR/y.img"
	refuses 3 x.img img-rename --json x.img y.img
}
