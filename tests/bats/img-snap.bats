#!/usr/bin/env bats
# Snapshots of files: shared blocks, beside the image, where the filesystem supports it.
# Snapshots of volumes are tested in tests/vm.

load common
load disks

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	disks_setup
}
teardown() { disks_teardown; }

# snaps: makes snapshots in $M, on this host and on a remote host.
snaps() {
	local before made

	cd "$M" || return
	head -c 20M /dev/urandom >x.img
	chmod 640 x.img
	sync -f .
	before=$(free_bytes)
	succeeds img-snap --name one.img "$M/x.img"
	[ "$(<"$OUT")" = "$M/one.img" ]
	same x.img one.img
	[ "$(stat -c %a one.img)" = 600 ]
	succeeds img-snap x.img
	made=$(<"$OUT")
	[[ $made =~ /x\.img-snap-[0-9]{8}-[0-9]{6}$ ]]
	same x.img "$made"
	succeeds img-snap --json --name two.img "a:$M/x.img"
	json --arg m "$M" '.location == "a:\($m)/x.img" and .snapshot == "a:\($m)/two.img" and
		.path == "\($m)/two.img"'
	same x.img two.img
	sync -f .
	[ $((before - $(free_bytes))) -lt 8000000 ]
	# Data written to one of them does not appear in the others.
	printf changed | put x.img 5000000
	same one.img two.img
	run ! cmp -s x.img one.img
	refuses 6 x.img img-snap --name one.img x.img
	refuses 6 "a:$M/x.img" img-snap --name one.img "a:$M/x.img"
	rm ./*.img-snap-* one.img two.img
	succeeds img-snap -n x.img
	succeeds img-snap -n --name one.img "a:$M/x.img"
	[ "$(<"$OUT")" = "a:$M/one.img" ]
	[ "$(ls -A)" = x.img ]
	copies_of_one
}

# --snapshot: the copy is of one point in time, and nothing is left beside the image.
copies_of_one() {
	exec 7<>x.img
	cp x.img "$DIR/was.img"
	refuses 5 x.img img-copy x.img y.img
	succeeds img-copy -s --json --post-snapshot "printf late | dd of=$M/x.img seek=3 status=none \
		conv=notrunc" x.img y.img
	json '.consistent'
	same "$DIR/was.img" y.img
	run ! cmp -s x.img y.img
	succeeds img-copy -s "a:$M/x.img" "$DIR/z.img"
	same x.img "$DIR/z.img"
	succeeds img-write -s x.img y.img
	same x.img y.img
	exec 7>&-
	[ "$(names)" = 'x.img y.img ' ]
}

names() {
	find . -mindepth 1 -printf '%P\n' | sort | tr '\n' ' '
}

@test "snap: files on XFS" {
	disk 320M xfs -m reflink=1
	snaps
}

@test "snap: files on btrfs" {
	disk 256M btrfs
	snaps
}

@test "snap: where no snapshot is possible, the message says why" {
	disk 32M ext4
	cd "$M"
	cp "$IMAGE" x.img
	for word in '' -n; do
		# shellcheck disable=SC2086 # or no word
		refuses 1 x.img img-snap $word --name one.img x.img
		says 'its filesystem (ext4) does not support snapshots'
	done
	refuses 1 "a:$M/x.img" img-snap "a:$M/x.img"
	refuses 1 x.img img-copy -s x.img y.img
	refuses 1 "a:$M/x.img" img-copy -s "a:$M/x.img" y.img
	says 'its filesystem (ext4) does not support snapshots'
	# The second command runs, because the first did.
	try img-copy -s --pre-snapshot "touch $M/pre" --post-snapshot "touch $M/post" x.img y.img
	[ "$status" = 1 ]
	[ "$(find . -type f | sort | tr '\n' ' ')" = './post ./pre ./x.img ' ]
}

@test "snap: no free space, and a read-only filesystem" {
	disk 300M xfs -m reflink=1
	cp "$IMAGE" "$M/x.img"
	mounted mount -o remount,ro "$M"
	refuses 4 "$M/x.img" img-snap "$M/x.img"
	refuses 4 "$M/x.img" img-copy -s "$M/x.img" y.img
	[ "$(ls -A "$M")" = x.img ]
}

@test "snap: wrong command lines, and what is not an image" {
	cp "$IMAGE" x.img
	mkdir d
	refuses 2 '' img-snap
	refuses 2 '' img-snap x.img y.img
	refuses 2 '' img-snap -
	refuses 2 '' img-snap a:
	refuses 2 '' img-snap ''
	refuses 2 '' img-snap --nonsense x.img
	for size in 0 -1 x '' 99999999999999999999; do
		refuses 2 '' img-snap --size="$size" x.img
	done
	for name in '' a/b /x; do
		refuses 2 x.img img-snap --name="$name" x.img
	done
	for name in . ..; do
		try img-snap --name=$name x.img
		[ "$status" != 0 ]
	done
	refuses 3 no.img img-snap no.img
	refuses 4 d img-snap d
	refuses 7 nowhere:x img-snap nowhere:x
	refuses 2 '' img-copy -s - y.img
	refuses 2 '' img-copy -s --live x.img y.img
	for word in --snapshot-size=4m --pre-snapshot=true --post-snapshot=true; do
		refuses 2 '' img-copy $word x.img y.img
		refuses 2 '' img-write $word x.img x.img
	done
	refuses 2 '' img-copy -s --snapshot-size=0 x.img y.img
	[ "$(names)" = 'd m x.img ' ]
	for word in --help --usage --version; do
		succeeds img-snap $word
	done
}
