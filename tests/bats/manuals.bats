#!/usr/bin/env bats
# Runs the examples of the manuals and of README.md's tour, in a world with the
# hosts that they name: each has its own /srv and its own host name.

load common
load examples

HOSTS='here store kvm1 kvm2 kvm3'

setup_file() {
	local host

	[ "$(id -u)" = 0 ] || return 0
	img_setup_file
	export WORLD=$BATS_FILE_TMPDIR/world ETC=$BATS_FILE_TMPDIR/etc
	export CONFIG=$BATS_FILE_TMPDIR/ssh_config
	make_world
	sshd_program='' make_sshd "$BATS_FILE_TMPDIR/here" "$(scene here)"
	for host in ${HOSTS#here }; do
		HOST_MOUNTS=$(scene "$host") start_host "$host" \
			"ForceCommand cd $WORLD/$host/home && exec sh -c \"\$SSH_ORIGINAL_COMMAND\""
	done
	make_config
}

teardown_file() {
	[ "$(id -u)" = 0 ] || return 0
	img_teardown_file
	umount "$WORLD" || umount -l "$WORLD"
}

setup() {
	[ "$(id -u)" = 0 ] || skip 'only root can make this world'
	img_setup
	empty_world
	cd "$WORLD/here/home" || return
	HERE=$WORLD/here/srv/images
	STORE=$WORLD/store/srv/images
}

teardown() {
	[ "$(id -u)" = 0 ] || return 0
	exec 5>&-
	img_teardown
}

# A filesystem that claims to be large and takes little space, with a directory for each
# host; the programs, which know where the hosts are; and an /etc for all hosts.
make_world() {
	local host program

	truncate -s 100G "$BATS_FILE_TMPDIR/disk"
	mkfs.xfs -q "$BATS_FILE_TMPDIR/disk"
	mkdir "$WORLD" "$ETC"
	mount -o loop "$BATS_FILE_TMPDIR/disk" "$WORLD"
	for host in $HOSTS; do
		mkdir -p "$WORLD/$host"/{srv,etc,home}
	done
	mkdir "$WORLD/bin"
	for program in "$IMG_BUILD"/bin/img-*; do
		printf '#!/bin/sh\nexec "%s" -F "%s" "$@"\n' "$program" "$CONFIG" \
			>"$WORLD/bin/${program##*/}"
	done
	chmod 755 "$WORLD"/bin/*
	cp -a /etc/. "$ETC"
	rm -rf "$ETC/img-tools"
	mkdir "$ETC/img-tools"
	echo "127.0.0.1 $HOSTS" >>"$ETC/hosts" # needed by sudo
}

# scene HOST: prints the commands that turn a mount namespace into that host.
scene() {
	cat <<-END
		[ -n "\${SCENE:-}" ] || { export SCENE=1; exec unshare -u "\$0" inside "\$@"; }
		echo $1 >/proc/sys/kernel/hostname
		mount --bind $WORLD/$1/srv /srv
		mount --bind $ETC /etc
		mount --bind $WORLD/$1/etc /etc/img-tools
		mount -t tmpfs tmpfs /media
		mkdir /media/usb
		mount -t tmpfs tmpfs /var/lib
	END
}

# Gives our hosts the names that the manuals use, and one of them a port.
make_config() {
	printf '%s\n' 'Match originalhost store exec "test %p = 2222"' \
		"	ProxyCommand busybox nc 127.0.0.1 $(sshd_port store)" '	HostKeyAlias store' >"$CONFIG"
	sed 's/^Host kvm1$/Host kvm1 old/; s/^Host kvm2$/Host kvm2 new/' "$SSH_CONFIG" >>"$CONFIG"
	printf 'store %s\n' "$(cut -d' ' -f1,2 "$SSHD_DIR/store/host_key.pub")" \
		>>"$SSHD_DIR/known_hosts"
}

empty_world() {
	local host

	for host in $HOSTS; do
		find "$WORLD/$host"/{srv,etc,home} -mindepth 1 -delete
		mkdir "$WORLD/$host/srv"/{images,backup}
	done
}

# image FILE...: makes the same image of 3 MiB in each.
image() {
	local file

	for file; do
		yes "what is on a disk" | head -c 3M >"$file"
	done
}

# archive FILE.lzo...: makes an archive of such an image.
archive() {
	local file

	for file; do
		image "${file%.lzo}"
		img-archive "${file%.lzo}"
	done
}

packed() {
	image "${1%.gz}"
	gzip "${1%.gz}"
}

# names DIRECTORY...: prints the names of their entries, on one line.
names() {
	find "$@" -mindepth 1 -printf '%h/%f\n' | sort | sed 's,.*/,,' | paste -sd ' '
}

in_world() {
	PATH=$WORLD/bin:$PATH TZ=UTC timeout -k 10 60 "$BATS_FILE_TMPDIR/here" "$@"
}

@test "manuals: every program has examples, and each is run, here or on real LVM" {
	local file here vm

	vm=$BATS_TEST_DIRNAME/../vm/manuals.bats
	for file in "$BATS_TEST_DIRNAME"/../../man/*; do
		file=${file##*/}
		here=$(examples_of "$file" 0)
		[ "$here" = 0 ] || [ "$(grep -cx "	runs $file\( .*\)*" "$BATS_TEST_FILENAME")" = 1 ]
		if [ "$(examples_of "$file" 1)" != 0 ]; then
			[ "$(grep -cx "	runs $file\( .*\)*" "$vm")" = 1 ]
		elif [ "$here" = 0 ]; then
			[ "$file" = img-protocol.7 ]
		fi
	done
}

@test "manuals: img-archive(1)" {
	image "$STORE/web.img" "$HERE"/{web,db}.img web.img
	runs img-archive.1
	[ "$(ls)" = web.img.lzo ]
}

@test "manuals: img-clean(1)" {
	touch "$STORE/.web.img.img-tools" "$HERE/.x.img-tools"
	printf '[storage]\n\tdirectory = /srv/images\n' >"$WORLD/here/etc/config"
	runs img-clean.1
	[ -z "$(ls -A "$HERE")" ]
}

# chain DIRECTORY: makes base <- snap1 <- snap2.
chain() {
	truncate -s 10M "$1/base"
	qemu-img create -q -f qcow2 -u -b base -F raw "$1/snap1" 10M
	qemu-img create -q -f qcow2 -u -b snap1 -F qcow2 "$1/snap2" 10M
	qemu-io -c 'write -P 1 1M 2M' "$1/snap1" >/dev/null
}

@test "manuals: img-commit(1)" {
	chain "$STORE"
	runs img-commit.1 's/allocation [0-9.]+ (.iB|B|bytes)/allocation/' # depends on the filesystem
	[ "$(names "$STORE")" = 'base snap2' ]
}

@test "manuals: img-config(5)" {
	mkdir "$WORLD/here/srv/old images"
	image "$WORLD/here/srv"/{images,"old images",backup}/x.img
	runs img-config.5
	[ "$(head -n 1 file)" = '# /etc/img-tools/config' ]
	mv file "$WORLD/here/etc/config"
	succeeds "$BATS_FILE_TMPDIR/here" img-info /srv/images/x.img "/srv/old images/x.img"
	refuses 4 /srv/backup/x.img "$BATS_FILE_TMPDIR/here" img-info /srv/backup/x.img
}

@test "manuals: img-copy(1)" {
	image web.img "$HERE"/{web,db}.img "$WORLD/kvm1/srv/images/db.img"
	packed mail.img.gz
	mkdir "$WORLD/store/home/backup"
	runs img-copy.1
	[ "$(names "$STORE")" = 'mail.img test.img web-old.img web.img' ]
	[ "$(ls "$WORLD"/kvm[12]/srv/images/*)" = "$WORLD/kvm2/srv/images/db.img" ]
	[ "$(ls "$WORLD/store/home/backup")" = db.img.lzo ]
}

@test "manuals: img-create(1)" {
	runs img-create.1
	[ "$(stat -c %s web.img "$STORE"/*)" = $'21474836480\n1649267441664' ]
}

@test "manuals: img-delete(1)" {
	image old.img "$STORE"/{old,scratch}.img ./-odd.img
	runs img-delete.1
	[ -z "$(names . "$STORE")" ]
}

# filesystem FILE SIZE: makes an image with a filesystem.
filesystem() {
	truncate -s "$2" "$1"
	mke2fs -q -t ext4 -U 6d2d2c1f-0c6e-4d5c-9d2a-7c1b7c2f6f0e "$1"
}

@test "manuals: img-info(1)" {
	filesystem "$STORE/web.img" 4G
	chmod 600 "$STORE/web.img"
	img-archive "$STORE/web.img"
	touch -d '2026-11-22 02:30:52 UTC' "$STORE/web.img.lzo"
	archive {a,b}.img.lzo
	mkdir -p "$WORLD/store/srv/golden"
	truncate -s 256M "$WORLD/store/srv/golden/debian.img"
	qemu-img create -q -f qcow2 -u -b /srv/golden/debian.img -F raw "$STORE/web.qcow2" 512M
	runs img-info.1 's/^(allocation|physical)  .*/\1/' # depends on the filesystem
}

@test "manuals: img-list(1)" {
	mkdir "$STORE/old"
	fallocate -l 4G "$STORE/db.img"
	fallocate -l 256M "$STORE/debian.img"
	echo 'label: gpt' | sfdisk -q "$STORE/db.img"
	echo 'label: gpt' | sfdisk -q "$STORE/debian.img"
	qemu-img create -q -f qcow2 -u -b debian.img -F raw x.qcow2 1G
	fallocate -l 20684K "$STORE/test.qcow2"
	put "$STORE/test.qcow2" 0 <x.qcow2
	filesystem "$STORE/web.img" 1G
	img-archive "$STORE/web.img"
	image "$HERE/x.img"
	exec 5>>"$STORE/db.img"
	runs img-list.1 's/ *[0-9.]+ MiB  raw\.lzo/  raw.lzo/'
}

@test "manuals: img-rename(1)" {
	image "$STORE/web.img" web.img ./-odd.img
	runs img-rename.1
	[ "$(names . "$STORE")" = 'even.img web.img web-old.img web.img' ]
}

@test "manuals: img-resize(1)" {
	truncate -s 20G disk.img
	echo 'size=1G' | sfdisk -q -X gpt disk.img
	runs img-resize.1
	[ "$(stat -c %s disk.img)" = 12884901888 ]
}

@test "manuals: img-snap(1)" {
	image "$HERE/web.img"
	runs img-snap.1
	[ "$(names "$HERE")" = web.img ]
}

@test "manuals: img-storage(1)" {
	printf '[storage]\n\tdirectory = /srv/images\n' >"$WORLD/store/etc/config"
	runs img-storage.1 's/ +[0-9.]+ GiB  xfs/  xfs/; s/ +FREE/  FREE/; /^(grow|shrink)/s/ btrfs//'
}

@test "manuals: img-watch(1)" {
	qemu-img create -q -f qcow2 "$HERE/web.qcow2" 1G
	runs img-watch.1 's/[0-9.]+ [KMG]iB (used|free)/N \1/g'
}

@test "manuals: img-tools(7)" {
	image web.img
	archive "$WORLD/store/srv/backup/web.img.lzo"
	runs img-tools.7
}

@test "manuals: img-unarchive(1)" {
	archive "$STORE"/{web,mail}.img.lzo
	runs img-unarchive.1
	[ "$(names "$STORE")" = 'mail.img.lzo test.img web.img' ]
}

@test "manuals: img-verify(1)" {
	image web.img
	archive "$WORLD"/{store,here}/srv/backup/web.img.lzo
	qemu-img convert -f raw -O qcow2 web.img "$STORE/web.qcow2"
	cp web.img "$STORE"
	qemu-img create -q -f qcow2 -b web.img -F raw "$STORE/snap.qcow2"
	runs img-verify.1
}

@test "manuals: img-write(1)" {
	image web.img "$HERE/web.img" "$STORE"/{scratch,mail}.img
	archive "$WORLD/store/srv/backup/web.img.lzo"
	packed mail.img.gz
	runs img-write.1
}

# session: prints README.md's first session in the form of examples.awk.
session() {
	awk '
		/^## A first session/ { below = 1 }
		below && /^```/ { if (++fences == 2) exit; next }
		fences == 1 { print /^\$ / ? "example\n" $0 : "= " $0 }' "$BATS_TEST_DIRNAME/../../README.md"
}

@test "manuals: the first session in README.md" {
	filesystem web.img 1G
	session >examples
	[ "$(grep -c '^\$ img-' examples)" -ge 5 ]
	mv examples "$BATS_TEST_TMPDIR"
	# How much is allocated depends on the filesystem, and the digest on when it was made.
	run_examples 's/^(allocation|physical|modified)  .*/\1/; s/^[0-9a-f]{32} //' <"$BATS_TEST_TMPDIR/examples"
	[ "$(names . "$WORLD/kvm2/srv/images")" = 'web.img web.img.lzo web.img' ]
}

@test "manuals: the tour in README.md, from its beginning to its end" {
	filesystem web.img 8M
	truncate -s 8M "$WORLD/kvm2/srv/images/old.img"
	image "$WORLD"/kvm1/home/{a,app}.img "$WORLD/kvm2/home/mail.img"
	archive "$WORLD/kvm2/home/old.img.lzo"
	packed new.img.gz
	chain "$WORLD/kvm2/srv/images"
	extract -v heading='## A short tour' <"$BATS_TEST_DIRNAME/../../README.md" >examples
	[ "$(grep -c '^\$ img-\|^\$ zcat' examples)" -ge 20 ]
	VOLUMES=1 extract -v heading='## A short tour' <"$BATS_TEST_DIRNAME/../../README.md" >others
	for file in "$IMG_BUILD"/bin/*; do
		grep -q "${file##*/}" examples others # each program is used
	done
	rm others
	run_examples <examples
	[ "$(cd "$WORLD" && find {here,kvm1,kvm2}/{srv,home} -type f | sort | xargs)" = \
		"here/home/examples here/home/mail.img here/home/new.img here/home/new.img.gz\
 here/home/web.img here/home/web2.img here/srv/images/web.img\
 kvm1/home/a.img kvm1/home/app.img kvm1/home/b.img\
 kvm2/home/app.img kvm2/home/mail.img kvm2/home/new.img kvm2/home/old.img.lzo\
 kvm2/srv/backup/web.img.lzo kvm2/srv/images/base kvm2/srv/images/db.img.lzo\
 kvm2/srv/images/new.qcow2 kvm2/srv/images/old.img kvm2/srv/images/snap2" ]
}

# in_tree FLAG...: runs the compiler of this build in the copy of the sources.
in_tree() {
	local words

	eval "words=($(sed 's/ -static.*//' "$IMG_BUILD/flags"))"
	(cd tree && "${words[@]}" "$@")
}

libraries() {
	sed -n "s/^$1_LIBS *:= *//p" tree/Makefile
}

# Makes the programs of this build, except for what has changed in the copy of the sources.
make_changed() {
	local helper sanitizer=()

	helper=libexec/img-tools/img-helper-$(uname -m)
	if grep -q -e -fsanitize "$IMG_BUILD/flags"; then
		sanitizer=("$IMG_BUILD/obj/tests/sanitizer.o")
	fi
	mkdir -p changed/bin "changed/${helper%/*}"
	in_tree -c -o op.o lib/op/op_storage.c
	in_tree -c -o fields.o lib/cli/fields.c
	# shellcheck disable=SC2046 # several words
	in_tree -o "../changed/$helper" "$IMG_BUILD/obj/remote-helpers/img-helper.o" "${sanitizer[@]}" \
		op.o "$IMG_BUILD/libhelper.a" $(libraries HELPER)
	# shellcheck disable=SC2046
	in_tree -o ../changed/bin/img-storage "$IMG_BUILD/obj/cmd/img-storage.o" \
		"${sanitizer[@]}" fields.o "$IMG_BUILD"/lib{client,helper}.a $(libraries CLIENT) $(libraries HELPER)
}

@test "manuals: the first change of CONTRIBUTING.md" {
	local top=$BATS_TEST_DIRNAME/../..

	mkdir tree
	cp -r "$top/lib" "$top/Makefile" tree
	awk '/^## A first change/ { on = 1 } on { sub(/^   /, ""); print }' "$top/CONTRIBUTING.md" >text
	awk '/^```/ { on = /diff/; next } on' text >first.diff
	[ "$(grep -c '^+++' first.diff)" = 2 ]
	git -C tree apply --verbose -p1 "$PWD/first.diff"
	eval "$(sed -n '/^@test/,/^}/p' text | sed '1s/.*/as_wanted() {/')"
	if as_wanted >/dev/null 2>&1; then
		echo 'its test does not fail before the change' >&2
		return 1
	fi
	make_changed
	PATH=$PWD/changed/bin:$PATH
	as_wanted
}

@test "manuals: the targets and scripts that CONTRIBUTING.md and README.md name exist" {
	local top=$BATS_TEST_DIRNAME/../.. target script targets scripts

	mapfile -t targets < <(grep -oh '`make [a-z -]*' "$top"/{README,CONTRIBUTING}.md | tr -d '`' |
		tr ' ' '\n' | grep -v '^make$')
	mapfile -t scripts < <(grep -oh 'tests/[a-z]*\.sh' "$top"/{README,CONTRIBUTING}.md | sort -u)
	[ ${#targets[@]} -ge 5 ]
	[ ${#scripts[@]} -ge 2 ]
	for target in "${targets[@]}"; do
		grep -qE "^([a-z -]+ )?$target( [a-z -]+)?:" "$top/Makefile" || {
			echo "make $target" >&2
			return 1
		}
	done
	for script in "${scripts[@]}"; do
		[ -x "$top/$script" ]
		bash -n "$top/$script" || sh -n "$top/$script"
	done
}
