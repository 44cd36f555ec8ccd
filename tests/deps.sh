#!/bin/sh
# Installs the Debian packages that building needs; with "test" also those that the
# demo, lint and the tests need; with "bench" also those of the benchmark and the
# programs that it compares with.  Does nothing, and asks nothing, if all are installed.
set -eu

build='gcc libc6-dev make pkg-config libblkid-dev libdeflate-dev libjansson-dev liblzo2-dev
libpopt-dev libssh-dev libxml2-dev libxxhash-dev libzstd-dev'
demo='openssh-client openssh-server lzop e2fsprogs'
test='acl attr bats bindfs btrfs-progs busybox clang-19 clang-format-19
cppcheck csh dash dosfstools e2fsprogs exfat-fuse exfatprogs fdisk file fish fuse2fs gdisk git jq
krb5-admin-server krb5-kdc krb5-user libclang-rt-19-dev libvirt-clients libvirt-daemon
libvirt-daemon-driver-qemu libvirt-daemon-system libxml2-utils lzop mandoc openssh-tests procps
qemu-utils shellcheck softhsm2 squashfs-tools sshfs strace sudo util-linux util-linux-extra valgrind
xfsprogs xxhash zsh'
vm='btrfs-progs busybox cpio dmsetup iproute2 kmod lvm2 qemu-system-x86 thin-provisioning-tools
udev'
# Debian 12 has virtiofsd and qemu-storage-daemon in qemu-system-common, later ones in virtiofsd
# and qemu-utils.
if [ "$(. /etc/os-release && echo "${VERSION_ID:-}")" = 12 ]; then
	test="$test qemu-system-common"
else
	vm="$vm virtiofsd"
fi
bench='libnbd-bin nbdkit qemu-utils rsync tar util-linux xfsprogs zstd'

case ${1:-} in
'') wanted=$build ;;
demo) wanted="$build $demo" ;;
test) wanted="$build $demo $test $vm" ;;
bench) wanted="$build $demo $bench" ;;
*)
	echo "usage: ${0##*/} [demo|test|bench]" >&2
	exit 2
	;;
esac

missing=
for package in $wanted; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=
	[ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

log=$(mktemp)
policy=/usr/sbin/policy-rc.d
own_policy=
leave() {
	[ -z "$own_policy" ] || as_root rm -f "$policy"
	rm -f "$log"
}
trap leave EXIT
trap 'exit 1' INT TERM HUP

apt_get() {
	if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" </dev/null >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		exit 1
	fi
}

echo "installing:$missing"
# The tests start their own sshd; that of the package must not listen on port 22.
if [ ! -e "$policy" ]; then
	own_policy=yes
	printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
	as_root chmod 755 "$policy"
fi
apt_get update
# shellcheck disable=SC2086 # a list of names
apt_get install --no-install-recommends $missing
case $missing in
*openssh-server*)
	[ ! -d /run/systemd/system ] || as_root systemctl --quiet disable ssh.service
	;;
esac
