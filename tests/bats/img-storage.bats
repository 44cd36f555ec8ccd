#!/usr/bin/env bats
# img-storage: on this host and on a remote host.

load common

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# without PROGRAM COMMAND...: runs COMMAND where PROGRAM cannot be run.
without() {
	local file program=$1
	shift

	file=$(command -v "$program")
	as_root unshare -m --propagation slave sh -c 'mount --bind /dev/null "$0" && exec "$@"' "$(realpath "$file")" \
		env "PATH=$PATH" "$@"
}

@test "storage --json: every key, and its type" {
	local where

	for where in '' a:; do
		# shellcheck disable=SC2086 # or no word
		succeeds img-storage --json $where
		json 'keys == ["directories", "filesystems", "groups", "helper_version", "host"]'
		json '.host == $host and (.helper_version | type == "string" and length > 0)' \
			--arg host "$(uname -n)"
		json '.filesystems | keys == ["detect", "grow", "shrink", "snapshot"] and
			all(type == "array" and all(type == "string"))'
		json '.directories | all(keys == ["filesystem", "free", "path", "reflink", "size",
			"writable"] and ([.size, .free] | all(type == "number")) and .free <= .size and
			([.reflink, .writable] | all(type == "boolean")) and .writable)'
		json '.groups | type == "array"'
	done
}

@test "storage: what the host's programs can grow, shrink and detect" {
	succeeds img-storage --json
	json '.filesystems | (.grow | index("ext4") != null and index("xfs") != null and
		index("swap") != null) and (.shrink | index("ext4") != null and index("xfs") == null)'
	json '.filesystems.detect | index("ext4") != null and index("btrfs") != null and
		index("LVM2_member") != null and length > 20'
	json '.filesystems.snapshot | index("xfs") != null'
}

@test "storage: what needs a missing program is not shown" {
	succeeds without resize2fs img-storage --json
	json '.filesystems | (.grow + .shrink | map(select(startswith("ext"))) == []) and
		(.grow | index("xfs") != null and index("swap") != null)'
	succeeds without btrfs img-storage --json
	json '.filesystems | (.grow + .shrink | index("btrfs") == null) and
		(.shrink | index("ext4") != null)'
	# Nothing is made, and the kernel grows it.
	succeeds without mkswap img-storage --json
	json '.filesystems | (.grow + .shrink | index("swap") != null)'
	succeeds without xfs_growfs img-storage --json
	json '.filesystems.grow | index("xfs") != null'
	succeeds without xfs_repair img-storage --json
	json '.filesystems.grow | index("xfs") == null and index("ext4") != null'
}

@test "storage: an empty PATH changes nothing" {
	succeeds img-storage --json
	cp "$OUT" before
	env -u PATH "$(command -v img-storage)" --json >after
	diff <(jq .filesystems before) <(jq .filesystems after)
	env PATH=/nonexistent "$(command -v img-storage)" --json >after
	diff <(jq .filesystems before) <(jq .filesystems after)
}

@test "storage: the mount points of writable filesystems, with their free space" {
	truncate -s 320M disk
	mkfs.xfs -q -m reflink=1 disk
	mkdir m ro
	as_root mount -o loop disk m
	MOUNTS+=("$DIR/m")
	as_root chmod 777 m
	truncate -s 8M disk2
	mke2fs -q -F disk2
	as_root mount -o loop,ro disk2 ro
	MOUNTS+=("$DIR/ro")
	succeeds img-storage --json
	json '.directories[] | select(.path == $m) | .filesystem == "xfs" and .reflink and
		.size == $size and (.free - $free | fabs) < 5000000' --arg m "$DIR/m" \
		--argjson size $(($(stat -f -c '%b * %S' m))) \
		--argjson free $(($(stat -f -c '%a * %S' m)))
	json '.directories | map(.path) | index($ro) == null' --arg ro "$DIR/ro"
	as_root chmod 755 m
	try by 65534 img-storage --json
	json '.directories[] | select(.path == $m) | .writable == false and .free > 0' --arg m "$DIR/m"
	as_root chmod 777 m
	try by 65534 img-storage --json
	json '.directories[] | select(.path == $m) | .writable' --arg m "$DIR/m"
	json '.directories | map(.filesystem) | all(. != "proc" and . != "sysfs" and . != "tmpfs")'
	[ -z "$(ls -A m)" ]
}

@test "storage: with a configuration, its directories" {
	mkdir one two
	printf '[storage]\n\tdirectory = %s/one\n\tdirectory = %s/two\n\tdirectory = %s/gone\n' \
		"$DIR" "$DIR" "$DIR" >config
	succeeds img-storage --json --config config
	json '.directories | map(.path) == [$one, $two]' --arg one "$DIR/one" --arg two "$DIR/two"
	json '.directories[0] | .filesystem == $type and .size == $size' \
		--arg type "$(stat -f -c %T one | sed 's,ext2/ext3,ext4,')" \
		--argjson size $(($(stat -f -c '%b * %S' one)))
	chmod 555 two
	succeeds without_power img-storage --json --config config
	json '.directories | map(.writable) == [true, false]'
	chmod 755 two
}

@test "storage: a table, aligned" {
	mkdir one
	printf '[storage]\n\tdirectory = %s/one\n' "$DIR" >config
	succeeds img-storage --config config
	grep -E "^host +$(uname -n)$" "$OUT"
	grep -E '^grow +.*ext4' "$OUT"
	grep -E " $DIR/one$" "$OUT"
	if grep ' $' "$OUT"; then return 1; fi
	succeeds img-storage a:
	grep -E "^host +$(uname -n)$" "$OUT"
}

@test "storage --xml: well-formed, with the same content" {
	succeeds img-storage --xml
	xmllint --noout "$OUT"
	[ "$(xmllint --xpath 'count(/storage/directory)' "$OUT")" -ge 1 ]
	# What is mounted can change between two calls, what is configured cannot.
	mkdir one two
	printf '[storage]\n\tdirectory = %s\n' "$DIR/one" "$DIR/two" >config
	succeeds img-storage --config config --json
	cp "$OUT" json
	json '.directories | length == 2'
	succeeds img-storage --config config --xml
	xmllint --noout "$OUT"
	[ "$(xmllint --xpath 'string(/storage/host)' "$OUT")" = "$(uname -n)" ]
	[ "$(xmllint --xpath 'count(/storage/directory)' "$OUT")" = "$(jq '.directories | length' json)" ]
	[ "$(xmllint --xpath 'count(//grow/type)' "$OUT")" = "$(jq '.filesystems.grow | length' json)" ]
	succeeds img-storage --xml a:
	xmllint --noout "$OUT"
	refuses 2 '' img-storage --xml --json
}

@test "storage: the remote host's own configuration counts" {
	local config=$BATS_FILE_TMPDIR/home-a/.config/img-tools

	mkdir -p "$config" one
	printf '[storage]\n\tdirectory = %s/one\n' "$DIR" >"$config/config"
	try img-storage --json a:
	rm -r "$config"
	[ "$status" = 0 ]
	json '.directories | map(.path) == [$one]' --arg one "$DIR/one"
}

@test "storage: wrong command lines" {
	refuses 2 . img-storage .
	refuses 2 "a:$DIR" img-storage "a:$DIR"
	refuses 2 nowhere:/x img-storage nowhere:/x # before anything is connected
	refuses 2 '' img-storage a: a:
	refuses 2 '' img-storage --nonsense
	refuses 2 '' img-storage -
	refuses 7 nowhere: img-storage nowhere:
	succeeds img-storage --help
	succeeds img-storage --usage
	succeeds img-storage --version
}
