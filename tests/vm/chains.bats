#!/usr/bin/env bats
#
# img-info --chain, and what goes through all layers, where layers are volumes.

load guest
load volumes

# layers_by_qemu TOP: what the layers of an image of host a are, by qemu-img and the kernel.
layers_by_qemu() {
	local name format capacity end physical allocation

	on a qemu-img info -U --backing-chain --output=json "$1" >chain
	while read -r name format capacity; do
		end=null
		if [ "$format" = qcow2 ]; then
			end=$(on a qemu-img check -U --output=json "$name" | jq '."image-end-offset"')
		fi
		if [ -b "$name" ]; then
			physical=$(blockdev --getsize64 "$name")
			allocation=$physical
			[ "$end" = null ] || allocation=$end
			echo "$name volume $format $capacity $allocation $physical $end"
		else
			physical=$(on a stat -c %s "$name")
			allocation=$(($(on a stat -c %b "$name") * 512))
			echo "$name file $format $capacity $allocation $physical $end"
		fi
	done < <(jq -r '.[] | "\(.filename) \(.format) \(."virtual-size")"' chain)
}

# layers_agree COUNT TOP: here and from another host, img-info shows what qemu-img does.
layers_agree() {
	layers_by_qemu "$2" >expected
	[ "$(grep -c '' expected)" = "$1" ]
	succeeds on a img-info --json --chain "$2"
	found_layers | diff expected - >&2
	succeeds img-info --json --chain "a:$2"
	found_layers | diff expected - >&2
	json '[.layers[1:][].path] == [.layers[:-1][].backing.path] and [.layers[].error] == [.layers[] | null]'
}

found_layers() {
	jq -r '.layers[] | "\(.path) \(.kind) \(.format) \(.capacity) \(.allocation) \(.physical) \(.watermark)"' \
		"$OUT"
}

# flattens TOP: a copy with --flatten, on that host and to another, is what QEMU reads.
flattens() {
	on a qemu-img convert -O raw "$1" /srv/expected
	succeeds on a img-copy --flatten "$1" /srv/flat
	on a cmp /srv/flat /srv/expected
	succeeds img-copy --flatten "a:$1" b:/srv/flat
	cmp "$IMG_VM/b/srv/flat" "$IMG_VM/a/srv/expected"
	on a rm /srv/flat /srv/expected
	on b rm /srv/flat
}

xpath() {
	xmllint --xpath "$1" "$OUT"
}

@test "a raw volume, qcow2 on a volume over it, and files between" {
	local size

	on a lvcreate -qqy -Wn -L 8M -n base vga
	on a lvcreate -qqy -Wn -L 16M -n mid vga
	yes base | dd of=/dev/vga/base bs=1M count=8 iflag=fullblock oflag=direct status=none
	on a qemu-img create -q -f qcow2 -b /dev/vga/base -F raw /dev/vga/mid 12M
	qemu-io -f qcow2 -c 'write -P 7 1M 3M' /dev/vga/mid >&2
	layers_agree 2 /dev/vga/mid
	flattens /dev/vga/mid

	# A file over the volumes, and a volume over that.
	on a qemu-img create -q -f qcow2 -b /dev/vga/mid -F qcow2 /srv/file 14M
	on a qemu-io -f qcow2 -c 'write -P 9 10M 100k' /srv/file >&2
	on a lvcreate -qqy -Wn -L 4M -n top vga
	on a qemu-img create -q -f qcow2 -b /srv/file -F qcow2 /dev/vga/top
	layers_agree 4 /dev/vga/top
	flattens /dev/vga/top
	succeeds on a img-verify /dev/vga/top

	# The other forms.
	succeeds on a img-info --chain /dev/vga/top
	[ "$(awk '{ print $NF }' "$OUT" | paste -sd' ')" = \
		'LAYER /dev/vga/top /srv/file /dev/vga/mid /dev/vga/base' ]
	size=$(on a qemu-img check --output=json /dev/vga/mid | jq '."image-end-offset"')
	grep -E " $(((size * 100 + 8388608) / 16777216)) % .* /dev/vga/mid$" "$OUT"
	succeeds img-info --chain --xml=domain a:/dev/vga/top
	xmllint --noout "$OUT"
	[ "$(xpath 'string(/disk/@type)') $(xpath 'string(/disk/source/@dev)')" = 'block /dev/vga/top' ]
	[ "$(xpath 'string(/disk/backingStore/source/@file)')" = /srv/file ]
	[ "$(xpath 'string(/disk/backingStore/backingStore/@type)')" = block ]
	[ "$(xpath 'string(/disk/backingStore/backingStore/source/@dev)')" = /dev/vga/mid ]
	[ "$(xpath 'string(/disk/backingStore/backingStore/allocation)')" = "$size" ]
	succeeds img-info --chain --xml a:/dev/vga/mid
	[ "$(xpath 'string(/volume/@type)')" = block ]
	[ "$(xpath 'string(/volume/physical)')" = 16777216 ]
	succeeds on a img-list --json /dev/vga
	json '.entries[] | select(.name == "mid").backing ==
		{path: "/dev/vga/base", recorded: "/dev/vga/base", format: "raw"}'
	succeeds on a img-list /dev/vga
	grep -E ' base +mid$' "$OUT"
	grep -E ' /srv/file +top$' "$OUT"
}

@test "a configuration that allows only the group, or only the directory" {
	local alone

	on a sh -c 'printf "[storage]\n group = vga\n" >/etc/img-tools/config'
	try on a img-info --json --chain /dev/vga/top
	[ "$status" = 8 ]
	json '.layers | length == 2 and .[1].error.kind == "refused" and .[1].path == null and .[1].capacity == null'
	succeeds on a img-info --json --chain /dev/vga/mid
	json '[.layers[].path] == ["/dev/vga/mid", "/dev/vga/base"] and .layers[1].physical == 8388608'
	# Of each layer, LVM is asked once.
	lvm_is a - <<-'END'
		#!/bin/bash
		echo x >>/srv/asked
		exec -a lvm lvm.real "$@"
	END
	succeeds on a img-info /dev/vga/base
	alone=$(on a grep -c x /srv/asked)
	on a rm /srv/asked
	succeeds on a img-info --chain /dev/vga/mid
	[ "$(on a grep -c x /srv/asked)" = $((2 * alone)) ]
	lvm_back a
	on a rm /srv/asked
	# The name of a volume that is not active, or not there, says what is wrong.
	on a lvchange -q -an vga/base
	try on a img-info --json --chain /dev/vga/mid
	on a lvchange -q -ay vga/base
	[ "$status" = 8 ]
	says 'is not active'
	json '.layers[1].path == "/dev/vga/base"'

	on a sh -c 'printf "[storage]\n directory = /srv\n" >/etc/img-tools/config'
	try on a img-info --json --chain /srv/file
	[ "$status" = 8 ]
	json '.layers | length == 2 and .[0].name == "file" and .[1].error.kind == "refused"'
	refuses 4 /dev/vga/top on a img-info --chain /dev/vga/top
	refuses 4 /srv/file on a img-copy --flatten /srv/file /srv/flat
	on a sh -c 'printf "[storage]\n directory = /srv\n group = vga\n" >/etc/img-tools/config'
	layers_agree 4 /dev/vga/top
	on a rm /etc/img-tools/config
}

@test "without root" {
	on a chmod 644 /srv/file
	try on a setpriv --reuid 1000 --regid 1000 --clear-groups env HOME=/tmp img-info --json --chain /srv/file
	[ "$status" = 8 ]
	says '(try --sudo=here)'
	json '.layers | length == 2 and .[0].error == null and .[1].error.kind == "refused"'
	refuses 4 /dev/vga/mid on a setpriv --reuid 1000 --regid 1000 --clear-groups env HOME=/tmp \
		img-info --chain /dev/vga/mid
	says 'try --sudo=here'
}

@test "while QEMU has the chain open, the numbers are still shown, and all layers share the wait" {
	local lines qemu polls

	mkfifo commands
	qemu-io -f qcow2 /dev/vga/mid <commands >written 2>&1 3>&- &
	qemu=$!
	exec {lines}>commands
	echo 'write -P 5 5M 1M' >&"$lines"
	until grep -q wrote written; do
		kill -0 "$qemu"
		read -rt 0.1 <> <(:) || true
	done
	echo 'flush' >&"$lines"
	succeeds on a img-info --json --chain /dev/vga/mid
	json '[.layers[].in_use] == [true, true] and [.layers[].error] == [null, null]'
	json '.layers[0].allocation == .layers[0].watermark and .layers[0].watermark > 4194304'
	try on a env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o /srv/calls -e trace=poll,ppoll \
		img-info --chain /dev/vga/mid
	[ "$status" = 0 ]
	[ "$(grep -c 'in use' "$OUT")" = 2 ]
	# 2 seconds in steps of 50 ms, and one more look at the second layer.
	polls=$(grep -cE 'poll\(NULL, 0, |tv_nsec=50000000' "$IMG_VM/a/srv/calls")
	((polls >= 40 && polls <= 45))
	on a rm /srv/calls
	exec {lines}>&-
	wait "$qemu"
	layers_agree 2 /dev/vga/mid
	on a lvremove -qqy vga/top vga/mid vga/base
	on a rm /srv/file
}

@test "Proxmox VE's form: snapshots are thick volumes that the next layer names without a directory" {
	local disk=vm-100-disk-0.qcow2

	on a lvcreate -qqy -Wn -L 20M -n "snap_vm-100-disk-0_one.qcow2" vga
	on a lvcreate -qqy -Wn -L 20M -n "snap_vm-100-disk-0_two.qcow2" vga
	on a lvcreate -qqy -Wn -L 20M -n $disk vga
	cd /dev/vga
	qemu-img create -q -f qcow2 snap_vm-100-disk-0_one.qcow2 16M
	qemu-io -f qcow2 -c 'write -P 1 0 2M' -c 'write -P 2 15M 1M' snap_vm-100-disk-0_one.qcow2 >&2
	qemu-img create -q -f qcow2 -o extended_l2=on,cluster_size=128k \
		-b snap_vm-100-disk-0_one.qcow2 -F qcow2 snap_vm-100-disk-0_two.qcow2
	qemu-io -f qcow2 -c 'write -P 3 1M 3k' -c 'write -z 15M 10k' snap_vm-100-disk-0_two.qcow2 >&2
	qemu-img create -q -f qcow2 -o extended_l2=on,cluster_size=128k,lazy_refcounts=on \
		-b snap_vm-100-disk-0_two.qcow2 -F qcow2 $disk
	qemu-io -f qcow2 -c 'write -P 4 4M 1M' $disk >&2
	cd "$DIR"
	layers_agree 3 /dev/vga/$disk
	json '.layers[0].backing.recorded == "snap_vm-100-disk-0_two.qcow2"'
	flattens /dev/vga/$disk
	# QEMU was killed: its last clusters are not counted yet.
	qemu-io -f qcow2 -c 'write -P 6 8M 1M' -c 'sigraise 9' /dev/vga/$disk >&2 || [ $? = 137 ]
	layers_by_qemu /dev/vga/$disk >expected
	succeeds on a img-info --json --chain /dev/vga/$disk
	found_layers | diff expected - >&2
	json '.features | index("dirty") != null'
	on a sh -c 'printf "[storage]\n group = vga\n" >/etc/img-tools/config'
	succeeds on a img-info --json --chain /dev/vga/$disk
	found_layers | diff expected - >&2
	on a rm /etc/img-tools/config
	on a lvremove -qqy vga/$disk vga/snap_vm-100-disk-0_one.qcow2 vga/snap_vm-100-disk-0_two.qcow2
	[ "$(names)" = " plain pool " ]
}
