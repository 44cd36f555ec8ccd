# shellcheck shell=bash
#
# Part of init.sh: makes the hosts a and b, and the links between them and `here`,
# where the tests run.  A host is three namespaces, held by the files that name them in
# $IMG_VM/HOST/spaces; $IMG_VM/HOST/sshd is the directory of its sshd.

declare -A address=([here]=10.90.0.1 [a]=10.90.0.2 [b]=10.90.0.3)

make_host() {
	local dir=$IMG_VM/$1 space

	mkdir -p "$dir"/{spaces,tmp,srv,etc,locks,lvm}
	chmod 1777 "$dir/tmp"
	mount --bind "$dir/spaces" "$dir/spaces"
	mount --make-private "$dir/spaces" # a file that holds a namespace must not be visible in it
	for space in net mnt uts; do
		: >"$dir/spaces/$space"
	done
	unshare --net="$dir/spaces/net" --mount="$dir/spaces/mnt" --uts="$dir/spaces/uts" \
		--propagation slave sh -ec "
			hostname $1
			mount --bind $dir/tmp /tmp
			mount --bind $dir/srv /srv
			mount --bind $dir/etc /etc/img-tools
			mount --bind $dir/lvm /etc/lvm
			mount --bind $dir/locks /run/lock/lvm
			mount -t sysfs sysfs /sys" || fail "no host $1"
	printf '%s\n' '#!/bin/sh' "exec nsenter --net=$dir/spaces/net --mount=$dir/spaces/mnt \\" \
		"	--uts=$dir/spaces/uts $(command -v sshd) \"\$@\"" >"$dir/sshd"
	chmod 755 "$dir/sshd"
	lvm_config "$1"
}

# LVM sees only the host's own disks, and nothing acts without the tests' knowledge.
lvm_config() {
	cat >"$IMG_VM/$1/lvm.conf" <<-CONFIG
		devices {
			global_filter = [ "a|^/dev/mapper/disk-$1-|", "r|.*|" ]
			use_devicesfile = 0
		}
		global {
			event_activation = 0
			use_lvmpolld = 0
		}
		activation {
			monitoring = 0
		}
	CONFIG
}

# in_net HOST COMMAND...: runs it in the host's network namespace.
in_net() {
	local space=/proc/1/ns/net

	[ "$1" = here ] || space=$IMG_VM/$1/spaces/net
	shift
	nsenter --net="$space" "$@"
}

# Each pair of hosts has a link of its own, so that it can be cut separately.
make_links() {
	local pair one two host

	for pair in 'here a' 'here b' 'a b'; do
		read -r one two <<<"$pair"
		in_net "$one" ip link add "to-$two" type veth \
			peer name "to-$one" netns "$IMG_VM/$two/spaces/net" || fail "no link $pair"
	done
	for host in here a b; do
		{
			echo "link set lo up"
			echo "address add ${address[$host]}/32 dev lo"
			for two in here a b; do
				[ "$two" != "$host" ] || continue
				echo "link set to-$two up"
				echo "route add ${address[$two]}/32 dev to-$two src ${address[$host]}"
			done
		} | in_net "$host" ip -batch - || fail "no addresses on $host"
	done
}

make_host a
make_host b
make_links
mkdir -p "$IMG_VM/here/lvm" "$IMG_VM/disks"
lvm_config here
mount --bind "$IMG_VM/here/lvm" /etc/lvm
