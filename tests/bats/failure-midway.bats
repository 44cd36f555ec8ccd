#!/usr/bin/env bats
# Every command, when its helper on a host is killed, disconnected or silent in the middle
# of its work, when it is interrupted itself, and when its image changes meanwhile.

load common

# shellcheck disable=SC2016 # it writes a script
setup_file() {
	local i stall=$BATS_FILE_TMPDIR/stall

	img_setup_file a
	# There a helper stops, as by SIGSTOP, when it comes to its main work.
	export STALLED=$BATS_FILE_TMPDIR/stalled TRACES=$BATS_FILE_TMPDIR/traces
	mkdir "$STALLED" "$TRACES"
	{
		printf '#!/bin/sh\nexec strace -f -qq -o "%s/$$" ' "$TRACES"
		printf -- '-e inject=%s:signal=STOP ' getdents64,pread64,unlinkat,renameat2,fallocate,statfs,fstatfs
		printf -- '-P %s ' /
		for i in "${!STALLING[@]}"; do
			printf -- '-P %s ' "$STALLED/$i"{,/x.img,/room.img,/fs.img,/z.img.lzo,/top.qcow2,/.y.img.img-tools}
		done
		printf 'sh -c "$SSH_ORIGINAL_COMMAND"\n'
	} >"$stall"
	chmod 755 "$stall"
	HOST_ENV=ASAN_OPTIONS=detect_leaks=0 start_host stall "ForceCommand exec $stall"
}
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	rm -rf "${STALLED:?}"/* "${TRACES:?}"/*
}
teardown() { img_teardown; }

STALLING=(
	'img-create @y.img 64K'
	'img-info @x.img'
	'img-list @'
	'img-storage stall:'
	'img-verify @x.img'
	'img-verify x.img @x.img'
	'img-watch @x.img'
	'img-copy @x.img y.img'
	'img-copy x.img @y.img'
	'img-copy @x.img stall:y.img'
	'img-write @x.img room.img'
	'img-write x.img @room.img'
	'img-delete @x.img'
	'img-rename @x.img y.img'
	'img-resize @x.img 1M'
	'img-resize --fs @fs.img 2M'
	'img-resizefs @fs.img'
	'img-commit @top.qcow2'
	'img-archive @x.img'
	'img-unarchive @z.img.lzo'
	'img-clean @'
)

make_images() {
	head -c 600000 /dev/zero | tr '\0' x >x.img
	head -c 700000 /dev/zero | tr '\0' r >room.img
	cp x.img z.img
	img-archive z.img
	truncate -s 1M fs.img
	mke2fs -q -t ext4 fs.img 512k
	truncate -s 1M base.raw
	qemu-img create -q -f qcow2 -b base.raw -F raw top.qcow2
}

# all_stall OPTION...: starts all commands at once, and waits until their helpers have
# stopped in the middle.
all_stall() {
	local i dir words

	RUNS=()
	make_images
	for i in "${!STALLING[@]}"; do
		dir=$STALLED/$i
		mkdir "$dir" "$i"
		cp x.img room.img fs.img z.img.lzo base.raw top.qcow2 "$dir"
		cp x.img room.img "$i"
		touch "$dir/.left.img-tools"
		read -r -a words <<<"${STALLING[i]/@/"stall:$dir/"}"
		(
			cd "$i" || exit
			exec env --default-signal=INT,TERM,HUP "${words[0]}" \
				-F "$SSH_CONFIG" "$@" "${words[@]:1}"
		) >"$i/out" 2>"$i/err" 3>&- &
		RUNS+=($!)
	done
	wait_until 30 all_stopped
}

all_stopped() {
	[ "$(grep -l 'stopped by SIGSTOP' "$TRACES"/* | wc -l)" = ${#STALLING[@]} ]
}

# all_end STATUS|signal: they end with STATUS and a line, or by the signal in $SIGNALS; the
# images that remain are complete or marked.
all_end() {
	local i words where want=$1

	for i in "${!STALLING[@]}"; do
		status=0
		wait "${RUNS[i]}" || status=$?
		read -r -a words <<<"${STALLING[i]/@/"stall:$STALLED/$i/"}"
		OUT=$i/out ERR=$i/err
		where=$(printf '%s\n' "${words[@]}" | grep -m 1 :)
		[ "$1" != signal ] || want=$((128 + $(kill -l "${SIGNALS[i]}")))
		if [ "$status" != "$want" ] || [ -s "$OUT" ] ||
			{ [ "$want" = 7 ] && ! one_line "${words[0]}: $where: "; } ||
			[ "$(wc -l <"$ERR")" -gt 1 ]; then
			echo "after ${words[*]}:" >&2
			told
			return 1
		fi
	done
	helpers | xargs -r kill -KILL # kill those that are still stopped
	wait_until 20 no_process
	for i in "$STALLED"/* [0-9]*; do
		whole_images "$i"
	done
	find "$STALLED" -name '.*.img-tools' -delete
}

whole_images() {
	local file

	for file in "$1"/*.img "$1"/*.lzo; do
		case $file in
		*'/*.'*) ;; # no such file
		*.lzo) lzop -dc "$file" | cmp - x.img ;;
		*fs.img) cmp "$file" fs.img ;;
		*room.img) cmp "$file" room.img || [ "$(img-info --json "$file" | jq .unfinished)" = true ] ;;
		*y.img) cmp "$file" x.img || cmp -n 65536 "$file" /dev/zero ;;
		*) cmp "$file" x.img ;;
		esac >&2 || {
			echo "$file is not what it should be" >&2
			return 1
		}
	done
}

@test "midway: the host's helper is killed" {
	all_stall
	helpers_of_stall | xargs kill -KILL
	all_end 7
}

# Prints the helpers that strace has started.
helpers_of_stall() {
	local pid

	for pid in $(helpers); do
		if ! grep -q '^TracerPid:.0$' "/proc/$pid/status"; then
			echo "$pid"
		fi
	done
}

@test "midway: the connection is cut" {
	local pids

	all_stall
	mapfile -t pids < <(sessions stall)
	[ ${#pids[@]} -ge ${#STALLING[@]} ]
	kill -KILL "${pids[@]}"
	all_end 7
}

@test "midway: the host falls silent" {
	local start

	all_stall --timeout 5
	start=$EPOCHSECONDS
	all_end 7
	[ $((EPOCHSECONDS - start)) -le 30 ]
}

@test "midway: ended by INT, TERM or HUP while the host is silent" {
	local i signal

	all_stall
	for i in "${!RUNS[@]}"; do
		signal=(INT TERM HUP)
		SIGNALS[i]=${signal[i % 3]}
		kill -"${SIGNALS[i]}" "${RUNS[i]}"
	done
	all_end signal
}
