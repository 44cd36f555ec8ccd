#!/usr/bin/env bats
#
# img-info --chain --xml: the example of the document that the form comes from, with XPath; and
# what libvirt's own schemas take, and its virsh with libvirt's test driver.

load common

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	DEVICES=()
	KEPT=0
}
teardown() {
	local device wrong=0

	all_validate || wrong=1
	for device in "${DEVICES[@]}"; do
		as_root losetup -d "$device"
	done
	img_teardown && [ $wrong = 0 ]
}

# overlay NAME BACKING [FORMAT [OPTION...]]: a layer over BACKING, which need not exist.
overlay() {
	qemu-img create -q -f qcow2 -u -b "$2" ${3:+-F "$3"} "${@:4}" "$1" 12M
}

# The document's example, with its capacities.
example() {
	truncate -s 10G f20.base
	head -c 3M /dev/urandom | put f20.base 1G
	qemu-img create -q -f qcow2 -b f20.base -F raw f20.snap1 12G
	qemu-img create -q -f qcow2 -b f20.snap1 -F qcow2 f20.snap2
	qemu-io -c 'write 1G 2M' f20.snap1 >/dev/null
	qemu-io -c 'write 11G 64K' f20.snap2 >/dev/null
	chmod 600 f20.*
	touch -a -d 'tomorrow 01:02:03.123456789' f20.* # so that no reading changes it
}

# xpath EXPRESSION: its value in what was printed, without regard to namespaces of elements.
xpath() {
	xmllint --xpath "$1" "$OUT"
}

# is XPATH VALUE
is() {
	local got

	got=$(xpath "string($1)")
	[ "$got" = "$2" ] || {
		echo "$1 is '$got', not '$2'" >&2
		return 1
	}
}

# outline XPATH: the names of the elements in that one, each with the names of its attributes.
outline() {
	local count i

	count=$(xpath "count($1/*)")
	for ((i = 1; i <= count; i++)); do
		printf '%s%s\n' "$(xpath "name($1/*[$i])")" \
			"$(xmllint --xpath "$1/*[$i]/@*" "$OUT" 2>/dev/null | sed 's/^ *\([a-z]*\)=.*/@\1/' | tr -d '\n')"
	done | paste -sd' '
}

# has_elements XPATH NAME...: exactly these, in this order; label only where there is SELinux.
has_elements() {
	local got

	got=$(outline "$1")
	[ "$got" = "$2" ] || {
		echo "$1 has '$got', not '$2'" >&2
		return 1
	}
}

# file_below XPATH FILE: its permissions and times.
file_below() {
	local kind

	is "$1/permissions/mode" "0$(stat -c %a "$2")"
	is "$1/permissions/owner" "$(stat -c %u "$2")"
	is "$1/permissions/group" "$(stat -c %g "$2")"
	[[ "$(outline "$1/permissions")" =~ ^'mode owner group'(' label')?$ ]]
	has_elements "$1/timestamps" 'atime mtime ctime'
	for kind in atime/X mtime/Y ctime/Z; do
		is "$1/timestamps/${kind%/*}" "$(stat -c %.9"${kind#*/}" "$2")"
	done
}

# numbers_below XPATH FILE
numbers_below() {
	is "$1/capacity" "$(qemu-img info --output=json "$2" | jq '."virtual-size"')"
	is "$1/allocation" "$(qemu-img info --output=json "$2" | jq '."actual-size"')"
	is "$1/physical" "$(stat -c %s "$2")"
	[ "$(xpath "count($1/capacity[@unit='bytes'] | $1/allocation[@unit='bytes'] |
		$1/physical[@unit='bytes'])")" = 3 ]
}

@test "chain-xml: the document's example as a volume" {
	local level file

	example
	succeeds img-info --chain --xml f20.snap2
	cp "$OUT" volume
	has_elements '' 'volume@type'
	is /volume/@type file
	has_elements /volume \
		'name key source capacity@unit allocation@unit physical@unit target backingStore'
	is /volume/name f20.snap2
	is /volume/key "$DIR/f20.snap2"
	has_elements /volume/source ''
	numbers_below /volume f20.snap2
	has_elements /volume/target \
		'path format@type permissions timestamps compat clusterSize@unit features'
	is /volume/target/path "$DIR/f20.snap2"
	is /volume/target/format/@type qcow2
	is /volume/target/compat 1.1
	has_elements /volume/target/features ''
	file_below /volume/target f20.snap2

	level=/volume/backingStore
	has_elements $level 'path capacity@unit allocation@unit physical@unit format@type permissions timestamps compat features backingStore'
	is $level/path "$DIR/f20.snap1"
	numbers_below $level f20.snap1
	is $level/format/@type qcow2
	is $level/compat 1.1
	file_below $level f20.snap1

	level+=/backingStore
	has_elements $level 'path capacity@unit allocation@unit physical@unit format@type permissions timestamps backingStore'
	is $level/path "$DIR/f20.base"
	numbers_below $level f20.base
	is $level/format/@type raw
	file_below $level f20.base
	has_elements $level/backingStore ''
	[ "$(xpath 'string(/volume/capacity)')" = 12884901888 ]
	[ "$(xpath "string($level/capacity)")" = 10737418240 ]
	[ "$(xpath "string($level/physical)")" = 10737418240 ]
	[ "$(xpath 'count(//backingStore)')" = 3 ]
	# None of them is in another pool.
	[ "$(xpath 'count(//backingStore/@*)')" = 0 ]
	succeeds img-info --chain --xml "a:$DIR/f20.snap2"
	diff volume "$OUT"
}

@test "chain-xml: layers of another pool have a type, and the document's words for it" {
	local device

	mkdir pool
	truncate -s 1M pool/base
	device=$(as_root losetup --show -f pool/base)
	DEVICES+=("$device")
	overlay on-device "$device" raw
	overlay on-file pool/base raw
	overlay on-network nbd://server:10809/disk raw
	succeeds img-info --chain --xml on-device
	is /volume/backingStore/@type block
	is /volume/backingStore/path "$device"
	is /volume/backingStore/capacity 1048576
	succeeds img-info --chain --xml on-file
	is /volume/backingStore/@type file
	succeeds img-info --chain --xml on-network
	is /volume/backingStore/@type network
	is /volume/backingStore/path nbd://server:10809/disk
	succeeds img-info --chain --xml=domain on-device
	is /disk/@type file
	is /disk/backingStore/@type block
	is /disk/backingStore/source/@dev "$device"
	succeeds img-info --chain --xml=domain on-network
	is /disk/backingStore/@type network
	is /disk/backingStore/source/@name disk
	is /disk/backingStore/source/host/@name server
	# The image itself on a device.
	try img-info --chain --xml=domain "$device"
	is /disk/@type block
	is /disk/source/@dev "$device"
	succeeds img-info --xml=domain on-device
	is /disk/backingStore/@type block
}

@test "chain-xml: the document's example as a disk" {
	local level=/disk file
	local numbers='capacity@unit allocation@unit physical@unit permissions timestamps'

	example
	succeeds img-info --chain --xml=domain f20.snap2
	has_elements '' 'disk@type@device'
	is /disk/@type file
	is /disk/@device disk
	has_elements /disk "driver@name@type source@file $numbers backingStore@type@index target@dev@bus"
	is /disk/driver/@name qemu
	is /disk/driver/@type qcow2
	has_elements /disk/driver 'compat features'
	is /disk/driver/compat 1.1
	is /disk/target/@dev vda
	is /disk/target/@bus virtio
	for file in f20.snap2 f20.snap1 f20.base; do
		is $level/source/@file "$DIR/$file"
		is $level/@type file
		numbers_below $level $file
		file_below $level $file
		level+=/backingStore
	done
	has_elements $level ''
	level=/disk/backingStore
	has_elements $level "format@type source@file $numbers backingStore@type@index"
	has_elements $level/format 'compat features'
	is $level/@index 1
	level+=/backingStore
	has_elements $level "format@type source@file $numbers backingStore"
	has_elements $level/format ''
	is $level/@index 2
	is $level/format/@type raw
}

# validates: what was printed is kept, to be validated by the schema of its root element.
validates() {
	local root

	root=$(xpath 'name(/*)')
	[ "$root" = volume ] || [ "$root" = domain ]
	KEPT=$((KEPT + 1))
	cp "$OUT" "$BATS_TEST_TMPDIR/$root.$KEPT"
}

# all_validate: all that were kept do.  A schema of libvirt's takes longer to read than a
# document, so that it is read once.
all_validate() {
	local root schema files

	for root in volume domain; do
		files=("$BATS_TEST_TMPDIR/$root".*)
		[ -e "${files[0]}" ] || continue
		schema=/usr/share/libvirt/schemas/${root/volume/storagevol}.rng
		xmllint --noout --relaxng "$schema" "${files[@]}" >"$BATS_TEST_TMPDIR/validated" 2>&1 || {
			grep -v ' validates$' "$BATS_TEST_TMPDIR/validated" >&2
			return 1
		}
	done
}

# strict STATUS IMAGE...: both strict forms of it, with and without --chain, validate.
strict() {
	local want=$1 form
	shift

	for form in volume domain; do
		try img-info --xml=$form --strict "$@"
		[ "$status" = 0 ]
		validates
		try img-info --chain --xml=$form --strict "$@"
		[ "$status" = "$want" ] || {
			told
			return 1
		}
		validates
	done
}

@test "chain-xml: --strict of the example validates, and has the numbers" {
	local n=1 level=/domain/devices/disk file layer

	example
	strict 0 f20.snap2
	has_elements '' 'domain@type'
	has_elements /domain 'name metadata memory@unit os devices'
	is /domain/name f20.snap2
	has_elements $level 'driver@name@type source@file backingStore@type@index target@dev@bus'
	for file in f20.snap2 f20.snap1 f20.base; do
		is $level/source/@file "$DIR/$file"
		level+=/backingStore
		layer="/domain/metadata/*[local-name()='chain' and namespace-uri()='urn:img-tools:chain:1']/*[$n]"
		is "$layer/@index" $((n - 1))
		is "$layer/*[local-name()='path']" "$DIR/$file"
		is "$layer/*[local-name()='capacity']" "$(qemu-img info --output=json $file | jq '."virtual-size"')"
		is "$layer/*[local-name()='allocation']" "$(qemu-img info --output=json $file | jq '."actual-size"')"
		is "$layer/*[local-name()='physical']" "$(stat -c %s $file)"
		is "$layer/*[local-name()='permissions']/*[local-name()='mode']" 0600
		is "$layer/*[local-name()='timestamps']/*[local-name()='mtime']" "$(stat -c %.9Y $file)"
		n=$((n + 1))
	done
	has_elements $level ''
	has_elements /domain/devices/disk/backingStore 'format@type source@file backingStore@type@index'
	succeeds img-info --chain --xml=volume --strict "a:$DIR/f20.snap2"
	numbers_below /volume f20.snap2
	has_elements /volume/backingStore 'path format@type permissions timestamps'
	is /volume/backingStore/path "$DIR/f20.snap1"
	file_below /volume/backingStore f20.snap1
	# The last layer has no empty element, which a volume may not have.
	succeeds img-info --chain --xml=volume --strict f20.base
	[ "$(xpath 'count(//backingStore)')" = 0 ]
	validates
}

@test "chain-xml: --strict of all kinds of images validates" {
	local name options form device n=0

	truncate -s 8M raw
	for options in compat=0.10 cluster_size=512 extended_l2=on lazy_refcounts=on \
		compression_type=zstd data_file=data,data_file_raw=on preallocation=full; do
		qemu-img create -q -f qcow2 -o $options x 8M
		strict 0 x
		n=$((n + 1))
	done
	[ $n = 7 ]
	qemu-img convert -c -O qcow2 -o compression_type=zstd "$IMAGE" compressed
	strict 0 compressed
	# A dirty one; and an unknown feature of it is no element of a volume's.
	qemu-img create -q -f qcow2 -o lazy_refcounts=on dirty 8M
	printf '\1' | put dirty 79
	strict 0 dirty
	for form in vmdk vdi vpc qed qcow parallels vhdx; do
		qemu-img create -q -f $form other.$form 8M
		strict 0 other.$form
		overlay over-$form other.$form $form
		strict 0 over-$form
		case $form in
		vhdx) is "count(//disk/backingStore)" 0 ;; # libvirt has no name for it
		parallels) is //disk/backingStore/format/@type ploop ;;
		*) is //disk/backingStore/format/@type $form ;;
		esac
	done
	succeeds img-info --xml --strict other.vhdx
	is /volume/target/format/@type unknown
	succeeds img-info --xml --strict other.parallels
	is /volume/target/format/@type ploop
	for form in qed qcow; do
		qemu-img create -q -f $form -b raw -F raw over.$form 8M
		strict 0 over.$form
		is "count(//backingStore)" 2
	done
	cp "$IMAGE" image
	img-archive image
	strict 0 image.lzo
	touch -d 1969-01-01 raw
	strict 0 raw
	: >empty
	strict 0 empty
	device=$(as_root losetup --show -r -f compressed)
	DEVICES+=("$device")
	overlay over-device "$device" qcow2
	strict 0 over-device
	is /domain/devices/disk/backingStore/@type block
	try as_root "$IMG_BUILD/bin/img-info" --chain --xml=domain --strict "$device"
	[ "$status" = 0 ]
	validates
	is /domain/devices/disk/@type block
}

@test "chain-xml: --strict of layers in a network" {
	local name

	while read -r name; do
		overlay x "$name" raw
		strict 0 x
		is /domain/devices/disk/backingStore/@type network
		[ "$(xpath 'count(//disk/backingStore/source/@protocol)')" = 1 ]
		is "name(//disk/backingStore/*[3])" backingStore
		is "//*[local-name()='layer'][2]/*[local-name()='path']" "$name"
	done <<-'END'
		nbd://server:10809/disk
		nbd://[2001:db8::1]/disk
		nbd://[::1]/
		nbd:server:10809:exportname=a b<c>&"
		nbd:unix:/run/nbd
		nbd+unix:///disk?socket=/run/nbd
		rbd:pool/image@snap:id=admin:mon_host=a\:6789\;b
		http://user:password@server/a.img?b=c&d
		https://server:443/a.img
		ftp://server/a
		tftp://server/a
		iscsi://server/iqn.2026-01.invalid:a/0
		gluster://server/volume/a
		json:{"driver":"nbd","server":{"type":"inet","host":"h","port":"1"},"export":"e"}
		json:{"file":{"driver":"gluster","volume":"v","path":"/p","server":[{"host":"a"},{"host":"b"}]}}
	END
	# What the schemas have no form for is left out: libvirt then takes it from the image.
	while read -r name; do
		overlay x "$name" raw
		strict 0 x
		[ "$(xpath 'count(//disk/backingStore)')" = 0 ]
		is "//*[local-name()='layer'][2]/*[local-name()='path']" "$name"
		succeeds img-info --chain --xml=domain x
		is "/disk/backingStore/@type" network
	done <<-'END'
		ssh://user@server/a
		nbd://a_b/disk
		nbd://server:port/disk
		json:{"driver":"null-co"}
		json:{
		foo:bar
		sheepdog:a
	END
	overlay x 'json:{"driver":"qcow2","file":{"driver":"file","filename":"/srv/a"}}' qcow2
	strict 0 x
	is /domain/devices/disk/backingStore/@type file
	is /domain/devices/disk/backingStore/source/@file /srv/a
	# Only of a raw layer is it known that none is below it.
	is "count(//disk/backingStore/backingStore)" 0
	overlay x nbd://server/disk vhdx
	strict 0 x
	is "count(//disk/backingStore)" 0
}

@test "chain-xml: --strict of names and chains of all kinds" {
	local name

	truncate -s 1M base
	for name in 'a b' ' ' '  x ' $'a\nb' $'\r' $'\t' $'a\x01b' $'\xff\xfe' '<&">' "'" $'\u202e' \
		...; do
		overlay "./$name" base raw
		strict 0 "./$name"
		overlay over "./$name" qcow2
		strict 0 over
	done
	overlay gone nothing qcow2
	strict 8 gone
	is /domain/devices/disk/backingStore/source/@file "$DIR/nothing"
	is /domain/devices/disk/backingStore/format/@type qcow2
	[ "$(xpath "count(//*[local-name()='error'])")" = 1 ]
	overlay loop0 loop qcow2
	mv loop0 loop # qemu-img makes none that is above itself
	strict 8 loop
	overlay relative ../../../../../../../../../../nothing/x raw
	strict 8 relative
	mkdir in
	printf '[storage]\ndirectory = %s/in\n' "$DIR" >config
	overlay in/x ../base raw
	strict 8 --config config in/x
	is /domain/devices/disk/backingStore/@type ''
	overlay 0 base raw
	for ((i = 1; i <= 199; i++)); do
		overlay $i $((i - 1)) qcow2
	done
	strict 8 199
	[ "$(xpath "count(//*[local-name()='layer'])")" = 201 ]
}

@test "chain-xml: --strict needs --xml, one image, and an image" {
	truncate -s 1M x y
	refuses 2 '' img-info --strict x
	says '--xml'
	refuses 2 '' img-info --strict --json x
	refuses 2 '' img-info --chain --strict x
	refuses 2 '' img-info --xml --strict x y
	says 'one LOCATION'
	refuses 2 '' img-info --xml --json --strict x
	refuses 4 . img-info --xml --strict .
	refuses 4 "a:$DIR" img-info --chain --xml=domain --strict "a:$DIR"
	refuses 3 gone img-info --xml --strict gone
	status=0
	img-info --xml --strict x >/dev/full 2>"$ERR" || status=$?
	[ "$status" = 1 ]
}

# virsh_test COMMANDS: by libvirt's test driver, which has nothing of before in each run.
virsh_test() {
	virsh -q -c test:///default "$1" >"$OUT" 2>"$ERR" || {
		cat "$ERR" >&2
		return 1
	}
	[ ! -s "$ERR" ]
}

@test "chain-xml: libvirt takes both forms of a volume, and shows the same numbers" {
	local options size

	example
	for options in '' --strict; do
		# shellcheck disable=SC2086 # none or one word
		img-info --chain --xml $options f20.snap2 >volume.xml
		virsh_test 'vol-create default-pool volume.xml; vol-dumpxml --pool default-pool f20.snap2'
		is /volume/@type file
		size=$(qemu-img info --output=json f20.snap2 | jq '."virtual-size"')
		is "/volume/capacity[@unit='bytes']" "$size"
		is /volume/allocation "$(allocated f20.snap2)"
		is /volume/target/format/@type qcow2
		is /volume/target/permissions/mode 0600
		is /volume/target/compat 1.1
		is /volume/backingStore/path "$DIR/f20.snap1"
		is /volume/backingStore/format/@type qcow2
		virsh_test 'vol-create default-pool volume.xml; vol-info --bytes --pool default-pool f20.snap2'
		grep -x "Capacity: *$size bytes" "$OUT"
		grep -x "Allocation: *$(allocated f20.snap2) bytes" "$OUT"
	done
}

# shown_disk: what virsh shows of the disk's chain.
shown_disk() {
	local level=/domain/devices/disk file n=0

	is $level/driver/@type qcow2
	for file in f20.snap2 f20.snap1 f20.base; do
		is $level/source/@file "$DIR/$file"
		[ $n = 0 ] || is $level/format/@type "$([ $n = 1 ] && echo qcow2 || echo raw)"
		level+=/backingStore
		n=$((n + 1))
	done
	is "count($level)" 1
	has_elements $level ''
}

@test "chain-xml: libvirt takes both forms of a disk, and shows the same chain" {
	example
	img-info --chain --xml=domain --strict f20.snap2 >domain.xml
	virsh_test 'define domain.xml; dumpxml f20.snap2'
	shown_disk
	# The numbers survive in the metadata.
	xmllint --xpath "//*[local-name()='physical']/text()" domain.xml >expected
	[ -s expected ]
	xmllint --xpath "//*[local-name()='physical']/text()" "$OUT" | diff expected -
	virsh_test 'define domain.xml; metadata f20.snap2 urn:img-tools:chain:1'
	[ "$(xpath "count(//*[local-name()='layer'])")" = 3 ]
	# The bare disk of the document, in a domain around it.
	{
		echo "<domain type='test'><name>x</name><memory>65536</memory><os><type>hvm</type></os><devices>"
		img-info --chain --xml=domain f20.snap2 | tail -n +1
		echo '</devices></domain>'
	} >around.xml
	virsh_test 'define around.xml; dumpxml x'
	shown_disk
	overlay net nbd://server:10809/disk raw
	img-info --chain --xml=domain --strict net >net.xml
	virsh_test 'define net.xml; dumpxml net'
	is /domain/devices/disk/backingStore/source/@protocol nbd
	is /domain/devices/disk/backingStore/source/host/@port 10809
}
