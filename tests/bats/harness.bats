#!/usr/bin/env bats
# The tests' own machinery, where it must work on every machine.

load common

setup_file() { img_setup_file; }
teardown_file() { img_teardown_file; }
setup() { img_setup; }
teardown() { img_teardown; }

# vm_program NAME: reads a script that replaces that program of tests/vm/run.sh.
vm_program() {
	{
		echo '#!/bin/sh'
		cat
	} >"bin/$1"
	chmod 755 "bin/$1"
}

# A KVM that is there and does not work makes qemu abort.
@test "harness: a qemu that aborts is reported in one line" {
	local cache=$DIR/cache/img-tools-vm/kernel

	mkdir -p bin build "$cache/lib/modules/1"
	echo 1 >"$cache/version"
	touch "$cache/vmlinuz" "$cache/module"
	vm_program modprobe <<<"echo insmod $cache/module"
	vm_program qemu-system-x86_64 <<<'kill -ABRT $$'
	vm_program id <<<'echo 0'
	try env "PATH=$DIR/bin:$PATH" "XDG_CACHE_HOME=$DIR/cache" TALLY= GUESTS=1 ACCEL= \
		"$BATS_TEST_DIRNAME/../vm/run.sh" "$DIR/build" rig
	[ "$status" = 1 ]
	lacks "$ERR" '^'
	grep -x 'FAIL  no guest: it ended before it was up, .*' "$OUT"
	lacks "$OUT" 'Aborted'
	grep -x 'tests in a guest of .*: 0 passed, 1 failed, 0 skipped' "$OUT"
}

@test "harness: lacks fails if the file is missing" {
	echo text >file
	lacks file other
	run lacks file 'te*x'
	[ "$status" = 1 ]
	run lacks missing other
	[ "$status" = 1 ]
}

@test "harness: a series of which the tests try a sample" {
	[ "$(IMG_SOAK='' sample 7)" = 7 ]
	[ "$(IMG_SOAK=yes sample 7)" = 1 ]
	[ "$(cd "$BATS_TEST_DIRNAME/../.." && make -n soak B=some 2>/dev/null)" = 'B=some tests/all.sh soak' ]
}
