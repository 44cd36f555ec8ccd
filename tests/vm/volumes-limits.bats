#!/usr/bin/env bats
#
# The groups that the configuration allows.

load guest
load volumes

@test "the configuration says which groups may be used" {
	make_group a vgo 16M
	on a lvcreate -q -L 4M -n secret vgo
	on a sh -c 'printf "[storage]\n group = vga\n" >/etc/img-tools/config'
	succeeds img-info a:/dev/vga/plain
	succeeds on a img-create /dev/vga/new 4M
	succeeds on a img-delete /dev/vga/new
	refuses 4 /dev/vgo/secret on a img-info /dev/vgo/secret
	refuses 4 "$(realpath /dev/vgo/secret)" on a img-info "$(realpath /dev/vgo/secret)"
	refuses 4 a:/dev/vgo/secret img-copy a:/dev/vgo/secret here
	refuses 4 a:/dev/vgo/secret img-write "$IMAGE" a:/dev/vgo/secret
	refuses 4 /dev/vgo/secret on a img-delete /dev/vgo/secret
	refuses 4 /dev/vgo/new on a img-create /dev/vgo/new 4M
	refuses 4 /dev/vgo on a img-list /dev/vgo
	refuses 4 /srv on a img-list /srv
	refuses 4 /srv/new on a img-create /srv/new 4M
	succeeds on a img-storage --json
	json '[.groups[].name] == ["vga"] and .directories == []'

	on a sh -c 'printf "[storage]\n directory = /srv\n" >/etc/img-tools/config'
	on a ln -s /dev/vga/plain /srv/link
	refuses 4 /dev/vga/plain on a img-info /dev/vga/plain
	refuses 4 /dev/vga on a img-list /dev/vga
	refuses 4 /srv/link on a img-info /srv/link
	refuses 4 /dev/vga/new on a img-create /dev/vga/new 4M
	succeeds on a img-storage --json
	json '.groups == [] and [.directories[].path] == ["/srv"]'
	on a rm /etc/img-tools/config /srv/link
	[ "$(names)" = " plain pool " ]
	drop_group vgo
}
