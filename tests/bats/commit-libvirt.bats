#!/usr/bin/env bats
#
# img-commit --libvirt, which runs virsh: what libvirtd does not do on demand (libvirt.bats has a real
# one).  On the host "v", virsh is a script.  It prints what the formats of virsh 9.0 make of
# a job, not what a real job was seen to print, and lets qemu-img do what QEMU would do.

load common

setup_file() {
	img_setup_file
	cat >"$BATS_FILE_TMPDIR/virsh" <<-'END'
		#!/bin/bash
		source V/state
		echo "$*" >>V/args
		case " $* " in
		*' domstats '*) cat V/domstats ;;
		*' blockcommit '*)
			[ ! -e V/begins ] || mv V/begins V/asked
			[ ! -s V/errors ] || { cat V/errors >&2; exit 1; }
			echo 0 >V/asked
			;;
		*' --pivot '*)
			eval "$PIVOTS"
			rm V/asked
			qemu-img commit -q -b "$BASE" "$DIR/snap2"
			grep -v 'block.[01]' V/domstats >V/new
			mv V/new V/domstats
			;;
		*' blockjob '*)
			[ -e V/asked ] || exit 0
			n=$(($(cat V/asked) + 1))
			echo $n >V/asked
			if [ $n = "$ENDS" ]; then
				rm V/asked
				[ "$FAILS" = no ] || exit 0
				qemu-img commit -q -d -b "$BASE" "$DIR/snap1"
				qemu-img rebase -u -b base -F raw "$DIR/snap2"
				exit 0
			fi
			printf ' type=%s\n bandwidth=0\n cur=%s\n end=40\n' "$TYPE" $((n * 10))
			;;
		esac
	END
	sed -i "s,V/,$BATS_FILE_TMPDIR/,g" "$BATS_FILE_TMPDIR/virsh"
	chmod +x "$BATS_FILE_TMPDIR/virsh"
	if [ "$(id -u)" = 0 ]; then
		HOST_MOUNTS="mount --bind $BATS_FILE_TMPDIR/virsh $(command -v virsh)" start_host v
	fi
}
teardown_file() { img_teardown_file; }
setup() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	img_setup
	V=$BATS_FILE_TMPDIR
}
teardown() { img_teardown; }

# example: base <- snap1 <- snap2, the disk vda of the guest "web".
example() {
	rm -f base snap1 snap2 "$V/asked" "$V/args" "$V/errors"
	truncate -s 10M base
	qemu-img create -q -f qcow2 -b base -F raw snap1
	qemu-img create -q -f qcow2 -b snap1 -F qcow2 snap2
	qemu-io -c 'write -P 1 1M 2M' snap1 >/dev/null
	qemu-io -c 'write -P 2 2M 64K' snap2 >/dev/null
	qemu-img convert -O raw snap2 "$BATS_TEST_TMPDIR/view"
	cat >"$V/domstats" <<-END
		Domain: 'web'
		  state.state=1
		  block.count=4
		  block.0.name=vda
		  block.0.path=$DIR/snap2
		  block.0.backingIndex=1
		  block.0.allocation=0
		  block.1.name=vda
		  block.1.path=$DIR/snap1
		  block.1.backingIndex=3
		  block.1.allocation=0
		  block.2.name=vda
		  block.2.path=$DIR/base
		  block.2.backingIndex=4
		  block.2.allocation=4096
		  block.3.name=vdb
		  block.3.path=/dev/null
	END
	virsh_does ENDS=4
}

# virsh_does WORD=VALUE...
virsh_does() {
	printf '%q\n' "DIR=$DIR" "BASE=$DIR/base" FAILS=no ENDS=4 PIVOTS= "TYPE=Block Commit" "$@" |
		sed 's/^\([A-Z]*\)\\=/\1=/' >"$V/state"
}

shows() {
	qemu-img compare -q -f raw -F "$2" "$BATS_TEST_TMPDIR/view" "$1"
}

# asked WORD...: virsh was called with these words.
asked() {
	grep -qxF -- "--quiet $*" "$V/args"
}

@test "commit libvirt: a middle layer" {
	example
	succeeds img-commit -n --libvirt web --top 1 "v:$DIR/snap2"
	grep -x "  all of it as the job 'vda', while the guest runs" "$OUT"
	lacks "$V/args" blockcommit
	succeeds img-commit --json --libvirt web --top 1 --delete "v:$DIR/snap2"
	asked blockcommit --domain web --path vda --base 'vda[4]' --top 'vda[3]' --keep-relative
	asked --readonly blockjob --raw --domain web --path vda
	json ".deleted == [\"$DIR/snap1\"] and .job == \"vda\""
	shows snap2 qcow2
	[ "$(ls -A)" = $'base\nsnap2' ]
	has_mark base && return 1
	# Absolute names stay that.
	example
	qemu-img rebase -u -b "$DIR/snap1" -F qcow2 snap2
	succeeds img-commit --libvirt web --top 1 "v:$DIR/snap2"
	asked blockcommit --domain web --path vda --base 'vda[4]' --top 'vda[3]'
}

@test "commit libvirt: the active layer" {
	example
	virsh_does 'TYPE=Active Block Commit' ENDS=99
	succeeds img-commit --json --libvirt web --base "$DIR/base" "v:$DIR/snap2"
	asked blockcommit --domain web --path vda --base 'vda[4]' --active
	asked blockjob --domain web --path vda --pivot
	shows base raw
	[ -e snap1 ]
	[ -e snap2 ]
	has_mark base && return 1
	# It is told that it uses the base already, to which it may have written since then.
	qemu-io -f raw -c 'write -P 7 3M 1M' base >/dev/null
	cp base used
	refuses 4 "v:$DIR/snap2" img-commit --libvirt web --base "$DIR/base" "v:$DIR/snap2"
	says "uses '$DIR/base' already"
	cmp base used
}

@test "commit libvirt: when the guest is let use the base, that has no mark any more" {
	local marked=$BATS_TEST_TMPDIR/marked

	example
	virsh_does 'TYPE=Active Block Commit' ENDS=99 "PIVOTS=getfattr -d $DIR/base >$marked; exit 1"
	refuses 1 "v:$DIR/snap2" img-commit --libvirt web --base "$DIR/base" "v:$DIR/snap2"
	says "QEMU was told to let the guest use '$DIR/base': see whether it does"
	[ ! -s "$marked" ]
	has_mark base && return 1
	shows snap2 qcow2
	# The job fails then: the guest goes on with the image, and the base is unfinished.
	example
	virsh_does 'TYPE=Active Block Commit' ENDS=99 "PIVOTS=rm $V/asked; exit 0"
	refuses 1 "v:$DIR/snap2" img-commit --libvirt web --base "$DIR/base" "v:$DIR/snap2"
	says "'$DIR/base' is unfinished now; run the same command again"
	has_mark base
	shows snap2 qcow2
	virsh_does 'TYPE=Active Block Commit' ENDS=99
	succeeds img-commit --json --libvirt web --base "$DIR/base" --delete "v:$DIR/snap2"
	json .resumed
	shows base raw
	[ "$(ls -A)" = base ]
}

@test "commit libvirt: a job that another run has begun, and one that nobody knows" {
	example
	echo 0 >"$V/asked"
	refuses 5 "v:$DIR/snap2" img-commit --libvirt web --top 1 "v:$DIR/snap2"
	says "a block job is running on disk 'vda'"
	setfattr -n user.img-tools.unfinished -v commit:snap2:snap1 base
	succeeds img-commit --json --libvirt web --top 1 "v:$DIR/snap2"
	json .resumed
	lacks "$V/args" blockcommit
	shows snap2 qcow2
	has_mark base && return 1
	# A mirror is not ours, whatever the mark says.
	example
	virsh_does 'TYPE=Block Copy'
	echo 0 >"$V/asked"
	setfattr -n user.img-tools.unfinished -v commit:snap2:snap1 base
	refuses 5 "v:$DIR/snap2" img-commit --libvirt web --top 1 "v:$DIR/snap2"
}

@test "commit libvirt: failures" {
	example
	# The job ends without having done anything.
	virsh_does FAILS=yes
	refuses 1 "v:$DIR/snap2" img-commit --libvirt web --top 1 "v:$DIR/snap2"
	says "the job has failed: '$DIR/snap2' does not stand on '$DIR/base', which is unfinished now"
	has_mark base
	shows snap2 qcow2
	virsh_does
	succeeds img-commit --json --libvirt web --top 1 "v:$DIR/snap2"
	json .resumed
	example
	virsh_does 'TYPE=Active Block Commit' FAILS=yes
	refuses 1 "v:$DIR/snap2" img-commit --libvirt web --base "$DIR/base" "v:$DIR/snap2"
	says 'libvirt does not say why'
	# It does not begin.
	example
	printf 'error: unsupported configuration: no\n\n' >"$V/errors"
	refuses 1 "v:$DIR/snap2" img-commit --libvirt web --top 1 "v:$DIR/snap2"
	says 'virsh: unsupported configuration: no'
	has_mark base && return 1
	# It begins, and virsh does not hear of that.
	example
	printf 'error: Disconnected from qemu:///system\n' >"$V/errors"
	echo 0 >"$V/begins"
	refuses 1 "v:$DIR/snap2" img-commit --libvirt web --top 1 "v:$DIR/snap2"
	says "'$DIR/base' is unfinished now; run the same command again"
	has_mark base
	rm "$V/errors"
	succeeds img-commit --json --libvirt web --top 1 "v:$DIR/snap2"
	json .resumed
	shows snap2 qcow2
	example
	# A layer that is not the uppermost: libvirt would commit that one, too, and the guest would use BASE.
	refuses 4 "v:$DIR/snap1" img-commit -n --libvirt web "v:$DIR/snap1"
	refuses 4 "v:$DIR/snap1" img-commit --libvirt web "v:$DIR/snap1"
	says "guest 'web': its disk 'vda' has another layer above this one: name the uppermost"
	lacks "$V/args" --active
	has_mark base && return 1
	# Other guests.
	sed -i "s,$DIR/snap1,$DIR/other," "$V/domstats"
	refuses 4 "v:$DIR/snap2" img-commit --libvirt web --top 1 "v:$DIR/snap2"
	says "layer '$DIR/snap1'"
	sed -i "s,$DIR/,$DIR/other," "$V/domstats"
	refuses 4 "v:$DIR/snap2" img-commit --libvirt web --top 1 "v:$DIR/snap2"
	says "guest 'web': does not have it open"
	refuses 2 '' img-commit --libvirt=-web snap2
	refuses 2 '' img-commit --libvirt web --qmp qmp snap2
}
