#!/usr/bin/env bats
#
# img-commit on files: what the guest sees before and after, judged by qemu-img.

load common

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# The example of the document: a raw base, and two layers above it.
example() {
	truncate -s 10M base
	printf x | dd of=base bs=1 seek=5M conv=notrunc status=none
	qemu-img create -q -f qcow2 -b base -F raw snap1 12M
	qemu-img create -q -f qcow2 -b snap1 -F qcow2 snap2
	qemu-io -c 'write -P 1 1M 2M' -c 'write -z 4M 2M' snap1 >/dev/null
	qemu-io -c 'write -P 2 2M 64K' -c 'write -P 2 11M 64K' snap2 >/dev/null
	keep_view snap2
}

# chain_of_four FORMAT: four layers above each other, and each grows; b0 has FORMAT.
chain_of_four() {
	local i

	qemu-img create -q -f "$1" b0 2M
	for i in 1 2 3; do
		qemu-img create -q -f qcow2 -b b$((i - 1)) -F "$([ $i = 1 ] && echo "$1" || echo qcow2)" \
			-o cluster_size=$((32 << i))k b$i $((2 + i))M
	done
	for i in 0 1 2 3; do
		qemu-io -f "$([ $i = 0 ] && echo "$1" || echo qcow2)" \
			-c "write -P $((i + 1)) $((i * 300))K 500K" \
			-c "write -P $((i + 11)) $((1800 + i * 1000))K 100K" b$i >/dev/null
	done
	qemu-io -c 'write -z 400K 100K' b2 >/dev/null
	keep_view b3
}

# keep_view IMAGE...: what the guest sees, to be compared with by shows.
keep_view() {
	local image

	mkdir -p "$BATS_TEST_TMPDIR/view"
	for image; do
		qemu-img convert -O raw "$image" "$BATS_TEST_TMPDIR/view/$image"
	done
}

# shows IMAGE [FORMAT [VIEW]]: the guest sees what it saw before, and the structure is sound.
shows() {
	qemu-img compare -q -f raw -F "${2:-qcow2}" "$BATS_TEST_TMPDIR/view/${3:-$1}" "$1" &&
		{ [ "${2:-qcow2}" = raw ] || qemu-img check -q "$1"; }
}

# chain_is IMAGE NAME...: the layers, from the top, as qemu-img names them.
chain_is() {
	local image=$1
	shift

	[ "$(qemu-img info --backing-chain --output=json "$image" | jq -r '.[].filename')" = \
		"$(printf '%s\n' "$@")" ]
}

# backing_of LAYER: the name and the format that it records.
backing_of() {
	qemu-img info --output=json "$1" | jq -r '."backing-filename" + " " + ."backing-filename-format"'
}

is_unmarked() {
	! has_mark "$1"
}

state_of_all() {
	find . -printf '%p %i %m %s %T@ %C@\n' | sort
	find . -type f -exec sha256sum {} + | sort
}

# nothing_changes COMMAND...: also no attribute of a file.
nothing_changes() {
	local before

	before=$(state_of_all)
	"$@"
	diff <(echo "$before") <(state_of_all) >&2
}

@test "commit: the example of the document, here and on a host" {
	local where

	for where in '' "a:$DIR/"; do
		rm -f base snap1 snap2
		example
		succeeds img-commit --top "$DIR/snap1" "${where}snap2"
		grep -x "committed $DIR/snap1 into $DIR/base" "$OUT"
		grep -x 'before: capacity 10 MiB, allocation [0-9.]* KiB, physical 10 MiB' "$OUT"
		grep -x 'after:  capacity 12 MiB, allocation [0-9.]* MiB, physical 12 MiB' "$OUT"
		chain_is snap2 snap2 base
		[ "$(backing_of snap2)" = 'base raw' ]
		shows snap2
		[ -e snap1 ]
		lacks "$OUT" deleted
		is_unmarked base
	done
}

@test "commit: the layer above TOP may be any, and the layers go with --delete" {
	example
	succeeds img-commit -v --delete --top 1 snap2
	chain_is snap2 snap2 base
	shows snap2
	[ "$(ls -A)" = $'base\nsnap2' ]
	grep -x "deleted $DIR/snap1" "$OUT"
}

@test "commit: TOP is IMAGE itself" {
	example
	succeeds img-commit snap2
	grep -x "the guest must use $DIR/snap1 now" "$OUT"
	shows snap2
	shows snap1 qcow2 snap2
	# Without --top it is not deleted.
	nothing_changes refuses 4 snap2 img-commit --delete snap2
	grep -F -- '--top 0' "$ERR"
	succeeds img-commit --top 0 --base base --delete snap2
	[ "$(ls -A)" = base ]
	grep -x "the guest must use $DIR/base now" "$OUT"
	shows base raw snap2
}

# each_pair FORMAT WORD...: commits each part of the chain, once by numbers and once by names.
each_pair() {
	local format=$1 top base top_name base_name
	shift

	for top in 0 1 2; do
		for ((base = top + 1; base <= 3; base++)); do
			rm -rf "${DIR:?}"/*
			chain_of_four "$format"
			top_name=b$((3 - top)) base_name=b$((3 - base))
			if (((top + base) % 2)); then
				succeeds img-commit "$@" --top "$top" --base "$base" b3
			else
				succeeds img-commit "$@" --top "$top_name" --base "./$base_name" b3
			fi
			if [ $top = 0 ]; then
				[ -z "$*" ] || [ ! -e b3 ]
				[ $# != 0 ] || shows b3
				shows "$base_name" "$([ $base = 3 ] && echo "$format" || echo qcow2)" b3
			else
				[ "$(backing_of b$((4 - top)) | cut -d' ' -f1)" = "$base_name" ]
				shows b3
				[ "$(qemu-img info --backing-chain --output=json b3 | jq length)" = \
					$((4 - base + top)) ]
			fi
			# The layers between are there, or none of them is.
			[ "$(find . -name 'b?' | wc -l)" = $((4 - (${#*} ? base - top : 0))) ]
			[ "$(find . -name '.*' -type f | wc -l)" = 0 ]
		done
	done
}

@test "commit: each part of a chain of four, above a raw base" {
	each_pair raw
}

@test "commit: each part of a chain of four, above a qcow2 base" {
	each_pair qcow2
}

@test "commit: each part of a chain of four, and its layers are deleted" {
	each_pair raw --delete
	each_pair qcow2 --delete
}

@test "commit: the name that is recorded is relative if it was, and leads to the base" {
	mkdir -p d/e f
	qemu-img create -q -f raw f/base 1M
	qemu-img create -q -f qcow2 -u -b ../../f/base -F raw d/e/mid 1M
	qemu-img create -q -f qcow2 -u -b e/mid -F qcow2 d/top 1M
	qemu-io -c 'write -P 7 0 100K' d/e/mid >/dev/null
	qemu-img convert -O raw d/top want
	succeeds img-commit --top 1 d/top
	[ "$(backing_of d/top)" = 'e/../../f/base raw' ]
	qemu-img compare -q -F raw d/top want
	# An absolute name stays absolute.
	rm d/top
	qemu-img create -q -f qcow2 -u -b "$DIR/d/e/mid" -F qcow2 d/top 1M
	succeeds img-commit --top 1 d/top
	[ "$(backing_of d/top)" = "$DIR/f/base raw" ]
	qemu-img compare -q -F raw d/top want
	# So does what a layer in between records.
	rm d/top d/e/mid
	qemu-img create -q -f qcow2 -u -b "$DIR/f/base" -F raw d/e/mid 1M
	qemu-img create -q -f qcow2 -u -b e/mid -F qcow2 d/top 1M
	succeeds img-commit --top 1 d/top
	[ "$(backing_of d/top)" = "$DIR/f/base raw" ]
	# Through links, as QEMU takes a name from the directory of the link.
	rm d/top d/e/mid
	ln -s ../../f/base d/e/link
	qemu-img create -q -f qcow2 -u -b link -F raw d/e/mid 1M
	ln -s e/mid d/to-mid
	qemu-img create -q -f qcow2 -u -b to-mid -F qcow2 d/top 1M
	refuses 8 d/top img-commit --top 1 d/top # for QEMU there is no d/link
	rm d/to-mid
	ln -s mid d/e/to-mid
	qemu-img create -q -f qcow2 -u -b e/to-mid -F qcow2 d/top 1M
	qemu-io -c 'write -P 8 50K 100K' d/e/mid >/dev/null
	qemu-img convert -O raw d/top want
	refuses 4 d/top img-commit --delete --top 1 d/top
	says 'is a symbolic link'
	succeeds img-commit --top 1 d/top
	[ "$(backing_of d/top)" = 'e/link raw' ]
	qemu-img compare -q -F raw d/top want
	[ -L d/e/link ]
}

@test "commit: names with any characters" {
	local odd=$'b\\\'"a\nse=:%'

	qemu-img create -q -f raw ./base 1M
	mv base "$odd"
	qemu-img create -q -f qcow2 -u -b "./$odd" -F raw mid 1M
	qemu-img create -q -f qcow2 -u -b mid -F qcow2 top 1M
	qemu-io -c 'write -P 7 0 100K' mid >/dev/null
	qemu-img convert -O raw top want
	succeeds img-commit --top 1 --delete top
	qemu-img compare -q -F raw top want
	printable "$OUT"
	[ "$(backing_of top)" = "./$odd raw" ]
}

@test "commit: as JSON, with the progress" {
	example
	try img-commit --json --progress=json --delete --top snap1 snap2
	[ "$status" = 0 ]
	jq -es '.[0] | .phase == "commit" and .total == 4194304 and .physical >= 10485760' "$ERR"
	jq -es 'map(has("capacity") and has("allocation") and has("physical")) | all' "$ERR"
	jq -es '.[-1] | .phase == "done" and .done == 4194304 and .capacity == 12582912' "$ERR"
	json ".location == \"snap2\" and .path == \"$DIR/snap2\""
	json ".layers == [{path: \"$DIR/snap1\", bytes: 4194304}]"
	json ".base.path == \"$DIR/base\" and .base.format == \"raw\" and .base.enlarged == 12582912"
	json '.base.before == {capacity: 10485760, allocation: .base.before.allocation, physical: 10485760}'
	json '.base.after == {capacity: 12582912, allocation: '"$(allocated base)"', physical: 12582912}'
	json ".child == {path: \"$DIR/snap2\", backing: \"base\"} and .use == null"
	json ".deleted == [\"$DIR/snap1\"] and .resumed == false and (.steps | length) == 7"
}

@test "commit: -n shows the steps and changes nothing" {
	example
	nothing_changes succeeds img-commit -n --delete --top snap1 snap2
	diff "$OUT" - <<-END
		would commit layers of $DIR/snap2 into $DIR/base
		  mark '$DIR/base' as unfinished
		  enlarge '$DIR/base' from 10 MiB to 12 MiB (12582912 bytes)
		  commit '$DIR/snap1' into '$DIR/base', at most 4 MiB
		  record 'base' as the backing file of '$DIR/snap2'
		  check '$DIR/snap2'
		  delete '$DIR/snap1'
		  remove the mark of '$DIR/base'
		now:    capacity 10 MiB, allocation $(($(allocated base) / 1024)) KiB, physical 10 MiB
	END
	nothing_changes succeeds img-commit -n --json --base base --top 0 --delete snap2
	json ".use == \"$DIR/base\""
	json '.dry_run and .base.after == null and .deleted == [] and (.layers | length) == 2'
	chain_is snap2 snap2 snap1 base
	nothing_changes succeeds img-commit -n --top snap2 snap2
	grep -Fx "  afterwards the guest must use $DIR/snap1" "$OUT"
}

@test "commit: arguments that mean no layers" {
	example
	cp snap1 other
	nothing_changes refuses 2 snap2 img-commit --top 2 snap2
	says 'has no backing file'
	nothing_changes refuses 2 snap2 img-commit --top 3 snap2
	nothing_changes refuses 2 snap2 img-commit --base 0 snap2
	nothing_changes refuses 2 snap2 img-commit --top snap1 --base snap2 snap2
	says 'is not below'
	nothing_changes refuses 2 snap2 img-commit --top snap1 --base snap1 snap2
	nothing_changes refuses 2 snap2 img-commit --top other snap2
	says 'is not a layer'
	nothing_changes refuses 3 snap2 img-commit --top 'no such' snap2
	nothing_changes refuses 3 gone img-commit gone
	nothing_changes refuses 4 base img-commit base
	nothing_changes refuses 2 '' img-commit --top '' snap2
	nothing_changes refuses 2 '' img-commit snap1 snap2
	# A file that is named like a number.
	rm other
	mv snap1 1
	qemu-img rebase -u -b 1 -F qcow2 snap2
	succeeds img-commit --top ./1 snap2
	[ "$(backing_of snap2)" = 'base raw' ]
}

@test "commit: a layer that another image needs" {
	example
	qemu-img create -q -f qcow2 -u -b base -F raw clone 10M
	nothing_changes refuses 4 snap2 img-commit --top 1 snap2
	says "'$DIR/clone' also needs layer '$DIR/base'"
	rm clone
	# Of TOP that matters only if it is to be deleted.
	qemu-img create -q -f qcow2 -b snap1 -F qcow2 clone
	keep_view clone
	nothing_changes refuses 4 snap2 img-commit --delete --top 1 snap2
	says "'$DIR/clone' also needs layer '$DIR/snap1'"
	succeeds img-commit --top 1 snap2
	shows snap2
	shows clone
	rm clone snap2
	# A layer between TOP and BASE would show other bytes.
	example
	qemu-img create -q -f qcow2 -b snap2 -F qcow2 snap3
	qemu-img create -q -f qcow2 -b snap1 -F qcow2 clone
	nothing_changes refuses 4 snap3 img-commit --top snap2 --base base snap3
	says "'$DIR/clone' also needs layer '$DIR/snap1'"
}

@test "commit: a layer in use" {
	local layer pid

	example
	for layer in base snap1 snap2; do
		exec 7<>"$layer"
		nothing_changes refuses 5 snap2 img-commit --top 1 snap2
		exec 7>&-
	done
	for layer in snap1 snap2; do # as a guest has it
		coproc qemu-io "$layer" 2>&1
		wait_until 10 qemu_has "$layer"
		nothing_changes refuses 5 snap2 img-commit --top 1 snap2
		pid=$COPROC_PID # bash forgets it when the program ends
		echo quit >&"${COPROC[1]}"
		wait "$pid"
	done
	shows snap2
}

qemu_has() {
	grep -q "OFDLCK .*:$(stat -c %i "$1") " /proc/locks
}

@test "commit: layers that are dirty, corrupt, unfinished, missing or of another kind" {
	local layer

	example
	for layer in snap1 snap2; do
		cp $layer kept
		printf '\001' | dd of=$layer bs=1 seek=79 conv=notrunc status=none # dirty
		nothing_changes refuses 8 snap2 img-commit --top 1 snap2
		printf '\002' | dd of=$layer bs=1 seek=79 conv=notrunc status=none # corrupt
		nothing_changes refuses 8 snap2 img-commit --top 1 snap2
		cp kept $layer
	done
	for layer in base snap1 snap2; do
		touch .$layer.img-tools-unfinished
		nothing_changes refuses 8 snap2 img-commit --top 1 snap2
		rm .$layer.img-tools-unfinished
	done
	mv base kept
	nothing_changes refuses 8 snap2 img-commit --top 1 snap2
	qemu-img convert -O vmdk kept base
	qemu-img rebase -u -b base -F vmdk snap1
	nothing_changes refuses 4 snap2 img-commit --top 1 snap2
	mv kept base
	# Without a recorded format, QEMU takes a layer for what it looks like.
	qemu-img rebase -u -b base -F raw snap1
	qemu-img create -q -f qcow2 -o data_file=data,data_file_raw=on with-data 1M
	qemu-img create -q -f qcow2 -b with-data -F qcow2 above
	nothing_changes refuses 4 above img-commit above
}

@test "commit: a format that is not recorded, and another one that is found" {
	qemu-img create -q -f qcow2 base 1M
	qemu-img create -q -f qcow2 -b base -F qcow2 top
	# The extension that records the format gets an unknown type.
	printf '\001\002\003\004' |
		dd of=top bs=1 seek="$(grep -aboF $'\xe2\x79\x2a\xca' top | head -n 1 | cut -d: -f1)" \
			conv=notrunc status=none
	nothing_changes refuses 4 top img-commit top
	says 'format is not recorded'
}

@test "commit: layers of which one is shorter than what is below it" {
	qemu-img create -q -f raw base 3M
	qemu-io -f raw -c 'write -P 1 0 3M' base >/dev/null
	qemu-img create -q -f qcow2 -b base -F raw mid 1M
	qemu-img create -q -f qcow2 -b mid -F qcow2 top 2M
	qemu-img create -q -f qcow2 -b mid -F qcow2 same 1M
	keep_view same
	rm same
	# Between 1 and 2 MiB, top shows zeros.
	nothing_changes refuses 4 top img-commit --top 1 top
	says 'is shorter than'
	nothing_changes refuses 4 top img-commit --top 0 --base 2 top
	rm top
	nothing_changes refuses 4 mid img-commit mid # the guest's disk would become longer
	qemu-img create -q -f qcow2 -b mid -F qcow2 same 1M
	succeeds img-commit --top 1 same
	shows same
}

@test "commit: links, several names, and what may not be written" {
	example
	ln -s snap2 link
	nothing_changes refuses 4 link img-commit --top 1 link
	ln base second
	nothing_changes refuses 4 snap2 img-commit --top 1 snap2
	says --allow-links
	succeeds img-commit --allow-links --top 1 snap2
	shows snap2
	cmp base second
}

@test "commit: a file that has all its space keeps that, and internal snapshots stay" {
	example
	fallocate -l 10M base
	succeeds img-commit --top 1 snap2
	[ "$(allocated base)" -ge $((10 << 20)) ]
	shows snap2
	qemu-img create -q -f qcow2 base2 4M
	qemu-io -c 'write -P 5 0 1M' base2 >/dev/null
	qemu-img snapshot -c old base2
	qemu-img create -q -f qcow2 -b base2 -F qcow2 top
	qemu-io -c 'write -P 6 500K 1M' top >/dev/null
	keep_view top
	succeeds img-commit top
	shows base2 qcow2 top
	qemu-img snapshot -a old base2
	qemu-io -c 'read -P 5 0 1M' base2 | lacks /dev/stdin 'verification failed'
}

@test "commit: --delete of a layer with internal snapshots" {
	example
	qemu-img snapshot -c old snap1
	nothing_changes refuses 4 snap2 img-commit --delete --top snap1 snap2
	says 'has internal snapshots'
	nothing_changes refuses 4 snap2 img-commit -n --delete --top snap1 snap2
	succeeds img-commit --top snap1 snap2
	shows snap2
}

@test "commit: a chain that needs more descriptors than are usual" {
	local i

	qemu-img create -q -f qcow2 layer0 1M
	for ((i = 1; i <= 60; i++)); do
		qemu-img create -q -f qcow2 -b layer$((i - 1)) -F qcow2 layer$i
	done
	qemu-io -c 'write -P 5 0 1M' layer58 >/dev/null
	keep_view layer60
	(
		ulimit -Sn 256
		succeeds img-commit --top layer58 --base layer57 layer60
		succeeds img-copy --flatten layer60 flat
	)
	shows layer60
	qemu-img compare -q -f qcow2 -F raw layer60 flat
}

@test "commit: the base is marked meanwhile, and only as a source by itself" {
	example
	setfattr -n user.img-tools.unfinished -v commit:snap2:snap1 base
	has_mark base
	refuses 8 base img-copy base copy
	says 'img-commit'
	refuses 8 clone img-create --format qcow2 --backing base clone 1M
	succeeds img-info --chain snap2
	succeeds img-copy --flatten snap2 flat
	cmp flat "$BATS_TEST_TMPDIR/view/snap2"
	# Another command than that which was interrupted.
	nothing_changes refuses 8 snap2 img-commit --top 0 --base 2 snap2
	says 'run the same command again'
	nothing_changes refuses 8 snap2 img-commit snap2
	truncate -s 10M flat
	refuses 4 base img-write flat base
	refuses 8 base img-resize base 20M
	succeeds img-commit --json --top snap1 snap2
	json .resumed
	shows snap2
	is_unmarked base
}

@test "commit: completes what was interrupted after the layer above stands on the base" {
	local mark=commit:snap2:snap1

	example
	succeeds img-commit --top snap1 snap2
	cp --preserve=all base snap1 snap2 "$BATS_TEST_TMPDIR"
	for args in '--top snap1' '--top 1' '--top 1 --base 2' '--top snap1 --base base --delete'; do
		cp --preserve=all "$BATS_TEST_TMPDIR"/{base,snap1,snap2} .
		setfattr -n user.img-tools.unfinished -v $mark base
		nothing_changes refuses 8 snap2 img-commit snap2
		nothing_changes refuses 8 snap2 img-commit --top 1 --base 3 snap2
		# shellcheck disable=SC2086 # words
		succeeds img-commit $args snap2
		is_unmarked base
		shows snap2
		[[ $args == *--delete* ]] || [ -e snap1 ]
	done
	[ ! -e snap1 ]
	# Also if the layer was deleted before; but not another image that has its name now.
	setfattr -n user.img-tools.unfinished -v $mark base
	succeeds img-commit --delete --top snap1 snap2
	setfattr -n user.img-tools.unfinished -v $mark base
	echo other >snap1
	refuses 4 snap2 img-commit --delete --top snap1 snap2
	[ "$(cat snap1)" = other ]
	is_unmarked base
	# A mark that is damaged.
	setfattr -n user.img-tools.unfinished -v commit:..:snap1 base
	nothing_changes refuses 8 snap2 img-commit --top snap1 snap2
}

@test "commit: without qemu-img" {
	local program option hidden=

	[ "$(id -u)" = 0 ] || skip 'needs root'
	for program in {/usr/local,/usr,}/{bin,sbin}/qemu-img; do
		[ ! -x "$program" ] || hidden+="mount --bind /dev/null $program;"
	done
	example
	for option in -n -v; do
		nothing_changes refuses 1 snap2 unshare -m bash -c "$hidden"'exec "$@"' - \
			img-commit $option --top 1 snap2
		says 'qemu-img, which a commit needs, is not installed'
		is_unmarked base
	done
}

@test "commit: clusters that the base has lost only give a warning" {
	chain_of_four qcow2
	put_be32 b0 $((2 * 65536)) $((2 << 16 | 1)) # a reference count of 2 for the first cluster
	try qemu-img check -q b0
	[ "$status" = 3 ]
	try img-commit --base 3 --top 1 b3
	[ "$status" = 0 ]
	one_line "img-commit: warning: $PWD/b0: some clusters are leaked"
	qemu-img check -q -r leaks b0
	shows b3
}

@test "commit: ended by TERM while qemu-img writes, which is waited for" {
	local pid

	traced_build -qq
	example
	printf '%s\n' -e trace=pwritev,pwrite64 -e inject=pwritev,pwrite64:delay_enter=2000000 >"$INJECT"
	"$TRACED/bin/img-commit" -F "$SSH_CONFIG" --delete --top snap1 snap2 >"$OUT" 2>"$ERR" 3>&- &
	pid=$!
	wait_until 20 grep -q pwrite "$TRACE"
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	[ "$status" = 143 ]
	[ ! -s "$OUT" ]
	wait_until 20 no_process
	has_mark base
	shows snap2
	chain_is snap2 snap2 snap1 base
	succeeds img-commit --delete --top snap1 snap2
	shows snap2
	is_unmarked base
	[ "$(ls -A)" = $'base\nsnap2' ]
}

@test "commit: no space for the base" {
	small_fs small 3M
	cd small
	qemu-img create -q -f raw -o preallocation=full base 1M
	qemu-img create -q -f qcow2 -b base -F raw mid 4M
	qemu-img create -q -f qcow2 -b mid -F qcow2 top
	qemu-io -c 'write -P 1 3M 100K' mid >/dev/null
	cp base "$BATS_TEST_TMPDIR/before"
	refuses 9 top img-commit --top 1 top
	cmp base "$BATS_TEST_TMPDIR/before"
	is_unmarked base
	rm base mid top
	# It runs out while qemu-img writes; the same command then completes it.
	qemu-img create -q -f qcow2 base 4M
	qemu-img create -q -f qcow2 -b base -F qcow2 mid
	qemu-img create -q -f qcow2 -b mid -F qcow2 top
	qemu-io -c 'write -P 1 1M 1M' mid >/dev/null
	keep_view top
	fallocate -l 900K filler
	refuses 9 top img-commit --delete --top 1 top
	says "'$DIR/small/base' is unfinished now; run the same command again"
	has_mark base
	shows top
	rm filler
	succeeds img-commit --delete --top 1 top
	shows top
	[ "$(ls -A)" = $'base\ntop' ]
}
