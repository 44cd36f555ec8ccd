#!/bin/sh
# The guest's first program, run by busybox in the initramfs: loads what is needed
# to access the host's files, and continues with tests/vm/init.sh on them.  Nothing
# that the guest writes reaches the host: it is kept in an overlay in memory.
#
# With img.probe in the kernel's command line it only reports that it runs.
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
read -r command_line </proc/cmdline
case $command_line in
*img.probe*)
	echo img-probe-alive >/dev/ttyS0
	reboot -f
	;;
esac
fail() {
	echo "initrd: $*"
	reboot -f
}
while read -r module; do
	insmod "/modules/$module" || fail "cannot load $module"
done </modules/order
mkdir -p /host /memory /root
mount -t virtiofs -o ro host /host || fail "no virtiofs"
mount -t tmpfs -o size=80%,mode=755 memory /memory || fail "no tmpfs"
mkdir /memory/upper /memory/work
mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work root /root ||
	fail "no overlay"
for place in proc sys dev; do
	mount --move /$place /root/$place || fail "no /$place"
done
job=${command_line##*img.job=}
job=${job%% *}
exec switch_root /root /bin/bash "$job/init.sh" "$job"
