# shellcheck shell=bash
#
# Private SSH servers on loopback, as root or as an ordinary user.
#
#   sshd_start NAME [LINE...]   starts one; each LINE goes into its sshd_config, before our lines
#   sshd_stop [NAME...]         ends it (all without NAME) with every process it started
#   sshd_drop NAME              kills its connections; it keeps listening
#   sshd_port NAME              prints its port
#   sshd_wait_idle NAME         waits until it has no connection left
#   sshd_logins NAME            prints how many logins it has seen, when it is idle
#
# Everything is in $SSHD_DIR, a directory of the test file (if started in
# setup_file) or of the test (started in setup).  $SSH_CONFIG is an ssh_config
# with a Host for each NAME: `ssh -F "$SSH_CONFIG" a` logs in.  Each server has a
# host key of its own in $SSHD_DIR/known_hosts; all of them accept $SSHD_DIR/user_key.
# HOME is an empty $SSHD_DIR/NAME/home, so that no login scripts of the user run or
# are killed; a command nevertheless starts in the user's own home.  Call
# sshd_stop in teardown or teardown_file.

[ -n "${sshd_program:-}" ] || sshd_program=$(PATH=$PATH:/usr/sbin:/sbin command -v sshd)
export sshd_program # so that each test need not look for it

sshd_start() {
	local name=$1 dir port tries
	shift

	if [ -z "${SSHD_DIR:-}" ]; then
		SSHD_DIR=$(mktemp -d "${BATS_TEST_TMPDIR:-${BATS_FILE_TMPDIR:-/tmp}}/sshd.XXXXXX")
		SSH_CONFIG=$SSHD_DIR/config
		export SSHD_DIR SSH_CONFIG
		ssh-keygen -q -t ed25519 -N '' -C user_key -f "$SSHD_DIR/user_key"
	fi
	if [ "$(id -u)" = 0 ]; then
		mkdir -p /run/sshd # required by sshd when it runs as root
	fi
	if [ -z "${SSHD_PENALTIES+known}" ]; then
		export SSHD_PENALTIES
		SSHD_PENALTIES=$(sshd_penalties)
	fi
	dir=$SSHD_DIR/$name
	mkdir "$dir" "$dir/home"
	ssh-keygen -q -t ed25519 -N '' -C "host $name" -f "$dir/host_key"
	cp "$SSHD_DIR/user_key.pub" "$dir/authorized_keys"
	for tries in {1..50}; do
		port=$((20000 + RANDOM % 12000))
		sshd_write_config "$dir" "$port" "$@"
		if sshd_launch "$dir"; then
			break
		fi
		if [ "$tries" = 50 ] || ! grep -q 'Address already in use' "$dir/log"; then
			cat "$dir/log" >&2
			return 1
		fi
	done
	printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 "$dir/host_key.pub")" \
		>>"$SSHD_DIR/known_hosts"
	printf '%s\n' "Host $name" "	HostName 127.0.0.1" "	Port $port" "	User $(id -un)" \
		"	IdentityFile $SSHD_DIR/user_key" "	IdentitiesOnly yes" "	IdentityAgent none" \
		"	UserKnownHostsFile $SSHD_DIR/known_hosts" \
		"	GlobalKnownHostsFile /dev/null" >>"$SSH_CONFIG"
	echo "$port" >"$dir/port"
}

# Since 9.8, sshd refuses a client for some time after it failed to log in, and many tests
# fail to.  Prints the line that turns this off, if sshd knows it.
sshd_penalties() {
	local line="PerSourcePenalties no" program

	program=$(PATH=$PATH:/usr/sbin:/sbin command -v sshd)
	case $("$program" -t -f /dev/null -o "$line" 2>&1) in
	*"Bad configuration option"*) ;;
	*) echo "$line" ;;
	esac
}

sshd_write_config() {
	local dir=$1 port=$2
	shift 2

	printf '%s\n' "$@" "Port $port" "ListenAddress 127.0.0.1" "HostKey $dir/host_key" \
		"PidFile $dir/pid" "AuthorizedKeysFile $dir/authorized_keys" "StrictModes no" \
		"UsePAM no" "MaxStartups 100" "PermitRootLogin yes" "PasswordAuthentication no" \
		"KbdInteractiveAuthentication no" "LogLevel VERBOSE" \
		"SetEnv HOME=$dir/home" "$SSHD_PENALTIES" >"$dir/sshd_config"
}

# Starts the server and waits until it listens, which is when it writes its pid.
sshd_launch() {
	local dir=$1 pid

	rm -f "$dir/pid"
	"$sshd_program" -D -f "$dir/sshd_config" -E "$dir/log" </dev/null >/dev/null 2>&1 3>&- &
	pid=$!
	until [ -s "$dir/pid" ]; do
		if ! kill -0 "$pid" 2>/dev/null; then
			wait "$pid"
			return 1
		fi
		read -rt 0.01 <> <(:) || true # a pause without a process
	done
	disown "$pid"
}

sshd_port() {
	cat "$SSHD_DIR/$1/port"
}

# Prints the processes below the given one, children after their parents.
# (One awk, because bats makes each command of a shell loop slow.)
sshd_below() {
	cat /proc/[0-9]*/stat 2>/dev/null | awk -v root="$1" '
		{
			pid = $1
			sub(/^.*\) . /, "") # the name may contain anything
			below[$1] = below[$1] " " pid
		}
		END {
			n = split(below[root], queue)
			for (i = 1; i <= n; i++) {
				print queue[i]
				m = split(below[queue[i]], more)
				for (k = 1; k <= m; k++)
					queue[++n] = more[k]
			}
		}'
}

sshd_kill() {
	local pid

	for pid; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	for pid; do
		while [ -e "/proc/$pid" ] && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; do
			read -rt 0.01 <> <(:) || true
		done
	done
}

sshd_drop() {
	local pids

	mapfile -t pids < <(sshd_below "$(cat "$SSHD_DIR/$1/pid")")
	sshd_kill "${pids[@]}"
}

sshd_wait_idle() {
	local pid tries

	pid=$(cat "$SSHD_DIR/$1/pid")
	for ((tries = 0; tries < 200; tries++)); do
		[ -n "$(sshd_below "$pid")" ] || return 0
		read -rt 0.05 <> <(:) || true
	done
	echo "sshd $1 still has $(sshd_below "$pid" | tr '\n' ' ')" >&2
	return 1
}

sshd_logins() {
	sshd_wait_idle "$1"
	grep -c 'Accepted publickey' "$SSHD_DIR/$1/log" || true
}

sshd_stop() {
	local name pid pids

	[ -n "${SSHD_DIR:-}" ] || return 0
	if [ $# = 0 ]; then
		for name in "$SSHD_DIR"/*/pid; do
			[ -e "$name" ] && sshd_stop "$(basename "$(dirname "$name")")"
		done
		return 0
	fi
	for name; do
		pid=$(cat "$SSHD_DIR/$name/pid") || continue
		mapfile -t pids < <(sshd_below "$pid")
		sshd_kill "$pid" "${pids[@]}"
		rm -f "$SSHD_DIR/$name/pid"
	done
}
