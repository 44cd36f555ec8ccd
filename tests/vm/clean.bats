#!/usr/bin/env bats
#
# img-clean removes what interrupted jobs left, and nothing else.

load guest
load clean

# leave NAME TAG...: makes a volume with those tags.
leave() {
	local name=$1 tag tags=()
	shift

	for tag; do
		tags+=(--addtag "$tag")
	done
	on a lvcreate -qq -y -Zn -L 4M -n "$name" "${tags[@]}" vga
}

volumes() {
	on a lvs --noheadings -o lv_name vga | tr -d ' ' | tr '\n' ' '
}

@test "only what an interrupted job made is removed, and what is kept is named" {
	local boot host

	boot=$(</proc/sys/kernel/random/boot_id)
	leave dead "$(dead a)"
	leave rebooted "img-tools.run=a:${boot//[0-9]/0}:4026531836:1:99"
	leave living "img-tools.run=a:$boot:$(stat -L -c %i /proc/self/ns/pid):$$:$(
		awk '{ print $22 }' /proc/$$/stat)"
	leave foreign "img-tools.run=elsewhere:${boot//[0-9]/0}:4026531836:1:99"
	leave unfinished img-tools.unfinished
	leave other "somebody" "img-tools"
	on a img-snap --name kept /dev/vga/disk >&2
	try on a img-clean -n /dev/vga
	[ "$status" = 0 ]
	[ "$(sort "$OUT" | tr '\n' ' ')" = 'would remove /dev/vga/dead would remove /dev/vga/rebooted ' ]
	[ "$(volumes)" = 'dead disk foreign kept living other rebooted unfinished ' ]
	try on a img-clean --json /dev/vga
	[ "$status" = 0 ]
	json '[.entries[] | .path + " " + .state] | sort == ["/dev/vga/dead removed",
		"/dev/vga/foreign foreign", "/dev/vga/living alive", "/dev/vga/rebooted removed"]'
	says "left '/dev/vga/living': in use"
	says "left '/dev/vga/foreign': a job of another host made it"
	[ "$(volumes)" = 'disk foreign kept living other unfinished ' ]
	# All of a host, from another host.
	leave dead "$(dead a)"
	for host in a: a:/dev/vga; do
		try img-clean -n $host
		[ "$status" = 0 ]
		[ "$(<"$OUT")" = "would remove a:/dev/vga/dead" ]
	done
	try img-clean a:
	[ "$status" = 0 ]
	[ "$(<"$OUT")" = "removed a:/dev/vga/dead" ]
	refuses 4 a:/dev/vga/disk img-clean a:/dev/vga/disk
	refuses 3 a:/dev/nogroup img-clean a:/dev/nogroup
	on a lvremove -qqy vga/{foreign,kept,living,other,unfinished}
}

@test "a leftover that has snapshots, or is in use, is kept, which a dry run tells, too" {
	local option

	leave origin "$(dead a)"
	on a lvcreate -qq -y -s -L 4M -n onit vga/origin
	leave used "$(dead a)"
	exec 7</dev/vga/used
	for option in '' -n --json; do
		# shellcheck disable=SC2086 # none or one
		try on a img-clean $option /dev/vga
		[ "$status" = 4 ]
		says "'/dev/vga/origin': has snapshots"
		says "'/dev/vga/used': in use"
		[ "$option" = --json ] || [ ! -s "$OUT" ]
		[ "$(volumes)" = 'disk onit origin used ' ]
	done
	json '[.entries[] | .state] == ["failed", "failed"]'
	exec 7<&-
	on a lvremove -qqy vga/onit
	succeeds on a img-clean /dev/vga
	[ "$(volumes)" = 'disk ' ]
}

@test "a dry run resumes nothing, and says so; the volumes of a running LVM stay suspended" {
	snap a
	dmsetup suspend vga-disk
	succeeds on a img-clean -n /dev/vga
	[ "$(sort "$OUT" | tr '\n' ' ')" = 'would remove /dev/vga/snap would resume /dev/vga/disk ' ]
	[ "$(suspended)" = vga-disk ]
	on a flock -s -n /run/lock/lvm/V_vga img-clean -n /dev/vga >out
	[ "$(<out)" = 'would remove /dev/vga/snap' ]
	mended a
	[ "$(sort out-a | tr '\n' ' ')" = 'removed /dev/vga/snap resumed /dev/vga/disk ' ]
}

@test "LVM fails, or is killed, while the helper keeps running" {
	lvm_kills lvcreate fails
	refuses 1 a:/dev/vga/disk img-copy -s a:/dev/vga/disk x.img
	says 'it does not work'
	[ ! -e x.img ]
	lvm_missing a
	try img-copy -s a:/dev/vga/disk x.img
	[ "$status" = 1 ]
	[ ! -e x.img ]
	lvm_back a
	untouched
	# Now the origin is suspended.
	lvm_dies lvcreate 19
	refuses 1 a:/dev/vga/disk img-copy -s a:/dev/vga/disk x.img
	lvm_back a
	[ ! -e x.img ]
	[ -z "$(suspended)" ]
	untouched
	mended a
	# The helper tries again to remove it.
	lvm_dies lvremove 8
	succeeds img-copy -s a:/dev/vga/disk x.img
	lvm_back a
	cmp x.img /dev/vga/disk >&2
	untouched
	mended a
}
