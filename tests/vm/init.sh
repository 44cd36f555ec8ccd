#!/bin/bash
# The guest's process 1: sets up a machine with udev, runs bats files, and
# reports on the second serial line, with a line for each event:
#
#   ready               the guest is up, and reads there what to run: NAME, or nothing
#   begin               the file begins
#   tap LINE, err LINE  its output
#   end STATUS          it has ended
#   next                the guest reads what to run next
#   left WHAT           it left a process or a device: the guest is unusable, and stops
#   done                there was nothing more to run
#
# $1/job sets the variables top, build, modules, limit, shell and soak.
job=$1
top='' build='' modules='' limit='' shell='' soak=''
# shellcheck source=/dev/null
. "$job/job"
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=${TERM:-dumb}
umask 022

halt() {
	sync -f /run
	echo b >/proc/sysrq-trigger
	read -r <> <(:) # wait until it exists
}
trap halt EXIT

fail() {
	echo "init: $*"
	exit 1
}

# These may be below what is mounted over next, and their names may be anything.
version=$(uname -r)
mkdir -p /vm/{project,build} "/lib/modules/$version"
mount --bind "$top" /vm/project || fail "no $top"
mount --bind "$build" /vm/build || fail "no $build"
mount --bind "$modules/lib/modules/$version" "/lib/modules/$version" || fail "no modules"
mount -t tmpfs -o mode=755,size=1500M run /run
mount -t tmpfs -o mode=1777 tmp /tmp
mkdir -p /dev/pts /dev/shm /run/lock/lvm /run/sshd /run/img
mount -t devpts -o mode=620,gid=5 devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
for name in fd:fd stdin:fd/0 stdout:fd/1 stderr:fd/2; do
	ln -sf "/proc/self/${name#*:}" "/dev/${name%:*}"
done
hostname here
modprobe -a loop dm-mod || fail "no device-mapper"
# Nothing is activated without the tests' knowledge: this runs LVM whenever a disk was written.
mkdir -p /run/udev/rules.d
ln -s /dev/null /run/udev/rules.d/69-lvm.rules
/lib/systemd/systemd-udevd --daemon --resolve-names=never || fail "no udev"
udevadm trigger --action=add --subsystem-match=block
udevadm settle --timeout=60 || fail "udev does not settle"

cd /vm/project || fail "no project"
# Not in /tmp, because each host has its own.
export IMG_BUILD=/vm/build IMG_VM=/run/img TMPDIR=/run/bats LVM_SUPPRESS_FD_WARNINGS=1
export IMG_SOAK=$soak
mkdir -p "$TMPDIR"
# Hide a helper or a configuration that is installed on this machine.
mkdir -p /etc/img-tools
for place in /etc/img-tools {/usr,/usr/local}/libexec/img-tools; do
	[ ! -d "$place" ] || mount -t tmpfs -o mode=755 none "$place"
done
# shellcheck source=tests/vm/hosts.sh
. tests/vm/hosts.sh

if [ -n "$shell" ]; then
	echo "The project is here, the build in \$IMG_BUILD; try: bats tests/vm/rig.bats"
	setsid -c -w bash -i </dev/ttyS0 >/dev/ttyS0 2>&1
	exit
fi

# Prints the processes other than the kernel's threads, udev and this one.
running() {
	local pid

	for pid in $(awk '
		{
			name = $0
			gsub(/^[^(]*\(|\)[^)]*$/, "", name)
			sub(/^.*\) . /, "")
			split(FILENAME, path, "/")
			if (path[3] > 2 && $1 != 2 && name !~ /^(awk|sed|systemd-udevd|\(udev-worker\))$/ &&
					path[3] != self)
				print path[3]
		}' self="$BASHPID" /proc/[0-9]*/stat 2>/dev/null); do
		[ ! -e "/proc/$pid" ] || echo "process $(tr '\0' ' ' <"/proc/$pid/cmdline")"
	done
}

devices() {
	dmsetup info -c --noheadings -o name 2>/dev/null | grep -v '^No devices' | sed 's/^/volume /'
	losetup -nl -O NAME,BACK-FILE | sed 's/^/loop device /'
}

stty -F /dev/ttyS1 raw -echo
exec 5<>/dev/ttyS1
echo ready >&5
while read -r name <&5 && [ -n "$name" ]; do
	echo begin >&5
	mkdir -p "/run/bats/$name"
	mkfifo /run/img/tap
	sed -u 's/^/tap /' </run/img/tap >&5 &
	TMPDIR=/run/bats/$name timeout --kill-after=10 "$limit" bats --tap --timing "tests/vm/$name" \
		>/run/img/tap 2>/run/img/err 5>&- </dev/null
	status=$?
	running >/run/img/left
	[ -s /run/img/left ] || wait
	devices >>/run/img/left
	rm -rf /run/img/tap "/run/bats/$name"
	sed 's/^/err /' /run/img/err >&5
	echo "end $status" >&5
	if [ -s /run/img/left ]; then
		sed 's/^/left /' /run/img/left >&5
		exit
	fi
	echo next >&5
done
echo "done" >&5
