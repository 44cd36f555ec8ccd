# shellcheck shell=bash
#
# QEMU without a virtual machine: qemu-storage-daemon with its monitor, and qemu-io as the guest.

DAEMON=

# daemon COMMAND...: runs qemu-storage-daemon, by COMMAND, with its monitor on the socket "qmp", a
# second one on $MONITOR, and the options in $NODES; its node "top" is exported on "nbd".
daemon() {
	[ -p monitor ] || mkfifo monitor
	exec {MONITOR}<>monitor
	"$@" qemu-storage-daemon --chardev "socket,path=qmp,server=on,wait=off,id=q" \
		--pidfile pid --monitor chardev=q --chardev stdio,id=s --monitor chardev=s "${NODES[@]}" \
		--nbd-server addr.type=unix,addr.path=nbd \
		--export nbd,id=e,node-name=top,name=x,writable=on <monitor >answers 3>&- &
	DAEMON=$!
	wait_until 20 test -S nbd
	monitor '{"execute": "qmp_capabilities"}'
	wait_until 20 grep -q '"return": {}' answers
}

# On the second monitor, whatever holds the first.
monitor() {
	echo "$1" >&"$MONITOR"
}

stop_daemon() {
	[ -n "$DAEMON" ] || return 0
	as_root kill "$(cat pid)" || true # it is not our child if it runs as another user
	wait "$DAEMON" || true
	exec {MONITOR}>&-
	DAEMON=
}

# guest: a program that has the exported disk open, on $GUEST.  It flushes nothing before it ends.
guest() {
	mkfifo guest
	exec {GUEST}<>guest
	qemu-io -t writeback -f raw 'nbd+unix:///x?socket=nbd' <guest >did 2>&1 3>&- &
	GUEST_PID=$!
}

# guest_writes MIB: the guest writes this MiB of its disk.
guest_writes() {
	echo "write ${1}M 1M" >&"$GUEST"
	wait_until 20 grep -q "at offset $(($1 << 20))\$" did
}

guest_ends() {
	echo quit >&"$GUEST"
	wait "$GUEST_PID"
	exec {GUEST}>&-
}
