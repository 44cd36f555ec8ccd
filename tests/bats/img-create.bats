#!/usr/bin/env bats
# img-create: files, on this host and on a remote host.

load common
load disks

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { disks_teardown; }

@test "create: reads as zeros, is fully allocated and private" {
	umask 0
	succeeds img-create x.img 3M
	[ ! -s "$OUT" ]
	[ "$(stat -c '%s %a %F' x.img)" = "3145728 600 regular file" ]
	[ "$(allocated x.img)" -ge 3145728 ]
	cmp -n 3145728 x.img /dev/zero
	[ "$(qemu-img info --output=json -f raw x.img | jq '."virtual-size"')" = 3145728 ]
}

@test "create --sparse: allocates nothing" {
	succeeds img-create --sparse x.img 10G
	[ "$(stat -c %s x.img)" = 10737418240 ]
	[ "$(allocated x.img)" = 0 ]
}

@test "create: sizes as in coreutils and LVM" {
	local pair

	for pair in 1=1 1000=1000 1k=1024 1K=1024 3KiB=3072 2KB=2000 1m=1048576 1MiB=1048576 \
		1MB=1000000 2G=2147483648 1GB=1000000000 1t=1099511627776; do
		succeeds img-create --sparse "x.${pair%=*}" "${pair%=*}"
		[ "$(stat -c %s "x.${pair%=*}")" = "${pair#*=}" ]
	done
}

@test "create: invalid sizes are usage errors" {
	local size

	for size in 0 0k '' ' ' k 1x 1kk -1 -1k +1k 0x10 1e3 '1 k' 1iB 99999999999999999999 \
		16777216T 9223372036854775808 18446744073709551616; do
		try img-create --sparse -- x.img "$size"
		[ "$status" = 2 ] && one_line "img-create: " || {
			echo "size '$size'"
			told
			return 1
		}
		[ ! -e x.img ]
	done
	refuses 2 '' img-create x.img -1
	refuses 2 '' img-create x.img -5k
}

@test "create: on a host" {
	succeeds img-create "a:$DIR/x.img" 1M
	cmp -n 1048576 x.img /dev/zero
	[ "$(stat -c '%s %a' x.img)" = "1048576 600" ]
	[ "$(allocated x.img)" -ge 1048576 ]
	succeeds img-create --sparse "a:$DIR/y.img" 1T
	[ "$(stat -c %s y.img)" = 1099511627776 ]
	[ "$(allocated y.img)" = 0 ]
}

@test "create: a relative path on a host starts at the login's home directory" {
	local home name=img-create-$$-$RANDOM

	home=$(getent passwd "$(id -u)" | cut -d: -f6)
	try img-create --sparse "a:$name" 1k
	rm -f "$home/$name" || [ "$status" != 0 ]
	try img-create --sparse "a:$name" 1k
	[ "$status" = 0 ]
	[ -e "$home/$name" ]
	rm "$home/$name"
}

@test "create: ssh://HOST:PORT/PATH" {
	succeeds img-create "ssh://a:$(sshd_port a)$DIR/x.img" 1k
	succeeds img-create "ssh://$(id -un)@a$DIR/y.img" 1k
	[ "$(stat -c %s x.img)" = 1024 ]
	[ "$(stat -c %s y.img)" = 1024 ]
}

@test "create: a local path with a colon" {
	succeeds img-create ./a:b 1k
	[ -e a:b ]
}

@test "create: --verbose prints what was made, --quiet nothing" {
	try img-create -v x.img 2M
	[ "$status" = 0 ]
	one_line "img-create: created x.img, 2 MiB"
	succeeds img-create -q y.img 2M
}

@test "create --dry-run: prints the path and the size, and creates nothing" {
	local where

	for where in x.img "a:$DIR/x.img"; do
		try img-create -n "$where" 2M
		[ "$status" = 0 ]
		cat "$OUT" "$ERR" | grep -F "$where" | grep -F '2 MiB'
		[ ! -e x.img ]
	done
	touch x.img
	refuses 6 x.img img-create -n x.img 2M
	refuses 3 no/x.img img-create -n no/x.img 2M
}

@test "create: an existing target is unchanged" {
	local before where

	echo precious >x.img
	before=$(state_of x.img)
	for where in x.img "a:$DIR/x.img"; do
		refuses 6 "$where" img-create "$where" 1M
		[ "$(state_of x.img)" = "$before" ]
	done
}

@test "create: a missing directory" {
	refuses 3 no/x.img img-create no/x.img 1M
	refuses 3 "a:$DIR/no/x.img" img-create "a:$DIR/no/x.img" 1M
	touch file
	refuses 3 file/x.img img-create file/x.img 1M
}

@test "create: a directory instead of an image" {
	mkdir d
	refuses 4 d img-create d 1M
	refuses 4 d/ img-create d/ 1M
	refuses 4 new/ img-create new/ 1M
	refuses 4 "a:$DIR/d" img-create "a:$DIR/d" 1M
	refuses 4 . img-create . 1M
	refuses 4 / img-create / 1M
	refuses 2 a: img-create a: 1M
	[ -z "$(ls -A d)" ]
}

@test "create: a symbolic link as the target" {
	ln -s nowhere dangling
	touch file
	ln -s file link
	refuses 4 dangling img-create dangling 1M
	refuses 4 link img-create link 1M
	[ ! -s file ]
	[ ! -e nowhere ]
}

@test "create: a directory without permission" {
	mkdir -m 555 d
	refuses 4 d/x.img without_power img-create d/x.img 1M
	[ -z "$(ls -A d)" ]
}

@test "create: no free space" {
	small_fs small 1M
	refuses 9 small/x.img img-create small/x.img 2M
	refuses 9 "a:$DIR/small/x.img" img-create "a:$DIR/small/x.img" 2M
	[ -z "$(ls -A small)" ]
	succeeds img-create small/x.img 512k
}

@test "create: larger than a file on this file system can be" {
	disks_setup
	disk 64M ext4 # tmpfs may have files of that length
	refuses 9 m/x.img img-create --sparse m/x.img 8191P
	refuses 9 "a:$M/x.img" img-create --sparse "a:$M/x.img" 8191P
	[ ! -e m/x.img ]
}

@test "create: wrong command lines" {
	refuses 2 '' img-create
	refuses 2 '' img-create x.img
	refuses 2 '' img-create x.img 1M more
	refuses 2 '' img-create --nonsense x.img 1M
	refuses 2 '' img-create --sparse=yes x.img 1M
	refuses 2 '' img-create - 1M
	refuses 2 '' img-create '' 1M
	refuses 2 '' img-create -- '-host:/x' 1M
	refuses 2 '' img-create 'ssh://a:99999/x' 1M
	refuses 2 '' img-create --timeout=0 x.img 1M
	[ ! -e x.img ]
}

@test "create: --help, --usage, --version" {
	succeeds img-create --help
	grep -q -- --sparse "$OUT"
	succeeds img-create --usage
	grep -q -- --sparse "$OUT"
	succeeds img-create --version
	grep -q '^img-create .*[0-9]' "$OUT"
	succeeds img-create -V
}

@test "create: outside what the configuration allows" {
	mkdir in
	printf '[storage]\n\tdirectory = %s/in\n' "$DIR" >config
	succeeds img-create --config config in/x.img 1k
	refuses 4 x.img img-create --config config x.img 1k
	refuses 4 in/../x.img img-create --config config in/../x.img 1k
	ln -s .. in/out
	refuses 4 in/out/x.img img-create --config config in/out/x.img 1k
	[ ! -e x.img ]
}

@test "create: outside what the peer's configuration allows" {
	local config=$BATS_FILE_TMPDIR/home-a/.config/img-tools/config

	mkdir in
	mkdir -p "${config%/*}"
	printf '[storage]\n\tdirectory = %s/in\n' "$DIR" >"$config"
	try img-create "a:$DIR/in/x.img" 1k
	[ "$status" = 0 ]
	refuses 4 "a:$DIR/x.img" img-create "a:$DIR/x.img" 1k
	rm "$config"
	[ ! -e x.img ]
}

@test "create: a wrong configuration is a usage error with file and line" {
	local text

	for text in '[storage' '[nonsense]\nx = 1' '[storage]\nnonsense = 1' 'directory = /'; do
		printf '\n%b\n' "$text" >config
		refuses 2 '' img-create --config config x.img 1k
		grep -q 'config:[23]: ' "$ERR"
	done
	refuses 2 '' img-create --config no-such-file x.img 1k
	says no-such-file
	[ ! -e x.img ]
}

@test "create --json: what was created, and what would be" {
	succeeds img-create --json x.img 3M
	json '. == {location: "x.img", path: $path, capacity: 3145728}' --arg path "$DIR/x.img"
	succeeds img-create --json -n "a:$DIR/y.img" 1K
	json '. == {location: $at, path: $path, capacity: 1024, dry_run: true}' \
		--arg at "a:$DIR/y.img" --arg path "$DIR/y.img"
	refuses 6 x.img img-create --json x.img 3M
}
