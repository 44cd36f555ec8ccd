#!/bin/bash
# Demonstrates the main operation on this machine: tests/demo.sh [BUILD]
#
# Installs what is missing, builds, starts a private sshd on loopback as the
# remote host, makes an image with a filesystem, copies it there as a compressed
# archive, shows it there, copies it back and checks that it is the same.
# Everything is in one directory, which is removed at the end, with all that was started.
set -eu -o pipefail
exec 2>&1
cd "$(dirname "$0")/.."
build=${1:-build}
tests/deps.sh demo
echo "building in $build"
make -s -j"$(nproc)" B="$build"
build=$(cd "$build" && pwd)
PATH=$build/bin:$PATH:/usr/sbin:/sbin

work=$(mktemp -d "${TMPDIR:-/var/tmp}/img-demo.XXXXXX")
export BATS_TEST_TMPDIR=$work # sshd.bash puts its directory there
# shellcheck source=tests/bats/sshd.bash
. tests/bats/sshd.bash
leave() {
	sshd_stop
	rm -rf "$work"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

say() {
	printf '\n# %s\n' "$*"
}
run() {
	printf '$ %s\n' "$*"
	"$@"
}

mkdir "$work/here" "$work/there" "$work/files"
cd "$work/here" # so that short names can be printed
# The login on the remote host has a home of its own, so that nothing is written to yours.
sshd_start there "SetEnv HOME=$work/there"

say "An image of 1 GiB with an ext4 filesystem: programs, headers, random bytes, and much that is free."
cp -r /usr/include /usr/lib/gcc "$work/files/"
head -c 40M /dev/urandom >"$work/files/random"
img-create --sparse vm.img 1g
mke2fs -q -t ext4 -L demo -d "$work/files" vm.img
run img-info vm.img

say "To the other host, as a compressed archive."
run img-copy -F "$SSH_CONFIG" --progress=always --archive vm.img \
	"there:$work/there/vm.img.lzo"

say "What is there now, asked from here; and what stock lzop says of it."
run img-info -F "$SSH_CONFIG" "there:$work/there/vm.img.lzo"
run lzop -t "$work/there/vm.img.lzo"
run lzop -l "$work/there/vm.img.lzo"

say "Back again, unpacked on the way."
run img-copy -F "$SSH_CONFIG" --progress=always --sparse "there:$work/there/vm.img.lzo" \
	back.img

say "Is it the same?"
run cmp vm.img back.img
run sha256sum vm.img back.img
lzop -dc "$work/there/vm.img.lzo" | cmp - vm.img
run e2fsck -fn back.img

say "Away with the archive."
run img-delete -F "$SSH_CONFIG" "there:$work/there/vm.img.lzo"
[ ! -e "$work/there/vm.img.lzo" ]

sshd_stop
say "Done: the copy that came back is the same, and nothing is left running."
