#!/usr/bin/env bats
#
# What img-commit makes of its base: a damaged one, one that cannot grow, one with all its space.

load common

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# refused STATUS WORDS ARGUMENT...: img-commit is refused with these words, also in a dry run, and
# nothing changes.
refused() {
	local want=$1 words=$2 option before
	shift 2

	before=$(state_of_all)
	for option in -n -v; do
		refuses "$want" "${*: -1}" img-commit $option "$@"
		says "$words"
		diff <(echo "$before") <(state_of_all) >&2
	done
}

state_of_all() {
	find . -printf '%p %i %m %s %T@ %C@\n' | sort
	find . -type f -exec sha256sum {} + | sort
}

@test "commit: a base or a child that is damaged is not written to" {
	qemu-img create -q -f qcow2 base 4M
	qemu-io -f qcow2 -c 'write -P 1 0 64k' -c 'write -P 2 64k 64k' base
	qemu-img create -q -f qcow2 -b base -F qcow2 mid
	qemu-io -f qcow2 -c 'write -P 3 2M 64k' mid
	qemu-img create -q -f qcow2 -b mid -F qcow2 top
	qemu-io -f qcow2 -c 'write -P 4 3M 64k' top
	qemu-img convert -O raw top view
	cp base good
	put_count base 5 0
	refused 8 "layer '$DIR/base': the qcow2 image is corrupt" --top 1 top
	refused 8 "layer '$DIR/base': the qcow2 image is corrupt" --base 2 top
	cp good base
	cp top good-top
	put_count top 5 0
	refused 8 "layer '$DIR/top': the qcow2 image is corrupt" --top 1 top
	cp good-top top
	succeeds img-commit --top 1 top
	qemu-img compare -f raw -F qcow2 view top
}

# bitmaps_of IMAGE: the directory of its first bitmap, as an offset.
bitmaps_of() {
	local at

	at=$(grep -aboF $'\x23\x85\x28\x75' "$1" | head -n 1 | cut -d: -f1)
	be64 "$1" $((at + 24))
}

@test "commit: a base that QEMU cannot enlarge is refused before it is marked" {
	qemu-img create -q -f raw lowest 3M
	qemu-img create -q -f qcow2 -o compat=0.10 -b lowest -F raw base 2M
	qemu-img create -q -f qcow2 -b base -F qcow2 mid 4M
	qemu-img create -q -f qcow2 -b mid -F qcow2 top
	qemu-io -f qcow2 -c 'write -P 3 1M 64k' mid
	refused 4 "layer '$DIR/base' would have to grow: its backing file is longer" --top 1 top
	refused 4 'version 2' --top 1 --base base top
	# Version 3 can hide that.
	qemu-img amend -o compat=1.1 base
	qemu-img convert -O raw top view
	succeeds img-commit --top 1 top
	qemu-img compare -f raw -F qcow2 view top
	rm base mid top
	qemu-img create -q -f qcow2 -o cluster_size=512 base 1M
	qemu-img create -q -f qcow2 -b base -F qcow2 top 200G
	refused 4 '128 GiB at most' top
	rm base top
	qemu-img create -q -f qcow2 base 1M
	qemu-img bitmap --add base changed
	put_be32 base $(($(bitmaps_of base) + 12)) 3
	qemu-img create -q -f qcow2 -b base -F qcow2 top 2M
	refused 4 'has a bitmap that was not closed' top
	put_be32 base $(($(bitmaps_of base) + 12)) 2
	succeeds img-commit top
}

@test "commit: a base that would show old data in its new space is refused" {
	head -c 4M /dev/urandom >full
	qemu-img convert -f raw -O qcow2 full base
	qemu-img resize -q -f qcow2 --shrink base 3100k
	qemu-img create -q -f qcow2 -b base -F qcow2 top 4M
	qemu-io -f qcow2 -c 'write -P 3 1M 64k' top
	qemu-img convert -O raw top view
	refused 4 'has old data behind its end' top
	# As its new space is hidden already, nothing has to grow then.
	try img-resize base 4M
	[ "$status" = 0 ]
	succeeds img-commit top
	qemu-img compare -f raw -F qcow2 view base
	# What is behind the end is hidden with a longer backing file, too.
	qemu-img create -q -f qcow2 -b full -F raw mid 3100k
	qemu-io -f qcow2 -c 'write -P 5 3M 28k' mid
	qemu-img create -q -f qcow2 -b mid -F qcow2 top 4M
	qemu-io -f qcow2 -c 'write -P 3 1M 64k' top
	qemu-img convert -O raw top view
	succeeds img-commit top
	qemu-img compare -f raw -F qcow2 view mid
}

@test "commit: a name that does not fit into the header of the layer above is refused before" {
	local first second

	first=$(printf 'x%.0s' {1..200})
	for second in 170 171; do # 376 and 377 bytes
		second=$first/$(printf 'y%.0s' $(seq $second))
		mkdir -p "$second"
		qemu-img create -q -f raw "$second/base" 1M
		qemu-img create -q -f qcow2 -b "$second/base" -F raw mid 1M
		qemu-io -f qcow2 -c 'write -P 3 64k 64k' mid
		qemu-img create -q -f qcow2 -o cluster_size=512 -b mid -F qcow2 top
		qemu-img convert -O raw top view
		[ ${#second} = 372 ] || {
			succeeds img-commit --top 1 top
			qemu-img compare -f raw -F qcow2 view top
		}
	done
	refused 4 'which has space for 376 bytes' --top 1 top
	run ! qemu-img rebase -u -b "$second/base" -F raw top
}

@test "commit: zeros make no holes in a raw base that has all its space, and do in a sparse one" {
	local blocks

	head -c 4M /dev/urandom >data
	cp data base
	fallocate -l 4M base
	cp --sparse=always data sparse
	truncate -s 5M sparse
	blocks=$(stat -c %b base)
	qemu-img create -q -f qcow2 -b base -F raw top
	qemu-io -f qcow2 -c 'write -z 1M 2M' -c 'write -P 1 64k 64k' top
	qemu-img convert -O raw top view
	succeeds img-commit top
	[ "$(stat -c %b base)" = "$blocks" ]
	qemu-img compare -f raw -F raw view base
	blocks=$(stat -c %b sparse)
	qemu-img create -q -f qcow2 -b sparse -F raw top
	qemu-io -f qcow2 -c 'write -z 1M 2M' top
	qemu-img convert -O raw top view
	succeeds img-commit top
	[ "$(stat -c %b sparse)" -le $((blocks - 4096)) ]
	qemu-img compare -f raw -F raw view sparse
}

@test "commit: completes what left a base with lazy reference counts dirty" {
	qemu-img create -q -f qcow2 -o lazy_refcounts=on base 4M
	qemu-io -f qcow2 -c 'write -P 1 0 64k' base
	qemu-img create -q -f qcow2 -b base -F qcow2 mid
	qemu-io -f qcow2 -c 'write -P 3 1M 1M' mid
	qemu-img create -q -f qcow2 -b mid -F qcow2 top
	qemu-img convert -O raw top view
	# A writer that is killed; its counts are not written.
	qemu-io -f qcow2 -c 'write -P 3 1M 512k' -c 'sigraise 9' base || [ $? = 137 ]
	try qemu-img check -q base
	[ "$status" = 2 ]
	refused 8 'was not closed by its last user' --top 1 top
	setfattr -n user.img-tools.unfinished -v commit:top:mid base
	succeeds img-commit -n --top 1 top
	grep -x "  repair the reference counts of '$DIR/base'" "$OUT"
	# Another layer is still refused.
	cp top good
	printf '\001' | put top 79
	refused 8 'was not closed by its last user' --top 1 top
	cp good top
	succeeds img-commit --top 1 top
	qemu-img compare -f raw -F qcow2 view top
	qemu-img check -q base
	run ! has_mark base
}
