#!/usr/bin/env bats
#
# A group that was exported (vgexport) cannot be used, and the others can.

load guest
load clean

setup_file() {
	guest_setup_file
	make_group a vga 32M
	make_group a vgi 32M
	make_group a vgz 32M
	on a lvcreate -q -L 4M -n disk vga
	on a lvcreate -q -L 4M -n disk vgi
	on a lvcreate -q --type thin-pool -L 8M --poolmetadatasize 4M -n pool vgz
	on a vgchange -qan vgi
	on a vgexport -q vgi
}

# Not those of `clean`, which has other groups.
setup() {
	guest_setup
}

teardown() {
	guest_teardown
	[ -z "$(tagged a)" ]
}

@test "img-storage shows all groups, and warns of the exported one" {
	try on a img-storage --json
	[ "$status" = 0 ]
	one_line 'img-storage: warning: '
	says "the pools of group 'vgi' are not known: lvs: Volume group vgi is exported (see vgimport)"
	json --argjson groups "$(on a vgs --noheadings --units b --nosuffix -o vg_name,vg_size |
		jq -Rsc '[split("\n")[] | split(" ") | map(select(. != "")) | select(. != [])]')" \
		'[.groups[] | [.name, (.size | tostring)]] | sort == ($groups | sort)'
	json '[.groups[] | select(.pools != []) | .name] == ["vgz"]'
}

@test "img-clean cleans the groups before and after it, and its failure counts" {
	local group

	for group in vga vgz; do
		on a lvcreate -qq --addtag "$(dead a)" -L 4M -n left $group
	done
	refuses_all -n
	on a lvs vga/left vgz/left
	refuses_all
	run ! on a lvs vga/left
	run ! on a lvs vgz/left
}

# refuses_all [-n]: img-clean of all groups.
refuses_all() {
	try on a img-clean "$@"
	[ "$status" = 4 ]
	[ "$(grep -c '/dev/vg[az]/left$' "$OUT")" = 2 ]
	one_line 'img-clean: '
	says "'/dev/vgi': lvs: Volume group vgi is exported (see vgimport)"
}

@test "what is in it is refused, and what is in other groups is not" {
	for command in img-list img-clean; do
		refuses 4 /dev/vgi on a $command /dev/vgi
		says 'is exported (see vgimport)'
	done
	refuses 4 /dev/vgi/disk on a img-info /dev/vgi/disk
	says 'is exported (see vgimport)'
	succeeds on a img-create /dev/vga/more 4M
	on a lvs vga/more
	succeeds on a img-delete /dev/vga/more
	run ! on a lvs vga/more
}
