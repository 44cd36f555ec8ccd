# shellcheck shell=bash disable=SC2154
#
# Part watch: a writer never meets the end of a volume that img-watch extends.

WATCH_DIR=
watch_pids=()

watch_end() {
	[ ${#watch_pids[@]} = 0 ] || kill "${watch_pids[@]}" 2>/dev/null || true
	[ ${#watch_pids[@]} = 0 ] || wait "${watch_pids[@]}" 2>/dev/null || true
	watch_pids=()
	[ -z "$WATCH_DIR" ] || standin_remove "$WATCH_DIR"
	rm -rf "$WATCH_DIR"
	WATCH_DIR=
}

# watch_await COMMAND...: until it succeeds.
watch_await() {
	for _ in {1..1000}; do
		! "$@" || return 0
		sleep 0.01
	done
	fail "waited in vain for: $*"
}

# Starts QEMU with the volume, and img-watch.  QEMU's events are in $WATCH_DIR/answers.
watch_start() {
	local chunk=$1 loop mounts

	WATCH_DIR=$dir/standin
	mkdir "$WATCH_DIR"
	rm -f "$SOCKETS/qmp" "$SOCKETS/nbd"
	mounts=$(standin_mounts "$WATCH_DIR")
	loop=$(standin_make "$WATCH_DIR" img $((chunk * 2)))
	qemu-img create -q -f qcow2 "$loop" $((chunk * 1000))
	mkfifo "$WATCH_DIR/monitor"
	exec {watch_monitor}<>"$WATCH_DIR/monitor"
	qemu-storage-daemon --chardev "socket,path=$SOCKETS/qmp,server=on,wait=off,id=q" \
		--monitor chardev=q --chardev stdio,id=s --monitor chardev=s \
		--nbd-server "addr.type=unix,addr.path=$SOCKETS/nbd" \
		--blockdev "host_device,node-name=p,filename=$loop,cache.direct=on" \
		--blockdev qcow2,node-name=img,file=p \
		--export nbd,id=e,node-name=img,name=img,writable=on \
		<"$WATCH_DIR/monitor" >"$WATCH_DIR/answers" &
	watch_pids+=($!)
	watch_await test -S "$SOCKETS/nbd"
	echo '{"execute": "qmp_capabilities"}' >&"$watch_monitor"
	printf '%s\nexec "$@"\n' "$mounts" >"$WATCH_DIR/here"
	unshare -m sh "$WATCH_DIR/here" "$BIN/img-watch" --json --qmp "$SOCKETS/qmp" \
		--extend "$chunk" "$(standin_path "$WATCH_DIR" img)" >"$WATCH_DIR/events" &
	watch_pids+=($!)
	watch_await grep -qs '"armed"' "$WATCH_DIR/events"
}

# watch_has N: it has told of N extensions.
watch_has() {
	[ "$(grep -c '"extended"' "$WATCH_DIR/events")" -ge "$1" ]
}

# Writes the guest's MiB from $1 on, $2 of them.
watch_write() {
	qemu-img bench -w -f raw -t none -o "${1}M" -s 256k -d 16 -c $(($2 * 4)) \
		"nbd+unix:///img?socket=$SOCKETS/nbd" >/dev/null ||
		fail "watch: the writer met the end of the volume"
}

# The milliseconds from an event to the end of the extension, without LVM's time; a line each.
watch_times() {
	jq -r 'select(.event == "BLOCK_WRITE_THRESHOLD") |
		"event \(.timestamp | .seconds * 1000000 + .microseconds)"' "$WATCH_DIR/answers" |
		cat - "$WATCH_DIR/calls" | sort -n -k2,2 | awk '
		$1 == "event" && !at { at = $2; lvm = 0 }
		$1 != "event" { lvm += $3 - $2 }
		$1 == "lvextend" && at { printf "%.1f\n", ($3 - at - lvm) / 1000; at = 0 }'
}

# Prints what was measured: the size of a chunk in MiB, bytes written, microseconds, extensions.
watch_report() {
	echo "img-watch: a volume that is written to is extended by $1 MiB at a time"
	echo "  extensions             $4, and the writer never met the end"
	echo "  the writer             $(($2 / $3)) MB/s"
	echo "  event to extension     $(sort -n "$dir/times" | awk '{ t[NR] = $1 } END {
		printf "%s ms (median), %s ms (longest), without LVM; %d events", t[int((NR + 1) / 2)], t[NR], NR }')"
}

# As memory is limited, these are five volumes, each of which is extended 20 times.
part_watch() {
	local chunk=$((bytes / 16 >> 20)) began i spent=0 extended=0

	[ "$(id -u)" = 0 ] || fail "part watch needs root, for a loop device that grows"
	if ((rounds == 0)); then
		watch_start $((16 << 20))
		for i in 0 1 2; do
			watch_write $((i * 16)) 24
			watch_await watch_has $((i + 1))
		done
		compared=$((compared + 1))
		watch_end
		return
	fi
	for i in {1..5}; do
		watch_start $((chunk << 20))
		began=${EPOCHREALTIME/[.,]/}
		watch_write 0 $((chunk * 21))
		spent=$((spent + ${EPOCHREALTIME/[.,]/} - began))
		watch_await watch_has 20
		extended=$((extended + $(grep -c '"extended"' "$WATCH_DIR/events")))
		watch_times >>"$dir/times"
		watch_end
	done
	watch_report "$chunk" $((5 * chunk * 21 << 20)) "$spent" "$extended" >"$dir/watch.txt"
}
