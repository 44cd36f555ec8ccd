#!/usr/bin/env bats
# img-watch on files and on devices that cannot be extended: statuses of --once, events as lines
# and JSON, the user's command, systemd's protocol, and how it ends.  Volumes: tests/vm/watch.bats.

load common
load notify

setup_file() { img_setup_file a b; }
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	LOOP=
	PID=
	EVENTS=$BATS_TEST_TMPDIR/events
	NOTES=$BATS_TEST_TMPDIR/notes
}
teardown() {
	[ -z "$PID" ] || kill "$PID" 2>/dev/null || true
	img_teardown
	[ -z "$LOOP" ] || as_root losetup -d "$LOOP"
}

# watching WORD...: starts img-watch; $PID is its pid, $EVENTS gets its events and $NOTES its
# messages.
watching() {
	env --default-signal=INT,TERM,HUP img-watch -F "$SSH_CONFIG" "$@" >"$EVENTS" 2>"$NOTES" 3>&- &
	PID=$!
}

# ends STATUS: it has ended with that status.
ends() {
	status=0
	wait "$PID" || status=$?
	PID=
	[ "$status" = "$1" ] || {
		echo "ended with $status instead of $1" >&2
		cat "$EVENTS" "$NOTES" >&2
		return 1
	}
}

# stops: it is ended by TERM and leaves nothing.
stops() {
	kill -TERM "$PID"
	ends 143
	nothing_left
}

# event N FILTER: jq's FILTER is true for the Nth event that was printed as JSON.
event() {
	local line

	line=$(sed -n "$1p" "$EVENTS")
	[ -n "$line" ] && jq -e "$2" <<<"$line" >/dev/null
}

has_event() {
	wait_until 20 event "$@" || {
		cat "$EVENTS" "$NOTES" >&2
		return 1
	}
}

# qcow2 FILE SIZE MIB: makes a qcow2 layer with MIB of data.
qcow2() {
	qemu-img create -q -f qcow2 "$1" "$2"
	qemu-io -f qcow2 -c "write -q 0 ${3}M" "$1"
}

# device FILE: $LOOP is a loop device of it.
device() {
	[ "$(id -u)" = 0 ] || skip 'only root can make a loop device'
	LOOP=$(losetup -f --show "$1")
}

@test "watch: files are reported on" {
	qcow2 x.qcow2 64M 3
	cp "$IMAGE" y.img
	succeeds img-watch --once --poll --reserve 1M x.qcow2 "a:$DIR/y.img"
	grep -x 'x.qcow2: enough (.* used, .* free in its filesystem)' "$OUT"
	grep -x "a:$DIR/y.img: enough (.*)" "$OUT"
	succeeds img-watch --once --json --reserve 1M x.qcow2
	json '.event == "enough" and .location == "x.qcow2" and .path == $path and
		.capacity == 67108864 and .allocation == $allocation and .physical == $size and
		.max == null and .previous == null and .reason == null and .message == null and
		(.dirty | not) and .free > 1048576 and
		.threshold == .allocation + .free - 1048576 and (.time | test("^[0-9]+[.][0-9]{9}$"))' \
		--arg path "$PWD/x.qcow2" --argjson allocation "$(allocated x.qcow2)" \
		--argjson size "$(stat -c %s x.qcow2)"
	qemu-img create -q -f vmdk x.vmdk 96M
	for name in x.vmdk "a:$DIR/x.vmdk"; do
		succeeds img-watch --once --json --reserve 1M "$name"
		json '.event == "enough" and .capacity == 100663296'
	done
}

@test "watch: a filesystem that fills up" {
	small_fs m 16M
	qcow2 m/x.qcow2 64M 3
	succeeds img-watch --once --reserve 4M m/x.qcow2
	try img-watch --once --reserve 15M m/x.qcow2
	[ "$status" = 10 ]
	grep -x 'm/x.qcow2: near the threshold (.*)' "$OUT"
	[ ! -s "$ERR" ]
	# A file is never extended.
	try img-watch --once --extend 4M --reserve 15M "a:$DIR/m/x.qcow2"
	[ "$status" = 10 ]
	watching --json --reserve 4M m/x.qcow2
	has_event 1 '.event == "armed"'
	head -c 10M /dev/urandom >m/other
	has_event 2 '.event == "near" and .free < 4194304'
	rm m/other
	has_event 3 '.event == "armed" and .free > 4194304'
	stops
}

@test "watch: several locations, of which all are tried" {
	cp "$IMAGE" y.img
	qcow2 x.qcow2 64M 1
	try img-watch --once no.img y.img "a:$DIR/no.img" "a:$DIR/x.qcow2" "b:$DIR/y.img"
	[ "$status" = 3 ]
	[ "$(sort "$OUT" | cut -d' ' -f1,2 | tr '\n' ,)" = "a:$DIR/x.qcow2: enough,b:$DIR/y.img: enough,y.img: enough," ]
	[ "$(sort "$ERR" | tr '\n' ,)" = "img-watch: a:$DIR/no.img: cannot open: No such file or directory,img-watch: no.img: cannot open: No such file or directory," ]
	try img-watch --once nowhere:x y.img
	[ "$status" = 7 ]
	grep -q '^y.img: enough' "$OUT"
	try img-watch --once --reserve 1P y.img no.img
	[ "$status" = 10 ]
	# Nothing is watched if something cannot be.
	try img-watch y.img no.img "a:$DIR/nothing.img"
	[ "$status" = 3 ]
	says 'img-watch: no.img: cannot open'
	says "img-watch: a:$DIR/nothing.img: cannot open"
	nothing_left
}

@test "watch: a qcow2 layer on a device" {
	truncate -s 16M disk
	device disk
	qcow2 "$LOOP" 64M 5
	succeeds img-watch --once --json --reserve 1M "$LOOP"
	json '.event == "enough" and .capacity == 67108864 and .physical == 16777216 and
		.allocation == $mark and .threshold == 15728640 and .free == null' \
		--argjson mark "$(qemu-img check --output=json "$LOOP" | jq '."image-end-offset"')"
	try img-watch --once --reserve 15M "$LOOP"
	[ "$status" = 10 ]
	# It is no volume, so that nobody but its administrator can extend it.
	try img-watch --once --json --extend 4M --reserve 15M "a:$LOOP"
	[ "$status" = 10 ]
	json '.event == "alarm" and .reason == "fixed"'
	[ "$(blockdev --getsize64 "$LOOP")" = 16777216 ]
	watching --json --reserve 4M "$LOOP"
	has_event 1 '.event == "armed"'
	qemu-io -f qcow2 -c 'write -q 5M 8M' "$LOOP"
	has_event 2 '.event == "near" and .allocation > 12582912'
	# Between two rounds the device is not open.
	wait_until 5 flock -xn "$LOOP" true
	truncate -s 32M disk
	losetup -c "$LOOP"
	has_event 3 '.event == "armed" and .physical == 33554432 and .threshold == 29360128'
	stops
}

@test "watch: the layer is replaced, and its tables are damaged" {
	truncate -s 16M disk
	device disk
	qcow2 "$LOOP" 64M 2
	watching --json --reserve 4M "$LOOP"
	has_event 1 '.event == "armed" and .capacity == 67108864'
	cp disk kept
	printf xxxx | put "$LOOP" 0
	has_event 2 '.event == "lost" and (.message | test("raw"))'
	qcow2 new.qcow2 32M 12
	dd if=new.qcow2 of="$LOOP" conv=notrunc,fsync status=none
	has_event 3 '.event == "armed" and .capacity == 33554432'
	has_event 4 '.event == "near"'
	put_be32 "$LOOP" 20 40 # cluster_bits
	has_event 5 '.event == "lost" and (.message | test("cluster"))'
	stops
	truncate -s 1M raw
	dd if=/dev/zero of="$LOOP" bs=1M count=1 conv=notrunc status=none
	refuses 4 "$LOOP" img-watch --once "$LOOP"
	refuses 4 "a:$LOOP" img-watch "a:$LOOP"
	says 'holds a raw image'
	qemu-img create -q -f qcow "$LOOP" 8M
	refuses 4 "$LOOP" img-watch --once "$LOOP"
	says 'holds a qcow image'
	qcow2 "$LOOP" 64M 2
	put_be32 "$LOOP" 20 40 # cluster_bits
	refuses 8 "$LOOP" img-watch --once "$LOOP"
}

@test "watch: a file that is replaced or vanishes" {
	qcow2 x.qcow2 64M 1
	watching --json --reserve 1M x.qcow2
	has_event 1 '.event == "armed" and .capacity == 67108864'
	# Between two rounds it is not open.
	succeeds img-rename x.qcow2 y.qcow2
	has_event 2 '.event == "lost" and (.message | test("No such file"))'
	# It may be watched by another now.
	succeeds img-watch --once --extend 1M --reserve 1 y.qcow2
	qcow2 z.qcow2 32M 1
	mv z.qcow2 x.qcow2
	has_event 3 '.event == "armed" and .capacity == 33554432'
	succeeds img-watch --once --extend 1M --reserve 1 y.qcow2
	stops
	[ ! -s "$NOTES" ]
}

@test "watch: the default of --max follows the capacity" {
	qcow2 disk 64M 1
	truncate -s 8M disk
	device disk
	watching --json --reserve 1M --extend 1M "$LOOP"
	has_event 1 '.event == "armed" and .max == 73819751'
	# As QEMU does when the guest's disk grows.
	printf '\0\0\0\0\x08\0\0\0' | put "$LOOP" 24
	# What is told next is that it is another disk, which has the new capacity.
	printf 'no qcow2' | put "$LOOP" 0
	has_event 2 '.event == "lost"'
	printf 'QFI\xfb\0\0\0\3' | put "$LOOP" 0
	has_event 3 '.event == "armed" and .capacity == 134217728 and .max == 147639501'
	stops
}

@test "watch: two watchers of one disk" {
	qcow2 x.qcow2 64M 1
	ln -s x.qcow2 link
	watching --json --reserve 1M x.qcow2
	has_event 1 '.event == "armed"'
	refuses 5 link img-watch link
	says 'in use: it is being watched by another img-watch'
	refuses 5 "a:$DIR/x.qcow2" img-watch "a:$DIR/x.qcow2"
	refuses 5 x.qcow2 img-watch --once --extend 1M --reserve 1 x.qcow2
	# Looking on is no watching.
	succeeds img-watch --once --reserve 1M x.qcow2
	succeeds img-watch -n --extend 1M --reserve 1M x.qcow2
	kill -KILL "$PID"
	ends 137
	wait_until 20 nothing_left
	succeeds img-watch --once --extend 1M --reserve 1 x.qcow2
	# The other is refused by this process, too.
	try img-watch x.qcow2 link
	[ "$status" = 5 ]
}

# The command sees the event; it gets no standard input, and its output is not ours.
@test "watch: --exec" {
	qcow2 x.qcow2 64M 1
	mkdir 'odd'\''dir $(x)'
	mv x.qcow2 odd*/
	# shellcheck disable=SC2016 # it is a script
	try img-watch --once --reserve 1P --exec 'cat; env -0 >env; echo told' odd*/x.qcow2
	[ "$status" = 10 ]
	[ "$(wc -l <"$OUT")" = 1 ]
	[ "$(<"$ERR")" = told ]
	for want in EVENT=near LOCATION="$(echo odd*/x.qcow2)" PATH="$PWD/$(echo odd*/x.qcow2)" \
		CAPACITY=67108864 THRESHOLD=0 MAX= PREVIOUS= REASON= MESSAGE= \
		ALLOCATION="$(allocated odd*/x.qcow2)" PHYSICAL="$(stat -c %s odd*/x.qcow2)"; do
		grep -qzxF "IMG_WATCH_$want" env
	done
	grep -qzE '^IMG_WATCH_FREE=[0-9]+$' env
	grep -qzE '^IMG_WATCH_TIME=[0-9]+\.[0-9]{9}$' env
	# Its failure is a warning.
	try img-watch --once --reserve 1P --exec 'exit 3' "a:$PWD/$(echo odd*/x.qcow2)"
	[ "$status" = 10 ]
	says 'warning: '
	says '--exec: failed with status 3'
	try img-watch --once --reserve 1P --exec 'kill -KILL $$' odd*/x.qcow2
	[ "$status" = 10 ]
	says '--exec: killed by signal 9'
	# A dry run has none, and so has what is not near.
	rm env
	try img-watch -n --reserve 1P --exec 'touch env' odd*/x.qcow2
	succeeds img-watch --once --reserve 1M --exec 'touch env' odd*/x.qcow2
	[ ! -e env ]
}

@test "watch: --exec is ended with img-watch, and does not hold up the events" {
	small_fs m 16M
	qcow2 m/x.qcow2 64M 3
	mkfifo never
	watching --json --reserve 4M --exec "echo \$\$ >started; exec cat $PWD/never" m/x.qcow2
	wait_until 20 test -s started
	head -c 10M /dev/urandom >m/other
	has_event 2 '.event == "near"'
	stops
	wait_until 5 test ! -e "/proc/$(<started)"
	# Each event has its own run, one after the other.
	rm started m/other
	watching --json --reserve 4M --exec 'echo $IMG_WATCH_EVENT >>all' m/x.qcow2
	has_event 1 '.event == "armed"'
	head -c 10M /dev/urandom >m/other
	wait_until 20 grep -qx near all
	[ "$(tr '\n' ' ' <all)" = 'armed near ' ]
	stops
}

@test "watch: systemd's protocol" {
	local address
	qcow2 x.qcow2 64M 1
	for address in "$PWD/socket" "@img-watch-$$-$RANDOM"; do
		rm -f bound
		receiver "$address"
		NOTIFY_SOCKET=$address WATCHDOG_USEC=10000000 watching --reserve 1M x.qcow2
		has_told 'READY=1'
		has_told 'STATUS=x.qcow2: .* used, .* free in its filesystem'
		has_told 'WATCHDOG=1'
		[ "$(grep -n -m1 STATUS notified | cut -d: -f1)" -lt "$(grep -n -m1 READY notified | cut -d: -f1)" ]
		stops
		has_told 'STOPPING=1'
		[ "$(grep -cx READY=1 notified)" = 1 ]
		kill "$RECEIVER"
		wait "$RECEIVER" || true
	done
}

@test "watch: systemd's protocol, when it does not go well" {
	qcow2 x.qcow2 64M 1
	receiver "$PWD/socket"
	export NOTIFY_SOCKET=$PWD/socket WATCHDOG_USEC=10000000
	# Not all are armed.
	refuses 3 no.qcow2 img-watch no.qcow2
	try img-watch x.qcow2 "a:$DIR/no.qcow2"
	[ "$status" = 3 ]
	has_told 'STOPPING=1'
	run ! grep -x READY=1 notified
	: >notified
	# Nobody expects to be told.
	WATCHDOG_PID=1 watching x.qcow2
	has_told 'READY=1'
	mv x.qcow2 y.qcow2
	has_told 'STATUS=0 of 1 disks are watched, 1 lost; x.qcow2: .*'
	run ! grep -x WATCHDOG=1 notified
	stops
	: >notified
	mv y.qcow2 x.qcow2
	# The watchdog is not fed while nothing can be measured.
	watching --json x.qcow2
	has_told 'WATCHDOG=1'
	mv x.qcow2 y.qcow2
	has_event 2 '.event == "lost"'
	: >notified
	mv y.qcow2 x.qcow2
	has_event 3 '.event == "armed"'
	has_told 'WATCHDOG=1'
	stops
	kill "$RECEIVER"
	wait "$RECEIVER" || true
}

@test "watch: --once and a service do not speak to systemd when there is none" {
	qcow2 x.qcow2 64M 1
	for address in '' x /nowhere/socket "$(printf '%0200d' 0)"; do
		NOTIFY_SOCKET=$address succeeds img-watch --once --reserve 1M x.qcow2
	done
}

@test "watch: the helper is lost" {
	qcow2 x.qcow2 64M 1
	watching "a:$DIR/x.qcow2"
	wait_until 20 grep -q armed "$EVENTS"
	kill -KILL "$(helpers)"
	ends 7
	[ "$(wc -l <"$NOTES")" = 1 ]
	grep "^img-watch: a:$DIR/x.qcow2: " "$NOTES"
	# Others are watched further.
	watching --json "a:$DIR/x.qcow2" "b:$IMAGE"
	has_event 2 '.event == "armed"'
	kill -KILL "$(helpers | head -n1)"
	wait_until 20 test -s "$NOTES"
	kill -0 "$PID"
	stops
}

@test "watch: it is ended by signals" {
	local signal
	qcow2 x.qcow2 64M 1
	for signal in INT TERM HUP; do
		watching x.qcow2 "a:$IMAGE"
		wait_until 20 grep -q '^a:.*armed' "$EVENTS"
		kill -"$signal" "$PID"
		ends $((128 + $(kill -l "$signal")))
		nothing_left
		[ ! -s "$NOTES" ]
	done
}

@test "watch: standard output that cannot be written" {
	qcow2 x.qcow2 64M 1
	status=0
	img-watch --once x.qcow2 >/dev/full 2>"$ERR" || status=$?
	[ "$status" = 1 ]
	says 'cannot write the result'
	status=0
	img-watch x.qcow2 >/dev/full 2>"$ERR" || status=$?
	[ "$status" = 1 ]
	nothing_left
}

@test "watch: a dirty layer" {
	qemu-img create -q -f qcow2 -o lazy_refcounts=on x.qcow2 64M
	put_be32 x.qcow2 76 1 # incompatible features: dirty
	try img-watch --once --json --reserve 1M x.qcow2
	[ "$status" = 0 ]
	json .dirty
	[ "$(wc -l <"$ERR")" = 1 ]
	says 'its watermark can be higher than what is measured'
}

@test "watch: usage errors" {
	local words
	refuses 2 '' img-watch
	refuses 2 '' img-watch -
	refuses 2 a: img-watch a:
	refuses 2 '' img-watch --nonsense x
	for words in '--extend 0' '--extend=-1' '--reserve x' '--max 0 --extend 1G' '--min-free= --extend 1G' \
		'--max 1G' '--min-free 1G'; do
		# shellcheck disable=SC2086 # several words
		refuses 2 '' img-watch $words x
	done
	refuses 4 . img-watch --once .
}

@test "watch: what the configuration does not allow" {
	mkdir allowed
	printf '[storage]\n\tdirectory = %s/allowed\n' "$PWD" >config
	qcow2 allowed/x.qcow2 64M 1
	qcow2 y.qcow2 64M 1
	succeeds img-watch --config config --once --reserve 1M "$PWD/allowed/x.qcow2"
	refuses 4 "$PWD/y.qcow2" img-watch --config config --once "$PWD/y.qcow2"
	refuses 4 "$PWD/y.qcow2" img-watch --config config "$PWD/y.qcow2"
}
