#!/bin/bash
# Runs a build's tests on real LVM, in a small virtual machine:
#
#   tests/vm/run.sh BUILD [NAME...]   NAME: foo for tests/vm/foo.bats; one alone is shown live
#   tests/vm/run.sh BUILD --shell     a shell in the guest, on this terminal
#
# LIMIT (seconds a file), GUESTS (how many at once), ACCEL (kvm or tcg, else what
# works) and TALLY are taken from the environment; the output of each file is in
# BUILD/results-vm, and so are the guests' consoles.  A guest runs one file after
# another; after a file that hung or left something behind, a new guest continues.
# A guest that does not start is a failure.  README.md beside this file explains how it works.
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/tap.bash
. tests/tap.bash
here=$PWD/tests/vm
mkdir -p "$1" || exit
build=$(cd "$1" && pwd)
shift
shell=
if [ "${1:-}" = --shell ]; then
	shell=yes
	shift
fi
limit=${LIMIT:-900}
soak=${IMG_SOAK:-}
boot_limit=120
results=$build/results-vm
rm -rf "$results"
mkdir -p "$results"
# Debian 13 has the one written in Rust.  It must not announce mounts, on which the guest
# could mount nothing.
if [ -x /usr/libexec/virtiofsd ]; then
	virtiofsd=(/usr/libexec/virtiofsd --shared-dir=/ --sandbox=chroot --cache=always
		--no-announce-submounts)
else
	virtiofsd=(/usr/lib/qemu/virtiofsd -f -o source=/ -o sandbox=chroot -o cache=always)
fi
job=$(mktemp -d /tmp/img-vm.XXXXXX)
guest=
files=

stop() {
	[ -z "$guest" ] || kill -KILL "$guest" 2>/dev/null
	[ -z "$files" ] || kill -KILL "$files" 2>/dev/null
	wait
	guest=
	files=
} 2>/dev/null

# shellcheck disable=SC2317 # by trap
leave() {
	jobs -p | xargs -r kill 2>/dev/null
	stop
	rm -rf "$job"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# count NAME PASSED FAILED SKIPPED: adds to the sums.
count() {
	echo "${@:2}" >>"$results/$1.count"
}

# Prints the sums at the end, as tests/run.sh does.
finish() {
	local passed failed skipped

	read -r passed failed skipped < <(cat /dev/null "$results"/*.count 2>/dev/null |
		awk '{ p += $1; f += $2; s += $3 } END { printf "%d %d %d\n", p, f, s }')
	if ((passed + failed == 0)); then
		echo "no test ran"
		failed=1
	fi
	[ -z "${TALLY:-}" ] || echo "$passed $failed $skipped" >>"$TALLY"
	echo "tests in a guest of ${build#"$PWD/"}: $passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
	exit
}

# cannot WHY...: reports that a guest does not start, which is a failure.
cannot() {
	echo "FAIL  no guest: $*"
	[ ! -s "${console:-}" ] || tail -n 40 "$console" | tr -d '\r' | sed 's/^/      | /'
	count guest 0 1 0
	[ "$BASHPID" = $$ ] || exit 1
	finish
}

# Makes the initramfs: busybox, the modules needed for the host's files, initrd.sh.
make_initrd() {
	local root=$job/initrd name module

	mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/dev" "$root/modules"
	cp "$here/initrd.sh" "$root/init" || return
	chmod 755 "$root/init"
	cp "$(command -v busybox)" "$root/bin/busybox" || return
	for name in sh mount mkdir insmod reboot switch_root; do
		ln -s busybox "$root/bin/$name"
	done
	# The program may need shared libraries.
	ldd "$root/bin/busybox" 2>/dev/null | grep -o '/[^ ]*' | while read -r name; do
		mkdir -p "$root${name%/*}" && cp -L "$name" "$root$name" || exit
	done || return
	for name in virtio_pci virtiofs overlay; do
		modprobe -d "$kernel" -S "$version" --show-depends "$name" || return
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$job/modules"
	[ -s "$job/modules" ] || return
	while read -r module; do
		cp "$module" "$root/modules" || return
		case $module in *.xz) busybox unxz "$root/modules/${module##*/}" || return ;; esac
		name=${module##*/}
		echo "${name%.xz}" >>"$root/modules/order"
	done <"$job/modules"
	(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) >"$job/initrd.img"
}

machine=(qemu-system-x86_64 -nodefaults -display none -no-reboot -m 2G
	-object "memory-backend-memfd,id=m,size=2G,share=on" -M "pc,memory-backend=m,usb=off,vmport=off")
command_line="console=ttyS0 loglevel=4 panic=-1 no_timer_check nowatchdog rcupdate.rcu_expedited=1"
# Options that protect a kernel, or keep statistics for its users, only cost time there.
command_line+=" mitigations=off audit=0 lsm= apparmor=0 hardened_usercopy=off"
command_line+=" randomize_kstack_offset=off cgroup_disable=memory psi=0 transparent_hugepage=never"

# The guest must zero each page that it takes: virtiofsd writes to its memory without QEMU's
# knowledge, and QEMU would continue to run what it translated from that page before.
command_line+=" init_on_alloc=1"

# A /dev/kvm may exist and yet hang: if a guest has not booted with it in some seconds, it
# is not used until this machine is rebooted.
choose_accel() {
	local known

	read -r known </proc/sys/kernel/random/boot_id
	known=${kernel%/*}/accel-$known
	accel=${ACCEL:-$(cat "$known" 2>/dev/null)}
	if [ -z "$accel" ]; then
		accel=tcg
		if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
			# In a shell of its own, which reports that qemu aborted to /dev/null.
			(
				timeout --kill-after=2 8 "${machine[@]}" -accel kvm -cpu host \
					-kernel "$kernel/vmlinuz" -initrd "$job/initrd.img" \
					-append "$command_line img.probe" -serial "file:$job/probe"
				true
			) </dev/null >/dev/null 2>&1
			! grep -qs img-probe-alive "$job/probe" || accel=kvm
		fi
		rm -f "${known%/*}"/accel-*
		echo "$accel" >"$known"
	fi
	case $accel in
	kvm) machine+=(-accel kvm -cpu host -smp 2) ;;
	*)
		# Wide registers and memory protection make emulation slower, and so does a second
		# processor.  But there must be room for one: else QEMU leaves out the guest's memory
		# barriers, although virtiofsd runs beside it, and each can wait for the other for
		# ever.  A program that is always at the same addresses is translated only once,
		# which makes starting it three times as fast.
		machine+=(-accel tcg -smp "1,maxcpus=2"
			-cpu "max,la57=off,avx=off,avx2=off,erms=off,smap=off,smep=off")
		command_line+=" norandmaps"
		;;
	esac
}

# Starts a guest.  It reports events on &4, and is told on &5 what to run.
boot() {
	local top=$PWD modules=$kernel devices

	declare -p top build modules limit shell soak >"$own/job"
	cp "$here/init.sh" "$own/init.sh"
	rm -f "$own/socket" "$own"/line.*
	setpriv --pdeathsig KILL "${virtiofsd[@]}" --socket-path="$own/socket" \
		>"$results/virtiofsd$number" 2>&1 </dev/null &
	files=$!
	wait_for_socket || cannot "virtiofsd: $(tail -n 5 "$results/virtiofsd$number")"
	devices=(-chardev "socket,id=c,path=$own/socket"
		-device "vhost-user-fs-pci,chardev=c,tag=host,queue-size=1024"
		-kernel "$kernel/vmlinuz" -initrd "$job/initrd.img")
	if [ -n "$shell" ]; then
		# Its console is this terminal; it ends together with the shell.
		"${machine[@]}" "${devices[@]}" -serial mon:stdio -append "$command_line img.job=$own"
		return
	fi
	mkfifo "$own/line.in" "$own/line.out"
	exec 5<>"$own/line.in" 6<>"$own/line.out"
	exec 4<"$own/line.out"
	# The guest has &6, too, so that &4 ends with it and not before.
	setpriv --pdeathsig KILL "${machine[@]}" "${devices[@]}" -serial "file:$console" \
		-chardev "pipe,id=e,path=$own/line" -serial chardev:e \
		-append "$command_line img.job=$own" </dev/null >"$results/qemu$number" 2>&1 4<&- 5<&- &
	guest=$!
	exec 6<&-
}

# Waits until virtiofsd has made its socket.
wait_for_socket() {
	local until=$((SECONDS + 20))

	until [ -S "$own/socket" ]; do
		if ((SECONDS > until)) || ! kill -0 "$files" 2>/dev/null; then
			return 1
		fi
		read -rt 0.02 <> <(:) || true # a pause without a process
	done
}

# report NAME STATUS START: prints the result of that file.
report() {
	local name=$1 status=$2 start=$3 tap=$results/$1.tap p f s

	read -r p f s < <(tap_count "$tap" "$status")
	count "$name" "$p" "$f" "$s"
	[ -z "$live" ] || tap= # that was shown already
	tap_report "$name" "$status" "$start" "$p" "$f" "$s" "$tap" "$results/$name.err" >"$own/report"
	cat "$own/report" # at once, because other guests report at the same time
}

# Sets `name` to the next file that no guest has taken; fails if there is none.
take() {
	for name in "${names[@]}"; do
		if mkdir "$job/taken.$name" 2>/dev/null; then
			return
		fi
	done
	name=
	return 1
}

# run_guest NAME: boots a guest, and follows it through that file and others.
run_guest() {
	local name=$1 last='' left='' line='' start=$EPOCHREALTIME up='' why='' got=0
	local deadline=$((SECONDS + boot_limit))

	boot
	while [ "$line" != "done" ]; do
		IFS= read -r -t $((deadline > SECONDS ? deadline - SECONDS : 1)) line <&4 || got=$?
		if [ "$got" != 0 ]; then
			why="ended"
			((got <= 128)) || why="hung"
			break
		fi
		case $line in
		ready)
			up=yes
			[ -z "$live" ] || elapsed "guest up ($accel)" "$start"
			;;&
		ready | next)
			deadline=$((SECONDS + 60))
			[ -n "$name" ] || take || true
			echo "$name" >&5
			;;
		begin)
			start=$EPOCHREALTIME
			deadline=$((SECONDS + limit + 60))
			: >"$results/$name.tap"
			: >"$results/$name.err"
			;;
		tap\ *)
			line=${line#tap }
			[ -z "$live" ] || printf '%s\n' "$line"
			printf '%s\n' "$line" >>"$results/$name.tap"
			;;
		err\ *) printf '%s\n' "${line#err }" >>"$results/$name.err" ;;
		end\ *)
			report "$name" "${line##* }" "$start"
			last=$name
			name=
			deadline=$((SECONDS + 60))
			;;
		left\ *)
			count "$last" 0 1 0
			left=yes
			echo "FAIL  $last left: ${line#left }"
			;;
		esac
	done
	exec 4<&- 5<&-
	stop
	if [ -z "$up" ]; then
		cannot "it $why before it was up, $((boot_limit - deadline + SECONDS)) s after its start" \
			"$(cat "$results/qemu$number")"
	fi
	if [ "$line" != "done" ] && [ -z "$left" ]; then
		# That file is the cause; a new guest runs the others.
		name=${name:-$last}
		touch "$results/$name.tap"
		{
			echo "the guest $why; the last of its console:"
			tail -n 15 "$console" | tr -d '\r'
		} >>"$results/$name.err"
		report "$name" "the guest $why" "$start"
	fi
}

# work NUMBER: runs guests one after another, while there is something to run.
work() {
	local name number=$1 own=$job/$1 console=$results/console$1

	trap stop EXIT
	trap 'exit 143' TERM
	# That qemu was aborted is told once, by run_guest: the shell itself says nothing of a
	# child that ended by a signal which it traps.
	trap : ABRT BUS FPE ILL SEGV
	mkdir "$own"
	while take; do
		run_guest "$name"
	done
}

elapsed() {
	awk -v what="$1" -v start="$2" -v end="$EPOCHREALTIME" \
		'BEGIN { printf "      %s after %.1f s\n", what, end - start }'
}

[ "$(id -u)" = 0 ] || cannot "only root can share the files of this machine with it"
[ "$(uname -m)" = x86_64 ] || cannot "it is made for x86_64, not for $(uname -m)"
[ -x "${virtiofsd[0]}" ] || cannot "no ${virtiofsd[0]}: make test-deps"
kernel=$("$here/kernel.sh") || cannot "no kernel for it"
version=$(cat "$kernel/version")
make_initrd || cannot "no initramfs for it"
choose_accel

if [ -n "$shell" ]; then
	own=$job
	number=
	boot
	exit
fi
# The longest first: these, and then the largest files.
mapfile -t all < <(cd "$here" &&
	{ printf '%s.bats\n' kills manuals clean-lvm; ls -S -- *.bats; } | awk '!seen[$0]++')
names=()
for file in "${all[@]}"; do
	if [ $# = 0 ] || [[ " $* " == *" $file "* || " $* " == *" ${file%.bats} "* ]]; then
		names+=("$file")
	fi
done
live=
[ $# != 1 ] || [ ${#names[@]} != 1 ] || live=yes
guests=${GUESTS:-$(nproc)}
for ((n = 1; n <= guests && n <= ${#names[@]}; n++)); do
	work $n &
done
wait
finish
