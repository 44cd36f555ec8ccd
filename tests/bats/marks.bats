#!/usr/bin/env bats
#
# The mark beside a file that is filled in place, and what others can do with its name.

load common
load disks

setup_file() {
	img_setup_file
}

setup() {
	img_setup
	disks_setup
	# A directory like /tmp, on a filesystem without user attributes.
	mounted mount -t ramfs ramfs "$M"
	as_root chmod 1777 "$M"
	cd "$M" || return
	cp "$IMAGE" x.img
	mark=.x.img.img-tools-unfinished
}

teardown() {
	disks_teardown
}

teardown_file() {
	img_teardown_file
}

is_unfinished() {
	succeeds img-info --json x.img
	json ".unfinished == $1"
	succeeds img-list --json .
	json ".entries[] | select(.name == \"x.img\") | .unfinished == $1"
}

# Nothing that can be done with an image is stopped by what has the name of its mark.
ignored() {
	is_unfinished false
	succeeds img-copy x.img y.img
	succeeds img-verify x.img y.img
	succeeds img-copy --overwrite y.img x.img
	same x.img "$IMAGE"
	succeeds img-rename x.img z.img
	succeeds img-rename z.img x.img
	is_unfinished false
	succeeds img-archive -k x.img
	succeeds img-delete x.img
	succeeds img-unarchive x.img.lzo
	same x.img "$IMAGE"
	rm y.img
}

@test "a mark of another user does not count" {
	by 4242 touch "$mark"
	ignored
	[ "$(stat -c %u "$mark")" = 4242 ]
	# It cannot be used as a mark either.
	refuses 4 x.img img-write --json "$IMAGE" x.img
	says 'the mark would belong to user 4242'
	same x.img "$IMAGE"
	as_root rm "$mark"
}

@test "what is no regular file is no mark" {
	for make in 'mkdir' 'mkfifo' 'ln -s /etc/passwd'; do
		$make "$mark"
		ignored
		stat "$mark"
		refuses 4 x.img img-write "$IMAGE" x.img
		says 'cannot mark it as unfinished'
		same x.img "$IMAGE"
		rm -r "$mark"
	done
}

@test "a mark of the image's owner, of ours and of root counts" {
	as_root touch "$mark"
	is_unfinished true
	as_root rm "$mark"
	touch "$mark"
	is_unfinished true
	as_root chown 4242 x.img "$mark"
	is_unfinished true
	refuses 8 x.img img-copy x.img y.img
	as_root chown 4243 x.img
	is_unfinished false
	as_root rm "$mark"
}

@test "a mark that could not be removed in the end is found before the beginning" {
	local before

	as_root touch "$mark"
	as_root chown 4242:4242 x.img
	before=$(state_of x.img)
	for words in "copy --overwrite $IMAGE x.img" "copy -n --overwrite $IMAGE x.img" \
		"write $IMAGE x.img" "write -n $IMAGE x.img" 'delete x.img' 'delete -n x.img' \
		'rename x.img y.img'; do
		# shellcheck disable=SC2086 # several words
		try by 4242 img-$words
		[ "$status" = 4 ]
		says "its unfinished mark '$mark' belongs to another user"
		[ "$(state_of x.img)" = "$before" ]
		[ "$(ls -A)" = "$mark"$'\n'x.img ]
	done
	as_root chown 4242:4242 "$mark"
	by 4242 img-copy --overwrite "$IMAGE" x.img
	[ "$(ls -A)" = x.img ]
	# A name that is not in use yet, likewise.
	as_root touch .new.img.img-tools-unfinished
	try by 4242 img-copy "$IMAGE" new.img
	[ "$status" = 4 ]
	says "its unfinished mark '.new.img.img-tools-unfinished' belongs to another user"
	[ ! -e new.img ]
	as_root rm .new.img.img-tools-unfinished
}

@test "a renamed image keeps its mark, and the mark its owner" {
	by 4242 cp --no-preserve=mode "$IMAGE" w.img
	by 4242 touch .w.img.img-tools-unfinished
	succeeds img-rename w.img v.img
	[ "$(stat -c %u .v.img.img-tools-unfinished)" = 4242 ]
	[ ! -e .w.img.img-tools-unfinished ]
	refuses 8 v.img img-copy v.img y.img
	as_root rm .v.img.img-tools-unfinished
}

@test "an owner that cannot be kept is found before the beginning" {
	mkfifo pipe
	as_root chmod 777 . # the sticky bit alone would prevent it
	as_root chown 4243 x.img
	as_root chmod 666 x.img
	try by 4242 img-copy --overwrite "$IMAGE" x.img
	[ "$status" = 4 ]
	says 'cannot keep the owner'
	same x.img "$IMAGE"
	# It does not wait for the end of a pipe.
	exec 4<>pipe
	head -c 1000 "$IMAGE" >&4
	by 4242 timeout 60 img-copy --overwrite - x.img <pipe 4>&- || status=$?
	[ "$status" = 4 ]
	exec 4>&-
	rm pipe
}

# In a sticky directory only its owner could remove it.
@test "another user's file with the name of our hidden one is one clear line" {
	local hidden words before

	cp "$IMAGE" own.img
	as_root chown 4243:4243 own.img
	by 4243 img-archive -k own.img
	mv own.img.lzo packed.img.lzo
	for words in "new.img copy $IMAGE new.img" 'new.img create new.img 1M' \
		"own.img copy --overwrite $IMAGE own.img" 'own.img.lzo archive own.img' \
		'packed.img unarchive packed.img.lzo' 'own.img resize --fs own.img +1M' \
		'own.img resizefs --shrink own.img 7M'; do
		hidden=.${words%% *}.img-tools
		echo "$words"
		by 4242 touch "$hidden"
		before=$(ls -A)
		# shellcheck disable=SC2086 # several words
		try by 4243 img-${words#* }
		[ "$status" = 4 ]
		one_line img-
		says "$hidden"
		same own.img "$IMAGE"
		[ "$(ls -A)" = "$before" ]
		as_root rm "$hidden"
	done
}

# faulty CALLS FAULT... img-NAME WORD...: runs it with strace's inject= expressions.
faulty() {
	local options=(-e "trace=$1")
	shift
	while [[ $1 != img-* ]]; do
		options+=(-e "inject=$1")
		shift
	done
	strace -f -qq -o /dev/null "${options[@]}" env ASAN_OPTIONS=detect_leaks=0 "$@"
}

# without_links COMMAND...: runs it where no hard links can be made.
without_links() {
	faulty linkat linkat:error=EPERM "$@"
}

# Where links to another user's file can be made (fs.protected_hardlinks), anybody could do it.
@test "a mark that is a link to another file does not empty that" {
	echo precious >other
	ln other "$mark"
	succeeds img-write "$IMAGE" x.img
	[ "$(cat other)" = precious ]
	[ ! -e "$mark" ]
}

@test "an unfinished image with two marks, as a killed img-rename leaves them, can be written" {
	printf 'record of a job' >"$mark"
	ln "$mark" .y.img.img-tools-unfinished
	is_unfinished true
	# There is a mark all the time, and it says nothing of the earlier job.
	try faulty '%file,pwrite64' 'pwrite64:error=EIO' img-write -j 1 "$IMAGE" x.img
	[ "$status" = 1 ]
	is_unfinished true
	[ ! -s "$mark" ]
	[ "$(stat -c %h "$mark")" = 1 ]
	[ "$(cat .y.img.img-tools-unfinished)" = 'record of a job' ]
	[ ! -e .x.img.img-tools ]
	succeeds img-write "$IMAGE" x.img
	is_unfinished false
	rm .y.img.img-tools-unfinished
}

# What it says is where an unfinished resize would be continued.
@test "a renamed image keeps what its mark says" {
	printf 'record of a job' >"$mark"
	# Left beside another name.
	printf 'another job, which is over' >.y.img.img-tools-unfinished
	succeeds img-rename x.img y.img
	[ "$(cat .y.img.img-tools-unfinished)" = 'record of a job' ]
	[ ! -e "$mark" ]
	printf 'another job, which is over' >"$mark"
	succeeds without_links img-rename y.img x.img
	[ "$(cat "$mark")" = 'record of a job' ]
	[ ! -e .y.img.img-tools-unfinished ]
	# An earlier attempt was interrupted.
	ln "$mark" .y.img.img-tools-unfinished
	succeeds img-rename x.img y.img
	[ "$(cat .y.img.img-tools-unfinished)" = 'record of a job' ]
	[ "$(stat -c %h .y.img.img-tools-unfinished)" = 1 ]
	has_mark y.img
	rm .y.img.img-tools-unfinished
}

# There the name is reserved by an empty file with a mark, as on NFS, FUSE and exFAT.
@test "a renamed image keeps its mark where the name has to be reserved" {
	local calls=renameat2,linkat,fstatfs from=x.img to=y.img faults

	as_root chown 4242 x.img
	printf 'record of a job' >"$mark"
	as_root chown 4242 "$mark"
	for faults in 'linkat:error=EPERM' 'fstatfs:poke_exit=@arg2=6969000000000000'; do
		# shellcheck disable=SC2086 # several words
		succeeds faulty "$calls" renameat2:error=EINVAL $faults img-rename $from $to
		same "$IMAGE" $to
		has_mark $to
		[ "$(cat .$to.img-tools-unfinished)" = 'record of a job' ]
		[ "$(stat -c %h .$to.img-tools-unfinished)" = 1 ]
		[ "$(ls -A)" = .$to.img-tools-unfinished$'\n'$to ]
		from=y.img to=x.img
	done
	as_root rm "$mark"
}

# refused_to TEXT WORDS...: what another user wants is refused before any data is read, as
# told by -n.
refused_to() {
	local words word before

	for words in "${@:2}"; do
		for word in '' -n; do
			before=$(state_of root.img)
			echo "$words $word"
			# shellcheck disable=SC2086 # several words
			try by 4242 timeout 60 img-$words $word
			[ "$status" = 4 ]
			one_line img-
			says "$1"
			[ "$(state_of root.img)" = "$before" ]
			[ ! -e new.img ]
		done
	done
}

@test "a dry run knows the sticky bit and who owns the image" {
	small_fs "$DIR/s" 60M
	cd "$DIR/s"
	cp "$IMAGE" root.img
	cp "$IMAGE" packed
	succeeds img-archive packed
	chmod 666 root.img packed.lzo
	cp "$IMAGE" mine
	chmod 644 mine
	refused_to 'belongs to another user, and its directory has the sticky bit' \
		'delete root.img' 'rename root.img new.img' 'archive --bwlimit 1k root.img' \
		'copy --overwrite --bwlimit 1k mine root.img' 'unarchive --bwlimit 1k packed.lzo'
	# The kernel agrees.
	if by 4242 rm -f root.img; then return 1; fi
	if by 4242 mv root.img new.img; then return 1; fi
	# For the owner of the file, or of the directory, and in place, that is no obstacle.
	by 4242 img-write -n mine root.img
	by 4242 img-write mine root.img
	as_root chown 4242:4242 root.img
	by 4242 img-rename -n root.img new.img
	by 4242 img-archive root.img
	by 4242 img-unarchive root.img.lzo
	as_root chown 0:0 root.img
	as_root chown 4242:4242 .
	by 4242 img-rename root.img new.img
	by 4242 img-rename new.img root.img
	# Without the sticky bit the owner cannot be kept.
	as_root chown 0:0 .
	as_root chmod 777 .
	if by 4242 chown 0:0 mine; then return 1; fi
	refused_to 'cannot keep the owner' 'archive --bwlimit 1k root.img' \
		'archive -k --bwlimit 1k root.img' 'copy --overwrite --bwlimit 1k mine root.img' \
		'unarchive -k --bwlimit 1k packed.lzo'
	by 4242 img-delete -n root.img
	by 4242 img-delete root.img
	[ ! -e root.img ]
}

@test "a dry run knows that a hidden file of another user stays" {
	small_fs "$DIR/s" 60M
	cd "$DIR/s"
	touch .new.img.img-tools
	chmod 666 .new.img.img-tools
	for word in '' -n; do
		try by 4242 img-copy "$IMAGE" new.img $word
		[ "$status" = 4 ]
		one_line "img-copy: new.img: cannot remove the unfinished '.new.img.img-tools'"
		try by 4242 img-clean $word .
		[ "$status" = 4 ]
		says "cannot remove the unfinished '.new.img.img-tools'"
		[ -e .new.img.img-tools ]
	done
	rm .new.img.img-tools
}

# reserved LOCATION COMMAND...: with and without -n.
reserved() {
	local where=$1 before
	shift

	before=$(ls -A)
	for word in '' -n; do
		# shellcheck disable=SC2086 # no word, if it is empty
		refuses 4 "$where" "$1" $word "${@:2}"
		says "is a name that is reserved for unfinished files"
		[ "$(ls -A)" = "$before" ]
	done
}

# A later job of the image "disk" would remove it.
@test "no image gets the name of a mark or of a hidden file" {
	local name

	succeeds img-archive -k x.img
	mkdir into
	for name in .disk.img-tools-unfinished .disk.img-tools; do
		reserved $name img-create $name 1M
		reserved $name img-copy x.img $name
		reserved $name img-copy --overwrite --sparse x.img $name
		reserved $name img-copy -a x.img $name
		reserved $name img-copy - $name <x.img
		reserved x.img img-rename x.img $name
		reserved x.img img-snap --name $name x.img
		cp x.img.lzo $name.lzo
		reserved $name.lzo img-unarchive $name.lzo
		rm $name.lzo
	done
	name=.disk.img-tools-unfinished
	cp x.img "$DIR/$name"
	reserved into/ img-copy "$DIR/$name" into/
	rm "$DIR/$name"
	[ -z "$(ls -A into)" ]
	# What such a job does not remove may have the name.
	succeeds img-copy x.img disk.img-tools-unfinished
	succeeds img-copy x.img .disk.img-tools-unfinished.img
	succeeds img-copy x.img .img-tools-unfinished
	same "$IMAGE" .img-tools-unfinished
	rm .disk.img-tools-unfinished.img
}
