#!/usr/bin/env bats
# Names that a shell, a terminal or a parser could misunderstand.

load common

setup_file() { img_setup_file a b; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# Copies an image of that name in every direction, asks for its properties, deletes it,
# and checks the error when it no longer exists.
goes_through() {
	local name=$1 where

	head -c 300000 /dev/urandom >orig
	cp -- orig "./$name"
	mkdir d e f
	succeeds img-copy "./$name" d
	same orig "d/$name"
	succeeds img-copy "./$name" "./e/$name"
	same orig "e/$name"
	succeeds img-copy --archive "./$name" "a:$DIR/f/$name"
	lzop -dc <"f/$name" | same orig -
	rm -f -- ./?/*
	succeeds img-copy "a:$DIR/$name" d/
	same orig "d/$name"
	succeeds img-copy "a:$DIR/$name" "b:$DIR/e/$name"
	same orig "e/$name"
	succeeds img-copy --json "a:$DIR/e/$name" "a:$DIR/f/"
	same orig "f/$name"
	json .
	for where in "./$name" "a:$DIR/$name"; do
		succeeds img-info "$where"
		printable "$OUT"
		[ "$(grep -c '^location' "$OUT")" = 1 ]
		succeeds img-info --json "$where"
		json .
		refuses 6 '' img-copy orig "$where"
		refuses 4 '' img-create "$where/" 1k
	done
	succeeds img-delete "./d/$name" "a:$DIR/e/$name" "a:$DIR/f/$name" "./$name"
	[ "$(find . -type f)" = ./orig ]
	for where in "./$name" "a:$DIR/$name"; do
		refuses 3 '' img-copy "$where" "./new $name"
		refuses 3 '' img-info "$where"
		refuses 3 '' img-delete "$where"
		succeeds img-create "$where" 1k
		succeeds img-delete "$where"
	done
	[ "$(find . -type f)" = ./orig ]
	[ ! -e "$HOME/pwned" ]
	[ ! -e "$BATS_FILE_TMPDIR/home-a/pwned" ]
}

@test "names: with a newline" {
	goes_through $'two\nlines.img'
	goes_through_again $'\n'
}

goes_through_again() {
	rm -rf -- ./?
	goes_through "$1"
}

@test "names: with a leading -" {
	goes_through -rf
	goes_through_again --overwrite
}

@test "names: with a leading -, after --" {
	cp "$IMAGE" ./-x.img
	succeeds img-copy -- -x.img -y.img
	same "$IMAGE" ./-y.img
	succeeds img-info -- -y.img
	succeeds img-delete -- -y.img
	succeeds img-create -- -z.img 1k
	refuses 2 '' img-copy -x.img -w.img
	refuses 2 '' img-delete -x.img
	[ "$(ls)" = '-x.img
-z.img' ]
}

@test "names: with spaces and tabs" {
	goes_through '  a  b '
	goes_through_again $'\ta\tb'
}

@test "names: with quotes" {
	goes_through "it's \"so\""
	goes_through_again "'"
}

@test "names: with \$(...), backquotes and other characters that are special to shells" {
	goes_through '$(touch pwned)`touch pwned`'
	goes_through_again $'; touch pwned #&|*?[x]{a,b}!~<>%s%n\\'
}

@test "names: that are not UTF-8" {
	goes_through $'\xff\xc3(\xe2\x82.img'
}

@test "names: with terminal escapes" {
	goes_through $'\e[31m\e]0;title\a\x9b2J\r\b\x7f.img'
	goes_through_again $'\u202e\u200bgnp.img'
}

@test "names: with a colon, as ssh:// or as a host" {
	mkdir -p ssh: a:
	cp "$IMAGE" ./ssh:/x.img
	succeeds img-copy ./ssh:/x.img ./a:/y.img
	same "$IMAGE" ./a:/y.img
	succeeds img-info "$DIR/a:/y.img"
	succeeds img-copy ./a:/y.img "a:$DIR/a:/z.img"
	same "$IMAGE" ./a:/z.img
}

@test "names: of 255 bytes, and too long ones" {
	local long

	long=$(printf 'x%.0s' {1..255})
	goes_through_long "$long"
	refuses 1 '' img-create "y$long" 1k
	refuses 1 '' img-create "a:$DIR/y$long" 1k
	refuses 3 '' img-copy "$IMAGE" "$(printf 'd/%.0s' {1..100})x"
	[ -z "$(ls)" ]
}

@test "names: that are too long with .lzo are named once" {
	local long n where

	mkdir d
	for n in 252 255; do
		long=$(head -c "$n" /dev/zero | tr '\0' x)
		cp "$IMAGE" "$long"
		for where in '' "a:$DIR/"; do
			refuses 1 "$where$long" img-archive -k "$where$long"
			one_line "img-archive: $where$long: cannot open '$long.lzo': File name too long"
			refuses 1 d img-copy -a "$where$long" d
			one_line "img-copy: d: cannot open '$long.lzo': File name too long"
		done
		rm "$long"
	done
	long=$(head -c 251 /dev/zero | tr '\0' x)
	cp "$IMAGE" "$long"
	succeeds img-archive -k "$long"
	lzop -dc "$long.lzo" | cmp - "$IMAGE"
}

goes_through_long() {
	succeeds img-copy "$IMAGE" "$1"
	same "$IMAGE" "$1"
	succeeds img-copy "$1" "a:$DIR/${1/x/y}"
	same "$IMAGE" "${1/x/y}"
	succeeds img-copy --overwrite "a:$DIR/$1" "${1/x/y}"
	succeeds img-delete "$1" "a:$DIR/${1/x/y}"
}

@test "names: the current directory was deleted" {
	local words

	mkdir gone
	cd gone
	rmdir ../gone
	for words in 'img-info x.img' 'img-list' 'img-list .' "img-copy $IMAGE y.img" \
		'img-copy x.img /y.img' 'img-write x.img y.img' 'img-create x.img 1M' 'img-delete x.img' \
		'img-rename x.img y.img' 'img-resize x.img 1M' 'img-resizefs x.img' 'img-archive x.img' \
		'img-unarchive x.img.lzo' 'img-verify x.img' 'img-snap x.img' 'img-clean .' \
		'img-commit x.img' 'img-watch x.img' 'img-watch --once x.img'; do
		# shellcheck disable=SC2086 # a command
		try $words
		[ "$status" = 3 ]
		[ "$(wc -l <"$ERR")" = 1 ]
		says 'cannot get the current directory: No such file or directory'
	done
	succeeds img-copy "$IMAGE" "$DIR/y.img"
	same "$IMAGE" "$DIR/y.img"
	succeeds img-copy "a:$IMAGE" "$DIR/z.img"
	same "$IMAGE" "$DIR/z.img"
	succeeds img-storage
}
