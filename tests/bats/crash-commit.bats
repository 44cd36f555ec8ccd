#!/usr/bin/env bats
#
# The helper of an img-commit, and the qemu-img that it runs, are killed at their system calls that
# change something: the guest sees what it saw before, and the same command completes the commit.  A
# sample of these calls in the tests, all of them in `make soak`.

load common
load crash

setup_file() {
	img_setup_file a
	traced_build -qq -y
	export CHAIN=$BATS_FILE_TMPDIR/chain
	mkdir "$CHAIN"
	cd "$CHAIN" || return
	qemu-img create -q -f raw raw 3M
	qemu-img create -q -f qcow2 qcow2 3M
	for format in raw qcow2; do
		qemu-img create -q -f qcow2 -b $format -F $format $format-1 4M
		qemu-img create -q -f qcow2 -b $format-1 -F qcow2 $format-2
		qemu-img create -q -f qcow2 -b $format-2 -F qcow2 $format-3
		for layer in "$format" "$format"-{1,2,3}; do
			qemu-io -f "$(qemu-img info --output=json "$layer" | jq -r .format)" \
				-c "write -P 0x${#layer}1 ${#layer}00K 500K" "$layer" >/dev/null
		done
		qemu-io -c 'write -P 7 3500K 100K' -c 'write -P 9 100K 30K' $format-1 >/dev/null
		qemu-io -c 'write -P 8 3550K 100K' $format-2 >/dev/null
	done
	qemu-img convert -O raw raw-3 view
	qemu-img convert -O raw qcow2-3 view-qcow2
	cmp view view-qcow2 || cp view-qcow2 view.qcow2
}
teardown_file() { img_teardown_file; }
setup() {
	img_setup
	CALLS+=,pwritev
	# shellcheck disable=SC2034 # for crash.bash
	CHILD_STATUS='[18]' EVERY=$(sample 2) MAY_MISS=1
}
teardown() { img_teardown; }

raw_make() {
	cp --sparse=always "$CHAIN"/raw "$CHAIN"/raw-[123] w
	VIEW=$CHAIN/view TOP=w/raw-3
}
qcow2_make() {
	cp --sparse=always "$CHAIN"/qcow2 "$CHAIN"/qcow2-[123] w
	VIEW=$CHAIN/view-qcow2 TOP=w/qcow2-3
}

# The guest sees what it saw; a qemu-img that outlives the helper may still have the layers locked.
raw_check() {
	local top=$TOP format=qcow2

	if [ ! -e "$top" ]; then # it was deleted, and the base shows it
		format=${top#w/} format=${format%%-*}
		top=w/$format
	fi
	qemu-img compare -U -q -f raw -F "$format" "$VIEW" "$top"
}
qcow2_check() { raw_check; }

not_busy() {
	try "$@"
	[ "$status" != 5 ]
}

# Whether the job that was killed had nothing left to do but to answer.
was_complete() {
	[ "$(find w -type f -printf '%f\n' | sort | paste -sd' ')" = "$LEFT" ] &&
		! has_mark "w/${LEFT%% *}"
}

# completed COMMAND...: the same command completes it.
completed() {
	was_complete || { wait_until 20 not_busy "$@" && [ "$status" = 0 ] && was_complete; } &&
		raw_check && { [[ $LEFT == raw* ]] || is_sound w/qcow2; }
}

# is_sound IMAGE: a qemu-img that is killed may leave clusters that nothing refers to (3).
is_sound() {
	local result=0

	qemu-img check -q "$1" || result=$?
	[[ $result =~ ^[03]$ ]]
}

@test "crash: img-commit, which deletes the layers" {
	LEFT='raw raw-3' AFTER='completed img-commit --delete --top 1 --base 3 w/raw-3' LEAST=18 \
		crash raw img-commit --delete --top 1 --base 3 w/raw-3
	LEFT='qcow2 qcow2-3' AFTER='completed img-commit --delete --top w/qcow2-2 --base w/qcow2 w/qcow2-3' \
		LEAST=18 crash qcow2 img-commit --delete --top 1 --base 3 w/qcow2-3
}

@test "crash: img-commit, which keeps the layers" {
	LEFT='raw raw-1 raw-2 raw-3' AFTER='kept img-commit --top 1 --base 3 w/raw-3' LEAST=18 \
		crash raw img-commit --top 1 --base 3 w/raw-3
}

# The layers are no longer in the chain when all is done.
kept() {
	has_mark w/raw || raw_is_base || { try "$@" && [ "$status" = 0 ]; }
	has_mark w/raw && wait_until 20 not_busy "$@"
	! has_mark w/raw && raw_is_base && raw_check
}

raw_is_base() {
	[ "$(qemu-img info -U --output=json w/raw-3 | jq -r '."backing-filename"')" = raw ]
}

@test "crash: img-commit of the image itself, which is deleted" {
	LEFT=raw AFTER='completed img-commit --delete --top 0 --base w/raw w/raw-3' LEAST=18 \
		crash raw img-commit --delete --top 0 --base w/raw w/raw-3
}
