#!/usr/bin/env bats
#
# --libvirt with a real libvirtd, which sees only directories of its own, and a real guest: QEMU
# without hardware virtualisation, with a program that writes to the first disk.  What virsh says when
# something fails, which cannot be brought about here, is in commit-libvirt.bats and
# watch-events.bats.

load common
load standin
load boot
load disks

setup_file() {
	[ "$(id -u)" = 0 ] || skip 'needs root, for a libvirtd'
	img_setup_file
	PLACE=$BATS_FILE_TMPDIR/libvirt
	STANDIN=$BATS_FILE_TMPDIR/standin
	export PLACE STANDIN
	mkdir "$STANDIN"
	HOST_MOUNTS="$(standin_mounts "$STANDIN")
$(libvirt_mounts)"
	printf '#!/bin/sh\n[ "$1" = inside ] || exec unshare -m --propagation slave "$0" inside "$@"\nshift\n%s\nexec "$@"\n' \
		"$HOST_MOUNTS" >"$BATS_FILE_TMPDIR/here"
	chmod +x "$BATS_FILE_TMPDIR/here"
	share_mounts
	start_libvirtd
	start_host v
}

# Lines for $HOST_MOUNTS that hide the libvirt of this machine.
libvirt_mounts() {
	local at

	for at in /etc/libvirt /run/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt; do
		mkdir -p "$at" "$PLACE$at"
		echo "mount --bind $PLACE$at $at"
	done
	cat >"$PLACE/etc/libvirt/qemu.conf" <<-'END'
		stdio_handler = "file"
		user = "root"
		group = "root"
		security_driver = "none"
		namespaces = []
		cgroup_controllers = []
		dynamic_ownership = 0
		remember_owner = 0
	END
	printf 'auth_unix_rw = "none"\nauth_unix_ro = "none"\n' >"$PLACE/etc/libvirt/libvirtd.conf"
}

start_libvirtd() {
	"$BATS_FILE_TMPDIR/here" libvirtd -f /etc/libvirt/libvirtd.conf -p /run/libvirt/pid \
		>"$PLACE/said" 2>&1 3>&- &
	wait_until 60 "$BATS_FILE_TMPDIR/here" virsh -q -c qemu:///system list >/dev/null 2>&1 || {
		cat "$PLACE/said" >&2
		return 1
	}
}

teardown_file() {
	local pid

	[ -n "${PLACE:-}" ] || return 0
	pid=$(cat "$PLACE/run/libvirt/pid") && kill "$pid"
	wait_until 20 test ! -e "$PLACE/run/libvirt/pid"
	standin_remove "$STANDIN"
	img_teardown_file
}

setup() {
	img_setup
	disks_setup
	PID=
	DISKS=
	EVENTS=$PWD/events
	echo 1099511627776 >"$STANDIN/free"
	boot_sector
}

teardown() {
	[ -z "$PID" ] || kill "$PID" || true
	virsh destroy web 2>/dev/null || true
	disks_teardown
	standin_remove "$STANDIN"
}

# virsh WORD...: with our libvirtd.
virsh() {
	"$BATS_FILE_TMPDIR/here" virsh -q -c qemu:///system "$@"
}

# disk_of_guest TYPE SOURCE: the guest's next disk, of qcow2.
disk_of_guest() {
	local name=hda

	[ -z "$DISKS" ] || name=hdb
	DISKS+="<disk type='$1' device='disk'>
		<driver name='qemu' type='qcow2' cache='none' error_policy='enospace'/>
		<source ${1/block/dev}='$2'/><target dev='$name' bus='ide'/></disk>"
}

# guest_begins OPTION...: the guest "web" is started.
guest_begins() {
	cat >web.xml <<-END
		<domain type='qemu'>
			<name>web</name><memory unit='MiB'>16</memory>
			<os><type arch='x86_64' machine='pc'>hvm</type><boot dev='fd'/></os>
			<devices>
				<emulator>$(command -v qemu-system-x86_64)</emulator>
				<disk type='file' device='floppy'>
					<driver name='qemu' type='raw'/><source file='$PWD/boot'/><target dev='fda'/>
				</disk>
				$DISKS
				<controller type='usb' model='none'/><memballoon model='none'/>
			</devices>
		</domain>
	END
	virsh create web.xml "$@" >&2
}

volume() {
	mkdir -p "/dev/$(standin_group "$STANDIN")"
	LOOP=$(standin_make "$STANDIN" "$1" "$2")
	VOLUME=$(standin_path "$STANDIN" "$1")
	qemu-img create -q -f qcow2 "$LOOP" "$3"
}

# chain NAME...: layers in the current directory, each on the one before, with data of its own.  What
# the guest sees of the last one is in the file view.
chain() {
	local name below='' n=0

	for name; do
		qemu-img create -q -f qcow2 ${below:+-b "$PWD/$below" -F qcow2} "$name" 16M
		qemu-io -f qcow2 -c "write -P $((++n)) ${n}M 2M" "$name" >/dev/null
		below=$name
	done
	qemu-img convert -O raw "$below" view
}

# shows IMAGE: it shows what was in the chain.
shows() {
	qemu-img compare -q -U -f raw -F qcow2 view "$1" >&2
}

# guest_has DISK SOURCE
guest_has() {
	virsh domblklist web >listed
	grep -Eqx " *$1 +$2" listed
}

@test "libvirt: the numbers of a guest's layers" {
	local end

	volume img 16M 64M
	disk_of_guest block "$LOOP"
	chain base mid top
	disk_of_guest file "$PWD/top"
	guest_begins
	# The guest writes until its volume is full.
	wait_until 180 paused_for_space
	end=$(virsh domblkinfo web hda | awk '$1 == "Allocation:" { print $2 }')
	[ "$end" -gt $((15 << 20)) ]
	succeeds img-info --json --chain --libvirt web "v:$VOLUME"
	json ".live and .allocation == $end and .physical == 16777216"
	succeeds img-info --chain --libvirt web "v:$PWD/top"
	[ "$(grep -c 'in use, live' "$OUT")" = 3 ]
	refuses 3 "v:$PWD/top" img-info --chain --libvirt other "v:$PWD/top"
	says "guest 'other': virsh: failed to get domain 'other'"
}

paused_for_space() {
	[ "$(virsh domstate --reason web)" = 'paused (I/O error)' ]
}

# watching WORD...: starts img-watch.
watching() {
	env --default-signal=INT,TERM,HUP img-watch -F "$SSH_CONFIG" --json --libvirt web "$@" \
		>"$EVENTS" 2>"$PWD/notes" 3>&- &
	PID=$!
}

# has_event FILTER: jq's FILTER is true for an event, now or soon.
has_event() {
	wait_until "${2:-180}" an_event "$1" || {
		cat "$EVENTS" notes >&2
		return 1
	}
}

an_event() {
	jq -es "any(.[]; $1)" "$EVENTS" >/dev/null
}

stops() {
	kill -TERM "$PID"
	status=0
	wait "$PID" || status=$?
	PID=
	[ "$status" = 143 ]
}

@test "libvirt: img-watch extends the volume of a guest that writes, in time" {
	volume img 32M 256M
	disk_of_guest block "$LOOP"
	guest_begins --paused
	watching --extend 32M --reserve 24M --max 96M "v:$VOLUME"
	has_event '.event == "armed" and .armed'
	virsh resume web
	has_event '.event == "extended" and .physical == 67108864'
	has_event '.event == "alarm" and .reason == "max" and .physical == 100663296'
	# Only the end of what --max allows has stopped it.
	wait_until 180 paused_for_space
	run ! an_event '.event == "resumed"'
	stops
}

@test "libvirt: img-watch lets a guest go on that was paused for space" {
	volume img 16M 256M
	disk_of_guest block "$LOOP"
	guest_begins
	wait_until 180 paused_for_space
	watching --extend 16M --reserve 12M --max 48M "v:$VOLUME"
	has_event '.event == "extended"'
	has_event '.event == "resumed"'
	has_event '.event == "alarm" and .reason == "max"'
	wait_until 180 paused_for_space
	stops
}

@test "libvirt: img-commit of a lower layer of a running guest, and of the uppermost" {
	chain base mid top
	volume img 16M 64M
	disk_of_guest block "$LOOP"
	disk_of_guest file "$PWD/top"
	guest_begins --paused
	refuses 4 "v:$PWD/mid" img-commit --libvirt web "v:$PWD/mid"
	says 'name the uppermost'
	guest_has hdb "$PWD/top"
	succeeds img-commit --json --libvirt web --top 1 --delete "v:$PWD/top"
	json ".deleted == [\"$PWD/mid\"]"
	guest_has hdb "$PWD/top"
	[ ! -e mid ]
	[ "$(qemu-img info -U --output=json top | jq -r '."backing-filename"')" = "$PWD/base" ]
	shows top
	succeeds img-commit --json --libvirt web "v:$PWD/top"
	json '.child == null'
	guest_has hdb "$PWD/base"
	shows base
	[ -z "$(marks)" ]
	qemu-img check -q -U base
}

@test "libvirt: img-snap pauses the guest, and it goes on" {
	local lines

	disk 320M xfs -m reflink=1
	chain m/x
	mv view m/view
	disk_of_guest file "$PWD/m/x"
	guest_begins
	virsh event web --event lifecycle --loop >told 3>&- &
	wait_until 20 virsh_listens
	lines=$(wc -l <told)
	try img-snap --libvirt web "v:$PWD/m/x"
	[ "$status" = 0 ]
	grep -Eq '^img-snap: v: the guest was paused for' "$ERR"
	wait_until 20 has_resumed "$lines"
	[ "$(tail -n +$((lines + 1)) told | grep -Eo 'Suspended|Resumed' | tr '\n' ' ')" = \
		'Suspended Resumed ' ]
	[ "$(virsh domstate web)" = running ]
	qemu-img check -q m/x-snap-*
	virsh destroy web
}

# Whether something has resumed the guest since `told` had so many lines.
has_resumed() {
	tail -n +$(($1 + 1)) told | grep -q Resumed
}

# Whether virsh, which does not say when it begins to listen, tells of what is done now.
virsh_listens() {
	virsh suspend web >/dev/null
	virsh resume web >/dev/null
	wait_until 2 grep -q Resumed told
}
