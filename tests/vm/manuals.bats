#!/usr/bin/env bats
#
# Runs the examples of the manuals, and of README.md's tour, that are about volumes, on
# the hosts that they name: kvm1 with the group vg1, store, which has only files,
# and here, with the group vg0.

load guest
load ../bats/examples

# shellcheck disable=SC2034 # examples.bash asks for it
VOLUMES=1

setup_file() {
	guest_setup_file
	export WORLD=$BATS_FILE_TMPDIR/world
	make_group here vg0 256M
	make_group a vg1 256M
	make_world
}

teardown_file() {
	rm -rf /srv/images
	guest_teardown_file
}

setup() {
	guest_setup
	QEMU=
	on a mkdir -p /srv/images
	on b mkdir -p /srv/images /srv/backup /srv/golden
	mkdir -p /srv/images
}

# Every test begins with empty groups.
teardown() {
	local host

	exec 5>&-
	end_qemu
	guest_teardown
	lvremove -qqy vg0
	on a lvremove -qqy vg1
	rm -f /srv/images/*
	for host in a b; do
		on "$host" find /srv /etc/img-tools -mindepth 1 -delete
	done
	find /etc/img-tools -mindepth 1 -delete
}

# The programs, which know where the hosts are.
make_world() {
	local program

	mkdir -p "$WORLD/bin"
	sed 's/^Host a$/Host a kvm1/; s/^Host b$/Host b store/' "$SSH_CONFIG" >"$WORLD/config"
	for program in "$IMG_BUILD"/bin/img-*; do
		printf '#!/bin/sh\nexec "%s" -F "%s" "$@"\n' "$program" "$WORLD/config" \
			>"$WORLD/bin/${program##*/}"
	done
	chmod 755 "$WORLD"/bin/*
}

in_world() {
	PATH=$WORLD/bin:$PATH TZ=UTC timeout -k 10 300 "$@"
}

# volume HOST GROUP/NAME SIZE: makes a volume with the image at its beginning.
volume() {
	on "$1" lvcreate -qq -y -Wn -Zn -L "$3" -n "${2#*/}" "${2%/*}"
	cp "$IMAGE" "/dev/$2"
}

# pool HOST GROUP/NAME [SIZE]
pool() {
	on "$1" lvcreate -qq --type thin-pool -L "${3:-64M}" --poolmetadatasize 4M -n "${2#*/}" "${2%/*}"
}

thin() {
	on "$1" lvcreate -qq -V "$4" --thinpool "$3" -n "${2#*/}" "${2%/*}"
	cp "$IMAGE" "/dev/$2"
}

# A virsh for guests that run, which says what it says of them, and writes down what it does.
libvirt() {
	cat >virsh <<-'END'
		#!/bin/bash
		while [[ $1 == --quiet || $1 == --readonly ]]; do shift; done
		if [ "$1" != domstate ]; then
			echo "$1 ${*: -1}" >>/run/img/virsh
		elif tail -n 1 /run/img/virsh | grep -q suspend; then
			echo 'paused (user)'
		else
			echo 'running (booted)'
		fi
	END
	install -m 755 virsh /usr/local/sbin/virsh
	: >/run/img/virsh
}

# holds FILE: the image is at its beginning.
holds() {
	cmp -n "$(stat -c %s "$IMAGE")" "$IMAGE" "$1" >&2
}

# qemu [OPTION...]: QEMU runs on kvm1, with its monitor on /run/web.qmp.
qemu() {
	on a qemu-storage-daemon --chardev socket,path=/run/web.qmp,server=on,wait=off,id=q \
		--monitor chardev=q --pidfile "$BATS_TEST_TMPDIR/pid" "$@" 3>&- &
	QEMU=$!
	wait_until 60 test -s "$BATS_TEST_TMPDIR/pid"
}

end_qemu() {
	[ -n "$QEMU" ] || return 0
	kill "$(<"$BATS_TEST_TMPDIR/pid")"
	wait "$QEMU" || true
	rm -f /run/web.qmp
	QEMU=
}

@test "manuals, volumes: img-snap(1)" {
	printf '%s\n' '#!/bin/sh' 'echo "$*" >>/run/img/guest' >guest
	install -m 755 guest /usr/local/sbin/guest
	volume a vg1/web 16M
	volume a vg1/data 16M
	volume a vg1/db 16M
	volume a vg1/log 16M
	libvirt
	runs img-snap.1 's/[0-9.]+ m?s apart/X apart/; s/-snap-[0-9]{8}-[0-9]{6}/-snap-X/; s/for [0-9.]+ m?s/for X/'
	[ "$(cat /run/img/guest)" = $'freeze web\nthaw web' ]
	[ "$(cat /run/img/virsh)" = $'suspend db\nresume db' ]
	rm /usr/local/sbin/{guest,virsh} /run/img/{guest,virsh}
	[ "$(on b ls /srv/backup)" = web-before.lzo ]
	[ ! -e /dev/vg1/web-before ]
}

@test "manuals, volumes: img-watch(1)" {
	on a lvcreate -qq -y -Wn -Zn -L 24M -n web vg1
	qemu-img create -q -f qcow2 /dev/vg1/web 1G
	qemu-io -f qcow2 -c 'write -q 0 20M' /dev/vg1/web
	runs img-watch.1 's/[0-9.]+ [KMG]iB (of|free)/N \1/g'
	[ "$(on a lvs --noheadings --units b --nosuffix -o lv_size vg1/web | xargs)" = 41943040 ]
}

@test "manuals, volumes: img-create(1)" {
	pool a vg1/pool
	runs img-create.1
	[ "$(on a lvs --noheadings --units b --nosuffix -o lv_name,lv_size,pool_lv vg1 | xargs)" = \
		"db 33554432 pool 67108864 web 50331648 pool" ]
}

@test "manuals, volumes: img-copy(1)" {
	printf '%s\n' '#!/bin/sh' 'echo "$*" >>/run/img/guest' >guest
	install -m 755 guest /usr/local/sbin/guest
	volume a vg1/web 16M
	cp "$IMAGE" mail.img
	truncate -s 32M mail.img
	gzip mail.img
	exec 5<>/dev/vg1/web
	runs img-copy.1
	[ "$(cat /run/img/guest)" = $'freeze web\nthaw web' ]
	holds /dev/vg0/web
	holds /dev/vg1/mail
	[ "$(on a lvs --noheadings -o lv_name vg1 | xargs)" = 'mail web' ]
	rm /usr/local/sbin/guest /run/img/guest
}

@test "manuals, volumes: img-write(1)" {
	pool a vg1/pool
	thin a vg1/web vg1/pool 64M
	exec 5<>/dev/vg1/web
	runs img-write.1
	cmp /dev/vg1/test /dev/vg1/web >&2
}

@test "manuals, volumes: img-clean(1)" {
	local tag=img-tools.run=a:boot-before:4026531836:4711:1234

	volume a vg1/web 8M
	on a lvcreate -qq -s -L 4M -n web.img-tools-69211f2c-4711 --addtag $tag vg1/web
	on a lvcreate -qq -y -L 4M -n new --addtag $tag vg1
	runs img-clean.1
	[ "$(on a lvs --noheadings -o lv_name vg1 | xargs)" = web ]
}

@test "manuals, volumes: img-config(5)" {
	volume here vg0/x 8M
	make_group here vg2 16M
	volume here vg2/x 8M
	runs img-config.5
	[ "$(head -n 1 file)" = '# /etc/img-tools/config' ]
	mv file /etc/img-tools/config
	touch /srv/images/x.img
	succeeds in_world img-info /dev/vg0/x
	refuses 4 /dev/vg2/x in_world img-info /dev/vg2/x
	refuses 4 /srv/images/x.img in_world img-info /srv/images/x.img
	rm /etc/img-tools/config
	drop_group vg2
}

@test "manuals, volumes: img-delete(1)" {
	volume a vg1/web 8M
	on a lvcreate -qq -s -L 4M -n web-before vg1/web
	runs img-delete.1
	[ -z "$(on a lvs --noheadings -o lv_name vg1)" ]
}

@test "manuals, volumes: img-info(1)" {
	volume a vg1/web 16M
	on a lvcreate -qq -s -L 8M -n web-before vg1/web
	head -c 1000000 /dev/zero | put /dev/vg1/web 4000000
	blockdev --flushbufs /dev/vg1/web
	qemu --blockdev host_device,node-name=web,filename=/dev/vg1/web
	runs img-info.1 's/^(modified|permissions)  .*/\1/; s/ uuid .*//'
}

@test "manuals, volumes: img-list(1)" {
	volume a vg1/db 32M
	echo 'label: gpt' | sfdisk -q /dev/vg1/db
	volume a vg1/web 16M
	on a lvcreate -qq -s -L 4M -n web-before vg1/web
	exec 5<>/dev/vg1/web
	head -c 1000000 /dev/zero | put /dev/vg1/web 4000000
	blockdev --flushbufs /dev/vg1/web
	runs img-list.1
}

@test "manuals, volumes: img-rename(1)" {
	volume a vg1/web 8M
	runs img-rename.1
	holds /dev/vg1/web-old
}

@test "manuals, volumes: img-resizefs(1)" {
	volume a vg1/web 8M
	mke2fs -q -F -t ext4 /dev/vg1/web 4M
	runs img-resizefs.1
	e2fsck -fn /dev/vg1/web >&2
}

@test "manuals, volumes: img-resize(1)" {
	volume a vg1/web 8M
	volume a vg1/db 8M
	qemu-img create -q -f qcow2 /dev/vg1/db 1G
	runs img-resize.1
	[ "$(blockdev --getsize64 /dev/vg1/web)" = 113246208 ]
	holds /dev/vg1/web
	[ "$(blockdev --getsize64 /dev/vg1/db)" = 113246208 ]
	qemu-img check -q /dev/vg1/db >&2
}

@test "manuals, volumes: img-storage(1)" {
	pool a vg1/pool
	thin a vg1/web vg1/pool 64M
	runs img-storage.1
}

@test "manuals, volumes: img-tools(7)" {
	pool a vg1/pool 128M
	img-copy --archive "$IMAGE" golden
	on b cp "$PWD/golden" /srv/golden/debian.img.lzo
	runs img-tools.7
	[ "$(blockdev --getsize64 /dev/vg1/web)" = 67108864 ]
	fs_intact /dev/vg1/web 67108864
	on b test -e /srv/backup/web.lzo
}

@test "manuals, volumes: img-verify(1)" {
	volume a vg1/web 16M
	head -c 16M /dev/vg1/web >web
	img-archive web
	on b cp "$PWD/web.lzo" /srv/backup
	runs img-verify.1
}

@test "manuals, volumes: the tour in README.md" {
	pool a vg1/pool
	cp "$IMAGE" web.img
	extract -v heading='## A short tour' <"$BATS_TEST_DIRNAME/../../README.md" >examples
	[ "$(grep -c '^\$ img-' examples)" -ge 6 ]
	qemu # which has no disk
	run_examples <examples
	holds /dev/vg1/web
	holds /dev/vg1/web-old
}
