#!/bin/bash
# Gets the guest's kernel: prints the directory with the kernel, which is kept in
# ${XDG_CACHE_HOME:-~/.cache}/img-tools-vm and made once.  It contains
#
#   vmlinuz               Debian's cloud kernel
#   version               what uname -r says in the guest
#   lib/modules/VERSION   its modules
#
# Nothing is installed.  Remove the directory to get a newer kernel.
set -eu

cache=${XDG_CACHE_HOME:-$HOME/.cache}/img-tools-vm
kernel=$cache/kernel
if [ -e "$kernel/version" ]; then
	echo "$kernel"
	exit 0
fi
mkdir -p "$cache"
new=$(mktemp -d "$cache/new.XXXXXX")
trap 'rm -rf "$new"' EXIT
trap 'exit 1' INT TERM HUP

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

# Prints the package that has the newest version of that kernel now.
newest() {
	apt-cache depends linux-image-cloud-amd64 2>/dev/null |
		awk '$1 == "Depends:" && /-cloud-/ { print $2; exit }'
}

# apt-get complains if its own user cannot write there.
download() {
	local package

	package=$(newest)
	[ -n "$package" ] &&
		(cd "$new" && apt-get -q -o APT::Sandbox::User=root download "$package") >"$new/log" 2>&1
}

# The lists may be missing, or so old that the packages that they name are gone.
if ! download && ! { as_root apt-get -q update >"$new/log" 2>&1 && download; }; then
	echo "cannot get the package that linux-image-cloud-amd64 stands for:" >&2
	cat "$new/log" >&2
	exit 1
fi
dpkg -x "$new"/*.deb "$new/files"
modules=$new/files/lib/modules
[ -d "$modules" ] || modules=$new/files/usr/lib/modules # since Debian 13
version=$(basename "$modules"/*)
mkdir -p "$new/kernel/lib"
mv "$new/files/boot/vmlinuz-$version" "$new/kernel/vmlinuz"
mv "$modules" "$new/kernel/lib/modules"
depmod -b "$new/kernel" "$version"
echo "$version" >"$new/kernel/version"
chmod 755 "$new/kernel"
# Another process may have made it meanwhile.
mv -T "$new/kernel" "$kernel" 2>/dev/null || [ -e "$kernel/version" ]
echo "$kernel"
