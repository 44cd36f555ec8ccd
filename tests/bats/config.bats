#!/usr/bin/env bats
# What the configuration allows: with --config on this host, in ~/.config and /etc on a
# remote host; and every way around it.
#
# Host a is an ordinary host; on host e, /etc/img-tools/config allows only $STORE (its
# sshd has an /etc of its own in a mount namespace).

load common

setup_file() {
	img_setup_file a
	export STORE=$BATS_FILE_TMPDIR/store ETC=$BATS_FILE_TMPDIR/etc SSHD
	mkdir "$STORE"
	make_etc
	SSHD=$sshd_program
	# shellcheck disable=SC2016 # it is a script
	{
		echo '#!/bin/bash'
		declare -f in_etc
		printf 'ETC=%q\n' "$ETC"
		printf 'in_etc %q "$@"\n' "$SSHD"
	} >"$BATS_FILE_TMPDIR/sshd"
	chmod 755 "$BATS_FILE_TMPDIR/sshd"
	sshd_program=$BATS_FILE_TMPDIR/sshd start_host e
}
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	rm -rf "$STORE"
	mkdir "$STORE"
	etc_allows "$STORE"
}
teardown() { img_teardown; }

# An /etc that commands see instead of the system's /etc.
make_etc() {
	mkdir "$ETC"
	cp -a /etc/. "$ETC" 2>/dev/null || true # some files may be unreadable for us
	rm -rf "$ETC/img-tools"
	mkdir "$ETC/img-tools"
}

etc_allows() {
	config_of "$@" >"$ETC/img-tools/config"
}

# in_etc COMMAND...: runs it with $ETC as /etc.
in_etc() {
	local ns=(unshare -m --propagation slave)

	[ "$(id -u)" = 0 ] || ns=(unshare -Umc --propagation slave --keep-caps)
	# exec, because the caller wants to know the process
	exec "${ns[@]}" sh -c 'mount --bind "$1" /etc && shift && exec "$@"' sh "$ETC" "$@"
}

here_in_etc() {
	(in_etc "$@")
}

config_of() {
	echo '[storage]'
	printf '\tdirectory = %s\n' "$@"
}

# A tree of which only `in` is allowed, with every possible way out of it.
make_tree() {
	mkdir -p in/sub out in2
	cp "$IMAGE" in/x.img
	cp "$IMAGE" in/sub/y.img
	truncate -s 9M in/room.img
	cp "$IMAGE" out/x.img
	truncate -s 9M out/room.img
	cp "$IMAGE" in2/x.img
	cp "$IMAGE" x.img
	lzop -o out/x.img.lzo x.img
	lzop -o in/x.img.lzo x.img
	ln -s ../out in/way
	ln -s "$DIR/out" in/absway
	ln -s ../out/x.img in/rel
	ln -s "$DIR/out/x.img" in/abs
	ln -s sub/../../out/x.img in/roundabout
	ln -s rel in/twice
	ln -s "$DIR/in/x.img" in/home # absolute links are refused wherever they lead
	ln -s sub in/insub
	ln -s ../x.img in/sub/up
	ln -s in alias
	config_of "$DIR/in" >config
	OUTSIDE=$(state_outside)
}

state_outside() {
	find out in2 x.img -exec stat -c '%n %i %h %s %Y' {} + | sort
	sha256sum out/* in2/* x.img
}

# Names of x.img that lead outside.
escapes() {
	printf '%s\n' out/x.img in/../out/x.img in/sub/../../out/x.img in2/x.img "$DIR/in2/x.img" \
		in/way/x.img in/absway/x.img in/rel in/abs in/roundabout in/twice in/home x.img \
		in/../x.img in/way/../x.img alias/x.img "$DIR/in/../out/x.img" \
		"/proc/self/cwd/out/x.img" "$DIR/in/sub/../../in2/x.img" "in//..//out/x.img"
}

# Directories that are outside.
ways() {
	printf '%s\n' out in/.. in/../out in2 in/way in/absway in/sub/../.. . .. / alias "$DIR/in2"
}

@test "config: every command works within what is allowed" {
	local c=(--config config)

	make_tree
	succeeds img-info "${c[@]}" in/x.img
	succeeds img-info "${c[@]}" in/insub/y.img in/sub/up in/sub/../x.img "$DIR//in/./x.img"
	succeeds img-list "${c[@]}" in in/ in/sub in/insub
	succeeds img-copy "${c[@]}" in/x.img in/sub/z.img
	succeeds img-copy "${c[@]}" in/x.img in/insub/
	succeeds img-copy "${c[@]}" - in/w.img <"$IMAGE"
	succeeds img-write "${c[@]}" in/x.img in/room.img
	succeeds img-create "${c[@]}" in/sub/new.img 1M
	succeeds img-rename "${c[@]}" in/sub/new.img newer.img
	succeeds img-archive "${c[@]}" in/w.img
	succeeds img-unarchive "${c[@]}" in/w.img.lzo
	succeeds img-verify "${c[@]}" in/w.img in/x.img
	succeeds img-delete "${c[@]}" in/w.img "$DIR/in/sub/newer.img"
	touch in/.v.img.img-tools
	succeeds img-clean "${c[@]}" in
	cd in/sub
	succeeds img-info --config ../../config y.img ./y.img ../x.img
	succeeds img-copy --config ../../config y.img ..
	cd "$DIR"
	[ "$(state_outside)" = "$OUTSIDE" ]
}

@test "config: no image outside is read, by any name" {
	local name

	make_tree
	mapfile -t names < <(escapes)
	try img-info --config config --json "${names[@]}"
	[ "$status" = 4 ]
	[ ! -s "$OUT" ]
	[ "$(wc -l <"$ERR")" = ${#names[@]} ]
	[ "$(grep -c 'not allowed by config' "$ERR")" -ge $((${#names[@]} - 1)) ]
	for name in out/x.img in/way/x.img in/rel in2/x.img; do
		refuses 4 $name img-info --config config $name
		refuses 4 $name img-copy --config config $name in/new.img
		refuses 4 $name img-copy --config config $name -
		refuses 4 $name img-write --config config $name in/room.img
		refuses 4 $name img-verify --config config $name
		refuses 4 $name img-verify --config config in/x.img $name
	done
	[ ! -e in/new.img ]
}

@test "config: no image outside is created or changed, by any name" {
	make_tree
	mapfile -t names < <(escapes)
	try img-delete --config config "${names[@]}"
	[ "$status" = 4 ]
	[ "$(wc -l <"$ERR")" = ${#names[@]} ]
	try img-archive --config config "${names[@]}"
	[ "$status" = 4 ]
	[ "$(wc -l <"$ERR")" = ${#names[@]} ]
	try img-unarchive --config config "${names[@]/%/.lzo}"
	[ "$status" != 0 ]
	for name in "${names[@]}"; do
		try img-rename --config config "$name" renamed.img
		[ "$status" = 4 ]
		try img-write --config config in/x.img "$name"
		[ "$status" = 4 ]
		try img-copy --config config --overwrite in/x.img "$name"
		[ "$status" = 4 ]
		try img-create --config config "$name.new" 1M
		case $name in
		in/rel | in/abs | in/roundabout | in/twice | in/home) rm "$name.new" ;; # a new name
		*) [ "$status" = 4 ] ;;
		esac
	done
	[ "$(state_outside)" = "$OUTSIDE" ]
	[ "$(find in -name '*renamed*')" = "" ]
}

@test "config: no directory outside is listed, cleaned or filled" {
	make_tree
	touch out/.left.img-tools in2/.left.img-tools
	OUTSIDE=$(state_outside)
	mapfile -t dirs < <(ways)
	for command in img-list 'img-list -R' img-clean; do
		# shellcheck disable=SC2086 # several words
		try $command --config config "${dirs[@]}"
		[ "$status" = 4 ]
		[ ! -s "$OUT" ]
		[ "$(wc -l <"$ERR")" = ${#dirs[@]} ]
	done
	for dir in "${dirs[@]}"; do
		try img-copy --config config in/x.img "$dir"
		[ "$status" = 4 ]
		try img-copy --config config in/x.img "$dir/"
		[ "$status" = 4 ]
	done
	[ "$(state_outside)" = "$OUTSIDE" ]
	rm out/.left.img-tools in2/.left.img-tools
}

@test "config: a listing shows nothing about links that lead outside" {
	make_tree
	succeeds img-list --config config --json in
	json '.entries | map(.name) == ["insub", "room.img", "sub", "x.img", "x.img.lzo"]'
	succeeds img-list --config config -R --json in
	json '.entries | map(.name) | index("sub/y.img") != null and index("sub/up") != null'
	json '.entries | all(.path | startswith($in))' --arg in "$DIR/in"
}

@test "config: no message tells whether something outside exists" {
	make_tree
	for name in out/x.img out/no.img no/no.img in/way/x.img in/way/no.img; do
		refuses 4 $name img-info --config config $name
	done
	refuses 3 in/no.img img-info --config config in/no.img
}

@test "config: hard links" {
	make_tree
	ln out/x.img in/hard.img
	ln out/room.img in/hardroom.img
	OUTSIDE=$(state_outside)
	refuses 4 in/hard.img img-delete --config config in/hard.img
	refuses 4 in/hard.img img-rename --config config in/hard.img new.img
	refuses 4 in/hard.img img-archive --config config in/hard.img
	refuses 4 in/hardroom.img img-write --config config in/x.img in/hardroom.img
	refuses 4 in/hard.img img-copy --config config --overwrite in/x.img in/hard.img
	[ "$(state_outside)" = "$OUTSIDE" ]
}

@test "config: what is mounted below an allowed directory is allowed, bind mounts too" {
	make_tree
	mkdir in/m in/b
	as_root mount -t tmpfs -o mode=1777 tmpfs in/m
	MOUNTS+=("$DIR/in/m")
	succeeds img-copy --config config in/x.img in/m/z.img
	same in/x.img in/m/z.img
	succeeds img-list --config config -R --json in
	json '.entries | map(.name) | index("m/z.img") != null'
	as_root mount --bind in/sub in/b
	MOUNTS+=("$DIR/in/b")
	succeeds img-info --config config in/b/y.img
}

@test "config: several directories, and missing ones" {
	make_tree
	config_of "$DIR/in" "$DIR/gone" "$DIR/out" >config
	succeeds img-copy --config config out/x.img in/new.img
	refuses 4 in/rel img-info --config config in/rel
	refuses 4 in2/x.img img-info --config config in2/x.img
	refuses 4 gone/x.img img-create --config config gone/x.img 1M
	config_of "$DIR/gone" >config
	refuses 4 in/x.img img-info --config config in/x.img
	printf '[storage]\n\tgroup = vg0\n' >config
	refuses 4 in/x.img img-info --config config in/x.img
	config_of / >config
	succeeds img-info --config config in/x.img in2/x.img
	printf '# nothing\n[snapshot]\n\tsize = 5%%\n' >config
	succeeds img-info --config config in/x.img in2/x.img
}

@test "config: --config applies to this host only" {
	make_tree
	succeeds img-info --config config "a:$DIR/out/x.img"
	succeeds img-copy --config config "a:$DIR/out/x.img" in/new.img
	refuses 4 out/new.img img-copy --config config "a:$DIR/out/x.img" out/new.img
	refuses 4 out/x.img img-copy --config config out/x.img "a:$DIR/new.img"
}

# wrong LINE REASON: standard input is a configuration that is refused with these.
wrong() {
	cat >wrong
	refuses 2 in/x.img img-info --config wrong in/x.img
	says "wrong:$1: $2"
	refuses 2 new.img img-create --config wrong new.img 1M
	[ ! -e new.img ]
}

@test "config: a wrong line is named, and nothing is changed" {
	make_tree
	config_of "$DIR/in/x.img" >config
	refuses 2 in/x.img img-info --config config in/x.img
	says "config: storage.directory is '$DIR/in/x.img', which is no directory"
	refuses 2 new.img img-create --config config new.img 1M
	# Also if the program that connects has its own configuration.
	printf '#!/bin/sh\nshift\nexec sh -c "$*"\n' >rsh
	chmod 755 rsh
	refuses 2 "h:$DIR/in/x.img" env img-info --config gone --rsh ./rsh "h:$DIR/in/x.img"
	wrong 2 'unknown key' <<<$'[storage]\ndirektory = /srv'
	wrong 1 'unknown section' <<<$'[stroage]\ndirectory = /srv'
	wrong 1 "'directory' before the first section" <<<'directory = /srv'
	wrong 3 'not an absolute path' <<<$'[storage]\n\n\tdirectory = srv'
	wrong 2 "no '='" <<<$'[storage]\n\tdirectory /srv'
	wrong 2 "'storage.directory' has no value" <<<$'[storage]\n\tdirectory ='
	wrong 2 'unterminated quote' <<<$'[storage]\n\tdirectory = "/srv'
	wrong 1 "'['" <<<'[storage'
	wrong 2 'line with a NUL byte' < <(printf '[storage]\n\tdirectory = /s\0rv\n')
	wrong 4 "invalid percentage '0%'; use 1%" <<<$'[storage]\n\tdirectory = /srv\n[snapshot]\nsize = 0%'
	wrong 2 "invalid value 'maybe'; use yes or no" <<<$'[snapshot]\nautoextend = maybe'
	wrong 2 "invalid value 'maybe'; use yes or no" <<<$'[resize]\nmount = maybe'
	wrong 2 "invalid volume group name '/dev/vg0'" <<<$'[storage]\ngroup = /dev/vg0'
	wrong 2 'unknown key' < <(printf '[storage]\nx\e[31m = /srv\n')
	[ "$(state_outside)" = "$OUTSIDE" ]
}

@test "config: a file that cannot be read" {
	make_tree
	mkdir d
	refuses 2 in/x.img img-info --config gone in/x.img
	refuses 2 in/x.img img-info --config d in/x.img
	install -m 0 config secret
	refuses 2 in/x.img without_power img-info --config secret in/x.img
	says secret
}

@test "config: the user's own file" {
	make_tree
	mkdir -p "$HOME/.config/img-tools"
	cp config "$HOME/.config/img-tools/config"
	try img-info out/x.img
	cp "$ERR" said
	try img-info in/x.img
	inside=$status
	config_of "$DIR/out" >config
	try img-info --config config out/x.img # instead of the user's file
	replaced=$status
	echo nonsense >"$HOME/.config/img-tools/config"
	try img-info in/x.img
	rm -r "$HOME/.config"
	[ "$status" = 2 ]
	one_line "img-info: in/x.img: $HOME/.config/img-tools/config:1: "
	[ "$inside $replaced" = '0 0' ]
	grep "not allowed by $HOME/.config/img-tools/config" said
}

@test "config: the user's own file on a remote host" {
	local own=$BATS_FILE_TMPDIR/home-a/.config/img-tools

	make_tree
	mkdir -p "$own"
	cp config "$own/config"
	try img-info "a:$DIR/in/x.img"
	inside=$status
	try img-info "a:$DIR/out/x.img"
	cp "$ERR" outside
	try img-list --json a:
	cp "$OUT" list
	echo nonsense >"$own/config"
	try img-info "a:$DIR/in/x.img"
	rm -r "$own"
	[ "$status" = 2 ]
	one_line "img-info: a:$DIR/in/x.img: $own/config:1: "
	[ "$inside" = 0 ]
	grep 'not allowed by' outside
	jq -e '.entries | map(.name) | index("sub") != null' list
}

@test "config: /etc limits on this host, whatever the user's file says" {
	make_tree
	cp "$IMAGE" "$STORE/x.img"
	succeeds here_in_etc img-info "$STORE/x.img"
	refuses 4 out/x.img here_in_etc img-info out/x.img
	says 'not allowed by /etc/img-tools/config'
	config_of "$DIR" "$STORE" >wide
	refuses 4 out/x.img here_in_etc img-info --config wide out/x.img
	refuses 4 out/new.img here_in_etc img-create --config wide out/new.img 1M
	succeeds here_in_etc img-info --config wide "$STORE/x.img"
	mkdir "$STORE/deep"
	cp "$IMAGE" "$STORE/deep/y.img"
	config_of "$STORE/deep" >narrow
	refuses 4 "$STORE/x.img" here_in_etc img-info --config narrow "$STORE/x.img"
	says 'not allowed by narrow'
	refuses 4 "$STORE/x.img" here_in_etc img-delete --config narrow "$STORE/x.img"
	succeeds here_in_etc img-info --config narrow "$STORE/deep/y.img"
	succeeds here_in_etc img-copy --config narrow "$STORE/deep/y.img" "$STORE/deep/z.img"
	refuses 4 out/no.img here_in_etc img-info out/no.img
}

@test "config: the user's own file does not name devices beside those of /etc" {
	local loops=()

	for _ in 1 2; do
		cp "$IMAGE" "x${#loops[@]}"
		loops+=("$(as_root losetup --show -f "x${#loops[@]}")")
	done
	printf '[storage]\n\tdevice = %s\n' "${loops[0]}" >"$ETC/img-tools/config"
	printf '[storage]\n\tdevice = %s\n\tdevice = %s\n' "${loops[@]}" >own
	head -c 3M /dev/urandom >new
	try here_in_etc img-write --config own new "${loops[1]}"
	cp "$ERR" refusal
	as_root losetup -d "${loops[1]}"
	[ "$status" = 4 ]
	grep 'not allowed by /etc/img-tools/config: it does not name this device' refusal
	same "$IMAGE" x1
	try here_in_etc img-write --config own new "${loops[0]}"
	as_root losetup -d "${loops[0]}"
	[ "$status" = 0 ]
	cmp -n 3145728 new x0
}

@test "config: /etc/img-tools/config that is wrong or cannot be read" {
	echo '[storage' >"$ETC/img-tools/config"
	refuses 2 "$IMAGE" here_in_etc img-info "$IMAGE"
	says '/etc/img-tools/config:1: '
	refuses 2 "e:$IMAGE" img-info "e:$IMAGE"
	says '/etc/img-tools/config:1: '
	rm "$ETC/img-tools/config"
	mkdir "$ETC/img-tools/config"
	refuses 2 "$IMAGE" here_in_etc img-info "$IMAGE"
	refuses 2 "e:$IMAGE" img-info "e:$IMAGE"
	rmdir "$ETC/img-tools/config"
	succeeds here_in_etc img-info "$IMAGE"
}

@test "config: /etc limits on a remote host, for every user" {
	local e=e:$STORE

	cp "$IMAGE" x.img
	cp "$IMAGE" "$STORE/x.img"
	truncate -s 9M "$STORE/room.img" room.img
	ln -s "$DIR" "$STORE/way"
	ln -s "$DIR/x.img" "$STORE/link"
	before=$(state_of x.img; state_of room.img)
	succeeds img-info "$e/x.img"
	succeeds img-copy "$e/x.img" "$e/new.img"
	succeeds img-copy x.img "$e/newer.img"
	succeeds img-write x.img "$e/room.img"
	out=("$DIR/x.img" "$STORE/way/x.img" "$STORE/link" "$STORE/../${DIR##*/}/x.img" "${STORE}2/x.img")
	try img-info "${out[@]/#/e:}"
	[ "$status" = 4 ]
	[ "$(wc -l <"$ERR")" = ${#out[@]} ]
	for command in img-delete img-archive; do
		try $command "e:$STORE/way/x.img" "e:$STORE/link"
		[ "$status" = 4 ]
		[ "$(wc -l <"$ERR")" = 2 ]
	done
	refuses 4 "$e/link" img-copy "$e/link" got.img
	for path in "e:$DIR/x.img" "$e/way/x.img"; do
		refuses 4 "$path" img-copy "$path" got.img
		refuses 4 "$path" img-write x.img "$path"
		refuses 4 "$path" img-copy --overwrite x.img "$path"
	done
	refuses 4 "e:$DIR" img-list "e:$DIR"
	refuses 4 "e:$DIR" img-clean "e:$DIR"
	refuses 4 e:x.img img-create e:x.img 1M
	[ ! -e got.img ]
	[ "$(state_of x.img; state_of room.img)" = "$before" ]
}

@test "config: a home that is no directory has no configuration" {
	cp "$IMAGE" x.img
	succeeds env HOME=/dev/null img-info x.img
	succeeds env "HOME=$DIR/x.img" img-info x.img
}

@test "config: HOST: means what /etc allows on that host" {
	local own=$BATS_FILE_TMPDIR/home-e/.config/img-tools

	mkdir "$STORE/deep" "$STORE/other"
	cp "$IMAGE" "$STORE/x.img"
	touch "$STORE/.left.img-tools" "$STORE/deep/.left.img-tools"
	succeeds img-list --json e:
	json '.entries | map(.name) | index("x.img") != null'
	succeeds img-storage --json e:
	json '.directories | map(.path) == [$store]' --arg store "$STORE"
	succeeds img-clean e:
	[ "$(cat "$OUT")" = "removed e:$STORE/.left.img-tools" ]
	mkdir -p "$own"
	config_of "$STORE/deep" >"$own/config"
	try img-list --json e:
	cp "$OUT" list
	try img-clean e:
	cp "$OUT" cleaned
	try img-info "e:$STORE/x.img"
	rm -r "$own"
	[ "$status" = 4 ]
	jq -e '.entries | map(.name) == [".left.img-tools"]' list
	[ "$(cat cleaned)" = "removed e:$STORE/deep/.left.img-tools" ]
	rm -f "$STORE/deep/.left.img-tools"
}

@test "config: HOST: a directory that is not allowed hides none of the others" {
	local own=$BATS_FILE_TMPDIR/home-e/.config/img-tools

	mkdir "$STORE/a" "$STORE/z" out
	cp "$IMAGE" "$STORE/a/one.img"
	cp "$IMAGE" "$STORE/z/two.img"
	touch "$STORE/z/.left.img-tools"
	mkdir -p "$own"
	config_of "$STORE/a" "$DIR/out" "$STORE/z" >"$own/config"
	try img-list --json e:
	cp "$OUT" list
	cp "$ERR" list-err
	list_status=$status
	try img-list e:
	cp "$OUT" table
	try img-clean e:
	rm -r "$own"
	[ "$status" = 4 ]
	[ "$(cat "$OUT")" = "removed e:$STORE/z/.left.img-tools" ]
	one_line "img-clean: e:: '$DIR/out': "
	[ "$list_status" = 4 ]
	jq -e --arg out "$DIR/out" '.entries | map([.path, .kind]) == [[$a, "file"], [$out, "directory"],
		[$left, "file"], [$b, "file"]]' --arg a "$STORE/a/one.img" --arg b "$STORE/z/two.img" \
		--arg left "$STORE/z/.left.img-tools" list
	[ "$(wc -l <list-err)" = 1 ]
	grep "^img-list: e:: '$DIR/out': " list-err
	[ "$(wc -l <table)" = 5 ]
	grep two.img table
}

# Pairs of names are swapped: `in` has images of 1 MiB full of i, `out` of 3 MiB full of o.
swapped_tree() {
	mkdir -p in/dir out/hidden
	head -c 1M /dev/zero | tr '\0' i >in/dir/f
	cp in/dir/f in/f
	cp in/dir/f in/source
	head -c 3M /dev/zero | tr '\0' o >out/f
	cp out/f out/secret
	touch out/.left.img-tools
	ln -s ../out in/link
	ln -s ../out/f in/flink
	config_of "$DIR/in" >config
	OUT_SUMS=$(out_sums)
	"$IMG_BUILD/tests/swapper" in/dir in/link in/f in/flink >swapper.log 2>&1 3>&- &
	SWAPPER=$!
}

out_sums() {
	find out -exec stat -c '%n %i %h %s' {} + | sort
	sha256sum out/f out/secret
}

swapped_end() {
	kill "$SWAPPER" || {
		cat swapper.log >&2
		return 1
	}
	wait "$SWAPPER" || true
	[ "$(out_sums)" = "$OUT_SUMS" ]
	rm out/.left.img-tools
}

# mixed FILTER COMMAND...: tries COMMAND, with FILTER true each time, until some of its names were
# refused and some not.  That may take more than one try: while other tests sync their files, the
# filesystem can make the swapper wait for seconds.
mixed() {
	for _ in {1..50}; do
		try "${@:2}"
		[[ $status = [04] ]]
		[ ! -s "$OUT" ] || json "$1"
		if [ "$status" = 4 ] && [ -s "$OUT" ] && jq -e 'length > 0' "$OUT" >/dev/null; then
			return 0
		fi
	done
	told
	return 1
}

# times N WORD...: prints each word N times.
times() {
	local i n=$1
	shift

	for ((i = 0; i < n; i++)); do printf '%s\n' "$@"; done
}

@test "config: names swapped while images are read: 390 attempts, none escapes" {
	local i name copied=0

	swapped_tree
	mapfile -t names < <(times 100 in/dir/f in/f)
	mixed 'all(.capacity == 1048576 and (.path | startswith("'"$DIR/in"'")))' \
		img-info --config config --json "${names[@]}"
	if grep -vF 'not allowed by config' "$ERR" | grep .; then return 1; fi
	etc_allows "$DIR/in"
	mapfile -t names < <(times 20 in/dir/f in/f)
	mixed 'all(.capacity == 1048576)' img-info --json "${names[@]/#/e:$DIR/}"
	mapfile -t names < <(times 100 in/dir)
	mixed 'all(.entries | all(.name == "f" and (.capacity | . == null or . == 1048576)))' \
		img-list --config config --json "${names[@]}"
	for ((i = 0; i < 25 || (copied == 0 && i < 500); i++)); do
		for name in in/dir/f in/f; do
			try img-copy --config config $name -
			# 8: what it read was renamed meanwhile.
			[[ $status = [048] ]]
			copied=$((copied + (status == 0)))
			if grep -q o "$OUT"; then return 1; fi
		done
	done
	[ $copied -gt 0 ]
	swapped_end
}

@test "config: names swapped while images are created and changed: 450 attempts, none escapes" {
	local i made=0

	swapped_tree
	mapfile -t names < <(times 150 in/dir/f in/dir/secret)
	try img-delete --config config "${names[@]}"
	mapfile -t names < <(times 30 in/dir)
	try img-clean --config config "${names[@]}"
	for ((i = 0; i < 25 || (made == 0 && i < 500); i++)); do
		try img-create --config config "in/dir/new$i" 4K
		[ "$status" != 0 ] || made=$((made + 1))
		try img-copy --config config in/source in/dir/
		try img-copy --config config --overwrite in/source in/dir/f
		try img-write --config config in/source in/dir/f
		try img-write --config config in/source in/f
		try img-rename --config config in/dir/secret "stolen$i"
	done
	[ $made -gt 0 ]
	swapped_end
}

@test "config: [ssh] config has the same effect as -F" {
	local config=$SSH_CONFIG

	cp "$IMAGE" x.img
	printf '[ssh]\n\tconfig = %s\n' "$config" >own
	mkdir -p "$HOME/.config/img-tools"
	printf '[ssh]\n\tconfig = ~/own-ssh\n' >"$HOME/.config/img-tools/config"
	cp "$config" "$HOME/own-ssh"
	SSH_CONFIG=
	succeeds img-info "a:$DIR/x.img"
	rm "$HOME/own-ssh"
	refuses 2 "a:$DIR/x.img" img-info "a:$DIR/x.img"
	succeeds img-info --config own "a:$DIR/x.img"
	succeeds img-info -F "$config" "a:$DIR/x.img"
	printf '[ssh]\n\tkonfig = x\n' >own
	refuses 2 "a:$DIR/x.img" img-info --config own "a:$DIR/x.img"
	says 'own:2: '
	rm -r "$HOME/.config"
}

# As below systemd, which sets no HOME for the system's services.
@test "config: without HOME, root's own file limits as well" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	mkdir -p root/.config/img-tools in
	printf '[storage]\n\tdirectory = %s/in\n' "$DIR" >root/.config/img-tools/config
	cp "$IMAGE" x.img
	cp "$IMAGE" in
	local name=${IMAGE##*/}
	set -- unshare -m --propagation slave sh -c 'mount --bind root /root && exec env -u HOME "$@"' sh
	refuses 4 x.img "$@" img-info x.img
	says 'not allowed by /root/.config/img-tools/config'
	succeeds "$@" img-info "in/$name"
}
