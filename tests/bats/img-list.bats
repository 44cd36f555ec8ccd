#!/usr/bin/env bats
# img-list: on this host and on remote hosts.

load common

setup_file() { img_setup_file a b; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# A directory with one entry of each type.
make_store() {
	mkdir -p store/below/deeper
	cp "$IMAGE" store/disk.img
	lzop -o store/disk.img.lzo "$IMAGE"
	qemu-img create -q -f qcow2 store/guest.qcow2 10M
	truncate -s 3G store/holes.img
	cp "$IMAGE" store/below/inner.img
	: >store/below/deeper/last.img
	: >store/.hidden
	mkfifo store/fifo
	ln -s disk.img store/link
	ln -s nowhere store/dangling
	ln -s below store/linked
}

# names: prints the names in the order in which they were listed.
names() {
	jq -r '.entries[].name' "$OUT" | tr '\n' ' '
}

@test "list --json: every key, and its type, sorted by name" {
	make_store
	succeeds img-list --json store
	json 'keys == ["entries", "location"] and .location == "store"'
	[ "$(names)" = 'below disk.img disk.img.lzo guest.qcow2 holes.img link linked ' ]
	json '.entries | all(keys == (["name", "path", "kind", "format", "compression", "unfinished",
		"capacity", "allocation", "physical", "filesystem", "mounted", "in_use", "snapshot",
		"volume", "backing"] |
		sort))'
	json '.entries | all([.unfinished, .mounted, .in_use] == [false, false, false]) and
		all(.snapshot == null and .volume == null)'
	json '.entries[0] | [.kind, .format, .capacity, .allocation, .physical, .filesystem] ==
		["directory", null, null, null, null, null] and .path == $path' \
		--arg path "$DIR/store/below"
}

@test "list --json: the properties of an entry are those that img-info shows" {
	local name

	make_store
	succeeds img-list --json store
	cp "$OUT" list
	for name in disk.img disk.img.lzo guest.qcow2 holes.img; do
		succeeds img-info --json "store/$name"
		cp "$OUT" info
		jq --arg name "$name" '.entries[] | select(.name == $name)' list >one
		diff <(jq -S . one) \
			<(jq -S '{name, path, kind, format, compression, unfinished, capacity, allocation,
				physical, filesystem, mounted, in_use, snapshot, volume, backing}' info)
	done
	cp list "$OUT"
	json '.entries[1].filesystem == {type: "ext4", label: "guest", uuid: $uuid}' \
		--arg uuid "$(blkid -p -s UUID -o value "$IMAGE")"
	json '.entries[2] | .compression == "lzo" and .capacity == 8388608 and .physical == $size' \
		--argjson size "$(stat -c %s store/disk.img.lzo)"
	json '.entries[3] | .format == "qcow2" and .capacity == 10485760'
	json '.entries[4] | .capacity == 3221225472 and .allocation == 0'
	json '.entries[5] | .kind == "file" and .capacity == 8388608'
	json '.entries[6] | .kind == "directory"'
}

@test "list -R: the content of a directory follows it, and links are not entered" {
	make_store
	succeeds img-list -R --json store
	[ "$(names)" = "below below/deeper below/deeper/last.img below/inner.img disk.img \
disk.img.lzo guest.qcow2 holes.img link linked " ]
	json '.entries[3] | .path == $path and .kind == "file"' --arg path "$DIR/store/below/inner.img"
	ln -s .. store/below/up
	succeeds img-list --recursive --json "a:$DIR/store"
	json '.entries | length == 11'
}

@test "list: a table, aligned, within 80 columns" {
	make_store
	succeeds img-list store
	[ "$(wc -l <"$OUT")" = 8 ]
	[ "$(awk '{ if (length > max) max = length } END { print max }' "$OUT")" -le 80 ]
	if grep ' $' "$OUT"; then return 1; fi
	head -n 1 "$OUT" | grep -wi name
	# The names in the last column begin in the same column.
	[ "$(awk '{ print match($0, /[^ ]+$/) }' "$OUT" | sort -u | wc -l)" = 1 ]
	grep -E '8 MiB .*raw +ext4 .* disk\.img$' "$OUT"
	grep -E '8 MiB .*raw\.lzo +ext4 .* disk\.img\.lzo$' "$OUT"
	grep -E '10 MiB .*qcow2 .* guest\.qcow2$' "$OUT"
	grep -E '3 GiB .*raw .* holes\.img$' "$OUT"
	grep -E 'dir .* below$' "$OUT"
}

@test "list: an empty directory" {
	mkdir empty
	succeeds img-list empty
	[ ! -s "$OUT" ]
	succeeds img-list --json empty
	json '.entries == []'
	succeeds img-list --xml empty
	xmllint --noout "$OUT"
	succeeds img-list --json "a:$DIR/empty"
	json '.entries == []'
}

@test "list: without LOCATION the current directory, for a host without configuration its home" {
	make_store
	cd store
	succeeds img-list --json
	json '.location == "." and (.entries | map(.name) | index("disk.img") != null)'
	succeeds img-list
	grep disk.img "$OUT"
	succeeds img-list --json a:
	json '.location == "a:" and (.entries | type == "array")'
	cp "$OUT" "$BATS_TEST_TMPDIR/home"
	succeeds img-list --json "a:$(getent passwd "$(id -u)" | cut -d: -f6)"
	diff <(jq -c '.entries | map(.name)' "$BATS_TEST_TMPDIR/home") \
		<(jq -c '.entries | map(.name)' "$OUT")
}

@test "list: the output is the same for a remote host, in one round trip" {
	make_store
	succeeds img-list --json -R store
	cp "$OUT" here
	succeeds img-list --json -R "a:$DIR/store"
	json '.location == $location' --arg location "a:$DIR/store"
	diff <(jq -S .entries here) <(jq -S .entries "$OUT")
	# However many entries there are, there is one request.
	printf '#!/bin/sh\ntee sent | ssh -F "%s" "$@" | cat\n' "$SSH_CONFIG" >rsh
	chmod 755 rsh
	mkdir few- many
	touch few-/{1..2}.img many/{001..300}.img
	succeeds env img-list --json --rsh ./rsh "a:$DIR/few-"
	json '.entries | length == 2'
	mv sent sent-few
	succeeds env img-list --json --rsh ./rsh "a:$DIR/many"
	json '.entries | length == 300'
	[ -s sent ]
	[ "$(stat -c %s sent)" = "$(stat -c %s sent-few)" ]
}

@test "list: several locations on several hosts" {
	make_store
	succeeds img-list --json store/below "a:$DIR/store" "b:$DIR/store/below"
	json 'map(.location) == ["store/below", $a, $b] and map(.entries | length) == [2, 7, 2]' \
		--arg a "a:$DIR/store" --arg b "b:$DIR/store/below"
	succeeds img-list store/below "a:$DIR/store/below"
	grep -xF 'store/below:' "$OUT"
	grep -xF "a:$DIR/store/below:" "$OUT"
	[ "$(grep -c 'inner.img$' "$OUT")" = 2 ]
}

@test "list: a title is a location in full, however long it is" {
	local long=$DIR n

	for n in 1 2 3 4; do
		long+=/$(printf '%0250d' $n)
		mkdir "$long"
	done
	cp "$IMAGE" "$long/x.img"
	qemu-img create -q -f qcow2 "$long/y.qcow2" 1M
	succeeds img-list "$long/x.img" "$long"
	grep -Fx "$long/x.img:" "$OUT"
	grep -Fx "$long:" "$OUT"
	succeeds img-info --chain "$long/y.qcow2" "$long/x.img"
	grep -Fx "$long/y.qcow2:" "$OUT"
}

@test "list --xml: well-formed, a volume for each entry" {
	make_store
	succeeds img-list --xml store "a:$DIR/store/below"
	xmllint --noout "$OUT"
	[ "$(xpath 'count(//container)')" = 2 ]
	[ "$(xpath 'string(//container[1]/@location)')" = store ]
	[ "$(xpath 'count(//container[1]/volume)')" = 7 ]
	[ "$(xpath 'string(//volume[name="disk.img"]/capacity)')" = 8388608 ]
	[ "$(xpath 'string(//volume[name="guest.qcow2"]/target/format/@type)')" = qcow2 ]
	[ "$(xpath 'string(//volume[name="below"]/@type)')" = dir ]
	refuses 2 '' img-list --xml --json store
}

@test "list --xml: properties that libvirt has no element for are attributes" {
	mkdir store
	head -c 1M /dev/urandom >store/x.img
	cp store/x.img store/y.img
	succeeds img-archive store/x.img
	touch store/.y.img.img-tools-unfinished
	exec {fd}>>store/y.img
	succeeds img-list --xml store
	exec {fd}>&-
	[ "$(xpath 'string(//volume[name="x.img.lzo"]/@compression)')" = lzo ]
	[ "$(xpath 'count(//volume[name="x.img.lzo"]/@*)')" = 2 ]
	[ "$(xpath 'string(//volume[name="y.img"]/@unfinished)')" = yes ]
	[ "$(xpath 'string(//volume[name="y.img"]/@in_use)')" = yes ]
	[ "$(xpath 'count(//volume[name="y.img"]/@*)')" = 3 ]
	succeeds img-delete store/y.img # together with its mark
}

xpath() {
	xmllint --xpath "$1" "$OUT"
}

@test "list: all are tried, and the status is that of the first failure" {
	make_store
	try img-list --json no store store/fifo "a:$DIR/no" "a:$DIR/store/below"
	[ "$status" = 3 ]
	json 'map(.location) == ["store", $a]' --arg a "a:$DIR/store/below"
	[ "$(wc -l <"$ERR")" = 3 ]
	says 'img-list: no: '
	says 'img-list: store/fifo: '
	says "img-list: a:$DIR/no: "
	try img-list store/fifo no
	[ "$status" = 4 ]
}

@test "list: a missing directory, and what is neither a directory nor an image" {
	make_store
	refuses 3 no img-list no
	refuses 3 no/x img-list --json no/x
	refuses 3 "a:$DIR/no" img-list "a:$DIR/no"
	refuses 4 store/fifo img-list store/fifo
	refuses 3 store/dangling img-list store/dangling
	refuses 7 nowhere: img-list nowhere:
}

@test "list: a directory without permission" {
	make_store
	chmod 0 store/below
	refuses 4 store/below without_power img-list store/below
	try without_power img-list --json -R store
	json '.entries | map(.name) | index("disk.img") != null and index("below") != null'
	[ "$status" = 4 ]
	says "'below'"
	says "'linked'"
	[ "$(wc -l <"$ERR")" = 2 ]
	chmod 700 store/below
}

@test "list: an entry that cannot be examined is shown with a warning, and affects no other" {
	make_store
	chmod 0 store/disk.img
	succeeds img-copy --archive "$IMAGE" store/bad.lzo
	printf X | put store/bad.lzo 20
	try without_power img-list --json store
	[ "$status" = 4 ]
	[ "$(names)" = 'bad.lzo below disk.img disk.img.lzo guest.qcow2 holes.img link linked ' ]
	json '.entries[0] | .kind == "file" and .capacity == null and .physical == $size' \
		--argjson size "$(stat -c %s store/bad.lzo)"
	json '.entries[2] | .kind == "file" and .format == null'
	says "'bad.lzo'"
	says "'disk.img'"
	json '.entries[0].path == $path' --arg path "$DIR/store/bad.lzo"
	# A guest must not be able to let a listing fail.
	printf 'QFI\xfb\0\0\0\x09' >store/bad.qcow2
	for form in --xml --json -q; do
		try img-list $form store
		[ "$status" = 0 ]
		says "'bad.lzo'"
		says "'bad.qcow2'"
	done
	rm store/bad.qcow2
	for form in '' --json --xml; do
		try img-list $form store/bad.lzo
		[ "$status" = 0 ]
		one_line "img-list: store/bad.lzo: 'bad.lzo': "
		grep bad.lzo "$OUT"
	done
	refuses 4 store/disk.img without_power img-list store/disk.img
	try img-list "a:$DIR/store"
	[ "$status" = 0 ]
	one_line "img-list: a:$DIR/store: 'bad.lzo': "
	grep 'bad.lzo$' "$OUT"
}

@test "list: mounted, in use, unfinished" {
	mkdir store m
	cp "$IMAGE" store/mounted.img
	cp "$IMAGE" store/open.img
	cp "$IMAGE" store/half.img
	touch store/.half.img.img-tools-unfinished store/.new.img.img-tools
	as_root mount -o loop store/mounted.img m
	MOUNTS+=("$DIR/m")
	exec 5>>store/open.img
	succeeds img-list --json store
	json '.entries | map({key: .name, value: .}) | from_entries |
		(.["mounted.img"] | .mounted and .in_use) and
		(.["open.img"] | .in_use and (.mounted | not)) and
		(.["half.img"] | .unfinished and (.in_use | not)) and
		(.[".new.img.img-tools"].unfinished)'
	json '.entries | length == 4'
	succeeds img-list "a:$DIR/store"
	grep -E 'mounted +mounted.img$' "$OUT"
	grep -E 'in use +open.img$' "$OUT"
	grep -E 'unfinished +half.img$' "$OUT"
	exec 5>&-
	rm store/.*.img-tools*
}

@test "list: names that are not UTF-8, or could harm a terminal" {
	mkdir store
	cp "$IMAGE" $'store/caf\xe9.img'
	cp "$IMAGE" $'store/x\e[31m\a\r\n.img'
	cp "$IMAGE" $'store/-n'
	succeeds img-list --json store
	json '.entries | map(select(.name == "caf\ufffd.img")) | .[0].name_hex == "636166e92e696d67"'
	json '.entries | map(.name) | index("x\u001b[31m\u0007\r\n.img") != null and index("-n") != null'
	succeeds img-list store
	if tr -d '\n' <"$OUT" | grep -q '[[:cntrl:]]'; then return 1; fi
	[ "$(wc -l <"$OUT")" = 4 ]
	succeeds img-list --xml store
	xmllint --noout "$OUT"
}

# No byte of OUT is part of a C1 or bidirectional control, or DEL, or a C0 control but newline.
harmless() {
	local out

	for out; do
		if LC_ALL=C grep -aPq '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xaf]|\xef\xbb\xbf' "$out"; then
			cat -v "$out" >&2
			return 1
		fi
	done
}

@test "list, info: C1, DEL and bidirectional controls reach no terminal, in any form" {
	local bad=$'c\xc2\x9b31m\x7f\xe2\x80\xaegmi\xe2\x81\xa6\xe2\x80\x8f\xd8\x9c\xef\xbb\xbf&<">'"'" form where

	mkdir store
	qemu-img create -q -f raw store/base 1M
	qemu-img create -q -f qcow2 -b "$DIR/store/base" -F raw "store/$bad" 1M
	mv store/base "store/base$bad"
	qemu-img rebase -u -b "base$bad" -F raw "store/$bad"
	mke2fs -q -F -t ext4 -L $'l\xc2\x9b\xe2\x80\xae' store/label 1M
	for where in store "a:$DIR/store"; do
		for form in '' --json --xml; do
			succeeds img-list $form "$where"
			harmless "$OUT"
		done
		succeeds img-list --json "$where"
		json --arg n "$bad" '[.entries[] | select(.name == $n)] | length == 1'
		json --arg n $'l\xc2\x9b\xe2\x80\xae' '[.entries[] | select(.filesystem.label == $n)] | length == 1'
		succeeds img-list --xml "$where"
		[ "$(xpath 'string(//volume/name[starts-with(., "c")])')" = "$bad" ]
		for form in '' --json; do
			succeeds img-info $form "$where/$bad" "$where/label"
			harmless "$OUT"
		done
		json --arg n "base$bad" '.[0].backing.recorded == $n'
	done
	for where in store "a:$DIR/store"; do
		succeeds img-info --xml "$where/$bad"
		harmless "$OUT"
		xmllint --noout "$OUT"
		for form in '' --json; do
			succeeds img-verify $form "$where/base$bad"
			harmless "$OUT"
			try img-copy -v $form "$where/label" "$DIR/new$bad"
			[ "$status" = 0 ]
			harmless "$OUT"
			harmless "$ERR"
			rm "new$bad"
			touch "store/.$bad.img-tools"
			try img-clean -n $form "$where"
			[ "$status" = 0 ]
			grep 'gmi' "$OUT"
			harmless "$OUT"
			rm "store/.$bad.img-tools"
		done
	done
	# Messages, and the names that a job prints.
	try img-info "a:$DIR/no$bad"
	harmless "$ERR"
	succeeds img-copy -n "store/label" "a:$DIR/new$bad"
	harmless "$OUT"
}

@test "list: a layer has a column with its backing file, as qemu-img shows that" {
	local where name

	mkdir store below
	truncate -s 10M store/base below/deep
	qemu-img create -q -f qcow2 -b base -F raw store/snap1 12M
	qemu-img create -q -f qcow2 -b "$DIR/store/snap1" -F qcow2 store/snap2
	qemu-img create -q -f qcow2 -b ../below/deep -F raw store/deep
	qemu-img create -q -f qcow2 -u -b nbd://server:10809/disk -F raw store/net 1M
	qemu-img create -q -f qcow2 -u -b gone -F qcow2 store/broken 1M
	for where in store "a:$DIR/store"; do
		succeeds img-list "$where"
		[ "$(head -n 1 "$OUT" | tr -s ' ')" = ' SIZE USED FORMAT CONTENT STATE BACKING NAME' ]
		awk '{ print $(NF - 1), $NF }' "$OUT" | tail -n +2 | diff - <(
			echo "- base"
			echo "gone broken"
			echo "$DIR/below/deep deep"
			echo "nbd://server:10809/disk net"
			echo "base snap1"
			echo "snap1 snap2"
		)
		succeeds img-list --json "$where"
		for name in snap1 snap2 deep; do
			json --argjson q "$(qemu-img info -U --output=json "store/$name")" --arg n "$name" \
				--arg full "$(realpath "$(qemu-img info --output=json "store/$name" |
					jq -r '."full-backing-filename"')")" \
				'.entries[] | select(.name == $n).backing == {path: $full,
				recorded: $q."backing-filename", format: $q."backing-filename-format"}'
		done
		json '.entries[] | select(.name == "net").backing ==
			{path: null, recorded: "nbd://server:10809/disk", format: "raw"}'
		json '.entries[] | select(.name == "base").backing == null'
		succeeds img-list --xml "$where"
		[ "$(xpath 'string(//volume[name="snap2"]/backingStore/path)')" = "$DIR/store/snap1" ]
		[ "$(xpath 'string(//volume[name="snap2"]/backingStore/format/@type)')" = qcow2 ]
		[ "$(xpath 'string(//volume[name="net"]/backingStore/path)')" = nbd://server:10809/disk ]
		[ "$(xpath 'count(//backingStore)')" = 5 ]
	done
	# Without layers there is no such column.
	succeeds img-list below
	[ "$(head -n 1 "$OUT" | awk '{ print NF }')" = 6 ]
}

@test "list: the name of a backing file opens nothing, harms no terminal and is cut where it is long" {
	local bad=$'b\xe9\e[31m\n\x7f.img' long form

	long=$(printf 'l%.0s' {1..1000})
	mkdir store out
	truncate -s 1M "store/$bad" out/base
	qemu-img create -q -f qcow2 -u -b "$bad" -F raw store/x 1M
	qemu-img create -q -f qcow2 -u -b "$long" -F raw store/long 1M
	qemu-img create -q -f qcow2 -u -b ../out/base -F raw store/out 1M
	for form in '' --json --xml; do
		succeeds img-list $form store
		harmless "$OUT"
	done
	xmllint --noout "$OUT"
	succeeds img-list store
	[ "$(grep -c '' "$OUT")" = 5 ]
	grep -F 'b\xe9\x1b[31m\n\x7f.img ' "$OUT" | grep ' x$'
	grep -E ' l{100,124}\.\.\.  long$' "$OUT"
	succeeds img-list --json store
	json --arg hex "$(printf %s "$bad" | od -An -tx1 | tr -d " \n")" \
		'.entries[] | select(.name == "x").backing.recorded_hex == $hex'
	# What the configuration does not allow is not looked for.
	printf '[storage]\ndirectory = %s/store\n' "$DIR" >config
	succeeds img-list --config config --json store
	json '.entries[] | select(.name == "out").backing == {path: null, recorded: "../out/base", format: "raw"}'
	try env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=openat,open,openat2 -o calls \
		img-list --config config store
	[ "$status" = 0 ]
	grep -E ' \.\./out/base +out$' "$OUT"
	grep -q '"out"' calls # the image of that name is opened
	if grep 'out/base' calls; then return 1; fi
}

@test "list: standard error of an --rsh program and of a ProxyCommand, line by line" {
	printf '#!/bin/sh\nprintf "\\033]0;t\\007one \\302\\233\\nt\\177wo\\r\\nunended" >&2\nshift\nexec sh -c "$*"\n' >rsh
	chmod 755 rsh
	mkdir store
	try env img-list --rsh ./rsh "h:$DIR/store"
	[ "$status" = 0 ]
	harmless "$ERR"
	[ "$(cat "$ERR")" = 'img-list: h: \x1b]0;t\x07one \xc2\x9b
img-list: h: t\x7fwo
img-list: h: unended' ]
	printf 'Host p\n\tProxyCommand printf "\\033[31mno\\n" >&2; exit 1\n' >proxy
	try env img-list -F proxy p:/x
	[ "$status" = 7 ]
	harmless "$ERR"
	says 'img-list: \x1b[31mno'
}

# flood COUNT BYTES KEYS REPLY COMMAND...: runs it with a helper of the host "h" that sends
# these records (tests/unit/flood.c); $PEAK is the KiB of memory that the command took, without
# what AddressSanitizer would keep of freed memory.
flood() {
	local rsh="$IMG_BUILD/tests/flood $1 $2 $3 $4"

	try env ASAN_OPTIONS=quarantine_size_mb=1:thread_local_quarantine_size_kb=64 \
		"$IMG_BUILD/tests/peak" peak "${@:5:1}" --rsh "$rsh" "${@:6}"
	PEAK=$(cat peak)
	echo "$PEAK KiB: ${*:5}" >&2
}

@test "list: a list of any length takes no more memory than a short one" {
	local form count=300000

	[ -z "${IMG_SOAK:-}" ] || count=1000000
	for form in '' --json --xml; do
		flood $count 0 path=/srv/%d,name=%d/disk.img,kind=file,capacity=1000 x=y \
			img-list $form h:/srv
		[ "$status" = 0 ]
		[ "$PEAK" -lt 65536 ]
		case $form in
		--json)
			json '.entries | length == $n and .[-1].name == $last' --argjson n $count \
				--arg last "$(printf %07d/disk.img $((count - 1)))"
			;;
		--xml) [ "$(xpath "count(//volume) = $count")" = true ] ;;
		*)
			[ "$(wc -l <"$OUT")" = $((count + 1)) ]
			[ "$(tail -n +2 "$OUT" | wc -L)" = "$(head -n 2 "$OUT" | tail -n 1 | wc -L)" ]
			;;
		esac
	done
}

@test "list: long records take little memory, too, and other answers have a limit" {
	local command

	flood 400 250000 path=/x,kind=file,name=a x=y img-list --json h:/srv
	[ "$status" = 0 ]
	[ "$PEAK" -lt 65536 ]
	json '.entries | length == 400'
	for command in 'img-storage --json h:' 'img-storage --xml h:' 'img-storage h:' \
		'img-clean --json h:' 'img-info --json h:/x'; do
		# shellcheck disable=SC2086 # words
		flood 100000 200000 kind=group,state=removed,path=/x,name=x host=h $command
		[ "$status" = 7 ]
		says 'protocol error: '
		[ "$PEAK" -lt 65536 ]
		case $command in
		img-clean*) json '.entries | length > 0' ;; # that these were removed is told
		*) [ ! -s "$OUT" ] ;;
		esac
		# shellcheck disable=SC2086
		flood 1000000 0 kind=group,state=removed,path=/x host=h $command
		[ "$status" = 7 ]
		says 'protocol error: '
		[ "$PEAK" -lt 65536 ]
	done
}

@test "list: an image that names so much that it is too long for a record" {
	local below=d name i

	name=$(printf %0200d 0)
	for i in 1 2 3; do
		below+=/$name$i
	done
	mkdir -p "$below" store
	printf x >"$below/extent"
	ln -s "$DIR/$below/extent" store/l
	{
		printf '# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n'
		printf 'createType="twoGbMaxExtentFlat"\n'
		for ((i = 0; i < 512; i++)); do
			echo 'RW 1 FLAT "l" 0'
		done
	} >store/many.vmdk
	cp "$IMAGE" store/z.img
	for i in store "a:$DIR/store"; do
		succeeds img-list --json "$i"
		json '[.entries[] | select(.name != "l") | [.name, .format]] ==
			[["many.vmdk", "vmdk"], ["z.img", "raw"]]'
		succeeds img-info --json "$i/many.vmdk"
		json '.extents | length > 100 and length < 512'
	done
}

@test "list: of an archive that is truncated, the capacity is not known" {
	lzop -o x.lzo "$IMAGE"
	truncate -s -1000 x.lzo
	succeeds img-info --json x.lzo
	json '.capacity == null and .compression == "lzo"'
	succeeds img-list x.lzo
	grep -E '^ *- .* x.lzo$' "$OUT"
}

@test "list: the output ends early, and so does the command" {
	local status=0

	"$IMG_BUILD/tests/peak" peak img-list --json --rsh "$IMG_BUILD/tests/flood 100000000 0 name=x x=y" \
		h: 2>"$ERR" >/dev/full || status=$?
	[ "$status" = 1 ]
	one_line 'img-list: cannot write the result'
}

@test "list: the location of an image lists that image" {
	local where

	make_store
	for where in store "a:$DIR/store"; do
		succeeds img-list --json "$where"
		jq '.entries[] | select(.name == "guest.qcow2")' "$OUT" >want
		succeeds img-list --json "$where/guest.qcow2"
		json --arg l "$where/guest.qcow2" '.location == $l'
		diff want <(jq '.entries[]' "$OUT")
		succeeds img-list -R "$where/disk.img.lzo"
		[ "$(wc -l <"$OUT")" = 2 ]
		grep -E '8 MiB .*raw\.lzo +ext4 .* disk\.img\.lzo$' "$OUT"
		succeeds img-list --xml "$where/link"
		[ "$(xpath 'string(//volume/capacity)')" = 8388608 ]
	done
	device=$(as_root losetup --show -r -f store/disk.img)
	try as_root env "PATH=$PATH" img-list --json "$device"
	as_root losetup -d "$device"
	[ "$status" = 0 ]
	json '.entries | length == 1 and .[0].kind == "device" and .[0].capacity == 8388608'
}

@test "list: several hundred entries" {
	mkdir store
	touch store/{1..700}.img
	succeeds img-list --json "a:$DIR/store"
	json '.entries | length == 700'
	[ "$(names | tr ' ' '\n' | grep .)" = "$(printf '%s.img\n' {1..700} | sort)" ]
}

@test "list: a loop device is listed if a link leads to it" {
	mkdir store
	cp "$IMAGE" x.img
	device=$(as_root losetup --show -r -f x.img)
	ln -s "$device" store/loop
	try as_root env "PATH=$PATH" img-list --json store
	as_root losetup -d "$device"
	[ "$status" = 0 ]
	json '.entries[0] | .kind == "device" and .capacity == 8388608 and .filesystem.type == "ext4"'
}

@test "list: wrong command lines" {
	refuses 2 '' img-list -
	refuses 2 '' img-list ''
	refuses 2 '' img-list --nonsense
	refuses 2 '' img-list . 'a b:/x'
	succeeds img-list --help
	succeeds img-list --usage
	succeeds img-list --version
}

@test "list: a result that cannot be written is a failure" {
	local status=0

	img-list --json . 2>"$ERR" >/dev/full || status=$?
	[ "$status" = 1 ]
	one_line 'img-list: '
}
