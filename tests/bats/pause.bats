#!/usr/bin/env bats
# Snapshots for which the guest is paused.  --qmp: with a QEMU that has no machine and no guest, but
# runs and can be paused.  A second monitor, on a pipe, prints its events: whatever happens to the
# first, they tell when it was paused and went on.
#
# --libvirt: with the real virsh and libvirt's test driver, which forgets everything at the end of
# each virsh.  So on the host "v" a script runs it, repeats in it what was done before, and notes what
# it was called for.  What libvirtd answers if a guest of QEMU's cannot be suspended is recorded.

load common
load disks

# On the hosts "traced" and "v", and in a copy of the build, strace runs the helper, with the options in
# the file $INJECT.  Both write to $TRACE.
setup_file() {
	local script=$BATS_FILE_TMPDIR/trace-command

	img_setup_file a
	traced_build -qq -ttt -y
	# shellcheck disable=SC2016 # it is a script
	printf '#!/bin/bash\nexport ASAN_OPTIONS=detect_leaks=0\nmapfile -t words <%q\n%s\n' "$INJECT" \
		"exec strace -f -qq -ttt -y -o $TRACE \"\${words[@]}\" sh -c \"\$SSH_ORIGINAL_COMMAND\"" \
		>"$script"
	chmod 755 "$script"
	HOST_ENV=ASAN_OPTIONS=detect_leaks=0 start_host traced "ForceCommand exec $script"
	make_virsh
	share_mounts
	if [ "$(id -u)" = 0 ]; then
		HOST_ENV=ASAN_OPTIONS=detect_leaks=0 \
			HOST_MOUNTS="mount --bind $BATS_FILE_TMPDIR/virsh $(command -v virsh)" \
			start_host v "ForceCommand exec $script"
	fi
}

# Makes $BATS_FILE_TMPDIR/virsh, which appends the time and its arguments to $VIRSH_LOG, and what was
# done to the guest to $VIRSH_DONE.  With a file $VIRSH_REFUSES, it prints that when it is to suspend.
make_virsh() {
	export VIRSH_LOG=$BATS_FILE_TMPDIR/virsh-log VIRSH_DONE=$BATS_FILE_TMPDIR/virsh-done
	export VIRSH_REFUSES=$BATS_FILE_TMPDIR/virsh-refuses
	cp "$(command -v virsh)" "$BATS_FILE_TMPDIR/real-virsh"
	cat >"$BATS_FILE_TMPDIR/node.xml" <<-END
		<node><domain type='test'><name>web</name><memory>8192</memory><os><type>hvm</type></os></domain></node>
	END
	cat >"$BATS_FILE_TMPDIR/virsh" <<-END
		#!/bin/bash
		echo "\$(date +%s.%N) \$*" >>$VIRSH_LOG
		while [[ \$1 == --* ]]; do shift; done
		if [ "\$1" = suspend ] && [ -e $VIRSH_REFUSES ]; then
			cat $VIRSH_REFUSES >&2
			exit 1
		fi
		$BATS_FILE_TMPDIR/real-virsh -q -c test://$BATS_FILE_TMPDIR/node.xml "\$(cat $VIRSH_DONE) \$*" || exit
		[ "\$1" = domstate ] || echo "\$*;" >>$VIRSH_DONE
	END
	chmod +x "$BATS_FILE_TMPDIR/virsh"
}
teardown_file() { img_teardown_file; }

setup() {
	img_setup
	disks_setup
	QEMU=
	disk 320M xfs -m reflink=1
	cd "$M" || return
	head -c 1M /dev/urandom >1.img
	head -c 2M /dev/urandom >2.img
	mkfifo "$DIR/monitor"
	exec {MONITOR}<>"$DIR/monitor"
	qemu
}

teardown() {
	qemu_ends
	exec {MONITOR}>&-
	disks_teardown
}

# Starts QEMU, which runs, with monitors on $DIR/qmp and $MONITOR.
qemu() {
	cd "$DIR" || return
	rm -f qmp answers
	qemu-system-x86_64 -machine none -nodefaults -display none \
		-qmp unix:qmp,server=on,wait=off -chardev stdio,id=s -mon chardev=s,mode=control \
		<monitor >answers 3>&- &
	QEMU=$!
	wait_until 20 test -S qmp
	monitor qmp_capabilities
	wait_until 20 grep -q '"return": {}' answers
	cd "$M" || return
}

qemu_ends() {
	[ -n "$QEMU" ] || return 0
	kill -KILL "$QEMU" || true
	wait "$QEMU" || true
	QEMU=
}

monitor() {
	echo "{\"execute\": \"$1\"}" >&"$MONITOR"
}

# The events so far: S for each STOP, R for each RESUME.
events() {
	sed -n 's/.*"event": "\([SR]\)[TE].*/\1/p' "$DIR/answers" | tr -d '\n'
}

# events_are WORD: exactly these, now or soon.
events_are() {
	[ "$(events)" = "$1" ] || {
		echo "events: $(events)" >&2
		return 1
	}
}

# Whether the guest runs: true or false.
is_running() {
	local n

	n=$(grep -c '"running"' "$DIR/answers") || true
	monitor query-status
	wait_until 20 more_answers "$n"
	[ "$(grep '"running"' "$DIR/answers" | tail -n 1 | jq .return.running)" = "$1" ]
}

more_answers() {
	[ "$(grep -c '"running"' "$DIR/answers")" -gt "$1" ]
}

names() {
	find . -mindepth 1 -printf '%P\n' | sort | tr '\n' ' '
}

# as_before: no snapshot is left, and the guest runs.
as_before() {
	[ "$(names)" = '1.img 2.img ' ]
	is_running true
}

# paused WORD...: succeeds, with a note that the guest was paused, and no other.
paused() {
	try "$@"
	if [ "$status" != 0 ] || [ "$(wc -l <"$ERR")" != 1 ] ||
		! grep -Eq "^$1: ([a-z]+: )?the guest was paused for [0-9.]+ ms$" "$ERR"; then
		told
		return 1
	fi
}

# run_traced HOST: COMMAND...: runs it with a helper under strace, here (HOST: is empty) or there.
run_traced() {
	if [ -n "$1" ]; then
		try "${@:2}"
	else
		try "$TRACED/bin/$2" -F "$SSH_CONFIG" "${@:3}"
	fi
}

# The number of the first ioctl() of its thread that takes a snapshot.
first_clone() {
	awk '$3 ~ /^ioctl/ { n[$1]++ } / FICLONE, / { print n[$1]; exit }' "$TRACE"
}

@test "pause: the guest stands still while the snapshots are taken" {
	local where hook

	for where in '' a:; do
		paused img-snap --qmp "$DIR/qmp" "$where$M/1.img" "$where$M/2.img"
		[ "$(wc -l <"$OUT")" = 2 ]
		same 1.img "$(sed -n "1s/^$where//p" "$OUT")"
		same 2.img "$(sed -n "2s/^$where//p" "$OUT")"
		rm ./*-snap-*
	done
	wait_until 20 events_are SRSR
	# The first command comes before, the second after.
	hook="until [ \$(grep -c RESUME $DIR/answers) = 3 ]; do sleep 0.01; done"
	try img-snap --qmp "$DIR/qmp" --pre-snapshot "grep -c STOP $DIR/answers" --post-snapshot "$hook" 1.img
	[ "$status" = 0 ]
	says 'pre-snapshot: 2'
	rm ./*-snap-*
	succeeds img-snap -q --json --qmp "$DIR/qmp" 1.img 2.img
	json 'all(.apart == null and .paused > 0 and .paused < 10)'
	rm ./*-snap-*
	succeeds img-snap --json 1.img
	json '.paused == null'
	rm ./*-snap-*
	as_before
}

@test "pause: the snapshots are taken between STOP and RESUME" {
	local stop resume where

	echo '-etrace=ioctl' >"$INJECT"
	for where in '' traced:; do
		qemu_ends
		qemu
		run_traced "$where" img-snap -q --qmp "$DIR/qmp" "$where$M/1.img" "$where$M/2.img"
		[ "$status" = 0 ]
		wait_until 20 events_are SR
		stop=$(time_of STOP)
		resume=$(time_of RESUME)
		[ "$(grep -c ' FICLONE, ' "$TRACE")" = 2 ]
		awk -v stop="$stop" -v resume="$resume" '/ FICLONE, / && ($2 < stop || $2 > resume) {
			print "not between " stop " and " resume ": " $0; rc = 1 } END { exit rc }' "$TRACE" >&2
		rm ./*-snap-*
	done
}

# time_of EVENT: when it was, in seconds.
time_of() {
	jq -r --arg name "$1" 'select(.event == $name) | .timestamp |
		"\(.seconds).\("000000\(.microseconds)"[-6:])"' "$DIR/answers"
}

@test "pause: a guest that is paused already is not resumed" {
	monitor stop
	wait_until 20 events_are S
	succeeds img-snap -q --qmp "$DIR/qmp" 1.img 2.img
	[ "$(wc -l <"$OUT")" = 2 ]
	is_running false
	rm ./*-snap-*
	try img-snap --json --qmp "$DIR/qmp" "a:$M/1.img"
	[ "$status" = 0 ]
	says 'img-snap: a: the guest did not run before, and is not resumed'
	json '.paused == null'
	rm ./*-snap-*
	is_running false
	events_are S
	# Nor if the snapshots fail.
	refuses 6 1.img img-snap -q --qmp "$DIR/qmp" --name 2.img 1.img
	refuses 1 1.img img-snap -q --qmp "$DIR/qmp" --post-snapshot 'exit 3' 1.img
	is_running false
	events_are S
	[ "$(names)" = '1.img 2.img ' ]
}

@test "pause: what is refused before the guest is paused" {
	local before where hooks=(--pre-snapshot "touch $DIR/ran" --post-snapshot "touch $DIR/ran")

	for where in '' a:; do
		succeeds img-snap -n --qmp "$DIR/qmp" "$where$M/1.img" "$where$M/2.img"
		refuses 3 "$where$M/1.img" img-snap "${hooks[@]}" --qmp "$DIR/none" "$where$M/1.img"
		says "QMP socket '$DIR/none': cannot open: No such file or directory"
		refuses 3 "$where$M/1.img" img-snap -n --qmp "$DIR/none" "$where$M/1.img"
		refuses 4 "$where$M/1.img" img-snap "${hooks[@]}" --qmp "$M/2.img" "$where$M/1.img"
		refuses 3 "$where$M/no.img" img-snap "${hooks[@]}" --qmp "$DIR/qmp" "$where$M/1.img" \
			"$where$M/no.img"
		refuses 1 "$where$IMAGE" img-snap "${hooks[@]}" --qmp "$DIR/qmp" "$where$IMAGE"
	done
	refuses 2 '' img-snap --qmp= 1.img
	refuses 2 '' img-snap --qmp x --libvirt y 1.img
	says '--qmp and --libvirt exclude each other'
	refuses 2 '' img-snap --libvirt=-x 1.img
	events_are ''
	# The first command fails, so that nothing is paused.
	refuses 1 1.img img-snap --pre-snapshot 'exit 3' --qmp "$DIR/qmp" 1.img
	events_are ''
	# A monitor that serves another client.
	mkfifo "$DIR/hold"
	before=$(sockets "$QEMU")
	qemu-storage-daemon --chardev "socket,path=$DIR/qmp,id=q" --chardev "pipe,id=p,path=$DIR/hold" \
		3>&- &
	wait_until 20 has_more_sockets "$QEMU" "$before"
	refuses 5 1.img img-snap "${hooks[@]}" --qmp "$DIR/qmp" 1.img
	says 'another client is connected'
	kill %%
	wait %% || true
	# A program that has a monitor, but no guest.
	qemu-storage-daemon --chardev "socket,path=$DIR/other,server=on,wait=off,id=q" \
		--monitor chardev=q 3>&- &
	wait_until 20 test -S "$DIR/other"
	refuses 1 1.img img-snap "${hooks[@]}" --qmp "$DIR/other" 1.img
	says "QEMU refused 'query-status'"
	kill %%
	wait %% || true
	[ ! -e "$DIR/ran" ]
	qemu_ends
	refuses 3 1.img img-snap "${hooks[@]}" --qmp "$DIR/qmp" 1.img
	says 'no process listens on it'
	[ "$(names)" = '1.img 2.img ' ]
}

@test "pause: a snapshot fails while the guest is paused" {
	local where

	for where in '' traced:; do
		echo '-etrace=ioctl' >"$INJECT"
		run_traced "$where" img-snap --qmp "$DIR/qmp" "$where$M/1.img" "$where$M/2.img"
		printf '%s\n' -etrace=ioctl -einject=ioctl:error=EIO:when="$(($(first_clone) + 1))" >"$INJECT"
		rm ./*-snap-*
		run_traced "$where" img-snap --qmp "$DIR/qmp" "$where$M/1.img" "$where$M/2.img"
		[ "$status" = 1 ]
		says "img-snap: $where$M/2.img: "
		as_before
	done
	wait_until 20 events_are SRSRSRSR
}

# the_helper, the_pauser: print the pid of the helper, and of the process that pauses the guest.
the_helper() {
	local pid

	for pid in $(helpers); do
		tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q -- --guest || echo "$pid"
	done
}

the_pauser() {
	local pid

	for pid in $(helpers); do
		! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q -- --guest || echo "$pid"
	done
}

no_helper() {
	[ -z "$(the_helper)" ]
}

helper_is_stopped() {
	grep -qs 'stopped by SIGSTOP' "$TRACE"
}

# hold HOST: COMMAND...: starts it, $CLIENT, and waits until its helper, $HELPER, has taken the first
# snapshot and is stopped, while the guest is paused.
hold() {
	local where=$1 program=$2

	echo '-etrace=ioctl' >"$INJECT"
	run_traced "$@"
	printf '%s\n' -etrace=ioctl -einject=ioctl:signal=STOP:when="$(first_clone)" >"$INJECT"
	rm -f ./*-snap-* "$DIR/d"/* "$TRACE"
	qemu_ends
	qemu
	virsh_forgets
	[ -n "$where" ] || program=$TRACED/bin/$2
	"$program" -F "$SSH_CONFIG" "${@:3}" >"$OUT" 2>"$ERR" 3>&- &
	CLIENT=$!
	wait_until 20 helper_is_stopped
	HELPER=$(the_helper)
}

# all_or_nothing: no snapshot is left, or both are whole: the helper may have finished its work before
# it heard of the end of its client.
all_or_nothing() {
	local n

	for n in 1 2; do
		[ ! -e "$(echo 1.img-snap-*)" ] || cmp $n.img $n.img-snap-*
	done
	[ ! -e "$(echo 1.img-snap-*)" ] || rm -- *.img-snap-*
	as_before
}

# ended STATUS: the command ends with it, nothing is left half done, and the guest goes on, once.
ended() {
	local got=0

	wait $CLIENT || got=$?
	if [ "$got" != "$1" ]; then
		echo "status: $got" >&2
		cat "$ERR" >&2
		return 1
	fi
	wait_until 20 events_are SR
	wait_until 20 no_process
	all_or_nothing
}

hold_snap() {
	hold "$1" img-snap --qmp "$DIR/qmp" "$1$M/1.img" "$1$M/2.img"
}

@test "pause: the helper is killed" {
	local where

	for where in '' traced:; do
		hold_snap "$where"
		kill -KILL "$HELPER"
		wait_until 20 events_are SR
		wait $CLIENT || true
		wait_until 20 no_process
		succeeds img-clean .
		as_before
	done
}

@test "pause: the command is killed, or interrupted" {
	local where signal

	for where in '' traced:; do
		for signal in KILL TERM; do
			hold_snap "$where"
			kill -$signal "$CLIENT"
			[ $signal = TERM ] || wait $CLIENT || true
			kill -CONT "$HELPER"
			if [ $signal = TERM ]; then
				ended 143
			fi
			wait_until 20 events_are SR
			wait_until 20 no_process
			all_or_nothing
		done
	done
}

@test "pause: the connection is cut" {
	hold_snap traced:
	# shellcheck disable=SC2046 # words
	kill -KILL $(sessions traced)
	kill -CONT "$HELPER"
	ended 7
}

@test "pause: the process that pauses the guest is killed" {
	local where

	for where in '' traced:; do
		hold_snap "$where"
		kill -KILL "$(the_pauser)"
		kill -CONT "$HELPER"
		ended 1
		says "img-snap: ${where:+$where }QMP socket '$DIR/qmp': "
		says 'the process that pauses the guest was killed'
	done
}

@test "pause: signals that end a process do not end it" {
	local signal

	hold_snap ''
	for signal in HUP INT QUIT TERM TSTP; do
		kill -$signal "$(the_pauser)"
	done
	events_are S
	kill -CONT "$HELPER"
	wait $CLIENT
	wait_until 20 events_are SR
	[ "$(wc -l <"$OUT")" = 2 ]
	rm ./*-snap-*
	as_before
}

@test "pause: QEMU ends while the guest is paused" {
	hold_snap ''
	qemu_ends
	kill -CONT "$HELPER"
	wait $CLIENT && false
	says 'QEMU has closed the connection'
	wait_until 20 no_process
	[ "$(names)" = '1.img 2.img ' ]
}

@test "pause: another program lets the guest go on" {
	hold_snap ''
	monitor cont
	wait_until 20 events_are SR
	kill -CONT "$HELPER"
	ended 1
	says 'another program let the guest go on meanwhile'
	# And pauses it again: then it is left paused.
	hold_snap ''
	monitor cont
	monitor stop
	wait_until 20 events_are SRS
	kill -CONT "$HELPER"
	wait $CLIENT && false
	says 'another program let the guest go on meanwhile'
	wait_until 20 no_process
	is_running false
	events_are SRS
	[ "$(names)" = '1.img 2.img ' ]
}

@test "pause: QEMU hangs while the guest is paused, and goes on later" {
	hold_snap ''
	kill -STOP "$QEMU"
	kill -CONT "$HELPER"
	wait_until 60 grep -q 'the guest may still be paused' "$ERR"
	says "QEMU did not answer 'cont' within 10 seconds"
	wait_until 20 no_helper
	[ -n "$(the_pauser)" ]
	kill -CONT "$QEMU"
	wait $CLIENT && false # when strace ends, which waits for both
	says "QEMU did not answer 'query-status' within 10 seconds"
	wait_until 20 events_are SR
	wait_until 20 no_process
	as_before
}

@test "pause: copies of several images, and of one" {
	local where

	mkdir "$DIR/d"
	for where in '' a:; do
		paused img-copy -s --qmp "$DIR/qmp" "$where$M/1.img" "$where$M/2.img" "$DIR/d"
		same 1.img "$DIR/d/1.img"
		same 2.img "$DIR/d/2.img"
		paused img-copy -s --overwrite --qmp "$DIR/qmp" "$where$M/2.img" "$DIR/d/1.img"
		same 2.img "$DIR/d/1.img"
		paused img-write -s --qmp "$DIR/qmp" "$where$M/1.img" "$DIR/d/2.img"
		cmp -n 1048576 1.img "$DIR/d/2.img"
		rm "$DIR/d"/*
	done
	wait_until 20 events_are SRSRSRSRSRSR
	# What the second command writes is in no copy.
	cp 1.img 2.img "$DIR"
	try img-copy -s --qmp "$DIR/qmp" --post-snapshot "for i in 1 2; do
		printf late | dd of=$M/\$i.img conv=notrunc status=none; done" 1.img "a:$M/2.img" "$DIR/d"
	[ "$status" = 0 ]
	# Each host pauses it for its own: the second one comes after the first one's command.
	same "$DIR/1.img" "$DIR/d/1.img"
	same 2.img "$DIR/d/2.img"
	wait_until 20 events_are SRSRSRSRSRSRSRSR
	rm "$DIR/d"/*
	# A dry run asks only whether the guest runs.
	succeeds img-copy -n -s --qmp "$DIR/qmp" 1.img "a:$M/2.img" "$DIR/d"
	succeeds img-copy -n -s --qmp "$DIR/qmp" 1.img "$DIR/d"
	events_are SRSRSRSRSRSRSRSR
	as_before
}

@test "pause: copies, if the guest cannot be paused" {
	mkdir "$DIR/d"
	refuses 3 1.img img-copy -s --qmp "$DIR/none" 1.img "$DIR/d"
	says "QMP socket '$DIR/none': cannot open: No such file or directory"
	refuses 3 "a:$M/1.img" img-copy -n -s --qmp "$DIR/none" "a:$M/1.img" "$DIR/d"
	refuses 3 1.img img-write -s --qmp "$DIR/none" 1.img 2.img
	try img-copy -s --qmp "$DIR/none" 1.img "a:$M/2.img" "$DIR/d"
	[ "$status" = 3 ]
	[ "$(grep -c "QMP socket '$DIR/none': cannot open" "$ERR")" = 2 ]
	refuses 2 '' img-copy --qmp "$DIR/qmp" 1.img "$DIR/d"
	says '--qmp and --libvirt need --snapshot'
	refuses 2 '' img-write --libvirt web 1.img 2.img
	refuses 2 '' img-copy -s --qmp x --libvirt web 1.img "$DIR/d"
	# A guest that was paused before stays so.
	monitor stop
	wait_until 20 events_are S
	succeeds img-copy -q -s --qmp "$DIR/qmp" 1.img 2.img "$DIR/d"
	same 2.img "$DIR/d/2.img"
	is_running false
	events_are S
}

@test "pause: a copy is interrupted, or its helper killed, while the guest is paused" {
	local where words signal

	mkdir "$DIR/d"
	for where in '' traced:; do
		for signal in TERM KILL; do
			words=(img-copy -s --qmp "$DIR/qmp" "$where$M/1.img" "$where$M/2.img" "$DIR/d")
			hold "$where" "${words[@]}"
			if [ $signal = KILL ]; then
				kill -KILL "$HELPER"
				wait $CLIENT && false
				wait_until 20 events_are SR
				as_before
			else
				kill -TERM $CLIENT
				kill -CONT "$HELPER"
				ended 143
			fi
			[ -z "$(ls "$DIR/d")" ]
		done
	done
}

virsh_forgets() {
	: >"$VIRSH_LOG"
	: >"$VIRSH_DONE"
}

needs_v() {
	[ "$(id -u)" = 0 ] || skip 'needs root, for a virsh of its own'
	virsh_forgets
	rm -f "$VIRSH_REFUSES"
	echo '-etrace=ioctl' >"$INJECT"
}

# What virsh was called for.
virsh_calls() {
	sed -E 's/.* (domstate|suspend|resume) .*/\1/' "$VIRSH_LOG" | tr '\n' ' '
}

virsh_did() {
	[ "$(virsh_calls | sed 's/domstate //g')" = "$1" ]
}

@test "libvirt: the guest is suspended while the snapshots are taken, and resumed" {
	needs_v
	paused img-snap --libvirt web "v:$M/1.img" "v:$M/2.img"
	[ "$(virsh_calls)" = 'domstate domstate suspend domstate domstate resume ' ]
	[ "$(grep -c ' FICLONE, ' "$TRACE")" = 2 ]
	awk -v stop="$(awk '/suspend/ { print $1 }' "$VIRSH_LOG")" \
		-v resume="$(awk '/resume/ { print $1 }' "$VIRSH_LOG")" \
		'/ FICLONE, / && ($2 < stop || $2 > resume) { rc = 1 } END { exit rc }' "$TRACE"
	[ "$(cut -d' ' -f2- "$VIRSH_LOG" | sort -u)" = '--quiet --readonly domstate --reason --domain web
--quiet resume --domain web
--quiet suspend --domain web' ]
	rm ./*-snap-*
	# It is suspended already.
	: >"$VIRSH_LOG"
	echo 'suspend web;' >"$VIRSH_DONE"
	succeeds img-snap -q --libvirt web "v:$M/1.img"
	virsh_did ''
	rm ./*-snap-*
	# It is shut off.
	echo 'destroy web;' >"$VIRSH_DONE"
	succeeds img-copy -q -s --libvirt web "v:$M/1.img" "v:$M/2.img" "$DIR"
	virsh_did ''
	same 2.img "$DIR/2.img"
	succeeds img-snap -n --libvirt web "v:$M/1.img"
	virsh_did ''
	[ "$(names)" = '1.img 2.img ' ]
}

@test "libvirt: what is refused" {
	needs_v
	refuses 3 "v:$M/1.img" img-snap --libvirt other "v:$M/1.img"
	says "guest 'other': virsh: failed to get domain 'other'"
	refuses 3 "v:$M/1.img" img-copy -s --libvirt other "v:$M/1.img" "$DIR"
	# As libvirtd 9.0 says it.
	printf '%s\n' "error: Failed to suspend domain 'web'" \
		"error: Timed out during operation: cannot acquire state change lock (held by monitor=remoteDispatchDomainBackupBegin)" \
		>"$VIRSH_REFUSES"
	refuses 1 v img-snap --libvirt web "v:$M/1.img" "v:$M/2.img"
	says "guest 'web': virsh: Timed out during operation: cannot acquire state change lock"
	virsh_did 'suspend '
	refuses 1 "v:$M/1.img" img-copy -s --libvirt web "v:$M/1.img" "$DIR"
	# The real virsh, whether there is a libvirtd or not.
	try img-snap --libvirt no-such-guest-here 1.img
	[ "$status" = 1 ] || [ "$status" = 3 ]
	one_line "img-snap: 1.img: guest 'no-such-guest-here': virsh: "
	[ "$(names)" = '1.img 2.img ' ]
}

@test "libvirt: the guest is resumed if the helper, or the process that suspends it, is killed" {
	local who

	needs_v
	for who in the_helper the_pauser; do
		hold v: img-snap --libvirt web "v:$M/1.img" "v:$M/2.img"
		kill -KILL "$($who)"
		kill -CONT "$HELPER" || [ $who = the_helper ]
		wait $CLIENT && false
		wait_until 20 virsh_did 'suspend resume '
		wait_until 20 no_process
		succeeds img-clean .
		[ "$(names)" = '1.img 2.img ' ]
	done
}
