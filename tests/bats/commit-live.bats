#!/usr/bin/env bats
#
# img-commit --qmp: while qemu-storage-daemon has the layers open, and qemu-io as the guest reads
# and writes its disk.

load common
load qemu

setup_file() { img_setup_file a; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() {
	stop_daemon
	img_teardown
}

# example [FORMAT]: base, of that format, and two layers above it; each has some data of its own.
example() {
	local format=${1:-raw}

	rm -f base snap1 snap2
	qemu-img create -q -f "$format" base 10M
	qemu-io -f "$format" -c 'write -P 9 5M 1M' base >/dev/null
	qemu-img create -q -f qcow2 -b base -F "$format" snap1 12M
	qemu-img create -q -f qcow2 -b snap1 -F qcow2 snap2
	qemu-io -c 'write -P 1 1M 2M' -c 'write -z 4M 2M' snap1 >/dev/null
	qemu-io -c 'write -P 2 2M 64K' -c 'write -P 2 11M 64K' snap2 >/dev/null
	qemu-img convert -O raw snap2 "$BATS_TEST_TMPDIR/view"
	# shellcheck disable=SC2034,SC2054 # for daemon; QEMU's commas
	NODES=(--blockdev file,node-name=p0,filename=base,auto-read-only=on
		--blockdev "$format,node-name=base,file=p0,auto-read-only=on"
		--blockdev file,node-name=p1,filename=snap1,auto-read-only=on
		--blockdev qcow2,node-name=snap1,file=p1,backing=base,auto-read-only=on
		--blockdev file,node-name=p2,filename=snap2
		--blockdev qcow2,node-name=top,file=p2,backing=snap1)
}

# The guest sees what it saw before.
guest_sees() {
	qemu-img compare -q -f raw -F raw "$BATS_TEST_TMPDIR/view" 'nbd+unix:///x?socket=nbd'
}

# chain_is NAME...: the layers from the top, as qemu-img names them.
chain_is() {
	[ "$(qemu-img info -U --backing-chain --output=json "$1" | jq -r '.[].filename')" = \
		"$(printf '%s\n' "$@")" ]
}

# backing_of LAYER: the name and the format that it records.
backing_of() {
	qemu-img info -U --output=json "$1" |
		jq -r '."backing-filename" + " " + ."backing-filename-format"'
}

# ask COMMAND: prints what QEMU answers, on the second monitor.
ask() {
	local id=$1-$RANDOM$RANDOM

	monitor "{\"execute\": \"$1\", \"id\": \"$id\"}"
	wait_until 20 grep -q "\"id\": \"$id\"" answers
	grep "\"id\": \"$id\"" answers
}

# is_finished [BASE]: no job is left in QEMU, and the base has no mark.
is_finished() {
	[ -e "${1:-base}" ] && ! has_mark "${1:-base}" && ask query-jobs | grep -q '"return": \[\]'
}

@test "commit live: a middle layer, here and on a host, above raw and qcow2" {
	local where format

	for where in '' "a:$DIR/"; do
		for format in raw qcow2; do
			example $format
			daemon
			succeeds img-commit --qmp "$DIR/qmp" --top "$DIR/snap1" "${where}snap2"
			grep -x "committed $DIR/snap1 into $DIR/base" "$OUT"
			grep -x 'before: capacity 10 MiB, allocation .*, physical .*' "$OUT"
			grep -x 'after:  capacity 12 MiB, allocation .*, physical .*' "$OUT"
			chain_is snap2 base
			[ "$(backing_of snap2)" = "base $format" ]
			guest_sees
			is_finished
			[ -e snap1 ]
			stop_daemon
			rm nbd answers
			qemu-img compare -q -F raw snap2 "$BATS_TEST_TMPDIR/view"
			qemu-img check -q snap2
			[ $format = raw ] || qemu-img check -q base
		done
	done
}

# uses_base: after a commit of the active layer, the guest's disk is the base.
uses_base() {
	ask query-block-exports | grep -q '"node-name": "base"'
}

@test "commit live: the active layer, while the guest writes" {
	local where format

	for where in '' "a:$DIR/"; do
		for format in raw qcow2; do
			example $format
			daemon
			guest
			guest_writes 7
			succeeds img-commit --qmp "$DIR/qmp" --base "$DIR/base" "${where}snap2"
			grep -x "the guest uses $DIR/base now, and its configuration must name that" "$OUT"
			uses_base
			guest_writes 8
			guest_ends
			is_finished
			stop_daemon
			qemu-io -f raw -c 'write -P 0xcd 7M 2M' "$BATS_TEST_TMPDIR/view" >/dev/null
			qemu-img compare -q -f $format -F raw base "$BATS_TEST_TMPDIR/view"
			[ $format = raw ] || qemu-img check -q base
			[ "$(backing_of snap2)" = "snap1 qcow2" ]
			rm nbd answers guest did
		done
	done
}

@test "commit live: the layers are deleted, after QEMU has closed them" {
	example
	daemon
	succeeds img-commit --json --qmp qmp --top snap1 --delete snap2
	json ".deleted == [\"$DIR/snap1\"] and (.job | test(\"^img-tools-commit-[0-9a-f]{8}$\"))"
	[ ! -e snap1 ]
	chain_is snap2 base
	guest_sees
	is_finished
	stop_daemon
	rm nbd answers
	# The active layer, too; what it is need not be said.
	example qcow2
	daemon
	succeeds img-commit --json --qmp qmp --base base --delete snap2
	json ".deleted == [\"$DIR/snap2\", \"$DIR/snap1\"]"
	json ".child == null and .use == \"$DIR/base\""
	[ ! -e snap2 ]
	[ ! -e snap1 ]
	guest_sees
	uses_base
	is_finished
}

@test "commit live: any part of a chain of four" {
	local top base i

	# shellcheck disable=SC2054 # QEMU's commas
	for top in 0 1 2; do
		for ((base = top + 1; base <= 3; base++)); do
			rm -f b? nbd answers
			qemu-img create -q -f qcow2 b3 2M
			NODES=(--blockdev file,node-name=p3,filename=b3,auto-read-only=on
				--blockdev qcow2,node-name=b3,file=p3,auto-read-only=on)
			for i in 2 1 0; do
				qemu-img create -q -f qcow2 -b b$((i + 1)) -F qcow2 b$i $((5 - i))M
				NODES+=(--blockdev "file,node-name=p$i,filename=b$i,auto-read-only=on"
					--blockdev "qcow2,node-name=b$i,file=p$i,backing=b$((i + 1)),auto-read-only=on")
			done
			NODES[-1]=${NODES[-1]/node-name=b0/node-name=top}
			for i in 3 2 1 0; do
				qemu-io -c "write -P $((i + 1)) $((i * 300))K 500K" b$i >/dev/null
			done
			qemu-img convert -O raw b0 "$BATS_TEST_TMPDIR/view"
			daemon
			succeeds img-commit --qmp qmp --top $top --base $base b0
			guest_sees
			is_finished b$base
			stop_daemon
			i=b0
			[ $top != 0 ] || i=b$base
			qemu-img compare -q -F raw $i "$BATS_TEST_TMPDIR/view"
			[ "$(qemu-img info --backing-chain --output=json $i | jq length)" = \
				$((top == 0 ? 4 - base : 4 - base + top)) ]
		done
	done
}

@test "commit live: -n shows the steps and changes nothing" {
	example qcow2
	daemon
	succeeds img-commit -n --qmp qmp --delete --top 1 snap2
	sed 's/[0-9a-f]\{8\}/N/' "$OUT" | head -n 8 | diff - <(
		cat <<-END
			would commit layers of $DIR/snap2 into $DIR/base
			  mark '$DIR/base' as unfinished
			  commit '$DIR/snap1' into '$DIR/base', at most 4 MiB
			  all of it as the job 'img-tools-commit-N', while the guest runs
			  check '$DIR/base'
			  record 'base' as the backing file of '$DIR/snap2'
			  delete '$DIR/snap1'
			  remove the mark of '$DIR/base'
		END
	)
	succeeds img-commit -n --qmp qmp snap2
	grep -A1 '^  remove' "$OUT" | diff - <(
		cat <<-END
			  remove the mark of '$DIR/snap1'
			  let the guest use '$DIR/snap1'
		END
	)
	chain_is snap2 snap1 base
	is_finished
}

@test "commit live: what is refused" {
	example
	daemon
	refuses 5 snap2 img-commit --top 1 snap2
	refuses 3 snap2 img-commit --qmp nothing --top 1 snap2
	refuses 1 snap2 img-commit --qmp nbd --top 1 snap2
	says 'does not speak QMP'
	refuses 2 '' img-commit --qmp= snap2
	refuses 2 snap2 img-commit --qmp qmp --top 2 snap2
	refuses 4 snap1 img-commit --qmp qmp snap1
	says 'QEMU has another layer above this one: name the uppermost'
	has_mark base && return 1
	qemu-img create -q -f qcow2 -u -b base -F raw clone 10M
	refuses 4 snap2 img-commit --qmp qmp --top 1 snap2
	says "'$DIR/clone' also needs layer '$DIR/base'"
	rm clone
	qemu-img create -q -f qcow2 -b snap2 -F qcow2 -u other 12M
	refuses 4 other img-commit --qmp qmp --top 2 other
	says 'is not open in QEMU'
	rm other
	# Another job.
	monitor '{"execute": "block-commit", "arguments": {"job-id": "j", "device": "top",
		"auto-dismiss": false}}'
	wait_until 20 grep -q '"status": "ready"' answers
	refuses 5 snap2 img-commit --qmp qmp --top 1 snap2
	says 'a block job is running'
	monitor '{"execute": "block-job-cancel", "arguments": {"device": "j", "force": true}}'
	monitor '{"execute": "job-dismiss", "arguments": {"id": "j"}}'
	wait_until 20 grep -q '"status": "null"' answers
	# Before version 9.0, QEMU would record "file" as the format.
	stop_daemon
	rm nbd answers
	NODES=("${NODES[@]/backing=base/backing=p0}")
	unset 'NODES[2]' 'NODES[3]'
	daemon
	if qemu-storage-daemon --version | grep -q 'version [78]'; then
		refuses 4 snap2 img-commit --qmp qmp --top 1 snap2
		says "without a node of the format 'raw'"
		lacks answers 'img-tools-commit'
	else
		succeeds img-commit --qmp qmp --top 1 snap2
		[ "$(backing_of snap2)" = 'base raw' ]
	fi
	has_mark base && return 1
	[ -e snap1 ]
}

# slow_daemon FAULT: QEMU needs time for writes to the base, as strace is told.
slow_daemon() {
	daemon strace -f -qq -o writes -P "$DIR/base" -e trace=pwrite64,pwritev,pwritev2 \
		-e inject=pwrite64,pwritev,pwritev2:delay_enter="$1"
}

@test "commit live: the progress, and the base grows in it" {
	example
	slow_daemon 300000
	try img-commit --json --progress=json --qmp qmp --top 1 snap2
	[ "$status" = 0 ]
	jq -es 'map(.phase == "commit") | .[:-1] | all' "$ERR"
	jq -es 'map(.allocation) | . == sort and (unique | length) > 2' "$ERR"
	jq -es 'map(.done) | . == sort and (unique | length) > 2' "$ERR"
	jq -es 'all(has("threshold") and .threshold == null)' "$ERR" # a raw base cannot grow
	jq -es '.[-1] | .phase == "done" and .done == .total and .physical == 12582912' "$ERR"
	json '.base.after.capacity == 12582912 and .resumed == false'
}

# job_in_qemu STATUS: a job of ours has that status.
job_in_qemu() {
	ask query-jobs | grep -q "\"status\": \"$1\".*\"id\": \"img-tools-commit-"
}

# tell_job COMMAND: tells it to the job of ours.
tell_job() {
	local id

	id=$(ask query-jobs | grep -o 'img-tools-commit-[0-9a-f]*')
	monitor "{\"execute\": \"$1\", \"arguments\": {\"device\": \"$id\"}}"
}

# commit_in_background WORD...: starts it; $COMMIT is its process.
commit_in_background() {
	img-commit -F "$SSH_CONFIG" --qmp "$DIR/qmp" "$@" >"$OUT" 2>"$ERR" 3>&- &
	COMMIT=$!
	wait_until 20 job_in_qemu '[a-z]*'
}

# commit_ends: waits for it, and sets $status.
commit_ends() {
	wait_until 60 test ! -e "/proc/$COMMIT/exe"
	status=0
	wait "$COMMIT" || status=$?
}

@test "commit live: a client that dies, and the same command takes the job up" {
	local where top

	for where in '' "a:$DIR/"; do
		for top in 1 0; do
			example qcow2
			slow_daemon 3000000:when=1
			commit_in_background --top $top --base "$DIR/base" "${where}snap2"
			tell_job block-job-pause
			# shellcheck disable=SC2046 # one or more
			kill -KILL $COMMIT $(helpers)
			commit_ends
			wait_until 20 no_process
			has_mark base
			wait_until 20 job_in_qemu paused
			guest_sees
			# Only the same command.
			refuses 8 "${where}snap2" img-commit --qmp "$DIR/qmp" --top $((1 - top)) "${where}snap2"
			refuses 5 "${where}snap2" img-commit --top $top "${where}snap2"
			succeeds img-commit -n --qmp "$DIR/qmp" --top $top --base "$DIR/base" "${where}snap2"
			grep 'follow the job' "$OUT"
			tell_job block-job-resume
			succeeds img-commit --json --qmp "$DIR/qmp" --top $top --base "$DIR/base" \
				--delete "${where}snap2"
			json .resumed
			guest_sees
			is_finished
			[ "$(grep -c '"status": "created"' answers)" = 1 ]
			stop_daemon
			[ "$(echo base snap?)" = "$([ $top = 0 ] && echo 'base snap?' || echo 'base snap2')" ]
			qemu-img check -q base
			rm -f nbd answers
		done
	done
}

# Someone has let the job end where it was, or has given the guest the layer again.
@test "commit live: a job that has ended, and the guest still uses IMAGE" {
	local job

	example qcow2
	daemon
	succeeds img-commit -n --json --qmp qmp --base base snap2
	job=$(jq -r .job "$OUT")
	monitor '{"execute": "block-commit", "arguments": {"job-id": "'"$job"'", "device": "top",
		"base-node": "base", "auto-dismiss": false}}'
	wait_until 20 job_in_qemu ready
	monitor '{"execute": "block-job-cancel", "arguments": {"device": "'"$job"'"}}'
	wait_until 20 job_in_qemu concluded
	guest
	guest_writes 7
	guest_ends
	qemu-io -f raw -c 'write -q -P 7 8M 1M' 'nbd+unix:///x?socket=nbd'
	succeeds img-commit --qmp qmp --base base snap2
	uses_base
	is_finished
	stop_daemon
	qemu-io -f qcow2 -r -c 'read -P 7 8M 1M' base >"$OUT"
	lacks "$OUT" failed
}

@test "commit live: another client lets the followed job end where it is" {
	local helper

	example qcow2
	slow_daemon 3000000:when=1
	commit_in_background --base base snap2
	helper=$(helpers)
	kill -STOP "$helper"
	wait_until 20 job_in_qemu ready
	tell_job block-job-cancel
	wait_until 20 job_in_qemu concluded
	kill -CONT "$helper"
	commit_ends
	[ "$status" = 1 ]
	[ ! -s "$OUT" ]
	grep "has ended, and the guest still uses '$DIR/snap2' ('$DIR/base' is unfinished now" "$ERR"
	has_mark base
	succeeds img-commit --qmp qmp --base base snap2
	uses_base
	is_finished
}

@test "commit live: ended by TERM, it says that the job goes on" {
	example
	slow_daemon 3000000:when=1
	commit_in_background --top 1 snap2
	tell_job block-job-pause
	kill -TERM $COMMIT
	commit_ends
	[ "$status" = 143 ]
	[ ! -s "$OUT" ]
	wait_until 20 no_process
	has_mark base
	tell_job block-job-resume
	wait_until 20 job_in_qemu concluded
	succeeds img-commit --json --qmp qmp --top 1 snap2
	json .resumed
	guest_sees
	is_finished
}

@test "commit live: QEMU ends before its job, and the guest does not run then" {
	local signal

	for signal in KILL TERM; do
		example
		slow_daemon 3000000:when=1
		commit_in_background --top 1 snap2
		tell_job block-job-pause
		kill -$signal "$(cat pid)"
		commit_ends
		[ "$status" = 1 ]
		[ ! -s "$OUT" ]
		says "'$DIR/base' is unfinished now; run the same command again"
		wait_until 20 no_process
		wait "$DAEMON" || true
		DAEMON=
		has_mark base
		qemu-img compare -q -F raw snap2 "$BATS_TEST_TMPDIR/view"
		# Either way.
		if [ $signal = TERM ]; then
			rm -f nbd answers
			daemon
			succeeds img-commit --json --qmp qmp --top 1 snap2
			stop_daemon
		else
			succeeds img-commit --json --top 1 snap2
		fi
		json .resumed
		qemu-img compare -q -F raw snap2 "$BATS_TEST_TMPDIR/view"
		has_mark base && return 1
		chain_is snap2 base
		rm -f nbd answers
	done
}

# killed_at CALL N WORD...: the helper is killed at its Nth CALL, of those that change something or
# talk to QEMU.  Fails if there is no Nth.
killed_at() {
	local call=$1 n=$2
	shift 2

	printf '%s\n' -e "trace=$call" -e "inject=$call:signal=KILL:when=$n" >"$INJECT"
	status=0
	"$TRACED/bin/img-commit" -F "$SSH_CONFIG" --qmp qmp "$@" >"$OUT" 2>"$ERR" || status=$?
	wait_until 20 no_process
	[ "$status" = 7 ]
}

@test "commit live: a helper that is killed at any step" {
	local top call n killed=0 handed=0 left

	traced_build -qq
	for top in 1 0; do
		for call in sendto fsetxattr fremovexattr unlinkat; do
			for ((n = 1; n <= 40; n++)); do
				rm -f nbd answers
				example qcow2
				daemon
				if ! killed_at $call $n --top $top --base base --delete snap2; then
					[ "$status" = 0 ]
					stop_daemon
					break
				fi
				killed=$((killed + 1))
				guest_sees
				# What the guest writes to the base is safe from the same command without --qmp.
				if [ $top = 0 ] && uses_base; then
					handed=$((handed + 1))
					has_mark base && return 1
				fi
				# Only if all is done but for files, the same command finds nothing to do.
				try img-commit --qmp qmp --top $top --base base --delete snap2
				if [ "$status" != 0 ]; then
					has_mark base && told && return 1
					[[ $status =~ ^[234]$ ]]
					if [ $top = 1 ]; then chain_is snap2 base; else uses_base; fi
				fi
				guest_sees
				is_finished
				stop_daemon
				left=base
				[ $top = 0 ] || left=snap2
				qemu-img compare -q -F raw $left "$BATS_TEST_TMPDIR/view"
				qemu-img check -q base
			done
		done
	done
	echo "killed $killed times"
	[ $killed -gt 30 ]
	[ $handed -gt 0 ]
}

# full_example: as example, but the disk of the base is full.
full_example() {
	rm -f small/*
	example qcow2
	mv base small/base
	qemu-img rebase -u -b small/base -F qcow2 snap1
	fallocate -l $(($(df --output=avail -B1 small | tail -n 1) - 1000000)) small/filler
	NODES=("${NODES[@]/filename=base/filename=small/base}")
}

@test "commit live: a job that pauses because its disk is full, and goes on" {
	local top dies

	small_fs small 6M
	for top in 1 0; do
		for dies in no yes; do
			full_example
			daemon
			commit_in_background --top $top --base small/base snap2
			wait_until 20 grep -q 'there is no space left' "$ERR"
			one_line 'img-commit: '
			says "$DIR/small/base: there is no space left, so the job has paused"
			guest_sees
			job_in_qemu paused
			if [ $dies = yes ]; then
				# shellcheck disable=SC2046 # one or more
				kill -KILL $COMMIT $(helpers)
				commit_ends
				wait_until 20 no_process
				rm small/filler
				try img-commit --json --qmp qmp --top $top --base small/base snap2
				json .resumed
			else
				rm small/filler
				commit_ends
			fi
			[ "$status" = 0 ]
			guest_sees
			is_finished small/base
			stop_daemon
			[ $top = 1 ] || mv small/base snap2
			qemu-img compare -q -F raw snap2 "$BATS_TEST_TMPDIR/view"
			rm nbd answers
		done
	done
}
