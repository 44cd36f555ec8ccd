#!/usr/bin/env bats
# img-delete: on this host and on a remote host.

load common

setup_file() { img_setup_file a b; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

@test "delete: on this host" {
	touch x.img y.img
	succeeds img-delete x.img
	[ ! -s "$OUT" ]
	[ "$(ls)" = y.img ]
}

@test "delete: on a host" {
	touch x.img y.img
	succeeds img-delete "a:$DIR/x.img"
	[ "$(ls)" = y.img ]
	succeeds img-delete "ssh://a:$(sshd_port a)$DIR/y.img"
	[ -z "$(ls)" ]
}

@test "delete: several locations on several hosts" {
	touch x.img y.img z.img w.img
	succeeds img-delete x.img "a:$DIR/y.img" "b:$DIR/z.img" w.img
	[ -z "$(ls)" ]
}

@test "delete: all are tried, and the status is that of the first failure" {
	mkdir d
	touch x.img y.img
	try img-delete no.img d x.img "a:$DIR/no.img" "a:$DIR/y.img"
	[ "$status" = 3 ]
	[ "$(wc -l <"$ERR")" = 3 ]
	says 'img-delete: no.img: '
	says 'img-delete: d: '
	says "img-delete: a:$DIR/no.img: "
	[ "$(ls)" = d ]
	try img-delete d no.img
	[ "$status" = 4 ]
}

@test "delete: a malformed location keeps all images" {
	touch x.img
	refuses 2 '' img-delete x.img 'a b:/y.img'
	[ -e x.img ]
}

@test "delete --dry-run: deletes nothing" {
	mkdir d
	touch x.img
	try img-delete -n x.img "a:$DIR/x.img"
	[ "$status" = 0 ]
	cat "$OUT" "$ERR" | grep -F x.img
	cat "$OUT" "$ERR" | grep -F "a:$DIR/x.img"
	[ -e x.img ]
	refuses 3 no.img img-delete -n no.img
	refuses 4 d img-delete -n d
}

@test "delete --force: ignores an image that does not exist" {
	touch x.img
	succeeds img-delete -f no.img no/no.img "a:$DIR/no.img" x.img
	[ -z "$(ls)" ]
	mkdir d
	refuses 4 d img-delete --force d
	refuses 7 nowhere:/x img-delete --force nowhere:/x
}

@test "delete: a missing image" {
	refuses 3 no.img img-delete no.img
	refuses 3 no/x.img img-delete no/x.img
	refuses 3 "a:$DIR/no.img" img-delete "a:$DIR/no.img"
}

@test "delete: a directory" {
	mkdir d
	touch d/x.img
	refuses 4 d img-delete d
	refuses 4 d/ img-delete d/
	refuses 4 . img-delete .
	refuses 4 .. img-delete ..
	refuses 4 / img-delete /
	refuses 4 "a:$DIR/d" img-delete "a:$DIR/d"
	refuses 2 a: img-delete a:
	[ -e d/x.img ]
}

@test "delete: what is not an image" {
	mkfifo fifo
	refuses 4 fifo img-delete fifo
	refuses 4 /dev/null img-delete /dev/null
	refuses 4 "a:$DIR/fifo" img-delete "a:$DIR/fifo"
	[ -e fifo ]
	[ -c /dev/null ]
}

@test "delete: a symbolic link is refused, except in the directory part" {
	mkdir d
	touch x.img d/y.img
	ln -s x.img link
	ln -s d way
	ln -s nowhere dangling
	refuses 4 link img-delete link
	refuses 4 dangling img-delete dangling
	refuses 4 "a:$DIR/link" img-delete "a:$DIR/link"
	[ -e x.img ]
	[ -L link ]
	succeeds img-delete way/y.img
	[ ! -e d/y.img ]
}

@test "delete: a file with several links only with --allow-links" {
	touch x.img
	ln x.img y.img
	refuses 4 x.img img-delete x.img
	refuses 4 "a:$DIR/x.img" img-delete "a:$DIR/x.img"
	succeeds img-delete --allow-links x.img
	[ "$(ls)" = y.img ]
	succeeds img-delete y.img
}

@test "delete: an image open for writing" {
	cp "$IMAGE" x.img
	exec 5>>x.img
	refuses 5 x.img img-delete x.img
	refuses 5 "a:$DIR/x.img" img-delete --force "a:$DIR/x.img"
	exec 5>&-
	succeeds img-delete x.img
}

@test "delete: a mounted image" {
	cp "$IMAGE" x.img
	mkdir m
	as_root mount -o loop x.img m
	MOUNTS+=("$DIR/m")
	refuses 5 x.img img-delete x.img
	[ -e x.img ]
}

@test "delete: without permission" {
	mkdir d
	touch d/x.img
	chmod 555 d
	refuses 4 d/x.img without_power img-delete d/x.img
	[ -e d/x.img ]
	chmod 755 d
}

@test "delete: outside what the configuration allows" {
	mkdir in
	touch x.img in/y.img
	printf '[storage]\n\tdirectory = %s/in\n' "$DIR" >config
	refuses 4 x.img img-delete --config config x.img
	refuses 4 in/../x.img img-delete --config config in/../x.img
	succeeds img-delete --config config in/y.img
	[ -e x.img ]
}

@test "delete --verbose: prints what was done" {
	touch x.img
	try img-delete -v x.img
	[ "$status" = 0 ]
	one_line 'img-delete: deleted x.img'
}

@test "delete: wrong command lines" {
	refuses 2 '' img-delete
	refuses 2 '' img-delete -
	refuses 2 '' img-delete x.img -
	refuses 2 '' img-delete ''
	refuses 2 '' img-delete --nonsense x.img
	succeeds img-delete --help
	succeeds img-delete --usage
	succeeds img-delete --version
}

@test "delete --json: an object, or an array of those that did not fail" {
	touch x.img y.img
	succeeds img-delete --json -n x.img
	json '. == {location: "x.img", path: $path, deleted: true, dry_run: true}' \
		--arg path "$DIR/x.img"
	try img-delete --json -f no.img d/ x.img "a:$DIR/y.img"
	[ "$status" = 0 ]
	json 'map([.location, .path, .deleted]) == [["no.img", null, false], ["d/", null, false],
		["x.img", $x, true], [$at, $y, true]]' --arg x "$DIR/x.img" --arg y "$DIR/y.img" \
		--arg at "a:$DIR/y.img"
	refuses 3 no.img img-delete --json no.img
}
