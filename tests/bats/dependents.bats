#!/usr/bin/env bats
#
# An image that another image needs is neither deleted, renamed, overwritten nor cut.  The images
# that need it are made by qemu-img.

load common

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() {
	rm -rf "$HOME/.config" "$BATS_FILE_TMPDIR/home-a/.config" # allowed()
	img_teardown
}

# overlay NAME BACKING [FORMAT [OPTION...]]: a layer over BACKING, whose name is not checked.
overlay() {
	qemu-img create -q -f qcow2 -u -b "$2" -F "${3:-raw}" "${@:4}" "$1" 1M
}

# needed IMAGE CHILD [ROLE]: img-delete refuses IMAGE, here, on a host and in dry runs, and names
# CHILD.  ROLE is "the backing file" if it is not given.
needed() {
	local where before option

	before=$(state_of "$1")
	for where in "$1" "a:$(realpath -s "$1")"; do
		for option in -n --json; do
			refuses 4 "$where" img-delete $option "$where"
			says "$where: is ${3:-the backing file} of '$2' (see img-copy --flatten)"
		done
	done
	[ "$(state_of "$1")" = "$before" ]
}

# unneeded IMAGE: img-delete would delete it, here and on a host, and says nothing else.
unneeded() {
	local where

	for where in "$1" "a:$(realpath -s "$1")"; do
		succeeds img-delete -n "$where"
	done
}

@test "dependents: each command that would break them refuses, and changes nothing" {
	local where before
	local -a command

	cp "$IMAGE" base
	overlay child "$DIR/base"
	cp base other
	before=$(state_of base)
	for where in base "a:$DIR/base"; do
		while read -ra command; do
			command=("${command[@]//@/$where}")
			refuses 4 "$where" "${command[@]}"
			says "$where: is the backing file of '$DIR/child' (see "
			refuses 4 "$where" "${command[0]}" -n "${command[@]:1}"
			says "is the backing file of '$DIR/child'"
		done <<-'END'
			img-delete @
			img-delete -f @
			img-rename @ new
			img-archive @
			img-write other @
			img-copy --overwrite other @
			img-resize --shrink --fs @ 6M
			img-resize --fs @ 9M
			img-resize --fs --in-place @ 9M
			img-resizefs --shrink @ 6M
			img-resizefs --in-place @
		END
	done
	refuses 4 base img-rename base new
	says "is the backing file of '$DIR/child' (see qemu-img rebase -u)"
	[ "$(state_of base)" = "$before" ]
	[ "$(ls)" = $'base\nchild\nother' ]
	no_partial
	# What the hint means.
	qemu-img rebase -u -b new -F raw child
	succeeds img-rename base new
	qemu-img rebase -u -b base -F raw child
	succeeds img-rename "a:$DIR/new" base
	# Each of them without the image that needs it.
	rm child
	for where in '' "a:$DIR/"; do
		try img-resizefs --in-place "${where}base"
		[ "$status" = 0 ]
		succeeds img-resize --fs "${where}base" 9M
		succeeds img-resize --fs --shrink "${where}base" 8M
		succeeds img-write other "${where}base"
		succeeds img-copy --overwrite other "${where}base"
		succeeds img-rename "${where}base" new
		succeeds img-rename "${where}new" base
		succeeds img-archive "${where}base"
		succeeds img-unarchive "${where}base.lzo"
		cmp other base
		succeeds img-delete "${where}base"
		cp other base
	done
}

@test "dependents: what keeps the content is allowed" {
	local where

	seq 1 9999 >base
	truncate -s 1M base
	qemu-img create -q -f qcow2 -b base -F raw middle
	qemu-img create -q -f qcow2 -b middle -F qcow2 top
	qemu-io -c 'write -P 7 64k 64k' top >/dev/null
	qemu-img convert -O raw top expected
	for where in '' "a:$DIR/"; do
		succeeds img-archive --keep "${where}base"
		rm base.lzo
		succeeds img-copy "${where}base" "${where}copy"
		rm copy
		refuses 6 "${where}base" img-copy expected "${where}base"
	done
	# The uppermost layer is its own.
	cp top copy
	try img-write copy "a:$DIR/top"
	[ "$status" = 0 ]
	rm copy
	# The guest's disk in the base, and the file below it, can grow.
	succeeds img-resize -q base 3M
	succeeds img-resize -q middle 2M
	succeeds img-resize -q --physical "a:$DIR/middle" +1M
	succeeds img-resize -q --physical --shrink "a:$DIR/middle" 1M
	qemu-img compare -q -f qcow2 -F raw top expected
	# Layers are deleted from the uppermost one down.
	needed middle "$DIR/top"
	needed base "$DIR/middle"
	succeeds img-delete top "a:$DIR/middle" base
	[ "$(ls)" = expected ]
}

@test "dependents: a base that grows keeps its GPT as it is" {
	local before

	truncate -s 8M base
	sfdisk -q base <<<$'label: gpt\nsize=4M'
	qemu-img create -q -f qcow2 -b base -F raw top
	before=$(head -c 8M base | sha256sum)
	try img-resize base 12M
	[ "$status" = 0 ]
	says "$DIR/base: '$DIR/top' needs it as it is, so its partition table does not change"
	run ! grep GPT "$OUT" "$ERR"
	[ "$(head -c 8M base | sha256sum)" = "$before" ]
	[ "$(stat -c %s base)" = $((12 << 20)) ]
	try img-resize -n "a:$DIR/base" 13M
	[ "$status" = 0 ]
	says "needs it as it is"
	rm top
	succeeds img-resize -q base 12M
	[ "$(sfdisk --dump base | sed -n 's/^last-lba: //p')" -gt $((11 << 11)) ]
}

@test "dependents: by any name that leads to the image" {
	local name

	mkdir -p d/e
	touch d/base
	ln -s d link
	ln -s base d/other
	for name in base ./base ../d/base "$DIR/d/base" "file:base" "file:$DIR/d/base" other \
		"$DIR/link/base" ../link/other "$DIR//d/./base"; do
		overlay d/child "$name"
		needed d/base "$DIR/d/child"
		needed link/base "$DIR/d/child"
	done
	# Another name of the same file.
	ln d/base d/e/hard
	overlay d/child e/hard
	refuses 4 d/base img-delete --allow-links d/base
	says "is the backing file of '$DIR/d/child'"
	rm d/e/hard
	# The name of a child counts as it is in the directory: a link to it, and a hidden one.
	overlay d/e/child base
	rm d/child
	unneeded d/base
	ln -s e/child d/child
	needed d/base "$DIR/d/e/child"
	rm d/child
	mv d/e/child d/.child
	needed d/base "$DIR/d/.child"
	rm d/.child
	succeeds img-delete d/base
}

@test "dependents: names that lead elsewhere, or nowhere" {
	local name

	mkdir d
	touch base d/base
	for name in d/base gone base/ nbd://localhost/base nbd:unix:base fat:base Base \
		'json:{"driver":"raw","file":{"driver":"file","filename":"base"}}' \
		/proc/self/cwd/base "base$(printf '%0999d' 0)"; do
		overlay child "$name"
		unneeded base
	done
	# An image that records itself, an archive of a child, and what a job has not completed.
	rm child
	overlay itself ./itself qcow2
	unneeded itself
	overlay child base
	try img-archive child
	[ "$status" = 0 ]
	unneeded base
	try img-unarchive child.lzo
	[ "$status" = 0 ]
	needed base "$DIR/child"
	mv child .child.img-tools
	unneeded base
	mv .child.img-tools child
	needed base "$DIR/child"
	rm child
	succeeds img-delete base
}

@test "dependents: all formats and files that an image needs" {
	local format

	truncate -s 1M base
	for format in qcow2 qed qcow; do
		qemu-img create -q -f "$format" -b base -F raw child
		needed base "$DIR/child"
		rm child
	done
	qemu-img create -q -f qcow2 -o compat=0.10 -b base -F raw child
	needed base "$DIR/child"
	rm child
	qemu-img create -q -f vmdk parent.vmdk 1M
	qemu-img create -q -f vmdk -b parent.vmdk -F vmdk child.vmdk
	needed parent.vmdk "$DIR/child.vmdk"
	qemu-img create -q -f vmdk -o subformat=monolithicFlat disk.vmdk 1M
	sed -i 's/^RW .*/&\nRW 2048 FLAT "second" 0/' disk.vmdk
	truncate -s 1M second
	[ "$(qemu-img info --output=json disk.vmdk | jq '."virtual-size"')" = $((2 << 20)) ]
	needed disk-flat.vmdk "$DIR/disk.vmdk" 'an extent'
	needed second "$DIR/disk.vmdk" 'an extent'
	qemu-img create -q -f qcow2 -o data_file="$DIR/data" child 1M
	needed data "$DIR/child" 'the external data file'
	refuses 4 "a:$DIR/data" img-write base "a:$DIR/data"
	rm child child.vmdk disk.vmdk
	succeeds img-delete base parent.vmdk disk-flat.vmdk second data
	[ -z "$(ls)" ]
}

@test "dependents: in the directories of the image's own layers" {
	mkdir -p one two three
	touch three/base
	overlay two/lower ../three/base
	overlay one/middle ../two/lower qcow2
	overlay two/child ../one/middle qcow2
	needed one/middle "$DIR/two/child"
	mv two/child three
	needed one/middle "$DIR/three/child"
	# Not in those of what a guest has written into its raw disk.
	overlay one/middle ../two/lower raw
	unneeded one/middle
	mv three/child two
	needed one/middle "$DIR/two/child"
	rm two/child
	succeeds img-delete one/middle
	# A loop, and a layer that is missing or no file.
	overlay one/x ../two/y qcow2
	overlay two/y ../one/x qcow2
	needed one/x "$DIR/two/y"
	rm two/y
	unneeded one/x
	mkfifo two/y
	unneeded one/x
	rm two/y
	mkdir two/y
	succeeds img-delete one/x
}

# allowed DIRECTORY...: what the configuration of this host and of the other allows.
allowed() {
	local own=$BATS_FILE_TMPDIR/home-a/.config/img-tools

	mkdir -p "$own" "$HOME/.config/img-tools"
	{
		echo '[storage]'
		printf 'directory = %s\n' "$@"
	} | tee "$own/config" >"$HOME/.config/img-tools/config"
}

@test "dependents: in the directories that the configuration allows" {
	local where

	mkdir -p images also/100/deep also/.hidden outside
	truncate -s 1M images/base
	overlay also/100/deep/child ../../../images/base
	unneeded images/base
	allowed "$DIR/images" "$DIR/also" "$DIR/gone"
	# The names lead through the policy, which allows none that leaves a directory.
	unneeded images/base
	overlay also/100/deep/child "$DIR/images/base"
	needed images/base "$DIR/also/100/deep/child"
	allowed "$DIR/also/100" "$DIR/images" "$DIR/also"
	needed images/base "$DIR/also/100/deep/child"
	allowed "$DIR"
	overlay also/100/deep/child ../../../images/base
	needed images/base "$DIR/also/100/deep/child"
	# Neither hidden directories are searched, as in a list, nor what is outside.
	mv also/100/deep/child also/.hidden
	unneeded images/base
	allowed "$DIR/images"
	overlay outside/child "$DIR/images/base"
	overlay images/top "$DIR/outside/child" qcow2
	unneeded images/base
	try strace -f -qq -e trace=openat,openat2,open -o trace \
		env ASAN_OPTIONS=detect_leaks=0 img-delete -n images/top
	[ "$status" = 0 ]
	run ! grep outside trace
	grep -c images trace
	succeeds img-delete images/top images/base
}

@test "dependents: no more than 10000 entries are looked at" {
	local where

	mkdir d more
	touch d/base more/x
	(cd d && seq -f 'f%g' 9999 | xargs touch)
	unneeded d/base
	touch d/one-more
	for where in d/base "a:$DIR/d/base"; do
		refuses 4 "$where" img-delete "$where"
		says "cannot check whether other images need it: more than 10000 files would have to be looked at; not searched completely: '$DIR/d'"
	done
	# A directory is looked at once, whoever names it.
	rm d/one-more
	allowed "$DIR/d"
	unneeded d/base
	allowed "$DIR/d" "$DIR/more"
	for where in d/base "a:$DIR/d/base"; do
		refuses 4 "$where" img-delete "$where"
		says "not searched completely: '$DIR/more'"
	done
	allowed "$DIR"
	refuses 4 d/base img-delete d/base
	says "not searched completely: '$DIR'"
	rm -r "$HOME/.config" "$BATS_FILE_TMPDIR/home-a/.config"
	# What is found before that is named.
	touch d/one-more
	find d -name 'f*9' -exec rm {} +
	overlay d/child base
	needed d/base "$DIR/d/child"
	rm d/child
	succeeds img-delete d/base
}

@test "dependents: what cannot be read in the image's own directory" {
	mkdir d
	install -m 600 /dev/null d/base
	overlay d/other base
	chmod 0 d/other
	refuses 4 d/base without_power img-delete d/base
	says "cannot check whether '$DIR/d/other' needs this image: Permission denied"
	# Another user cannot have read the image.
	as_root chown 1234 d/other
	succeeds without_power img-delete -q -n d/base
	chmod 644 d/base
	refuses 4 d/base without_power img-delete d/base
	says "cannot check whether '$DIR/d/other' needs this image: Permission denied"
	as_root truncate -s 0 d/other
	succeeds without_power img-delete -q -n d/base
	chmod 333 d
	refuses 4 d/base without_power img-delete d/base
	says "cannot check whether an image in '$DIR/d' needs this image: Permission denied"
	chmod 755 d
	succeeds without_power img-delete d/base
}

@test "dependents: a read error, at the beginning or behind it, is no answer" {
	local when

	traced_build -qq
	mkdir d
	install -m 600 /dev/null d/base
	overlay d/other base
	for when in 1 2; do
		printf '%s\n' -P "$DIR/d/other" -e trace=pread64 \
			-e "inject=pread64:error=EIO:when=$when" >"$INJECT"
		try "$TRACED/bin/img-delete" d/base
		[ "$status" = 4 ]
		says "cannot check whether '$DIR/d/other' needs this image: Input/output error"
		[ -e d/base ]
	done
}

@test "dependents: what cannot be read elsewhere is only warned of" {
	mkdir d also
	touch d/base
	overlay also/child "$DIR/d/base"
	as_root chown 1234 also/child
	chmod 0 also/child
	allowed "$DIR/d" "$DIR/also"
	try without_power img-delete -n d/base
	[ "$status" = 0 ]
	says "warning: $DIR/d/base: cannot check whether '$DIR/also/child' needs it: Permission denied"
	mkdir -m 0 also/closed
	as_root chown 1234 also/closed
	try without_power img-delete -n d/base
	[ "$status" = 0 ]
	says "and 1 other need it: Permission denied"
	# With the permission, it is found.
	needed d/base "$DIR/also/child"
	as_root rm -r also
	succeeds img-delete d/base
}

@test "dependents: what is no regular file is not opened" {
	touch base
	mkfifo x.qcow2
	ln -s x.qcow2 link
	ln -s gone dangling
	ln -s loop loop
	ln -s /dev/zero zero
	mkdir dir.qcow2
	as_root mknod tape c 9 0
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
	try strace -f -qq -e trace=openat,openat2,open -o trace \
		env ASAN_OPTIONS=detect_leaks=0 img-delete -n base
	[ "$status" = 0 ]
	run ! grep -E '"(x.qcow2|tape|socket|zero)", O_RD' trace
	unneeded base
	overlay child base
	needed base "$DIR/child"
	rm child
	succeeds img-delete base
}

@test "dependents: headers that lie" {
	local patch good

	touch base
	overlay good base
	good=$(od -An -tu1 -j16 -N4 good)
	[ "${good##* }" = 4 ]
	while read -r patch; do
		cp good child
		mv good ..
		# Offset and bytes.
		printf "${patch#* }" | dd of=child bs=1 seek="${patch%% *}" conv=notrunc status=none
		unneeded base
		mv ../good .
		rm child
		needed base "$DIR/good"
	done <<-'END'
		4 \0\0\0\11
		8 \377\377\377\377\377\377\377\377
		8 \0\0\0\0\0\0\0\0
		16 \177\377\377\377
		16 \0\0\4\0
		16 \0\0\0\0
		20 \0\0\0\100
		100 \377\377\377\377
		0 RAW!
	END
	truncate -s 50 good
	unneeded base
	# A name with a NUL or a control character in it.
	rm good
	touch "$(printf 'ba\nse')"
	overlay child "$(printf 'ba\nse')"
	refuses 4 $'ba\\nse' img-delete "$(printf 'ba\nse')"
	rm child
	overlay $'chi\tld' base
	refuses 4 base img-delete base
	rm $'chi\tld'
	succeeds img-delete base
}

@test "dependents: other reasons come first" {
	local where

	truncate -s 1M base
	overlay child base
	ln -s base link
	for where in '' "a:$DIR/"; do
		refuses 3 "${where}gone" img-delete "${where}gone"
		succeeds img-delete -f "${where}gone"
		refuses 4 "${where}link" img-delete "${where}link"
		says 'is a symbolic link'
	done
	exec 9>>base
	for where in base "a:$DIR/base"; do
		refuses 5 "$where" img-delete "$where"
		refuses 5 "$where" img-write "$IMAGE" "$where"
		refuses 5 "$where" img-copy --overwrite "$IMAGE" "$where"
	done
	exec 9>&-
	needed base "$DIR/child"
}
