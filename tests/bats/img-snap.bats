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
teardown() {
	exec 7>&- 8>&- 9>&- # what a test that failed had open
	disks_teardown
}

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
	says "'one.img' exists already"
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

# $M has images 1.img, 2.img and 3.img, which are open for writing, as a guest has them.
three_images() {
	local i

	cd "$M" || return
	for i in 1 2 3; do head -c ${i}M /dev/urandom >$i.img; done
	exec 7<>1.img 8<>2.img 9<>3.img
}

# counts: the commands for counting how often the two commands of a snapshot run.
counts() {
	hooks=(--pre-snapshot "echo pre >>$DIR/log" --post-snapshot "echo post >>$DIR/log")
	rm -f "$DIR/log"
}

# together HOST COMMAND...: succeeds, and tells how far apart the snapshots of that host are.
together() {
	local host=$1
	shift

	try "$@"
	if [ "$status" != 0 ] || [ "$(wc -l <"$ERR")" != 1 ] ||
		! grep -Eq "^$1: the snapshots${host:+ on '$host'} are at most [0-9.]+ ms apart$" "$ERR"; then
		told
		return 1
	fi
}

ran() {
	[ "$(tr '\n' ' ' <"$DIR/log")" = "$1" ]
}

@test "snap: an image that a job begins to write before the snapshot is refused" {
	local where words pid

	disk 320M xfs -m reflink=1
	cd "$M"
	mkfifo one
	cat >hook <<-END
		#!/bin/sh
		touch "$M/started"
		until [ -e "$M/go" ]; do sleep 0.1; done
	END
	chmod 755 hook
	for where in '' a:; do
		for words in "img-snap $where$M/x.img" "img-copy -s $where$M/x.img $DIR/y.img" \
			"img-copy -s $where$M/x.img $where$M/hook $DIR"; do
			cp "$IMAGE" x.img
			rm -f started go
			# shellcheck disable=SC2086 # words
			${words%% *} -F "$SSH_CONFIG" --pre-snapshot "$M/hook" ${words#* } >"$OUT" 2>"$ERR" 3>&- &
			pid=$!
			wait_until 20 test -e started
			img-write - x.img <one 2>/dev/null 3>&- &
			exec 7>one
			head -c 2M /dev/zero >&7
			wait_until 20 has_mark x.img
			touch go
			status=0
			wait $pid || status=$?
			[ "$status" = 5 ]
			grep "^${words%% *}: $where$M/x.img: in use: another job is writing it" "$ERR"
			exec 7>&-
			wait $!
			[ ! -e "$DIR/y.img" ]
			[ ! -e "$DIR/hook" ]
			[ "$(ls -A)" = $'go\nhook\none\nstarted\nx.img' ]
		done
	done
}

@test "snap: several images together, with each command once" {
	local where made hooks

	disk 320M xfs -m reflink=1
	three_images
	for where in '' a:; do
		counts
		together '' img-snap "${hooks[@]}" "$where$M/1.img" "$where$M/2.img" "$where$M/3.img"
		ran 'pre post '
		[ "$(wc -l <"$OUT")" = 3 ]
		mapfile -t made <"$OUT"
		for i in 1 2 3; do
			[[ ${made[i - 1]} =~ ^$where$M/$i\.img-snap-[0-9]{8}-[0-9]{6}$ ]]
			same $i.img "${made[i - 1]#"$where"}"
		done
		# They have the same time in their names.
		[ "$(sed 's/.*-snap-//' "$OUT" | sort -u | wc -l)" = 1 ]
		rm ./*-snap-*
	done
	together '' img-snap --json 1.img "$M/2.img"
	json --arg m "$M" 'map(.location) == ["1.img", $m + "/2.img"] and
		all(.apart > 0 and .apart < 10 and (.path | contains("-snap-")))'
	rm ./*-snap-*
	succeeds img-snap --json 1.img
	json '.apart == null'
	rm ./*-snap-*
	counts
	succeeds img-snap -n "${hooks[@]}" 1.img 2.img
	[ "$(wc -l <"$OUT")" = 2 ]
	[ ! -e "$DIR/log" ]
	[ "$(names)" = '1.img 2.img 3.img ' ]
}

@test "snap: if the snapshot of one image fails, none is left" {
	local hooks where client

	disk 320M xfs -m reflink=1
	three_images
	for where in '' a:; do
		# What is found by the checks: no command has run.
		counts
		refuses 3 "${where}$M/no.img" img-snap "${hooks[@]}" "$where$M/1.img" "$where$M/no.img" \
			"$where$M/3.img"
		refuses 1 "$where$IMAGE" img-snap "${hooks[@]}" "$where$M/1.img" "$where$IMAGE"
		refuses 4 "$where$M/./1.img" img-snap "${hooks[@]}" "$where$M/1.img" "$where$M/./1.img"
		says 'is the same image as '"'$M/1.img'"
		[ ! -e "$DIR/log" ]
		# The first command fails, and the second runs.
		refuses 1 "${where%:}" img-snap --pre-snapshot 'exit 3' "${hooks[@]:2}" "$where$M/1.img" \
			"$where$M/2.img"
		says 'pre-snapshot'
		ran 'post '
		refuses 1 "${where%:}" img-snap --post-snapshot 'exit 3' "$where$M/1.img" "$where$M/2.img"
		says 'post-snapshot'
		# Another program takes the name of the second meanwhile: the first loses its own.
		refuses 6 "$where$M/2.img" img-snap --post-snapshot "
			for i in 0 1 2 3 4 5 6 7 8 9; do
				touch -d @0 \"$M/2.img-snap-\$(date -u -d \"\$i seconds ago\" +%Y%m%d-%H%M%S)\"
			done" "$where$M/1.img" "$where$M/2.img"
		[ "$(find . -name '1.img?*')" = '' ]
		rm ./2.img-snap-*
		[ "$(names)" = '1.img 2.img 3.img ' ]
	done
	# A helper that has lost its client removes all by itself.
	touch "$DIR/wait"
	img-snap -F "$SSH_CONFIG" --post-snapshot \
		"touch $DIR/made; while [ -e $DIR/wait ]; do sleep 0.1; done" "a:$M/1.img" "a:$M/2.img" \
		2>/dev/null 3>&- &
	client=$!
	wait_until 30 test -e "$DIR/made"
	kill -KILL $client
	rm "$DIR/wait" "$DIR/made"
	wait $client || true
	wait_until 30 no_process
	[ "$(names)" = '1.img 2.img 3.img ' ]
	# Of a job that was killed, img-clean finds the rest.
	touch "$DIR/wait"
	img-snap --pre-snapshot "touch $DIR/pre" --post-snapshot \
		"touch $DIR/made; while [ -e $DIR/wait ]; do sleep 0.1; done" 1.img 2.img 2>/dev/null 3>&- &
	client=$!
	wait_until 30 test -e "$DIR/made"
	[ "$(find . -name '.*.img-tools' | wc -l)" = 2 ]
	kill -KILL "$(pgrep -P $client)" $client
	rm "$DIR/wait"
	wait $client || true
	wait_until 30 no_process
	succeeds img-clean .
	[ "$(names)" = '1.img 2.img 3.img ' ]
}

@test "copy --snapshot: several sources on a host are of one moment, and cost one login" {
	local where i before hooks

	disk 320M xfs -m reflink=1
	three_images
	mkdir was d
	for where in '' a:; do
		cp 1.img 2.img 3.img was
		before=$(sshd_logins a)
		counts
		# What the second command writes is in no copy.
		hooks[3]+="; for i in 1 2 3; do printf \$\$ | dd of=$M/\$i.img seek=3 conv=notrunc status=none; done"
		together "${where%:}" img-copy -s "${hooks[@]}" "$where$M/1.img" "$where$M/2.img" "$where$M/3.img" d
		ran 'pre post '
		for i in 1 2 3; do
			same was/$i.img d/$i.img
			run ! cmp -s $i.img d/$i.img
		done
		[ "$(sshd_logins a)" = $((before + ${#where} / 2)) ]
		rm d/*
	done
	# Into a host, and with the target and a source on one host.
	together a img-copy -s "a:$M/1.img" "a:$M/2.img" "a:$M/d"
	together '' img-copy -s --overwrite --json 1.img "a:$M/2.img" 3.img "a:$M/d"
	json 'length == 3 and all(.consistent)'
	for i in 1 2 3; do same $i.img d/$i.img; done
	rm -r was d
	[ "$(names)" = '1.img 2.img 3.img ' ]
}

@test "copy --snapshot: if one snapshot fails, nothing is copied from that host" {
	local hooks

	disk 320M xfs -m reflink=1
	three_images
	mkdir d
	counts
	try img-copy -s "${hooks[@]}" 1.img no.img "a:$M/3.img" d
	[ "$status" = 3 ]
	[ "$(names)" = '1.img 2.img 3.img d d/3.img ' ]
	same 3.img d/3.img
	ran 'pre post ' # of the other host
	says "img-copy: 1.img: is not copied, as no snapshot of 'no.img' could be taken"
	says 'img-copy: no.img: '
	[ "$(grep -c . "$ERR")" = 2 ]
	# One target fails: the other snapshots are still there, in the same session.
	before=$(sshd_logins a)
	rm d/3.img
	cp 1.img d
	try img-copy -s "a:$M/1.img" "a:$M/2.img" "a:$M/3.img" d
	[ "$status" = 6 ]
	for i in 1 2 3; do same $i.img d/$i.img; done
	[ "$(sshd_logins a)" = $((before + 1)) ]
	# The dry run says what belongs together.
	rm d/*
	succeeds img-copy -n -s "${hooks[@]}" 1.img "a:$M/3.img" 2.img d
	grep -Fx 'would take snapshots of 1.img and 2.img together' "$OUT"
	[ "$(grep -c 'would copy a snapshot of' "$OUT")" = 3 ]
	try img-copy -n -s 1.img "$IMAGE" d
	[ "$status" = 1 ]
	run ! grep together "$OUT"
	ran 'pre post '
	rmdir d
	[ "$(names)" = '1.img 2.img 3.img ' ]
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
	# It is known before a command runs, so a guest is not frozen in vain.
	refuses 1 x.img img-copy -s --pre-snapshot "touch $M/pre" --post-snapshot "touch $M/post" \
		x.img y.img
	refuses 1 x.img img-snap --pre-snapshot "touch $M/pre" --post-snapshot "touch $M/post" x.img
	[ "$(find . -type f)" = ./x.img ]
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
	refuses 2 '' img-snap --name one x.img y.img
	says '--name needs a single LOCATION'
	refuses 2 '' img-snap x.img a:y.img
	says 'x.img and a:y.img are on different hosts'
	refuses 2 '' img-snap x.img -
	refuses 2 '' img-snap x.img a:
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
